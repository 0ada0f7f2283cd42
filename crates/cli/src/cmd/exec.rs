//! `latchkey exec`: runs a program with a session and a token in its environment.

use crate::account::{Account, AccountArgs};
use crate::error::Failure;
use crate::hold::{self, Wanted, What};
use crate::shape;
use clap::Args as Arguments;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Arguments of `exec`.
#[derive(Debug, Arguments)]
#[command(after_help = "Examples:
  latchkey exec -- python job.py
  latchkey exec --profile prod -- sh -c 'curl -H \"icSessionId: $IDMC_SESSION_ID\" \"$IDMC_BASE_URL/api/v2/task\"'
  latchkey exec --min-minutes 20 -- dbt run

The program finds IDMC_LOGIN_URL, IDMC_BASE_URL, IDMC_SESSION_ID, IDMC_ORG_ID and IDMC_JWT in its environment, and takes
the place of this one: signals reach it, and its exit code is the exit code.
They are not renewed while it runs.")]
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

/// Becomes the program. It returns only if that cannot be started.
pub fn run(args: ExecArgs) -> Result<(), Failure> {
    let account = Account::choose(&args.account)?;
    let held = hold::obtain(&account, &Wanted::of(&account, What::Both, args.min_minutes))?;
    let Some((program, arguments)) = args.command.split_first() else { return Ok(()) };
    let mut command = Command::new(program);
    command.args(arguments);
    command.envs(shape::environment(&account, held.session.as_ref(), held.token.as_ref()));
    let error = command.exec();
    let what = format!("{} was not started", program.display());
    Err(Failure::usage(error).while_doing(what).hint("name a program that is in PATH"))
}
