//! OAuth clients as administrators see them: made, changed, rotated and removed, by whom and within which limits.

use crate::answer::Answer;
use crate::world::{Door, World, minutes};
use http::Method;
use std::future::IntoFuture;

pub const CLIENTS: &str = "/latchkey/v1/orgs/5mYdXw9KcJhaf3LrN8pQ2v/clients";

fn problem(status: u16, title: &str, code: &str, detail: &str) -> String {
    format!(
        r#"{status} [content-type: application/problem+json] {{"type":"urn:latchkey:{code}","title":"{title}","status":{status},"detail":"{detail}","code":"{code}","requestId":"$request"}}"#
    )
}

fn unfit(why: &str) -> String {
    problem(400, "Bad Request", "V3API_007", &format!("Bad Request. Please check your request: {why}."))
}

fn unknown() -> String {
    problem(404, "Not Found", "LK_NOT_FOUND", "Nothing here has that id or name.")
}

fn not_allowed() -> String {
    problem(403, "Forbidden", "LK_DENIED", "This user may not do that.")
}

/// Makes a client and hands back the whole answer.
pub async fn made(world: &World, session: &str, body: &str) -> Answer {
    let answer = world.post(CLIENTS).header("IDS-SESSION-ID", session).json(body).await;
    assert_eq!(answer.status, 201, "{answer}");
    answer
}

pub fn text(answer: &Answer, pointer: &str) -> String {
    answer.json().pointer(pointer).unwrap().as_str().unwrap().to_owned()
}

fn ask(world: &World, session: &str, method: Method, path: &str) -> crate::world::Question {
    world.ask(method, &world.notebook.fill(path)).header("IDS-SESSION-ID", session)
}

