//! What may go wrong under three nodes while clients work. The table of it is docs/reference/guarantees.md, which
//! `scripts/guarantees` renews from what these tests print.

use super::database::{Database, Disk};
use super::proxy::Line;
use super::tally::{Kind, Tally};
use super::wire::{Answer, Board, Wire};
use super::{CONFIG, NODES, Nodes, PASSWORD, PATIENCE, STEADY, Setting, until};
use crate::service::{self, Service};
use std::sync::Arc;
use std::time::Duration;
use std::{fs, thread};
use tokio::time::Instant;

/// How late everything comes from a slow database, each way.
const SLOW: Duration = Duration::from_millis(100);

/// Memory answers no longer than this without news, in seconds.
const MEMORY: f64 = 0.8;

const NEWS_AGE: &str = "latchkey_news_age_seconds ";

#[test]
fn nodes_are_replaced_one_after_the_other() {
    let mut nodes = Nodes::start();
    let tally = nodes.under_traffic("nodes_are_replaced_one_after_the_other", |nodes, traffic| {
        for node in 0..NODES {
            traffic.passes(80);
            let service = nodes.nodes[node].service.take().expect("it runs");
            service.ask_to_end();
            assert_eq!(service.ended(), Some(0));
            nodes.start_node(node, &[]);
        }
        traffic.passes(80);
    });
    assert_eq!(tally.torn, 0, "a node that ends answers what it has begun");
}

#[test]
fn a_schema_of_the_next_release_beside_this_one() {
    let mut nodes = Nodes::start();
    nodes.under_traffic("a_schema_of_the_next_release_beside_this_one", |nodes, traffic| {
        traffic.passes(60);
        // As the next release does when its first node starts: it adds, and takes nothing away.
        nodes.database.ask(
            "BEGIN; SELECT number FROM migration WHERE number = 0 FOR UPDATE;
             ALTER TABLE session ADD COLUMN of_next_year BIGINT;
             ALTER TABLE account ADD COLUMN of_next_year TEXT NOT NULL DEFAULT '';
             CREATE TABLE of_next_year (id BIGINT PRIMARY KEY);
             INSERT INTO migration (number, name, checksum, applied_at) VALUES (9000, 'of_next_year', '', 0);
             COMMIT",
        );
        traffic.passes(120);
        let folder = nodes.nodes[0].folder.path().to_owned();
        nodes.nodes[0].service.take().expect("it runs").kill();
        let started = Service::spawn(&folder, &nodes.nodes[0].arguments());
        let refused = started.wait_with_output().expect("it ends");
        assert!(!refused.status.success(), "a node of this release starts on a schema of the next");
        assert!(service::log(&folder).contains("of_next_year"), "{}", service::log(&folder));
        traffic.passes(60);
        nodes.database.ask("DELETE FROM migration WHERE number = 9000");
        nodes.start_node(0, &[]);
        traffic.passes(60);
    });
}

