//! Each fault as it is seen on the wire.

use crate::world::{Answer, PASSWORD, World};
use reqwest::Method;
use serde_json::{Value, json};

const CALL: &str = "/saas/api/v2/task";

async fn with(fault: Value) -> World {
    let world = World::new().await;
    world.control(Method::POST, "faults", fault).await;
    let stub = json!({"path": CALL, "body": [{"id": "task-1", "name": "Load customers"}]});
    let added = world.ask(Method::POST, "/_emulator/stubs").body(stub.to_string());
    assert_eq!(Answer::to(added).await.status, 201);
    world
}

impl World {
    /// What a program's work looks like: a call with a session, on a path that the service does not own.
    async fn call(&self, session: &str) -> Answer {
        Answer::to(self.ask(Method::GET, CALL).header("icSessionId", session)).await
    }
}

#[tokio::test]
async fn a_status_comes_in_the_envelope_of_its_family() {
    let world = with(json!({"effect": {"status": 503, "retry_after": "2s"}})).await;
    let v3 = world.sign_in("plain", PASSWORD).await;
    assert_eq!((v3.status, v3.header("retry-after")), (503, "2"));
    assert!(v3.json()["error"]["code"].is_string() && v3.json()["error"]["requestId"].is_string(), "{v3:?}");
    let v2 = Answer::to(world.ask(Method::POST, "/ma/api/v2/user/login")).await;
    assert_eq!(
        (v2.status, v2.json()["@type"].as_str(), v2.json()["statusCode"].as_u64()),
        (503, Some("error"), Some(503))
    );
    let xml = world.ask(Method::POST, "/ma/api/v2/user/login").header("Accept", "application/xml");
    let xml = Answer::to(xml).await;
    assert!(xml.body.contains("<statusCode>503</statusCode>"), "{xml:?}");
    world.end().await;
}

#[tokio::test]
async fn statuses_that_programs_meet() {
    for (effect, status, code, retry_after) in [
        (json!({"status": 401}), 401, "AUTH_01", ""),
        (json!({"status": 403, "expired": true}), 403, "AUTH_01", ""),
        (json!({"status": 429}), 429, "", ""),
        (json!({"status": 429, "retry_after": "7s"}), 429, "", "7"),
        (json!({"status": 500}), 500, "", ""),
        (json!({"status": 502}), 502, "", ""),
        (json!({"status": 504, "code": "MY_CODE", "message": "mine"}), 504, "MY_CODE", ""),
    ] {
        let world = with(json!({"path": CALL, "effect": effect})).await;
        let session = world.session("plain").await;
        let answer = world.call(&session).await;
        assert_eq!((answer.status, answer.header("retry-after")), (status, retry_after), "{effect}");
        assert!(answer.json()["code"].as_str().unwrap().contains(code), "{effect}: {answer:?}");
        assert_eq!(world.use_session(&session).await, 200, "the session is good all the while");
        world.end().await;
    }
}

#[tokio::test]
async fn an_answer_is_late() {
    let world = with(json!({"path": "/gate", "effect": {"latency": "60ms"}})).await;
    let session = world.session("plain").await;
    let asked = tokio::time::Instant::now();
    assert_eq!(world.use_session(&session).await, 200);
    assert!(asked.elapsed() >= std::time::Duration::from_millis(60));
    world.end().await;
}

#[tokio::test]
async fn an_answer_breaks_off_or_never_comes() {
    let world = with(json!([
        {"path": CALL, "nth": 1, "effect": "truncate"},
        {"path": CALL, "nth": 2, "effect": "close"},
    ]))
    .await;
    let session = world.session("plain").await;
    let ask = || Answer::try_to(world.ask(Method::GET, CALL).header("icSessionId", &session));
    let broken_off = ask().await.unwrap_err();
    assert!(
        broken_off.is_body() || broken_off.is_decode(),
        "the head came, the body did not: {broken_off:?}"
    );
    let closed = ask().await.unwrap_err();
    assert!(closed.is_request(), "not even a head: {closed:?}");
    assert_eq!(ask().await.unwrap().status, 200);
    world.end().await;
}

#[tokio::test]
async fn a_login_page_comes_where_json_is_due() {
    let world = with(json!({"path": CALL, "effect": "html"})).await;
    let session = world.session("plain").await;
    let page = world.call(&session).await;
    assert_eq!((page.status, page.header("content-type").starts_with("text/html")), (200, true), "{page:?}");
    world.end().await;
}

