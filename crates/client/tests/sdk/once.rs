//! One refresh, whoever asks: tasks of one client, many clients with one cache, and holders that vanish.

use crate::world::World;
use std::collections::BTreeSet;
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_tasks_over_an_expiry_make_one_sign_in_and_one_mint() {
    let world = World::new().await;
    let clients: Vec<_> = (0..25).map(|_| world.ada()).collect();
    clients[0].token().await.unwrap();
    world.clock.later(61);
    let before = world.counted().await;
    let mut asked = JoinSet::new();
    // Two tasks share each client, and all clients share the cache.
    for client in clients.iter().chain(&clients) {
        let client = client.clone();
        asked.spawn(async move { client.token().await.unwrap().value.expose().to_owned() });
    }
    let tokens: BTreeSet<String> = asked.join_all().await.into_iter().collect();
    assert_eq!(tokens.len(), 1);
    assert_eq!(world.counted().await, (before.0 + 1, before.1 + 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_life_longer_than_any_token_is_minted_once_for_all_who_wait() {
    let world = World::new().await;
    let long = std::time::Duration::from_secs(7200);
    let client = world
        .builder()
        .credential(World::credential(client::Family::V3, "ada", "correct horse"))
        .cache(world.cache())
        .least_life(long);
    let client = client.build().unwrap();
    let mut asked = JoinSet::new();
    for _ in 0..20 {
        let client = client.clone();
        asked.spawn(async move { client.token().await.unwrap() });
    }
    asked.join_all().await;
    assert_eq!(world.counted().await, (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_wrong_password_is_sent_once_by_all_together() {
    let world = World::new().await;
    let clients: Vec<_> = (0..20).map(|_| world.with_password("wrong")).collect();
    let mut asked = JoinSet::new();
    for client in clients {
        asked.spawn(async move { client.token().await.unwrap_err().to_string() });
    }
    let errors = asked.join_all().await;
    assert_eq!(errors.iter().filter(|error| error.starts_with("the sign-in was refused")).count(), 1);
    assert_eq!(errors.iter().filter(|error| error.contains("was not sent again")).count(), 19);
    assert_eq!(world.number("sign_ins_total").await, 1);
}

#[tokio::test]
async fn a_caller_that_gives_up_leaves_the_refusal_remembered() {
    let world = World::new().await;
    let client = world.with_password("wrong");
    let asking = tokio::spawn({
        let client = client.clone();
        async move { client.token().await }
    });
    tokio::task::yield_now().await;
    asking.abort();
    let _given_up = asking.await;
    // Whoever comes next waits for the first one's answer, or is the first one.
    let _error = client.token().await.unwrap_err();
    let _error = client.token().await.unwrap_err();
    assert_eq!(world.number("sign_ins_total").await, 1);
}
