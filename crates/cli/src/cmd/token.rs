//! `latchkey token`: prints a token that is good for some minutes at least.

use crate::account::{Account, AccountArgs};
use crate::error::Failure;
use crate::hold::{self, Held, Wanted, What};
use crate::shape::{self, Format};
use clap::Args as Arguments;

/// Arguments of `token`.
#[derive(Debug, Arguments)]
#[command(after_help = "Examples:
  latchkey token
  curl -H \"Authorization: Bearer $(latchkey token)\" https://…
  latchkey token --format curl | curl -K - https://idmc-api.dm-us.informaticacloud.com/data360/search/v1/assets
  latchkey token --profile prod --min-minutes 20 --format json
  latchkey token --format env >> \"$GITHUB_ENV\"

It comes from the cache while it is good for long enough; else it is minted, and the password is asked for where the
account says: LATCHKEY_PASSWORD, a password command, or the one that was remembered.
With --format curl nothing secret is among the arguments of curl, which everybody on the machine may read.")]
pub struct TokenArgs {
    /// Whose token it is.
    #[command(flatten)]
    pub account: AccountArgs,
    /// How it is printed.
    #[command(flatten)]
    pub output: OutputArgs,
    /// The client that the token is for
    #[arg(long, value_name = "ID", default_value = client::CLIENT_ID)]
    pub client_id: String,
}

/// How long a credential must last, and how it is printed.
#[derive(Debug, Arguments)]
pub struct OutputArgs {
    /// Good for at least this long
    #[arg(long, value_name = "MINUTES", default_value_t = 5, value_parser = clap::value_parser!(u32).range(0..=1440))]
    pub min_minutes: u32,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Raw)]
    pub format: Format,
}

/// Prints a token.
pub fn run(args: TokenArgs) -> Result<(), Failure> {
    let account = Account::choose(&args.account)?;
    let mut wanted = Wanted::of(&account, What::Token, args.output.min_minutes);
    if account.oauth_client().is_none() {
        wanted.client_id = args.client_id;
    }
    let Held { session, token } = hold::obtain(&account, &wanted)?;
    match token {
        Some(token) => shape::print_token(&token, session.as_ref(), &account, args.output.format),
        None => Ok(()),
    }
}
