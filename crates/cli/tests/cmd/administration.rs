//! Orgs, users, groups, roles and sessions from the command line, against a running service.

use crate::client::world::{PASSWORD, Told, World};
use std::fs;

/// Of the password `correct horse`, by bcrypt of Python.
const HASH: &str = "$2b$06$abcdefghijklmnopqrstuud/5IuQmqhVO0kfNEbHJM.fJkPiliBzC";

fn administrator() -> World {
    let world = World::new();
    world.log_in();
    world
}

fn json(told: &Told) -> serde_json::Value {
    assert_eq!((told.code, told.err.as_str()), (Some(0), ""));
    serde_json::from_str(&told.out).expect("JSON on one line")
}

/// Runs a command that must succeed and print nothing but a note.
fn noted(world: &World, arguments: &[&str], note: &str) {
    world.run(arguments).is(0, "", &format!("{note}\n"));
}

/// What the third and the last row of a table are about is known from run to run; ids are not.
fn field<'a>(told: &'a Told, name: &str) -> &'a str {
    assert_eq!(told.code, Some(0), "{}", told.err);
    let line = told.out.lines().find(|line| line.split_whitespace().next() == Some(name));
    line.unwrap_or_else(|| panic!("no {name} in\n{}", told.out))
        .split_once(' ')
        .expect("two columns")
        .1
        .trim()
}

#[test]
fn users_roles_and_groups_are_made_changed_and_removed() {
    let world = administrator();
    let role =
        world.run(&["role", "add", "Support", "--privilege", "view.admin.log", "--description", "Reads"]);
    assert_eq!((field(&role, "roleName"), field(&role, "privileges")), ("Support", "view.admin.log"));
    let granted = world.run(&["role", "grant", "Support", "view.admin.people"]);
    assert_eq!(field(&granted, "privileges"), "view.admin.people, view.admin.log");
    let revoked = world.run(&["role", "revoke", "support", "view.admin.log"]);
    assert_eq!(field(&revoked, "privileges"), "view.admin.people");
    let user =
        ["user", "add", "ada", "--first-name", "Ada", "--last-name", "Lovelace", "--email", "ada@acme.test"];
    let added =
        world.run_with("a good one 1\n", &[&user[..], &["--role", "Designer", "--password-stdin"]].concat());
    assert_eq!((field(&added, "userName"), field(&added, "roles")), ("ada", "Designer"));
    let group = world.run(&["group", "add", "Night shift", "--role", "Support", "--member", "ada"]);
    assert_eq!((field(&group, "roles"), field(&group, "users")), ("Support", "ada"));
    world.run(&["user", "list"]).is(
        0,
        "NAME       STATE        ROLES     GROUPS       E-MAIL\n\
         ada        Provisioned  Designer  Night shift  ada@acme.test\n\
         etl.robot  Provisioned  Admin     -            -\n",
        "",
    );
    they_are_changed(&world);
    they_are_found_and_go(&world);
}

fn they_are_changed(world: &World) {
    let changed = world.run(&[
        "user",
        "change",
        "ada",
        "--title",
        "Countess",
        "--remove-group",
        "night shift",
        "--add-role",
        "Support",
    ]);
    assert_eq!(
        (field(&changed, "title"), field(&changed, "roles"), field(&changed, "groups")),
        ("Countess", "Designer, Support", "-")
    );
    let moved = world.run(&[
        "group",
        "change",
        "Night shift",
        "--name",
        "Late shift",
        "--add-member",
        "ada",
        "--role",
        "Designer",
    ]);
    assert_eq!(
        (field(&moved, "userGroupName"), field(&moved, "roles"), field(&moved, "users")),
        ("Late shift", "Designer", "ada")
    );
    let kept = world.run(&["group", "change", "Late shift", "--description", "After ten"]);
    assert_eq!((field(&kept, "description"), field(&kept, "users")), ("After ten", "ada"));
}

fn they_are_found_and_go(world: &World) {
    noted(world, &["user", "disable", "ada", "--yes"], "disabled the user ada");
    assert_eq!(
        field(&world.run(&["user", "list", "--state", "inactive"]), "ada"),
        "Inactive  Designer, Support  Late shift  ada@acme.test"
    );
    noted(world, &["user", "enable", "ada"], "enabled the user ada");
    let found =
        json(&world.run(&["user", "list", "--role", "support", "--group", "Late shift", "--format", "json"]));
    assert_eq!(
        (found[0]["userName"].as_str(), found[0]["state"].as_str(), found.as_array().map(Vec::len)),
        (Some("ada"), Some("Provisioned"), Some(1))
    );
    noted(world, &["user", "remove", "ada", "--yes"], "removed the user ada");
    noted(world, &["group", "remove", "Late shift", "--yes"], "removed the group Late shift");
    noted(world, &["role", "remove", "Support", "--yes"], "removed the role Support");
    world.run(&["user", "show", "ada"]).is(
        1,
        "",
        "error: there is no user ada\nhint: `latchkey user list` shows them\n",
    );
}

