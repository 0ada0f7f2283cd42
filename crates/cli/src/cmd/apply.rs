//! `latchkey apply`: makes a service what files say.

use super::block_on;
use super::plan::{self, FilesArgs};
use crate::admin::{Admin, AdminArgs};
use crate::consent::Sure;
use crate::declared::perform::Site;
use crate::error::Failure;
use clap::Args as Arguments;

/// Arguments of `apply`.
#[derive(Debug, Arguments)]
#[command(after_help = "Examples:
  latchkey apply acme.toml
  latchkey apply acme.toml --prune --yes
  latchkey apply acme.toml --delete-user bob --yes

It shows the plan, asks on a terminal, and makes the changes in an order in which each finds what it needs. When one
fails, those before it stay made: mend the cause and apply again. New users have no password and new clients no secret:
`latchkey user password` and `latchkey client add-secret` give them one.")]
pub struct ApplyArgs {
    /// The files, and what goes.
    #[command(flatten)]
    pub files: FilesArgs,
    /// Whether to ask.
    #[command(flatten)]
    pub sure: Sure,
    /// Who asks.
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// Makes the changes.
pub fn run(args: &ApplyArgs) -> Result<(), Failure> {
    block_on(async {
        let admin = Admin::of(&args.admin.account)?;
        let (plan, actual, declared) = plan::survey(&admin, &args.files).await?;
        plan::show(&plan, args.admin.format);
        let changes: Vec<_> = plan.to_make().collect();
        if changes.is_empty() {
            return Ok(());
        }
        args.sure.of("make these changes")?;
        Site::new(&admin, &actual, &declared).make(&changes).await
    })
}
