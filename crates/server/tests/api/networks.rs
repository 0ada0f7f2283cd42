//! Where somebody comes from: whose failures lock a name for whom, how often an address may fail, what a proxy says, and
//! from where an org lets its users come.

use crate::answer::{Answer, DEAD};
use crate::world::{CARRIERS, Door, SEED, World, minutes};
use futures_util::future::join_all;
use http::Method;
use std::sync::Arc;

const ATTACKER: &str = "198.51.100.66";
const OWNER: &str = "203.0.113.7";

const REFUSED: &str = r#"401 [www-authenticate: Bearer] {"error":{"code":"IDS_085","message":"User name or password is not valid.","requestId":"$request","details":null}}"#;

fn count(answers: &[Answer], codes: &[&str]) -> usize {
    answers.iter().filter(|answer| codes.iter().any(|code| answer.body.contains(code))).count()
}

/// A way to present a wrong password from an address; a new door is one more line.
type Wrong = fn(&World) -> crate::world::Question;

/// Every door at which a password is proven.
const DOORS: [Wrong; 8] = [
    |world| world.sign_in(Door::V1, "ada", "wrong"),
    |world| world.sign_in(Door::V2, "ada", "wrong"),
    |world| world.sign_in(Door::V2Xml, "ada", "wrong"),
    |world| world.sign_in(Door::V2Form, "ada", "wrong"),
    |world| world.sign_in(Door::V3, "ada", "wrong"),
    |world| world.post("/ma/api/v2/user/logoutall").json(r#"{"username":"ada","password":"wrong"}"#),
    |world| {
        let body = r#"{"oldPassword":"wrong","newPassword":"a better one"}"#;
        world
            .post("/saas/public/core/v3/users/ChangePassword")
            .header("INFA-SESSION-ID", "$session")
            .json(body)
    },
    |world| {
        let body = r#"{"userId":"$user","securityAnswer":"wrong","newPassword":"a better one"}"#;
        world.post("/saas/public/core/v3/users/ResetPassword").json(body)
    },
];

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_wrong_passwords_over_every_door_move_one_counter_and_do_not_keep_the_owner_out() {
    let world = World::set_up(SEED, |config| {
        config.password.threads = 16;
        // One name has at most a quarter of the places.
        config.password.queue = 3_000;
        config.password.queue_seconds = 600;
        config.password.memory_kib = 1_024;
    });
    let world = Arc::new(world.await);
    world.notebook.write("session", &world.ada().await);
    world.notebook.write("user", &world.account("ada").await.user.id.base62());
    let before = world.compared();
    let tries = DOORS.into_iter().cycle().take(500).map(|door| {
        let world = Arc::clone(&world);
        tokio::spawn(async move { door(&world).from(ATTACKER).await })
    });
    let answers: Vec<_> = join_all(tries).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(world.compared() - before, 10);
    let (refused, locked) = (count(&answers, &["IDS_085", "UI_10000"]), count(&answers, &["IDS_086"]));
    assert_eq!((refused, locked), (10, 490));
    assert_eq!(
        count(&[world.sign_in(Door::V1, "ada", "correct horse").from(ATTACKER).await], &["IDS_086"]),
        1
    );
    for door in Door::ALL {
        assert_eq!(world.sign_in(door, "ada", "correct horse").from(OWNER).await.status, 200, "{door:?}");
    }
    // What the owner does right opens nothing for the attacker.
    assert_eq!(count(&[world.sign_in(Door::V3, "ada", "wrong").from(ATTACKER).await], &["IDS_086"]), 1);
}

#[tokio::test]
async fn the_addresses_of_one_customer_are_one_and_unknown_names_lock_alike() {
    let world = World::new().await;
    for name in ["ada", "nobody.here"] {
        for number in 0..10 {
            let address = format!("2001:db8:1:2::{number}");
            world.sign_in(Door::V1, name, "wrong").from(&address).await.is(REFUSED);
        }
        let locked = world.sign_in(Door::V1, name, "wrong").from("2001:db8:1:2:ffff::1").await;
        assert_eq!(count(&[locked], &["IDS_086"]), 1, "{name}");
        world.sign_in(Door::V1, name, "wrong").from("2001:db8:1:3::1").await.is(REFUSED);
    }
}

#[tokio::test]
async fn a_crowd_locks_a_name_for_strangers_alone_and_an_administrator_lifts_it() {
    let world = World::set_up(SEED, |config| config.lockout.failures_per_name = 20).await;
    world.sign_in(Door::V1, "bob", "battery staple").from(OWNER).await;
    for number in 0..20 {
        world.sign_in(Door::V1, "bob", "wrong").from(&format!("198.51.100.{number}")).await.is(REFUSED);
    }
    let stranger = || world.sign_in(Door::V1, "bob", "battery staple").from("192.0.2.1");
    assert_eq!(count(&[stranger().await], &["IDS_086"]), 1);
    assert_eq!(world.sign_in(Door::V1, "bob", "battery staple").from(OWNER).await.status, 200);
    let (ada, bob) = (world.ada().await, world.account("bob").await.user.id);
    let lock = format!("/latchkey/v1/users/{}/lock", bob.base62());
    let lift = |session: &str| world.ask(Method::DELETE, &lock).header("IDS-SESSION-ID", session);
    assert_eq!(lift(&world.session(Door::V2, "eve", "other side").await).await.status, 404);
    lift(&ada).await.is("204");
    assert_eq!(stranger().await.status, 200);
    let events = world.events().await;
    let lifted = events.iter().filter(|event| event["event"] == "lock_lifted").count();
    assert_eq!(lifted, 1);
}

#[tokio::test]
async fn a_lock_that_does_not_end_is_lifted_by_whoever_may() {
    let world = World::set_up(SEED, |config| config.lockout.lock_minutes = 0).await;
    let (ada, bob) = (world.ada().await, world.account("bob").await.user.id.base62());
    let locked = async || {
        for _ in 0..10 {
            world.sign_in(Door::V1, "bob", "wrong").from(OWNER).await.is(REFUSED);
        }
        world.later(minutes(60 * 24 * 365));
        let answer = world.sign_in(Door::V1, "bob", "battery staple").from(OWNER).await;
        count(&[answer], &["IDS_086"]) == 1
    };
    assert!(locked().await);
    let ada = if world.is_alive(&ada).await { ada } else { world.ada().await };
    let reset = world.ask(Method::PATCH, &format!("/saas/public/core/v3/users/{bob}"));
    assert_eq!(reset.header("INFA-SESSION-ID", &ada).json(r#"{"state":"Active"}"#).await.status, 200);
    assert_eq!(world.sign_in(Door::V1, "bob", "battery staple").from(OWNER).await.status, 200);
    assert!(locked().await);
}

#[tokio::test]
async fn an_address_that_fails_with_many_names_is_slowed_down_and_no_other() {
    let world = World::set_up(SEED, |config| config.lockout.failures_per_address = 30).await;
    for number in 0..30 {
        world.sign_in(Door::V1, &format!("name{number}"), "wrong").from(ATTACKER).await.is(REFUSED);
    }
    let slowed = r#"429 [retry-after: 120] {"error":{"code":"LK_THROTTLED","message":"Too many failed sign-ins from this address. Try again later.","requestId":"$request","details":null}}"#;
    let before = world.compared();
    world.sign_in(Door::V1, "ada", "wrong").from(ATTACKER).await.is(slowed);
    world.sign_in(Door::V1, "ada", "correct horse").from(ATTACKER).await.is(slowed);
    assert_eq!(world.compared(), before);
    assert_eq!(world.sign_in(Door::V1, "ada", "correct horse").from(OWNER).await.status, 200);
    world.later(minutes(2));
    // Who signs in well pays nothing; the next failure does.
    for _ in 0..40 {
        assert_eq!(world.sign_in(Door::V1, "ada", "correct horse").from(ATTACKER).await.status, 200);
    }
    world.sign_in(Door::V1, "ada", "wrong").from(ATTACKER).await.is(REFUSED);
    assert_eq!(world.sign_in(Door::V1, "bob", "wrong").from(ATTACKER).await.status, 429);
    domain::audit::trail::write_behind(&world.app.cx).await.unwrap();
    let events = world.events().await;
    let told: Vec<_> = events.iter().filter(|event| event["event"] == "address_throttled").collect();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["visit"]["address"], ATTACKER);
}

#[tokio::test]
async fn only_a_listed_proxy_says_where_a_request_came_from() {
    let world = World::set_up(SEED, |config| {
        config.network.proxies = vec!["10.0.0.0/8".to_owned().try_into().unwrap()]
    })
    .await;
    let forwarded = |from: &str, line: &str| {
        world.sign_in(Door::V1, "bob", "battery staple").from(from).header("X-Forwarded-For", line)
    };
    assert_eq!(forwarded("10.1.1.1", "192.0.2.9, 203.0.113.7, 10.2.2.2").await.status, 200);
    assert_eq!(forwarded("198.51.100.66", "203.0.113.7").await.status, 200);
    for door in ["/identity-service/api/v1/Login", "/healthz", "/gate"] {
        let question = world.get(door).from("10.1.1.1").header("X-Forwarded-For", "unknown");
        assert_eq!(question.await.status, 400, "{door}");
    }
    forwarded("10.1.1.1", "203.0.113.7, nonsense").await.is(
        r#"400 {"error":{"code":"V3API_007","message":"the proxy does not say in a readable way where this request came from","requestId":"$request","details":null}}"#,
    );
    let events = world.events().await;
    let signed_in = events.iter().filter(|event| event["event"] == "signed_in");
    let from: Vec<_> =
        signed_in.map(|event| event["visit"]["address"].as_str().unwrap().to_owned()).collect();
    assert_eq!(from, ["203.0.113.7", "198.51.100.66"]);
}

#[tokio::test]
async fn from_outside_the_trusted_ranges_nobody_signs_in_and_no_session_or_token_lives() {
    let world = World::new().await;
    let inside = world.sign_in(Door::V1, "ada", "correct horse").from(OWNER).await;
    let ada = inside.json()["sessionId"].as_str().unwrap().to_owned();
    let token = world.token(&ada).await;
    let policy = world
        .ask(Method::PATCH, "/latchkey/v1/orgs/5mYdXw9KcJhaf3LrN8pQ2v/policy")
        .header("IDS-SESSION-ID", &ada)
        .from(OWNER)
        .json(r#"{"trustedIpRanges":["203.0.113.0/24","2001:db8::/32"]}"#);
    assert_eq!(policy.await.status, 200);
    let gate = |from: &str| world.get("/gate").from(from);
    assert_eq!(gate(OWNER).bearer(&token).await.status, 200);
    assert_eq!(gate("2001:db8::1").bearer(&token).await.status, 200);
    gate(ATTACKER).bearer(&token).await.is(DEAD);
    world.get("/gate").bearer(&token).await.is(DEAD);
    for carrier in CARRIERS {
        let check =
            |from| world.get("/session-service/api/v1/session/User").from(from).carrying(carrier(&ada));
        assert_eq!(check(OWNER).await.status, 200);
        check(ATTACKER).await.is(DEAD);
        gate(ATTACKER).carrying(carrier(&ada)).await.is(DEAD);
    }
    let body = serde_json::json!({"icToken": ada}).to_string();
    let valid = world.post("/saas/api/v2/user/validSessionId").from(ATTACKER).json(&body).await;
    assert_eq!(valid.json()["isValidToken"], false);
    let shown = world.get("/saas/api/v2/org").header("icSessionId", &ada).from(OWNER).await;
    assert_eq!(shown.json()["ipAddressRanges"], serde_json::json!(["203.0.113.0/24", "2001:db8::/32"]));
    // Another org has no part in it.
    world.session(Door::V1, "eve", "other side").await;
}

#[tokio::test]
async fn a_right_password_from_outside_is_a_wrong_one_and_counted_as_one() {
    let world = World::new().await;
    let ada = world.sign_in(Door::V1, "ada", "correct horse").from(OWNER).await;
    let ada = ada.json()["sessionId"].as_str().unwrap().to_owned();
    let patch = world.ask(Method::PATCH, "/latchkey/v1/orgs/5mYdXw9KcJhaf3LrN8pQ2v/policy");
    let ranges = r#"{"trustedIpRanges":["203.0.113.0/24"]}"#;
    assert_eq!(patch.header("IDS-SESSION-ID", &ada).from(OWNER).json(ranges).await.status, 200);
    for number in 0..10 {
        let before = world.compared();
        let password = if number % 2 == 0 { "battery staple" } else { "wrong" };
        world.sign_in(Door::V1, "bob", password).from(ATTACKER).await.is(REFUSED);
        assert_eq!(world.compared(), before + 1);
    }
    let locked = world.sign_in(Door::V1, "bob", "battery staple").from(ATTACKER).await;
    assert_eq!(count(&[locked], &["IDS_086"]), 1);
    assert_eq!(world.sign_in(Door::V1, "bob", "battery staple").from(OWNER).await.status, 200);
    let events = world.events().await;
    let reasons: Vec<_> = events.iter().filter_map(|event| event["reason"].as_str()).collect();
    assert_eq!(reasons, ["outside", "wrong_password"].repeat(5));
}
