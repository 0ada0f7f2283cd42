//! `kill -9` at any moment loses nothing that was acknowledged; on PostgreSQL too, with `LATCHKEY_TEST_STORE=postgres`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use ureq::Agent;

use crate::private_postgres;
use crate::service::{self, Service};

const WORKERS: u64 = 4;
const ROUNDS_PER_FOLDER: u64 = 10;
const PASSWORD: &str = "correct horse 9 battery";
const CARRIERS: [&str; 3] = ["icSessionId", "INFA-SESSION-ID", "IDS-SESSION-ID"];

#[test]
fn a_killed_service_loses_nothing_it_acknowledged() {
    let rounds = setting("LATCHKEY_CRASH_ROUNDS").unwrap_or(12);
    let seed = setting("LATCHKEY_CRASH_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("repeat with LATCHKEY_CRASH_SEED={seed}");
    let mut dice = fastrand::Rng::with_seed(seed);
    let mut total = Count::default();
    let mut rounds_left = rounds;
    while rounds_left > 0 {
        let rounds_here = rounds_left.min(ROUNDS_PER_FOLDER);
        total.add(&one_folder(&mut dice, rounds_here));
        rounds_left -= rounds_here;
    }
    println!("{total} in {rounds} rounds");
    println!("guarantee {}", total.line());
    assert!(total.lost.is_empty(), "LATCHKEY_CRASH_SEED={seed} lost:\n{}", total.lost.join("\n"));
    assert!(
        rounds < 10 || total.covers_everything(),
        "some kind of operation was never acknowledged: {total}"
    );
}

#[expect(clippy::disallowed_methods, reason = "a test has no configuration but its environment")]
fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("{name} is not a number")))
}

/// Rounds of work, kill and restart on one data folder, everything checked after each.
fn one_folder(dice: &mut fastrand::Rng, rounds: u64) -> Count {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let arguments = prepare(folder.path());
    let mut service = Service::start(folder.path(), &arguments);
    let mut ledger = Ledger::default();
    ledger.remember_keys(&service);
    for _ in 0..rounds {
        work_until_killed(&mut service, folder.path(), dice, &mut ledger);
        if dice.u8(..8) == 0 {
            die_while_starting(folder.path(), &arguments);
        }
        service = Service::start(folder.path(), &arguments[..2]);
        ledger.check(&service);
        verify_record(folder.path());
    }
    ledger.count
}

/// Every entry hangs on the one before it, whenever the service was killed.
fn verify_record(folder: &Path) {
    let output = service::latchkey().args(["audit", "verify"]).args(store_in(folder)).output();
    let output = output.expect("the tool can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// What tells the tool where the store is.
fn store_in(folder: &Path) -> [std::ffi::OsString; 4] {
    let config = folder.join("config.toml");
    ["--config".into(), config.into(), "--data".into(), service::data(folder).into()]
}

/// Where the store is when it is not in the folder.
fn store_elsewhere() -> String {
    if is_on_postgres() { format!("store = \"{}\"\n", private_postgres::store()) } else { String::new() }
}

#[expect(clippy::disallowed_methods, reason = "a test has no configuration but its environment")]
fn is_on_postgres() -> bool {
    std::env::var("LATCHKEY_TEST_STORE").as_deref() == Ok("postgres")
}

/// Writes configuration and seed; the arguments name the configuration first.
fn prepare(folder: &Path) -> [String; 4] {
    let (config, seed) = (folder.join("config.toml"), folder.join("seed.toml"));
    fs::write(&config, format!("{}[password]\nmemory_kib = 64\n", store_elsewhere()))
        .expect("the folder can be written");
    let users = (0..WORKERS).map(|number| {
        format!("[[org.user]]\nname = \"robot.{number}\"\npassword = \"{PASSWORD}\"\nroles = [\"Admin\"]\n")
    });
    let users = users.collect::<String>();
    fs::write(&seed, format!("[[org]]\nname = \"Crash\"\n{users}")).expect("the folder can be written");
    ["--config".into(), config.display().to_string(), "--seed".into(), seed.display().to_string()]
}

fn die_while_starting(folder: &Path, arguments: &[String]) {
    let mut child = Service::spawn(folder, &arguments[..2]);
    child.kill().expect("the service can be killed");
    child.wait().expect("the service has ended");
}

/// Lets the workers work, and kills the service after a random number of acknowledgements.
fn work_until_killed(service: &mut Service, folder: &Path, dice: &mut fastrand::Rng, ledger: &mut Ledger) {
    let kill_after = dice.u32(1..=40);
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        for number in 0..WORKERS {
            let worker = Worker::new(number, service.url.clone(), dice.fork(), sender.clone());
            scope.spawn(move || worker.work(folder));
        }
        drop(sender);
        let acknowledged = ledger.listen(&receiver, kill_after);
        service.kill();
        assert_eq!(acknowledged, kill_after, "the workers stopped early\n{}", service::log(folder));
        ledger.listen(&receiver, u32::MAX);
    });
}

