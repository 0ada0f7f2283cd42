//! A whole service in memory, on real parts: only the clock stands still until a test moves it.

use crate::answer::{Answer, Notebook};
use crate::private_postgres;
use axum::body::Body;
use axum::extract::ConnectInfo;
use domain::entropy::Entropy;
use domain::name::CanonicalName;
use domain::store::{Audit, Directory};
use domain::time::{Clock, Timestamp};
use domain::user::Account;
use domain::{Needs, Operator, access, founding, keyring};
use futures_util::future::BoxFuture;
use http::{Method, Request};
use server::admission::HashPool;
use server::app::{App, Shared};
use server::config::Config;
use server::http::front::Front;
use server::keysmith::SystemKeysmith;
use server::outbound::Outbound;
use server::{http as routes, seed, service};
use std::future::IntoFuture;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;
use store::Store;
use store::postgres::Settings;
use tower::ServiceExt;

pub use domain::time::minutes;

/// The least that the clock can move.
pub const MOMENT: Duration = Duration::from_micros(1);

/// 2026-01-15T10:30:00.000Z, when every world begins.
pub const START: Timestamp = Timestamp::from_seconds(1_768_473_000);

/// Two orgs. In Acme everybody has another reason to be let in or refused; eve administers the other org.
pub const SEED: &str = r#"
[[org]]
name = "Acme Prod"
id = "5mYdXw9KcJhaf3LrN8pQ2v"
  [[org.user]]
  name = "ada"
  password = "correct horse"
  email = "ada@acme.test"
  first_name = "Ada"
  last_name = "Lovelace"
  title = "Countess"
  phone = "5550100"
  timezone = "Europe/London"
  description = "Writes <programs>"
  security_question = "PET_NAME"
  roles = ["Admin", "Designer"]
  [[org.user]]
  name = "bob"
  password = "battery staple"
  roles = ["Service Consumer"]
  [[org.user]]
  name = "disabled.dan"
  password = "once right"
  disabled = true
  [[org.user]]
  name = "saml.sam"

[[org]]
name = "Globex"
id = "58c5f5a5-7816-9a57-be60-53f02432aec1"
  [[org.user]]
  name = "eve"
  password = "other side"
  roles = ["Admin"]
"#;

/// The families of endpoints where one signs in, and the formats that v2 takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    V1,
    V2,
    V2Xml,
    V2Form,
    V3,
}

impl Door {
    pub const ALL: [Self; 5] = [Self::V1, Self::V2, Self::V2Xml, Self::V2Form, Self::V3];

    /// Where its answer holds the session id.
    fn session_id(self, answer: &Answer) -> String {
        let in_json = |pointer| answer.json().pointer(pointer).unwrap().as_str().unwrap().to_owned();
        match self {
            Self::V1 => in_json("/sessionId"),
            Self::V2 | Self::V2Form => in_json("/icSessionId"),
            Self::V3 => in_json("/userInfo/sessionId"),
            Self::V2Xml => {
                let (_, after) = answer.body.split_once("<icSessionId>").unwrap();
                after.split_once('<').unwrap().0.to_owned()
            }
        }
    }
}

