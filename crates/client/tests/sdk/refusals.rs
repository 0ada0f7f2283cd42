//! A refused password is never sent again, until it changes or a person insists.

use crate::world::World;
use client::{Family, SignInError};

#[tokio::test]
async fn a_refused_password_is_not_sent_twice() {
    let world = World::new().await;
    for family in [Family::V1, Family::V2, Family::V3] {
        let client = world.builder().credential(World::credential(family, "ada", "wrong")).build().unwrap();
        let before = world.number("sign_ins_total").await;
        let first = client.session().await.unwrap_err();
        assert!(matches!(first, SignInError::Refused { .. }), "{first:?}");
        for _ in 0..5 {
            let next = client.session().await.unwrap_err();
            assert!(matches!(next, SignInError::RefusedBefore { .. }), "{next:?}");
        }
        assert_eq!(world.number("sign_ins_total").await, before + 1);
    }
}

#[tokio::test]
async fn other_processes_know_of_the_refusal_until_the_password_changes() {
    let world = World::new().await;
    assert!(world.with_password("wrong").session().await.is_err());
    let error = world.with_password("wrong").session().await.unwrap_err();
    assert!(matches!(error, SignInError::RefusedBefore { .. }), "{error:?}");
    world.with_password("correct horse").session().await.unwrap();
    assert_eq!(world.number("sign_ins_total").await, 2);
}

#[tokio::test]
async fn a_person_who_insists_is_asked_once_more() {
    let world = World::new().await;
    let client = world.with_password("wrong");
    for _ in 0..2 {
        let error = client.sign_in().await.unwrap_err();
        assert!(matches!(error, SignInError::Refused { .. }), "{error:?}");
    }
    assert_eq!(world.number("sign_ins_total").await, 2);
}

#[tokio::test]
async fn no_secret_is_on_disk_but_in_the_files_for_it() {
    let world = World::new().await;
    assert!(world.with_password("wrong canary").session().await.is_err());
    let error = world.with_password("wrong canary").session().await.unwrap_err();
    assert!(!format!("{error:?} {error}").contains("canary"));
    for file in std::fs::read_dir(world.folder.path().join("state")).unwrap().flatten() {
        assert!(!std::fs::read_to_string(file.path()).unwrap().contains("canary"), "{file:?}");
    }
}
