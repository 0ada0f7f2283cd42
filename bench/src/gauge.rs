//! One operation of a running server under load: what it can do at most, and how long a caller waits at half of that.

use std::iter;
use std::time::Duration;

use anyhow::{Context, ensure};

use crate::load::{self, Asked, Outcome, Script};
use crate::place::CONNECTIONS;
use crate::report::{Load, Timing};
use crate::server_process::{Disk, ServerProcess};

/// The share of what it can do at most at which the times of a server are taken.
const SHARE: f64 = 0.5;

const WARM_UP: Duration = Duration::from_millis(500);

/// What one operation did.
pub struct Gauged {
    /// Answers per CPU-second of the server.
    pub rate: f64,
    pub timing: Timing,
    /// Answers of the closed load.
    pub answers: usize,
    /// Bytes that came from the disk meanwhile, and that reached it.
    pub disk: Disk,
}

/// Warms up, then a closed load, then an open one, each along scripts made anew.
pub async fn both(
    process: &ServerProcess,
    what: &str,
    duration: Duration,
    scripts: impl Fn() -> anyhow::Result<Vec<Script>>,
) -> anyhow::Result<Gauged> {
    load::run(process.address(), scripts()?, WARM_UP).await.context(what.to_owned())?;
    let mut gauged = closed(process, what, duration, scripts()?).await?;
    let rate = gauged.timing.wall_rate * SHARE;
    let outcome = load::steadily(process.address(), scripts()?, rate, duration).await;
    let Outcome { answered, refused, .. } = outcome.context(what.to_owned())?;
    ensure!(refused == 0, "{what}: {refused} answers to the open load were no success, or never asked for");
    gauged.timing.load = Load::Open(SHARE);
    gauged.timing.p50 = answered.percentile(0.5);
    gauged.timing.p99 = answered.percentile(0.99);
    Ok(gauged)
}

/// A closed load alone.
pub async fn closed(
    process: &ServerProcess,
    what: &str,
    duration: Duration,
    scripts: Vec<Script>,
) -> anyhow::Result<Gauged> {
    let connections = scripts.len();
    let (cpu, disk) = (process.cpu()?, process.disk()?);
    let outcome = load::run(process.address(), scripts, duration).await.context(what.to_owned())?;
    let used = process.cpu()?.saturating_sub(cpu);
    ensure!(outcome.refused == 0, "{what}: {} answers were no success", outcome.refused);
    let (answers, now) = (outcome.answered.count(), process.disk()?);
    Ok(Gauged {
        rate: answers as f64 / used.as_secs_f64(),
        timing: Timing::closed(connections, &outcome.answered, outcome.elapsed),
        answers,
        disk: Disk { read: now.read - disk.read, written: now.written - disk.written },
    })
}

/// The same request for ever, on every connection.
pub fn endlessly(asked: &Asked) -> Vec<Script> {
    iter::repeat_with(|| repeating(asked)).take(CONNECTIONS).collect()
}

/// The same request for ever.
pub fn repeating(asked: &Asked) -> Script {
    Box::new(iter::repeat(asked.clone()))
}
