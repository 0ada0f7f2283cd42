//! Transcripts of `latchkey audit`: what it says of a record that is whole, and of one that was touched.

use crate::service::{Service, data, latchkey};
use crate::tools::{Told, World, sign_in};
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

const COMPARE: &str = "compare the thumbprint with one that you have from elsewhere, or name it with --key\n";

/// A record of a key, a seed and three sign-ins.
struct Recorded {
    world: World,
    lines: Vec<String>,
}

impl Recorded {
    fn new() -> Self {
        let world = World::new();
        let service = world.serve(true);
        (0..3).for_each(|_| assert_eq!(sign_in(&service), 200));
        stop(service);
        let lines = export(&world);
        Self { world, lines }
    }

    /// Writes these lines to a file and verifies it.
    fn verify(&self, lines: &[String], more: &[&str]) -> Told {
        let file = self.world.path().join("audit.jsonl");
        fs::write(file, lines.join("\n") + "\n").expect("the folder can be written");
        self.world.run(&[&["audit", "verify", "audit.jsonl"], more].concat())
    }

    fn is_broken(&self, lines: &[String], why: &str) {
        self.verify(lines, &[]).is(1, "", &format!("error: {why}\n"));
    }

    fn entry(&self, number: usize) -> usize {
        let start = format!("{{\"entry\":{number},");
        self.lines.iter().position(|line| line.starts_with(&start)).expect("an entry")
    }

    fn thumbprint(&self) -> String {
        word_after(&self.verify(&self.lines, &[]).out, "thumbprint")
    }
}

fn stop(service: Service) {
    service.ask_to_end();
    assert_eq!(service.ended(), Some(0));
}

fn export(world: &World) -> Vec<String> {
    let told = world.run(&["audit", "export", "--data", "data"]);
    assert_eq!((told.code, told.err.as_str()), (Some(0), ""));
    told.out.lines().map(str::to_owned).collect()
}

fn word_after(text: &str, name: &str) -> String {
    let line = text.lines().find(|line| line.starts_with(name)).expect("a line");
    line.split_whitespace().nth(1).expect("a word").to_owned()
}

#[test]
fn a_record_that_is_whole_is_told_so_without_a_service() {
    let recorded = Recorded::new();
    let told = recorded.verify(&recorded.lines, &[]);
    assert_eq!((told.code, told.err.as_str()), (Some(0), COMPARE));
    let names: Vec<_> = told.out.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(names, ["entries", "begins", "last", "signed", "thumbprint", "checkpoints"]);
    assert!(told.out.starts_with("entries      1 to 6, whole\nbegins       with the very first entry\n"));
    let trusted = recorded.verify(&recorded.lines, &["--key", &recorded.thumbprint()]);
    trusted.is(0, &told.out, "");
    assert_eq!(recorded.world.run(&["audit", "verify", "--data", "data"]).code, Some(0));
}

#[test]
fn whatever_was_done_to_an_export_is_named() {
    let recorded = Recorded::new();
    let lines = &recorded.lines;
    let with = |change: &dyn Fn(&mut Vec<String>)| {
        let mut lines = lines.clone();
        change(&mut lines);
        lines
    };
    let four = recorded.entry(4);
    let changed = with(&|lines| lines[four] = lines[four].replace("\"v1\"", "\"v2\""));
    recorded.is_broken(&changed, "entry 4 was changed");
    let removed = with(&|lines| drop(lines.remove(four)));
    recorded.is_broken(&removed, "entry 4 is missing: entry 5 follows");
    let swapped = with(&|lines| lines.swap(recorded.entry(3), four));
    recorded.is_broken(&swapped, "entry 3 was moved: entry 4 stands in its place");
    let shorter = with(&|lines| lines.truncate(four + 1));
    recorded.is_broken(&shorter, "the end was cut off after entry 4: an export ends with a signed end");
    let last = lines.len() - 1;
    let forged = with(&|lines| lines[last] = lines[last].replace("\"checkpoint\":6", "\"checkpoint\":5"));
    recorded.is_broken(&forged, "the checkpoint at entry 5 is not signed by the key that it names");
    let line = &lines[four];
    for place in (0..line.len()).filter(|place| line.as_bytes()[*place].is_ascii_alphanumeric()).step_by(7) {
        let other = if line.as_bytes()[place] == b'0' { "1" } else { "0" };
        let told = recorded.verify(&with(&|lines| lines[four].replace_range(place..=place, other)), &[]);
        assert!(told.code == Some(1) && told.err.contains("entry 4"), "byte {place}: {}", told.err);
    }
    let nothing = recorded.verify(&["hello".to_owned()], &[]);
    nothing.is(
        1,
        "",
        "error: this is no export of an audit record\nhint: `latchkey audit export` writes one\n",
    );
}

#[test]
fn another_key_is_not_the_trusted_one() {
    let (recorded, other) = (Recorded::new(), Recorded::new());
    let is_key = |line: &String| line.starts_with("{\"key\"");
    let key = |recorded: &Recorded| recorded.lines.iter().position(is_key).expect("a key");
    let mut swapped = recorded.lines.clone();
    swapped[key(&recorded)].clone_from(&other.lines[key(&other)]);
    let told = recorded.verify(&swapped, &[]);
    assert_eq!(told.code, Some(1));
    assert!(told.err.ends_with("is not signed by the key that it names\n"), "{}", told.err);
    let (mine, theirs) = (recorded.thumbprint(), other.thumbprint());
    recorded.verify(&other.lines, &["--key", &mine]).is(
        1,
        "",
        &format!(
            "error: the record is signed by another key, {theirs}, for which the trusted one does not vouch\n"
        ),
    );
}

