//! Platform v3: login and logout, JSON only.

use crate::answer::DEAD;
use crate::world::{Door, World};

#[tokio::test]
async fn login_opens_a_session() {
    let world = World::new().await;
    let body = r#"{"username":"ada","password":"correct horse"}"#;
    world.post("/saas/public/core/v3/login").json(body).await.is(r#"200 {"products":[{"name":"Integration Cloud","baseApiUrl":"https://usw1.dm-us.latchkey.test/saas"}],"userInfo":{"sessionId":"$session","id":"$user_ada","name":"ada","parentOrgId":"3IVhuMMFlm9ArWaIL8nvoe","orgId":"5mYdXw9KcJhaf3LrN8pQ2v","orgName":"Acme Prod","groups":{},"status":"Active"}}"#);
    assert!(world.is_alive(&world.notebook.read("session")).await);
}

#[tokio::test]
async fn nothing_that_a_request_says_about_its_host_is_repeated() {
    let world = World::new().await;
    let said = [("Host", "evil.test"), ("X-Forwarded-Host", "evil.test"), ("Forwarded", "host=evil.test")];
    for door in Door::ALL {
        let login = world.sign_in(door, "ada", "correct horse").headers(said).await;
        assert!(login.body.contains("https://usw1.dm-us.latchkey.test/saas"), "{door:?}: {login}");
        assert!(!login.to_string().contains("evil"), "{door:?}: {login}");
    }
}

#[tokio::test]
async fn a_refused_login_is_400_in_the_envelope_of_v3() {
    let world = World::new().await;
    world.sign_in(Door::V3, "ada", "wrong").await.is(
        r#"400 {"error":{"code":"IDS_085","message":"User name or password is not valid.","requestId":"$request","details":null}}"#,
    );
}

#[tokio::test]
async fn logout_ends_the_session_whatever_its_body_says() {
    let world = World::new().await;
    for body in ["", "{}"] {
        let session = world.session(Door::V3, "ada", "correct horse").await;
        let logout =
            || world.post("/saas/public/core/v3/logout").header("INFA-SESSION-ID", &session).body(body);
        logout().await.is("200");
        logout().await.is(DEAD);
        assert!(!world.is_alive(&session).await);
    }
    world.post("/saas/public/core/v3/logout").await.is(DEAD);
}
