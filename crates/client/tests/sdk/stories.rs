//! Signing in by every door, holding what was got, and getting over what goes wrong.

use crate::world::World;
use client::{Client, Family, SignInError, Slides, TokenError};
use std::fs;
use std::time::Duration;

#[tokio::test]
async fn every_family_opens_a_session_of_the_same_shape() {
    let world = World::new().await;
    for family in [Family::V1, Family::V2, Family::V3] {
        let client = world.builder().credential(World::credential(family, "ada", "correct horse"));
        let session = client.build().unwrap().session().await.unwrap();
        assert_eq!(session.org_id, "5mYdXw9KcJhaf3LrN8pQ2v", "{family:?}");
        assert_eq!(session.user, "ada");
        assert_eq!(session.base_url, Some(format!("{}/saas", world.url)));
        assert_eq!(session.id.expose().len(), 22);
        assert!(matches!(session.slides, Slides::By(1790..=1800)), "{:?}", session.slides);
    }
}

#[tokio::test]
async fn a_session_that_is_a_token_has_a_fixed_end() {
    let world = World::new().await;
    let client =
        world.builder().credential(World::credential(Family::V1, "eve", "other side")).build().unwrap();
    let session = client.session().await.unwrap();
    assert_eq!(session.slides, Slides::Never);
    assert_eq!(session.expires.since(session.opened), Duration::from_secs(1800));
    assert!(client.token().await.is_ok());
}

#[tokio::test]
async fn a_warm_cache_needs_no_server() {
    let world = World::new().await;
    let token = world.ada().token().await.unwrap();
    let (cache, key) = (world.cache(), world.ada().key().clone());
    let entry = cache.read(&key).unwrap().unwrap();
    let now = token.minted;
    let kept = entry.token_for("idmc_api", Duration::from_secs(300), now).unwrap();
    assert_eq!(kept.value.expose(), token.value.expose());
    let offline = Client::builder(&world.url).known_as("ada").cache(cache).clock(world.clock.clone());
    let again = offline.build().unwrap().token().await.unwrap();
    assert_eq!(again.value.expose(), token.value.expose());
    assert_eq!(world.counted().await, (1, 1));
}

#[tokio::test]
async fn a_token_is_minted_again_from_a_session_that_lives_on() {
    let world = World::new().await;
    let client = world.ada();
    client.token().await.unwrap();
    for _ in 0..6 {
        world.clock.later(27);
        client.token().await.unwrap();
    }
    assert_eq!(world.counted().await, (1, 7));
}

#[tokio::test]
async fn nothing_to_sign_in_with_is_said() {
    let world = World::new().await;
    let client = world.builder().known_as("ada").cache(world.cache()).build().unwrap();
    assert!(matches!(client.session().await, Err(SignInError::NoCredential)));
    assert!(matches!(client.token().await, Err(TokenError::SignIn(SignInError::NoCredential))));
}

#[tokio::test]
async fn a_session_that_ended_elsewhere_is_replaced() {
    let world = World::new().await;
    let client = world.ada();
    client.session().await.unwrap();
    world.end_all().await;
    client.token().await.unwrap();
    // The clean-up proved a password too.
    assert_eq!(world.number("sessions_opened_total").await, 2);
    assert_eq!(world.number("tokens_minted_total").await, 1);
}

#[tokio::test]
async fn a_restarted_service_is_no_interruption() {
    let world = World::new().await;
    let client = world.ada();
    let before = client.token().await.unwrap();
    let world = world.restart().await;
    world.clock.later(27);
    let after = client.token().await.unwrap();
    assert_ne!(before.value.expose(), after.value.expose());
}

#[tokio::test]
async fn a_cache_cut_in_half_is_replaced() {
    let world = World::new().await;
    world.ada().token().await.unwrap();
    let path = world.folder.path().join("state").join(format!("{}.json", world.ada().key().name()));
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert!(world.cache().read(world.ada().key()).is_err());
    world.ada().token().await.unwrap();
    assert_eq!(world.counted().await, (2, 2));
    assert!(world.cache().read(world.ada().key()).unwrap().is_some());
}

#[tokio::test]
async fn a_clock_that_jumps_costs_one_sign_in() {
    let world = World::new().await;
    let client = world.ada();
    client.token().await.unwrap();
    world.clock.later(-24 * 60);
    client.token().await.unwrap();
    world.clock.later(48 * 60);
    client.token().await.unwrap();
    assert_eq!(world.counted().await, (3, 3));
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_no_obstacle() {
    let world = World::new().await;
    fs::write(world.folder.path().join("state"), "a file where a folder should be").unwrap();
    let client = world.ada();
    client.token().await.unwrap();
    client.token().await.unwrap();
    assert_eq!(world.counted().await, (1, 1));
}

#[tokio::test]
async fn logging_out_ends_the_session_everywhere() {
    let world = World::new().await;
    let client = world.ada();
    client.token().await.unwrap();
    assert!(client.log_out().await.unwrap());
    assert_eq!(world.number("sessions_ended_total").await, 1);
    let entry = world.cache().read(client.key()).unwrap().unwrap();
    assert!(entry.session.is_none() && entry.tokens.is_empty());
    assert!(!client.log_out().await.unwrap());
}
