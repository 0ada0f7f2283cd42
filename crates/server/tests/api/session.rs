//! The life of a session: thirty idle minutes, twelve hours, four carriers, one end.

use crate::answer::{DEAD, DEAD_V2};
use crate::world::{CARRIERS, Door, MOMENT, TOKEN, World, minutes};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
use http::Method;
use serde_json::{Value, json};
use server::jobs;

/// Everywhere that a live session is asked for and kept.
const USES: [(Method, &str); 6] = [
    (Method::GET, "/identity-service/api/v1/CurrentUserInfo"),
    (Method::GET, TOKEN),
    (Method::POST, TOKEN),
    (Method::GET, "/saas/api/v2/server/serverTime"),
    (Method::GET, "/session-service/api/v1/session/User"),
    (Method::GET, "/gate"),
];

/// Everywhere that a session is ended.
const ENDS: [&str; 5] = [
    "/identity-service/api/v1/Logout",
    "/ma/api/v2/user/logout",
    "/saas/api/v2/user/logout",
    "/saas/public/core/v3/logout",
    "/ma/api/v2/user/logoutall",
];

fn dead(path: &str) -> &'static str {
    if path.contains("/v2/") { DEAD_V2 } else { DEAD }
}

#[tokio::test]
async fn a_session_ends_after_thirty_idle_minutes_and_not_a_moment_earlier() {
    let world = World::new().await;
    for door in Door::ALL {
        let session = world.session(door, "ada", "correct horse").await;
        let ask = || world.get("/session-service/api/v1/session/User").header("IDS-SESSION-ID", &session);
        world.later(minutes(30) - MOMENT);
        assert_eq!(ask().await.status, 200);
        world.later(minutes(30));
        ask().await.is(DEAD);
    }
}

#[tokio::test]
async fn every_authenticated_call_slides_a_session() {
    let world = World::new().await;
    for (method, path) in USES {
        let session = world.ada().await;
        world.later(minutes(29));
        assert_eq!(
            world.ask(method.clone(), path).header("IDS-SESSION-ID", &session).await.status,
            200,
            "{path}"
        );
        world.later(minutes(30) - MOMENT);
        assert!(world.is_alive(&session).await, "{method} {path} did not slide");
        world.later(MOMENT);
        assert!(!world.is_alive(&session).await, "{method} {path}");
    }
}

