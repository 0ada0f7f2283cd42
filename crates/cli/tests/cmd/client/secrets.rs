//! A canary: passwords, session ids and tokens are nowhere but where they are said to be.

use super::world::{PASSWORD, Told, World};
use std::fs;
use std::path::{Path, PathBuf};

const WRONG: &str = "canary-wrong";

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn arguments_of_all(world: &World) -> Vec<Told> {
    let spy = "cat /proc/$PPID/cmdline >> argv; cat /proc/self/cmdline >> argv; cat password";
    fs::write(world.path().join("password"), PASSWORD).expect("the folder can be written");
    let with = ["--url", &world.service.url, "-u", "etl.robot", "--password-command", spy];
    let spied = |command: &str| world.run(&[&[command], &with[..]].concat());
    let mut told = vec![spied("login"), spied("token"), spied("session")];
    let look = "tr '\\0' ' ' < /proc/$$/cmdline >> argv";
    told.push(world.run(&["exec", "--", "sh", "-c", look]));
    fs::remove_file(world.path().join("password")).expect("the file is there");
    told
}

#[test]
fn no_secret_is_where_it_does_not_belong() {
    let world = World::new();
    let mut told = arguments_of_all(&world);
    let session = world.run(&["session"]).out.trim().to_owned();
    let token = world.run(&["token"]).out.trim().to_owned();
    for command in ["token", "session", "login"] {
        told.push(world.run_job(WRONG, &[command, "--profile", "other", "-u", "nobody"]));
    }
    told.push(world.run(&["status"]));
    told.push(world.run(&["status", "--format", "json"]));
    told.push(world.run(&["verify", &format!("{token}x")]));
    told.push(world.run(&["profile", "list"]));
    let printed = told.iter().enumerate().map(|(which, told)| {
        // `token` and `session` print their secret on stdout, and nowhere else.
        if which == 1 || which == 2 { told.err.clone() } else { format!("{}{}", told.out, told.err) }
    });
    let secrets = [PASSWORD, WRONG, session.as_str(), token.as_str()];
    for text in printed {
        assert!(!secrets.iter().any(|secret| text.contains(secret)), "{text}");
    }
    let belongs = |path: &Path| path.ends_with("service/seed.toml") || path.starts_with(world.sessions());
    for path in files(world.path()) {
        let bytes = fs::read(&path).expect("it can be read");
        let text = String::from_utf8_lossy(&bytes);
        let passwords = [PASSWORD, WRONG].iter().any(|secret| text.contains(secret));
        assert!(!passwords || path.ends_with("service/seed.toml"), "{}", path.display());
        let found = secrets.iter().any(|secret| text.contains(secret));
        assert!(!found || belongs(&path), "{}", path.display());
    }
    assert!(fs::read_to_string(world.path().join("argv")).expect("argv was looked at").contains("latchkey"));
}

#[cfg(unix)]
#[test]
fn what_is_secret_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    world.log_in();
    for path in files(&world.sessions()) {
        let mode = fs::metadata(&path).expect("it is there").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", path.display());
    }
}

#[test]
fn a_remembered_password_signs_in_again_until_it_is_forgotten() {
    let world = World::new();
    let url = world.service.url.clone();
    let login = ["login", "--url", &url, "-u", "etl.robot", "--password-stdin", "--remember"];
    let told = world.run_with(PASSWORD, &login);
    assert_eq!(told.code, Some(0), "{}", told.err);
    assert_eq!(told.err.lines().filter(|line| line.contains("the password")).count(), 1, "{}", told.err);
    for file in world.kept() {
        fs::remove_file(file).expect("the session can be lost");
    }
    assert_eq!(world.run(&["token"]).code, Some(0));
    assert_eq!(world.number("sign_ins_total"), 2);
    world.run(&["logout"]).is(0, "", "signed out of URL as etl.robot\n");
    assert_eq!(world.run(&["token"]).code, Some(1));
    assert_eq!(world.number("sign_ins_total"), 2);
}
