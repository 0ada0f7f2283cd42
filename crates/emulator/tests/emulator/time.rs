//! Every timer of the service obeys the clock of the emulator.

use crate::once::memory_of_what_is_used_once;
use crate::world::{PASSWORD, World};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn every_timer_is_crossed_in_one_story() {
    let world = World::new().await;
    idle_limit(&world).await;
    absolute_limit(&world).await;
    life_of_a_token(&world).await;
    lock(&world).await;
    rotation(&world).await;
    memory_of_what_is_used_once(&world).await;
    world.end().await;
}

async fn idle_limit(world: &World) {
    let session = world.session("plain").await;
    world.clock(json!({"advance": "29m 59s"})).await;
    assert_eq!(world.use_session(&session).await, 200, "and slides");
    world.clock(json!({"advance": "29m 59s"})).await;
    assert_eq!(world.use_session(&session).await, 200);
    world.clock(json!({"advance": "30m"})).await;
    assert_eq!(world.use_session(&session).await, 401);
}

async fn absolute_limit(world: &World) {
    let session = world.session("plain").await;
    for _ in 0..(12 * 60 / 20 - 1) {
        world.clock(json!({"advance": "20m"})).await;
        assert_eq!(world.use_session(&session).await, 200);
    }
    world.clock(json!({"advance": "20m"})).await;
    assert_eq!(world.use_session(&session).await, 401, "12 hours after it was opened");
}

async fn life_of_a_token(world: &World) {
    let token = world.token(&world.session("plain").await).await;
    world.clock(json!({"advance": "29m 59s"})).await;
    assert_eq!(world.use_token(&token).await, 200);
    world.clock(json!({"advance": "1s"})).await;
    assert_eq!(world.use_token(&token).await, 401);
}

async fn lock(world: &World) {
    for _ in 0..10 {
        let refused = world.sign_in("second", "wrong").await;
        assert!(refused.body.contains("IDS_085") || refused.body.contains("IDS_086"), "{refused:?}");
    }
    let locked = world.sign_in("second", PASSWORD).await;
    assert!(locked.body.contains("IDS_086"), "{locked:?}");
    world.clock(json!({"advance": "30m"})).await;
    assert_eq!(world.sign_in("second", PASSWORD).await.status, 200);
}

async fn rotation(world: &World) {
    let keys = async || {
        let keys = world.ask(Method::GET, "/identity-service/.well-known/jwks.json").send().await.unwrap();
        let keys: Value = serde_json::from_str(&keys.text().await.unwrap()).unwrap();
        keys["keys"].as_array().unwrap().iter().map(|key| key["kid"].to_string()).collect::<Vec<_>>()
    };
    let before = keys().await;
    world.clock(json!({"advance": "90d"})).await;
    let after = keys().await;
    assert_eq!((before.len(), after.len()), (1, 2), "the old one stays published for a while");
    assert!(after.contains(&before[0]), "{after:?}");
    world.clock(json!({"advance": "25h"})).await;
    assert_eq!(keys().await.len(), 1);
}

#[tokio::test]
async fn the_clock_tells_what_it_shows() {
    let world = World::new().await;
    let shown = world.control(Method::GET, "clock", Value::Null).await;
    assert_eq!(shown, json!({"now": "2026-01-15T10:30:00.000Z", "frozen": true, "rate": 1.0}));
    let set = world.clock(json!({"set": "2026-08-22T10:00:00Z", "advance": "1h"})).await;
    assert_eq!(set["now"], "2026-08-22T11:00:00.000Z");
    assert_eq!(world.clock(json!({"freeze": false, "rate": 60})).await["rate"], 60.0);
    for wrong in [
        json!({"advance": "soon"}),
        json!({"set": "tomorrow"}),
        json!({"rate": -1}),
        json!({"forward": "1h"}),
    ] {
        let refused =
            world.ask(Method::POST, "/_emulator/clock").body(wrong.to_string()).send().await.unwrap();
        assert_eq!(refused.status(), 400, "{wrong}");
    }
    world.end().await;
}

#[tokio::test]
async fn a_moment_can_be_gone_back_to() {
    let world = World::new().await;
    let session = world.session("plain").await;
    let kept = world.control(Method::POST, "snapshot", Value::Null).await;
    world.clock(json!({"advance": "24h"})).await;
    assert_eq!(world.use_session(&session).await, 401);
    world.control(Method::POST, "restore", kept).await;
    assert_eq!(world.use_session(&session).await, 200, "as if no day had gone by");
    let reset = world.control(Method::POST, "reset", Value::Null).await;
    assert_eq!(reset["now"], "2026-01-15T10:30:00.000Z");
    assert_eq!(world.use_session(&session).await, 401, "nobody had signed in at the beginning");
    world.end().await;
}
