//! Three nodes over one PostgreSQL, each behind a proxy that can delay, cut and swallow, and clients who write down what
//! they were told.

mod database;
mod faults;
mod founding;
#[path = "../../../../store/tests/nodes/proxy.rs"]
mod proxy;
mod tally;
mod traffic;
mod wire;

use crate::service::{self, Service};
use database::Database;
use proxy::{Line, Proxy};
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;
use tally::{Kind, Tally};
use tokio::runtime::Runtime;
use tokio::time::Instant;
use traffic::{CLIENTS, Client, Ledger};
use wire::{Answer, Board, Wire};

/// How soon every node refuses what has ended.
const BOUND: Duration = Duration::from_secs(1);

/// How long anything may take that a scenario waits for.
const PATIENCE: Duration = Duration::from_secs(60);

const PASSWORD: &str = "correct horse 9 battery";

/// Somebody whom no client changes, so that this name and [`PASSWORD`] are always right.
const STEADY: &str = "steady";

const NODES: usize = 3;

/// Time limits short enough to see what happens after them.
const CONFIG: &str = "public_url = \"http://id.acme.test\"
[password]
memory_kib = 64
passes = 1
[lockout]
failures_per_address = 100000
[postgres]
connect_seconds = 1
wait_seconds = 1
statement_seconds = 2
";

/// Three real services.
struct Nodes {
    nodes: Vec<Node>,
    database: Database,
    board: Arc<Board>,
    wire: Wire,
    ids: Vec<String>,
    dice: fastrand::Rng,
    _runtime: Runtime,
    /// One scenario after the other: each is about time.
    _turn: MutexGuard<'static, ()>,
}

struct Node {
    proxy: Proxy,
    folder: tempfile::TempDir,
    more: Vec<(&'static str, String)>,
    service: Option<Service>,
}

impl Node {
    fn config(&self) -> PathBuf {
        self.folder.path().join("latchkey.toml")
    }

    fn arguments(&self) -> [String; 2] {
        ["--config".into(), self.config().display().to_string()]
    }
}

/// How the nodes of a scenario are set up.
#[derive(Default)]
struct Setting {
    database: Option<Database>,
    /// Added to the configuration under `[postgres]`.
    config: &'static str,
    /// What each node has in its environment.
    environment: Vec<Vec<(&'static str, String)>>,
}

impl Nodes {
    fn start() -> Self {
        Self::start_as(Setting::default())
    }

    fn start_as(setting: Setting) -> Self {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let database = setting.database.unwrap_or_else(Database::start);
        let runtime = Runtime::new().expect("a runtime");
        let board = Arc::<Board>::default();
        let environment = setting.environment.into_iter().chain(std::iter::repeat(Vec::new()));
        let make = |more| {
            let proxy = runtime.block_on(Proxy::before(&database.url()));
            let folder = tempfile::tempdir().expect("a temporary folder");
            let config = format!("store = \"{}\"\n{CONFIG}{}", proxy.url, setting.config);
            fs::write(folder.path().join("latchkey.toml"), config).expect("the folder can be written");
            Node { proxy, folder, more, service: None }
        };
        let nodes = environment.take(NODES).map(make).collect();
        let seed = setting_of_the_dice();
        println!("repeat with LATCHKEY_FAULTS_SEED={seed}");
        let dice = fastrand::Rng::with_seed(seed);
        let wire = Wire::new(Arc::clone(&board));
        let ids = Vec::new();
        let mut all = Self { nodes, database, board, wire, ids, dice, _runtime: runtime, _turn: turn };
        all.found();
        all
    }

    /// The first node fills the database; the others find it so.
    fn found(&mut self) {
        let mut seed = "[[org]]\nname = \"Acme\"\n".to_owned();
        let both = |number| [(format!("admin.{number}"), "Admin"), (format!("guest.{number}"), "Designer")];
        for (name, role) in (0..CLIENTS).flat_map(both).chain([(STEADY.to_owned(), "Designer")]) {
            let user = format!("name = \"{name}\"\npassword = \"{PASSWORD}\"");
            writeln!(seed, "[[org.user]]\n{user}\nroles = [\"{role}\"]").expect("a text grows");
        }
        let folder = self.nodes[0].folder.path().to_owned();
        fs::write(folder.join("seed.toml"), seed).expect("the folder can be written");
        self.start_node(0, &["--seed".into(), folder.join("seed.toml").display().to_string()]);
        for node in 1..NODES {
            self.start_node(node, &[]);
        }
        self.ids = (0..CLIENTS).map(|number| self.id_of(&format!("guest.{number}"))).collect();
    }

    fn id_of(&self, name: &str) -> String {
        let body = serde_json::json!({ "username": name, "password": PASSWORD });
        let Answer::Yes(told) = self.wire.post(0, "/identity-service/api/v1/Login", None, &body) else {
            panic!("{name} cannot sign in")
        };
        told["id"].as_str().expect("a sign-in names the user").to_owned()
    }

    fn start_node(&mut self, node: usize, more: &[String]) {
        let this = &mut self.nodes[node];
        let arguments = [&this.arguments()[..], more].concat();
        let service = Service::start_under(this.folder.path(), &arguments, &this.more);
        self.board.set(node, &service.url);
        this.service = Some(service);
    }

