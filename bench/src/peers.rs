//! What the service does beside what servers do that install from a registry, each a process on core 0, one after the other.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use bytes::Bytes;
use http::{Request, header};
use http_body_util::Full;
use serde_json::{Map, Value};

use crate::gauge::{self, endlessly};
use crate::load::{Asked, Client};
use crate::place::{Door, Place, TOKEN, USER, ask, bearer, text, user, with_session};
use crate::report::{Report, Row, Target, ms, number, progress};
use crate::server_process::ServerProcess;

/// How many times as many tokens as the best of them.
const TIMES_MORE: f64 = 10.0;

/// What all of them do.
const TOKENS: &str = "tokens, ES256";

/// One of them: a script of `bench/peers` that says where it is ready.
struct Peer {
    name: &'static str,
    /// What runs the script; with a folder in front it is one that was installed with it.
    program: &'static str,
    script: &'static str,
    /// What is installed where it could be.
    installed: &'static str,
}

const PEERS: [Peer; 4] = [
    Peer { name: "oidc-provider", program: "node", script: "oidc-provider.mjs", installed: "node_modules" },
    Peer {
        name: "oauth2-mock-server",
        program: "node",
        script: "oauth2-mock-server.mjs",
        installed: "node_modules",
    },
    Peer {
        name: "glewlwyd",
        program: "python3",
        script: "glewlwyd.py",
        installed: "glewlwyd/usr/bin/glewlwyd",
    },
    Peer {
        name: "keystone",
        program: "keystone/bin/python",
        script: "keystone.py",
        installed: "keystone/installed.txt",
    },
];

/// What is asked of a server, and what that is called.
type Operations = Vec<(String, Asked)>;

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
    let peers = settings.peers.canonicalize().context("the peers are not installed")?;
    let place = Place::seeded(&settings.server, folder.path())?;
    let process = place.start(&[])?;
    let ours = rates("latchkey", &process, own(&process).await?, duration, &mut report).await?;
    drop(process);
    let mut best: f64 = 0.0;
    for peer in PEERS {
        if !peers.join(peer.installed).exists() {
            report.notes.push(format!("{} is not installed, and was not measured", peer.name));
            continue;
        }
        let (process, operations) = peer.start(&peers, folder.path())?;
        best = best.max(rates(peer.name, &process, operations, duration, &mut report).await?);
    }
    let mut row = Row::at_most("T2.peers", "jwt/Token, beside the best peer's token", "/CPU-s", (ours, best));
    row.target = Target::AtLeast(TIMES_MORE);
    report.rows.push(row);
    Ok(report)
}

/// What the service is asked for.
async fn own(process: &ServerProcess) -> anyhow::Result<Operations> {
    let sign_in = Door::V1.sign_in(&user(0))?;
    let signed_in = ask(process, sign_in.clone()).await?;
    let (session, org) = (text(&signed_in, "sessionId")?, text(&signed_in, "orgId")?);
    let mint = with_session(TOKEN, &session)?;
    let token = text(&ask(process, mint.clone()).await?, "jwt_token")?;
    Ok(vec![
        (TOKENS.to_owned(), mint),
        ("sign-ins, Argon2id m=19456 t=2 p=1".to_owned(), sign_in),
        ("checks of a session".to_owned(), with_session(USER, &session)?),
        ("checks of a JWT seen before, ES256".to_owned(), bearer(&token, &org)?),
    ])
}

impl Peer {
    /// Starts it in a folder of its own, in which it says what can be asked of it if that is more than tokens.
    fn start(&self, peers: &Path, folder: &Path) -> anyhow::Result<(ServerProcess, Operations)> {
        let (script, folder) = (peers.join(self.script), folder.join(self.name));
        fs::create_dir(&folder)?;
        let installed = peers.join(self.program);
        let program = if self.program.contains('/') { &installed } else { Path::new(self.program) };
        let arguments = [script.as_os_str(), folder.as_os_str()];
        let process = ServerProcess::start(program, &arguments, &folder.with_extension("log"));
        let process = process.context(self.name)?;
        let operations = folder.join("operations.json");
        if !operations.exists() {
            return Ok((process, vec![(TOKENS.to_owned(), client_credentials()?)]));
        }
        let said: Map<String, Value> = serde_json::from_slice(&fs::read(operations)?)?;
        let said = said.into_iter().map(|(what, asked)| Ok((what, request(&asked)?)));
        Ok((process, said.collect::<anyhow::Result<_>>()?))
    }
}

/// A request as a script has written it down.
fn request(said: &Value) -> anyhow::Result<Asked> {
    let method = text(said, "method")?;
    let mut request = Request::builder().method(method.as_str()).uri(text(said, "path")?);
    request = request.header(header::HOST, "localhost");
    for (name, value) in said.get("headers").and_then(Value::as_object).into_iter().flatten() {
        request = request.header(name, value.as_str().context("a header is text")?);
    }
    Ok(request.body(Full::from(Bytes::from(text(said, "body")?)))?)
}

/// The rate of each operation is reported, that of tokens returned.
async fn rates(
    name: &str,
    process: &ServerProcess,
    operations: Operations,
    duration: Duration,
    report: &mut Report,
) -> anyhow::Result<f64> {
    let mut tokens = None;
    for (what, asked) in operations {
        progress(&format!("{name}: {what}"));
        let (status, body) = Client::connect(process.address()).await?.ask(asked.clone()).await?;
        ensure!(status.is_success(), "{name}: {what}: {status} {}", String::from_utf8_lossy(&body));
        let gauged = gauge::both(process, name, duration, || Ok(endlessly(&asked))).await?;
        let (p50, p99) = (ms(gauged.timing.p50), ms(gauged.timing.p99));
        let figure =
            format!("{} per CPU-s; at half of it p50 {p50:.2} ms, p99 {p99:.2} ms", number(gauged.rate));
        tokens = tokens.or((what == TOKENS).then_some(gauged.rate));
        report.limits.push((format!("{name}: {what}"), figure));
    }
    tokens.with_context(|| format!("{name} gives no tokens"))
}

fn client_credentials() -> anyhow::Result<Asked> {
    let request = Request::post("/token").header(header::HOST, "localhost");
    let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    // bench:bench
    let request = request.header(header::AUTHORIZATION, "Basic YmVuY2g6YmVuY2g=");
    Ok(request.body(Full::from("grant_type=client_credentials"))?)
}