#[test]
fn a_trusted_key_vouches_for_those_after_it() {
    let recorded = Recorded::new();
    let first = recorded.thumbprint();
    assert_eq!(recorded.world.run(&["keys", "rotate", "--data", "data"]).code, Some(0));
    let lines = export(&recorded.world);
    let told = recorded.verify(&lines, &["--key", &first]);
    assert_eq!(told.code, Some(0), "{}", told.err);
    assert_ne!(word_after(&told.out, "thumbprint"), first);
    let service = recorded.world.serve(false);
    let keys = ureq::get(format!("{}/identity-service/.well-known/jwks.json", service.url)).call();
    let keys = keys.expect("an answer").body_mut().read_to_string().expect("a body");
    fs::write(recorded.world.path().join("jwks.json"), keys).expect("the folder can be written");
    assert_eq!(recorded.verify(&lines, &["--key", "jwks.json"]).code, Some(0));
    fs::write(recorded.world.path().join("none.json"), "{}").expect("the folder can be written");
    recorded.verify(&lines, &["--key", "none.json"]).is(
        2,
        "",
        "error: the key none.json cannot be used\n  caused by: the file holds no P-256 key\nhint: --key takes a JSON key, a key set or a thumbprint\n",
    );
}

#[test]
fn an_earlier_export_shows_what_was_cut_off_since() {
    let recorded = Recorded::new();
    let earlier = recorded.world.path().join("earlier.jsonl");
    fs::write(earlier, recorded.lines.join("\n")).expect("the folder can be written");
    let backup = recorded.world.run(&["backup", "--data", "data", "copy.db"]);
    assert_eq!(backup.code, Some(0));
    let service = recorded.world.serve(false);
    assert_eq!(sign_in(&service), 200);
    stop(service);
    let since = ["--since-checkpoint", "earlier.jsonl"];
    let later = export(&recorded.world);
    assert_eq!(recorded.verify(&later, &since).code, Some(0));
    fs::write(recorded.world.path().join("earlier.jsonl"), later.join("\n")).expect("a file");
    let told = recorded.verify(&recorded.lines, &since);
    told.is(
        1,
        "",
        "error: the record ends at entry 6, but the earlier checkpoint is at entry 9: the end was cut off\n",
    );
    assert_eq!(recorded.world.run(&["restore", "--data", "data", "copy.db"]).code, Some(0));
    let restored = recorded.verify(&export(&recorded.world), &since);
    restored.is(1, "", "error: entry 9 is another one than when the earlier checkpoint was signed\n");
}

#[test]
fn what_was_changed_in_the_store_itself_is_found() {
    let recorded = Recorded::new();
    let file = data(recorded.world.path()).join("latchkey.db");
    let bytes = fs::read(&file).expect("the store can be read");
    let place = bytes.windows(8).rposition(|bytes| bytes == b"\"founded").expect("the seed was recorded");
    let mut changed = bytes.clone();
    changed[place + 1] = b'F';
    fs::write(&file, changed).expect("the store can be written");
    let told = recorded.world.run(&["audit", "verify", "--data", "data"]);
    told.is(1, "", "error: entry 2 was changed\n");
}

#[test]
fn an_export_begins_at_the_last_checkpoint_before_a_time() {
    let recorded = Recorded::new();
    let told = recorded.world.run(&["audit", "export", "--data", "data", "--since", "2999-01-01"]);
    let lines: Vec<_> = told.out.lines().map(str::to_owned).collect();
    let verified = recorded.verify(&lines, &[]).out;
    assert!(
        verified.starts_with("entries      6 to 7, whole\nbegins       after a signed mark of "),
        "{verified}"
    );
    let cef = recorded.world.run(&["audit", "export", "--data", "data", "--format", "cef"]).out;
    assert_eq!(cef.lines().filter(|line| line.contains("|signed_in|signed in|2|rt=")).count(), 3, "{cef}");
    let wrong = recorded.world.run(&["audit", "export", "--since", "yesterday"]);
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.err.contains("a time is written like 2026-08-22T10:39:12Z"), "{}", wrong.err);
}

#[test]
fn the_last_entries_are_shown_and_followed() {
    let recorded = Recorded::new();
    let told = recorded.world.run(&["audit", "tail", "-n", "2", "--data", "data"]);
    assert_eq!((told.code, told.out.lines().count()), (Some(0), 2));
    assert!(
        told.out.starts_with("5  2") && told.out.contains(r#"  {"event":"signed_in","user":"#),
        "{}",
        told.out
    );
    let service = recorded.world.serve(false);
    let mut tail = latchkey()
        .current_dir(recorded.world.path())
        .args(["audit", "tail", "-f", "-n", "1", "--data", "data"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the tool can be started");
    let mut lines = BufReader::new(tail.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
    assert!(lines.next().is_some_and(|line| line.starts_with("6  ")));
    assert_eq!(sign_in(&service), 200);
    assert!(lines.next().is_some_and(|line| line.starts_with("7  ")));
    let told = Command::new("kill").args(["-TERM", &tail.id().to_string()]).status();
    assert!(told.expect("kill can be started").success());
    assert_eq!(tail.wait().expect("it has ended").code(), Some(0));
}
