//! Whatever was secret in a request is nowhere afterwards: not in the record, the logs, the numbers, the traces, the
//! store or a backup of it.

use crate::service::{Service, latchkey, log};
use crate::tools::World;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

const SEED: &str = "[[org]]\nname = \"Acme Prod\"\nid = \"5mYdXw9KcJhaf3LrN8pQ2v\"\n[[org.user]]\nname = \"boss\"\n\
    password = \"canary-password-boss\"\nroles = [\"Admin\"]\n\
    [[org]]\nname = \"Jays\"\nauthentication_type = \"jwt\"\n[[org.user]]\nname = \"jay\"\npassword = \"canary-password-jay\"\n";

const ORG: &str = "5mYdXw9KcJhaf3LrN8pQ2v";

/// A response that nobody signed, and one whose signature holds, of another time.
const UNSIGNED: &str = "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
    xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_$name\" Version=\"2.0\">\
    <saml:Issuer>https://idp.acme.test/saml</saml:Issuer><saml:Assertion ID=\"_$value\" Version=\"2.0\">\
    <saml:Subject><saml:NameID>$name</saml:NameID></saml:Subject><saml:AttributeStatement>\
    <saml:Attribute Name=\"mail\"><saml:AttributeValue>$value</saml:AttributeValue></saml:Attribute>\
    </saml:AttributeStatement></saml:Assertion></samlp:Response>";
