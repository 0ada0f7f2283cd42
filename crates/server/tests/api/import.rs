//! Many users at once: what becomes of each row, that nobody gives what they do not have, and that a second try adds nothing.

use crate::answer::Answer;
use crate::world::{Door, Question, SEED, World};

const IMPORT: &str = "/latchkey/v1/users/import";

/// Of the password `correct horse`, by bcrypt of Python.
const HASH: &str = "$2b$06$abcdefghijklmnopqrstuud/5IuQmqhVO0kfNEbHJM.fJkPiliBzC";

/// Sends rows with a session, and reads the answer without the ids of users.
async fn import(world: &World, session: &str, query: &str, rows: &[&str]) -> String {
    let answer = sent(world, session, query, rows).await;
    assert_eq!(answer.status, 200, "{answer}");
    let lines = answer.body.lines().map(|line| {
        let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
        line.as_object_mut().unwrap().remove("id");
        line.to_string()
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn sent(world: &World, session: &str, query: &str, rows: &[&str]) -> Question {
    world.post(&format!("{IMPORT}{query}")).header("IDS-SESSION-ID", session).body(rows.join("\n"))
}

async fn names(world: &World, session: &str) -> Vec<String> {
    let answer: Answer = world.get("/saas/public/core/v3/users").header("IDS-SESSION-ID", session).await;
    let users = answer.json().as_array().unwrap().clone();
    users.iter().map(|user| user["userName"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn every_row_is_judged_as_if_it_came_alone() {
    let world = World::new().await;
    let ada = world.ada().await;
    let hashed = format!(r#"{{"name":"cleo","roles":["Designer"],"passwordHash":"{HASH}"}}"#);
    let rows = [
        hashed.as_str(),
        r#"{"name":"dee","groups":[],"state":"Inactive","authentication":"SAML"}"#,
        "",
        r#"{"name":"bob","roles":["Admin"]}"#,
        r#"{"name":"eve"}"#,
        r#"{"name":"CLEO"}"#,
        r#"{"name":"f f"}"#,
        r#"{"name":"gus","roles":["Nobody"]}"#,
        r#"{"name":"gus","passwordHash":"hunter2"}"#,
        r#"{"name":"gus","password":"hunter2"}"#,
        r#"{"name":"gus","title":7}"#,
        "nonsense",
    ];
    let expected = [
        r#"{"row":1,"result":"added"}"#,
        r#"{"row":2,"result":"added"}"#,
        r#"{"row":4,"result":"refused","reason":"there is a user with this name, with another roles, timeZoneId"}"#,
        r#"{"row":5,"result":"refused","reason":"the name is taken"}"#,
        r#"{"row":6,"result":"refused","reason":"a row before it has the same name"}"#,
        r#"{"row":7,"result":"refused","reason":"a user name is an e-mail address, or letters, digits and - _ . ' only, at most 255 characters"}"#,
        r#"{"row":8,"result":"refused","reason":"there is no role Nobody"}"#,
        r#"{"row":9,"result":"refused","reason":"the field passwordHash is not a hash of argon2, bcrypt, scrypt or pbkdf2 within the allowed work"}"#,
    ];
    let told = import(&world, &ada, "?dryRun=true", &rows).await;
    assert_eq!(names(&world, &ada).await, ["ada", "bob", "disabled.dan", "saml.sam"]);
    assert_eq!(told.lines().take(8).collect::<Vec<_>>(), expected);
    assert!(!told.contains("hunter2"), "{told}");
    assert_eq!(told.lines().filter(|line| line.contains("refused")).count(), 9, "{told}");
    assert_eq!(import(&world, &ada, "", &rows).await, told);
    assert_eq!(names(&world, &ada).await, ["ada", "bob", "cleo", "dee", "disabled.dan", "saml.sam"]);
    world.session(Door::V1, "cleo", "correct horse").await;
    let events = world.events().await;
    let added = events.iter().filter(|event| event["event"] == "user_written" && event["how"] == "added");
    assert_eq!(added.count(), 2);
}

#[tokio::test]
async fn a_second_import_of_the_same_rows_adds_nothing() {
    let world = World::new().await;
    let ada = world.ada().await;
    let mut rows: Vec<_> =
        (0..1_201).map(|number| format!(r#"{{"name":"user.{number}","roles":["Designer"]}}"#)).collect();
    let first: Vec<_> = rows.iter().take(700).map(String::as_str).collect();
    let told = import(&world, &ada, "", &first).await;
    assert_eq!(told.lines().filter(|line| line.contains(r#""result":"added""#)).count(), 700);
    rows[5] = r#"{"name":"user.5","roles":["Admin"]}"#.to_owned();
    let all: Vec<_> = rows.iter().map(String::as_str).collect();
    let told = import(&world, &ada, "", &all).await;
    let count =
        |result: &str| told.lines().filter(|line| line.contains(&format!(r#""result":"{result}""#))).count();
    assert_eq!((count("added"), count("unchanged"), count("refused")), (501, 699, 1));
    assert_eq!(
        told.lines().nth(5),
        Some(r#"{"row":6,"result":"refused","reason":"there is a user with this name, with another roles"}"#)
    );
}

#[tokio::test]
async fn nobody_imports_what_they_may_not_give_nor_where_they_may_not() {
    let below = format!(
        "{SEED}[[org]]\nname = \"Below\"\nid = \"1mYdXw9KcJhaf3LrN8pQ2v\"\nparent = \"5mYdXw9KcJhaf3LrN8pQ2v\"\n"
    );
    let world = World::of(&below).await;
    let (ada, eve) = (world.ada().await, world.session(Door::V1, "eve", "other side").await);
    let role = r#"{"name":"Hiring","privileges":["view.admin.people","manage.admin.users"]}"#;
    let added = world.post("/saas/public/core/v3/roles").header("INFA-SESSION-ID", &ada).json(role).await;
    assert_eq!(added.status, 201, "{added}");
    let hana = format!(r#"{{"name":"hana","roles":["Hiring"],"passwordHash":"{HASH}"}}"#);
    import(&world, &ada, "", &[&hana]).await;
    let hana = world.session(Door::V1, "hana", "correct horse").await;
    let rows = [r#"{"name":"ivo","roles":["Admin"]}"#, r#"{"name":"jo","roles":["Hiring"]}"#];
    assert_eq!(
        import(&world, &hana, "", &rows).await,
        "{\"row\":1,\"result\":\"refused\",\"reason\":\"Admin allows what you may not do yourself\"}\n{\"row\":2,\"result\":\"added\"}"
    );
    let into_below = "?orgId=1mYdXw9KcJhaf3LrN8pQ2v";
    assert_eq!(
        import(&world, &ada, into_below, &[r#"{"name":"kim"}"#]).await,
        r#"{"row":1,"result":"added"}"#
    );
    assert_eq!(world.account("kim").await.user.org.to_string(), "org:1mYdXw9KcJhaf3LrN8pQ2v");
    for (session, query, status) in [
        (&eve, into_below, 404),
        (&eve, "?orgId=5mYdXw9KcJhaf3LrN8pQ2v", 404),
        (&ada, "?dryRun=yes", 400),
        (&ada, "?orgId=nonsense", 404),
    ] {
        assert_eq!(sent(&world, session, query, &rows).await.status, status, "{query}");
    }
    let bob = world.session(Door::V1, "bob", "battery staple").await;
    assert_eq!(sent(&world, &bob, "", &rows).await.status, 403);
}

#[tokio::test]
async fn a_row_without_an_end_stops_the_import_and_keeps_what_came_before() {
    let world = World::new().await;
    let ada = world.ada().await;
    let long = format!(r#"{{"name":"lea","title":"{}"}}"#, "x".repeat(70_000));
    assert_eq!(
        import(&world, &ada, "", &[r#"{"name":"kim"}"#, &long, r#"{"name":"max"}"#]).await,
        "{\"row\":1,\"result\":\"added\"}\n{\"row\":2,\"result\":\"stopped\",\"reason\":\"the row is longer than 65536 bytes\"}"
    );
    assert_eq!(names(&world, &ada).await, ["ada", "bob", "disabled.dan", "kim", "saml.sam"]);
}
