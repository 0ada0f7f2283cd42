//! Two runs with one seed are the same run.

use crate::world::{Answer, PASSWORD, World, options};
use emulator::run::Options;
use reqwest::Method;
use serde_json::{Value, json};

/// What a run was asked, what it handed out, and how it answered.
async fn story(seed: &str) -> (Value, Vec<String>) {
    let options = Options { deterministic: Some(seed.to_owned()), frozen_at: None, ..options() };
    let world = World::of(options).await;
    let flaky = json!({"path": "/gate", "probability": 0.5, "effect": {"status": 503}});
    world.control(Method::POST, "faults", flaky).await;
    let session = world.session("admin").await;
    world.clock(json!({"advance": "3m"})).await;
    let mut handed_out = vec![session.clone(), world.token(&session).await, world.session("jwt").await];
    for _ in 0..8 {
        handed_out.push(world.use_session(&session).await.to_string());
    }
    handed_out.push(world.sign_in("plain", "wrong").await.body);
    handed_out.push(world.control(Method::POST, "orgs", json!({"count": 2})).await.to_string());
    handed_out.push(world.control(Method::POST, "keys/rotate", Value::Null).await.to_string());
    let logout = world.ask(Method::POST, "/saas/public/core/v3/logout").header("INFA-SESSION-ID", &session);
    handed_out.push(Answer::to(logout).await.status.to_string());
    let journal = world.control(Method::GET, "requests", Value::Null).await;
    world.end().await;
    (journal, handed_out)
}

#[tokio::test]
async fn a_seed_decides_ids_tokens_faults_and_the_journal() {
    let (one, same, other) = (story("7").await, story("7").await, story("8").await);
    assert_eq!(one, same);
    let [first, second] = [&one.1, &other.1].map(|handed_out| &handed_out[0]);
    assert_ne!(first, second, "another seed is another run");
    assert!(!one.0.to_string().contains(PASSWORD) && !one.0.to_string().contains(first.as_str()));
}