const SIGNED: &str = include_str!("../../../server/tests/vectors/saml/accepted--assertion-signed.xml");

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
        // A service that does not read a body to its end ends the connection, so nobody comes back over one.
        let config = ureq::Agent::config_builder().http_status_as_error(false);
        let agent = config.max_redirects(0).max_idle_connections(0).build().into();
        Self { service, agent, secrets: Vec::new() }
    }

    /// Something to recognise.
    fn plant(&mut self, what: &str) -> String {
        let secret = format!("canary-{what}-{}", self.secrets.len());
        self.secrets.push(secret.clone());
        secret
    }

    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> String {
        let answer = self.answer(method, path, headers, body).into_body().read_to_string();
        answer.expect("a body")
    }

    fn answer(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> ureq::http::Response<ureq::Body> {
        let mut request =
            ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.service.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.to_owned()).expect("a request");
        self.agent.run(request).expect("an answer")
    }

    /// What a JSON answer hands out once.
    fn handed_out(&mut self, answer: &str, field: &str) -> String {
        let secret = text(answer, field);
        self.secrets.push(secret.clone());
        secret
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

    /// A SCIM token, a wrong one, and a password that comes by SCIM.
    fn provision(&mut self, session: &str) {
        let made = self.send("POST", "/saas/public/core/v3/scimTokens", &[("IDS-SESSION-ID", session)], "{}");
        let (token, wrong) = (self.handed_out(&made, "token"), self.plant("scim-token"));
        let password = self.plant("scim-password");
        let user = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "scim", "password": password,
            "name": {"givenName": "S", "familyName": "C"}, "emails": [{"value": "s@acme.test"}],
        });
        for token in [&token, &wrong] {
            let bearer = format!("Bearer {token}");
            let headers = [("Authorization", bearer.as_str()), ("content-type", "application/scim+json")];
            let found = format!("/scim-service/v2/Users?filter=userName+eq+%22{token}%22");
            self.send("GET", &found, &headers, "");
            self.send("POST", "/scim-service/v2/Users", &headers, &user.to_string());
        }
    }

    /// The secret of an OAuth client, a wrong one, its token, and assertions in every place that a grant has for one.
    fn be_a_client(&mut self, session: &str) {
        let body = r#"{"name":"Nightly","roles":["Designer"],"tokenMinutes":60}"#;
        let path = format!("/latchkey/v1/orgs/{ORG}/clients");
        let made = self.send("POST", &path, &[("IDS-SESSION-ID", session)], body);
        let (id, secret) = (text(&made, "id"), self.handed_out(&made, "secret"));
        let (wrong, of_nobody) = (self.plant("client-secret"), self.plant("token"));
        let assertion = format!("{}.{}.c2ln", self.plant("head"), self.plant("claims"));
        let urn = "urn%3Aietf%3Aparams%3Aoauth%3A";
        let granted = "grant_type=client_credentials";
        let grants = [
            granted.to_owned(),
            format!("grant_type={urn}grant-type%3Ajwt-bearer&assertion={assertion}"),
            format!(
                "{granted}&client_assertion_type={urn}client-assertion-type%3Ajwt-bearer&client_assertion={assertion}"
            ),
            format!(
                "grant_type={urn}grant-type%3Atoken-exchange&subject_token={assertion}&subject_token_type={urn}token-type%3Ajwt"
            ),
        ];
        let (token, form) =
            ("/authz-service/oauth/token", ("content-type", "application/x-www-form-urlencoded"));
        for secret in [secret, wrong] {
            let basic = BASE64_STANDARD.encode(format!("{id}:{secret}"));
            let authorization = format!("Basic {basic}");
            let in_header = [form, ("Authorization", authorization.as_str())];
            for grant in &grants {
                let told = self.send("POST", token, &in_header, grant);
                if told.contains("access_token") {
                    let token = self.handed_out(&told, "access_token");
                    self.present(&in_header, &token);
                }
                let in_body = format!("client_id={id}&client_secret={secret}&{grant}");
                self.send("POST", token, &[form], &in_body);
            }
            self.present(&in_header, &of_nobody);
            self.secrets.push(basic);
        }
    }

    fn present(&self, headers: &[(&str, &str)], token: &str) {
        for path in ["introspect", "revoke"] {
            self.send("POST", &format!("/authz-service/oauth/{path}"), headers, &format!("token={token}"));
        }
    }

    /// SAML messages with what is in them, in every place that takes one, and what a browser carries along with them.
    fn federate(&mut self, session: &str) {
        let provider = json!({
            "issuer": "https://idp.acme.test/saml",
            "certificates": [include_str!("../../../server/tests/vectors/saml/rsa.pem")],
            "singleSignOn": [{"binding": "HTTP-Redirect", "url": "https://idp.acme.test/sso"}],
            "singleLogout": [{"binding": "HTTP-Redirect", "url": "https://idp.acme.test/slo"}],
        });
        let path = format!("/latchkey/v1/orgs/{ORG}/saml");
        let put = self.send("PUT", &path, &[("IDS-SESSION-ID", session)], &provider.to_string());
        assert!(put.contains("entityId"), "{put}");
        let [name, value, relay, asked] = ["name", "value", "relay", "asked"].map(|what| self.plant(what));
        let unsigned = UNSIGNED.replace("$name", &name).replace("$value", &value);
        let (_, signature) = SIGNED.split_once("SignatureValue>").expect("it is signed");
        self.secrets.push(signature.split('<').next().expect("a value").trim().to_owned());
        let cookies = format!("LATCHKEY_SAML={ORG}.{asked}");
        let form = [("content-type", "application/x-www-form-urlencoded"), ("Cookie", cookies.as_str())];
        for message in [unsigned.as_str(), SIGNED] {
            let message = BASE64_STANDARD.encode(message);
            let sign_in = json!({"samlToken": message, "orgId": ORG}).to_string();
            self.send("POST", "/ma/api/v2/user/loginSaml", &[("content-type", "application/json")], &sign_in);
            let carried = message.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
            let answer = format!("SAMLResponse={carried}&RelayState=/{relay}");
            self.send("POST", &format!("/identity-service/acs/{ORG}"), &form, &answer);
            let slo = format!("/identity-service/slo/{ORG}");
            for field in ["SAMLRequest", "SAMLResponse"] {
                let carried = format!("{field}={carried}&RelayState={relay}");
                self.send("POST", &slo, &form, &carried);
                self.send("GET", &format!("{slo}?{carried}&SigAlg=a&Signature={relay}"), &form, "");
            }
            // A part of it would be too much as well.
            let parts = message.as_bytes().chunks_exact(64);
            self.secrets.extend(parts.map(|part| String::from_utf8_lossy(part).into_owned()));
        }
        self.send("GET", &format!("/ma/sso/{ORG}?RelayState=/{relay}"), &form, "");
    }

    /// The cookies and tokens of forms, invented ones and those that a browser gets.
    fn fill_in_forms(&mut self) {
        let (home, kind) = ("/identity-service/home", ("content-type", "application/x-www-form-urlencoded"));
        let [cookie, token] = ["form-cookie", "form-token"].map(|what| self.plant(what));
        let invented = format!("LATCHKEY_FORM={cookie}");
        let fields = |token: &str| format!("form_token={token}&username=boss&password=canary-password-boss");
        self.send("POST", home, &[kind, ("Cookie", &invented)], &fields(&token));
        let page = self.answer("GET", home, &[], "");
        let cookie = kept(&page);
        let page = page.into_body().read_to_string().expect("a page");
        let (_, token) = page.split_once("name=\"form_token\" value=\"").expect("a form");
        let token = token.split('"').next().expect("a value").to_owned();
        let signed_in = self.answer("POST", home, &[kind, ("Cookie", &cookie)], &fields(&token));
        assert_eq!(signed_in.status(), 303, "{signed_in:?}");
        let values =
            [cookie, kept(&signed_in)].map(|pair| pair.split_once('=').expect("a pair").1.to_owned());
        self.secrets.extend(values.into_iter().chain([token]));
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

/// A text in a JSON answer.
fn text(answer: &str, field: &str) -> String {
    let told: Value = serde_json::from_str(answer).unwrap_or_else(|error| panic!("{error}: {answer}"));
    told[field].as_str().unwrap_or_else(|| panic!("no {field} in {answer}")).to_owned()
}

/// The first cookie that an answer sets, with its name.
fn kept(answer: &ureq::http::Response<ureq::Body>) -> String {
    let line = answer.headers()["set-cookie"].to_str().expect("a cookie is text");
    line.split(';').next().unwrap_or_default().to_owned()
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
    canaries.provision(&last[0]);
    canaries.be_a_client(&last[0]);
    canaries.federate(&last[0]);
    canaries.fill_in_forms();
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
        for event in ["signed_in", "assertion_refused", "client_refused", "scim_refused", "logout_refused"] {
            assert!(told.out.contains(event), "{event}: {}", told.out);
        }
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
