//! `latchkey agent` and the programs that ask it.

use crate::client::world::{PASSWORD, World};
use crate::upstream::{Running, signal};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;

fn start(world: &World) -> Running {
    Running::start(world.job(PASSWORD, &["agent"]))
}

fn ask(socket: impl AsRef<Path>, request: &str) -> Value {
    let mut stream = UnixStream::connect(socket).expect("an agent");
    writeln!(stream, "{request}").expect("the request is sent");
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).expect("an answer");
    serde_json::from_str(&line).expect("JSON")
}

#[test]
fn many_programs_share_one_sign_in_and_one_token() {
    let world = World::new();
    let agent = start(&world);
    let tokens: BTreeSet<String> = std::thread::scope(|scope| {
        let ask = || ask(&agent.at, r#"{"token":{}}"#)["token"].as_str().expect("a token").to_owned();
        let asked: Vec<_> = (0..64).map(|_| scope.spawn(ask)).collect();
        asked.into_iter().map(|asked| asked.join().expect("an answer")).collect()
    });
    assert_eq!((tokens.len(), world.counted()), (1, (1, 1)));
    let session = ask(&agent.at, r#"{"session":{}}"#);
    assert_eq!(
        (&session["user"], &session["base_url"]),
        (&json!("etl.robot"), &json!(format!("{}/saas", world.service.url)))
    );
    let same = world.run_job(PASSWORD, &["token"]);
    assert_eq!(Some(same.out.trim()), tokens.first().map(String::as_str));
    let status = ask(&agent.at, r#"{"status":{}}"#);
    assert_eq!(
        (&status["pid"], &status["accounts"][0]["user"]),
        (&json!(agent.child.id()), &json!("etl.robot"))
    );
    assert!(!status.to_string().contains(same.out.trim()), "{status}");
    assert_eq!(world.counted(), (1, 1));
}

#[test]
fn the_socket_is_for_its_owner_and_nobody_has_two() {
    let world = World::new();
    let agent = start(&world);
    let mode = |path: &str| std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&agent.at), 0o600);
    assert_eq!(mode(&world.path().join("state").display().to_string()), 0o700);
    world.run_job(PASSWORD, &["agent"]).is(
        1,
        "",
        "error: an agent runs already\nhint: `latchkey agent --start` prints its socket\n",
    );
    world.run(&["agent", "--start"]).is(0, "FOLDER/state/agent.sock\n", "");
}

/// Another user's thread; `None` for whoever may not become one.
fn as_another_user<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    let nobody = rustix::thread::Uid::from_raw(65_534);
    std::thread::scope(|scope| {
        let thread = scope
            .spawn(move || rustix::thread::set_thread_res_uid(nobody, nobody, nobody).is_ok().then(work));
        thread.join().expect("the thread ends")
    })
}

#[test]
fn another_user_hears_nothing_even_where_the_folders_let_him_in() {
    let world = World::new();
    let agent = start(&world);
    let socket = Path::new(&agent.at);
    let heard = || {
        let mut stream = UnixStream::connect(socket)?;
        let _hung_up = stream.write_all(b"{\"token\":{}}\n");
        let mut heard = Vec::new();
        // An end that is not friendly is an end too.
        let _end = stream.read_to_end(&mut heard);
        Ok::<_, std::io::Error>(heard)
    };
    // Whoever may not become somebody else is asked by `talk.rs` itself.
    let Some(kept_out) = as_another_user(heard) else {
        return assert!(!rustix::process::geteuid().is_root());
    };
    assert_eq!(kept_out.expect_err("the folder is closed").kind(), std::io::ErrorKind::PermissionDenied);
    let open = |path: &Path| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777)).expect("it is ours");
    };
    [world.path(), socket.parent().expect("a folder"), socket].into_iter().for_each(open);
    assert_eq!(as_another_user(heard).expect("root").expect("a connection"), b"");
    assert_eq!(world.counted(), (0, 0));
    assert!(ask(socket, r#"{"token":{}}"#)["token"].is_string());
}

#[test]
fn what_a_killed_agent_left_is_replaced() {
    let world = World::new();
    let mut first = start(&world);
    first.child.kill().expect("it can be killed");
    first.child.wait().expect("it has ended");
    assert!(Path::new(&first.at).exists());
    let second = start(&world);
    assert_eq!(second.at, first.at);
    assert!(ask(&second.at, r#"{"token":{}}"#)["token"].is_string());
}

#[test]
fn an_agent_starts_on_demand_once_and_ends_when_asked() {
    let world = World::new();
    let commands: Vec<_> = (0..4).map(|_| world.job(PASSWORD, &["agent", "--start"])).collect();
    let children: Vec<_> =
        commands.into_iter().map(|mut command| command.spawn().expect("the tool can be started")).collect();
    for child in children {
        world.ended(child).is(0, "FOLDER/state/agent.sock\n", "");
    }
    let socket = world.path().join("state/agent.sock");
    let mut stream = UnixStream::connect(&socket).expect("an agent");
    let id = ask(&socket, r#"{"status":{}}"#)["pid"].as_u64().expect("a number");
    signal("TERM", u32::try_from(id).expect("a process"));
    assert_eq!(std::io::copy(&mut stream, &mut std::io::sink()).expect("the end"), 0);
}

#[test]
fn an_agent_that_nobody_uses_ends_and_takes_its_socket_away() {
    let world = World::new();
    let told = world.run(&["agent", "--idle-minutes", "0"]);
    told.is(0, "latchkey agent FOLDER/state/agent.sock\n", "");
    assert!(!world.path().join("state/agent.sock").exists());
}

#[test]
fn what_cannot_be_done_is_said_and_the_conversation_goes_on() {
    let world = World::new();
    let agent = start(&world);
    let said = |request: &str| ask(&agent.at, request)["error"].clone();
    assert_eq!(
        said(r#"{"token":{"profil":"a"}}"#),
        json!({"code": 2, "message": "this is no request: unknown field `profil`, expected one of `profile`, `url`, `user`, `client_id`, `least_life` at line 1 column 18"})
    );
    let wrong = Running::start({
        let mut command = world.job("wrong", &["agent"]);
        command.env("LATCHKEY_STATE_DIR", world.path().join("other"));
        command
    });
    let refused = "not signed in to URL: the sign-in was refused: User name or password is not valid.";
    let refused = json!({"error": {"code": 1, "message": refused.replace("URL", &world.service.url)}});
    assert_eq!(ask(&wrong.at, r#"{"token":{}}"#), refused);
    assert!(
        ask(&wrong.at, r#"{"session":{}}"#).to_string().contains("was refused before and was not sent again")
    );
    assert_eq!(world.counted(), (1, 0));
}
