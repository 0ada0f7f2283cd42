//! A real run on a free port, and requests as a program sends them.

use domain::time::Timestamp;
use emulator::run::{Options, Run};
use emulator::seed::Person;
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// 2026-01-15T10:30:00Z, when every world begins and stands still.
pub const START: Timestamp = Timestamp::from_seconds(1_768_473_000);

pub const PASSWORD: &str = "Emulated-1!";

/// A run, and the way to it.
pub struct World {
    pub url: String,
    pub people: Vec<Person>,
    pub variables: Vec<(&'static str, String)>,
    http: Client,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
}

pub fn options() -> Options {
    Options {
        listen: "127.0.0.1:0".parse().unwrap(),
        seed: None,
        data: None,
        deterministic: None,
        frozen_at: Some(START),
        allow: Vec::new(),
        stubs: None,
        upstream: None,
        record: None,
        scripts: Vec::new(),
        inherited: Default::default(),
    }
}

impl World {
    pub async fn new() -> Self {
        Self::of(options()).await
    }

    pub async fn of(options: Options) -> Self {
        let run = Run::open(options).await.unwrap();
        let (url, people, variables) = (run.url().to_owned(), run.people(), run.variables());
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(run.serve(async { drop(stopped.await) }));
        let http = Client::builder().no_proxy().build().unwrap();
        Self { url, people, variables, http, stop: Some(stop), serving }
    }

    /// A client that reaches the vendor's hosts through the run, as a program under test does.
    pub fn through(&self) -> Client {
        let pem = std::fs::read(self.variable("SSL_CERT_FILE")).unwrap();
        let proxy = reqwest::Proxy::all(self.variable("HTTPS_PROXY")).unwrap();
        let roots = reqwest::Certificate::from_pem_bundle(&pem).unwrap();
        let builder = Client::builder().proxy(proxy).tls_certs_only(roots);
        builder.build().unwrap()
    }

    pub fn variable(&self, name: &str) -> &str {
        &self.variables.iter().find(|(known, _)| *known == name).unwrap().1
    }

    pub fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    /// Asks the emulator itself, and expects it to do it.
    pub async fn control(&self, method: Method, path: &str, body: Value) -> Value {
        let request = self.ask(method, &format!("/_emulator/{path}"));
        let request = if body.is_null() { request } else { request.body(body.to_string()) };
        let answer = Answer::to(request).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()
    }

    pub async fn clock(&self, change: Value) -> Value {
        self.control(Method::POST, "clock", change).await
    }

    /// What the clock shows.
    pub async fn now(&self) -> Timestamp {
        self.control(Method::GET, "clock", Value::Null).await["now"].as_str().unwrap().parse().unwrap()
    }

    /// A sign-in through v3.
    pub async fn sign_in(&self, name: &str, password: &str) -> Answer {
        let body = serde_json::json!({"username": name, "password": password}).to_string();
        let request = self.ask(Method::POST, "/saas/public/core/v3/login");
        Answer::to(request.header("content-type", "application/json").body(body)).await
    }

    /// A session of somebody who may sign in.
    pub async fn session(&self, name: &str) -> String {
        let answer = self.sign_in(name, PASSWORD).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["userInfo"]["sessionId"].as_str().unwrap().to_owned()
    }

    pub async fn token(&self, session: &str) -> String {
        let path = "/identity-service/api/v1/jwt/Token?client_id=idmc_api&nonce=1234";
        let answer = Answer::to(self.ask(Method::GET, path).header("IDS-SESSION-ID", session)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["jwt_token"].as_str().unwrap().to_owned()
    }

    /// What a resource server says to a session; asking slides it.
    pub async fn use_session(&self, session: &str) -> u16 {
        Answer::to(self.ask(Method::GET, "/gate").header("INFA-SESSION-ID", session)).await.status
    }

    /// What a resource server says to a token.
    pub async fn use_token(&self, token: &str) -> u16 {
        Answer::to(self.ask(Method::GET, "/gate").bearer_auth(token)).await.status
    }

    /// Ends the run, and waits until it has ended.
    pub async fn end(mut self) {
        drop(self.stop.take());
        self.serving.await.unwrap();
    }
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub async fn to(request: RequestBuilder) -> Self {
        Self::try_to(request).await.unwrap()
    }

    pub async fn try_to(request: RequestBuilder) -> reqwest::Result<Self> {
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Self { status, headers, body: response.text().await? })
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}
