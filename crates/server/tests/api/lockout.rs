//! Lockout: ten failures over all doors lock a name, whoever it belongs to, and a lock compares nothing.

use crate::answer::Answer;
use crate::bystander::Bystander;
use crate::private_postgres;
use crate::world::{Door, MOMENT, SEED, World, minutes};
use domain::attempts::{Counters, Tried};
use domain::name::CanonicalName;
use domain::network::Network;
use domain::store::AttemptCounters;
use futures_util::future::join_all;
use std::future::IntoFuture;
use std::sync::Arc;

const LOCKED: &str = r#"401 [www-authenticate: Bearer] {"error":{"code":"IDS_086","message":"User account is locked. Try again later, or ask an administrator.","requestId":"$request","details":null}}"#;

const REFUSED: &str = r#"401 [www-authenticate: Bearer] {"error":{"code":"IDS_085","message":"User name or password is not valid.","requestId":"$request","details":null}}"#;

const LOGOUT_ALL: &str = "/ma/api/v2/user/logoutall";

/// Ten wrong passwords, through one door after the other.
async fn ten_failures(world: &World, name: &str) -> Vec<String> {
    let mut answers = Vec::new();
    for door in Door::ALL.into_iter().cycle().take(9) {
        answers.push(world.sign_in(door, name, "wrong").await.but_its_request_id());
    }
    let body = format!(r#"{{"username":"{name}","password":"wrong"}}"#);
    answers.push(world.post(LOGOUT_ALL).json(&body).await.but_its_request_id());
    answers
}

#[tokio::test]
async fn ten_failures_over_all_doors_lock_a_name_for_fifteen_minutes() {
    let world = World::new().await;
    ten_failures(&world, "ada").await;
    world.later(minutes(15) - MOMENT);
    world.sign_in(Door::V1, "ada", "correct horse").await.is(LOCKED);
    world.sign_in(Door::V3, "ada", "correct horse").await.is(
        r#"400 {"error":{"code":"IDS_086","message":"User account is locked. Try again later, or ask an administrator.","requestId":"$request","details":null}}"#,
    );
    let flat = r#"403 {"@type":"error","code":"IDS_086","description":"User account is locked. Try again later, or ask an administrator.","statusCode":403}"#;
    world.sign_in(Door::V2, "ada", "correct horse").await.is(flat);
    world.sign_in(Door::V2Form, "ada", "correct horse").await.is(flat);
    world.post(LOGOUT_ALL).json(r#"{"username":"ada","password":"correct horse"}"#).await.is(flat);
    world.sign_in(Door::V2Xml, "ada", "correct horse").await.is(r#"403 [content-type: application/xml] <?xml version="1.0" encoding="UTF-8" standalone="yes"?><error><code>IDS_086</code><description>User account is locked. Try again later, or ask an administrator.</description><statusCode>403</statusCode></error>"#);
    // Trying a locked name does not lock it for longer.
    world.later(MOMENT);
    world.ada().await;
}

#[tokio::test]
async fn nine_failures_lock_nothing_and_a_success_starts_anew() {
    let world = World::new().await;
    for _ in 0..3 {
        for _ in 0..9 {
            assert_eq!(world.sign_in(Door::V1, "ada", "wrong").await.status, 401);
        }
        world.ada().await;
    }
}

/// The store takes an attempt, and not its ending.
const NO_ENDINGS: &str = "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql
        AS 'BEGIN RAISE EXCEPTION USING ERRCODE = ''disk_full''; END';
    CREATE TRIGGER fail BEFORE UPDATE ON attempt FOR EACH ROW WHEN (NEW.pending < OLD.pending)
        EXECUTE FUNCTION fail()";

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_takes_no_endings_locks_out_nobody_with_the_right_password() {
    let url = private_postgres::store();
    let world = World::impatient(&url, SEED).await;
    world.sign_in(Door::V1, "ada", "wrong").await.is(REFUSED);
    let mut bystander = Bystander::at(&url);
    bystander.does(NO_ENDINGS);
    for _ in 0..9 {
        assert_eq!(world.sign_in(Door::V1, "ada", "correct horse").await.status, 503);
    }
    bystander.does("DROP TRIGGER fail ON attempt");
    // Nine attempts without an ending and a failure: there is no place for another, and it is said so.
    assert_eq!(world.sign_in(Door::V1, "ada", "correct horse").await.status, 429);
    world.later(minutes(1));
    for _ in 0..8 {
        world.sign_in(Door::V1, "ada", "wrong").await.is(REFUSED);
    }
    world.ada().await;
    // What was wrong is counted as before.
    ten_failures(&world, "ada").await;
    world.sign_in(Door::V1, "ada", "correct horse").await.is(LOCKED);
}

#[tokio::test]
async fn after_a_lock_the_count_starts_anew() {
    let world = World::new().await;
    ten_failures(&world, "ada").await;
    world.later(minutes(15));
    for _ in 0..9 {
        world.sign_in(Door::V1, "ada", "wrong").await;
    }
    world.ada().await;
}

#[tokio::test]
async fn failures_are_forgotten_after_a_day_without_one() {
    let world = World::new().await;
    for _ in 0..9 {
        world.sign_in(Door::V1, "ada", "wrong").await;
    }
    world.later(minutes(24 * 60));
    for _ in 0..9 {
        world.sign_in(Door::V1, "ada", "wrong").await;
    }
    world.ada().await;
}

#[tokio::test]
async fn spellings_of_one_name_share_one_counter() {
    let world = World::new().await;
    for name in ["ada", "ADA", "Ada", "\u{ff41}da", "aDA"] {
        for _ in 0..2 {
            assert_eq!(world.sign_in(Door::V1, name, "wrong").await.status, 401);
        }
    }
    world.sign_in(Door::V1, "ada", "correct horse").await.is(LOCKED);
}

#[tokio::test]
async fn a_lock_is_one_names_alone_and_ends_no_session() {
    let world = World::new().await;
    let session = world.ada().await;
    ten_failures(&world, "ada").await;
    world.session(Door::V1, "bob", "battery staple").await;
    assert!(world.is_alive(&session).await);
    world.token(&session).await;
}

#[tokio::test]
async fn an_unknown_name_locks_like_a_known_one() {
    let world = World::new().await;
    let known = ten_failures(&world, "ada").await;
    for name in ["nobody.here", "nobody@nowhere.test", "not a name at all!", "disabled.dan", "saml.sam"] {
        assert_eq!(ten_failures(&world, name).await, known, "{name}");
        for door in Door::ALL {
            let theirs = world.sign_in(door, name, "any").await.but_its_request_id();
            assert_eq!(theirs, world.sign_in(door, "ada", "any").await.but_its_request_id(), "{name}");
        }
    }
    world.later(minutes(15));
    world.sign_in(Door::V1, "nobody.here", "wrong").await.is(
        r#"401 [www-authenticate: Bearer] {"error":{"code":"IDS_085","message":"User name or password is not valid.","requestId":"$request","details":null}}"#,
    );
}

#[tokio::test]
async fn a_locked_name_compares_nothing() {
    let world = World::new().await;
    ten_failures(&world, "ada").await;
    assert_eq!(world.compared(), 10);
    for door in Door::ALL {
        for password in ["correct horse", "wrong"] {
            world.sign_in(door, "ada", password).await;
        }
    }
    assert_eq!(world.compared(), 10);
}

#[tokio::test]
async fn every_refusal_has_the_same_words_and_costs_one_hash() {
    let world = World::new().await;
    for door in Door::ALL {
        let mut answers = Vec::new();
        for (name, password) in [
            ("ada", "wrong"),
            ("nobody", "wrong"),
            ("no name at all", "wrong"),
            ("disabled.dan", "once right"),
            ("disabled.dan", "wrong"),
            ("saml.sam", "any"),
        ] {
            let before = world.compared();
            answers.push(world.sign_in(door, name, password).await.but_its_request_id());
            assert_eq!(world.compared(), before + 1, "{door:?} {name}");
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{door:?}: {answers:#?}");
    }
    // None of them made a hash; those there are were made when the seed was read.
    assert_eq!(world.app.metrics.hashes.made.get(), SEED.matches("password =").count() as u64);
}

#[tokio::test]
async fn an_account_may_allow_fewer_failures() {
    let world = World::of(
        "[[org]]\nname = \"A\"\n[[org.user]]\nname = \"ada\"\npassword = \"correct horse\"\nmax_login_attempts = 3",
    )
    .await;
    for _ in 0..3 {
        assert_eq!(world.sign_in(Door::V1, "ada", "wrong").await.status, 401);
    }
    world.sign_in(Door::V1, "ada", "correct horse").await.is(LOCKED);
}

/// Five hundred sign-ins of ada at once, over all doors. More hashes run at once than failures are allowed, and each
/// takes long enough for the others to begin.
async fn five_hundred(password: &'static str) -> (Arc<World>, Vec<Answer>) {
    let world = World::set_up(SEED, |config| {
        config.password.threads = 16;
        config.password.memory_kib = 1_024;
    });
    let world = Arc::new(world.await);
    let tries = Door::ALL.into_iter().cycle().take(500).map(|door| {
        let world = Arc::clone(&world);
        tokio::spawn(async move { world.sign_in(door, "ada", password).await })
    });
    let answers = join_all(tries).await.into_iter().map(Result::unwrap).collect();
    (world, answers)
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_wrong_passwords_at_once_compare_ten_hashes() {
    let (world, answers) = five_hundred("wrong").await;
    assert_eq!(world.compared(), 10);
    let with = |code: &str| answers.iter().filter(|answer| answer.body.contains(code)).count();
    let (refused, locked) = (with("IDS_085") + with("UI_10000"), with("IDS_086"));
    assert_eq!((refused, refused + locked + with("LK_BUSY")), (10, 500));
    world.sign_in(Door::V1, "ada", "correct horse").await.is(LOCKED);
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_right_passwords_at_once_lock_nobody() {
    let (world, answers) = five_hundred("correct horse").await;
    for answer in &answers {
        assert!(answer.status == 200 || answer.status == 429, "{answer}");
    }
    assert!(answers.iter().any(|answer| answer.status == 200));
    world.ada().await;
}

#[tokio::test]
async fn past_the_queue_the_answer_is_429_at_once_and_no_failure_is_counted() {
    // A hash that keeps the only thread busy for as long as this test needs.
    let slow = "$2b$14$abcdefghijklmnopqrstuud/5IuQmqhVO0kfNEbHJM.fJkPiliBzC";
    let seed = format!("[[org]]\nname = \"A\"\n[[org.user]]\nname = \"slow\"\npassword_hash = \"{slow}\"");
    let world = World::set_up(&seed, |config| {
        config.password.threads = 1;
        config.password.queue = 1;
    })
    .await;
    let _hashing = tokio::spawn(world.sign_in(Door::V1, "slow", "any").into_future());
    until(|| world.compared() == 1).await;
    let _waiting = tokio::spawn(world.sign_in(Door::V1, "first.in.line", "any").into_future());
    until(|| world.app.metrics.hashes.waiting.get() == 1).await;
    let nested = r#"429 [retry-after: 1] {"error":{"code":"LK_BUSY","message":"Too many sign-ins at once. Try again in a moment.","requestId":"$request","details":null}}"#;
    let flat = r#"429 [retry-after: 1] {"@type":"error","code":"LK_BUSY","description":"Too many sign-ins at once. Try again in a moment.","statusCode":429}"#;
    for _ in 0..11 {
        world.sign_in(Door::V1, "ada", "wrong").await.is(nested);
        world.sign_in(Door::V2, "ada", "wrong").await.is(flat);
        world.sign_in(Door::V3, "ada", "wrong").await.is(nested);
    }
    assert_eq!(world.compared(), 1);
    let tried = Tried { name: CanonicalName::of("ada").digest(), network: Network::of(None) };
    assert_eq!(world.store.attempts(tried).await, Ok(Counters::default()));
}

/// Lets the others go on until something has come about.
async fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        tokio::task::yield_now().await;
    }
}
