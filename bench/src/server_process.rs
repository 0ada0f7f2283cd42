//! A server under measurement: its own process on its own core, and what the kernel counted for it.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

/// The clock ticks in which Linux reports CPU time to every program, on every architecture.
const TICKS_PER_SECOND: f64 = 100.0;

/// Ended when it is dropped.
pub struct ServerProcess {
    child: Child,
    address: SocketAddr,
    started: Instant,
    // A closed pipe would fail the next line that the server prints.
    _stdout: BufReader<ChildStdout>,
}

/// Bytes that went to and came from the disk, not from the page cache.
#[derive(Clone, Copy)]
pub struct Disk {
    pub read: u64,
    pub written: u64,
}

impl ServerProcess {
    /// Starts the program on core 0 and waits for its line `… ready http://HOST:PORT`; what it logs goes to `log`.
    pub fn start(program: &Path, arguments: &[&OsStr], log: &Path) -> anyhow::Result<Self> {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(log)?);
        let (started, child) = on_core_0(|| (Instant::now(), command.spawn()));
        let mut child = child.with_context(|| format!("cannot start {}", program.display()))?;
        let mut stdout = BufReader::new(child.stdout.take().context("the server has no output")?);
        let mut line = String::new();
        stdout.read_line(&mut line)?;
        let address = line.trim().split_once("ready http://").map(|(_, address)| address);
        let address = address.with_context(|| format!("no ready line:\n{}", logged(log)))?.parse()?;
        Ok(Self { child, address, started, _stdout: stdout })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How long ago it was forked.
    pub fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// The CPU time it used since it started, all threads, user and kernel.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        cpu_in(&self.proc("stat")?)
    }

    /// The memory it holds, in bytes.
    pub fn resident(&self) -> anyhow::Result<u64> {
        Ok(number_after(&self.proc("status")?, "VmRSS:")? * 1024)
    }

    /// The most memory that it held so far, in bytes.
    pub fn peak(&self) -> anyhow::Result<u64> {
        peak_memory(&self.child)
    }

    /// What it read from and wrote to the disk since it started.
    pub fn disk(&self) -> anyhow::Result<Disk> {
        let io = self.proc("io")?;
        Ok(Disk { read: number_after(&io, "read_bytes:")?, written: number_after(&io, "\nwrite_bytes:")? })
    }

    /// Ends it without asking, as a power cut would, and waits.
    pub fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to end, and waits.
    pub fn end(mut self) -> anyhow::Result<ExitStatus> {
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        ensure!(asked.success(), "cannot end the server");
        Ok(self.child.wait()?)
    }

    fn proc(&self, file: &str) -> anyhow::Result<String> {
        Ok(fs::read_to_string(format!("/proc/{}/{file}", self.child.id()))?)
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // It fails only for a process that has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The time that the threads of a process had a core, finer than the ticks of `ServerProcess::cpu`.
pub fn cpu_so_far(process: &Child) -> anyhow::Result<Duration> {
    let mut nanos = 0;
    for thread in fs::read_dir(format!("/proc/{}/task", process.id()))? {
        let times = fs::read_to_string(thread?.path().join("schedstat"))?;
        nanos += number_after(&times, "")?;
    }
    Ok(Duration::from_nanos(nanos))
}

/// The most memory that a process held so far, in bytes.
pub fn peak_memory(process: &Child) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", process.id()))?;
    Ok(number_after(&status, "VmHWM:")? * 1024)
}

/// The CPU time that this process itself has used.
pub fn own_cpu() -> anyhow::Result<Duration> {
    cpu_in(&fs::read_to_string("/proc/self/stat")?)
}

fn cpu_in(stat: &str) -> anyhow::Result<Duration> {
    let (_, after_name) = stat.rsplit_once(')').context("cannot read the process's stat")?;
    let ticks: f64 = after_name.split_whitespace().skip(11).take(2).flat_map(str::parse::<f64>).sum();
    Ok(Duration::from_secs_f64(ticks / TICKS_PER_SECOND))
}

fn logged(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_default()
}

/// Starts a program on core 0, where this thread is while it forks: no other program stands between the fork and it.
fn on_core_0<T>(start: impl FnOnce() -> T) -> T {
    let moved = may_run_on("0");
    let started = start();
    if moved {
        may_run_on("1");
    }
    started
}

/// Moves this thread to a core; whether that could be done. A machine with one core leaves everything where it is.
pub fn may_run_on(core: &str) -> bool {
    let mut command = Command::new("taskset");
    command.args(["-p", "-c", core, &std::process::id().to_string()]).stdout(Stdio::null());
    command.stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn number_after(text: &str, label: &str) -> anyhow::Result<u64> {
    let after = text.split_once(label).with_context(|| format!("the kernel reports no {label}"))?.1;
    Ok(after.split_whitespace().next().unwrap_or_default().parse()?)
}
