//! The walls and budgets that no lint counts: size, shape, who depends on whom.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use crate::source::{self, Found, Function, root};

const FILE_LINES: usize = 400;
const FUNCTION_LINES: usize = 50;
const MEDIAN_FUNCTION_LINES: usize = 10;
const HANDLER_LINES: usize = 20;
const ARGUMENTS: usize = 5;
const PACKAGES: usize = 450;

/// Which of our crates each of our crates may know. An arrow never points back.
fn may_know(user: &str) -> &'static [&'static str] {
    match user {
        "wire" => &[],
        "domain" | "client" => &["wire"],
        "store" => &["wire", "domain"],
        "server" => &["wire", "domain", "store"],
        "bench" | "emulator" => &["wire", "domain", "store", "server"],
        "cli" => &["wire", "domain", "store", "server", "emulator", "client"],
        other => panic!("{other} has no place among the crates: give it its arrows here"),
    }
}

/// One cryptography library, and no OpenSSL.
const BANNED: [&str; 4] = ["ring", "openssl", "openssl_sys", "native_tls"];

#[test]
fn files_are_short() {
    let files = source::read();
    let long = files.iter().filter(|file| !file.path.contains("/tests/") && file.lines > FILE_LINES);
    none(long.map(|file| {
        format!("{}:1 has {} lines without tests, the limit is {FILE_LINES}", file.path, file.lines)
    }));
}

#[test]
fn functions_are_short() {
    let functions = functions(source::read());
    none(functions.iter().filter(|function| function.lines > FUNCTION_LINES).map(|function| {
        format!("{} has {} lines, the limit is {FUNCTION_LINES}", function.place, function.lines)
    }));
    let mut lengths: Vec<_> = functions.iter().map(|function| function.lines).collect();
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    println!("{} functions, {median} lines at the median", lengths.len());
    assert!(
        median <= MEDIAN_FUNCTION_LINES,
        "{median} lines at the median, the limit is {MEDIAN_FUNCTION_LINES}"
    );
}

#[test]
fn handlers_are_doors() {
    let doors = ["crates/server/src/http/", "crates/server/src/web/"];
    let files =
        source::read().into_iter().filter(|file| doors.iter().any(|folder| file.path.starts_with(folder)));
    let handlers = functions(files.collect()).into_iter().filter(|function| function.is_async);
    none(handlers.filter(|handler| handler.lines > HANDLER_LINES).map(|handler| {
        format!("{} has {} lines, a handler's limit is {HANDLER_LINES}", handler.place, handler.lines)
    }));
}

#[test]
fn functions_take_few_arguments() {
    let functions = functions(source::read());
    none(functions.iter().filter(|function| function.arguments > ARGUMENTS).map(|function| {
        format!("{} takes {} arguments, the limit is {ARGUMENTS}", function.place, function.arguments)
    }));
}

#[test]
fn every_test_runs() {
    let ignored = source::read().into_iter().flat_map(|file| file.ignored);
    none(ignored.map(|place| format!("{place} skips a test: repair it or delete it")));
}

#[test]
fn no_test_waits_for_time_to_pass() {
    let waits = source::read().into_iter().flat_map(|file| file.waits);
    none(
        waits.map(|place| format!("{place} sleeps in a test: move the clock, or wait for the thing itself")),
    );
}

#[test]
fn the_lock_file_holds_few_packages() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).expect("the lock file is committed");
    let packages = lock.matches("[[package]]").count();
    println!("{packages} packages");
    assert!(packages <= PACKAGES, "Cargo.lock:1 names {packages} packages, the limit is {PACKAGES}");
}

