//! `latchkey session`: prints the id of a session that is good for some minutes at least.

use super::token::OutputArgs;
use crate::account::{Account, AccountArgs};
use crate::error::Failure;
use crate::hold::{self, Wanted, What};
use crate::shape;
use clap::Args as Arguments;

/// Arguments of `session`.
#[derive(Debug, Arguments)]
#[command(after_help = "Examples:
  latchkey session
  latchkey session --format curl | curl -K - https://usw1.dm-us.informaticacloud.com/saas/api/v2/task
  latchkey session --profile prod --format json

One session is good in every session header: icSessionId (v2), INFA-SESSION-ID (v3) and IDS-SESSION-ID (others).
It comes from the cache without asking the login host, so one that was ended elsewhere is printed all the same:
`latchkey login` opens another.")]
pub struct SessionArgs {
    /// Whose session it is.
    #[command(flatten)]
    pub account: AccountArgs,
    /// How it is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Prints a session id.
pub fn run(args: SessionArgs) -> Result<(), Failure> {
    let account = Account::choose(&args.account)?;
    let wanted = Wanted::of(&account, What::Session, args.output.min_minutes);
    match hold::obtain(&account, &wanted)?.session {
        Some(session) => shape::print_session(&session, &account, args.output.format),
        None => Err(crate::explain::sign_in(client::SignInError::NoSession, account.login.as_str())),
    }
}
