//! Beyond signing in: who may call, what answers, what an upstream sees and what is recorded of it.

use crate::world::{self, Answer};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use domain::time::{Clock, Timestamp};
use domain::{Needs, access, founding, keyring};
use emulator::asked::{Asked, Front};
use emulator::stubs::record::Recorder;
use emulator::stubs::upstream::Upstream;
use emulator::stubs::{Elsewhere, Stubs};
use futures_util::StreamExt;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use server::admission::HashPool;
use server::app::{App, Shared};
use server::config::Config;
use server::http::error::{Family, dress};
use server::keysmith::SystemKeysmith;
use server::outbound::Outbound;
use server::system::{SystemClock, SystemEntropy};
use server::{seed, service};
use std::fs;
use std::future::Future;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex};
use store::Store;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tower::ServiceExt;

const ACME: &str = "5mYdXw9KcJhaf3LrN8pQ2v";

const SEED: &str = r#"
[[org]]
name = "Acme Prod"
id = "5mYdXw9KcJhaf3LrN8pQ2v"
  [[org.user]]
  name = "ada"
  password = "correct horse"
  roles = ["Admin"]
"#;

struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(1_768_473_000)
    }
}

/// The service, a session in it and what answers elsewhere.
struct World {
    app: App,
    elsewhere: Elsewhere,
    session: String,
    token: String,
    _folder: TempDir,
}

