//! `latchkey export`: what a service has, as a file that `latchkey apply` reads.

use super::block_on;
use crate::account::AccountArgs;
use crate::admin::Admin;
use crate::declared::actual::{self, Want};
use crate::declared::{Kind, Path, State, export};
use crate::error::Failure;
use crate::print;
use clap::Args as Arguments;
use std::io;

/// Arguments of `export`.
#[derive(Debug, Arguments)]
#[command(after_help = "Examples:
  latchkey export > acme.toml
  latchkey export --org 'Acme East' --users > east.toml

The same state is always the same bytes. No password, no hash and no secret of a client is in it.")]
pub struct ExportArgs {
    /// Only this org and those below it, by id or name
    #[arg(long, value_name = "ORG")]
    pub org: Option<String>,
    /// Users, too
    #[arg(long)]
    pub users: bool,
    /// Who asks.
    #[command(flatten)]
    pub account: AccountArgs,
}

/// Prints the file.
pub fn run(args: &ExportArgs) -> Result<(), Failure> {
    block_on(async {
        let admin = Admin::of(&args.account)?;
        let top = match &args.org {
            Some(word) => Some(found(&admin, word).await?),
            None => None,
        };
        let is_within = |path: &Path| top.as_ref().is_none_or(|top| path.0.starts_with(&top.0));
        let mut state =
            actual::read(
                &admin,
                |path| if is_within(path) { everything(args.users) } else { Want::default() },
            )
            .await?;
        state.retain(|path, _| is_within(path));
        say_what_is_missing(&state);
        let text = export::file(&state)?;
        print::line(text.trim_end_matches('\n'));
        Ok(())
    })
}

/// Where the org is that somebody names.
async fn found(admin: &Admin, word: &str) -> Result<Path, Failure> {
    let id = admin.named_org(word).await?;
    let orgs = actual::read(admin, |_| Want::default()).await?;
    let path = orgs.into_iter().find(|(_, org)| org.id == id).map(|(path, _)| path);
    path.ok_or_else(|| Failure::refused(io::Error::other(format!("there is no org {word}"))))
}

fn everything(users: bool) -> Want {
    let kinds = Kind::ALL.into_iter().filter(|kind| users || *kind != Kind::User).collect();
    Want { kinds, users: None, policy: true, peopled: false }
}

fn say_what_is_missing(state: &State) {
    for (path, org) in state {
        for (key, why) in &org.untold {
            print::note(&format!("{path}: {key} is not in the export: {why}"));
        }
    }
}
