//! Nodes that are all started at once, and find one database in which nothing is.

use super::CONFIG;
use super::database::Database;
use super::wire::{Answer, Board, Wire};
use crate::service::{Service, log};
use std::fs;
use std::sync::{Arc, Barrier};
use std::thread;

const MANY: usize = 6;

#[test]
fn nodes_that_start_at_once_found_one_org_with_one_administrator_and_one_key() {
    let database = Database::start();
    let folders: Vec<_> = (0..MANY).map(|_| tempfile::tempdir().expect("a temporary folder")).collect();
    let together = Barrier::new(MANY);
    let start = |folder: &tempfile::TempDir| {
        let config = folder.path().join("latchkey.toml");
        fs::write(&config, format!("store = \"{}\"\n{CONFIG}", database.url())).expect("a file");
        together.wait();
        Service::start(folder.path(), &["--config".as_ref(), config.as_os_str()])
    };
    let services: Vec<_> = thread::scope(|scope| {
        let starting: Vec<_> = folders.iter().map(|folder| scope.spawn(|| start(folder))).collect();
        starting.into_iter().map(|node| node.join().expect("every node comes up")).collect()
    });
    let count = |table: &str| database.ask(&format!("SELECT count(*) FROM {table}"));
    assert_eq!([count("org"), count("account"), count("signing_key")], ["1", "1", "1"]);
    let recorded = |kind: &str| {
        let events = "(SELECT event FROM audit UNION ALL SELECT event FROM audit_waiting) AS entry";
        count(&format!("{events} WHERE event LIKE '{{\"event\":\"{kind}\"%'"))
    };
    assert_eq!([recorded("founded"), recorded("key_rotated")], ["1", "1"]);
    let logs: Vec<_> = folders.iter().map(|folder| log(folder.path())).collect();
    let told: Vec<_> = logs.iter().filter_map(|log| log.split_once("    password  ")).collect();
    assert_eq!(told.len(), 1, "one password, told once: {logs:?}");
    let password = told[0].1.split_whitespace().next().expect("a password");

    let board = Arc::<Board>::default();
    services.iter().enumerate().for_each(|(node, service)| board.set(node, &service.url));
    let wire = Wire::new(board);
    let body = serde_json::json!({ "username": "admin", "password": password });
    for node in 0..MANY {
        let told = wire.post(node, "/identity-service/api/v1/Login", None, &body);
        let Answer::Yes(told) = told else { panic!("node {node}: {told:?}") };
        let session = told["sessionId"].as_str().expect("a session").to_owned();
        let Answer::Yes(minted) = wire.mint(node, &session) else { panic!("node {node} mints nothing") };
        let token = minted["jwt_token"].as_str().expect("a token");
        let taken = wire.gate((node + 1) % MANY, token);
        assert!(matches!(taken, Answer::Yes(_)), "all sign with the one key: {taken:?}");
    }
}
