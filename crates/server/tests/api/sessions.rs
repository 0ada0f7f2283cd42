//! Our own administration of sessions: who sees which, who ends which, and that no id is ever shown.

use crate::answer::Answer;
use crate::world::{Door, World, minutes};

fn problem(status: u16, title: &str, code: &str, detail: &str) -> String {
    format!(
        r#"{status} [content-type: application/problem+json] {{"type":"urn:latchkey:{code}","title":"{title}","status":{status},"detail":"{detail}","code":"{code}","requestId":"$request"}}"#
    )
}

fn unknown() -> String {
    problem(404, "Not Found", "LK_NOT_FOUND", "Nothing here has that id or name.")
}

fn not_allowed() -> String {
    problem(403, "Forbidden", "LK_DENIED", "This user may not do that.")
}

async fn signed_in(world: &World, name: &str, password: &str, device: &str) -> String {
    let body = serde_json::json!({"username": name, "password": password}).to_string();
    let login = world.post("/saas/public/core/v3/login").header("User-Agent", device).json(&body).await;
    login.json()["userInfo"]["sessionId"].as_str().unwrap().to_owned()
}

async fn listed(world: &World, path: &str, session: &str) -> Answer {
    world.get(path).header("IDS-SESSION-ID", session).await
}

fn handle(answer: &Answer, number: usize) -> String {
    answer.json()["sessions"][number]["handle"].as_str().unwrap().to_owned()
}

const MINE: &str = "/latchkey/v1/sessions";
const OF_ACME: &str = "/latchkey/v1/orgs/5mYdXw9KcJhaf3LrN8pQ2v/sessions";

#[tokio::test]
async fn ones_own_sessions_are_listed_with_device_and_last_use() {
    let world = World::new().await;
    let first = signed_in(&world, "bob", "battery staple", "curl/8.5").await;
    world.later(minutes(5));
    let second = signed_in(&world, "bob", "battery staple", "python \t requests").await;
    let answer = listed(&world, MINE, &second).await;
    assert!(!answer.body.contains(&first) && !answer.body.contains(&second), "{answer}");
    world.notebook.write("handle_second", &handle(&answer, 0));
    world.notebook.write("handle_first", &handle(&answer, 1));
    world.notebook.write("user_bob", answer.json()["sessions"][0]["userId"].as_str().unwrap());
    answer.is(r#"200 {"sessions":[{"handle":"$handle_second","current":true,"userId":"$user_bob","userName":"bob","orgId":"5mYdXw9KcJhaf3LrN8pQ2v","device":"python  requests","address":null,"openedAt":"2026-01-15T10:35:00.000Z","lastUsedAt":"2026-01-15T10:35:00.000Z","expiresAt":"2026-01-15T11:05:00.000Z"},{"handle":"$handle_first","current":false,"userId":"$user_bob","userName":"bob","orgId":"5mYdXw9KcJhaf3LrN8pQ2v","device":"curl/8.5","address":null,"openedAt":"2026-01-15T10:30:00.000Z","lastUsedAt":"2026-01-15T10:30:00.000Z","expiresAt":"2026-01-15T11:00:00.000Z"}]}"#);
    let end = |handle: &str| {
        world
            .ask(http::Method::DELETE, &world.notebook.fill(&format!("{MINE}/{handle}")))
            .header("icSessionId", &second)
    };
    end("$handle_first").await.is("204");
    assert!(!world.is_alive(&first).await);
    end("$handle_first").await.is(&not_allowed());
    let dead =
        problem(401, "Unauthorized", "AUTH_01", "The session has expired or is not valid. Sign in again.");
    listed(&world, MINE, &first).await.is(&dead.replacen("json]", "json] [www-authenticate: Bearer]", 1));
    end("$handle_second").await.is("204");
    assert!(!world.is_alive(&second).await);
}

#[tokio::test]
async fn an_administrator_sees_and_ends_the_sessions_of_the_org_and_of_no_other() {
    let world = World::new().await;
    let bob = world.session(Door::V1, "bob", "battery staple").await;
    let (ada, eve) = (world.ada().await, world.session(Door::V2, "eve", "other side").await);
    let all = listed(&world, OF_ACME, &ada).await;
    let names: Vec<_> =
        all.json()["sessions"].as_array().unwrap().iter().map(|it| it["userName"].clone()).collect();
    assert_eq!(names.len(), 2, "{all}");
    listed(&world, OF_ACME, &bob).await.is(&not_allowed());
    listed(&world, OF_ACME, &eve).await.is(&unknown());
    let mine = listed(&world, MINE, &bob).await;
    let (handle, user) =
        (handle(&mine, 0), mine.json()["sessions"][0]["userId"].as_str().unwrap().to_owned());
    let end = |path: String, session: &str| {
        world.ask(http::Method::DELETE, &path).header("IDS-SESSION-ID", session)
    };
    let of_bob = format!("/latchkey/v1/users/{user}/sessions");
    for path in
        [format!("{MINE}/{handle}"), format!("{MINE}/{}", "0".repeat(32)), of_bob.clone(), OF_ACME.to_owned()]
    {
        end(path, &eve).await.is(&unknown());
    }
    assert!(world.is_alive(&bob).await);
    end(format!("{MINE}/{handle}"), &ada).await.is("204");
    assert!(!world.is_alive(&bob).await);
    let again = world.session(Door::V1, "bob", "battery staple").await;
    end(of_bob, &again).await.is(&not_allowed());
    end(format!("/latchkey/v1/users/{user}/sessions"), &ada).await.is("204");
    assert!(!world.is_alive(&again).await && world.is_alive(&ada).await);
    end(OF_ACME.to_owned(), &ada).await.is("204");
    assert!(!world.is_alive(&ada).await && world.is_alive(&eve).await);
    end(format!("{MINE}/nonsense"), &eve).await.is(&unknown());
}

#[tokio::test]
async fn a_part_of_the_list_is_a_part_and_past_its_end_is_nothing() {
    let world = World::new().await;
    let ada = world.ada().await;
    assert_eq!(listed(&world, &format!("{MINE}?limit=0"), &ada).await.body, r#"{"sessions":[]}"#);
    listed(&world, &format!("{MINE}?skip=1"), &ada).await.is(r#"200 {"sessions":[]}"#);
    listed(&world, &format!("{MINE}?q=a==1"), &ada).await.is(&problem(
        400,
        "Bad Request",
        "V3API_007",
        r#"q does not know \"a\" here; it knows "#,
    ));
}