#[tokio::test]
async fn a_client_is_made_shown_changed_and_removed_and_its_secret_is_shown_once() {
    let world = World::new().await;
    let ada = world.ada().await;
    let body =
        r#"{"name":"Nightly loads","description":"runs at three","roles":["Designer"],"tokenMinutes":60}"#;
    let designer = domain::role::Role::Designer.id().base62();
    world.notebook.write("role_designer", &designer);
    made(&world, &ada, body).await.is(r#"201 {"id":"$client","orgId":"5mYdXw9KcJhaf3LrN8pQ2v","name":"Nightly loads","description":"runs at three","roles":["$role_designer"],"tokenMinutes":60,"disabled":false,"secrets":[{"id":"$named_1","createdAt":"2026-01-15T10:30:00.000Z","lastUsedAt":null}],"createdAt":"2026-01-15T10:30:00.000Z","updatedAt":"2026-01-15T10:30:00.000Z","secret":"$secret_1"}"#);
    let shown = r#"{"id":"$client","orgId":"5mYdXw9KcJhaf3LrN8pQ2v","name":"Nightly loads","description":"runs at three","roles":["$role_designer"],"tokenMinutes":60,"disabled":false,"secrets":[{"id":"$named_1","createdAt":"2026-01-15T10:30:00.000Z","lastUsedAt":null}],"createdAt":"2026-01-15T10:30:00.000Z","updatedAt":"2026-01-15T10:30:00.000Z"}"#;
    ask(&world, &ada, Method::GET, CLIENTS).await.is(&format!(r#"200 {{"clients":[{shown}]}}"#));
    ask(&world, &ada, Method::GET, "/latchkey/v1/clients/$client").await.is(&format!("200 {shown}"));
    world.later(minutes(1));
    let patch = r#"{"name":"Loads","roles":null,"tokenMinutes":null,"disabled":true}"#;
    ask(&world, &ada, Method::PATCH, "/latchkey/v1/clients/$client").json(patch).await.is(r#"200 {"id":"$client","orgId":"5mYdXw9KcJhaf3LrN8pQ2v","name":"Loads","description":"runs at three","roles":[],"tokenMinutes":30,"disabled":true,"secrets":[{"id":"$named_1","createdAt":"2026-01-15T10:30:00.000Z","lastUsedAt":null}],"createdAt":"2026-01-15T10:30:00.000Z","updatedAt":"2026-01-15T10:31:00.000Z"}"#);
    let secrets = "/latchkey/v1/clients/$client/secrets";
    ask(&world, &ada, Method::POST, secrets).await.is(r#"201 {"id":"$named_2","createdAt":"2026-01-15T10:31:00.000Z","lastUsedAt":null,"secret":"$secret_2"}"#);
    let full = "The OAuth client has two secrets. Remove one.";
    ask(&world, &ada, Method::POST, secrets).await.is(&problem(409, "Conflict", "LK_CONFLICT", full));
    ask(&world, &ada, Method::DELETE, &format!("{secrets}/$named_1")).await.is("204");
    ask(&world, &ada, Method::DELETE, &format!("{secrets}/$named_1")).await.is(&unknown());
    ask(&world, &ada, Method::DELETE, "/latchkey/v1/clients/$client").await.is("204");
    for method in [Method::GET, Method::PATCH, Method::DELETE] {
        ask(&world, &ada, method, "/latchkey/v1/clients/$client").json("{}").await.is(&unknown());
    }
    let events = world.events().await;
    let words: Vec<_> = events.iter().map(|event| (&event["event"], &event["how"])).collect();
    let tail = [
        ("client_written", Some("added")),
        ("client_written", Some("disabled")),
        ("client_secret_added", None),
        ("client_secret_removed", None),
        ("client_written", Some("removed")),
    ];
    let tail = tail.map(|(event, how)| (event.into(), how.map_or(serde_json::Value::Null, Into::into)));
    assert_eq!(words[words.len() - 5..], tail.each_ref().map(|(event, how)| (event, how)));
    let record = serde_json::to_string(&events).unwrap();
    assert!(!record.contains("lkcs_"), "{record}");
}

#[tokio::test]
async fn a_request_that_breaks_a_rule_is_told_which() {
    let world = World::new().await;
    let ada = world.ada().await;
    let many = serde_json::json!({"name": "x", "roles": vec!["Admin"; 51]}).to_string();
    for (body, reason) in [
        (r#"{"name":""}"#, "name has 1 to 32 characters that can be seen"),
        (&format!(r#"{{"name":"{}"}}"#, "x".repeat(33)), "name has 1 to 32 characters that can be seen"),
        (
            &format!(r#"{{"name":"x","description":"{}"}}"#, "x".repeat(256)),
            "description has at most 255 characters",
        ),
        (r#"{"name":"x","tokenMinutes":4}"#, "tokenMinutes is 5 to 1440"),
        (r#"{"name":"x","tokenMinutes":1441}"#, "tokenMinutes is 5 to 1440"),
        (&many, "roles has at most 50 entries"),
        ("{}", "missing field `name` at line 1 column 2"),
        (
            r#"{"name":"x","secret":"mine"}"#,
            "unknown field `secret`, expected one of `name`, `description`, `roles`, `tokenMinutes` at line 1 column 20",
        ),
    ] {
        world.post(CLIENTS).header("IDS-SESSION-ID", &ada).json(body).await.is(&unfit(reason));
    }
    let body = r#"{"name":"x","roles":["Nobody"]}"#;
    world.post(CLIENTS).header("IDS-SESSION-ID", &ada).json(body).await.is(&unknown());
}

#[tokio::test]
async fn nobody_gives_a_client_what_they_do_not_have_nor_takes_a_secret_of_one_that_may_do_more() {
    let world = World::new().await;
    let (ada, eve) = (world.ada().await, world.session(Door::V1, "eve", "other side").await);
    let post =
        |path: &str, body: &str| world.post(path).header("IDS-SESSION-ID", &ada).json(body).into_future();
    let role = post(
        "/saas/public/core/v3/roles",
        r#"{"name":"People","privileges":["view.admin.people","manage.admin.users"]}"#,
    );
    assert_eq!(role.await.status, 201);
    let body = r#"{"name":"cleo","firstName":"C","lastName":"D","email":"c@acme.test","password":"a good one","roles":["People"]}"#;
    assert_eq!(post("/saas/public/core/v3/users", body).await.status, 201);
    let cleo = world.session(Door::V1, "cleo", "a good one").await;
    let refused = |body: &'static str| world.post(CLIENTS).header("IDS-SESSION-ID", &cleo).json(body);
    refused(r#"{"name":"x","roles":["Admin"]}"#).await.is(&not_allowed());
    let theirs = made(&world, &cleo, r#"{"name":"x","roles":["People"]}"#).await;
    let mine = made(&world, &ada, r#"{"name":"y","roles":["Admin"]}"#).await;
    let (theirs, mine) = (text(&theirs, "/id"), text(&mine, "/id"));
    for (method, path) in [
        (Method::GET, format!("/latchkey/v1/clients/{mine}")),
        (Method::PATCH, format!("/latchkey/v1/clients/{mine}")),
        (Method::DELETE, format!("/latchkey/v1/clients/{mine}")),
        (Method::POST, format!("/latchkey/v1/clients/{mine}/secrets")),
    ] {
        ask(&world, &cleo, method.clone(), &path).json("{}").await.is(&not_allowed());
        ask(&world, &eve, method, &path).json("{}").await.is(&unknown());
    }
    let path = format!("/latchkey/v1/clients/{theirs}");
    let more = r#"{"roles":["Admin"]}"#;
    ask(&world, &cleo, Method::PATCH, &path).json(more).await.is(&not_allowed());
    assert_eq!(ask(&world, &cleo, Method::PATCH, &path).json("{}").await.status, 200);
    ask(&world, &eve, Method::GET, CLIENTS).await.is(&unknown());
}

#[tokio::test]
async fn an_org_has_a_hundred_clients_at_the_most() {
    let world = World::new().await;
    let ada = world.ada().await;
    for number in 0..100 {
        made(&world, &ada, &format!(r#"{{"name":"{number}"}}"#)).await;
    }
    let full = "The organization has as many OAuth clients as it may. Remove one.";
    let one_more = world.post(CLIENTS).header("IDS-SESSION-ID", &ada).json(r#"{"name":"100"}"#).await;
    one_more.is(&problem(409, "Conflict", "LK_CONFLICT", full));
}