#[test]
fn the_signing_key_is_rotated() {
    let mut nodes = Nodes::start();
    let tally = nodes.under_traffic("the_signing_key_is_rotated", |nodes, traffic| {
        for node in 0..NODES {
            traffic.passes(80);
            let mut rotate = service::latchkey();
            rotate.args(["keys", "rotate"]).args(nodes.nodes[node].arguments());
            let output = rotate.output().expect("the tool can be started");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        // Every node signs with the new key two seconds later; every other must know it by then.
        traffic.lasts(Duration::from_secs(3));
        traffic.passes(80);
    });
    assert!(tally.of(Kind::Verify) > 0);
}

#[test]
fn a_node_is_lost() {
    let mut nodes = Nodes::start();
    nodes.under_traffic("a_node_is_lost", |nodes, traffic| {
        for node in 0..NODES {
            traffic.passes(80);
            nodes.nodes[node].service.take().expect("it runs").kill();
            traffic.passes(60);
            nodes.start_node(node, &[]);
        }
        traffic.passes(80);
    });
}

#[test]
fn the_database_is_restarted() {
    let mut nodes = Nodes::start();
    nodes.under_traffic("the_database_is_restarted", |nodes, traffic| {
        for _ in 0..2 {
            traffic.passes(100);
            nodes.database.restart();
        }
        traffic.passes(100);
    });
}

#[test]
fn the_standby_takes_the_place_of_the_database() {
    let mut nodes = Nodes::start();
    nodes.database.follow();
    nodes.under_traffic("the_standby_takes_the_place_of_the_database", |nodes, traffic| {
        traffic.passes(150);
        nodes.database.fail_over();
        // Whoever still holds the line to the old one would hear nothing.
        nodes.line(Line::Cut);
        nodes.line(Line::Open);
        traffic.passes(150);
    });
}

#[test]
fn clocks_are_half_a_minute_apart() {
    // The clock that says what time it is; the one that measures spans is everybody's own anyway.
    let clock = |offset: &str| {
        let library = "/usr/$LIB/faketime/libfaketime.so.1";
        vec![
            ("LD_PRELOAD", library.to_owned()),
            ("FAKETIME", offset.to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ]
    };
    let environment = ["+30s", "+0s", "-30s"].map(clock).to_vec();
    let mut nodes = Nodes::start_as(Setting { environment, ..Setting::default() });
    nodes.clocks_are_apart();
    nodes.under_traffic("clocks_are_half_a_minute_apart", |_, traffic| traffic.passes(400));
}

#[test]
fn the_database_is_slow() {
    let mut nodes = Nodes::start();
    nodes.under_traffic("the_database_is_slow", |nodes, traffic| {
        traffic.passes(60);
        nodes.line(Line::Slow(SLOW));
        traffic.passes(30);
        nodes.line(Line::Open);
        traffic.passes(60);
    });
}

#[test]
fn the_disk_of_the_database_is_full() {
    let Some(database) = Database::start_on_a_small_disk(256) else {
        println!("skipped: only root can mount a small file system");
        return;
    };
    let mut nodes = Nodes::start_as(Setting { database: Some(database), ..Setting::default() });
    nodes.under_traffic("the_disk_of_the_database_is_full", |nodes, traffic| {
        traffic.passes(60);
        nodes.database.fill_disk();
        let is_refused = || matches!(nodes.asked_at_once(1).first(), Some(Answer::Later));
        until("what cannot be kept is refused", is_refused);
        until("the node says that it is not ready", || !nodes.wire.is_ready(0));
        traffic.lasts(Duration::from_secs(2));
        assert!(!nodes.wire.is_ready(0), "there is no more room than before");
        nodes.database.free_disk();
        traffic.passes(60);
    });
}

#[test]
fn every_connection_to_the_database_is_taken() {
    let mut nodes = Nodes::start_as(Setting { config: "connections = 2\n", ..Setting::default() });
    nodes.under_traffic("every_connection_to_the_database_is_taken", |nodes, traffic| {
        traffic.passes(40);
        nodes.line(Line::Slow(SLOW));
        let answers = nodes.asked_at_once(100);
        let later = answers.iter().filter(|answer| matches!(answer, Answer::Later)).count();
        let is_known = |answer: &&Answer| matches!(answer, Answer::Yes(_) | Answer::Later | Answer::Torn);
        let strange: Vec<_> = answers.iter().filter(|answer| !is_known(answer)).collect();
        assert!(strange.is_empty(), "{strange:?}");
        assert!(later > 0, "a hundred sign-ins at once through two connections");
        nodes.line(Line::Open);
        traffic.passes(60);
    });
}

#[test]
fn a_node_cannot_reach_the_database() {
    let mut nodes = Nodes::start();
    nodes.under_traffic("a_node_cannot_reach_the_database", |nodes, traffic| {
        for line in [Line::Cut, Line::Silent] {
            traffic.passes(60);
            nodes.nodes[0].proxy.set(line);
            until("its news grow old", || nodes.wire.metric(0, NEWS_AGE) > MEMORY);
            assert!(!nodes.wire.is_ready(0));
            traffic.passes(20);
            let age = nodes.wire.metric(1, NEWS_AGE);
            assert!(age < MEMORY || !age.is_finite(), "node 1 hears: {age}");
            nodes.nodes[0].proxy.set(Line::Open);
            until("it hears again", || nodes.wire.metric(0, NEWS_AGE) < MEMORY);
        }
        traffic.passes(60);
    });
}

#[test]
fn the_disk_of_the_folder_is_full() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir(service::data(folder.path())).expect("a folder can be made");
    let Some(disk) = Disk::mount(&service::data(folder.path()), 16) else {
        println!("skipped: only root can mount a small file system");
        return;
    };
    let (config, seed) = (folder.path().join("latchkey.toml"), folder.path().join("seed.toml"));
    fs::write(&config, CONFIG).expect("the folder can be written");
    let user =
        format!("[[org]]\nname = \"Acme\"\n[[org.user]]\nname = \"guest.0\"\npassword = \"{PASSWORD}\"\n");
    fs::write(&seed, format!("{user}roles = [\"Designer\"]\n")).expect("the folder can be written");
    let arguments = ["--config".as_ref(), config.as_os_str(), "--seed".as_ref(), seed.as_os_str()];
    let board = Arc::<Board>::default();
    let mut alone = Alone { wire: Wire::new(Arc::clone(&board)), tally: Tally::default(), live: Vec::new() };
    let mut service = Service::start(folder.path(), &arguments);
    board.set(0, &service.url);
    alone.signs_in_until(|_, live| live == 30);
    disk.fill();
    alone.signs_in_until(|tally, _| tally.later >= 20);
    until("the service says that it is not ready", || !alone.wire.is_ready(0));
    alone.signs_in_until(|tally, _| tally.later >= 40);
    assert!(!alone.wire.is_ready(0), "there is no more room than before");
    disk.free();
    until("it is ready again", || alone.wire.is_ready(0));
    let before = alone.live.len();
    alone.signs_in_until(|_, live| live == before + 10);
    service.kill();
    service = Service::start(folder.path(), &arguments[..2]);
    board.set(0, &service.url);
    alone.compare();
    alone.tally.holds("the_disk_of_the_folder_is_full");
}

/// One service without other nodes, and what it acknowledged.
struct Alone {
    wire: Wire,
    tally: Tally,
    live: Vec<String>,
}

impl Alone {
    fn signs_in_until(&mut self, is_enough: impl Fn(&Tally, usize) -> bool) {
        let body = serde_json::json!({ "username": "guest.0", "password": PASSWORD });
        let since = Instant::now();
        while !is_enough(&self.tally, self.live.len()) {
            assert!(since.elapsed() < PATIENCE, "{:?}", self.tally);
            match self.wire.post(0, "/identity-service/api/v1/Login", None, &body) {
                Answer::Yes(told) => {
                    self.live.push(told["sessionId"].as_str().expect("a session").to_owned());
                    self.tally.did(Kind::SignIn);
                }
                other => self.tally.refused("sign-in", other),
            }
        }
    }

    fn compare(&mut self) {
        for session in &self.live {
            match self.wire.check(0, session) {
                Answer::Yes(_) => self.tally.did(Kind::Check),
                other => self.tally.lost.push(format!("a session: {other:?}")),
            }
        }
    }
}

impl Nodes {
    /// The answers to so many sign-ins at the first node at once, each with the right password.
    fn asked_at_once(&self, count: usize) -> Vec<Answer> {
        let body = serde_json::json!({ "username": STEADY, "password": PASSWORD });
        thread::scope(|scope| {
            let asked: Vec<_> = (0..count)
                .map(|_| {
                    let ask = || self.wire.post(0, "/identity-service/api/v1/Login", None, &body);
                    scope.spawn(ask)
                })
                .collect();
            asked.into_iter().map(|answer| answer.join().expect("an answer")).collect()
        })
    }

    /// The clocks of the processes themselves are far apart, as the heads of their answers say.
    fn clocks_are_apart(&self) {
        let times: Vec<_> = (0..NODES).map(|node| self.wire.second_of_day(node)).collect();
        let ahead = |one: usize, other: usize| (times[one] - times[other]).rem_euclid(24 * 60 * 60);
        assert!((28..=32).contains(&ahead(0, 1)) && (28..=32).contains(&ahead(1, 2)), "{times:?}");
    }
}
