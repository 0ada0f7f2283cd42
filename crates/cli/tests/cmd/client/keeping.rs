//! How sessions are kept: sealed where there is a keyring, and as they are where there is none or none is wanted.

use super::world::{PASSWORD, Told, World};
use std::fs;

fn run_with(world: &World, keep: &str, arguments: &[&str]) -> Told {
    let mut command = world.job(PASSWORD, arguments);
    command.env("LATCHKEY_KEEP", keep);
    world.told(command)
}

fn file(world: &World) -> String {
    let files = world.kept();
    let [file] = files.as_slice() else { panic!("{files:?}") };
    fs::read_to_string(file).expect("it can be read")
}

#[test]
fn the_files_alone_are_worth_nothing_where_there_is_a_keyring() {
    let world = World::new();
    let told = world.run_job(PASSWORD, &["login"]);
    let there_is_none = told.err.contains("there is no keyring here: FOLDER/state/sessions keeps sessions");
    let (session, token) = (world.run(&["session"]).out, world.run(&["token"]).out);
    for secret in [session.trim(), token.trim()] {
        assert_eq!(file(&world).contains(secret), there_is_none);
    }
    assert!(file(&world).contains("etl.robot"));
    // Whoever wants files reads what was sealed, and the other way round.
    assert_eq!(run_with(&world, "file", &["token"]).out, token);
    assert_eq!(run_with(&world, "file", &["login"]).err, "signed in to URL as etl.robot of Acme Prod\n");
    let session = world.run(&["session"]).out;
    assert!(file(&world).contains(session.trim()));
    assert_eq!(run_with(&world, "keyring", &["session"]).out, session);
    run_with(&world, "drawer", &["token"]).is(
        2,
        "",
        "error: LATCHKEY_KEEP cannot be used\n  caused by: secrets are kept by `keyring` or by `file`\n",
    );
}

#[test]
fn a_profile_says_how_its_sessions_are_kept() {
    let world = World::new();
    let url = world.service.url.clone();
    let add = ["profile", "add", "default", "--url", &url, "-u", "etl.robot", "--keep", "file"];
    world.run(&add).is(0, "", "");
    let told = world.run_with(PASSWORD, &["login", "--password-stdin"]);
    told.is(0, "", "signed in to URL as etl.robot of Acme Prod\n");
    assert!(file(&world).contains(world.run(&["session"]).out.trim()));
}

#[test]
fn a_lost_key_costs_one_sign_in_and_no_refused_password_is_sent_again() {
    let world = World::new();
    assert_eq!(world.run_job(PASSWORD, &["token"]).code, Some(0));
    assert_eq!(world.run_job("wrong", &["login"]).code, Some(1));
    let mut entry: serde_json::Value = serde_json::from_str(&file(&world)).expect("JSON");
    (entry["sealed"], entry["session"], entry["tokens"]) =
        ("AAAA".into(), serde_json::Value::Null, serde_json::json!([]));
    for path in world.kept() {
        fs::write(path, entry.to_string()).expect("it can be written");
    }
    let told = world.run_job("wrong", &["token"]);
    assert!(told.err.contains("was refused before and was not sent again"), "{}", told.err);
    let told = world.run_job(PASSWORD, &["token"]);
    assert_eq!((told.code, told.err.as_str()), (Some(0), ""));
    assert_eq!(world.number("sign_ins_total"), 3);
}