#[test]
fn what_cannot_be_done_says_why() {
    let world = administrator();
    world.run(&["user", "remove", "etl.robot"]).is(
        2,
        "",
        "error: remove the user etl.robot: there is nobody to ask\nhint: say --yes\n",
    );
    world.run(&["user", "remove", "etl.robot", "--yes"]).is(
        1,
        "",
        "error: This user may not do that\nhint: sign in as an administrator of that org: `latchkey login -u USER`\n",
    );
    world.run(&["user", "change", "etl.robot"]).is(
        2,
        "",
        "error: nothing is to be different\nhint: `--help` shows what can be\n",
    );
    world.run(&["role", "add", "Admin", "--privilege", "view.admin.log"]).is(
        1,
        "",
        "error: Something else has that name\n",
    );
    let stranger = World::new().run(&["user", "list"]);
    assert_eq!(stranger.code, Some(2));
    assert!(stranger.err.starts_with("error: there is no profile default\n"), "{}", stranger.err);
}

#[test]
fn passwords_are_piped_and_old_ones_stop() {
    let world = administrator();
    let user = [
        "user",
        "add",
        "ada",
        "--first-name",
        "A",
        "--last-name",
        "L",
        "--email",
        "a@acme.test",
        "--role",
        "Designer",
    ];
    world.run(&user);
    let given = world.run_with("a good one 1\n", &["user", "password", "ada", "--password-stdin"]);
    given.is(0, "", "gave ada another password\n");
    let own =
        world.run_with(&format!("{PASSWORD}\nanother good one\n"), &["user", "password", "--password-stdin"]);
    own.is(0, "", "gave yourself another password\n");
    assert_eq!(world.run_job(PASSWORD, &["login", "--profile", "old"]).code, Some(1));
    assert_eq!(world.run_job("another good one", &["login", "--profile", "new"]).code, Some(0));
    let weak = world.run_with("short\n", &["user", "password", "ada", "--password-stdin"]);
    weak.is(1, "", "error: The password was not taken: a password has at least 8 characters\n");
    let nobody = world.run(&["user", "password", "ada"]);
    nobody.is(2, "", "error: there is nobody to type a password\nhint: pipe it, with --password-stdin\n");
}

#[test]
fn sessions_are_printed_listed_and_ended() {
    let world = administrator();
    let id = world.run(&["session"]);
    assert_eq!((id.code, id.out.trim().len()), (Some(0), 22), "{}", id.err);
    let mine = json(&world.run(&["session", "list", "--format", "json"]));
    assert_eq!((mine[0]["userName"].as_str(), mine[0]["current"].as_bool()), (Some("etl.robot"), Some(true)));
    let other = world
        .job(PASSWORD, &["login", "--profile", "other"])
        .env("LATCHKEY_STATE_DIR", world.path().join("other"))
        .spawn();
    assert_eq!(world.ended(other.expect("the tool can be started")).code, Some(0));
    let all = json(&world.run(&["session", "list", "--all", "--format", "json"]));
    assert_eq!(all.as_array().map(Vec::len), Some(2));
    let theirs =
        all.as_array().into_iter().flatten().find(|it| it["current"] == false).expect("the other one");
    let handle = theirs["handle"].as_str().expect("a handle");
    noted(&world, &["session", "end", handle], &format!("ended the session {handle}"));
    let left = world.run(&["session", "list", "--login", "etl.robot"]);
    assert_eq!(left.out.lines().count(), 2, "{}", left.out);
    assert!(!left.out.contains(id.out.trim()), "a session id is shown");
}

#[test]
fn users_come_out_of_a_file_and_refused_rows_are_told_of() {
    let world = administrator();
    let table = format!(
        "name,roles,passwordHash\nada,Designer,{HASH}\nbob,Designer;Nobody,\nada,,\ncleo,,hunter2\ndee,,\n"
    );
    fs::write(world.path().join("users.csv"), table).expect("the folder can be written");
    let refused = "row 4: ada: row 2 has the same name\n\
        row 3: bob: there is no role Nobody\n\
        row 5: cleo: the field passwordHash is not a hash of argon2, bcrypt, scrypt or pbkdf2 within the allowed work\n\
        error: 3 of 5 rows were refused\n\
        hint: mend those rows and run it again: users who are there already are left alone\n";
    let sums = "added      2\nunchanged  0\nrefused    3\n";
    world.run(&["user", "import", "users.csv", "--dry-run"]).is(1, sums, refused);
    assert_eq!(world.run(&["user", "list"]).out.lines().count(), 2);
    world.run(&["user", "import", "users.csv"]).is(1, sums, refused);
    let again = world.run(&["user", "import", "users.csv", "--report", "refused.csv", "--format", "json"]);
    again.is(
        1,
        "{\"added\":0,\"unchanged\":2,\"refused\":3}\n",
        "error: 3 of 5 rows were refused\nhint: refused.csv says which, and why\n",
    );
    let report = fs::read_to_string(world.path().join("refused.csv")).expect("a report");
    assert_eq!(report.lines().nth(2), Some("3,bob,there is no role Nobody"), "{report}");
    let piped = world.run_with("{\"name\":\"eli\"}\n", &["user", "import", "-", "--input", "jsonl"]);
    piped.is(0, "added      1\nunchanged  0\nrefused    0\n", "");
    let mut ada = world.job("correct horse", &["login", "--profile", "ada"]);
    assert_eq!(
        world
            .told({
                ada.env("LATCHKEY_USERNAME", "ada");
                ada
            })
            .code,
        Some(0)
    );
    fs::write(world.path().join("wrong.csv"), "name,pasword\nada,hunter2\n")
        .expect("the folder can be written");
    let wrong = world.run(&["user", "import", "wrong.csv"]);
    assert_eq!(wrong.code, Some(2));
    assert!(
        wrong.err.starts_with("error: wrong.csv line 1: the column pasword is not known"),
        "{}",
        wrong.err
    );
}