/// What a worker did.
enum Deed {
    SignedIn(String),
    /// Asked for, and perhaps never answered: from here on the session may be gone or not.
    LogsOut(String),
    LoggedOut(String),
    /// What the command printed; the new key's id is one of its words.
    Rotated(String),
}

/// One user who signs in, logs out and rotates keys until the service is gone.
struct Worker {
    user: String,
    url: String,
    dice: fastrand::Rng,
    deeds: Sender<Deed>,
    agent: Agent,
}

impl Worker {
    fn new(number: u64, url: String, dice: fastrand::Rng, deeds: Sender<Deed>) -> Self {
        Self { user: format!("robot.{number}"), url, dice, deeds, agent: agent() }
    }

    fn work(mut self, folder: &Path) {
        let mut open = Vec::new();
        while self.act(folder, &mut open).is_some() {}
    }

    /// One deed, or nothing when the service is gone.
    fn act(&mut self, folder: &Path, open: &mut Vec<String>) -> Option<()> {
        match self.dice.u8(..10) {
            0 => self.rotate(folder),
            1..=3 if !open.is_empty() => {
                let session = open.swap_remove(self.dice.usize(..open.len()));
                self.log_out(session)
            }
            _ => {
                open.push(self.sign_in()?);
                Some(())
            }
        }
    }

    fn sign_in(&mut self) -> Option<String> {
        let (path, session) = *self.dice.choice(&SIGN_INS)?;
        let body = json!({ "username": self.user, "password": PASSWORD }).to_string();
        let request = self.agent.post(format!("{}{path}", self.url)).content_type("application/json");
        let answer = read(request.send(body).ok()?)?;
        let answer: Value = serde_json::from_str(&answer).expect("an answer is JSON");
        let session =
            answer.pointer(session).and_then(Value::as_str).expect("an answer names the session").to_owned();
        self.deeds.send(Deed::SignedIn(session.clone())).ok()?;
        Some(session)
    }

    fn log_out(&mut self, session: String) -> Option<()> {
        let path = *self.dice.choice(&LOGOUTS)?;
        self.deeds.send(Deed::LogsOut(session.clone())).ok()?;
        let request = self.agent.post(format!("{}{path}", self.url));
        let request =
            CARRIERS.into_iter().fold(request, |request, carrier| request.header(carrier, &session));
        read(request.send_empty().ok()?)?;
        self.deeds.send(Deed::LoggedOut(session)).ok()
    }

    fn rotate(&mut self, folder: &Path) -> Option<()> {
        let output = service::latchkey().args(["keys", "rotate"]).args(store_in(folder)).output();
        let output = output.expect("the tool can be started");
        // It may find the store busy; only what it acknowledges is held against the service.
        if output.status.success() {
            let printed = String::from_utf8(output.stdout).expect("the tool prints text");
            self.deeds.send(Deed::Rotated(printed)).ok()?;
        }
        Some(())
    }
}

/// Each way of signing in, and where its answer names the session.
pub const SIGN_INS: [(&str, &str); 3] = [
    ("/identity-service/api/v1/Login", "/sessionId"),
    ("/ma/api/v2/user/login", "/icSessionId"),
    ("/saas/public/core/v3/login", "/userInfo/sessionId"),
];

/// The way of ending a session that each of them has.
pub const LOGOUTS: [&str; 3] =
    ["/identity-service/api/v1/Logout", "/saas/api/v2/user/logout", "/saas/public/core/v3/logout"];

fn agent() -> Agent {
    let config =
        Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(30)));
    config.build().into()
}

/// The body of a complete answer; a service that is alive answers 200.
fn read(mut answer: ureq::http::Response<ureq::Body>) -> Option<String> {
    let status = answer.status();
    let body = answer.body_mut().read_to_string().ok()?;
    assert_eq!(status, 200, "{body}");
    Some(body)
}

