//! `latchkey proxy` between plain HTTP clients and services.

use crate::client::world::{PASSWORD, World};
use crate::upstream::{Running, ask, head, listen};
use std::io::{Read, Write};
use std::net::TcpStream;

const MIB: usize = 1 << 20;
const LARGE: usize = 96 * MIB;

fn proxy(world: &World, more: &[&str]) -> Running {
    Running::start(world.job(PASSWORD, &[&["proxy", "--listen", "127.0.0.1:0"], more].concat()))
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).build().into()
}

/// A request whose host is right, for a path behind the key.
fn request(at: &str, path: &str, headers: &str) -> String {
    let at = at.trim_start_matches("http://");
    let (host, key) = at.split_once('/').unwrap_or((at, ""));
    format!("GET /{key}{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n")
}

#[test]
fn a_job_across_three_ends_of_its_session_sees_no_failed_call() {
    let world = World::new();
    let proxy = proxy(&world, &[]);
    let agent = agent();
    for round in 0..4 {
        let read = |path: &str| agent.get(format!("{}{path}", proxy.at)).call().expect("an answer").status();
        if round % 2 == 0 {
            assert_eq!(read("/session-service/api/v1/session/User"), 200, "round {round}");
        }
        let mint = format!("{}/identity-service/api/v1/jwt/Token?client_id=idmc_api&nonce=1", proxy.at);
        assert_eq!(agent.post(&mint).send("").expect("an answer").status(), 200, "round {round}");
        for path in ["/gate", "/session-service/api/v1/session/User"] {
            assert_eq!(read(path), 200, "round {round}");
        }
        if round < 3 {
            world.end_all();
        }
    }
    assert_eq!(world.number("sessions_opened_total"), 4);
}

#[test]
fn many_calls_that_find_the_session_dead_sign_in_once() {
    let world = World::new();
    let proxy = proxy(&world, &[]);
    let read = || agent().get(format!("{}/gate", proxy.at)).call().expect("an answer").status().as_u16();
    assert_eq!(read(), 200);
    world.end_all();
    std::thread::scope(|scope| {
        let calls: Vec<_> = (0..32).map(|_| scope.spawn(read)).collect();
        calls.into_iter().for_each(|call| assert_eq!(call.join().expect("an answer"), 200));
    });
    assert_eq!(world.number("sessions_opened_total"), 2);
}

#[test]
fn large_bodies_stream_both_ways() {
    let world = World::new();
    let (url, counted) = listen(|mut stream| {
        let head = head(&mut stream);
        let read = std::io::copy(&mut (&mut stream).take(LARGE as u64), &mut std::io::sink());
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {LARGE}\r\n\r\n").expect("the head is sent");
        for _ in 0..LARGE / MIB {
            stream.write_all(&[b'x'; MIB]).expect("the body is sent");
        }
        (head, read.expect("a body"))
    });
    let proxy = proxy(&world, &["--to", &url]);
    let body = ureq::SendBody::from_owned_reader(std::io::repeat(b'y').take(LARGE as u64));
    let request = agent().post(format!("{}/x", proxy.at)).header("content-length", LARGE.to_string());
    let answer = request.send(body).expect("an answer");
    let read = std::io::copy(&mut answer.into_body().into_reader(), &mut std::io::sink());
    assert_eq!(read.expect("a body"), LARGE as u64);
    let (head, read) = counted.recv().expect("a request");
    assert_eq!((head.contains(&format!("content-length: {LARGE}\r\n")), read), (true, LARGE as u64));
    let status = std::fs::read_to_string(format!("/proc/{}/status", proxy.child.id())).expect("it runs");
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a size");
    let most: usize = most.trim().trim_end_matches(" kB").parse().expect("a number");
    println!("{most} KiB at most");
    assert!(most * 1024 < LARGE * 2 / 3, "{most} KiB at most");
}

