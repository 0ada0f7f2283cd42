//! `latchkey exec`: a program that runs as if it ran alone, with credentials and a proxy at hand.

use crate::client::world::{PASSWORD, World};
use crate::upstream::{Running, by_shell, on_terminal, signal};
use std::io::{Read, Write};
use std::process::{ChildStdin, Stdio};

/// A shell script under `exec`, as soon as it has said `latchkey exec …`.
fn start(world: &World, script: &str) -> (Running, ChildStdin) {
    let mut command = world.job(PASSWORD, &["exec", "--", "sh", "-c", script]);
    command.stdin(Stdio::piped());
    let mut running = Running::start(command);
    let stdin = running.child.stdin.take().expect("the input is piped");
    (running, stdin)
}

fn code(mut running: Running) -> Option<i32> {
    running.child.wait().expect("it has ended").code()
}

#[test]
fn a_program_runs_with_a_session_and_ends_as_it_ends() {
    let world = World::new();
    let names = "env | grep -E '^(IDMC_|LATCHKEY_P)' | sed 's/=.*//' | sort; cat; echo no >&2; exit 7";
    let told = world.run_job(PASSWORD, &["exec", "--", "sh", "-c", names]);
    let all = "IDMC_BASE_URL\nIDMC_JWT\nIDMC_LOGIN_URL\nIDMC_ORG_ID\nIDMC_PROXY\nIDMC_SESSION_ID\n";
    told.is(7, all, "no\n");
    for (name, code) in [("TERM", 143), ("KILL", 137), ("INT", 130)] {
        let told = world.run_job(PASSWORD, &["exec", "sh", "-c", &format!("kill -{name} $$")]);
        told.is(code, "", "");
    }
    world.run_job(PASSWORD, &["exec", "--", "nonesuch"]).is(
        2,
        "",
        "error: nonesuch was not started\n  caused by: No such file or directory (os error 2)\nhint: name a program that is in PATH\n",
    );
    let works = "test -n \"$IDMC_SESSION_ID\" && test \"$IDMC_LOGIN_URL/saas\" = \"$IDMC_BASE_URL\"";
    assert_eq!(world.run_job(PASSWORD, &["exec", "--", "sh", "-c", works]).code, Some(0));
    assert_eq!(world.counted(), (1, 1));
}

#[test]
fn bytes_pass_through_untouched() {
    let world = World::new();
    let mut command = world.job(PASSWORD, &["exec", "--", "cat"]);
    let mut child = command.stdin(Stdio::piped()).spawn().expect("the tool can be started");
    let bytes: Vec<u8> = (0..=255).cycle().take(1 << 20).collect();
    let mut pipe = child.stdin.take().expect("the input is piped");
    let sent = bytes.clone();
    let writer = std::thread::spawn(move || pipe.write_all(&sent));
    let mut read = Vec::new();
    child.stdout.take().expect("the output is piped").read_to_end(&mut read).expect("the output");
    writer.join().expect("it was written").expect("it was read");
    assert!(read == bytes, "{} bytes of {}", read.len(), bytes.len());
    assert_eq!(world.ended(child).code, Some(0));
}

#[test]
fn a_program_that_outlives_its_session_goes_on_calling() {
    let world = World::new();
    let (running, mut stdin) = start(&world, "echo latchkey exec $IDMC_PROXY; read -r line; exit 5");
    let call = || {
        let url = format!("{}/session-service/api/v1/session/User", running.at);
        ureq::get(&url).call().expect("an answer").status().as_u16()
    };
    assert_eq!(call(), 200);
    // The session that the program was given is the proxy's too.
    assert_eq!(world.counted(), (1, 1));
    for opened in [2, 3] {
        world.end_all();
        assert_eq!(call(), 200);
        assert_eq!(world.number("sessions_opened_total"), opened);
    }
    writeln!(stdin, "enough").expect("the program reads");
    assert_eq!(code(running), Some(5));
}

#[test]
fn the_proxy_begins_with_the_session_at_hand_even_where_nothing_can_be_kept() {
    let world = World::new();
    let mut command =
        world.job(PASSWORD, &["exec", "--", "sh", "-c", "echo latchkey exec $IDMC_PROXY; read -r line"]);
    command.env("LATCHKEY_STATE_DIR", "/proc/nowhere").stdin(Stdio::piped());
    let running = Running::start(command);
    let url = format!("{}/session-service/api/v1/session/User", running.at);
    assert_eq!(ureq::get(&url).call().expect("an answer").status(), 200);
    assert_eq!(world.number("sessions_opened_total"), 1);
}

#[test]
fn signals_reach_the_program() {
    let world = World::new();
    for (name, number) in [("TERM", 41), ("HUP", 42), ("USR1", 43), ("USR2", 44), ("INT", 45), ("QUIT", 46)] {
        let script = format!(
            "tail -f /dev/null > /dev/null & trap \"kill $!; exit {number}\" {name}; echo latchkey exec ready; wait; exit 1"
        );
        let (running, _stdin) = start(&world, &script);
        signal(name, running.child.id());
        assert_eq!(code(running), Some(number), "{name}");
    }
}

#[test]
fn a_signal_that_was_ignored_stays_so() {
    let world = World::new();
    let job = world.job(PASSWORD, &["exec", "--", "grep", "SigIgn", "/proc/self/status"]);
    for (how, ignores_hangup) in [("trap '' HUP; exec \"$0\" \"$@\"", true), ("exec \"$0\" \"$@\"", false)] {
        let told = world.told(by_shell(how, &job));
        let last = told.out.trim_end().chars().last().and_then(|digit| digit.to_digit(16)).expect("a mask");
        assert_eq!((told.code, last & 1 == 1), (Some(0), ignores_hangup), "{}", told.out);
    }
}

/// Reads until a word has come.
fn wait_for(word: &str, from: &mut impl Read) {
    let mut read = Vec::new();
    let mut byte = [0];
    while !read.ends_with(word.as_bytes()) {
        assert_eq!(from.read(&mut byte).expect("the output"), 1, "{}", String::from_utf8_lossy(&read));
        read.push(byte[0]);
    }
}

#[test]
fn a_terminal_interrupts_the_program_once_and_it_goes_on() {
    let world = World::new();
    let script = "n=; trap 'n=x$n; echo interrupted' INT; echo ready; while ! read -r line; do :; done; exit $((40 + ${#n}))";
    let mut child = on_terminal(&world.job(PASSWORD, &["exec", "--", "sh", "-c", script]))
        .stdin(Stdio::piped())
        .spawn()
        .expect("script can be started");
    let mut stdin = child.stdin.take().expect("the input is piped");
    let mut out = child.stdout.take().expect("the output is piped");
    wait_for("ready", &mut out);
    stdin.write_all(b"\x03").expect("the terminal takes keys");
    wait_for("interrupted", &mut out);
    stdin.write_all(b"done\n").expect("the terminal takes keys");
    assert_eq!(child.wait().expect("it has ended").code(), Some(41));
}