/// What has been acknowledged so far on one data folder.
#[derive(Default)]
struct Ledger {
    live: BTreeSet<String>,
    ended: BTreeSet<String>,
    keys: BTreeSet<String>,
    rotations: Vec<String>,
    count: Count,
}

impl Ledger {
    /// Notes deeds until so many are acknowledged or nobody works any more; returns how many were.
    fn listen(&mut self, deeds: &Receiver<Deed>, enough: u32) -> u32 {
        let mut acknowledged = 0;
        while acknowledged < enough {
            let Ok(deed) = deeds.recv() else { break };
            acknowledged += u32::from(self.note(deed));
        }
        acknowledged
    }

    /// Returns whether the deed was acknowledged.
    fn note(&mut self, deed: Deed) -> bool {
        match deed {
            Deed::SignedIn(session) => self.count.sign_ins += u64::from(self.live.insert(session)),
            Deed::LogsOut(session) => {
                self.live.remove(&session);
                return false;
            }
            Deed::LoggedOut(session) => self.count.logouts += u64::from(self.ended.insert(session)),
            Deed::Rotated(printed) => {
                self.count.rotations += 1;
                self.rotations.push(printed);
            }
        }
        true
    }

    /// Asks the restarted service for everything that was acknowledged before.
    fn check(&mut self, service: &Service) {
        let agent = agent();
        let status = |session: &str| {
            let request = agent.get(format!("{}/session-service/api/v1/session/User", service.url));
            request.header("IDS-SESSION-ID", session).call().expect("the service answers").status().as_u16()
        };
        let gone = self.live.extract_if(.., |session| status(session) != 200);
        self.count.lost.extend(gone.map(|session| format!("session {session} is gone")));
        let revived = self.ended.extract_if(.., |session| status(session) != 401);
        self.count.lost.extend(revived.map(|session| format!("session {session} lives after its logout")));
        let before = std::mem::take(&mut self.keys);
        self.remember_keys(service);
        let unpublished =
            before.difference(&self.keys).map(|key| format!("key {key} is not published any more"));
        self.count.lost.extend(unpublished);
        for printed in self.rotations.drain(..) {
            if !printed.split(|c: char| !is_of_an_id(c)).any(|word| self.keys.contains(word)) {
                self.count.lost.push(format!("the key of {printed:?} is not published"));
            }
        }
    }

    fn remember_keys(&mut self, service: &Service) {
        let answer = agent().get(format!("{}/identity-service/.well-known/jwks.json", service.url)).call();
        let body = read(answer.expect("the service answers")).expect("the service answers in full");
        let published: Value = serde_json::from_str(&body).expect("an answer is JSON");
        let keys = published["keys"].as_array().expect("a set of keys");
        self.keys = keys.iter().filter_map(|key| key["kid"].as_str()).map(str::to_owned).collect();
    }
}

fn is_of_an_id(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

/// What was acknowledged, and what of it was not there after a restart.
#[derive(Default)]
struct Count {
    sign_ins: u64,
    logouts: u64,
    rotations: u64,
    lost: Vec<String>,
}

impl Count {
    fn add(&mut self, other: &Self) {
        self.sign_ins += other.sign_ins;
        self.logouts += other.logouts;
        self.rotations += other.rotations;
        self.lost.extend_from_slice(&other.lost);
    }

    /// What `scripts/guarantees` reads.
    fn line(&self) -> Value {
        let place = if is_on_postgres() { " on PostgreSQL" } else { "" };
        json!({
            "test": format!("a_killed_service_loses_nothing_it_acknowledged{place}"),
            "acknowledged": self.sign_ins + self.logouts + self.rotations,
            "later": 0, "unreached": 0, "torn": 0, "lost": self.lost.len(), "late": 0, "longest_ms": 0,
        })
    }

    fn covers_everything(&self) -> bool {
        self.sign_ins > 0 && self.logouts > 0 && self.rotations > 0
    }
}

impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { sign_ins, logouts, rotations, lost } = self;
        let all = sign_ins + logouts + rotations;
        write!(
            f,
            "{all} acknowledged ({sign_ins} sign-ins, {logouts} logouts, {rotations} rotations), {} lost",
            lost.len()
        )
    }
}
