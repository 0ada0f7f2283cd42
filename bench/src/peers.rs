//! Tokens of ours beside tokens of servers that install from a registry, each a process on core 0, one after the other.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use http::{Request, header};
use http_body_util::Full;

use crate::gauge::{self, endlessly};
use crate::load::{Asked, Client};
use crate::place::{Door, Place, TOKEN, ask, text, user, with_session};
use crate::report::{Report, Row, Target, ms, number, progress};
use crate::server_process::ServerProcess;

/// How many times as many tokens as the best of them.
const TIMES_MORE: f64 = 10.0;

/// What each of them is in `bench/peers`: a script that says where it is ready.
const PEERS: [&str; 2] = ["oidc-provider", "oauth2-mock-server"];

/// What to measure, and for how long.
#[derive(clap::Args)]
pub struct Settings {
    /// The service's binary
    #[arg(long, default_value = "target/release/latchkey")]
    server: PathBuf,
    /// Where scripts/bench has installed the peers
    #[arg(long)]
    peers: PathBuf,
    /// How long each load lasts
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Also writes the figures to this file
    #[arg(long)]
    pub json: Option<PathBuf>,
}

/// Ours first, then each of them by the same load.
pub async fn measure(settings: &Settings) -> anyhow::Result<Report> {
    let (folder, mut report) = (tempfile::tempdir()?, Report::default());
    let duration = Duration::from_secs(settings.seconds);
    let place = Place::seeded(&settings.server, folder.path())?;
    let process = place.start(&[])?;
    let signed_in = ask(&process, Door::V1.sign_in(&user(0))?).await?;
    let asked = with_session(TOKEN, &text(&signed_in, "sessionId")?)?;
    let ours = rate("latchkey", &process, &asked, duration, &mut report).await?;
    drop(process);
    let mut best: f64 = 0.0;
    for peer in PEERS {
        let process = start(&settings.peers, peer, folder.path())?;
        best = best.max(rate(peer, &process, &client_credentials()?, duration, &mut report).await?);
    }
    let mut row = Row::at_most("T2.peers", "jwt/Token, beside the best peer's token", "/CPU-s", (ours, best));
    row.target = Target::AtLeast(TIMES_MORE);
    report.rows.push(row);
    Ok(report)
}

fn start(peers: &Path, name: &str, folder: &Path) -> anyhow::Result<ServerProcess> {
    let script = peers.join(name).with_extension("mjs");
    let log = folder.join(name).with_extension("log");
    ServerProcess::start(Path::new("node"), &[script.as_os_str()], &log).context(name.to_owned())
}

/// Tokens per CPU-second, once it is known that it gives any.
async fn rate(
    name: &str,
    process: &ServerProcess,
    asked: &Asked,
    duration: Duration,
    report: &mut Report,
) -> anyhow::Result<f64> {
    progress(&format!("tokens of {name}"));
    let (status, body) = Client::connect(process.address()).await?.ask(asked.clone()).await?;
    let signed = String::from_utf8_lossy(&body).matches("ey").count() > 1;
    ensure!(status.is_success() && signed, "{name} gives no token: {status}");
    let gauged = gauge::both(process, name, duration, || Ok(endlessly(asked))).await?;
    let (p50, p99) = (ms(gauged.timing.p50), ms(gauged.timing.p99));
    let figure = format!("{} per CPU-s; at half of it p50 {p50:.2} ms, p99 {p99:.2} ms", number(gauged.rate));
    report.limits.push((format!("{name}: tokens, ES256"), figure));
    Ok(gauged.rate)
}

fn client_credentials() -> anyhow::Result<Asked> {
    let request = Request::post("/token").header(header::HOST, "localhost");
    let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    // bench:bench
    let request = request.header(header::AUTHORIZATION, "Basic YmVuY2g6YmVuY2g=");
    Ok(request.body(Full::from("grant_type=client_credentials"))?)
}
