//! The tool from start to exit: a token from a warm cache, beside a program that does nothing.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::load::Spread;
use crate::place::{PASSWORD, user};
use crate::report::{Row, Timing, mb, ms, progress};
use crate::run::Run;
use crate::server_process::ServerProcess;

/// The tool on the load's core, which rests meanwhile; the server is asked once.
pub fn measure(process: &ServerProcess, run: &mut Run<'_>) -> anyhow::Result<()> {
    progress("latchkey token from a warm cache");
    let account = Account { url: format!("http://{}", process.address()), user: user(0) };
    let starts = if run.settings.quick { 60 } else { 300 };
    let warm = WarmToken::measure(&run.settings.server, &run.folder, &account, starts)?;
    let (p50, p99) = (ms(warm.nothing.percentile(0.5)), ms(warm.nothing.percentile(0.99)));
    run.report.limits.push(("`true`, start to exit".into(), format!("p50 {p50:.3} ms, p99 {p99:.3} ms")));
    let what = "latchkey token, warm cache, beyond `true`";
    let beyond = ms(warm.token.percentile(0.5)) - p50;
    let mut row = Row::at_most("T10.time", what, "ms", (beyond, 10.0));
    row.timing = Some(Timing::one_by_one(&warm.token));
    run.report.rows.push(row);
    if let Some(memory) = warm.memory {
        let what = "latchkey token, warm cache, peak memory";
        run.report.rows.push(Row::at_most("T10.memory", what, "MB", (mb(memory), 15.0)));
    }
    Ok(())
}

/// What a warm `latchkey token` costs.
struct WarmToken {
    /// Start to exit of `true`, in turn with the other.
    nothing: Spread,
    /// Start to exit of `latchkey token`.
    token: Spread,
    /// The most memory it held, in bytes, where `/usr/bin/time` can tell.
    memory: Option<u64>,
}

/// Whose token it is.
struct Account {
    url: String,
    user: String,
}

impl WarmToken {
    /// Signs in once, and then asks the cache, whose files are in `folder`.
    fn measure(tool: &Path, folder: &Path, account: &Account, starts: usize) -> anyhow::Result<Self> {
        let token = || with_account(Command::new(tool), folder, account);
        run(token())?;
        let (mut nothing, mut warm) = (Spread::default(), Spread::default());
        for _ in 0..starts {
            nothing.add(run(Command::new("true"))?);
            warm.add(run(token())?);
        }
        Ok(Self { nothing, token: warm, memory: memory(tool, folder, account)? })
    }
}

fn with_account(mut command: Command, folder: &Path, account: &Account) -> Command {
    command.arg("token").env("LATCHKEY_URL", &account.url).env("LATCHKEY_USERNAME", &account.user);
    command.env("LATCHKEY_PASSWORD", PASSWORD);
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
fn memory(tool: &Path, folder: &Path, account: &Account) -> anyhow::Result<Option<u64>> {
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