#[test]
fn each_part_of_a_stream_passes_before_the_next_is_there() {
    let world = World::new();
    let (url, _heard) = listen(|mut stream| {
        head(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").expect("the head is sent");
        let mut part = [0; 6];
        for _ in 0..3 {
            stream.read_exact(&mut part).expect("a part");
            stream.write_all(&part).expect("the same part is sent back");
        }
        stream.write_all(b"0\r\n\r\n").expect("the end is sent");
    });
    let proxy = proxy(&world, &["--to", &url]);
    let host = proxy.at.trim_start_matches("http://").split('/').next().expect("a host");
    let mut stream = TcpStream::connect(host).expect("a connection");
    let chunked = request(&proxy.at, "/x", "Transfer-Encoding: chunked\r\n").replace("GET", "POST");
    stream.write_all(chunked.as_bytes()).expect("the head is sent");
    stream.write_all(b"1\r\na\r\n").expect("a part is sent");
    assert!(head(&mut stream).starts_with("HTTP/1.1 200 OK\r\n"));
    let mut part = [0; 6];
    for sent in [b"1\r\nb\r\n", b"1\r\nc\r\n"] {
        stream.read_exact(&mut part).expect("the part before");
        stream.write_all(sent).expect("a part is sent");
    }
    stream.write_all(b"0\r\n\r\n").expect("the end is sent");
    let mut rest = String::new();
    stream.read_to_string(&mut rest).expect("the rest");
    assert_eq!((&part, rest.as_str()), (b"1\r\nb\r\n", "1\r\nc\r\n0\r\n\r\n"));
}

#[test]
fn what_passes_is_between_the_two_ends() {
    let world = World::new();
    let (url, heard) = listen(|mut stream| {
        let head = head(&mut stream);
        let hops = "Connection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n";
        let answer =
            format!("HTTP/1.1 302 Found\r\nLocation: /next\r\n{hops}X-A: 1\r\nContent-Length: 2\r\n\r\nhi");
        stream.write_all(answer.as_bytes()).expect("the answer is sent");
        head
    });
    let proxy = proxy(&world, &["--to", &url]);
    let theirs = "TE: trailers\r\nAuthorization: Basic eA==\r\nIDS-SESSION-ID: old\r\nReferer: http://a/\r\nX-B: 1\r\n";
    let answer = ask(&proxy.at, &request(&proxy.at, "/ccgf-x/api/v1/y?z=1", theirs));
    let kept: Vec<_> = answer.split("\r\n").filter(|line| !line.starts_with("date: ")).collect();
    assert_eq!(
        kept,
        [
            "HTTP/1.1 302 Found",
            "location: /next",
            "x-a: 1",
            "content-length: 2",
            "connection: close",
            "",
            "hi"
        ]
    );
    let head = heard.recv().expect("a request");
    let mut lines: Vec<_> = head.trim_end().split("\r\n").map(|line| line.split(' ').next()).collect();
    lines.sort_unstable();
    let all = ["GET", "accept:", "authorization:", "cookie:", "host:", "x-b:", "x-infa-product-id:"];
    assert_eq!(lines, all.map(Some), "{head}");
    assert!(head.starts_with("GET /ccgf-x/api/v1/y?z=1 HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("authorization: Bearer ey"), "{head}");
    assert!(head.contains(&format!("host: {}\r\n", url.trim_start_matches("http://"))), "{head}");
}

#[test]
fn only_who_knows_the_key_comes_in_and_no_web_page() {
    let world = World::new();
    let proxy = proxy(&world, &[]);
    let at = proxy.at.as_str();
    let (origin, key) = at.rsplit_once('/').expect("a key");
    let refused = |code: &str, message: &str| {
        format!("HTTP/1.1 403 Forbidden {{\"error\":{{\"code\":\"{code}\",\"message\":\"{message}\"}}}}")
    };
    let said = |request: String| {
        let answer = ask(at, &request);
        format!("{} {}", answer.lines().next().expect("a status"), answer.lines().last().expect("a body"))
    };
    let no_key = refused(
        "PROXY_NO_KEY",
        "the key is missing or wrong: use the whole URL that `latchkey proxy` printed",
    );
    assert_eq!(said(request(origin, "gate", "")), no_key);
    assert_eq!(said(request(&format!("{at}x"), "/gate", "")), no_key);
    let foreign = refused(
        "PROXY_FOREIGN_HOST",
        "the Host header does not name this machine: call it 127.0.0.1 or localhost",
    );
    assert_eq!(
        said(format!("GET /{key}/gate HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n")),
        foreign
    );
    let page = refused("PROXY_WEB_PAGE", "a web page may not send requests through this proxy");
    assert_eq!(said(request(at, "/gate", "Origin: https://a.example\r\n")), page);
    assert_eq!(said(request(at, "/gate", "Sec-Fetch-Site: cross-site\r\n")), page);
    assert_eq!(world.counted(), (0, 0));
    assert!(said(request(at, "/gate", "")).starts_with("HTTP/1.1 200 OK "));
    assert!(
        said(request(origin, "gate", &format!("X-Latchkey-Key: {key}\r\n"))).starts_with("HTTP/1.1 200 OK ")
    );
}

#[test]
fn an_open_proxy_wants_no_key_and_every_proxy_stays_on_this_machine() {
    let world = World::new();
    let open = proxy(&world, &["--open"]);
    assert_eq!(open.at.matches('/').count(), 2, "{}", open.at);
    assert!(ask(&open.at, &request(&format!("{}/", open.at), "gate", "")).starts_with("HTTP/1.1 200 OK\r\n"));
    world.run_job(PASSWORD, &["proxy", "--listen", "0.0.0.0:0"]).is(
        2,
        "",
        "error: 0.0.0.0:0 is not an address of this machine alone\nhint: name an address such as 127.0.0.1:8400; port 0 takes any free port\n",
    );
}

#[test]
fn no_session_goes_to_a_host_that_is_not_trusted() {
    let world = World::new();
    let proxy = proxy(&world, &["--to", "http://evil.localhost:1"]);
    let answer = ask(&proxy.at, &request(&proxy.at, "/api/v2/task", ""));
    let told = r#"{"error":{"code":"PROXY_NOT_TRUSTED","message":"no credentials for this request: evil.localhost is not a host of this login, so it gets no session"}}"#;
    assert!(answer.starts_with("HTTP/1.1 403 ") && answer.ends_with(told), "{answer}");
}

#[test]
fn a_refused_password_is_sent_once() {
    let world = World::new();
    let proxy = Running::start(world.job("wrong", &["proxy", "--listen", "127.0.0.1:0"]));
    for _ in 0..3 {
        let answer = ask(&proxy.at, &request(&proxy.at, "/gate", ""));
        assert!(answer.starts_with("HTTP/1.1 502 ") && answer.contains("PROXY_NOT_SIGNED_IN"), "{answer}");
    }
    assert_eq!(world.counted(), (1, 0));
}

#[test]
fn what_is_not_safe_is_sent_again_only_if_the_gate_refused_it() {
    let world = World::new();
    let mut answers =
        ["401 Unauthorized\r\nX: {}", "401 Unauthorized\r\nX: AUTH_01", "200 OK\r\nX: done"].into_iter();
    let (url, heard) = listen(move |mut stream| {
        let head = head(&mut stream);
        let mut body = [0; 2];
        stream.read_exact(&mut body).expect("a body");
        let (status, body_of_answer) =
            answers.next().and_then(|answer| answer.split_once("\r\nX: ")).expect("an answer");
        let answer = format!("HTTP/1.1 {status}\r\nConnection: close\r\n\r\n{body_of_answer}");
        stream.write_all(answer.as_bytes()).expect("the answer is sent");
        (head, body)
    });
    let proxy = proxy(&world, &["--to", &url]);
    assert_eq!(world.run_job(PASSWORD, &["session"]).code, Some(0));
    let post = || {
        let answer = agent().post(format!("{}/x", proxy.at)).send("hi").expect("an answer");
        let status = answer.status().as_u16();
        (status, answer.into_body().read_to_string().expect("text"))
    };
    let session =
        |head: String| head.lines().find(|line| line.starts_with("ids-session-id")).map(str::to_owned);
    world.end_all();
    assert_eq!(post(), (401, "{}".to_owned()));
    let (first, _) = heard.recv().expect("a request");
    world.end_all();
    assert_eq!(post(), (200, "done".to_owned()));
    let (second, third) = (heard.recv().expect("a request"), heard.recv().expect("a request"));
    assert_eq!((second.1, third.1), (*b"hi", *b"hi"));
    let [first, second, third] = [first, second.0, third.0].map(session);
    assert!(first != second && second != third, "each is another session");
}

#[test]
fn sigterm_finishes_what_is_under_way() {
    let world = World::new();
    let (sender, go_on) = std::sync::mpsc::channel();
    let (url, heard) = listen(move |mut stream| {
        let head = head(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha").expect("half is sent");
        go_on.recv().expect("the other half is wanted");
        stream.write_all(b"lf").expect("the other half is sent");
        head
    });
    let mut proxy = proxy(&world, &["--to", &url]);
    let host = proxy.at.trim_start_matches("http://").split('/').next().expect("a host");
    let mut stream = TcpStream::connect(host).expect("a connection");
    stream.write_all(request(&proxy.at, "/x", "").as_bytes()).expect("the request is sent");
    let mut answer = head(&mut stream);
    proxy.ask_to_end();
    // Nobody else is let in once it ends.
    while TcpStream::connect(host).is_ok() {}
    sender.send(()).expect("the service waits");
    stream.read_to_string(&mut answer).expect("the rest");
    assert!(answer.ends_with("\r\n\r\nhalf"), "{answer}");
    assert_eq!(proxy.child.wait().expect("it has ended").code(), Some(0));
    assert!(heard.recv().expect("a request").starts_with("GET /x "));
}
