//! The listener, asked by curl and by bare sockets.

use axum::body::{Body, Bytes};
use domain::time::Clock;
use emulator::asked::Front;
use emulator::child::{Inherited, Trust};
use emulator::intercept::{Allowed, Answers, Authority, HangUp, Intercept, Reply, serve};
use futures_util::future::BoxFuture;
use http::{Request, Response};
use server::system::SystemClock;
use std::net::SocketAddr;
use std::process::{Command, Output};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::{JoinHandle, JoinSet, spawn_blocking};

/// Says what it was asked, and misbehaves where the path says so.
#[derive(Default)]
struct Echo {
    begun: Notify,
    may_end: Notify,
}

impl Answers for Echo {
    fn answer(
        self: Arc<Self>,
        front: Front,
        peer: SocketAddr,
        request: Request<Body>,
    ) -> BoxFuture<'static, Reply> {
        assert!(peer.ip().is_loopback());
        Box::pin(async move {
            match request.uri().path() {
                "/hang-up" => Err(HangUp),
                "/truncated" => Ok(truncated()),
                "/slow" => {
                    self.begun.notify_one();
                    self.may_end.notified().await;
                    Ok(Response::new(Body::from("done")))
                }
                _ => Ok(Response::new(Body::from(description(&front, &request)))),
            }
        })
    }
}

fn description(front: &Front, request: &Request<Body>) -> String {
    let front = front.host().unwrap_or("direct");
    let host = request.headers()["host"].to_str().unwrap();
    let secret = request.headers().contains_key("proxy-authorization");
    assert!(!secret, "what is for the proxy stays with the proxy");
    format!("{front} {} {} {host} {:?}\n", request.method(), request.uri(), request.version())
}

/// Promises ten bytes, sends five and fails.
fn truncated() -> Response<Body> {
    let parts = [Ok(Bytes::from("01234")), Err(std::io::Error::other("as asked"))];
    let body = Body::from_stream(futures_util::stream::iter(parts));
    Response::builder().header("content-length", 10).body(body).unwrap()
}

/// A running listener, and what programs need to reach and to trust it.
struct Running {
    address: SocketAddr,
    echo: Arc<Echo>,
    trust: Trust,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

impl Running {
    async fn new() -> Self {
        Self::with(&[]).await
    }

    async fn with(allowed: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let authority = Authority::new(SystemClock.now()).unwrap();
        let allowed = Allowed::parse(allowed.iter().copied()).unwrap();
        let trust = Trust::write(&authority, &allowed).unwrap();
        let echo = Arc::new(Echo::default());
        let answers: Arc<dyn Answers> = echo.clone();
        let house = Arc::new(Intercept::new(authority, allowed, answers));
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(serve(listener, house, async { drop(stopped.await) }));
        Self { address, echo, trust, stop, served }
    }

    /// Runs a program as `latchkey emulate -- …` does.
    async fn run(&self, trust: &Trust, mut program: Command) -> Output {
        program.envs(trust.environment(self.address, &Inherited::default()));
        spawn_blocking(move || program.output().unwrap()).await.unwrap()
    }

    async fn curl(&self, arguments: &[&str]) -> Output {
        self.curl_that_trusts(&self.trust, arguments).await
    }

    /// Runs curl, which asks the proxy even for this machine.
    async fn curl_that_trusts(&self, trust: &Trust, arguments: &[&str]) -> Output {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--max-time", "20", "--noproxy", ""]).args(arguments);
        self.run(trust, curl).await
    }