#[tokio::test]
async fn a_probe_does_not_slide_a_session() {
    let world = World::new().await;
    for probe in ["/gate?probe", "/gate?probe=1", "/gate?x=1&probe=true", "/gate/any/path?probe"] {
        let session = world.ada().await;
        world.later(minutes(29));
        assert_eq!(world.get(probe).header("IDS-SESSION-ID", &session).await.status, 200, "{probe}");
        assert!(world.is_alive(&session).await);
        let body = format!(r#"{{"icToken":"{session}"}}"#);
        let valid =
            world.post("/saas/api/v2/user/validSessionId").header("icSessionId", &session).json(&body);
        assert_eq!(valid.await.json()["timeUntilExpire"], 1);
        world.later(minutes(1));
        world.get(probe).header("IDS-SESSION-ID", &session).await.is(DEAD);
        assert!(!world.is_alive(&session).await, "{probe} slid");
    }
}

#[tokio::test]
async fn a_session_ends_after_twelve_hours_however_busy_it_is() {
    let world = World::new().await;
    let session = world.ada().await;
    let ask = || world.get("/session-service/api/v1/session/User").header("IDS-SESSION-ID", &session);
    for _ in 0..47 {
        world.later(minutes(15));
        assert_eq!(ask().await.status, 200);
    }
    assert_eq!(ask().await.json()["sessionExpireTime"], "2026-01-15T22:30:00.000Z");
    world.later(minutes(15) - MOMENT);
    assert_eq!(ask().await.json()["sessionExpireTime"], "2026-01-15T22:30:00.000Z");
    world.later(MOMENT);
    ask().await.is(DEAD);
}

#[tokio::test]
async fn an_org_may_set_its_own_limits() {
    let world = World::of(
        r#"
        [[org]]
        name = "Hasty"
        session_idle_minutes = 5
        session_absolute_minutes = 8
        session_limit = 2
          [[org.user]]
          name = "ada"
          password = "correct horse"
        "#,
    )
    .await;
    let session = world.ada().await;
    let ask = || world.get("/session-service/api/v1/session/User").header("IDS-SESSION-ID", &session);
    assert_eq!(ask().await.json()["sessionExpireTime"], "2026-01-15T10:35:00.000Z");
    world.later(minutes(4));
    assert_eq!(ask().await.json()["sessionExpireTime"], "2026-01-15T10:38:00.000Z");
    world.ada().await;
    world.sign_in(Door::V1, "ada", "correct horse").await.is(
        r#"403 {"error":{"code":"LK_SESSIONS","message":"The organization holds as many sessions as it may. End some, or wait until they expire.","requestId":"$request","details":null}}"#,
    );
    world.sign_in(Door::V2, "ada", "correct horse").await.is(
        r#"403 {"@type":"error","code":"LK_SESSIONS","description":"The organization holds as many sessions as it may. End some, or wait until they expire.","statusCode":403}"#,
    );
    world.later(minutes(4));
    ask().await.is(DEAD);
    // The first has expired, so there is a place again.
    world.ada().await;
}

#[tokio::test]
async fn a_session_of_any_door_works_in_every_carrier_everywhere() {
    let world = World::new().await;
    for door in Door::ALL {
        for carrier in CARRIERS {
            let session = world.session(door, "ada", "correct horse").await;
            for (method, path) in USES {
                let answer = world.ask(method.clone(), path).carrying(carrier(&session)).await;
                assert_eq!(answer.status, 200, "{door:?} {:?} {method} {path}: {answer}", carrier("…"));
            }
            for path in ENDS {
                let session = world.session(door, "ada", "correct horse").await;
                let answer = world.post(path).carrying(carrier(&session)).await;
                assert_eq!(answer.status, 200, "{door:?} {:?} {path}: {answer}", carrier("…"));
                assert!(!world.is_alive(&session).await, "{door:?} {:?} {path}", carrier("…"));
            }
        }
    }
}

#[tokio::test]
async fn an_end_by_any_family_ends_a_session_for_every_carrier_and_its_token_at_the_gate() {
    let world = World::new().await;
    for door in Door::ALL {
        for end in ENDS {
            let session = world.session(door, "ada", "correct horse").await;
            let token = world.token(&session).await;
            let bound = || world.get("/gate").bearer(&token).header("IDS-SESSION-ID", &session);
            assert_eq!(bound().await.status, 200);
            assert_eq!(world.post(end).header("IDS-SESSION-ID", &session).await.status, 200);
            for carrier in CARRIERS {
                for (method, path) in USES {
                    world.ask(method, path).carrying(carrier(&session)).await.is(dead(path));
                }
                for path in ENDS {
                    world.post(path).carrying(carrier(&session)).await.is(dead(path));
                }
            }
            bound().await.is(DEAD);
            world.get("/gate?probe").bearer(&token).header("icSessionId", &session).await.is(DEAD);
        }
    }
}

#[tokio::test]
async fn a_token_that_is_presented_alone_lives_out_its_thirty_minutes() {
    let world = World::new().await;
    let session = world.ada().await;
    let token = world.token(&session).await;
    world.post(ENDS[0]).header("IDS-SESSION-ID", &session).await.is("200");
    world.later(minutes(30) - MOMENT);
    assert_eq!(world.get("/gate").bearer(&token).await.status, 200);
    world.later(MOMENT);
    world.get("/gate").bearer(&token).await.is(DEAD);
}

#[tokio::test]
async fn a_dead_session_is_401_everywhere() {
    let world = World::new().await;
    for id in ["3fTqk0ZpXyLr9bWcV2uN7e", "x", "' OR 1=1 --", "../../etc/passwd", "😀"] {
        for carrier in CARRIERS {
            for (method, path) in USES {
                world.ask(method, path).carrying(carrier(id)).await.is(dead(path));
            }
            for path in ENDS {
                world.post(path).carrying(carrier(id)).await.is(dead(path));
            }
        }
    }
}

#[tokio::test]
async fn a_request_may_carry_one_session_several_times_and_an_old_one_beside_it() {
    let world = World::new().await;
    let (old, new) = (world.ada().await, world.session(Door::V2, "ada", "correct horse").await);
    world.post(ENDS[0]).header("IDS-SESSION-ID", &old).await.is("200");
    for (method, path) in USES {
        let all =
            CARRIERS.iter().fold(world.ask(method.clone(), path), |ask, carrier| ask.carrying(carrier(&new)));
        assert_eq!(all.await.status, 200, "{path}");
        for first in CARRIERS {
            for second in CARRIERS {
                let both = world.ask(method.clone(), path).carrying(first(&old)).carrying(second(&new));
                assert_eq!(both.await.status, 200, "{path} {:?} {:?}", first("old"), second("new"));
                let both = world.ask(method.clone(), path).carrying(first(&new)).carrying(second(&old));
                assert_eq!(both.await.status, 200, "{path} {:?} {:?}", first("new"), second("old"));
            }
        }
    }
}

#[tokio::test]
async fn two_live_sessions_of_one_user_agree() {
    let world = World::new().await;
    let (first, second) = (world.ada().await, world.session(Door::V3, "ada", "correct horse").await);
    for (method, path) in USES {
        let both =
            world.ask(method, path).header("IDS-SESSION-ID", &first).header("icSessionId", &second).await;
        assert_eq!(both.status, 200, "{path}");
    }
}

#[tokio::test]
async fn sessions_of_two_users_contradict_each_other() {
    let world = World::new().await;
    let ada = world.ada().await;
    for (name, password) in [("bob", "battery staple"), ("eve", "other side")] {
        let other = world.session(Door::V1, name, password).await;
        for (method, path) in USES {
            for (first, second) in [(&ada, &other), (&other, &ada)] {
                let both = world.ask(method.clone(), path).header("IDS-SESSION-ID", first);
                both.header("Cookie", &format!("USER_SESSION={second}")).await.is(dead(path));
            }
        }
        for path in ENDS {
            world
                .post(path)
                .header("icSessionId", &ada)
                .header("IDS-SESSION-ID", &other)
                .await
                .is(dead(path));
        }
        assert!(world.is_alive(&ada).await && world.is_alive(&other).await);
    }
}

#[tokio::test]
async fn a_carrier_that_cannot_be_read_refuses_the_request() {
    let world = World::new().await;
    let session = world.ada().await;
    let unreadable: [(&str, &[u8]); 4] = [
        ("IDS-SESSION-ID", b"\xff\xfe"),
        ("INFA-SESSION-ID", b"\xff\xfe"),
        ("icSessionId", b"\xff\xfe"),
        ("Cookie", b"theme=dark; USER_SESSION=\xff\xfe"),
    ];
    for (name, value) in unreadable {
        for (method, path) in USES {
            let ask = world.ask(method, path).raw_header(name, value).header("IDS-SESSION-ID", &session);
            ask.await.is(dead(path));
        }
    }
    // What others put into their own cookies is not looked at.
    let foreign = format!("name=J\u{f6}rg; USER_SESSION={session}; \u{1f36a}");
    assert_eq!(world.get("/gate").raw_header("Cookie", foreign.as_bytes()).await.status, 200);
    // Browsers and HTTP/2 may quote a cookie, or send each in a line of its own.
    let quoted = world.get("/gate").header("Cookie", &format!("USER_SESSION=\"{session}\""));
    assert_eq!(quoted.await.status, 200);
    let lines = world.get("/gate").headers([("Cookie", "theme=dark"), ("Cookie", "lang=en")]);
    assert_eq!(lines.header("Cookie", &format!("USER_SESSION={session}")).await.status, 200);
    // An empty carrier carries nothing.
    let empty = world.get("/gate").headers([("icSessionId", ""), ("Cookie", "USER_SESSION=")]);
    assert_eq!(empty.header("IDS-SESSION-ID", &session).await.status, 200);
}

#[tokio::test]
async fn tidying_forgets_what_is_over_and_nothing_else() {
    let world = World::new().await;
    let over = world.ada().await;
    for _ in 0..10 {
        world.sign_in(Door::V1, "bob", "wrong").await;
    }
    world.later(minutes(14));
    let live = world.ada().await;
    let token = world.token(&live).await;
    world.later(minutes(16) - MOMENT);
    // Bob's lock has ended; one that is younger holds.
    for _ in 0..10 {
        world.sign_in(Door::V1, "nobody", "wrong").await;
    }
    assert!(world.is_alive(&over).await);
    world.later(MOMENT);
    world.rotate_keys().await;
    jobs::tidy(&world.app, &world.operator).await.unwrap();
    assert!(!world.is_alive(&over).await && world.is_alive(&live).await);
    let locked = world.sign_in(Door::V1, "nobody", "wrong").await;
    assert!(locked.body.contains("IDS_086"), "{locked}");
    world.session(Door::V1, "bob", "battery staple").await;
    for token in [&token, &world.token(&live).await] {
        assert_eq!(world.get("/gate").bearer(token).header("IDS-SESSION-ID", &live).await.status, 200);
    }
}

#[tokio::test]
async fn a_key_is_replaced_after_ninety_days_without_being_asked() {
    let world = World::new().await;
    let kid = || async {
        world.get("/identity-service/.well-known/jwks.json").await.json()["keys"][0]["kid"].clone()
    };
    let first = kid().await;
    world.later(minutes(90 * 24 * 60) - MOMENT);
    jobs::tidy(&world.app, &world.operator).await.unwrap();
    assert_eq!(kid().await, first);
    world.later(MOMENT);
    jobs::tidy(&world.app, &world.operator).await.unwrap();
    assert_ne!(kid().await, first);
}

const JWT_ORG: &str = r#"
[[org]]
name = "Acme Tokens"
id = "5mYdXw9KcJhaf3LrN8pQ2v"
authentication_type = "jwt"
  [[org.user]]
  name = "ada"
  password = "correct horse"
  first_name = "Ada"
  last_name = "Lovelace"
  roles = ["Admin"]

[[org]]
name = "Acme Long Tokens"
authentication_type = "jwt"
jwt_minutes = 240
  [[org.user]]
  name = "bob"
  password = "battery staple"
"#;

#[tokio::test]
async fn in_jwt_mode_every_login_hands_out_a_jwt_that_works_like_a_session() {
    let world = World::of(JWT_ORG).await;
    for door in Door::ALL {
        let session = world.session(door, "ada", "correct horse").await;
        assert_eq!(session.split('.').count(), 3, "{door:?}: {session}");
        for carrier in CARRIERS {
            for (method, path) in USES {
                let answer = world.ask(method.clone(), path).carrying(carrier(&session)).await;
                assert_eq!(answer.status, 200, "{door:?} {method} {path}: {answer}");
            }
        }
        for end in ENDS {
            let session = world.session(door, "ada", "correct horse").await;
            assert_eq!(world.post(end).header("INFA-SESSION-ID", &session).await.status, 200, "{end}");
            for carrier in CARRIERS {
                world.get("/gate").carrying(carrier(&session)).await.is(DEAD);
            }
        }
    }
}

#[tokio::test]
async fn in_jwt_mode_a_session_id_says_who_and_for_how_long_but_is_for_nobody_else() {
    let world = World::of(JWT_ORG).await;
    let session = world.ada().await;
    let payload = BASE64URL.decode(session.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&payload).unwrap();
    let told = ["user_name", "org_name", "org_id", "aud", "roles", "unique_id", "nonce", "client_id"];
    assert_eq!(
        told.map(|name| claims[name].clone()),
        [
            json!("ada"),
            json!("Acme Tokens"),
            json!("5mYdXw9KcJhaf3LrN8pQ2v"),
            json!("session"),
            json!(["Admin"]),
            json!(""),
            json!(""),
            json!(""),
        ]
    );
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 1800);
}

