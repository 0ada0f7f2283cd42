//! From a socket to the router: every connection is accepted, bounded in time, and let finish when the service stops.

mod pulse;

use crate::config::Limits;
use crate::http::own::import::Streams;
use crate::tls::Certificate;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::Response;
use futures_util::future::BoxFuture;
use http::Request;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use pulse::{Heard, Pulse, Rounds};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tower::Service;

/// Time for a TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long a connection on which nobody has asked yet is kept open when the service stops.
const LAST_MOMENT: Duration = Duration::from_millis(500);

/// Connections that the system keeps for us while we are busy.
const BACKLOG: u32 = 4_096;

/// Bytes that a connection of HTTP/2 may have sent, of one request or of all, and nobody has read.
const WINDOW: u32 = 262_144;

/// Bytes of answers that one connection of HTTP/2 keeps for each request until they can be sent.
const UNSENT: usize = 65_536;

/// Requests that one connection of HTTP/2 may have under way.
const STREAMS: u32 = 128;

/// An answer that is on its way.
pub type Answer = BoxFuture<'static, Result<Response, Infallible>>;

/// Whoever answers requests, and hears where each came from.
pub trait Door: Clone + Send + Sync + 'static {
    /// Answers what this peer asks.
    fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Answer;
}

/// A router finds the caller's address as `ConnectInfo<SocketAddr>`.
impl Door for Router {
    fn answer(&self, mut request: Request<Incoming>, peer: SocketAddr) -> Answer {
        request.extensions_mut().insert(ConnectInfo(peer));
        Box::pin(self.clone().call(request))
    }
}

/// Opens an address for connections.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves until `stop` is done, then lets requests under way finish within `limits.shutdown_seconds`.
///
/// With a certificate, nothing but TLS is spoken.
pub async fn serve(
    listener: TcpListener,
    door: impl Door,
    limits: &Limits,
    certificate: Option<Arc<Certificate>>,
    stop: impl Future<Output = ()>,
) {
    let places = Arc::new(Semaphore::new(limits.connections.try_into().unwrap_or(Semaphore::MAX_PERMITS)));
    let house = Arc::new(House { protocol: protocol(limits), door, certificate });
    let rounds = Rounds::begin(limits.header_time());
    let mut guests = Vec::new();
    let mut ticks = interval(Rounds::EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut stop = pin!(stop);
    loop {
        tokio::select! {
            arrived = arrive(&listener, &places) => match arrived {
                Ok((stream, peer, place)) => guests.push(house.welcome(stream, peer, place, rounds.pulse())),
                Err(error) => survive(&error).await,
            },
            // Where nobody is, there is nobody to walk past.
            _ = ticks.tick(), if !guests.is_empty() => rounds.walk(&mut guests),
            () = stop.as_mut() => break,
        }
    }
    for (stream, peer) in waiting(listener, places.available_permits()) {
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { break };
        guests.push(house.welcome(stream, peer, place, rounds.pulse()));
    }
    for guest in guests {
        let _ = guest.leave.send(limits.shutdown_time());
    }
    let _ = places.acquire_many(limits.connections).await;
}

/// The next connection. When all places are taken, it waits in the system's queue.
async fn arrive(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, place))
}

/// Those whom the system has let in already, as many as there are places; from now on it lets nobody in.
fn waiting(listener: TcpListener, places: usize) -> Vec<(TcpStream, SocketAddr)> {
    let Ok(listener) = listener.into_std() else { return Vec::new() };
    let next = || {
        let (stream, peer) = listener.accept().ok()?;
        stream.set_nonblocking(true).ok()?;
        Some((TcpStream::from_std(stream).ok()?, peer))
    };
    std::iter::from_fn(next).take(places).collect()
}

/// Goes on after an error: at once if it is about the caller, after a pause if it is about us (too many open files).
async fn survive(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted) {
        tracing::warn!(%error, "cannot accept connections for a moment");
        sleep(Duration::from_millis(100)).await;
    }
}