    /// What curl prints when all is well.
    async fn says(&self, arguments: &[&str]) -> String {
        let output = self.curl(arguments).await;
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Everything that comes back for these bytes until the connection is closed.
    async fn raw(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer).await;
        answer
    }
}

#[tokio::test]
async fn its_own_address_is_asked_directly() {
    let running = Running::new().await;
    let url = format!("http://{}/path?query=1", running.address);
    let own = running.address;
    let direct = |version| format!("direct GET /path?query=1 {own} {version}\n");
    assert_eq!(running.says(&["--noproxy", "*", &url]).await, direct("HTTP/1.1"));
    assert_eq!(running.says(&[&url]).await, direct("HTTP/1.1"));
    assert_eq!(running.says(&["--noproxy", "*", "--http2", &url]).await, direct("HTTP/1.1"));
    assert_eq!(running.says(&["--noproxy", "*", "--http2-prior-knowledge", &url]).await, direct("HTTP/2.0"));
    assert_eq!(running.says(&["--proxytunnel", &url]).await, direct("HTTP/1.1"));
}

#[tokio::test]
async fn the_vendors_hosts_are_spoken_for_in_tls() {
    let running = Running::new().await;
    for (url, host) in [
        ("https://dm-us.informaticacloud.com/a?b=c", "dm-us.informaticacloud.com"),
        ("https://USE4.DM-US.InformaticaOnDemand.com./a?b=c", "use4.dm-us.informaticaondemand.com"),
        ("https://emulator.latchkey.invalid/a?b=c", "emulator.latchkey.invalid"),
    ] {
        let said = running.says(&["--http1.1", url]).await.to_ascii_lowercase();
        assert!(
            said.starts_with(&format!("{host} get /a?b=c {host}")) && said.ends_with(" http/1.1\n"),
            "{said}"
        );
        let said = running.says(&["--http2", "--data", "x", url]).await.to_ascii_lowercase();
        assert!(
            said.starts_with(&format!("{host} post /a?b=c {host}")) && said.ends_with(" http/2.0\n"),
            "{said}"
        );
    }
    let said = running.says(&["--http1.1", "https://dm-us.informaticacloud.com:8443/"]).await;
    assert_eq!(said, "dm-us.informaticacloud.com GET / dm-us.informaticacloud.com:8443 HTTP/1.1\n");
}

#[tokio::test]
async fn the_vendors_hosts_are_spoken_for_in_plain_http() {
    let running = Running::new().await;
    let expected = "dm-us.informaticacloud.com GET /a dm-us.informaticacloud.com HTTP/1.1\n";
    let url = "http://dm-us.informaticacloud.com/a";
    assert_eq!(running.says(&[url]).await, expected);
    assert_eq!(running.says(&["--proxy-user", "a:b", url]).await, expected);
    assert_eq!(running.says(&["--proxytunnel", url]).await, expected);
    for scheme in ["http", "https"] {
        let answer = running
            .raw(&format!(
                "GET {scheme}://me@DM-US.informaticacloud.com HTTP/1.1\r\nhost: other\r\nconnection: close\r\n\r\n"
            ))
            .await;
        assert!(
            answer
                .ends_with("\r\n\r\ndm-us.informaticacloud.com GET / DM-US.informaticacloud.com HTTP/1.1\n"),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn another_host_is_refused_by_name() {
    let running = Running::with(&["*.example.com"]).await;
    let sentence = "latchkey emulate does not reach example.org, allow it with --allow example.org";
    for request in [
        "CONNECT example.org:443 HTTP/1.1\r\nhost: example.org:443\r\nconnection: close\r\n\r\n",
        "GET http://example.org/ HTTP/1.1\r\nhost: example.org\r\nconnection: close\r\n\r\n",
        "GET https://example.org/ HTTP/1.1\r\nhost: example.org\r\nconnection: close\r\n\r\n",
    ] {
        let answer = running.raw(request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 403 {sentence}\r\n")), "{answer}");
        assert!(answer.ends_with(&format!("\r\n\r\n{sentence}\n")), "{answer}");
    }
    let output = running.curl(&["https://example.org/"]).await;
    assert_eq!(output.status.code(), Some(56), "{output:?}");
}

#[tokio::test]
async fn an_allowed_host_is_not_asked_for_tls_in_plain() {
    let running = Running::with(&["example.com"]).await;
    let answer = running
        .raw("GET https://example.com/ HTTP/1.1\r\nhost: example.com\r\nconnection: close\r\n\r\n")
        .await;
    assert!(
        answer.contains("403 latchkey emulate reaches example.com for https only by CONNECT\r\n"),
        "{answer}"
    );
}

#[tokio::test]
async fn servers_on_this_machine_are_reached() {
    let (running, other) = (Running::new().await, Running::new().await);
    let url = format!("http://localhost:{}/path", other.address.port());
    let expected = format!("direct GET /path localhost:{} HTTP/1.1\n", other.address.port());
    assert_eq!(running.says(&[&url]).await, expected);
    assert_eq!(running.says(&["--proxytunnel", &url]).await, expected);
    assert_eq!(running.says(&["--data", "x", &url]).await, expected.replace("GET", "POST"));
}

#[tokio::test]
async fn an_allowed_host_that_does_not_answer_is_named() {
    let running = Running::with(&["*.invalid"]).await;
    for method in ["CONNECT nobody.invalid:1", "GET http://nobody.invalid:1/"] {
        let request = format!("{method} HTTP/1.1\r\nhost: nobody.invalid\r\nconnection: close\r\n\r\n");
        let answer = running.raw(&request).await;
        assert!(
            answer.starts_with("HTTP/1.1 502 latchkey emulate cannot reach nobody.invalid:1: "),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn the_authority_of_another_run_is_not_trusted() {
    let (running, other) = (Running::new().await, Running::new().await);
    let output = running.curl_that_trusts(&other.trust, &["https://dm-us.informaticacloud.com/"]).await;
    assert_eq!(output.status.code(), Some(60), "{output:?}");
}

#[tokio::test]
async fn a_program_in_python_needs_nothing_but_its_environment() {
    const PROGRAM: &str = "from urllib.request import urlopen\n\
        for scheme in ('https', 'http'):\n\
        \x20   print(urlopen(scheme + '://dm-us.informaticacloud.com/a').read().decode(), end='')";
    let running = Running::new().await;
    let mut python = Command::new("python3");
    python.args(["-c", PROGRAM]);
    let output = running.run(&running.trust, python).await;
    let expected = "dm-us.informaticacloud.com GET /a dm-us.informaticacloud.com HTTP/1.1\n".repeat(2);
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{output:?}");
}

#[tokio::test]
async fn a_program_that_trusts_a_file_of_its_own_is_told_about_ours() {
    let running = Running::new().await;
    let (proxy, ca) = (format!("http://{}", running.address), running.trust.folder().join("ca.pem"));
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--proxy", &proxy, "--cacert"]).arg(ca).arg("https://dm-us.informaticacloud.com/");
    let output = spawn_blocking(move || curl.env_remove("NO_PROXY").output().unwrap()).await.unwrap();
    assert_eq!(output.stdout, b"dm-us.informaticacloud.com GET / dm-us.informaticacloud.com HTTP/2.0\n");
}

#[tokio::test]
async fn a_hang_up_closes_without_an_answer() {
    let running = Running::new().await;
    assert_eq!(running.raw("GET /hang-up HTTP/1.1\r\nhost: a\r\n\r\n").await, "");
    let url = "https://dm-us.informaticacloud.com/hang-up";
    for (version, code) in [("--http1.1", [52, 56]), ("--http2", [92, 16])] {
        let output = running.curl(&[version, url]).await;
        assert!(code.contains(&output.status.code().unwrap()) && output.stdout.is_empty(), "{output:?}");
    }
}

#[tokio::test]
async fn a_body_that_fails_arrives_as_far_as_it_went() {
    let running = Running::new().await;
    let answer = running.raw("GET /truncated HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert!(answer.contains("content-length: 10\r\n") && answer.ends_with("\r\n\r\n01234"), "{answer}");
    for (version, code) in [("--http1.1", [18, 56]), ("--http2", [92, 92])] {
        let output = running.curl(&[version, "https://dm-us.informaticacloud.com/truncated"]).await;
        assert!(code.contains(&output.status.code().unwrap()), "{output:?}");
        assert_eq!(output.stdout, b"01234", "{output:?}");
    }
}

#[tokio::test]
async fn an_answer_arrives_although_nobody_read_the_request() {
    let running = Running::new().await;
    let big = tempfile::NamedTempFile::new().unwrap();
    big.as_file().set_len(3_000_000).unwrap();
    let data = format!("@{}", big.path().display());
    for version in ["--http1.1", "--http2"] {
        let url = "https://dm-us.informaticacloud.com/";
        let said = running.says(&[version, "--data-binary", &data, url, "--next", "--silent", url]).await;
        assert_eq!(said.lines().count(), 2, "{said}");
        assert!(said.starts_with("dm-us.informaticacloud.com POST / "), "{said}");
    }
}

#[tokio::test]
async fn a_hundred_tunnels_are_served_at_once() {
    let running = Arc::new(Running::new().await);
    let mut callers = JoinSet::new();
    for number in 0..100 {
        let running = Arc::clone(&running);
        callers.spawn(async move {
            let host = format!("h{number}.informaticacloud.com");
            let said = running.says(&["--http1.1", &format!("https://{host}/")]).await;
            assert_eq!(said, format!("{host} GET / {host} HTTP/1.1\n"));
        });
    }
    assert_eq!(callers.join_all().await.len(), 100);
}

#[tokio::test]
async fn a_request_under_way_finishes_when_the_emulator_stops() {
    let running = Running::new().await;
    let echo = Arc::clone(&running.echo);
    let (mut tunnel, mut idle) =
        (running.tunnel_to_itself().await, TcpStream::connect(running.address).await.unwrap());
    tunnel.write_all(b"GET /slow HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
    echo.begun.notified().await;
    let slow = tokio::spawn(async move {
        let mut answer = String::new();
        let _ = tunnel.read_to_string(&mut answer).await;
        answer
    });
    let mut direct = TcpStream::connect(running.address).await.unwrap();
    direct.write_all(b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    echo.begun.notified().await;
    running.stop.send(()).unwrap();
    assert_eq!(idle.read(&mut [0; 16]).await.unwrap_or(0), 0);
    assert_eq!(slow.await.unwrap(), "", "a tunnel is cut");
    echo.may_end.notify_waiters();
    let mut answer = String::new();
    direct.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\ndone"), "{answer}");
    running.served.await.unwrap();
    assert!(TcpStream::connect(running.address).await.is_err());
}

#[tokio::test]
async fn nothing_outlives_a_listener_that_is_dropped() {
    let running = Running::new().await;
    let mut tunnel = running.tunnel_to_itself().await;
    running.served.abort();
    assert_eq!(tunnel.read(&mut [0; 16]).await.unwrap_or(0), 0);
    running.served.await.unwrap_err();
}

impl Running {
    /// A tunnel through the listener that ends at the listener.
    async fn tunnel_to_itself(&self) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!("CONNECT {0} HTTP/1.1\r\nhost: {0}\r\n\r\n", self.address);
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(stream.read_u8().await.unwrap());
        }
        assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"));
        stream
    }
}