#[test]
fn nothing_banned_is_compiled() {
    let mut tree = Command::new(env!("CARGO"));
    tree.args(["tree", "--workspace", "--locked", "--offline", "--prefix=none", "--format={lib}"]);
    let output = tree.current_dir(root()).output().expect("cargo can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let compiled = String::from_utf8(output.stdout).expect("cargo prints text");
    let banned = BANNED.iter().filter(|banned| compiled.lines().any(|name| name == **banned));
    none(banned.map(|name| format!("{name} is compiled; `cargo tree -i {name}` shows who wants it")));
}

#[test]
fn an_arrow_never_points_back() {
    let names: Vec<_> = crates().into_iter().map(|krate| krate.name).collect();
    none(crates().into_iter().flat_map(|krate| {
        let ours = krate.dependencies.clone().into_iter().filter(|name| names.contains(name));
        let wrong: Vec<_> = ours.filter(|name| !may_know(&krate.name).contains(&name.as_str())).collect();
        wrong
            .into_iter()
            .map(move |name| format!("{} knows {name}, an arrow that points back", krate.place()))
    }));
}

#[test]
fn a_dependency_is_used_only_where_its_comment_says() {
    let users = users_by_dependency();
    none(crates().iter().flat_map(|krate| {
        let allowed = krate.dependencies.iter().filter_map(|name| Some((name, users.get(name)?)));
        let wrong =
            allowed.filter(|(_, users)| !users.contains(&krate.name) && !users.contains("All crates"));
        wrong.map(|(name, users)| format!("{} uses {name}, which is for {users:?}", krate.place()))
    }));
}

#[test]
fn a_dependency_that_is_named_is_used() {
    none(crates().iter().flat_map(|krate| {
        let code = source::text(&krate.folder);
        let unused = krate.dependencies.iter().filter(move |name| !code.contains(&name.replace('-', "_")));
        unused.map(|name| format!("{} names {name}, which nothing in src uses", krate.place()))
    }));
}

#[test]
fn a_dependency_of_the_workspace_has_a_user() {
    let manifests: String = crates().iter().map(|krate| manifest(&krate.folder)).collect();
    let uses = |name: &str| [".", " ="].iter().any(|after| manifests.contains(&format!("\n{name}{after}")));
    let unused = users_by_dependency().into_keys().filter(|name| !uses(name));
    none(unused.map(|name| format!("Cargo.toml:1 names {name}, which no crate uses")));
}

fn functions(files: Vec<Found>) -> Vec<Function> {
    files.into_iter().flat_map(|file| file.functions).collect()
}

fn none(violations: impl Iterator<Item = String>) {
    let violations: Vec<_> = violations.collect();
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

fn manifest(folder: &str) -> String {
    fs::read_to_string(root().join(folder).join("Cargo.toml")).expect("a folder has a manifest")
}

/// A crate of the workspace by the name of its folder, and what it depends on outside tests.
struct Crate {
    name: String,
    folder: String,
    dependencies: Vec<String>,
}

impl Crate {
    fn at(folder: String) -> Self {
        let table: toml::Table = manifest(&folder).parse().expect("a manifest is TOML");
        let dependencies = table["dependencies"].as_table().expect("a table of dependencies").keys().cloned();
        let name = folder.rsplit('/').next().unwrap_or(&folder).to_owned();
        Self { name, dependencies: dependencies.collect(), folder }
    }

    fn place(&self) -> String {
        format!("{}/Cargo.toml:1", self.folder)
    }
}

fn crates() -> Vec<Crate> {
    let entries = fs::read_dir(root().join("crates")).expect("there are crates");
    let names = entries.map(|entry| entry.expect("an entry can be read").file_name());
    let folders = names.map(|name| format!("crates/{}", name.to_string_lossy()));
    let folders = folders.filter(|folder| root().join(folder).join("Cargo.toml").exists());
    folders.chain(["bench".to_owned()]).map(Crate::at).collect()
}

/// The last sentence of the comment above each dependency names the crates that may use it.
fn users_by_dependency() -> BTreeMap<String, BTreeSet<String>> {
    let manifest = manifest(".");
    let (_, after) = manifest.split_once("[workspace.dependencies]\n").expect("a section of dependencies");
    let (mut users, mut allowed) = (BTreeMap::new(), BTreeSet::new());
    for line in after.lines().take_while(|line| !line.starts_with('[')) {
        if let Some(comment) = line.strip_prefix("# ") {
            allowed = crates_named_in(comment);
        } else if let Some((name, _)) = line.split_once(" =") {
            users.insert(name.to_owned(), allowed.clone());
        }
    }
    users
}

fn crates_named_in(comment: &str) -> BTreeSet<String> {
    let last = comment.trim_end_matches('.').rsplit(". ").next().unwrap_or(comment);
    let mut outside_brackets = String::new();
    for part in last.split('(') {
        outside_brackets.push_str(part.split_once(')').map_or(part, |(_, after)| after));
    }
    outside_brackets.split(',').map(|name| name.trim().to_owned()).collect()
}
