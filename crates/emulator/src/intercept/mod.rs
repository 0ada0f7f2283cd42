//! One loopback address that serves three things: the emulator itself, the vendor's hosts to programs that use it as
//! their proxy, and tunnels to the few other hosts that were allowed.

mod authority;
mod body;
mod door;
mod forward;
mod host;
mod tunnel;

pub use authority::{Authority, AuthorityError};
pub use host::{Allowed, NotAHost, vendor_host};

use crate::asked::Front;
use axum::body::Body;
use body::{Cut, Whole};
use futures_util::future::BoxFuture;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};

/// Connections at a time; more wait in the system's queue.
const CONNECTIONS: u32 = 1_024;

/// Time for a head, and for silence between two requests of HTTP/1.1.
const HEAD: Duration = Duration::from_secs(75);

/// Time that requests under way have when the emulator stops.
const GRACE: Duration = Duration::from_secs(3);

/// What answers a request: a response, or nothing at all.
pub type Reply = Result<Response<Body>, HangUp>;

/// Asks for the connection to be closed without an answer; HTTP/2 resets the one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the connection is closed without an answer")]
pub struct HangUp;

/// What answers every request that is for the emulator or for the vendor.
pub trait Answers: Send + Sync + 'static {
    /// Answers one request.
    ///
    /// Its URI is in origin form and its `Host` header is there, whichever way it came. A body of the answer that
    /// fails reaches the caller as far as it went, then the connection is closed.
    fn answer(
        self: Arc<Self>,
        front: Front,
        peer: SocketAddr,
        request: Request<Body>,
    ) -> BoxFuture<'static, Reply>;
}

/// What all connections share.
pub struct Intercept {
    authority: Authority,
    allowed: Allowed,
    answers: Arc<dyn Answers>,
    protocol: Builder<TokioExecutor>,
}

impl Intercept {
    /// Answers through `answers`, speaks for the vendor's hosts through `authority` and lets `allowed` hosts through.
    pub fn new(authority: Authority, allowed: Allowed, answers: Arc<dyn Answers>) -> Self {
        let mut protocol = Builder::new(TokioExecutor::new());
        protocol.http1().timer(TokioTimer::new()).header_read_timeout(HEAD).max_headers(256);
        protocol.http2().timer(TokioTimer::new()).max_concurrent_streams(256);
        Self { authority, allowed, answers, protocol }
    }
}

/// Serves until `stop` is done, then lets requests under way finish for a few seconds and cuts tunnels.
pub async fn serve(listener: TcpListener, house: Arc<Intercept>, stop: impl Future<Output = ()>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS.try_into().unwrap_or(Semaphore::MAX_PERMITS)));
    let (stay, leaving) = watch::channel(());
    let mut stop = pin!(stop);
    loop {
        let arrived = tokio::select! {
            arrived = arrive(&listener, &places) => arrived,
            () = stop.as_mut() => break,
        };
        match arrived.and_then(|arrived| Guest::welcome(&house, arrived, leaving.clone())) {
            Ok((guest, stream)) => drop(tokio::spawn(attend(guest, stream))),
            Err(error) => survive(&error).await,
        }
    }
    drop((listener, stay));
    let _ = timeout(GRACE * 2, places.acquire_many(CONNECTIONS)).await;
}

type Arrived = (TcpStream, SocketAddr, OwnedSemaphorePermit);

async fn arrive(listener: &TcpListener, places: &Arc<Semaphore>) -> io::Result<Arrived> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, place))
}

/// Waits a moment, because a machine out of files does not get better by asking at once again.
async fn survive(error: &io::Error) {
    tracing::warn!(%error, "cannot accept connections for a moment");
    sleep(Duration::from_millis(20)).await;
}

/// A connection, or what became of it after `CONNECT`: whoever holds one takes a place.
#[derive(Clone)]
struct Guest {
    house: Arc<Intercept>,
    peer: SocketAddr,
    /// The port on which the emulator was reached.
    own_port: u16,
    /// The vendor's host to which the caller believes to speak.
    believes: Option<String>,
    /// Ends when the emulator does.
    leaving: watch::Receiver<()>,
    _place: Arc<OwnedSemaphorePermit>,
}

impl Guest {
    fn welcome(
        house: &Arc<Intercept>,
        (stream, peer, place): Arrived,
        leaving: watch::Receiver<()>,
    ) -> io::Result<(Self, TcpStream)> {
        stream.set_nodelay(true)?;
        let own_port = stream.local_addr()?.port();
        let (house, _place) = (Arc::clone(house), Arc::new(place));
        Ok((Self { house, peer, own_port, believes: None, leaving, _place }, stream))
    }

    /// Waits until the emulator ends, or its task was dropped.
    async fn left(&mut self) {
        while self.leaving.changed().await.is_ok() {}
    }
}

/// The life of one connection, of those inside a tunnel too.
fn attend<S>(mut guest: Guest, stream: S) -> BoxFuture<'static, ()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    Box::pin(async move {
        let caller = guest.clone();
        let door = service_fn(move |request: Request<Incoming>| {
            let (head, incoming) = request.into_parts();
            let (body, rest) = Whole::body(incoming);
            let reply = door::receive(caller.clone(), Request::from_parts(head, body));
            async move {
                let response = reply.await?;
                rest.read().await;
                Ok::<_, HangUp>(response.map(Cut::late))
            }
        });
        let house = Arc::clone(&guest.house);
        let mut connection = pin!(house.protocol.serve_connection_with_upgrades(TokioIo::new(stream), door));
        tokio::select! {
            biased;
            _ = connection.as_mut() => return,
            () = guest.left() => connection.as_mut().graceful_shutdown(),
        }
        let _ = timeout(GRACE, connection).await;
    })
}
