//! The emulator from its start to the first sign-in, beside emulators of other identity services, in turn.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::Full;

use crate::load::{Asked, Client};
use crate::plan;
use crate::report::{Report, Row, Target, ms, progress};
use crate::server_process::{cpu_so_far, peak_memory};

const MOST_MS: f64 = 60.0;
const MOST_MB: f64 = 40.0;
const TIMES_FASTER: f64 = 6.0;
/// A program that has not answered by then is broken.
const PATIENCE: Duration = Duration::from_secs(30);

/// What to start, and how often.
#[derive(clap::Args)]
pub struct Settings {
    /// The emulator's binary
    #[arg(long, default_value = "target/release/latchkey")]
    server: PathBuf,
    /// Where scripts/bench has installed the peers
    #[arg(long)]
    peers: Option<PathBuf>,
    /// How often each program is started, after once that does not count
    #[arg(long, default_value_t = 10)]
    runs: usize,
    /// Also writes the figures to this file
    #[arg(long)]
    pub json: Option<PathBuf>,
}

/// The lines of T9, as a part of the whole.
pub async fn in_a_run(all: &plan::Settings, report: &mut Report) -> anyhow::Result<()> {
    let (server, peers, runs) = (all.server.clone(), all.peers.clone(), all.starts() - 1);
    let emulated = measure(&Settings { server, peers, runs, json: None }).await?;
    report.limits.extend(emulated.limits);
    report.rows.extend(emulated.rows);
    Ok(())
}

/// Starts everything in turn, so that a neighbour's load meets all alike.
pub async fn measure(settings: &Settings) -> anyhow::Result<Report> {
    let folder = tempfile::tempdir()?;
    let mut ours = Starts::default();
    let mut peers = match &settings.peers {
        Some(folder) => peers(&folder.canonicalize().context("the peers are not installed")?),
        None => Vec::new(),
    };
    for run in 0..=settings.runs {
        progress(&format!("start {run} of {} of each program", settings.runs));
        ours.add(start_ours(&settings.server).await?);
        for peer in &mut peers {
            let start = peer.start(folder.path()).await;
            peer.starts.add(start.with_context(|| format!("{} does not answer", peer.name))?);
        }
    }
    ours.forget_the_first();
    peers.iter_mut().for_each(|peer| peer.starts.forget_the_first());
    Ok(report(&ours, &peers))
}

fn report(ours: &Starts, peers: &[Peer]) -> Report {
    let mut report = Report::default();
    let name = "latchkey emulate: `latchkey ready`, then a v3 sign-in".to_owned();
    report.limits.push((name, ours.told()));
    report.limits.extend(peers.iter().map(|peer| (peer.name.to_owned(), peer.starts.told())));
    let (took, peak) = (ours.answered(), ours.peak());
    report.rows = vec![
        Row::at_most("T9.start", "emulator, start to first sign-in", "ms", (took, MOST_MS)),
        Row::at_most("T9.memory", "emulator, peak memory after it", "MB", (peak, MOST_MB)),
    ];
    if let Some(fastest) = peers.iter().map(|peer| peer.starts.answered()).min_by(f64::total_cmp) {
        let mut row = Row::at_most("T9.peers", "fastest peer, beside the emulator", "ms", (fastest, took));
        row.target = Target::AtLeast(TIMES_FASTER);
        report.rows.push(row);
    }
    report
}

/// One start of one program.
struct Start {
    /// Until it said that it was ready, or accepted a connection.
    ready: Duration,
    /// Until the first good answer was there.
    answered: Duration,
    /// The time that it had a core until then, which a neighbour's load changes little.
    cpu: Duration,
    /// The most memory it held until then, in bytes.
    peak: u64,
}

impl Start {
    fn of(running: &Running, started: Instant, ready: Duration) -> anyhow::Result<Self> {
        let answered = started.elapsed();
        Ok(Self { ready, answered, cpu: cpu_so_far(&running.0)?, peak: peak_memory(&running.0)? })
    }
}

#[derive(Default)]
struct Starts(Vec<Start>);

impl Starts {
    fn add(&mut self, start: Start) {
        self.0.push(start);
    }

    /// It filled the caches of the disk and of the interpreters.
    fn forget_the_first(&mut self) {
        self.0.remove(0);
    }

    fn answered(&self) -> f64 {
        self.median(|start| ms(start.answered))
    }

    fn peak(&self) -> f64 {
        self.median(|start| start.peak as f64 / 1e6)
    }