#[test]
fn orgs_below_ones_own_are_made_peopled_changed_and_removed() {
    let world = administrator();
    let east = world.run(&["org", "add", "East", "--description", "Plants"]);
    assert_eq!((field(&east, "name"), field(&east, "description")), ("East", "Plants"));
    let berlin = world.run(&["org", "add", "Berlin", "--parent", "East"]);
    assert_eq!(field(&berlin, "parentId"), field(&east, "id"));
    let user = [
        "user",
        "add",
        "cleo",
        "--first-name",
        "C",
        "--last-name",
        "D",
        "--email",
        "c@acme.test",
        "--role",
        "Designer",
    ];
    let added = world.run(&[&user[..], &["--org", "Berlin"]].concat());
    assert_eq!(field(&added, "orgId"), field(&berlin, "id"));
    assert_eq!(world.run(&["user", "list", "--org", "Berlin"]).out.lines().count(), 2);
    assert_eq!(world.run(&["user", "list"]).out.lines().count(), 2);
    assert_eq!(field(&world.run(&["org", "change", "Berlin", "--name", "Potsdam"]), "name"), "Potsdam");
    let full = world.run(&["org", "remove", "East", "--yes"]);
    assert_eq!(full.code, Some(1), "{}", full.out);
    noted(&world, &["org", "remove", "Potsdam", "--yes"], "removed the org Potsdam");
    noted(&world, &["org", "remove", "East", "--yes"], "removed the org East");
    world.run(&["org", "show", "East"]).is(
        1,
        "",
        "error: there is no org East\nhint: `latchkey org list` shows them\n",
    );
}

#[test]
fn policies_and_clients_are_shown_and_changed() {
    let world = administrator();
    let set = world.run(&["policy", "set", "passwordMinLength=12", "trustedIpRanges=127.0.0.0/8"]);
    assert_eq!(
        (field(&set, "passwordMinLength"), field(&set, "trustedIpRanges")),
        ("12           12", "127.0.0.0/8  127.0.0.0/8")
    );
    let back = world.run(&["policy", "set", "trustedIpRanges=default"]);
    assert_eq!(field(&back, "trustedIpRanges"), "-    -");
    let wrong = world.run(&["policy", "set", "passwordMinimum=12"]);
    assert!(wrong.code == Some(1) && wrong.err.contains("unknown field `passwordMinimum`"), "{}", wrong.err);
    let client = world.run(&["client", "add", "nightly", "--role", "Designer", "--format", "json"]);
    let made: serde_json::Value = serde_json::from_str(&client.out).expect("JSON on one line");
    let secret = made["secret"].as_str().expect("a secret");
    assert_eq!(client.err, "keep the secret: nothing shows it again\n");
    let second = world.run(&["client", "add-secret", "nightly"]);
    assert_ne!(field(&second, "secret"), secret);
    let id = made["secrets"][0]["id"].as_str().expect("an id");
    noted(
        &world,
        &["client", "remove-secret", "nightly", id, "--yes"],
        "removed a secret of the client nightly",
    );
    let shown = world.run(&["client", "show", "nightly"]);
    assert!(!shown.out.contains(secret) && shown.out.contains(field(&second, "id")), "{}", shown.out);
    assert_eq!(field(&world.run(&["client", "change", "nightly", "--disabled", "true"]), "disabled"), "yes");
    noted(&world, &["client", "remove", "nightly", "--yes"], "removed the client nightly");
}

#[test]
fn providers_are_trusted_changed_and_trusted_no_more() {
    let world = administrator();
    let provider = [
        "provider",
        "add",
        "https://id.acme.test",
        "--keys",
        "https://id.acme.test/keys",
        "--alias",
        "a=b=etl.robot",
    ];
    assert_eq!(world.run(&provider).code, Some(0));
    let changed = json(&world.run(&[
        "provider",
        "change",
        "https://id.acme.test",
        "--audience",
        "x",
        "--format",
        "json",
    ]));
    assert_eq!(changed["accountPolicy"]["link"]["aliases"][0]["value"], "a=b");
    assert_eq!(changed["audience"], "x");
    noted(
        &world,
        &["provider", "remove", "https://id.acme.test", "--yes"],
        "https://id.acme.test is trusted no more",
    );
}
