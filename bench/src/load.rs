//! Load on a server: closed for what it can do at most, open for how long a caller waits.
//!
//! Closed: each connection asks again as soon as it was answered. Open: requests are due by a schedule that knows nothing
//! of the answers, and the time of each counts from when it was due, so a server that stalls is not asked less.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Context;
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::{AbortHandle, JoinSet};

/// A request whose body is in memory.
pub type Asked = Request<Full<Bytes>>;
/// What one connection asks, in order; it stops when there is no more.
pub type Script = Box<dyn Iterator<Item = Asked> + Send>;

/// The timer wakes up to a millisecond late, so the last of the waiting is done awake.
const TIMER: Duration = Duration::from_millis(2);

/// How long an open load waits for answers that are late when it is over.
const GRACE: Duration = Duration::from_secs(5);

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
    /// The times of the answers with a status that says success.
    pub answered: Spread,
    /// The other answers, and in an open load those that nobody had asked for when time was up.
    pub refused: usize,
    /// From the first request to the last answer.
    pub elapsed: Duration,
}

/// Asks along every script at once, each on its own connection, for at most `limit`: a closed load.
pub async fn run(server: SocketAddr, scripts: Vec<Script>, limit: Duration) -> anyhow::Result<Outcome> {
    let clients = connected(server, scripts).await?;
    let started = Instant::now();
    let deadline = started + limit;
    let tasks = clients.into_iter().map(|(client, script)| client.follow(script, deadline)).collect();
    together(tasks, started).await
}

/// Asks `rate` times a second along the scripts in turn, whatever the answers, for `limit`: an open load.
pub async fn steadily(
    server: SocketAddr,
    scripts: Vec<Script>,
    rate: f64,
    limit: Duration,
) -> anyhow::Result<Outcome> {
    let clients = connected(server, scripts).await?;
    let count = clients.len() as f64;
    let started = Instant::now();
    let schedule = |first: usize| Schedule {
        first: started + Duration::from_secs_f64(first as f64 / rate),
        every: Duration::from_secs_f64(count / rate),
        until: started + limit,
    };
    let clients = clients.into_iter().enumerate();
    let tasks = clients.map(|(first, (client, script))| client.keep(script, schedule(first))).collect();
    together(tasks, started).await
}

async fn connected(server: SocketAddr, scripts: Vec<Script>) -> anyhow::Result<Vec<(Client, Script)>> {
    let mut clients = Vec::new();
    for script in scripts {
        clients.push((Client::connect(server).await?, script));
    }
    Ok(clients)
}

async fn together(
    mut tasks: JoinSet<anyhow::Result<(Spread, usize)>>,
    started: Instant,
) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome { answered: Spread::default(), refused: 0, elapsed: Duration::ZERO };
    while let Some(finished) = tasks.join_next().await {
        let (mut answered, refused) = finished??;
        outcome.answered.append(&mut answered);
        outcome.refused += refused;
    }
    outcome.elapsed = started.elapsed();
    Ok(outcome)
}

/// When the requests of one connection are due.
struct Schedule {
    first: Instant,
    every: Duration,
    until: Instant,
}

/// One connection, kept alive, and closed when it is dropped.
pub struct Client {
    sender: SendRequest<Full<Bytes>>,
    connection: AbortHandle,
}

impl Drop for Client {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

impl Client {
    /// Connects without TLS.
    pub async fn connect(server: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(server).await.context("the server does not accept connections")?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(async move { drop(connection.await) }).abort_handle();
        Ok(Self { sender, connection })
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
                (status, _) if status.is_success() => answered.add(started.elapsed()),
                _ => refused += 1,
            }
        }
        Ok((answered, refused))
    }

    /// Asks when it is time, or at once when it is late; the time of an answer counts from when its request was due.
    async fn keep(mut self, script: Script, schedule: Schedule) -> anyhow::Result<(Spread, usize)> {
        let (mut answered, mut refused, mut due) = (Spread::default(), 0, schedule.first);
        for asked in script {
            if due >= schedule.until {
                break;
            }
            if Instant::now() > schedule.until + GRACE {
                refused += 1;
            } else {
                wait_until(due).await;
                match self.ask(asked).await? {
                    (status, _) if status.is_success() => answered.add(due.elapsed()),
                    _ => refused += 1,
                }
            }
            due += schedule.every;
        }
        Ok((answered, refused))
    }
}

async fn wait_until(due: Instant) {
    loop {
        let left = due.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        match left.checked_sub(TIMER) {
            Some(long) if !long.is_zero() => tokio::time::sleep(long).await,
            _ => tokio::task::yield_now().await,
        }
    }
}