/// The header in which a session id travels, and the value that it has there.
pub type Carrier = fn(&str) -> (&'static str, String);

/// Every way to carry a session id.
pub const CARRIERS: [Carrier; 4] = [
    |id| ("IDS-SESSION-ID", id.to_owned()),
    |id| ("INFA-SESSION-ID", id.to_owned()),
    |id| ("icSessionId", id.to_owned()),
    |id| ("Cookie", format!("theme=dark; USER_SESSION={id}; XSRF_TOKEN=1")),
];

/// Where to ask for a token.
pub const TOKEN: &str = "/identity-service/api/v1/jwt/Token?client_id=idmc_api&nonce=1234";

/// A service, its clock and the names of what it has handed out.
pub struct World {
    pub app: App,
    pub store: Arc<Store>,
    pub operator: Operator,
    pub notebook: Arc<Notebook>,
    router: Front,
    clock: Arc<StoppedClock>,
    config: Config,
}

impl World {
    pub async fn new() -> Self {
        Self::of(SEED).await
    }

    pub async fn of(seed: &str) -> Self {
        Self::set_up(seed, |_| {}).await
    }

    pub async fn set_up(seed: &str, settings: impl FnOnce(&mut Config)) -> Self {
        Self::over(new_store().await, seed, settings).await
    }

    /// Two nodes over one PostgreSQL database, each with a memory of its own.
    pub async fn two_nodes() -> (Self, Self) {
        Self::nodes_over(&private_postgres::store()).await
    }

    /// The same over the database of this URL.
    pub async fn nodes_over(url: &str) -> (Self, Self) {
        let one = Self::shared(url, |_| {}).await;
        let other = one.over_the_same(Arc::new(shared_store(url).await));
        (one, other)
    }

    /// One node over the database of this URL.
    pub async fn shared(url: &str, settings: impl FnOnce(&mut Config)) -> Self {
        Self::over(shared_store(url).await, SEED, settings).await
    }

    /// The same, but it waits no longer than two seconds for the database.
    pub async fn impatient(url: &str, seed: &str) -> Self {
        let settings = Settings { statement: Duration::from_secs(2), ..Settings::of(url.parse().unwrap()) };
        Self::over(Store::open_shared(&settings, START).await.unwrap(), seed, |_| {}).await
    }

    async fn over(store: Store, seed: &str, settings: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::parse(
            r#"
            public_url = "https://dm-us.latchkey.test"
            pod_url = "https://usw1.dm-us.latchkey.test"
            password = { memory_kib = 64, passes = 1, lanes = 1, threads = 2 }
            "#,
        )
        .unwrap();
        settings(&mut config);
        config.check().unwrap();
        let clock = Arc::new(StoppedClock(AtomicI64::new(START.as_micros())));
        let store = Arc::new(store);
        let (app, operator) = open(&config, &store, &clock);
        keyring::rotate(&app.cx, access::may_rotate_keys(&operator)).await.unwrap();
        founding::found(&app.cx, access::may_found(&operator), seed::parse(seed).unwrap()).await.unwrap();
        let notebook = Arc::default();
        Self { router: routes::router(App::clone(&app)), app, store, operator, notebook, clock, config }
    }

    /// A second service over the same store.
    pub fn beside(&self) -> Self {
        self.over_the_same(Arc::clone(&self.store))
    }

    fn over_the_same(&self, store: Arc<Store>) -> Self {
        let (app, operator) = open(&self.config, &store, &self.clock);
        let notebook = Arc::clone(&self.notebook);
        let (clock, config) = (Arc::clone(&self.clock), self.config.clone());
        Self { router: routes::router(App::clone(&app)), app, store, operator, notebook, clock, config }
    }

    /// Moves the clock.
    pub fn later(&self, time: Duration) {
        let micros = i64::try_from(time.as_micros()).unwrap();
        self.clock.0.fetch_add(micros, Ordering::SeqCst);
    }

    /// How many passwords have been compared with a hash so far.
    pub fn compared(&self) -> u64 {
        self.app.metrics.hashes.checked.get()
    }

    pub async fn account(&self, name: &str) -> Account {
        self.store.account(&CanonicalName::of(name)).await.unwrap().unwrap()
    }

    /// Everything that was recorded so far, oldest first.
    pub async fn events(&self) -> Vec<serde_json::Value> {
        let entries = self.store.entries(0, u32::MAX).await.unwrap();
        entries.iter().map(|entry| serde_json::from_str(&entry.event).unwrap()).collect()
    }

    pub async fn rotate_keys(&self) {
        keyring::rotate(&self.app.cx, access::may_rotate_keys(&self.operator)).await.unwrap();
    }

    pub fn get(&self, path: &str) -> Question {
        self.ask(Method::GET, path)
    }

    pub fn post(&self, path: &str) -> Question {
        self.ask(Method::POST, path)
    }

    pub fn ask(&self, method: Method, path: &str) -> Question {
        Question {
            router: self.router.clone(),
            notebook: Arc::clone(&self.notebook),
            request: Request::builder().method(method).uri(path),
            body: Vec::new(),
        }
    }

    /// A sign-in as it leaves a program.
    pub fn sign_in(&self, door: Door, name: &str, password: &str) -> Question {
        let json = serde_json::json!({"username": name, "password": password}).to_string();
        match door {
            Door::V1 => self.post("/identity-service/api/v1/Login").json(&json),
            Door::V2 => self.post("/ma/api/v2/user/login").json(&json),
            Door::V2Xml => {
                let body =
                    format!("<login><username>{name}</username><password>{password}</password></login>");
                let headers = [("Content-Type", "application/xml"), ("Accept", "application/xml")];
                self.post("/ma/api/v2/user/login").headers(headers).body(body)
            }
            Door::V2Form => {
                let body = serde_urlencoded::to_string([("username", name), ("password", password)]).unwrap();
                let form = ("Content-Type", "application/x-www-form-urlencoded");
                self.post("/ma/api/v2/user/login").headers([form]).body(body)
            }
            Door::V3 => self.post("/saas/public/core/v3/login").json(&json),
        }
    }

    /// Signs in and hands back the session id.
    pub async fn session(&self, door: Door, name: &str, password: &str) -> String {
        let answer = self.sign_in(door, name, password).await;
        assert_eq!(answer.status, 200, "{answer}");
        door.session_id(&answer)
    }

    /// The administrator of Acme, signed in through v1.
    pub async fn ada(&self) -> String {
        self.session(Door::V1, "ada", "correct horse").await
    }

    /// Mints a token from a session.
    pub async fn token(&self, session: &str) -> String {
        let answer = self.post(TOKEN).header("IDS-SESSION-ID", session).await;
        assert_eq!(answer.status, 200, "{answer}");
        answer.json()["jwt_token"].as_str().unwrap().to_owned()
    }

    /// Asks, and hangs up before the answer: the request is taken up once and dropped.
    pub async fn hang_up(&self, question: Question) {
        let mut asked = Box::pin(question.into_future());
        std::future::poll_fn(|cx| {
            let _unheard = asked.as_mut().poll(cx);
            Poll::Ready(())
        })
        .await;
    }

    /// Whether a session is alive, asked without sliding it.
    pub async fn is_alive(&self, session: &str) -> bool {
        let body = serde_json::json!({"icToken": session}).to_string();
        let answer = self.post("/saas/api/v2/user/validSessionId").json(&body).await;
        assert_eq!(answer.status, 200, "{answer}");
        answer.json()["isValidToken"].as_bool().unwrap()
    }
}

fn open(config: &Config, store: &Arc<Store>, clock: &Arc<StoppedClock>) -> (App, Operator) {
    let metrics = routes::metrics();
    let dice: Arc<dyn Entropy> = Arc::<Dice>::default();
    let needs = Needs {
        store: Arc::<Store>::clone(store),
        clock: Arc::<StoppedClock>::clone(clock),
        entropy: Arc::clone(&dice),
        hasher: Arc::new(HashPool::start(&config.password, dice, metrics.hashes.clone()).unwrap()),
        keysmith: Arc::new(SystemKeysmith),
        key_sets: Arc::new(Outbound::new(&config.federation, Arc::<StoppedClock>::clone(clock)).unwrap()),
        policy: service::policy(config, BOUND),
    };
    let (cx, operator) = needs.start();
    let mut shared = Shared::new(config, Arc::new(cx), Arc::<Store>::clone(store), metrics);
    shared.saas_url = service::saas_url(config, BOUND);
    (Arc::new(shared), operator)
}

/// A store in memory; with `LATCHKEY_TEST_STORE=postgres` a database of its own.
#[expect(clippy::disallowed_methods, reason = "a test has no configuration but its environment")]
async fn new_store() -> Store {
    match std::env::var("LATCHKEY_TEST_STORE").as_deref() {
        Ok("postgres") => shared_store(&private_postgres::store()).await,
        _ => Store::in_memory(START).await.unwrap(),
    }
}

async fn shared_store(url: &str) -> Store {
    let settings = Settings { connections: 4, ..Settings::of(url.parse().unwrap()) };
    Store::open_shared(&settings, START).await.unwrap()
}

/// The address that nothing in these tests listens on.
const BOUND: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8470);

