//! Closed-loop load: some connections, each asking again as soon as it was answered.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Context;
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// A request whose body is in memory.
pub type Asked = Request<Full<Bytes>>;
/// What one connection asks, in order; it stops when there is no more.
pub type Script = Box<dyn Iterator<Item = Asked> + Send>;

/// How long things took.
#[derive(Default)]
pub struct Spread {
    nanos: Vec<u64>,
}

impl Spread {
    /// Adds one.
    pub fn add(&mut self, took: Duration) {
        self.nanos.push(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    fn append(&mut self, other: &mut Self) {
        self.nanos.append(&mut other.nanos);
    }

    /// How many there were.
    pub fn count(&self) -> usize {
        self.nanos.len()
    }

    /// The time within which this share of them was done.
    pub fn percentile(&self, share: f64) -> Duration {
        let mut sorted = self.nanos.clone();
        sorted.sort_unstable();
        let last = sorted.len().saturating_sub(1);
        let index = (last as f64 * share).round() as usize;
        Duration::from_nanos(sorted.get(index).copied().unwrap_or_default())
    }
}

/// What a load did to a server.
pub struct Outcome {
    /// The times of the answers with status 200.
    pub answered: Spread,
    /// The other answers.
    pub refused: usize,
    /// From the first request to the last answer.
    pub elapsed: Duration,
}

/// Asks along every script at once, each on its own connection, for at most `limit`.
pub async fn run(server: SocketAddr, scripts: Vec<Script>, limit: Duration) -> anyhow::Result<Outcome> {
    let mut clients = Vec::new();
    for script in scripts {
        clients.push((Client::connect(server).await?, script));
    }
    let started = Instant::now();
    let deadline = started + limit;
    let mut tasks: JoinSet<_> =
        clients.into_iter().map(|(client, script)| client.follow(script, deadline)).collect();
    let mut outcome = Outcome { answered: Spread::default(), refused: 0, elapsed: Duration::ZERO };
    while let Some(finished) = tasks.join_next().await {
        let (mut answered, refused) = finished??;
        outcome.answered.append(&mut answered);
        outcome.refused += refused;
    }
    outcome.elapsed = started.elapsed();
    Ok(outcome)
}

/// One connection, kept alive.
pub struct Client {
    sender: SendRequest<Full<Bytes>>,
}

impl Client {
    /// Connects without TLS.
    pub async fn connect(server: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(server).await.context("the server does not accept connections")?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self { sender })
    }

    /// Asks, and reads the whole answer.
    pub async fn ask(&mut self, asked: Asked) -> anyhow::Result<(StatusCode, Bytes)> {
        self.sender.ready().await?;
        let response = self.sender.send_request(asked).await?;
        let status = response.status();
        Ok((status, response.into_body().collect().await?.to_bytes()))
    }

    async fn follow(mut self, script: Script, deadline: Instant) -> anyhow::Result<(Spread, usize)> {
        let (mut answered, mut refused) = (Spread::default(), 0);
        for asked in script {
            let started = Instant::now();
            if started >= deadline {
                break;
            }
            match self.ask(asked).await? {
                (StatusCode::OK, _) => answered.add(started.elapsed()),
                _ => refused += 1,
            }
        }
        Ok((answered, refused))
    }
}