#[tokio::test]
async fn in_jwt_mode_a_session_has_a_fixed_life_and_does_not_slide() {
    let world = World::of(JWT_ORG).await;
    let session = world.ada().await;
    let ask = || world.get("/session-service/api/v1/session/User").header("IDS-SESSION-ID", &session);
    for _ in 0..2 {
        world.later(minutes(10));
        assert_eq!(ask().await.json()["sessionExpireTime"], "2026-01-15T11:00:00.000Z");
    }
    let body = format!(r#"{{"icToken":"{session}","userName":"ada"}}"#);
    let valid = world.post("/saas/api/v2/user/validSessionId").json(&body).await;
    valid.is(r#"200 {"@type":"validatedToken","timeUntilExpire":10,"isValidToken":true}"#);
    world.later(minutes(10) - MOMENT);
    assert_eq!(ask().await.status, 200);
    world.later(MOMENT);
    ask().await.is(DEAD);
}

#[tokio::test]
async fn in_jwt_mode_the_org_chooses_the_life() {
    let world = World::of(JWT_ORG).await;
    let session = world.session(Door::V1, "bob", "battery staple").await;
    let ask = || world.get("/gate").header("IDS-SESSION-ID", &session);
    // A key may be replaced meanwhile; the session is found by its digest.
    world.rotate_keys().await;
    world.later(minutes(240) - MOMENT);
    assert_eq!(ask().await.status, 200);
    world.later(MOMENT);
    ask().await.is(DEAD);
}

#[tokio::test]
async fn in_jwt_mode_a_session_id_is_no_access_token_and_an_access_token_no_session_id() {
    let world = World::of(JWT_ORG).await;
    let session = world.ada().await;
    let token = world.token(&session).await;
    world.get("/gate").bearer(&session).await.is(DEAD);
    world.get("/gate").bearer(&session).header("IDS-SESSION-ID", &session).await.is(DEAD);
    world.get("/gate").header("IDS-SESSION-ID", &token).await.is(DEAD);
    assert_eq!(world.get("/gate").bearer(&token).await.status, 200);
    assert_eq!(world.get("/gate").bearer(&token).header("IDS-SESSION-ID", &session).await.status, 200);
    let other = world.ada().await;
    world.get("/gate").bearer(&token).header("IDS-SESSION-ID", &other).await.is(DEAD);
}

#[tokio::test]
async fn in_jwt_mode_a_forged_session_id_is_a_stranger() {
    let world = World::of(JWT_ORG).await;
    let session = world.ada().await;
    let (message, signature) = session.rsplit_once('.').unwrap();
    for forged in [format!("{message}."), format!("{message}.{signature}A"), message.to_owned()] {
        world.get("/gate").header("IDS-SESSION-ID", &forged).await.is(DEAD);
    }
}

#[tokio::test]
async fn a_logout_ends_every_session_that_it_presents() {
    let world = World::new().await;
    let (one, other) = (world.ada().await, world.ada().await);
    let logout = world.post("/identity-service/api/v1/Logout");
    assert_eq!(logout.header("IDS-SESSION-ID", &one).header("icSessionId", &other).await.status, 200);
    assert!(!world.is_alive(&one).await);
    assert!(!world.is_alive(&other).await);
}

#[tokio::test]
async fn a_call_slides_every_session_that_it_presents() {
    let world = World::new().await;
    let (one, other) = (world.ada().await, world.ada().await);
    world.later(minutes(29));
    let ask = world.get("/gate").header("IDS-SESSION-ID", &one).header("icSessionId", &other);
    assert_eq!(ask.await.status, 200);
    world.later(minutes(29));
    assert!(world.is_alive(&one).await);
    assert!(world.is_alive(&other).await);
}

#[tokio::test]
async fn a_token_passes_with_any_carrier_of_its_session_and_a_refusal_slides_nothing() {
    let world = World::new().await;
    let (one, other) = (world.ada().await, world.ada().await);
    let token = world.token(&other).await;
    for (ids, ic) in [(&one, &other), (&other, &one)] {
        let ask = world.get("/gate").bearer(&token).header("IDS-SESSION-ID", ids).header("icSessionId", ic);
        assert_eq!(ask.await.status, 200);
    }
    world.later(minutes(20));
    world.get("/gate").bearer(&token).header("IDS-SESSION-ID", &one).await.is(DEAD);
    let elsewhere = "2hVn8XcYq0LrTzWbE5mKsD";
    world.get("/gate").header("IDS-SESSION-ID", &one).header("X-INFA-ORG-ID", elsewhere).await.is(DEAD);
    world.later(minutes(10));
    assert!(!world.is_alive(&one).await);
}

#[tokio::test]
async fn a_logout_whose_caller_hangs_up_still_ends_its_sessions() {
    let world = World::new().await;
    for path in ["/identity-service/api/v1/Logout", "/ma/api/v2/user/logoutall"] {
        let session = world.ada().await;
        assert!(world.is_alive(&session).await);
        world.hang_up(world.post(path).header("IDS-SESSION-ID", &session)).await;
        // It comes to its end by itself; every look at the store lets it go on.
        for _ in 0..1_000 {
            if !world.is_alive(&session).await {
                break;
            }
            world.events().await;
        }
        assert!(!world.is_alive(&session).await, "{path}");
    }
}
