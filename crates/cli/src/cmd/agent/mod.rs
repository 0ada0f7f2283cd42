//! `latchkey agent`: sessions and tokens for many programs of one person, over a socket that only this person can use.

mod speech;
mod spot;
mod talk;

use super::block_on;
use crate::account;
use crate::ending::Ending;
use crate::error::Failure;
use crate::print;
use spot::{Held, Spot, Taken};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::pin::pin;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use talk::Agent;
use tokio::net::UnixListener;
use tokio::task::JoinSet;

/// A system that has no room for another connection may have it after this long.
const BREATH: Duration = Duration::from_millis(100);

/// Arguments of `agent`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  latchkey agent --start
  latchkey agent --idle-minutes 480
  echo '{\"token\":{\"profile\":\"prod\"}}' | nc -U \"$(latchkey agent --start)\"

When it listens, the first line on stdout is `latchkey agent SOCKET`; with --start, stdout is the socket alone.
An agent that is started keeps the environment that started it.")]
pub struct AgentArgs {
    /// Start it in the background if it does not run, and print its socket
    #[arg(long)]
    pub start: bool,
    /// End after this long without use
    #[arg(long, value_name = "MINUTES", default_value_t = 30)]
    pub idle_minutes: u32,
}

/// Runs the agent until nobody uses it, or makes sure that it runs.
pub fn run(args: AgentArgs) -> Result<(), Failure> {
    let spot = Spot::in_folder(account::folders()?.state);
    if args.start {
        return start(&spot, args.idle_minutes);
    }
    let held = spot.hold().map_err(explain)?;
    let idle = Duration::from_secs(60) * args.idle_minutes;
    block_on(async {
        let mut ending = Ending::listen()?;
        let listener = held.listen().map_err(unusable)?;
        print::line(&format!("latchkey agent {}", spot.socket().display()));
        serve(listener, &held, idle, ending.asked()).await;
        held.leave();
        Ok(())
    })
}

fn explain(error: Taken) -> Failure {
    match error {
        Taken::ByAgent => Failure::refused(error).hint("`latchkey agent --start` prints its socket"),
        Taken::Not(error) => unusable(error),
    }
}

fn unusable(error: std::io::Error) -> Failure {
    Failure::machine(error)
        .while_doing("the state folder cannot be used")
        .hint("name a folder that may be written, with a short path, in LATCHKEY_STATE_DIR")
}

/// Answers until nobody has been connected for a while, or until `stop`.
async fn serve(listener: UnixListener, held: &Held, idle: Duration, stop: impl Future<Output = ()>) {
    let agent = Arc::new(Agent::new(held.owner(), idle));
    let mut talks = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let agent = Arc::clone(&agent);
                    talks.spawn(async move { agent.talk(stream).await });
                }
                Err(_full) => tokio::time::sleep(BREATH).await,
            },
            Some(_ended) = talks.join_next() => {}
            () = tokio::time::sleep(idle), if talks.is_empty() => break,
            () = &mut stop => break,
        }
    }
}

/// Starts an agent in the background, unless one answers; whoever starts at the same time waits.
fn start(spot: &Spot, idle_minutes: u32) -> Result<(), Failure> {
    let _turn = spot.turn().map_err(unusable)?;
    if !spot.answers() {
        let mut child = spawn(idle_minutes).map_err(Failure::machine)?;
        let ready = first_line(&mut child).starts_with("latchkey agent ");
        if !ready && !spot.answers() {
            let told = std::io::Error::other(told(&mut child));
            return Err(Failure::machine(told).while_doing("the agent did not start"));
        }
    }
    print::line(&spot.socket().display().to_string());
    Ok(())
}

fn spawn(idle_minutes: u32) -> std::io::Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["agent", "--idle-minutes", &idle_minutes.to_string()]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Ctrl-C at the terminal is not meant for it.
    command.process_group(0).spawn()
}

fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    if let Some(stdout) = child.stdout.take() {
        // What cannot be read did not say that it is ready.
        let _unread = BufReader::new(stdout).read_line(&mut line);
    }
    line
}

fn told(child: &mut Child) -> String {
    let mut text = String::new();
    if let Some(mut stderr) = child.stderr.take() {
        let _unread = stderr.read_to_string(&mut text);
    }
    text.lines().next().unwrap_or("it said nothing").trim_start_matches("error: ").to_owned()
}
