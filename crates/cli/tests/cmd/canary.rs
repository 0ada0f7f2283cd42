//! Whatever was secret in a request is nowhere afterwards: not in the record, the logs, the numbers, the traces, the
//! store or a backup of it.

use crate::service::{Service, latchkey, log};
use crate::tools::World;
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

const SEED: &str = "[[org]]\nname = \"Acme Prod\"\nid = \"5mYdXw9KcJhaf3LrN8pQ2v\"\n[[org.user]]\nname = \"boss\"\n\
    password = \"canary-password-boss\"\nroles = [\"Admin\"]\n\
    [[org]]\nname = \"Jays\"\nauthentication_type = \"jwt\"\n[[org.user]]\nname = \"jay\"\npassword = \"canary-password-jay\"\n";

/// A collector that keeps what it is sent.
struct Collector {
    url: String,
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let bytes = Arc::<Mutex<Vec<u8>>>::default();
        let kept = Arc::clone(&bytes);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let kept = Arc::clone(&kept);
                std::thread::spawn(move || answer(stream, &kept));
            }
        });
        Self { url, bytes }
    }
}

/// Keeps every byte of a connection, and answers each request that is there in whole.
fn answer(mut stream: TcpStream, kept: &Mutex<Vec<u8>>) {
    let (mut request, mut part) = (Vec::new(), [0; 65_536]);
    while let Ok(read @ 1..) = stream.read(&mut part) {
        request.extend_from_slice(&part[..read]);
        kept.lock().expect("the bytes").extend_from_slice(&part[..read]);
        let Some(head) = request.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { continue };
        let text = String::from_utf8_lossy(&request[..head]).to_ascii_lowercase();
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
        let whole = head + 4 + length.and_then(|length| length.trim().parse().ok()).unwrap_or(0);
        if request.len() >= whole {
            request.drain(..whole);
            let sent = stream.write_all(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n",
            );
            if sent.is_err() {
                return;
            }
        }
    }
}

/// Sends requests, and remembers what was secret in them.
struct Canaries<'a> {
    service: &'a Service,
    agent: ureq::Agent,
    secrets: Vec<String>,
}

impl<'a> Canaries<'a> {
    fn new(service: &'a Service) -> Self {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        Self { service, agent, secrets: Vec::new() }
    }

