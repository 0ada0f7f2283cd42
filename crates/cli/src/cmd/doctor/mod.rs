//! `latchkey doctor`: what stands between this machine and a sign-in, and what to do about it. It sends no password.

mod finding;
mod kept;
mod reach;

use super::block_on;
use crate::account::{AccountArgs, Choice};
use crate::error::Failure;
use crate::print;
use finding::{Finding, Verdict};
use std::fmt;

/// Arguments of `doctor`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  latchkey doctor
  latchkey doctor --profile prod
  latchkey doctor --url https://dm-us.informaticacloud.com

A line begins with ok, warn or fail. The exit code is 0 when nothing fails, 3 when the network or the login host does,
and 1 when something here does. No password is sent.")]
pub struct DoctorArgs {
    /// Whose sign-in is looked at.
    #[command(flatten)]
    pub account: AccountArgs,
}

/// How many of the findings are bad.
#[derive(Debug)]
struct Bad(usize);

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("one thing keeps you from signing in"),
            count => write!(f, "{count} things keep you from signing in"),
        }
    }
}

impl std::error::Error for Bad {}

/// Looks at everything, and says it line by line.
pub fn run(args: DoctorArgs) -> Result<(), Failure> {
    let choice = Choice::read(&args.account)?;
    let login = choice.login_url()?;
    let authorities = match &choice.authority {
        Some(pem) => reqwest::Certificate::from_pem_bundle(pem).map_err(Failure::usage)?,
        None => Vec::new(),
    };
    let mut findings = Vec::new();
    let mut say = |finding: Finding| {
        print::line(&finding.to_string());
        findings.push(finding.verdict);
    };
    block_on(async {
        say(reach::address(&login));
        let way = reach::Way::from_environment(&login);
        say(way.finding());
        reach::network(&login, &way, &authorities, &mut say).await;
        say(kept::account(&choice, &login));
        Ok(())
    })?;
    let bad = |verdict| findings.iter().filter(|found| **found == verdict).count();
    match (bad(Verdict::Here), bad(Verdict::There)) {
        (0, 0) => Ok(()),
        (here, 0) => Err(Failure::refused(Bad(here))),
        (here, there) => Err(Failure::machine(Bad(here + there))),
    }
}
