//! A canary: passwords, session ids and tokens are nowhere but where they are said to be.

use super::world::{PASSWORD, Told, World};
use crate::upstream::Running;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

const WRONG: &str = "canary-wrong";

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Runs a command that says everything it may say.
fn loud(world: &World, arguments: &[&str]) -> Told {
    world.run(&[&["-vvv"], arguments].concat())
}

fn arguments_of_all(world: &World) -> Vec<Told> {
    let spy = "cat /proc/$PPID/cmdline >> argv; cat /proc/self/cmdline >> argv; cat password";
    fs::write(world.path().join("password"), PASSWORD).expect("the folder can be written");
    let with = ["--url", &world.service.url, "-u", "etl.robot", "--password-command", spy];
    let spied = |command: &str| loud(world, &[&[command], &with[..]].concat());
    let mut told = vec![spied("login"), spied("token"), spied("session")];
    let look = "tr '\\0' ' ' < /proc/$$/cmdline >> argv; tr '\\0' ' ' < /proc/$PPID/cmdline >> argv";
    told.push(loud(world, &["exec", "--", "sh", "-c", look]));
    fs::remove_file(world.path().join("password")).expect("the file is there");
    told
}

/// A command that runs until it is told to end, used for one token or session that ended elsewhere.
fn used_for_a_while(world: &World, arguments: &[&str], in_use: impl FnOnce(&str)) -> Told {
    let log = world.path().join("while.log");
    let mut command = world.job(PASSWORD, &[&["-vvv"], arguments].concat());
    command.stderr(fs::File::create(&log).expect("the folder can be written"));
    let running = Running::start_as_it_is(command);
    in_use(&running.at);
    drop(running);
    let err = fs::read_to_string(&log).expect("it can be read");
    fs::remove_file(&log).expect("it is there");
    Told { code: None, out: String::new(), err }
}

fn all_that_listen(world: &World) -> Vec<Told> {
    let proxied = |at: &str| {
        for path in ["/api/v2/task", "/session-service/api/v1/session/User"] {
            world.end_all();
            let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
            assert!(agent.get(&format!("{at}{path}")).call().expect("an answer").status().as_u16() < 500);
        }
    };
    let asked = |socket: &str| {
        let mut stream = UnixStream::connect(socket).expect("an agent");
        stream.write_all(b"{\"token\":{}}\n{\"session\":{}}\n{\"status\":{}}\n").expect("it is asked");
        let lines = BufReader::new(stream).lines().take(3).map_while(Result::ok);
        assert_eq!(lines.filter(|line| !line.contains("error")).count(), 3);
    };
    vec![
        used_for_a_while(world, &["proxy", "--listen", "127.0.0.1:0"], proxied),
        used_for_a_while(world, &["agent"], asked),
    ]
}

#[test]
fn no_secret_is_where_it_does_not_belong() {
    let world = World::new();
    let mut told = arguments_of_all(&world);
    for word in ["signing in to URL as etl.robot", "POST /saas/public/core/v3/login at 127.0.0.1: 200"] {
        assert!(told[0].err.contains(word), "{}", told[0].err);
    }
    assert!(told[2].err.contains("found in the cache"), "{}", told[2].err);
    let session = world.run(&["session"]).out.trim().to_owned();
    let token = world.run(&["token"]).out.trim().to_owned();
    for command in ["token", "session", "login"] {
        told.push(world.run_job(WRONG, &[command, "-vvv", "--profile", "other", "-u", "nobody"]));
    }
    let forged = format!("{token}x");
    for command in [
        &["status"][..],
        &["status", "--format", "json"],
        &["verify", &forged],
        &["profile", "list"],
        &["doctor"],
        &["credential", "--for", "maven"],
    ] {
        told.push(loud(&world, command));
    }
    told.extend(all_that_listen(&world));
    let later = [world.run(&["session"]).out, world.run(&["token"]).out];
    told.push(loud(&world, &["logout"]));
    let printed = told.iter().enumerate().map(|(which, told)| {
        // `token` and `session` print their secret on stdout, and nowhere else.
        if which == 1 || which == 2 { told.err.clone() } else { format!("{}{}", told.out, told.err) }
    });
    let secrets = [PASSWORD, WRONG, session.as_str(), token.as_str(), later[0].trim(), later[1].trim()];
    for text in printed {
        assert!(!secrets.iter().any(|secret| text.contains(secret)), "{text}");
    }
    let belongs = |path: &Path| path.ends_with("service/seed.toml") || path.starts_with(world.sessions());
    for path in files(world.path()).into_iter().filter(|path| path.is_file()) {
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
