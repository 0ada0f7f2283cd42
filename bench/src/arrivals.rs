//! Open-loop load: requests that arrive by a fixed schedule, whatever becomes of those before them.
//!
//! Each is timed from the moment it was due, so a server that stalls is charged for everybody who would have come.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use http::StatusCode;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::load::{Asked, Client};

/// Connections at the most; past them a request counts as failed.
const CONNECTIONS: usize = 2_048;

/// Requests that arrive evenly, one after the other of these.
pub struct Stream {
    pub asked: Vec<Asked>,
    pub per_second: f64,
}

/// What became of one request.
pub struct Arrival {
    /// The place of its stream.
    pub stream: usize,
    /// When it was due, from the beginning.
    pub due: Duration,
    /// How long after that its answer was there.
    pub took: Duration,
    /// `None` when there was no answer.
    pub status: Option<StatusCode>,
}

/// A request that is due.
struct Due {
    stream: usize,
    at: Instant,
    asked: Asked,
}

/// Lets all streams arrive for this long, and waits for every answer.
pub async fn run(server: SocketAddr, streams: Vec<Stream>, time: Duration) -> anyhow::Result<Vec<Arrival>> {
    let (sender, mut schedule) = mpsc::unbounded_channel();
    let pool = Arc::new(Pool { server, free: Mutex::default() });
    for _ in 0..32 {
        pool.put(Client::connect(server).await?);
    }
    let began = Instant::now() + Duration::from_millis(20);
    // The runtime's timer knows milliseconds; a thread that sleeps knows microseconds.
    let caller = thread::spawn(move || call(&streams, began, time, &sender));
    let mut under_way = JoinSet::new();
    let mut arrivals = Vec::new();
    while let Some(due) = schedule.recv().await {
        while let Some(arrival) = under_way.try_join_next() {
            arrivals.push(arrival?);
        }
        let there_is_room = under_way.len() < CONNECTIONS;
        let pool = Arc::clone(&pool);
        under_way.spawn(async move { pool.ask(due, began, there_is_room).await });
    }
    arrivals.extend(under_way.join_all().await);
    drop(caller.join());
    Ok(arrivals)
}

/// Hands over each request when it is due, the earliest first.
fn call(streams: &[Stream], began: Instant, time: Duration, schedule: &mpsc::UnboundedSender<Due>) {
    let mut next = vec![0_u32; streams.len()];
    loop {
        let due =
            |stream: &Stream, number: &u32| Duration::from_secs_f64(f64::from(*number) / stream.per_second);
        let dues = streams.iter().zip(&next).map(|(stream, number)| due(stream, number));
        let Some((index, due)) = dues.enumerate().min_by_key(|(_, due)| *due) else { return };
        let (Some(stream), Some(number)) = (streams.get(index), next.get_mut(index)) else { return };
        let Some(asked) = stream.asked.get(*number as usize % stream.asked.len().max(1)) else { return };
        *number += 1;
        let at = began + due;
        thread::sleep(at.saturating_duration_since(Instant::now()));
        if due >= time || schedule.send(Due { stream: index, at, asked: asked.clone() }).is_err() {
            return;
        }
    }
}

/// Connections that nobody uses at the moment.
struct Pool {
    server: SocketAddr,
    free: Mutex<Vec<Client>>,
}

impl Pool {
    fn put(&self, client: Client) {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(client);
    }

    fn free(&self) -> Option<Client> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    async fn ask(&self, due: Due, began: Instant, there_is_room: bool) -> Arrival {
        let Due { stream, at, asked } = due;
        let status = if there_is_room { self.answer(asked).await.ok() } else { None };
        Arrival { stream, due: at - began, took: at.elapsed(), status }
    }

    async fn answer(&self, asked: Asked) -> anyhow::Result<StatusCode> {
        let mut client = match self.free() {
            Some(client) => client,
            None => Client::connect(self.server).await?,
        };
        let (status, _) = client.ask(asked).await?;
        self.put(client);
        Ok(status)
    }
}