#[tokio::test]
async fn a_session_ends_in_the_middle_of_a_job() {
    let world = with(json!({"path": CALL, "nth": 2, "effect": "end_session"})).await;
    let session = world.session("plain").await;
    let statuses = [
        world.call(&session).await.status,
        world.call(&session).await.status,
        world.use_session(&session).await,
    ];
    assert_eq!(statuses, [200, 401, 401], "it has ended for every carrier");
    let again = world.session("plain").await;
    assert_eq!(world.call(&again).await.status, 200);
    world.end().await;
}

#[tokio::test]
async fn keys_rotate_between_two_tokens() {
    let world =
        with(json!({"path": "/identity-service/api/v1/jwt/Token", "nth": 2, "effect": "rotate_keys"})).await;
    let session = world.session("plain").await;
    let (one, two) = (world.token(&session).await, world.token(&session).await);
    let kid = |token: &str| jsonwebtoken::decode_header(token).unwrap().kid;
    assert_ne!(kid(&one), kid(&two));
    assert_eq!((world.use_token(&one).await, world.use_token(&two).await), (200, 200));
    world.end().await;
}

#[tokio::test]
async fn a_resource_host_has_another_clock() {
    let world = with(json!({"path": "/gate", "effect": {"skew": "31m"}})).await;
    let token = world.token(&world.session("plain").await).await;
    assert_eq!(world.use_token(&token).await, 401, "for that host its half hour is over");
    world.control(Method::DELETE, "faults", Value::Null).await;
    assert_eq!(world.use_token(&token).await, 200);
    world.end().await;
}

#[tokio::test]
async fn a_sign_in_is_told_that_it_is_locked_or_expired() {
    let world = with(json!([
        {"nth": 1, "user": "plain", "effect": "lock"},
        {"nth": 2, "user": "plain", "effect": "expire_password"},
    ]))
    .await;
    let locked = world.sign_in("plain", PASSWORD).await;
    assert_eq!((locked.status, locked.json()["error"]["code"].as_str()), (400, Some("IDS_086")));
    let expired = world.sign_in("plain", PASSWORD).await;
    assert_eq!(expired.status, 400, "{expired:?}");
    assert_eq!(world.sign_in("admin", PASSWORD).await.status, 200, "it was meant for somebody else");
    world.end().await;
}

#[tokio::test]
async fn a_pod_moves() {
    let world = with(json!({"effect": {"move_pod": "usw5"}})).await;
    let body = json!({"username": "plain", "password": PASSWORD}).to_string();
    let login =
        world.through().post("https://dm-us.informaticacloud.com/saas/public/core/v3/login").body(body);
    let answer = Answer::to(login).await.json();
    assert_eq!(answer["products"][0]["baseApiUrl"], "https://usw5.dm-us.informaticacloud.com/saas");
    world.end().await;
}

#[tokio::test]
async fn a_fault_is_listed_ended_and_forgotten_by_reset() {
    let world = with(json!({"name": "down", "for": "5m", "effect": {"status": 503}})).await;
    assert_eq!(world.sign_in("plain", PASSWORD).await.status, 503);
    let listed = world.control(Method::GET, "faults", Value::Null).await;
    assert_eq!(
        (&listed["faults"][0]["fired"], listed["scripts"].as_array().unwrap().len() > 3),
        (&json!(1), true)
    );
    world.clock(json!({"advance": "5m"})).await;
    assert_eq!(world.sign_in("plain", PASSWORD).await.status, 200, "it ends by the emulator's clock");
    let removed = world.control(Method::DELETE, "faults/down", Value::Null).await;
    assert_eq!(removed, json!({"removed": 1}));
    let unknown = Answer::to(world.ask(Method::DELETE, "/_emulator/faults/down")).await;
    assert_eq!(unknown.status, 404);
    world.control(Method::POST, "faults", json!({"script": "maintenance"})).await;
    assert_eq!(world.sign_in("plain", PASSWORD).await.status, 503);
    world.control(Method::POST, "reset", Value::Null).await;
    assert_eq!(world.sign_in("plain", PASSWORD).await.status, 200);
    world.end().await;
}
