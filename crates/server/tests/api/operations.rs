//! What an operator and a load balancer ask, and what stands around every answer.

use crate::bystander::Bystander;
use crate::private_postgres;
use crate::world::{CARRIERS, Door, World};
use domain::store::Health;
use std::future::IntoFuture;
use std::time::Duration;

#[tokio::test]
async fn health_and_readiness_are_told_to_anybody() {
    let world = World::new().await;
    world.get("/healthz").await.is(r#"200 {"status":"alive"}"#);
    world.get("/readyz").await.is(r#"200 {"status":"ready"}"#);
}

#[tokio::test]
async fn without_its_store_the_service_lives_but_is_not_ready_and_nobody_signs_in() {
    let world = World::new().await;
    world.store.close().await;
    let nested = r#"503 [retry-after: 1] {"error":{"code":"LK_UNAVAILABLE","message":"The store cannot be used right now. Try again in a moment.","requestId":"$request","details":null}}"#;
    let flat = r#"503 [retry-after: 1] {"@type":"error","code":"LK_UNAVAILABLE","description":"The store cannot be used right now. Try again in a moment.","statusCode":503}"#;
    world.get("/healthz").await.is(r#"200 {"status":"alive"}"#);
    world.get("/readyz").await.is(nested);
    world.sign_in(Door::V1, "ada", "correct horse").await.is(nested);
    world.sign_in(Door::V2, "ada", "correct horse").await.is(flat);
    world.sign_in(Door::V3, "ada", "correct horse").await.is(nested);
    // Nothing fails open: a session that is not in memory cannot be judged.
    for carrier in CARRIERS {
        world.get("/gate").carrying(carrier("3fTqk0ZpXyLr9bWcV2uN7e")).await.is(nested);
    }
}

#[tokio::test]
async fn the_numbers_count_what_happened_and_name_nobody() {
    let world = World::new().await;
    let session = world.ada().await;
    let token = world.token(&session).await;
    world.sign_in(Door::V2, "ada", "wrong").await;
    world.post("/saas/public/core/v3/logout").header("INFA-SESSION-ID", &session).await.is("200");
    let numbers = world.get("/metrics").await;
    assert_eq!(numbers.status, 200);
    assert_eq!(numbers.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    for line in [
        r#"latchkey_sign_ins_total{method="password",outcome="accepted"} 1"#,
        r#"latchkey_sign_ins_total{method="password",outcome="refused"} 1"#,
        r#"latchkey_http_requests_total{route="/identity-service/api/v1/Login",status="2xx"} 1"#,
        r#"latchkey_http_requests_total{route="/ma/api/v2/user/login",status="4xx"} 1"#,
        r#"latchkey_password_hashes_total{kind="check"} 2"#,
        "latchkey_sessions_opened_total 1",
        "latchkey_sessions_ended_total 1",
        "latchkey_tokens_minted_total 1",
    ] {
        assert!(numbers.body.lines().any(|number| number == line), "{line} is not in\n{}", numbers.body);
    }
    // Routes are in the numbers, and one is called after metadata.
    let said = numbers.body.replace("metadata", "");
    for secret in [session.as_str(), &token, "ada", "Acme", "correct horse"] {
        assert!(!said.contains(secret), "{secret} is in the numbers");
    }
}

#[tokio::test]
async fn a_lock_is_counted() {
    let world = World::new().await;
    for _ in 0..11 {
        world.sign_in(Door::V1, "ada", "wrong").await;
    }
    let numbers = world.get("/metrics").await.body;
    for line in [
        r#"latchkey_sign_ins_total{method="password",outcome="refused"} 10"#,
        r#"latchkey_sign_ins_total{method="password",outcome="locked"} 1"#,
    ] {
        assert!(numbers.lines().any(|number| number == line), "{line} is not in\n{numbers}");
    }
}

#[tokio::test]
async fn no_answer_may_be_kept_or_guessed_at() {
    let world = World::new().await;
    for path in ["/healthz", "/nowhere", "/identity-service/api/v1/CurrentUserInfo", "/docs", "/metrics"] {
        let answer = world.get(path).await;
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_question_to_the_store_answers_all_who_ask_whether_it_is_ready() {
    let url = private_postgres::store();
    let world = World::shared(&url, |_| {}).await;
    let mut bystander = Bystander::at(&url);
    bystander.does(
        "CREATE TABLE asked (number BIGINT);
         CREATE FUNCTION ask() RETURNS trigger LANGUAGE plpgsql
             AS 'BEGIN INSERT INTO asked VALUES (1); RETURN NEW; END';
         CREATE TRIGGER ask BEFORE UPDATE ON migration FOR EACH ROW EXECUTE FUNCTION ask()",
    );
    let asked = "SELECT COUNT(*) FROM asked";
    let at_once = async || {
        let all: Vec<_> = (0..500).map(|_| tokio::spawn(world.get("/readyz").into_future())).collect();
        for one in all {
            one.await.unwrap().is(r#"200 {"status":"ready"}"#);
        }
    };
    at_once().await;
    assert_eq!(bystander.does(asked), "1");
    world.later(Duration::from_secs(1));
    at_once().await;
    assert_eq!(bystander.does(asked), "2");
}