    fn median(&self, figure: impl Fn(&Start) -> f64) -> f64 {
        let mut figures: Vec<f64> = self.0.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures.get(figures.len() / 2).copied().unwrap_or_default()
    }

    fn told(&self) -> String {
        let ready = self.median(|start| ms(start.ready));
        let answers = || self.0.iter().map(|start| ms(start.answered));
        let (least, most) = (answers().fold(f64::INFINITY, f64::min), answers().fold(0.0, f64::max));
        let (answered, peak) = (self.answered(), self.peak());
        let cpu = self.median(|start| ms(start.cpu));
        format!(
            "ready after {ready:.1} ms, first answer after {answered:.1} ms ({least:.1} to {most:.1}), \
             CPU {cpu:.1} ms, {peak:.1} MB"
        )
    }
}

/// A program that was started here, and ends when it is dropped.
struct Running(Child);

impl Running {
    fn spawn(command: &mut Command) -> anyhow::Result<Self> {
        let child = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn();
        child.map(Self).with_context(|| format!("cannot start {}", command.get_program().display()))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It fails only for a process that has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn start_ours(server: &Path) -> anyhow::Result<Start> {
    let started = Instant::now();
    let mut running = Running::spawn(Command::new(server).arg("emulate").stdout(Stdio::piped()))?;
    let mut stdout = BufReader::new(running.0.stdout.take().context("the emulator has no output")?);
    let mut line = String::new();
    stdout.read_line(&mut line)?;
    let ready = started.elapsed();
    let address = line.trim().strip_prefix("latchkey ready http://").context("no ready line")?.parse()?;
    answered(address, sign_in()?).await?;
    Start::of(&running, started, ready)
}

fn sign_in() -> anyhow::Result<Asked> {
    let body = Bytes::from_static(br#"{"username":"admin","password":"Emulated-1!"}"#);
    let request = Request::post("/saas/public/core/v3/login").header(header::HOST, "127.0.0.1");
    Ok(request.header(header::CONTENT_TYPE, "application/json").body(Full::new(body))?)
}

async fn answered(address: SocketAddr, asked: Asked) -> anyhow::Result<()> {
    let (status, _) = Client::connect(address).await?.ask(asked).await?;
    ensure!(status == StatusCode::OK, "the first answer is {status}");
    Ok(())
}

/// Another emulator, and a request that costs it next to nothing.
struct Peer {
    name: &'static str,
    program: PathBuf,
    arguments: Vec<PathBuf>,
    path: &'static str,
    starts: Starts,
}

/// They are started without the wrappers of their package managers, which would cost them time.
fn peers(folder: &Path) -> Vec<Peer> {
    let peer = |name, (program, script): (PathBuf, &str), path| {
        let arguments = vec![folder.join(script)];
        Peer { name, program, arguments, path, starts: Starts::default() }
    };
    let (node, python) = (PathBuf::from("node"), folder.join("moto/bin/python"));
    vec![
        peer("cognito-local", (node.clone(), "node_modules/cognito-local/lib/bin/start.js"), "/health"),
        peer("oauth2-mock-server", (node, "node_modules/.bin/oauth2-mock-server"), "/jwks")
            .listening("-a", "-p"),
        peer("moto", (python, "moto/bin/moto_server"), "/moto-api/data.json").listening("-H", "-p"),
    ]
}

impl Peer {
    /// Where to listen is said by arguments; the port, which changes, comes last.
    fn listening(mut self, host: &str, port: &str) -> Self {
        self.arguments.extend([host, "127.0.0.1", port].map(PathBuf::from));
        self
    }

    async fn start(&self, folder: &Path) -> anyhow::Result<Start> {
        let address = free_address()?;
        let port = address.port().to_string();
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).current_dir(folder).env("PORT", &port).stdout(Stdio::null());
        if self.arguments.len() > 1 {
            command.arg(&port);
        }
        let started = Instant::now();
        let running = Running::spawn(&mut command)?;
        let ready = loop {
            match tokio::net::TcpStream::connect(address).await {
                Ok(_) => break started.elapsed(),
                Err(error) if started.elapsed() > PATIENCE => return Err(error.into()),
                Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        };
        let asked = Request::get(self.path).header(header::HOST, "127.0.0.1").body(Full::default())?;
        answered(address, asked).await?;
        Start::of(&running, started, ready)
    }
}

/// Nobody listens there; the kernel does not give it away again so soon.
fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
