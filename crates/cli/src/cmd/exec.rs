//! `latchkey exec`: runs a program with a session, a token and the address of a proxy in its environment.

use super::block_on;
use super::proxy::{self, Proxy, Settings};
use crate::account::{Account, AccountArgs};
use crate::child::Program;
use crate::error::Failure;
use crate::hold::{self, Held, Wanted, What};
use crate::shape;
use clap::Args as Arguments;
use std::ffi::OsString;
use std::future::pending;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;

/// Arguments of `exec`.
#[derive(Debug, Arguments)]
#[command(after_help = "Examples:
  latchkey exec -- python job.py
  latchkey exec --profile prod -- sh -c 'curl \"$IDMC_PROXY/api/v2/task\"'
  latchkey exec --min-minutes 20 -- dbt run

The program finds IDMC_LOGIN_URL, IDMC_BASE_URL, IDMC_SESSION_ID, IDMC_ORG_ID and IDMC_JWT in its environment. They are
not renewed while it runs. IDMC_PROXY is the URL of a proxy that lives as long as the program and adds credentials that do
not run out: `$IDMC_PROXY/api/v2/task` works with plain curl however long the program takes; see `latchkey proxy`.
LATCHKEY_PASSWORD is withheld from it.
Signals reach the program, and its exit code is the exit code; 128 and the signal's number if a signal ended it.")]
pub struct ExecArgs {
    /// Whose session it is.
    #[command(flatten)]
    pub account: AccountArgs,
    /// Good for at least this long when the program starts
    #[arg(long, value_name = "MINUTES", default_value_t = 5, value_parser = clap::value_parser!(u32).range(0..=1440))]
    pub min_minutes: u32,
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

/// Runs the program beside a proxy of its own, and ends as it ends.
pub fn run(args: ExecArgs) -> Result<ExitCode, Failure> {
    let account = Account::choose(&args.account)?;
    let held = hold::obtain(&account, &Wanted::of(&account, What::Both, args.min_minutes))?;
    let mut variables = shape::environment(&account, held.session.as_ref(), held.token.as_ref());
    block_on(async {
        let proxy = beside(&account, held).await?;
        variables.push(("IDMC_PROXY", proxy.url().to_owned()));
        let program = Program { command: &args.command, variables, withheld: &["LATCHKEY_PASSWORD"] };
        program.run(proxy.run(pending())).await
    })
}

/// A proxy that begins with what is in hand.
async fn beside(account: &Account, held: Held) -> Result<Proxy, Failure> {
    let client = account.builder().holding(held.session, held.token).build().map_err(Failure::usage)?;
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    Proxy::open(client, Settings { listen, to: None, open: false }).await.map_err(proxy::explain)
}
