//! The tool from start to exit: a token from a warm cache, beside a program that does nothing.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::load::Spread;
use crate::report::Timing;

/// How often each program is started.
const STARTS: usize = 300;

/// What a warm `latchkey token` costs.
pub struct WarmToken {
    /// Start to exit of `true`, in turn with the other.
    pub nothing: Spread,
    /// Start to exit of `latchkey token`.
    pub token: Spread,
    /// The most memory it held, in bytes, where `/usr/bin/time` can tell.
    pub memory: Option<u64>,
}

/// Whose token it is.
pub struct Account<'a> {
    pub url: &'a str,
    pub user: &'a str,
    pub password: &'a str,
}

impl WarmToken {
    /// How it came by the clock on the wall, one after the other.
    pub fn token_timing(&self) -> Timing {
        let (p50, p99) = (self.token.percentile(0.5), self.token.percentile(0.99));
        Timing { wall_rate: 1.0 / p50.as_secs_f64(), p50, p99 }
    }

    /// Signs in once, and then asks the cache, whose files are in `folder`.
    pub fn measure(tool: &Path, folder: &Path, account: &Account<'_>) -> anyhow::Result<Self> {
        let token = || with_account(Command::new(tool), folder, account);
        run(token())?;
        let (mut nothing, mut warm) = (Spread::default(), Spread::default());
        for _ in 0..STARTS {
            nothing.add(run(Command::new("true"))?);
            warm.add(run(token())?);
        }
        Ok(Self { nothing, token: warm, memory: memory(tool, folder, account)? })
    }
}

fn with_account(mut command: Command, folder: &Path, account: &Account<'_>) -> Command {
    command.arg("token").env("LATCHKEY_URL", account.url).env("LATCHKEY_USERNAME", account.user);
    command.env("LATCHKEY_PASSWORD", account.password);
    command.env("LATCHKEY_STATE_DIR", folder.join("state")).env("LATCHKEY_CONFIG_DIR", folder.join("config"));
    command
}

fn run(mut command: Command) -> anyhow::Result<Duration> {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let started = Instant::now();
    let status = command.status()?;
    let took = started.elapsed();
    ensure!(status.success(), "{} ended with {status}", command.get_program().display());
    Ok(took)
}

/// Only whoever waits for a program hears of its memory, and the standard library does not pass it on.
fn memory(tool: &Path, folder: &Path, account: &Account<'_>) -> anyhow::Result<Option<u64>> {
    let time = Path::new("/usr/bin/time");
    if !time.exists() {
        return Ok(None);
    }
    let told = folder.join("time");
    let mut command = Command::new(time);
    command.args(["-f", "%M", "-o"]).arg(&told).arg(tool);
    run(with_account(command, folder, account))?;
    Ok(Some(fs::read_to_string(told)?.trim().parse::<u64>()? * 1024))
}
