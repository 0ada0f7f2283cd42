//! `latchkey drift`: whether a service is what files say.

use super::block_on;
use super::plan::{self, FilesArgs};
use crate::admin::{Admin, AdminArgs};
use crate::error::Failure;
use crate::table::Format;
use clap::Args as Arguments;
use std::io;
use std::path::PathBuf;

/// Arguments of `drift`.
#[derive(Debug, Arguments)]
#[command(after_help = "Examples:
  latchkey drift acme.toml
  latchkey drift acme.toml --format json || notify

The exit code is 0 when the service is what the files say, 1 when it differs, and another when that could not be found
out. What the files do not name counts as well, but for users, and for kinds of record that they do not name at all.")]
pub struct DriftArgs {
    /// Files in TOML, as `latchkey export` writes them
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Who asks.
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// Compares.
pub fn run(args: &DriftArgs) -> Result<(), Failure> {
    block_on(async {
        let admin = Admin::of(&args.admin.account)?;
        let files = FilesArgs { files: args.files.clone(), prune: false, delete_user: Vec::new() };
        // A drift is exit code 1, so nothing else is.
        let surveyed = plan::survey(&admin, &files).await;
        let (plan, ..) = surveyed.map_err(Failure::not_found_out)?;
        match plan.changes.len() {
            0 => {
                if args.admin.format == Format::Json {
                    plan::show(&plan, Format::Json);
                }
                Ok(())
            }
            many => {
                plan::show(&plan, args.admin.format);
                let what = format!(
                    "the service differs from the files in {many} {}",
                    if many == 1 { "place" } else { "places" }
                );
                Err(Failure::refused(io::Error::other(what)).hint("`latchkey apply` makes it what they say"))
            }
        }
    })
}
