//! identity-service v1: Login, Logout, CurrentUserInfo.

use crate::answer::DEAD;
use crate::world::{Door, SEED, World, minutes};
use server::config::Refusal;

const LOGIN: &str = "/identity-service/api/v1/Login";

#[tokio::test]
async fn login_opens_a_session() {
    let world = World::new().await;
    let login = world.post(LOGIN).json(r#"{"username":"ada","password":"correct horse"}"#).await;
    login.is(r#"200 {"sessionId":"$session","sessionExpireTime":"2026-01-15T11:00:00.000Z","id":"$user_ada","name":"ada","currentOrgId":"5mYdXw9KcJhaf3LrN8pQ2v","currentOrgName":"Acme Prod","parentOrgId":"3IVhuMMFlm9ArWaIL8nvoe","orgId":"5mYdXw9KcJhaf3LrN8pQ2v","orgName":"Acme Prod","groups":{},"effectiveRoles":{"Admin":"3IVhuMMFlm9ArWaIL8nvof","Designer":"3IVhuMMFlm9ArWaIL8nvog"},"effectivePrivileges":{},"status":"Active","timeZoneId":"Europe/London","authenticator":"Native","baseApiUrl":"https://usw1.dm-us.latchkey.test/saas","serverUrl":"https://usw1.dm-us.latchkey.test/saas"}"#);
    assert_eq!(world.notebook.read("user_ada"), world.account("ada").await.user.id.base62());
}

#[tokio::test]
async fn login_reads_every_spelling_of_its_body_that_callers_send() {
    let world = World::new().await;
    for content_type in
        ["application/json", "application/json;", "APPLICATION/JSON; charset=UTF-8", "text/plain"]
    {
        let body = r#"{"username":"ada","password":"correct horse"}"#;
        let login = world.post(LOGIN).header("Content-Type", content_type).body(body).await;
        assert_eq!(login.status, 200, "{content_type}: {login}");
    }
    for body in [
        "{\r\n  \"username\": \"ada\",\r\n  \"password\": \"correct horse\"\r\n}\r\n",
        r#"{"username":"ada","password":"correct horse",}"#,
        r#"{"password":"correct horse","username":"ADA"}"#,
        r#"{"username":"\u0061da","password":"correct\u0020horse"}"#,
        r#"{"@type":"login","username":"ada","password":"correct horse","securitydomain":null,"more":[{"x":1}]}"#,
    ] {
        let login = world.post(LOGIN).body(body).await;
        assert_eq!(login.status, 200, "{body}: {login}");
    }
}

#[tokio::test]
async fn every_login_is_a_session_of_its_own() {
    let world = World::new().await;
    let (first, second) = (world.ada().await, world.ada().await);
    assert_ne!(first, second);
    assert!(world.is_alive(&first).await && world.is_alive(&second).await);
}

#[tokio::test]
async fn a_refused_login_is_401_in_the_envelope_of_v1() {
    let world = World::new().await;
    world.sign_in(Door::V1, "ada", "wrong").await.is(
        r#"401 [www-authenticate: Bearer] {"error":{"code":"IDS_085","message":"User name or password is not valid.","requestId":"$request","details":null}}"#,
    );
}

#[tokio::test]
async fn the_status_of_a_refused_login_is_a_setting() {
    let world = World::set_up(SEED, |config| config.wire.refused_status.v1 = Refusal::BadRequest).await;
    world.sign_in(Door::V1, "ada", "wrong").await.is(
        r#"400 {"error":{"code":"IDS_085","message":"User name or password is not valid.","requestId":"$request","details":null}}"#,
    );
}

#[tokio::test]
async fn logout_ends_the_session_whatever_its_body_says() {
    let world = World::new().await;
    for body in ["", "{}", "not json", r#"{"@type":"logout"}"#] {
        let session = world.ada().await;
        let logout =
            || world.post("/identity-service/api/v1/Logout").header("IDS-SESSION-ID", &session).body(body);
        logout().await.is("200");
        logout().await.is(DEAD);
        assert!(!world.is_alive(&session).await);
    }
}

#[tokio::test]
async fn logout_without_a_session_is_a_clean_401() {
    let world = World::new().await;
    world.post("/identity-service/api/v1/Logout").await.is(DEAD);
}

#[tokio::test]
async fn current_user_info_tells_who_holds_the_session_and_slides_it() {
    let world = World::new().await;
    let session = world.session(Door::V3, "bob", "battery staple").await;
    world.later(minutes(10));
    let ask = || world.get("/identity-service/api/v1/CurrentUserInfo").header("IDS-SESSION-ID", &session);
    let told = r#"200 {"sessionExpireTime":"2026-01-15T11:10:00.000Z","id":"$user_bob","name":"bob","currentOrgId":"5mYdXw9KcJhaf3LrN8pQ2v","currentOrgName":"Acme Prod","parentOrgId":"3IVhuMMFlm9ArWaIL8nvoe","orgId":"5mYdXw9KcJhaf3LrN8pQ2v","orgName":"Acme Prod","groups":{},"effectiveRoles":{"Service Consumer":"3IVhuMMFlm9ArWaIL8nvoh"},"effectivePrivileges":{},"status":"Active","timeZoneId":"America/Los_Angeles","authenticator":"Native","baseApiUrl":"https://usw1.dm-us.latchkey.test/saas","serverUrl":"https://usw1.dm-us.latchkey.test/saas"}"#;
    ask().await.is(told);
    // Some callers send a body with a GET.
    ask().json("{}").await.is(told);
    world.get("/identity-service/api/v1/CurrentUserInfo").await.is(DEAD);
}