    /// Something to recognise.
    fn plant(&mut self, what: &str) -> String {
        let secret = format!("canary-{what}-{}", self.secrets.len());
        self.secrets.push(secret.clone());
        secret
    }

    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> String {
        let mut request =
            ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.service.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.to_owned()).expect("a request");
        let answer = self.agent.run(request).expect("an answer").body_mut().read_to_string();
        answer.expect("a body")
    }

    /// Signs in by every door, rightly and wrongly, and keeps what was handed out.
    fn sign_in(&mut self, name: &str, password: &str) -> Vec<String> {
        let (wrong, typed) = (self.plant("wrong-password"), self.plant("typed-as-name"));
        let mut sessions = Vec::new();
        for (name, password) in [(name, password), (name, wrong.as_str()), (typed.as_str(), wrong.as_str())] {
            let json = format!(r#"{{"username":"{name}","password":"{password}"}}"#);
            let xml = format!("<login><username>{name}</username><password>{password}</password></login>");
            let form = format!("username={name}&password={password}");
            for (path, body) in [
                ("/identity-service/api/v1/Login", &json),
                ("/ma/api/v2/user/login", &json),
                ("/ma/api/v2/user/login", &xml),
                ("/ma/api/v2/user/login", &form),
                ("/saas/public/core/v3/login", &json),
            ] {
                let kind = if body == &form { "application/x-www-form-urlencoded" } else { "text/plain" };
                let answer = self.send("POST", path, &[("content-type", kind)], body);
                let ids = ["\"sessionId\":\"", "\"icSessionId\":\""];
                let after = ids.iter().find_map(|id| answer.split_once(id));
                sessions
                    .extend(after.and_then(|(_, rest)| rest.split_once('"')).map(|(id, _)| id.to_owned()));
            }
        }
        assert_eq!(sessions.len(), 5, "a right password opens a session at every door");
        self.secrets.extend(sessions.iter().cloned());
        sessions
    }

    /// Everything that a session can be used for.
    fn use_session(&mut self, session: &str) {
        let path = "/identity-service/api/v1/jwt/Token?client_id=idmc_api&nonce=1";
        let cookie = format!("USER_SESSION={session}");
        for (header, value) in [
            ("IDS-SESSION-ID", session),
            ("INFA-SESSION-ID", session),
            ("icSessionId", session),
            ("Cookie", cookie.as_str()),
        ] {
            let answer = self.send("GET", path, &[(header, value)], "");
            let token = answer.split('"').nth(3).expect("a token").to_owned();
            assert_eq!(token.split('.').count(), 3, "{answer}");
            let bearer = format!("Bearer {token}");
            self.send("GET", "/gate", &[("Authorization", &bearer), (header, value)], "");
            self.send("GET", "/gate", &[("Authorization", &format!("{bearer}x"))], "");
            self.send("GET", "/session-service/api/v1/session/User", &[(header, value)], "");
            self.secrets.push(token);
        }
        let (client, nonce) = (self.plant("client"), self.plant("nonce"));
        let path = format!("/identity-service/api/v1/jwt/Token?client_id={client}&nonce={nonce}");
        self.send("GET", &path, &[("IDS-SESSION-ID", session)], "");
        let probe = format!(r#"{{"@type":"validatedToken","userName":"boss","icToken":"{session}"}}"#);
        self.send("POST", "/saas/api/v2/user/validSessionId", &[], &probe);
        self.send("GET", &format!("/saas/api/v2/user/{session}"), &[("icSessionId", session)], "");
        self.send("DELETE", &format!("/latchkey/v1/sessions/{session}"), &[("icSessionId", session)], "");
        self.send("GET", &format!("/nowhere/{session}?session={session}"), &[], "");
    }

    /// Administration with secrets in it.
    fn administer(&mut self, session: &str) {
        let [new, other, answer, assertion] =
            ["new-password", "other-password", "security-answer", "assertion"].map(|what| self.plant(what));
        let header = [("IDS-SESSION-ID", session)];
        let user = format!(
            r#"{{"name":"cleo","firstName":"C","lastName":"D","email":"c@acme.test","emails":"c@acme.test","password":"{new}","securityAnswer":"{answer}","roles":["Designer"]}}"#
        );
        let registration =
            format!(r#"{{"user":{},"org":{{"name":"Sub"}}}}"#, user.replace("\"cleo\"", "\"nora\""));
        let own = format!(r#"{{"oldPassword":"canary-password-boss","newPassword":"{other}"}}"#);
        let assertion =
            format!(r#"{{"oauthToken":"{assertion}.e30.c2ln","orgId":"5mYdXw9KcJhaf3LrN8pQ2v"}}"#);
        for (path, body) in [
            ("/saas/public/core/v3/users", &user),
            ("/saas/api/v2/user", &user.replace("\"cleo\"", "\"dora\"")),
            ("/saas/api/v2/user/register", &registration),
            ("/saas/public/core/v3/Users/ChangePassword", &own),
            ("/saas/public/core/v3/Users/ChangePassword", &own.replace("}", "")),
            ("/ma/api/v2/user/loginOAuth", &assertion),
            (
                "/ma/api/v2/user/logoutall",
                &own.replace("oldPassword", "username").replace("newPassword", "password"),
            ),
        ] {
            self.send("POST", path, &header, body);
        }
        self.send("POST", "/identity-service/api/v1/Logout", &header, "");
    }
}

/// Every file below a folder.
fn files(folder: &Path, into: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, into);
        } else {
            into.insert(path.display().to_string(), fs::read(&path).expect("a file"));
        }
    }
}

/// Which of the secrets, or of the parts of a JWT but its header, stand where.
fn found(secrets: &[String], places: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
    let mut found = Vec::new();
    for (place, bytes) in places {
        for secret in secrets {
            let is_jwt = secret.matches('.').count() == 2;
            let parts: Vec<_> =
                if is_jwt { secret.split('.').skip(1).collect() } else { vec![secret.as_str()] };
            for part in parts.into_iter().filter(|part| memchr(bytes, part.as_bytes())) {
                found.push(format!("{part} in {place}"));
            }
        }
    }
    found
}

fn memchr(bytes: &[u8], part: &[u8]) -> bool {
    let first = part[0];
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| *byte == first) {
        rest = &rest[at..];
        if rest.starts_with(part) {
            return true;
        }
        rest = &rest[1..];
    }
    false
}