/// Both protocols on one port: HTTP/2 by ALPN or prior knowledge, HTTP/1.1 for all else.
fn protocol(limits: &Limits) -> Builder<TokioExecutor> {
    let mut protocol = Builder::new(TokioExecutor::new());
    // Twice the limit, so that it is the router which refuses a list that is a little too long, in the family's words.
    let header_bytes = limits.header_bytes.saturating_mul(2);
    // The pulse bounds the time of a head; hyper would set and clear a timer for every request. Of header lines it takes a
    // hundred, as it does by itself: with a limit of our own it would allocate the room for all of them for every request.
    protocol.http1().header_read_timeout(None);
    protocol.http1().max_buf_size(header_bytes.max(8_192).try_into().unwrap_or(usize::MAX));
    protocol
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_send_buf_size(UNSENT)
        .max_header_list_size(header_bytes)
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(10));
    protocol
}

/// A request is answered when its answer has begun, unless that goes on while the request is still being read.
fn under_way_while_it_streams(mut answer: Response, asked: pulse::Asked) -> Response {
    if answer.extensions_mut().remove::<Streams>().is_none() {
        return answer;
    }
    answer.map(|body| {
        Body::new(body.map_frame(move |frame| {
            let _under_way = &asked;
            frame
        }))
    })
}

/// What every connection shares.
struct House<D> {
    protocol: Builder<TokioExecutor>,
    door: D,
    certificate: Option<Arc<Certificate>>,
}

/// A connection as the one who walks the rounds sees it.
struct Guest {
    pulse: Arc<Pulse>,
    /// Asks it to leave within a time.
    leave: oneshot::Sender<Duration>,
}

impl<D: Door> House<D> {
    fn welcome(
        self: &Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        place: OwnedSemaphorePermit,
        pulse: Pulse,
    ) -> Guest {
        let _ = stream.set_nodelay(true);
        let (leave, mut left) = oneshot::channel();
        let pulse = Arc::new(pulse);
        let (house, guest) = (Arc::clone(self), Guest { pulse: Arc::clone(&pulse), leave });
        let Some(certificate) = &self.certificate else {
            tokio::spawn(async move {
                let _place = place;
                house.attend(stream, peer, pulse, left).await;
            });
            return guest;
        };
        let handshake = timeout(HANDSHAKE, certificate.acceptor().accept(stream));
        tokio::spawn(async move {
            let _place = place;
            tokio::select! {
                greeted = handshake => if let Ok(Ok(stream)) = greeted {
                    house.attend(stream, peer, pulse, left).await;
                },
                _ = &mut left => {}
            }
        });
        guest
    }

    /// The life of one connection.
    async fn attend<S>(
        &self,
        stream: S,
        peer: SocketAddr,
        pulse: Arc<Pulse>,
        mut left: oneshot::Receiver<Duration>,
    ) where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let stream = TokioIo::new(Heard::new(stream, Arc::clone(&pulse)));
        let heard = Arc::clone(&pulse);
        let door = service_fn(move |request: Request<Incoming>| {
            let asked = pulse.asked(request.version());
            let answer = self.door.answer(request, peer);
            async move { answer.await.map(|answer| under_way_while_it_streams(answer, asked)) }
        });
        let mut connection = pin!(self.protocol.serve_connection(stream, door));
        let time_left = tokio::select! {
            biased;
            _ = connection.as_mut() => return,
            time = &mut left => time.unwrap_or_default(),
        };
        // Whoever came in at the last moment would find the door shut although it was opened for him.
        if heard.awaits_head() && timeout(time_left.min(LAST_MOMENT), connection.as_mut()).await.is_ok() {
            return;
        }
        connection.as_mut().graceful_shutdown();
        let _ = timeout(time_left, connection).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::TlsMeters;
    use crate::tls::tests::{Files, connector, localhost};
    use axum::body::to_bytes;
    use axum::extract::Request;
    use axum::routing::any;
    use http::StatusCode;
    use hyper::client::conn::http2;
    use std::sync::Mutex;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::{Notify, oneshot};
    use tokio::task::JoinHandle;

    /// A running service that tells each caller what it saw of them.
    struct Running {
        address: SocketAddr,
        stop: oneshot::Sender<()>,
        served: JoinHandle<()>,
    }

