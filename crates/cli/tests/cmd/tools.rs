//! Transcripts of the commands around the service: what they print where, and how they end.

use crate::service::{Service, data, latchkey};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Output};

const SEED: &str = "[[org]]\nname = \"Acme Prod\"\n[[org.user]]\nname = \"etl.robot\"\npassword = \"correct horse\"\nroles = [\"Admin\"]\n";
const CHEAP: &str = "[password]\nmemory_kib = 64\npasses = 1\n";

/// A folder with a seed and a cheap configuration.
pub struct World {
    folder: tempfile::TempDir,
}

/// How a command ended.
pub struct Told {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl World {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join("seed.toml"), SEED).expect("the folder can be written");
        fs::write(folder.path().join("latchkey.toml"), CHEAP).expect("the folder can be written");
        Self { folder }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn serve(&self, seeded: bool) -> Service {
        let (config, seed) = (self.path().join("latchkey.toml"), self.path().join("seed.toml"));
        let all = ["--config".as_ref(), config.as_os_str(), "--seed".as_ref(), seed.as_os_str()];
        Service::start(self.path(), &all[..if seeded { 4 } else { 2 }])
    }

    /// Runs a command in the folder; its paths are printed as `FOLDER`.
    pub fn run(&self, arguments: &[&str]) -> Told {
        let Output { status, stdout, stderr } =
            latchkey().current_dir(self.path()).args(arguments).output().expect("the tool can be started");
        let text = |bytes| {
            String::from_utf8(bytes).expect("text").replace(&self.path().display().to_string(), "FOLDER")
        };
        Told { code: status.code(), out: text(stdout), err: text(stderr) }
    }
}

impl Told {
    pub fn is(&self, code: i32, out: &str, err: &str) {
        assert_eq!((self.code, self.out.as_str(), self.err.as_str()), (Some(code), out, err));
    }
}

/// Signs the robot in, and answers the status.
pub fn sign_in(service: &Service) -> u16 {
    let body = serde_json::json!({"username": "etl.robot", "password": "correct horse"});
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let url = format!("{}/identity-service/api/v1/Login", service.url);
    agent.post(&url).send(body.to_string()).expect("an answer").status().as_u16()
}

#[test]
fn the_configuration_is_checked_and_shown() {
    let world = World::new();
    let checked = world.run(&["config", "check", "--config", "latchkey.toml"]);
    assert_eq!((checked.code, checked.err.as_str()), (Some(0), ""));
    assert!(checked.out.contains("memory_kib = 64\n"), "{}", checked.out);
    let example = world.run(&["config", "example"]);
    fs::write(world.path().join("example.toml"), &example.out).expect("the folder can be written");
    assert_eq!(
        world.run(&["config", "check", "--config", "example.toml"]).out,
        world.run(&["config", "check"]).out
    );
    fs::write(world.path().join("bad.toml"), "[limits]\nbody_bytes = 1\n")
        .expect("the folder can be written");
    world.run(&["config", "check", "--config", "bad.toml"]).is(
        1,
        "",
        "error: the configuration cannot work\n  caused by: limits.body_bytes: 1 is not within 1024 and 268435456\n",
    );
    world.run(&["config", "check", "--config", "none.toml"]).is(
        2,
        "",
        "error: cannot read the configuration file none.toml\n  caused by: No such file or directory (os error 2)\n",
    );
}

#[test]
fn sigterm_finishes_what_is_under_way_and_sighup_ends_nothing() {
    let world = World::new();
    let service = world.serve(true);
    let hung_up = Command::new("kill").args(["-HUP", &service.id().to_string()]).status();
    assert!(hung_up.expect("kill can be started").success());
    let body = r#"{"username":"etl.robot","password":"correct horse"}"#;
    let (first, second) = body.split_at(20);
    let mut stream = TcpStream::connect(service.url.trim_start_matches("http://")).expect("a connection");
    let head =
        "POST /identity-service/api/v1/Login HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length:";
    write!(stream, "{head} {}\r\n\r\n", body.len()).expect("the head is sent");
    // The service asks for the body, so the request is under way.
    let mut asked = [0; 25];
    stream.read_exact(&mut asked).expect("an answer");
    assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(first.as_bytes()).expect("half the body is sent");
    service.ask_to_end();
    stream.write_all(second.as_bytes()).expect("the other half is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the answer, and the end of the connection");
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert_eq!(service.ended(), Some(0));
}

#[test]
fn one_folder_has_one_service_and_one_seed() {
    let world = World::new();
    let service = world.serve(true);
    let second = world.run(&["serve", "--data", "data", "--listen", "127.0.0.1:0"]);
    second.is(3, "", "error: data is in use by another latchkey\nhint: stop the other one, or name another folder with --data\n");
    let restore = world.run(&["restore", "--data", "data", "latchkey.toml"]);
    restore.is(1, "", "error: data is in use by another latchkey\nhint: stop the service first\n");
    drop(service);
    let again = world.run(&["serve", "--data", "data", "--listen", "127.0.0.1:0", "--seed", "seed.toml"]);
    again.is(
        1,
        "",
        "error: the store cannot be filled\n  caused by: the store is not empty\nhint: leave out --seed, or name an empty folder with --data\n",
    );
}

