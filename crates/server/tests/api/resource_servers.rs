//! For resource servers: the session-service, and the gate for reverse proxies.

use crate::answer::DEAD;
use crate::world::{Door, World, minutes};
use http::Method;

const USER: &str = "/session-service/api/v1/session/User";
const ACME: &str = "5mYdXw9KcJhaf3LrN8pQ2v";
const ACME_UUID: &str = "be0495f9-722a-638d-f6fa-b2dfe92be3e5";
const GLOBEX: &str = "2hVn8XcYq0LrTzWbE5mKsD";

/// Ada at the gate, thirty minutes from the start.
const ADA: &str = r#"200 [x-latchkey-org: 5mYdXw9KcJhaf3LrN8pQ2v] [x-latchkey-session-expires: 2026-01-15T11:00:00.000Z] [x-latchkey-user: ada] [x-latchkey-user-id: $user_ada] {"user":"ada","org":"5mYdXw9KcJhaf3LrN8pQ2v","expires":"2026-01-15T11:00:00.000Z"}"#;

#[tokio::test]
async fn the_session_service_tells_user_and_org_of_a_live_session() {
    let world = World::new().await;
    let session = world.ada().await;
    world.get(USER).header("IDS-SESSION-ID", &session).await.is(r#"200 {"sessionExpireTime":"2026-01-15T11:00:00.000Z","id":"$user_ada","name":"ada","currentOrgId":"5mYdXw9KcJhaf3LrN8pQ2v","currentOrgName":"Acme Prod","parentOrgId":"3IVhuMMFlm9ArWaIL8nvoe","orgId":"5mYdXw9KcJhaf3LrN8pQ2v","orgName":"Acme Prod","groups":{},"effectiveRoles":{"Admin":"3IVhuMMFlm9ArWaIL8nvof","Designer":"3IVhuMMFlm9ArWaIL8nvog"},"effectivePrivileges":{},"status":"Active","timeZoneId":"Europe/London","authenticator":"Native","baseApiUrl":"https://usw1.dm-us.latchkey.test/saas","serverUrl":"https://usw1.dm-us.latchkey.test/saas"}"#);
}

#[tokio::test]
async fn the_session_service_tells_at_once_what_has_changed() {
    let world = World::new().await;
    let (ada, bob) = (world.ada().await, world.session(Door::V1, "bob", "battery staple").await);
    let ask = || world.get(USER).header("IDS-SESSION-ID", &bob);
    let before = ask().await.json();
    assert_eq!(ask().await.json(), before);
    let path = format!("/saas/public/core/v3/users/{}/addRoles", before["id"].as_str().unwrap());
    let change = world.ask(Method::PUT, &path).header("INFA-SESSION-ID", &ada);
    assert_eq!(change.json(r#"{"roles":["Designer"]}"#).await.status, 204);
    world.later(minutes(1));
    let mut expected = before.clone();
    expected["effectiveRoles"]["Designer"] = "3IVhuMMFlm9ArWaIL8nvog".into();
    expected["sessionExpireTime"] = "2026-01-15T11:01:00.000Z".into();
    assert_eq!(ask().await.json(), expected);
}

#[tokio::test]
async fn the_session_service_tells_users_apart_who_are_alike() {
    let alike = [
        ("ann", "UTC", "Designer"),
        ("ben", "UTC", "Designer"),
        ("cy", "Asia/Tokyo", "Designer"),
        ("di", "UTC", "Admin"),
    ];
    let user = |(name, zone, role)| {
        format!(
            "[[org.user]]\nname = \"{name}\"\npassword = \"pass word\"\ntimezone = \"{zone}\"\nroles = [\"{role}\"]\n"
        )
    };
    let org = "[[org]]\nname = \"Acme\"\n".to_owned();
    let world = World::of(&(org + &alike.map(user).concat())).await;
    for (name, zone, role) in alike {
        let session = world.session(Door::V1, name, "pass word").await;
        let ask = async |path| world.get(path).header("IDS-SESSION-ID", &session).await.json();
        let told = ask(USER).await;
        assert_eq!((&told["name"], &told["timeZoneId"]), (&name.into(), &zone.into()));
        assert_eq!(told["effectiveRoles"].as_object().unwrap().keys().collect::<Vec<_>>(), [role]);
        assert_eq!(told, ask("/identity-service/api/v1/CurrentUserInfo").await);
    }
}

#[tokio::test]
async fn what_is_asked_most_is_counted_by_its_route_and_takes_one_method() {
    let world = World::new().await;
    let session = world.ada().await;
    for route in [USER, "/gate", "/identity-service/api/v1/jwt/Token"] {
        let ask =
            |method, query| world.ask(method, &format!("{route}{query}")).header("IDS-SESSION-ID", &session);
        let full = "?client_id=idmc_api&nonce=1";
        assert_eq!(ask(Method::GET, full).await.status, 200);
        // The router has the same routes, and knows how to answer a HEAD.
        let head = ask(Method::HEAD, full).await;
        assert!(head.status == 200 && head.body.is_empty(), "{head}");
        world.get(&format!("{route}{full}")).await.is(DEAD);
        assert_eq!(ask(Method::DELETE, full).await.status, 405);
        let numbers = world.get("/metrics").await.body;
        for (class, count) in [("2xx", 2), ("4xx", 2)] {
            let line = format!(r#"latchkey_http_requests_total{{route="{route}",status="{class}"}} {count}"#);
            assert!(numbers.lines().any(|number| number == line), "{line} is not in\n{numbers}");
        }
    }
}

#[tokio::test]
async fn the_session_service_knows_no_stranger() {
    let world = World::new().await;
    world.get(USER).await.is(DEAD);
    world.get(USER).header("IDS-SESSION-ID", "3fTqk0ZpXyLr9bWcV2uN7e").await.is(DEAD);
    // An access token is no session id.
    let token = world.token(&world.ada().await).await;
    world.get(USER).header("IDS-SESSION-ID", &token).await.is(DEAD);
    world.get(USER).bearer(&token).await.is(DEAD);
}

#[tokio::test]
async fn the_gate_lets_a_session_pass_and_says_whose_it_is() {
    let world = World::new().await;
    let session = world.ada().await;
    world.get("/gate").header("IDS-SESSION-ID", &session).await.is(ADA);
    world.get("/gate").header("Cookie", &format!("USER_SESSION={session}")).await.is(ADA);
}

#[tokio::test]
async fn the_gate_lets_a_token_pass_alone_or_with_its_org_and_its_session() {
    let world = World::new().await;
    let session = world.ada().await;
    let token = world.token(&session).await;
    let ask = || world.get("/gate").bearer(&token);
    ask().await.is(ADA);
    for org in [ACME, ACME_UUID] {
        ask().header("X-INFA-ORG-ID", org).await.is(ADA);
        ask().header("x-infa-org-id", org).header("IDS-SESSION-ID", &session).await.is(ADA);
    }
    world.get("/gate").header("authorization", &format!("bearer {token}")).await.is(ADA);
}

#[tokio::test]
async fn the_gate_wants_everything_that_is_presented_to_hold_together() {
    let world = World::new().await;
    let session = world.ada().await;
    let token = world.token(&session).await;
    let second = world.ada().await;
    let bob = world.session(Door::V1, "bob", "battery staple").await;
    let gate = || world.get("/gate");
    // Another org, or none that could be one.
    for org in [GLOBEX, "5mYdXw", "x", "be0495f9722a638df6fab2dfe92be3e5"] {
        gate().bearer(&token).header("X-INFA-ORG-ID", org).await.is(DEAD);
        gate().header("IDS-SESSION-ID", &session).header("X-INFA-ORG-ID", org).await.is(DEAD);
    }
    // Another session than the one that minted the token.
    for other in [second.as_str(), &bob, "3fTqk0ZpXyLr9bWcV2uN7e"] {
        gate().bearer(&token).header("IDS-SESSION-ID", other).await.is(DEAD);
    }
    // A bad token is not mended by a good session, nor one header by another of its name.
    gate().bearer("nonsense").header("IDS-SESSION-ID", &session).await.is(DEAD);
    gate().header("Authorization", "Bearer").header("IDS-SESSION-ID", &session).await.is(DEAD);
    gate().bearer(&token).bearer(&token).await.is(DEAD);
    gate().bearer(&token).header("X-INFA-ORG-ID", ACME).header("X-INFA-ORG-ID", GLOBEX).await.is(DEAD);
    // A session id is no token.
    gate().bearer(&session).await.is(DEAD);
    gate().await.is(DEAD);
}

#[tokio::test]
async fn a_token_expires_at_the_gate_after_thirty_minutes_but_no_later_than_its_session() {
    let world = World::new().await;
    let session = world.ada().await;
    world.later(minutes(10));
    let token = world.token(&session).await;
    world.later(minutes(10));
    let expiry = |answer: &crate::answer::Answer| answer.json()["expires"].as_str().unwrap().to_owned();
    // The token alone: thirty minutes from its minting, however much the session is used.
    let alone = world.get("/gate").bearer(&token).await;
    assert_eq!(expiry(&alone), "2026-01-15T11:10:00.000Z");
    // Probed together: the session was last used when it minted.
    let probed = world.get("/gate?probe").bearer(&token).header("IDS-SESSION-ID", &session).await;
    assert_eq!(expiry(&probed), "2026-01-15T11:10:00.000Z");
    let used = world.get("/gate").header("IDS-SESSION-ID", &session).await;
    assert_eq!(expiry(&used), "2026-01-15T11:20:00.000Z");
    world.later(minutes(20));
    world.get("/gate").bearer(&token).await.is(DEAD);
    world.get("/gate").bearer(&token).header("IDS-SESSION-ID", &session).await.is(DEAD);
    assert!(world.is_alive(&session).await, "the session slid on");
}

#[tokio::test]
async fn envoy_may_append_the_path_and_keep_the_method() {
    let world = World::new().await;
    let session = world.ada().await;
    for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
        for path in ["/gate/", "/gate/data360/search?q=1", "/gate/saas/api/v2/job/"] {
            world.ask(method.clone(), path).header("IDS-SESSION-ID", &session).await.is(ADA);
            world.ask(method.clone(), path).await.is(DEAD);
        }
    }
}

#[tokio::test]
async fn a_name_that_a_header_cannot_hold_is_written_in_percent() {
    let world = World::of(
        "[[org]]\nname = \"Søster\"\n[[org.user]]\nname = \"jörg+1%@acme.test\"\npassword = \"right\"",
    )
    .await;
    let session = world.session(Door::V1, "JÖRG+1%@acme.test", "right").await;
    let passed = world.get("/gate").header("IDS-SESSION-ID", &session).await;
    assert_eq!(passed.header("x-latchkey-user"), "j%C3%B6rg+1%25@acme.test");
    assert_eq!(passed.json()["user"], "jörg+1%@acme.test");
}

#[tokio::test]
async fn the_gate_never_redirects() {
    let world = World::new().await;
    for (name, value) in [("Accept", "text/html"), ("X-Requested-With", "XMLHttpRequest"), ("Cookie", "x=1")]
    {
        world.get("/gate").header(name, value).await.is(DEAD);
    }
}