    fn run(router: Router, limits: Limits, certificate: Option<Arc<Certificate>>) -> Running {
        let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(async move {
            let stopped = async { drop(stopped.await) };
            serve(listener, router, &limits, certificate, stopped).await;
        });
        Running { address, stop, served }
    }

    impl Running {
        async fn connect(&self) -> TcpStream {
            TcpStream::connect(self.address).await.unwrap()
        }

        async fn stop(self) {
            self.stop.send(()).unwrap();
            self.served.await.unwrap();
        }
    }

    /// Answers with the version, the caller's address and the size of the longest header.
    fn mirror() -> Router {
        async fn answer(ConnectInfo(peer): ConnectInfo<SocketAddr>, request: Request) -> String {
            let longest = request.headers().values().map(http::HeaderValue::len).max().unwrap_or(0);
            let version = request.version();
            let body = to_bytes(request.into_body(), 1_000).await.unwrap();
            format!("{version:?} {peer} {longest} {}", body.len())
        }
        Router::new().route("/", any(answer))
    }

    /// Sends one request and reads its whole answer, whose body must end in `end`.
    async fn ask(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), request: &str, end: &str) -> String {
        // A refusal may come, and the connection be closed, before everything was sent.
        let _ = stream.write_all(request.as_bytes()).await;
        let mut answer = String::new();
        while !answer.contains("\r\n\r\n") || !answer.ends_with(end) {
            let mut bytes = [0; 4_096];
            let length = stream.read(&mut bytes).await.unwrap();
            assert_ne!(length, 0, "closed after {answer:?}");
            answer.push_str(std::str::from_utf8(&bytes[..length]).unwrap());
        }
        answer
    }

    /// Whether the other side has closed without a further word.
    async fn is_closed(stream: &mut TcpStream) -> bool {
        matches!(stream.read(&mut [0; 16]).await, Ok(0) | Err(_))
    }

    async fn ask_http2<S>(stream: S, header: &str) -> (StatusCode, String)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (mut sender, connection) = http2::Builder::new(TokioExecutor::new())
            .max_header_list_size(1_000_000)
            .handshake(TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(connection);
        let request = Request::get("http://localhost/").header("x-long", header).body(Body::empty()).unwrap();
        let answer = sender.send_request(request).await.unwrap();
        let status = answer.status();
        let body = to_bytes(Body::new(answer.into_body()), 1_000).await.unwrap();
        (status, String::from_utf8(body.into()).unwrap())
    }

    #[tokio::test]
    async fn whoever_was_let_in_before_the_end_is_answered() {
        let running = run(Router::new().route("/", any(|| async { "here" })), Limits::default(), None);
        let mut guests = Vec::new();
        for _ in 0..20 {
            guests.push(TcpStream::connect(running.address).await.unwrap());
        }
        running.stop.send(()).unwrap();
        for guest in &mut guests {
            guest.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        }
        for mut guest in guests {
            let mut answer = String::new();
            guest.read_to_string(&mut answer).await.unwrap();
            assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("here"), "{answer:?}");
        }
        running.served.await.unwrap();
    }

    #[tokio::test]
    async fn a_caller_is_known_by_address() {
        let running = run(mirror(), Limits::default(), None);
        let mut caller = running.connect().await;
        let expected = format!("HTTP/1.1 {} 1 0", caller.local_addr().unwrap());
        for _ in 0..2 {
            let answer = ask(&mut caller, "GET / HTTP/1.1\r\nhost: a\r\n\r\n", " 0").await;
            assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with(&expected), "{answer}");
        }
        running.stop().await;
        assert!(is_closed(&mut caller).await);
    }

    #[tokio::test]
    async fn http2_is_spoken_by_prior_knowledge() {
        let running = run(mirror(), Limits::default(), None);
        let caller = running.connect().await;
        let expected = format!("HTTP/2.0 {} 4 0", caller.local_addr().unwrap());
        assert_eq!(ask_http2(caller, "long").await, (StatusCode::OK, expected));
        running.stop().await;
    }

    #[tokio::test]
    async fn an_offer_to_upgrade_to_http2_is_answered_in_http1() {
        let running = run(mirror(), Limits::default(), None);
        let mut caller = running.connect().await;
        let offer = "POST / HTTP/1.1\r\nhost: a\r\nconnection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\n\
                     http2-settings: AAMAAABkAARAAAAAAAIAAAAA\r\ncontent-length: 4\r\n\r\nbody";
        for _ in 0..2 {
            let answer = ask(&mut caller, offer, " 4").await;
            assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        }
        running.stop().await;
    }

    #[tokio::test]
    async fn long_headers_are_accepted_up_to_a_limit() {
        let running = run(mirror(), Limits::default(), None);
        let [long, too_long, far_too_long] = [90_000, 200_000, 500_000].map(|length| "x".repeat(length));
        let request = |header: &str| format!("GET / HTTP/1.1\r\nhost: a\r\nx-long: {header}\r\n\r\n");
        let answer = ask(&mut running.connect().await, &request(&long), " 0").await;
        assert!(answer.contains(" 90000 0"), "{answer}");
        let answer = ask(&mut running.connect().await, &request(&far_too_long), "\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
        let (status, body) = ask_http2(running.connect().await, &long).await;
        assert!(status == StatusCode::OK && body.contains(" 90000 0"), "{status} {body}");
        let (status, _) = ask_http2(running.connect().await, &too_long).await;
        assert_eq!(status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        running.stop().await;
    }

    #[tokio::test]
    async fn a_hundred_header_lines_are_accepted() {
        let running = run(mirror(), Limits::default(), None);
        let request = |lines| {
            let lines: String = (1..lines).map(|number| format!("x-{number}: 1\r\n")).collect();
            format!("GET / HTTP/1.1\r\nhost: a\r\n{lines}\r\n")
        };
        let answer = ask(&mut running.connect().await, &request(100), " 0").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        let answer = ask(&mut running.connect().await, &request(101), "\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
        running.stop().await;
    }

    #[tokio::test]
    async fn with_a_certificate_both_protocols_are_spoken_in_tls_only() {
        let (files, trusted) = Files::new();
        let certificate = Arc::new(Certificate::load(&files.paths, TlsMeters::default()).unwrap());
        let running = run(mirror(), Limits::default(), Some(certificate));
        let stream =
            connector(&trusted, &["h2"]).connect(localhost(), running.connect().await).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
        assert!(ask_http2(stream, "long").await.1.starts_with("HTTP/2.0 "));
        let mut stream =
            connector(&trusted, &[]).connect(localhost(), running.connect().await).await.unwrap();
        assert!(
            ask(&mut stream, "GET / HTTP/1.1\r\nhost: a\r\n\r\n", " 0").await.contains("HTTP/1.1 127.0.0.1:")
        );
        let mut plain = running.connect().await;
        plain.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        let _ = plain.read_to_end(&mut answer).await;
        assert!(!answer.starts_with(b"HTTP"));
        running.stop().await;
    }

    /// A route that says when it has begun and answers when it may.
    fn slow() -> (Router, Arc<Notify>, Arc<Notify>) {
        let (begun, may_end) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (tell, wait) = (Arc::clone(&begun), Arc::clone(&may_end));
        let answer = any(move || async move {
            tell.notify_one();
            wait.notified().await;
            "done"
        });
        (Router::new().route("/", answer), begun, may_end)
    }

    #[tokio::test]
    async fn a_request_under_way_finishes_when_the_service_stops() {
        let (router, begun, may_end) = slow();
        let running = run(router, Limits::default(), None);
        let (mut caller, mut silent) = (running.connect().await, running.connect().await);
        caller.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        begun.notified().await;
        running.stop.send(()).unwrap();
        assert!(is_closed(&mut silent).await);
        may_end.notify_one();
        running.served.await.unwrap();
        let answer = ask(&mut caller, "", "done").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(is_closed(&mut caller).await);
        assert!(TcpStream::connect(running.address).await.is_err());
    }

    #[tokio::test]
    async fn a_request_that_does_not_finish_in_time_is_cut() {
        let (router, begun, _may_end) = slow();
        let running = run(router, Limits { shutdown_seconds: 0, ..Limits::default() }, None);
        let mut caller = running.connect().await;
        caller.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        begun.notified().await;
        running.stop().await;
        assert!(is_closed(&mut caller).await);
    }

    /// How many seconds of a stopped clock pass until the other side closes.
    async fn seconds_until_closed(stream: &mut TcpStream) -> u64 {
        let since = tokio::time::Instant::now();
        assert!(is_closed(stream).await);
        since.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_does_not_come_in_time_ends_the_connection() {
        let running = run(mirror(), Limits::default(), None);
        for half in ["", "GE", "GET / HTTP/1.1\r\nhost: a\r\n", "PRI * HTTP/2.0"] {
            let mut caller = running.connect().await;
            caller.write_all(half.as_bytes()).await.unwrap();
            let seconds = seconds_until_closed(&mut caller).await;
            assert!((15..=17).contains(&seconds), "{half:?} {seconds}");
        }
        let mut caller = running.connect().await;
        ask(&mut caller, "GET / HTTP/1.1\r\nhost: a\r\n\r\n", " 0").await;
        caller.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        let seconds = seconds_until_closed(&mut caller).await;
        assert!((15..=17).contains(&seconds), "{seconds}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_streams_keeps_its_request_under_way() {
        async fn echo(request: Request) -> Response {
            let mut answer = Response::new(request.into_body());
            answer.extensions_mut().insert(Streams);
            answer
        }
        let running = run(Router::new().route("/", any(echo)), Limits::default(), None);
        let mut caller = running.connect().await;
        ask(&mut caller, "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\na", "a").await;
        for part in [b"b", b"c", b"d"] {
            tokio::time::advance(Duration::from_secs(60)).await;
            caller.write_all(part).await.unwrap();
            let mut heard = [0; 4];
            let length = caller.read(&mut heard).await.unwrap();
            assert_eq!(&heard[..length], part);
        }
        let seconds = seconds_until_closed(&mut caller).await;
        assert!((75..=77).contains(&seconds), "{seconds}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_may_be_quiet_between_requests() {
        let running = run(mirror(), Limits::default(), None);
        let mut caller = running.connect().await;
        for _ in 0..2 {
            ask(&mut caller, "GET / HTTP/1.1\r\nhost: a\r\n\r\n", " 0").await;
            tokio::time::advance(Duration::from_secs(60)).await;
        }
        ask(&mut caller, "GET / HTTP/1.1\r\nhost: a\r\n\r\n", " 0").await;
        let seconds = seconds_until_closed(&mut caller).await;
        assert!((75..=77).contains(&seconds), "{seconds}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_comes_after_a_time_without_any_may_be_as_quiet() {
        let running = run(mirror(), Limits::default(), None);
        drop(running.connect().await);
        tokio::time::advance(Duration::from_secs(300)).await;
        let mut caller = running.connect().await;
        ask(&mut caller, "GET / HTTP/1.1\r\nhost: a\r\n\r\n", " 0").await;
        let seconds = seconds_until_closed(&mut caller).await;
        assert!((75..=77).contains(&seconds), "{seconds}");
    }

    #[tokio::test]
    async fn over_the_cap_a_caller_waits_for_a_place() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let note = Arc::clone(&seen);
        let answer = any(move |ConnectInfo(peer): ConnectInfo<SocketAddr>| async move {
            note.lock().unwrap().push(peer);
            "done"
        });
        let running =
            run(Router::new().route("/", answer), Limits { connections: 1, ..Limits::default() }, None);
        let request = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
        let mut first = running.connect().await;
        ask(&mut first, request, "done").await;
        let mut second = running.connect().await;
        second.write_all(request.as_bytes()).await.unwrap();
        ask(&mut first, request, "done").await;
        let (one, two) = (first.local_addr().unwrap(), second.local_addr().unwrap());
        drop(first);
        ask(&mut second, "", "done").await;
        assert_eq!(*seen.lock().unwrap(), [one, one, two]);
        running.stop().await;
    }
}