#[test]
fn no_secret_of_any_request_is_found_anywhere_afterwards() {
    let (world, collector) = (World::new(), Collector::start());
    fs::write(world.path().join("seed.toml"), SEED).expect("the seed");
    let settings = format!(
        "[password]\nmemory_kib = 64\npasses = 1\n[log]\nlevel = \"trace\"\n[telemetry]\notlp_endpoint = \"{}\"\n",
        collector.url
    );
    fs::write(world.path().join("latchkey.toml"), settings).expect("the configuration");
    let service = world.serve(true);
    let mut canaries = Canaries::new(&service);
    canaries.secrets.extend(["canary-password-boss".to_owned(), "canary-password-jay".to_owned()]);
    let jay = canaries.sign_in("jay", "canary-password-jay");
    canaries.use_session(&jay[0]);
    let boss = canaries.sign_in("boss", "canary-password-boss");
    boss.iter().for_each(|session| canaries.use_session(session));
    let last = canaries.sign_in("boss", "canary-password-boss");
    canaries.administer(&last[0]);
    let metrics = canaries.send("GET", "/metrics", &[], "");
    let secrets = std::mem::take(&mut canaries.secrets);
    let backup = latchkey()
        .current_dir(world.path())
        .args(["backup", "--config", "latchkey.toml", "--data", "data", "copy.db"])
        .output();
    assert!(backup.expect("a backup").status.success());
    let mut places = BTreeMap::from([("metrics".to_owned(), metrics.into_bytes())]);
    files(&world.path().join("data"), &mut places);
    service.ask_to_end();
    assert_eq!(service.ended(), Some(0));
    for format in ["jsonl", "cef"] {
        let told = world.run(&["audit", "export", "--data", "data", "--format", format]);
        assert_eq!(told.code, Some(0), "{}", told.err);
        assert!(told.out.contains("signed_in") && told.out.contains("assertion_refused"), "{}", told.out);
        places.insert(format!("audit as {format}"), told.out.into_bytes());
    }
    let logged = log(world.path());
    assert!(logged.contains("TRACE") && logged.contains("DEBUG"), "the log is not at its most talkative");
    places.insert("log".to_owned(), logged.into_bytes());
    places.insert("copy.db".to_owned(), fs::read(world.path().join("copy.db")).expect("the backup"));
    let traces = collector.bytes.lock().expect("the bytes").clone();
    assert!(memchr(&traces, b"/saas/public/core/v3/login"), "no trace has arrived");
    places.insert("traces".to_owned(), traces);
    assert!(secrets.len() > 40, "{}", secrets.len());
    assert_eq!(found(&secrets, &places), Vec::<String>::new());
    the_search_finds_a_witness_in_each(&places);
}

/// The same search finds what may be there, in every place.
fn the_search_finds_a_witness_in_each(places: &BTreeMap<String, Vec<u8>>) {
    for (witness, place) in [
        ("c@acme.test", "copy.db"),
        ("c@acme.test", "latchkey.db"),
        ("boss signed in", "log"),
        ("latchkey_sign_ins_total", "metrics"),
        ("loginOAuth", "traces"),
        ("unknown_name", "audit as jsonl"),
        ("unknown_name", "audit as cef"),
    ] {
        let found = found(&[witness.to_owned()], places);
        assert!(found.iter().any(|found| found.contains(place)), "{witness} is not in {place}: {found:?}");
    }
}
