//! A whole service on a free port, and clients of it whose clock stands still until a test moves it.

use client::{Builder, Cache, Client, Clock, Credential, Family, Secret, Source, Timestamp};
use server::config::Config;
use server::seed;
use server::service::Service;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

const SEED: &str = r#"
[[org]]
name = "Acme Prod"
id = "5mYdXw9KcJhaf3LrN8pQ2v"
  [[org.user]]
  name = "ada"
  password = "correct horse"
  roles = ["Admin"]

[[org]]
name = "Globex"
authentication_type = "jwt"
jwt_minutes = 30
  [[org.user]]
  name = "eve"
  password = "other side"
"#;

/// When every clock begins: today, because the service has the machine's clock.
pub fn start() -> Timestamp {
    client::SystemClock.now()
}

/// Stands still until it is moved. Waiting moves it.
pub struct StoppedClock {
    now: AtomicI64,
    waits: Mutex<Vec<Duration>>,
}

impl StoppedClock {
    pub fn new() -> Arc<Self> {
        Arc::new(Self { now: AtomicI64::new(start().as_millis()), waits: Mutex::default() })
    }

    pub fn later(&self, minutes: i64) {
        self.now.fetch_add(minutes * 60_000, Ordering::SeqCst);
    }

    /// Every wait so far.
    pub fn waits(&self) -> Vec<Duration> {
        self.waits.lock().unwrap().clone()
    }
}

#[async_trait::async_trait]
impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now.load(Ordering::SeqCst))
    }

    async fn wait(&self, time: Duration) {
        self.waits.lock().unwrap().push(time);
        self.now.fetch_add(i64::try_from(time.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

pub struct World {
    pub url: String,
    pub clock: Arc<StoppedClock>,
    pub folder: TempDir,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

impl World {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (url, stop, running) = serve(folder.path(), Some(SEED), 0).await;
        Self { url, clock: StoppedClock::new(), folder, stop, running }
    }

    /// Stops the service and starts it again, on the same port and data.
    pub async fn restart(self) -> Self {
        let port = self.url.rsplit(':').next().unwrap().parse().unwrap();
        self.stop.send(()).unwrap();
        self.running.await.unwrap();
        let (url, stop, running) = serve(self.folder.path(), None, port).await;
        Self { url, stop, running, clock: self.clock, folder: self.folder }
    }

    pub fn cache(&self) -> Cache {
        Cache::in_folder(self.folder.path().join("state"))
    }

    pub fn builder(&self) -> Builder {
        Client::builder(&self.url).clock(self.clock.clone())
    }

    /// Ada, whose session is kept on disk.
    pub fn ada(&self) -> Client {
        self.with_password("correct horse")
    }

    pub fn with_password(&self, password: &str) -> Client {
        let credential = Self::credential(Family::V3, "ada", password);
        self.builder().credential(credential).cache(self.cache()).build().unwrap()
    }

    pub fn credential(family: Family, user: &str, password: &str) -> Credential {
        let password = Source::Value(Secret::new(password));
        Credential::Password { family, user: user.to_owned(), password }
    }

    /// One of the service's numbers.
    pub async fn number(&self, name: &str) -> u64 {
        let text = get(&format!("{}/metrics", self.url)).await;
        let of_name = text.lines().filter(|line| line.starts_with(&format!("latchkey_{name}")));
        of_name.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
    }

    /// Sign-ins tried and tokens minted so far.
    pub async fn counted(&self) -> (u64, u64) {
        (self.number("sign_ins_total").await, self.number("tokens_minted_total").await)
    }

    /// Ends every session of Acme at the service, as a colleague's clean-up would.
    pub async fn end_all(&self) {
        let body = r#"{"username":"ada","password":"correct horse"}"#;
        let http = reqwest::Client::new();
        let request = http.post(format!("{}/ma/api/v2/user/logoutall", self.url));
        let response = request.header("content-type", "application/json").body(body).send().await.unwrap();
        assert_eq!(response.status(), 200);
    }
}

pub async fn get(url: &str) -> String {
    reqwest::get(url).await.unwrap().text().await.unwrap()
}

async fn serve(
    folder: &Path,
    seed: Option<&str>,
    port: u16,
) -> (String, oneshot::Sender<()>, JoinHandle<()>) {
    let config = Config::parse(&format!(
        "listen = '127.0.0.1:{port}'\ndata = '{}'\npassword = {{ memory_kib = 64, passes = 1, lanes = 1, threads = 1 }}",
        folder.join("data").display()
    ));
    let seed = seed.map(|seed| seed::parse(seed).unwrap());
    let service = Service::open(&config.unwrap(), seed, false).await.unwrap();
    let url = service.url.clone();
    let (stop, stopped) = oneshot::channel();
    let running = tokio::spawn(async move {
        service
            .run(async {
                let _asked = stopped.await;
            })
            .await;
    });
    (url, stop, running)
}