    /// Does what the scenario does while clients work on all nodes, then waits until all nodes serve, and compares.
    fn under_traffic(&mut self, test: &str, scenario: impl FnOnce(&mut Self, &Traffic)) -> Tally {
        let stop = AtomicBool::new(false);
        let (sender, acknowledged) = channel();
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| Client::new(number, self.ids[number].clone(), &self.board, self.dice.fork()))
            .collect();
        let ledgers: Vec<_> = thread::scope(|scope| {
            let stop = &stop;
            let working: Vec<_> = clients
                .into_iter()
                .map(|client| {
                    let sender = sender.clone();
                    scope.spawn(move || client.work(stop, &sender))
                })
                .collect();
            drop(sender);
            let stopped = StopAtTheEnd(stop);
            scenario(self, &Traffic(acknowledged));
            drop(stopped);
            working.into_iter().map(|client| client.join().expect("a client ends")).collect()
        });
        self.all_serve();
        let mut tally = Tally::default();
        for ledger in ledgers {
            self.compare(&ledger, &mut tally);
            tally.add(ledger.tally);
        }
        self.record_hangs_together(&mut tally);
        tally.holds(test);
        tally
    }

    fn all_serve(&self) {
        until("every node is ready", || (0..NODES).all(|node| self.wire.is_ready(node)));
    }

    /// Asks every node, and the store itself, for everything that one client was told.
    fn compare(&self, ledger: &Ledger, tally: &mut Tally) {
        for session in &ledger.live {
            for node in 0..NODES {
                if !matches!(self.heard(|| self.wire.check(node, session)), Answer::Yes(_)) {
                    tally.lost.push(format!("a live session at node {node}, at the end"));
                }
            }
        }
        let ended = ledger.ended.iter().map(|it| (it, false));
        for (it, is_token) in ended.chain(ledger.withdrawn.iter().map(|it| (it, true))) {
            for node in 0..NODES {
                until("what has ended may be judged", || it.at.elapsed() >= BOUND);
                let ask = || match is_token {
                    true => self.wire.gate(node, &it.what),
                    false => self.wire.check(node, &it.what),
                };
                if !matches!(self.heard(ask), Answer::No(_)) {
                    let since = it.at.elapsed();
                    tally.late.push(format!(
                        "node {node} at the end, {since:?} after it ended, a token: {is_token}"
                    ));
                }
            }
        }
        for name in &ledger.added {
            let body = serde_json::json!({ "username": name, "password": PASSWORD });
            let path = "/identity-service/api/v1/Login";
            if !matches!(self.heard(|| self.wire.post(0, path, None, &body)), Answer::Yes(_)) {
                tally.lost.push(format!("the user {name}"));
            }
        }
        self.compare_store(ledger, tally);
    }

    fn compare_store(&self, ledger: &Ledger, tally: &mut Tally) {
        let living = |sessions: &mut dyn Iterator<Item = &String>| {
            let ids: Vec<_> = sessions.map(|session| format!("'{session}'")).collect();
            let ids = ids.join(",");
            self.database.ask(&format!(
                "SELECT count(*) FROM unnest(ARRAY[{ids}]::text[]) AS id
                 JOIN session ON session.digest = sha256(convert_to(id, 'UTF8')) WHERE ended_at IS NULL"
            ))
        };
        let kept = living(&mut ledger.live.iter());
        if kept != ledger.live.len().to_string() {
            tally.lost.push(format!("{} sessions live, {kept} are in the store", ledger.live.len()));
        }
        let revived = living(&mut ledger.ended.iter().map(|it| &it.what));
        if revived != "0" {
            tally.lost.push(format!("{revived} sessions in the store live after their end"));
        }
    }

    /// An answer that is none is asked for again.
    fn heard(&self, ask: impl Fn() -> Answer) -> Answer {
        let since = Instant::now();
        loop {
            match ask() {
                Answer::Later if since.elapsed() < PATIENCE => {}
                answer => return answer,
            }
        }
    }

    /// Every entry of the record hangs on the one before it, and each acknowledged sign-in has one.
    fn record_hangs_together(&self, tally: &mut Tally) {
        let mut verify = service::latchkey();
        verify.args(["audit", "verify"]).args(self.nodes[0].arguments());
        let output = verify.output().expect("the tool can be started");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let recorded = self.database.ask(
            "SELECT count(*) FROM (SELECT event FROM audit UNION ALL SELECT event FROM audit_waiting) AS entry
             WHERE event LIKE '{\"event\":\"signed_in\"%'",
        );
        let recorded: u64 = recorded.parse().expect("a number");
        if recorded < tally.of(Kind::SignIn) {
            tally.lost.push(format!("{} signed in, {recorded} are recorded", tally.of(Kind::SignIn)));
        }
    }

    fn line(&self, line: Line) {
        self.nodes.iter().for_each(|node| node.proxy.set(line));
    }
}

/// What the clients are told while a scenario runs.
struct Traffic(Receiver<()>);

impl Traffic {
    /// Waits until so many operations more were acknowledged.
    fn passes(&self, count: usize) {
        // What was acknowledged before does not count.
        self.0.try_iter().for_each(drop);
        for _ in 0..count {
            self.0.recv_timeout(PATIENCE).expect("the clients get on");
        }
    }

    /// Lets the clients do what they can for so long.
    fn lasts(&self, time: Duration) {
        let since = Instant::now();
        while let Some(left) = time.checked_sub(since.elapsed()) {
            match self.0.recv_timeout(left) {
                Ok(()) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }
}

/// The clients stop also when the scenario fails.
struct StopAtTheEnd<'a>(&'a AtomicBool);

impl Drop for StopAtTheEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Asks until it is so.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        thread::park_timeout(Duration::from_millis(5));
    }
}

#[expect(clippy::disallowed_methods, reason = "a test has no configuration but its environment")]
fn setting_of_the_dice() -> u64 {
    let named = std::env::var("LATCHKEY_FAULTS_SEED").ok();
    named.map_or_else(|| fastrand::u64(..), |seed| seed.parse().expect("LATCHKEY_FAULTS_SEED is a number"))
}
