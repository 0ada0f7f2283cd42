//! `latchkey emulate`: the service with a movable clock, for programs under test.

use super::block_on;
use crate::child::Program;
use crate::ending::Ending;
use crate::error::Failure;
use crate::print;
use domain::time::Timestamp;
use emulator::child::Inherited;
use emulator::run::{Options, Run, RunError};
use emulator::seed::Person;
use emulator::watch::Colours;
use server::seed;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `emulate`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  latchkey emulate
  latchkey emulate --listen 127.0.0.1:8471 --watch
  latchkey emulate -- pytest tests/
  latchkey emulate --script expire-mid-job -- python job.py
  latchkey emulate --stubs stubs/ --seed seed.toml -- mvn test
  curl -s -X POST $LATCHKEY_EMULATOR_URL/_emulator/clock -d '{\"advance\":\"31m\"}'

Without a command the first line on stdout is `latchkey ready URL`, and it runs until SIGTERM or Ctrl-C.
A command finds in its environment all it needs to reach the emulator although its code says
https://dm-us.informaticacloud.com, and LATCHKEY_EMULATOR_URL, _USER and _PASSWORD. Signals reach it, its exit code is
the exit code, and nothing is left when it has ended.
Tokens of an emulator are refused everywhere else. Never point anything real at one: its passwords are known.")]
pub struct EmulateArgs {
    /// Address of this machine to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Orgs and users [default: one user for each situation]
    #[arg(long, value_name = "FILE")]
    pub seed: Option<PathBuf>,
    /// Keep the store in this folder [default: in memory]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Same ids, tokens and times in every run with the same SEED; the clock stands still until it is moved
    #[arg(long, value_name = "SEED")]
    pub deterministic: Option<String>,
    /// Begin at this instant, with a clock that stands still
    #[arg(long, value_name = "TIME")]
    pub at: Option<Timestamp>,
    /// Another host that may be reached through the emulator, `*.example.com` for many; may be repeated
    #[arg(long, value_name = "HOST")]
    pub allow: Vec<String>,
    /// Answers for paths that the service does not own, as files by method and path
    #[arg(long, value_name = "DIR")]
    pub stubs: Option<PathBuf>,
    /// Forward paths that neither the service nor a stub owns
    #[arg(long, value_name = "URL")]
    pub upstream: Option<String>,
    /// Write a stub for whatever the upstream answers
    #[arg(long, value_name = "DIR", requires = "upstream")]
    pub record: Option<PathBuf>,
    /// A situation to begin with, such as `flaky-login`; may be repeated
    #[arg(long, value_name = "NAME")]
    pub script: Vec<String>,
    /// Print a line for each request
    #[arg(long)]
    pub watch: bool,
    #[arg(long, env = "JAVA_TOOL_OPTIONS", hide = true)]
    java_tool_options: Option<String>,
    #[arg(long, env = "NODE_OPTIONS", hide = true)]
    node_options: Option<String>,
    /// The program to run against the emulator, and its arguments
    #[arg(trailing_var_arg = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

/// Runs until it is told to end, or as long as the command runs.
pub fn run(args: EmulateArgs) -> Result<ExitCode, Failure> {
    let EmulateArgs { watch, command, .. } = &args;
    let (watch, command) = (*watch, command.clone());
    let options = options(args)?;
    block_on(async {
        // Who ends us while we begin must find nothing left either.
        let ending = Ending::listen()?;
        let run = Run::open(options).await.map_err(explain)?;
        if watch {
            tokio::spawn(run.watch(Colours::Ansi, print::note));
        }
        if command.is_empty() { alone(run, ending).await } else { beside(run, &command).await }
    })
}

async fn alone(run: Run, mut ending: Ending) -> Result<ExitCode, Failure> {
    print::line(&format!("latchkey ready {}", run.url()));
    print::note(&welcome(run.url(), &run.people()));
    run.serve(ending.asked()).await;
    Ok(ExitCode::SUCCESS)
}

/// The program has the output to itself.
async fn beside(run: Run, command: &[OsString]) -> Result<ExitCode, Failure> {
    let program = Program { command, variables: run.variables(), withheld: &[] };
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(run.serve(async { drop(stopped.await) }));
    let ended = program.run(std::future::pending()).await;
    drop(stop);
    // A run that broke has nothing left to clean up.
    let _broken = serving.await;
    ended
}

fn options(args: EmulateArgs) -> Result<Options, Failure> {
    let seed = args.seed.map(|path| {
        seed::read(&path).map_err(|error| {
            Failure::usage(error).while_doing(format!("the seed file {} cannot be used", path.display()))
        })
    });
    Ok(Options {
        listen: args.listen,
        seed: seed.transpose()?,
        data: args.data,
        deterministic: args.deterministic,
        frozen_at: args.at,
        allow: args.allow,
        stubs: args.stubs,
        upstream: args.upstream,
        record: args.record,
        scripts: args.script,
        inherited: Inherited { java_tool_options: args.java_tool_options, node_options: args.node_options },
    })
}

fn explain(error: RunError) -> Failure {
    let hint = match &error {
        RunError::NotLoopback(_) => {
            "name an address such as 127.0.0.1:0: its passwords are known to everybody"
        }
        RunError::Listen { .. } => "name a free address with --listen; port 0 takes any free port",
        RunError::Usage(_) => "see `latchkey emulate --help`",
        RunError::Open(_) | RunError::Machine(_) => {
            "see `latchkey emulate --help`; the folder must be writable"
        }
    };
    match error {
        RunError::Listen { .. } | RunError::Machine(_) => Failure::machine(error).hint(hint),
        _ => Failure::usage(error).hint(hint),
    }
}

/// Who is there, and lines to paste.
fn welcome(url: &str, people: &[Person]) -> String {
    let width = people.iter().map(|person| person.name.len()).max().unwrap_or(0).max(4);
    let rows = people.iter().map(|person| {
        let Person { name, password, org, situation, .. } = person;
        let password = password.as_deref().unwrap_or("-");
        format!("    {name:width$}  {password:12}  {org}: {situation}\n")
    });
    let rows: String = rows.collect();
    format!(
        r#"
The users of this emulator, with their passwords:

{rows}
Sign in, use the session, and let half an hour go by:

SESSION=$(curl -s {url}/saas/public/core/v3/login -H 'Content-Type: application/json' -d '{{"username":"admin","password":"Emulated-1!"}}' | sed -E 's/.*"sessionId":"([^"]+)".*/\1/'); echo "$SESSION"
curl -si {url}/gate -H "INFA-SESSION-ID: $SESSION"
curl -s {url}/_emulator/clock -d '{{"advance":"31m"}}'
curl -si {url}/gate -H "INFA-SESSION-ID: $SESSION"

GET {url}/_emulator/ lists what else it can do.
"#
    )
}
