//! `latchkey store copy`, between real engines: everything arrives, and what could be in the way is refused.

use crate::private_postgres;
use crate::service::{self, Service, data, latchkey};
use std::fs;
use std::path::Path;
use std::process::Output;

const SEED: &str = r#"
[[org]]
name = "Acme Prod"
  [[org.user]]
  name = "ada"
  password = "correct horse"
  roles = ["Admin"]
"#;

fn copy(from: &str, to: &str) -> Output {
    latchkey().args(["store", "copy", from, to]).output().expect("the tool can be started")
}

fn copied(from: &str, to: &str) -> String {
    let output = copy(from, to);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// What a copy that is refused says.
fn refused(from: &str, to: &str) -> String {
    let output = copy(from, to);
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr).expect("text")
}

fn sqlite(folder: &Path) -> String {
    format!("sqlite:{}", data(folder).display())
}

fn sign_in(service: &Service) -> String {
    let answer = ureq::post(format!("{}/identity-service/api/v1/Login", service.url))
        .header("Content-Type", "application/json")
        .send(r#"{"username":"ada","password":"correct horse"}"#);
    let text = answer.expect("a sign-in").body_mut().read_to_string().expect("text");
    let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    json["sessionId"].as_str().expect("a session").to_owned()
}

fn is_alive(service: &Service, session: &str) -> bool {
    let gate = ureq::get(format!("{}/gate", service.url)).header("IDS-SESSION-ID", session);
    gate.call().is_ok()
}

fn stop(service: Service) {
    service.ask_to_end();
    assert_eq!(service.ended(), Some(0));
}

#[test]
fn an_instance_moves_to_postgres_and_back_with_its_sessions_and_its_record() {
    let (old, new) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let seed = old.path().join("seed.toml");
    fs::write(&seed, SEED).expect("the folder can be written");
    let service = Service::start(old.path(), &["--seed".as_ref(), seed.as_os_str()]);
    let session = sign_in(&service);
    let database = private_postgres::store();
    let busy = refused(&sqlite(old.path()), &database);
    assert!(busy.contains("in use by another latchkey"), "{busy}");
    stop(service);

    let told = copied(&sqlite(old.path()), &database);
    let is_told = |what: &str| told.lines().any(|line| line.trim_start() == what);
    assert!(is_told("1  account") && is_told("1  session") && told.contains("whole"), "{told}");
    let full = refused(&sqlite(old.path()), &database);
    assert!(full.contains("the target is not empty: there is something in its table org"), "{full}");

    let nodes = Service::start(new.path(), &["--store", &database]);
    assert!(is_alive(&nodes, &session), "{}", service::log(new.path()));
    let later = sign_in(&nodes);
    let busy = refused(&database, &sqlite(new.path()));
    assert!(busy.contains("the source is in use"), "{busy}");
    stop(nodes);
    fs::remove_dir_all(data(new.path())).ok();
    copied(&database, &sqlite(new.path()));
    let service = Service::start(new.path(), &[] as &[&str]);
    assert!(is_alive(&service, &session) && is_alive(&service, &later));
    stop(service);
    let verified = latchkey().args(["audit", "verify", "--data"]).arg(data(new.path())).output();
    assert!(verified.expect("the tool can be started").status.success());
}

#[test]
fn a_copy_says_what_it_cannot_take_and_shows_no_password() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = sqlite(folder.path());
    let shown = refused(&here, "postgres://latchkey:hunter2@localhost/latchkey");
    assert!(shown.contains("it must not have a password") && !shown.contains("hunter2"), "{shown}");
    assert!(refused(&here, &here).contains("both stores have the same engine"));
    assert!(refused(&here, &private_postgres::store()).contains("there is no store in"));
    assert!(!data(folder.path()).exists(), "nothing was made");
}