impl World {
    /// Stubs in files with these names and contents.
    async fn with(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), files);
        let stubs = Stubs::load(folder.path()).unwrap();
        Self::of(Elsewhere { stubs, upstream: None }, folder).await
    }

    async fn of(elsewhere: Elsewhere, folder: TempDir) -> Self {
        let app = app().await;
        let mut world =
            Self { app, elsewhere, session: String::new(), token: String::new(), _folder: folder };
        world.session = world.sign_in("/identity-service/api/v1/Login", "sessionId").await;
        world.token =
            world.sign_in("/identity-service/api/v1/jwt/Token?client_id=idmc_api&nonce=1", "jwt_token").await;
        world
    }

    async fn sign_in(&self, path: &str, field: &str) -> String {
        let request = Request::post(path).header("IDS-SESSION-ID", &self.session);
        let request = request.header("Content-Type", "application/json");
        let request = request.body(Body::from(r#"{"username":"ada","password":"correct horse"}"#)).unwrap();
        let answer = server::http::router(App::clone(&self.app)).oneshot(request).await.unwrap();
        let body: serde_json::Value = serde_json::from_slice(&all(answer.into_body()).await).unwrap();
        body[field].as_str().unwrap_or_else(|| panic!("{body}")).to_owned()
    }

    /// A call with a session.
    async fn call(&self, method: &str, path: &str) -> String {
        self.call_with(method, path, &[("IDS-SESSION-ID", &self.session)]).await
    }

    async fn call_with(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> String {
        spelled(self.send(self.asked(method, path, headers), Body::empty()).await).await
    }

    fn asked(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Asked {
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        let header = |(name, value): &(&str, &str)| {
            (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap())
        };
        let mut all = HeaderMap::new();
        for (name, value) in headers.iter().map(header) {
            all.append(name, value);
        }
        Asked {
            front: Front::Direct,
            method: method.parse().unwrap(),
            path: path.to_owned(),
            query: query.map(str::to_owned),
            from: None,
            headers: all,
            user: None,
            org: None,
        }
    }

    async fn send(&self, asked: Asked, body: Body) -> Response {
        let (_, mut response) = self.elsewhere.answer(&self.app, &asked, body).await;
        dress(&mut response, Family::of(&asked.path, &asked.headers), &self.app);
        response
    }
}

fn write(folder: &Path, files: &[(&str, &str)]) {
    for (name, content) in files {
        let file = folder.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
    }
}

async fn app() -> App {
    let config = Config::parse(
        r#"
        public_url = "https://dm-us.latchkey.test"
        pod_url = "https://usw1.dm-us.latchkey.test"
        password = { memory_kib = 64, passes = 1, lanes = 1, threads = 2 }
        "#,
    );
    let config = config.unwrap();
    let bound = SocketAddr::from(([127, 0, 0, 1], 8470));
    let store = Arc::new(Store::in_memory(Stopped.now()).await.unwrap());
    let metrics = server::http::metrics();
    let dice = Arc::new(SystemEntropy);
    let needs = Needs {
        store: Arc::<Store>::clone(&store),
        clock: Arc::new(Stopped),
        entropy: Arc::<SystemEntropy>::clone(&dice),
        hasher: Arc::new(HashPool::start(&config.password, dice, metrics.hashes.clone()).unwrap()),
        keysmith: Arc::new(SystemKeysmith),
        key_sets: Arc::new(Outbound::new(&config.federation, Arc::new(SystemClock)).unwrap()),
        policy: service::policy(&config, bound),
    };
    let (cx, operator) = needs.start();
    keyring::rotate(&cx, access::may_rotate_keys(&operator)).await.unwrap();
    founding::found(&cx, access::may_found(&operator), seed::parse(SEED).unwrap()).await.unwrap();
    let mut shared = Shared::new(&config, Arc::new(cx), store, metrics);
    shared.saas_url = service::saas_url(&config, bound);
    Arc::new(shared)
}

async fn all(body: Body) -> Bytes {
    axum::body::to_bytes(body, usize::MAX).await.unwrap()
}

/// Status, headers in order, body; the name of the request is another one each time.
async fn spelled(response: Response) -> String {
    let (head, body) = response.into_parts();
    let mut headers: Vec<_> = head.headers.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    headers.sort();
    let body = String::from_utf8(all(body).await.to_vec()).unwrap();
    let body = match body.split_once(r#""requestId":""#) {
        Some((before, after)) => format!(r#"{before}"requestId":"…{}"#, after.split_at(22).1),
        None => body,
    };
    format!("{} {} {body}", head.status.as_u16(), headers.join(" "))
}

#[tokio::test]
async fn a_file_answers_the_path_that_it_is_called() {
    let world = World::with(&[
        ("GET/saas/api/v2/task.json", r#"[{"id":"1"}]"#),
        ("GET/saas/api/v2/task/{id}.json", r#"{"id":"{{ path.id }}","by":{{ user }},"q":"{{ query.x | default("-") }}"}"#),
        ("GET/saas/api/v2/task/0.json", r#"{"id":"zero"}"#),
        ("GET/saas/api/v2/task/index.xml", "<no/>"),
        ("GET/report/report.csv", "a,b\n"),
        ("GET/dir/index.html", "<p>{{ headers.user_agent }}</p>"),
        ("ANY/any.txt", "{{ method }} {{ now }} {{ base_url }}"),
        ("POST/saas/api/v2/job.toml", "status = 201\nbody = '{\"task\": {{ body.taskId }}}'\n[headers]\nLocation = \"/jobs/{{ body.taskId }}\"\nContent-Type = \"application/json;charset=UTF-8\""),
        ("GET/gone.toml", "status = 410"),
        ("GET/raw.toml", "template = false\nbody_file = \"raw.json\""),
        ("GET/raw.json", r#"{"a":"{{ b }}"}"#),
    ])
    .await;
    for (call, answer) in [
        ("GET /saas/api/v2/task", r#"200 content-type="application/json" [{"id":"1"}]"#),
        ("HEAD /saas/api/v2/task", r#"200 content-type="application/json" [{"id":"1"}]"#),
        ("GET /saas/api/v2/task/", r#"200 content-type="application/json" [{"id":"1"}]"#),
        ("GET /saas/api/v2/task/0", r#"200 content-type="application/json" {"id":"zero"}"#),
        (
            "GET /saas/api/v2/task/a%22b?x=1+2",
            r#"200 content-type="application/json" {"id":"a\"b","by":"ada","q":"1 2"}"#,
        ),
        ("GET /report/report.csv", "200 content-type=\"text/csv; charset=utf-8\" a,b\n"),
        ("GET /report/report", "200 content-type=\"text/csv; charset=utf-8\" a,b\n"),
        ("GET /gone", "410  "),
        ("GET /raw", r#"200 content-type="application/json" {"a":"{{ b }}"}"#),
        (
            "PUT /any",
            "200 content-type=\"text/plain; charset=utf-8\" PUT 2026-01-15T10:30:00.000Z https://usw1.dm-us.latchkey.test/saas",
        ),
    ] {
        let (method, path) = call.split_once(' ').unwrap();
        assert_eq!(world.call(method, path).await, answer, "{call}");
    }
    let headers = [("icSessionId", world.session.as_str()), ("User-Agent", "<x>")];
    assert_eq!(
        world.call_with("GET", "/dir/", &headers).await,
        "200 content-type=\"text/html; charset=utf-8\" <p>&lt;x&gt;</p>"
    );
    let asked = world.asked("POST", "/saas/api/v2/job", &headers);
    assert_eq!(
        spelled(world.send(asked, r#"{"taskId":"t\"1"}"#.into()).await).await,
        r#"201 content-type="application/json;charset=UTF-8" location="/jobs/t\"1" {"task": "t\"1"}"#
    );
}

#[tokio::test]
async fn a_stub_that_is_added_later_answers_the_next_call() {
    let world = World::with(&[("GET/a/b.json", "1")]).await;
    let root = world._folder.path().canonicalize().unwrap();
    let missing = format!(
        r#"404 content-type="application/json" {{"error":{{"code":"LK_NOT_FOUND","message":"No stub answers GET /a/c. To add one, write {}/GET/a/c.json, or POST {{\"method\", \"path\", \"body\"}} to /_emulator/stubs.","requestId":"…","details":null}}}}"#,
        root.display()
    );
    assert_eq!(world.call("GET", "/a/c").await, missing);
    write(&root, &[("GET/a/c.json", "2")]);
    assert_eq!(world.call("GET", "/a/c").await, r#"200 content-type="application/json" 2"#);

    let memory = &world.elsewhere.stubs.memory;
    for spec in [
        r#"{"path":"/a/c","body":{"is":"{{ path | length }}"}}"#,
        r#"{"path":"/a/{x}","status":202,"body":"x is {{ path.x }}"}"#,
        r#"{"method":"ANY","path":"/{y}/c","body":"y"}"#,
    ] {
        memory.add(serde_json::from_str(spec).unwrap()).unwrap();
    }
    assert_eq!(world.call("GET", "/a/c").await, r#"200 content-type="application/json" {"is":"0"}"#);
    assert_eq!(world.call("GET", "/a/d").await, r#"202 content-type="text/plain; charset=utf-8" x is d"#);
    assert_eq!(world.call("PUT", "/a/c").await, r#"200 content-type="text/plain; charset=utf-8" y"#);
    assert_eq!(memory.list().len(), 3);
    memory.clear();
    assert_eq!(world.call("GET", "/a/c").await, r#"200 content-type="application/json" 2"#);
}

#[tokio::test]
async fn a_broken_stub_names_its_file_and_line() {
    let world = World::with(&[
        ("GET/saas/api/v2/one.json", "{\n\"a\": {{ nobody.is }}\n}"),
        ("GET/two.toml", "status = 200\nstatus_code = 7\n"),
        ("GET/three.toml", "body_file = \"../../../../../../etc/passwd\""),
    ])
    .await;
    let root = world._folder.path().canonicalize().unwrap();
    let root = root.display();
    for (path, line) in [
        ("/saas/api/v2/one", format!("{root}/GET/saas/api/v2/one.json:2: undefined value")),
        ("/two", format!("{root}/GET/two.toml:2: unknown field `status_code`")),
        ("/three", format!("passwd: it leads out of {root}")),
    ] {
        let answer = world.call("GET", path).await;
        assert!(answer.starts_with("500 ") && answer.contains(&line), "{answer}");
    }
}

#[tokio::test]
async fn no_path_leads_out_of_the_folder() {
    let world = World::with(&[("GET/a.json", "1")]).await;
    let folder = world._folder.path();
    let outside = tempfile::tempdir().unwrap();
    write(outside.path(), &[("secret.json", "\"secret\"")]);
    std::os::unix::fs::symlink(outside.path(), folder.join("GET/link")).unwrap();
    std::os::unix::fs::symlink(folder.join("GET/a.json"), folder.join("GET/b.json")).unwrap();
    for path in ["/../a", "/x/../a", "/%2e%2e/GET/a", "/..%2fGET%2fa", "/./a", "//a", "/a%00", "/.", "/a%2f"]
    {
        let answer = world.call("GET", path).await;
        assert!(answer.starts_with("404 "), "{path}: {answer}");
    }
    let answer = world.call("GET", "/link/secret").await;
    assert!(answer.starts_with("500 ") && answer.contains("leads out of"), "{answer}");
    assert_eq!(world.call("GET", "/b").await, r#"200 content-type="application/json" 1"#);
    assert!(world.call("..", "/a").await.starts_with("404 "));
}

#[tokio::test]
async fn a_folder_that_is_no_method_is_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[("saas/api/v2/task.json", "1")]);
    let error = Stubs::load(folder.path()).unwrap_err().to_string();
    assert!(
        error.ends_with("saas is not called like a method: stubs are in folders such as GET, POST or ANY")
    );
}

#[tokio::test]
async fn credentials_are_checked_as_the_services_do() {
    let world = World::with(&[
        ("ANY/saas/api/v2/x.json", "1"),
        ("GET/frs/v1/x.json", "1"),
        ("GET/data360/x.json", "1"),
        ("POST/authz-service/oauth/token.toml", "public = true\nbody = '{\"expires_in\":300}'"),
    ])
    .await;
    let (session, bearer) = (world.session.as_str(), format!("Bearer {}", world.token));
    let bearer = bearer.as_str();
    let dead = r#"401 content-type="application/json" www-authenticate="Bearer" {"#;
    let page = r#"302 content-type="text/html;charset=UTF-8" location="https://dm-us.latchkey.test/identity-service/home" <!DOCTYPE html>"#;
    let good = r#"200 content-type="application/json" 1"#;
    for (path, headers, start) in [
        (
            "/saas/api/v2/x",
            vec![],
            r#"401 content-type="application/json" www-authenticate="Bearer" {"@type":"error","code":"AUTH_01""#,
        ),
        ("/saas/api/v2/x", vec![("icSessionId", "dead")], dead),
        ("/saas/api/v2/x", vec![("icSessionId", session)], good),
        ("/saas/api/v2/x", vec![("icSessionId", session), ("X-INFA-ORG-ID", ACME)], good),
        (
            "/saas/api/v2/x",
            vec![("icSessionId", session), ("X-INFA-ORG-ID", "58c5f5a5-7816-9a57-be60-53f02432aec1")],
            r#"403 content-type="application/json" {"@type":"error","code":"LK_DENIED""#,
        ),
        ("/saas/api/v2/x", vec![("icSessionId", "dead"), ("X-INFA-ORG-ID", "other")], dead),
        ("/frs/v1/x", vec![], dead),
        ("/frs/v1/x", vec![("Authorization", bearer)], page),
        ("/frs/v1/x", vec![("Authorization", bearer), ("IDS-SESSION-ID", session)], good),
        ("/icdq-api/y", vec![("Authorization", "Bearer x")], page),
        ("/data360/x", vec![("IDS-SESSION-ID", session)], dead),
        ("/data360/x", vec![("Authorization", bearer), ("X-INFA-ORG-ID", ACME)], good),
        ("/saas/api/v2/x", vec![("Host", "usw1-mdm.dm-us.latchkey.test"), ("Authorization", bearer)], dead),
        ("/saas/api/v2/x", vec![("Host", "usw1-mdm.dm-us.latchkey.test"), ("IDS-SESSION-ID", session)], good),
        ("/nothing", vec![], dead),
        ("/identity-service/home", vec![], r#"200 content-type="text/html;charset=UTF-8" <!DOCTYPE html>"#),
    ] {
        let answer = world.call_with("GET", path, &headers).await;
        assert!(answer.starts_with(start), "{path} {headers:?}: {answer}");
    }
    let token =
        world.call_with("POST", "/authz-service/oauth/token", &[("Authorization", "Basic eDp5")]).await;
    assert_eq!(token, r#"200 content-type="application/json" {"expires_in":300}"#);
}

/// An upstream on a real socket, and what it was asked.
struct There {
    url: String,
    heard: Arc<Mutex<Vec<String>>>,
}

impl There {
    async fn answering<F, A>(answer: F) -> Self
    where
        F: Fn(Request) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Response> + Send,
    {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/KEY", listener.local_addr().unwrap());
        let heard = Arc::<Mutex<Vec<String>>>::default();
        let hearing = Arc::clone(&heard);
        let router = Router::new().fallback(move |request: Request| {
            let mut headers: Vec<_> =
                request.headers().iter().map(|(name, value)| format!("{name}={value:?}")).collect();
            headers.sort();
            headers.retain(|header| !header.starts_with("host="));
            let call = format!("{} {} {}", request.method(), request.uri(), headers.join(" "));
            hearing.lock().unwrap().push(call);
            answer.clone()(request)
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, heard }
    }

    fn heard(&self) -> Vec<String> {
        std::mem::take(&mut self.heard.lock().unwrap())
    }

    async fn world(&self, folder: TempDir) -> World {
        let upstream = Some(Upstream::at(&self.url).unwrap());
        World::of(Elsewhere { stubs: Stubs::default(), upstream }, folder).await
    }
}

#[tokio::test]
async fn credentials_never_reach_an_upstream() {
    let there = There::answering(|_| async {
        let cookies =
            [("set-cookie", "USER_SESSION=real"), ("connection", "x-hop"), ("x-hop", "1"), ("x-b", "2")];
        (axum::response::AppendHeaders(cookies), [("set-cookie", "theme=dark")], "hello").into_response()
    })
    .await;
    let world = there.world(tempfile::tempdir().unwrap()).await;
    let (session, bearer) = (world.session.as_str(), format!("Bearer {}", world.token));
    let cookie = format!("a=1; USER_SESSION={session}; b=2");
    let headers = [
        ("icSessionId", session),
        ("INFA-SESSION-ID", session),
        ("IDS-SESSION-ID", session),
        ("Cookie", &cookie),
        ("Authorization", &bearer),
        ("X-Latchkey-User", "forged"),
        ("Connection", "keep-alive, X-Mine"),
        ("X-Mine", "1"),
        ("Expect", "100-continue"),
        ("X-INFA-ORG-ID", ACME),
    ];
    let answer = world.call_with("GET", "/saas/api/v2/task%2Fx?a=%20b", &headers).await;
    let date = answer.split(' ').find(|word| word.starts_with("date=")).is_some();
    assert!(date && answer.ends_with(r#"set-cookie="theme=dark" x-b="2" hello"#), "{answer}");
    let heard = there.heard().remove(0);
    assert!(!heard.contains(session) && !heard.contains(&world.token), "{heard}");
    let (before, id) = heard.split_once("x-latchkey-user-id=").unwrap();
    assert_eq!(
        before,
        format!(
            r#"GET /KEY/saas/api/v2/task%2Fx?a=%20b accept="*/*" cookie="a=1; b=2" x-infa-org-id="{ACME}" x-latchkey-org="{ACME}" "#
        )
    );
    assert!(id.ends_with(r#" x-latchkey-user="ada""#), "{id}");
    // Nobody goes on without credentials, and nobody leaves the upstream's path.
    assert!(world.call_with("GET", "/x", &[]).await.starts_with("401 "));
    assert!(world.call("GET", "/../x").await.starts_with("502 "));
    assert_eq!(there.heard(), Vec::<String>::new());
}

#[tokio::test]
async fn an_upstream_that_is_not_there_is_a_bad_gateway() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let upstream = Some(Upstream::at(&format!("{origin}/KEY")).unwrap());
    let world =
        World::of(Elsewhere { stubs: Stubs::default(), upstream }, tempfile::tempdir().unwrap()).await;
    let answer = world.call("GET", "/saas/api/v2/x").await;
    let expected =
        r#"502 content-type="application/json" {"@type":"error","code":"LK_UPSTREAM","description":""#;
    assert!(answer.starts_with(&format!("{expected}{origin} does not answer: ")), "{answer}");
    assert!(!answer.contains("KEY"));
    for url in ["ftp://a", "/x", "http://u:p@a", "http://a/?b"] {
        assert!(Upstream::at(url).is_err(), "{url}");
    }
}

/// A body whose parts are sent one by one.
fn parts() -> (mpsc::Sender<Bytes>, Body) {
    let (sender, receiver) = mpsc::channel::<Bytes>(1);
    let parts = futures_util::stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|part| (Ok::<_, std::io::Error>(part), receiver))
    });
    (sender, Body::from_stream(parts))
}

#[tokio::test]
async fn bodies_stream_both_ways() {
    // What comes in goes out again, part by part.
    let there = There::answering(|request| async { request.into_body().into_response() }).await;
    let folder = tempfile::tempdir().unwrap();
    let recorder = Recorder::into_folder(folder.path()).unwrap();
    let upstream = Some(Upstream::at(&there.url).unwrap().recorded(recorder));
    let world =
        World::of(Elsewhere { stubs: Stubs::default(), upstream }, tempfile::tempdir().unwrap()).await;
    let (sender, body) = parts();
    sender.send("first ".into()).await.unwrap();
    let asked = world.asked("POST", "/echo", &[("IDS-SESSION-ID", &world.session)]);
    let mut answer = world.send(asked, body).await.into_body().into_data_stream();
    assert_eq!(answer.next().await.unwrap().unwrap(), "first ");
    sender.send("last".into()).await.unwrap();
    assert_eq!(answer.next().await.unwrap().unwrap(), "last");
    drop(sender);
    assert!(answer.next().await.is_none());
}

/// Answers of all kinds, some with secrets.
async fn varied(request: Request) -> Response {
    let json = |text: &'static str| ([("content-type", "application/json")], text).into_response();
    match (request.method(), request.uri().path().trim_start_matches("/KEY")) {
        (&Method::GET, "/plain") => json(r#"{ "a" : 1.0 }"#),
        (&Method::GET, "/secret") => {
            let headers = [
                ("set-cookie", "s=1"),
                ("x-token", "t"),
                ("x-frame-options", "DENY"),
                ("x-total", "5"),
                ("location", "/a?token=x"),
            ];
            (http::StatusCode::CREATED, headers, r#"<a password="b"/>"#).into_response()
        }
        (&Method::GET, "/template") => json(r#"{"a":"{{ b }}"}"#),
        (&Method::GET, "/login") => json(r#"{"icSessionId":"s3cret","n":1}"#),
        (&Method::DELETE, "/empty") => http::StatusCode::NO_CONTENT.into_response(),
        _ => http::StatusCode::UNAUTHORIZED.into_response(),
    }
}

#[tokio::test]
async fn what_an_upstream_answers_becomes_a_stub_without_secrets() {
    let there = There::answering(varied).await;
    let folder = tempfile::tempdir().unwrap();
    let recorder = Recorder::into_folder(folder.path()).unwrap();
    let upstream = Some(Upstream::at(&there.url).unwrap().recorded(recorder));
    let mut world =
        World::of(Elsewhere { stubs: Stubs::default(), upstream }, tempfile::tempdir().unwrap()).await;
    let calls =
        [("GET", "/plain"), ("GET", "/secret"), ("GET", "/template"), ("GET", "/login"), ("GET", "/dead")];
    let mut answers = Vec::new();
    for (method, path) in calls {
        answers.push(world.call(method, path).await);
    }
    world.call("DELETE", "/empty").await;
    while written(folder.path()).len() < 7 {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        written(folder.path()),
        [
            ("DELETE/empty.toml", "status = 204\ntemplate = false\n\n[headers]\n"),
            ("GET/login.json", r#"{"icSessionId":"***","n":1}"#),
            ("GET/plain.json", r#"{ "a" : 1.0 }"#),
            ("GET/secret.toml", "status = 201\ntemplate = false\nbody_file = \"secret.txt\"\n\n[headers]\ncontent-type = \"text/plain; charset=utf-8\"\nlocation = \"/a?token=***\"\nx-total = \"5\"\n"),
            ("GET/secret.txt", r#"<a password="***"/>"#),
            ("GET/template.json", r#"{"a":"{{ b }}"}"#),
            ("GET/template.toml", "status = 200\ntemplate = false\nbody_file = \"template.json\"\n\n[headers]\ncontent-type = \"application/json\"\n"),
        ]
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
    );
    let mode = fs::metadata(folder.path().join("GET/plain.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // The stubs answer as the upstream did, and the upstream is not asked again.
    world.elsewhere.stubs = Stubs::load(folder.path()).unwrap();
    there.heard();
    assert_eq!(world.call("GET", "/plain").await, r#"200 content-type="application/json" { "a" : 1.0 }"#);
    assert_eq!(
        world.call("GET", "/template").await,
        r#"200 content-type="application/json" {"a":"{{ b }}"}"#
    );
    assert_eq!(world.call("DELETE", "/empty").await, "204  ");
    assert_eq!(there.heard(), Vec::<String>::new());
    assert!(answers[0].contains(r#"{ "a" : 1.0 }"#) && answers[3].contains("s3cret"));
}

/// Every file below a folder, and what is in it.
fn written(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for path in fs::read_dir(next).unwrap().map(|entry| entry.unwrap().path()) {
            let name = path.strip_prefix(folder).unwrap().display().to_string();
            if path.is_dir() {
                folders.push(path);
            } else if !name.contains("/.") {
                found.push((name, fs::read_to_string(path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn a_run_answers_from_stubs_through_the_vendors_hosts() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[("GET/saas/api/v2/task.json", r#"[{"url":{{ base_url }},"by":{{ user }}}]"#)]);
    let options = emulator::run::Options { stubs: Some(folder.path().to_owned()), ..world::options() };
    let run = world::World::of(options).await;
    let session = run.session("admin").await;
    let call = |path: &str| {
        let url = format!("https://use4.dm-us.informaticacloud.com{path}");
        run.through().get(url).header("icSessionId", &session)
    };
    let answer = Answer::to(call("/saas/api/v2/task")).await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (200, r#"[{"url":"https://use4.dm-us.informaticacloud.com/saas","by":"admin"}]"#)
    );
    assert_eq!(Answer::to(call("/saas/api/v2/job")).await.status, 404);
    let stub = serde_json::json!({"path": "/saas/api/v2/job", "status": 202, "body": ["x"]});
    let added = Answer::to(run.ask(Method::POST, "/_emulator/stubs").body(stub.to_string())).await;
    assert_eq!(added.status, 201, "{added:?}");
    assert_eq!(Answer::to(call("/saas/api/v2/job")).await.status, 202);
    let requests = Answer::to(run.ask(Method::GET, "/_emulator/requests?path=/saas/api/v2/*")).await.json();
    let by: Vec<_> = requests["requests"].as_array().unwrap().iter().map(|entry| &entry["by"]).collect();
    assert_eq!(by, ["stub", "nobody", "stub"]);
    run.control(Method::POST, "reset", serde_json::Value::Null).await;
    let listed = run.control(Method::GET, "stubs", serde_json::Value::Null).await;
    assert_eq!(listed, serde_json::json!({"stubs": []}));
    run.end().await;
}