/// Stands still until it is moved.
struct StoppedClock(AtomicI64);

impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// Dice whose throws are counted: each is the digest of its number, so no two are alike and every run is the same.
#[derive(Default)]
struct Dice(AtomicU64);

impl Entropy for Dice {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let number = self.0.fetch_add(1, Ordering::SeqCst).to_be_bytes();
            let throw = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &number);
            chunk.copy_from_slice(&throw.as_ref()[..chunk.len()]);
        }
    }
}

/// A request that is sent when it is awaited. `$names` in its headers and its body stand for what was handed out before.
pub struct Question {
    router: Front,
    notebook: Arc<Notebook>,
    request: http::request::Builder,
    body: Vec<u8>,
}

impl Question {
    pub fn header(self, name: &str, value: &str) -> Self {
        let value = self.notebook.fill(value);
        Self { request: self.request.header(name, value), ..self }
    }

    pub fn headers<const N: usize>(self, headers: [(&str, &str); N]) -> Self {
        headers.into_iter().fold(self, |question, (name, value)| question.header(name, value))
    }

    /// From an address, as the socket has it.
    pub fn from(self, address: &str) -> Self {
        let peer = SocketAddr::new(address.parse().unwrap(), 40_000);
        Self { request: self.request.extension(ConnectInfo(peer)), ..self }
    }

    /// A header whose value is no text.
    pub fn raw_header(self, name: &str, value: &[u8]) -> Self {
        Self { request: self.request.header(name, value), ..self }
    }

    /// A session id in one of the carriers.
    pub fn carrying(self, (name, value): (&'static str, String)) -> Self {
        self.header(name, &value)
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    pub fn json(self, body: &str) -> Self {
        self.header("Content-Type", "application/json").body(body)
    }

    pub fn body(self, body: impl AsRef<str>) -> Self {
        Self { body: self.notebook.fill(body.as_ref()).into(), ..self }
    }

    /// A body that is no text.
    pub fn raw_body(self, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..self }
    }
}

impl IntoFuture for Question {
    type Output = Answer;
    type IntoFuture = BoxFuture<'static, Answer>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let request = self.request.body(Body::from(self.body)).unwrap();
            let path = request.uri().path().to_owned();
            let Ok(response) = self.router.oneshot(request).await;
            Answer::read(&path, response, self.notebook).await
        })
    }
}
