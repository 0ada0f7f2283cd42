//! `latchkey session`: prints the id of a session that is good for some minutes at least; lists and ends sessions.

mod roster;

use super::token::OutputArgs;
use crate::account::{Account, AccountArgs};
use crate::error::Failure;
use crate::hold::{self, Wanted, What};
use crate::shape;
use clap::{Args as Arguments, Subcommand};
use roster::{EndArgs, ListArgs};

/// Arguments of `session`.
#[derive(Debug, Arguments)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "Examples:
  latchkey session
  latchkey session --format curl | curl -K - https://usw1.dm-us.informaticacloud.com/saas/api/v2/task
  latchkey session --profile prod --format json
  latchkey session list

One session is good in every session header: icSessionId (v2), INFA-SESSION-ID (v3) and IDS-SESSION-ID (others).
It comes from the cache without asking the login host, so one that was ended elsewhere is printed all the same:
`latchkey login` opens another.")]
pub struct SessionArgs {
    /// What to do with sessions instead.
    #[command(subcommand)]
    pub command: Option<SessionCommand>,
    /// Whose session it is.
    #[command(flatten)]
    pub account: AccountArgs,
    /// How it is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Subcommands of `session`.
#[derive(Debug, Subcommand)]
pub enum SessionCommand {
    /// List one's own sessions, or those of an org, the last used first; never their ids
    #[command(after_help = "Examples:
  latchkey session list
  latchkey session list --all --login etl.robot
  latchkey session list --org 'Acme East' --format json")]
    List(ListArgs),
    /// End a session by its handle, every session of a user, or every session of an org
    #[command(after_help = "Examples:
  latchkey session end 2Vw9fJkLmNoPqRsTuVwXyZ
  latchkey session end --login etl.robot --yes
  latchkey session end --org 'Acme East' --yes")]
    End(EndArgs),
}

/// Prints a session id, or does what the subcommand says.
pub fn run(args: SessionArgs) -> Result<(), Failure> {
    match args.command {
        Some(SessionCommand::List(args)) => return roster::list(&args),
        Some(SessionCommand::End(args)) => return roster::end(&args),
        None => {}
    }
    let account = Account::choose(&args.account)?;
    let wanted = Wanted::of(&account, What::Session, args.output.min_minutes);
    match hold::obtain(&account, &wanted)?.session {
        Some(session) => shape::print_session(&session, &account, args.output.format),
        None => Err(crate::explain::sign_in(client::SignInError::NoSession, account.login.as_str())),
    }
}
