//! A program that runs beside something of ours, and notices nothing of it: signals reach it, and its end is our end.

use crate::error::Failure;
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsString;
use std::future::{Future, pending, poll_fn};
use std::io::{IsTerminal, stdin};
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitCode, ExitStatus};
use std::task::{Context, Poll};
use tokio::process::{Child, Command};
use tokio::signal::unix::{self, SignalKind, signal};

/// The signals that are meant for the program.
const PASSED_ON: [Signal; 6] =
    [Signal::TERM, Signal::HUP, Signal::USR1, Signal::USR2, Signal::INT, Signal::QUIT];
/// Those that a terminal sends to every program in its foreground.
const OF_TERMINAL: [Signal; 2] = [Signal::INT, Signal::QUIT];

/// A program and what it finds in its environment, beside what is there already.
#[derive(Debug)]
pub struct Program<'a> {
    /// Its name and its arguments.
    pub command: &'a [OsString],
    /// Variables that it gets.
    pub variables: Vec<(&'static str, String)>,
    /// Variables that it does not get.
    pub withheld: &'static [&'static str],
}

impl Program<'_> {
    /// Runs it until it ends, with `beside` as long; the exit code is its own, 128 and the signal if one ended it.
    pub async fn run(self, beside: impl Future<Output = ()>) -> Result<ExitCode, Failure> {
        // A signal that comes before the program is there must not end us without it.
        let mut signals = Signals::listen()?;
        let mut child = self.start()?;
        let beside = async {
            beside.await;
            pending().await
        };
        tokio::select! {
            ended = see_through(&mut child, &mut signals) => ended.map(code).map_err(Failure::machine),
            never = beside => never,
        }
    }

    fn start(self) -> Result<Child, Failure> {
        let (program, arguments) = self.command.split_first().unzip();
        let program = program.cloned().unwrap_or_default();
        let mut command = Command::new(&program);
        command.args(arguments.unwrap_or_default()).envs(self.variables);
        for name in self.withheld {
            command.env_remove(name);
        }
        command.spawn().map_err(|error| {
            let what = format!("{} was not started", program.display());
            Failure::usage(error).while_doing(what).hint("name a program that is in PATH")
        })
    }
}

async fn see_through(child: &mut Child, signals: &mut Signals) -> std::io::Result<ExitStatus> {
    loop {
        tokio::select! {
            ended = child.wait() => return ended,
            signal = signals.next() => pass_on(child, signal),
        }
    }
}

/// A program that is not waited for yet keeps its number, so nobody else can get the signal.
fn pass_on(child: &Child, signal: Signal) {
    let by_terminal = OF_TERMINAL.contains(&signal) && stdin().is_terminal();
    let id = child.id().and_then(|id| Pid::from_raw(id.cast_signed())).filter(|_| !by_terminal);
    // Whoever has ended needs no signal.
    let _ended = id.map(|id| kill_process(id, signal));
}

fn code(status: ExitStatus) -> ExitCode {
    let signal = || status.signal().map_or(1, |signal| signal.saturating_add(128));
    ExitCode::from(u8::try_from(status.code().unwrap_or_else(signal)).unwrap_or(u8::MAX))
}

/// Signals that somebody sends to this process in place of the program.
struct Signals(Vec<(unix::Signal, Signal)>);

impl Signals {
    /// Listens from now on. What was ignored when we started (`nohup`) stays so, for the program too.
    fn listen() -> Result<Self, Failure> {
        let ignored = ignored();
        let heard = PASSED_ON.into_iter().filter(|signal| ignored & bit(*signal) == 0);
        let heard = heard.map(|passed_on| {
            let kind = SignalKind::from_raw(passed_on.as_raw());
            signal(kind).map(|listener| (listener, passed_on)).map_err(Failure::machine)
        });
        heard.collect::<Result<_, _>>().map(Self)
    }

    async fn next(&mut self) -> Signal {
        poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Signal> {
        let came = self.0.iter_mut().find_map(|(listener, signal)| {
            matches!(listener.poll_recv(cx), Poll::Ready(Some(()))).then_some(*signal)
        });
        came.map_or(Poll::Pending, Poll::Ready)
    }
}

/// The signals that this process ignores, as the kernel counts them. Where it does not say, none are.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

fn bit(signal: Signal) -> u64 {
    1 << (signal.as_raw() - 1)
}