#[test]
fn a_seed_file_that_cannot_be_used_is_named_with_its_place() {
    let world = World::new();
    fs::write(world.path().join("seed.toml"), "[[org]]\nname = \"A\"\n[[org.user]]\nname = \"a b\"\n")
        .expect("the folder can be written");
    world.run(&["serve", "--data", "data", "--listen", "127.0.0.1:0", "--seed", "seed.toml"]).is(
        2,
        "",
        "error: the seed file seed.toml cannot be used\n  caused by: user a b: a user name is an e-mail address, or letters, digits and - _ . ' only, at most 255 characters\n",
    );
    assert!(!data(world.path()).exists());
}

#[test]
fn keys_are_listed_and_rotated_beside_a_running_service() {
    let world = World::new();
    let service = world.serve(true);
    let before = world.run(&["keys", "list", "--data", "data"]);
    assert_eq!(before.out.lines().filter(|line| line.ends_with("signs")).count(), 1, "{}", before.out);
    let rotated = world.run(&["keys", "rotate", "--data", "data"]);
    assert_eq!((rotated.code, rotated.out.trim().len()), (Some(0), 22));
    let after = world.run(&["keys", "list", "--data", "data"]);
    let lines: Vec<_> = after.out.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0].contains("published, retired "), "{}", lines[0]);
    assert!(lines[1].starts_with(rotated.out.trim()) && lines[1].ends_with("signs"), "{}", lines[1]);
    assert_eq!(sign_in(&service), 200);
}

#[test]
fn a_backup_is_taken_beside_a_running_service_and_restored_without_it() {
    let world = World::new();
    let service = world.serve(true);
    assert_eq!(sign_in(&service), 200);
    world.run(&["backup", "--data", "data", "copy.db"]).is(
        0,
        "",
        "copy.db holds the whole store, with password hashes and signing keys: guard it\n",
    );
    let twice = world.run(&["backup", "--data", "data", "copy.db"]);
    assert!(twice.err.starts_with("error: copy.db was not overwritten\n"), "{}", twice.err);
    let keys = world.run(&["keys", "list", "--data", "data"]).out;
    drop(service);
    fs::remove_dir_all(data(world.path())).expect("the folder can be removed");
    world.run(&["restore", "--data", "data", "copy.db"]).is(0, "", "data holds what copy.db held\n");
    assert_eq!(world.run(&["keys", "list", "--data", "data"]).out, keys);
    assert_eq!(sign_in(&world.serve(false)), 200);
    let other = world.run(&["restore", "--data", "data", "seed.toml"]);
    assert_eq!(other.code, Some(1));
    assert!(other.err.contains("the file is no backup of latchkey"), "{}", other.err);
}

#[test]
fn a_command_without_a_store_says_so() {
    let world = World::new();
    world.run(&["keys", "list", "--data", "nowhere"]).is(
        1,
        "",
        "error: there is no store in nowhere\n  caused by: No such file or directory (os error 2)\nhint: name the data folder with --data\n",
    );
}

/// Every command that has a help of its own.
const COMMANDS: &str = "login, token, session, session list, session end, exec, proxy, agent, credential, verify, status, \
    logout, doctor, profile list, profile add, profile remove, region list, org list, org show, \
    org add, org change, org remove, user list, user show, user add, user change, user remove, \
    user disable, user enable, user unlock, user password, user import, group list, group show, \
    group add, group change, group remove, role list, role show, role privileges, role add, role grant, \
    role revoke, role remove, client list, client show, client add, client change, client remove, \
    client add-secret, client remove-secret, policy show, policy set, provider list, provider show, \
    provider add, provider change, provider remove, export, plan, apply, drift, serve, config check, \
    config example, keys list, keys rotate, audit export, audit verify, audit tail, backup, restore, \
    store copy, completions, man";

#[test]
fn every_help_has_an_example_and_is_the_one_that_was_agreed() {
    let world = World::new();
    let mut all = String::new();
    for command in std::iter::once("").chain(COMMANDS.split(", ")) {
        let words: Vec<_> = command.split_whitespace().chain(["--help"]).collect();
        let help = world.run(&words).out;
        assert!(command.is_empty() || help.contains("Example"), "{command}");
        all.push_str(&format!("$ latchkey {}\n{help}\n", words.join(" ")));
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cmd/help.txt");
    if std::option_env!("LATCHKEY_UPDATE_HELP").is_some() {
        fs::write(&file, &all).expect("the file can be written");
    }
    assert_eq!(
        all,
        fs::read_to_string(&file).unwrap_or_default(),
        "build the tests with LATCHKEY_UPDATE_HELP=1 to renew help.txt"
    );
}

#[test]
fn a_tool_needs_nothing_of_what_only_the_service_does() {
    let world = World::new();
    let service = world.serve(true);
    let settings = format!("{CHEAP}[federation]\nauthorities = \"/nowhere/authorities.pem\"\n");
    fs::write(world.path().join("latchkey.toml"), settings).expect("the folder can be written");
    for command in [&["keys", "list"][..], &["keys", "rotate"], &["audit", "export"], &["backup", "copy.db"]]
    {
        let place = ["--config", "latchkey.toml", "--data", "data"];
        let told = world.run(&[command, &place].concat());
        assert_eq!(told.code, Some(0), "{command:?} {}", told.err);
    }
    drop(service);
}
