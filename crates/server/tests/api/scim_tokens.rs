//! SCIM tokens through platform v3: who makes them, how long they are good, and what they open.

use crate::world::{Door, MOMENT, World, minutes};
use domain::audit::trail;
use http::Method;

const TOKENS: &str = "/saas/public/core/v3/scimTokens";
const USERS: &str = "/scim-service/v2/Users?count=0";

pub const NOBODY: &str = r#"401 [content-type: application/scim+json] [www-authenticate: Bearer] {"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"401","detail":"The SCIM token is missing, has expired or is not valid."}"#;

const SHOWN: &str = r#""orgId":"5mYdXw9KcJhaf3LrN8pQ2v","privileges":["view.admin.people","manage.admin.users","manage.admin.groups"],"createTime":"2026-01-15T10:30:00.000Z","expirationTime":"2026-07-14T10:30:00.000Z","lastUsedTime":null"#;

async fn asked_with(world: &World, token: &str) -> u16 {
    let bearer = format!("Bearer {token}");
    world.get(USERS).header("Authorization", &bearer).await.status.as_u16()
}

#[tokio::test]
async fn a_token_is_shown_once_and_an_org_has_two_at_the_most() {
    let world = World::new().await;
    let ada = world.ada().await;
    let make = || world.post(TOKENS).header("INFA-SESSION-ID", &ada);
    make().await.is(&format!(r#"201 {{"id":"$user_token_1",{SHOWN},"token":"$scim_1"}}"#));
    make().json("{}").await.is(&format!(r#"201 {{"id":"$user_token_2",{SHOWN},"token":"$scim_2"}}"#));
    make().await.is(r#"409 {"error":{"code":"LK_CONFLICT","message":"The organization has as many SCIM tokens as it may: remove one.","requestId":"$request","details":null}}"#);
    let list = || world.get(TOKENS).header("INFA-SESSION-ID", &ada);
    let listed = list().await;
    assert!(!listed.body.contains("lk_scim_"));
    let listed: Vec<_> =
        listed.json()["scimTokens"].as_array().unwrap().iter().map(|it| it["id"].clone()).collect();
    assert_eq!(listed.len(), 2);
    let first = world.notebook.read("scim_1");
    assert_eq!(asked_with(&world, &first).await, 200);
    let path = world.notebook.fill(&format!("{TOKENS}/$user_token_1"));
    world.ask(Method::DELETE, &path).header("INFA-SESSION-ID", &ada).await.is("204");
    assert_eq!(asked_with(&world, &first).await, 401);
    assert_eq!(world.ask(Method::DELETE, &path).header("INFA-SESSION-ID", &ada).await.status, 404);
    assert_eq!(make().await.status, 201);
    let events = world.events().await;
    let kinds: Vec<_> =
        events.iter().map(|it| it["event"].as_str().unwrap()).filter(|it| it.starts_with("scim")).collect();
    assert_eq!(kinds, ["scim_token_made", "scim_token_made", "scim_token_removed", "scim_token_made"]);
    assert!(!events.iter().any(|it| it.to_string().contains("lk_scim_")), "no secret is recorded");
}

#[tokio::test]
async fn five_hundred_who_ask_for_a_token_at_once_get_two() {
    let world = World::new().await;
    let ada = world.ada().await;
    let asked =
        (0..500).map(|_| async { world.post(TOKENS).header("INFA-SESSION-ID", &ada).await.status.as_u16() });
    let answers = futures_util::future::join_all(asked).await;
    assert_eq!(answers.iter().filter(|status| **status == 201).count(), 2);
    assert_eq!(answers.iter().filter(|status| **status == 409).count(), 498);
}

#[tokio::test]
async fn a_token_ends_after_180_days_and_leaves_its_place() {
    let world = World::new().await;
    let ada = world.ada().await;
    let made = world.post(TOKENS).header("INFA-SESSION-ID", &ada).await;
    let token = made.json()["token"].as_str().unwrap().to_owned();
    world.post(TOKENS).header("INFA-SESSION-ID", &ada).await;
    world.later(minutes(180 * 24 * 60) - MOMENT);
    assert_eq!(asked_with(&world, &token).await, 200);
    world.later(MOMENT);
    world.get(USERS).header("Authorization", &format!("Bearer {token}")).await.is(NOBODY);
    let ada = world.ada().await;
    assert_eq!(world.post(TOKENS).header("INFA-SESSION-ID", &ada).await.status, 201);
}

#[tokio::test]
async fn nothing_but_a_token_opens_scim_and_it_opens_nothing_else() {
    let world = World::new().await;
    let ada = world.ada().await;
    let made = world.post(TOKENS).header("INFA-SESSION-ID", &ada).await.json();
    let token = made["token"].as_str().unwrap();
    let jwt = world.token(&ada).await;
    world.get(USERS).await.is(NOBODY);
    world.get(USERS).header("INFA-SESSION-ID", &ada).await.is(NOBODY);
    for wrong in [&ada, &jwt, "lk_scim_", "", &token.to_uppercase(), &format!("{token}x")] {
        world.get(USERS).header("Authorization", &format!("Bearer {wrong}")).await.is(NOBODY);
    }
    world.get(USERS).header("Authorization", &format!("Basic {token}")).await.is(NOBODY);
    let bearer = format!("Bearer {token}");
    let twice = [("Authorization", bearer.as_str()), ("Authorization", bearer.as_str())];
    world.get(USERS).headers(twice).await.is(NOBODY);
    assert_eq!(world.get("/saas/public/core/v3/users").header("Authorization", &bearer).await.status, 401);
    assert_eq!(world.get("/saas/public/core/v3/users").header("INFA-SESSION-ID", token).await.status, 401);
    assert_eq!(world.get("/gate").header("Authorization", &bearer).await.status, 401);
    assert_eq!(world.get(USERS).header("Authorization", &bearer).await.status, 200);
}

#[tokio::test]
async fn use_and_refusals_are_noted_together() {
    let world = World::new().await;
    let ada = world.ada().await;
    let made = world.post(TOKENS).header("INFA-SESSION-ID", &ada).await.json();
    let token = made["token"].as_str().unwrap();
    world.later(minutes(1));
    assert_eq!(asked_with(&world, token).await, 200);
    for _ in 0..100 {
        assert_eq!(asked_with(&world, "lk_scim_nobody").await, 401);
    }
    trail::write_behind(&world.app.cx).await.unwrap();
    let listed = world.get(TOKENS).header("INFA-SESSION-ID", &ada).await.json();
    assert_eq!(listed["scimTokens"][0]["lastUsedTime"], "2026-01-15T10:31:00.000Z");
    world.later(minutes(1));
    trail::write_behind(&world.app.cx).await.unwrap();
    let events = world.events().await;
    let refused: Vec<_> = events.iter().filter(|it| it["event"] == "scim_refused").collect();
    assert_eq!(refused.len(), 1);
    assert_eq!((&refused[0]["count"], &refused[0]["token"]), (&100.into(), &serde_json::Value::Null));
    assert_eq!(refused[0]["reason"], "unknown");
}

/// An administrator of the org alone may give no more than they have.
#[tokio::test]
async fn nobody_makes_a_token_that_may_more_than_they_may() {
    let world = World::new().await;
    let ada = world.ada().await;
    let post = |path: &str, body: &str| {
        world.post(&format!("/saas/public/core/v3/{path}")).header("INFA-SESSION-ID", &ada).json(body)
    };
    post("roles", r#"{"name":"Owner","privileges":["manage.admin.org"]}"#).await;
    let cleo = r#"{"name":"cleo","firstName":"C","lastName":"D","email":"c@acme.test","password":"a good one","roles":["Owner"]}"#;
    assert_eq!(post("users", cleo).await.status, 201);
    let cleo = world.session(Door::V3, "cleo", "a good one").await;
    assert_eq!(world.post(TOKENS).header("INFA-SESSION-ID", &cleo).await.status, 403);
    assert_eq!(world.get(TOKENS).header("INFA-SESSION-ID", &cleo).await.status, 200);
    let more = r#"{"privileges":["view.admin.log"]}"#;
    let made = post("scimTokens", more).await;
    assert!(made.json()["privileges"].to_string().contains("view.admin.log"), "{made}");
    for wrong in [r#"{"privileges":["everything"]}"#, r#"{"privilege":[]}"#, "[", "7"] {
        assert_eq!(post("scimTokens", wrong).await.status, 400, "{wrong}");
    }
}
