//! Platform v2: login in JSON, XML and forms, logout, logoutall, validSessionId, serverTime.

use crate::answer::DEAD_V2;
use crate::world::{Door, SEED, World, minutes};
use server::config::OrgSpelling;

const LOGIN: &str = "/ma/api/v2/user/login";
const LOGOUT_ALL: &str = "/ma/api/v2/user/logoutall";
const VALID: &str = "/saas/api/v2/user/validSessionId";

const XML: [(&str, &str); 2] = [("Content-Type", "application/xml"), ("Accept", "application/xml")];
const FORM: [(&str, &str); 1] = [("Content-Type", "application/x-www-form-urlencoded")];

#[tokio::test]
async fn login_in_json_answers_the_user_with_a_session() {
    let world = World::new().await;
    let login =
        world.post(LOGIN).json(r#"{"@type":"login","username":"ada","password":"correct horse"}"#).await;
    login.is(r#"200 {"@type":"user","id":"$user_ada","orgId":"5mYdXw9KcJhaf3LrN8pQ2v","orgUuid":"be0495f9-722a-638d-f6fa-b2dfe92be3e5","uuid":"$user_ada","name":"ada","description":"Writes <programs>","createTime":"2026-01-15T10:30:00.000Z","updateTime":"2026-01-15T10:30:00.000Z","createdBy":"System","updatedBy":"System","firstName":"Ada","lastName":"Lovelace","title":"Countess","password":"********","phone":"5550100","emails":"ada@acme.test","timezone":"Europe/London","serverUrl":"https://usw1.dm-us.latchkey.test/saas","spiUrl":"https://usw1.dm-us.latchkey.test/saas","icSessionId":"$session","securityQuestion":"PET_NAME","securityAnswer":"","forceChangePassword":false,"optOutOfEmails":false,"usergroups":[],"roles":[{"@type":"role","name":"Admin","description":"Role for performing administrative tasks"},{"@type":"role","name":"Designer","description":"Role for creating assets and running them"}]}"#);
}

#[tokio::test]
async fn login_in_xml_answers_in_xml() {
    let world = World::new().await;
    let body = r#"<?xml version="1.0" encoding="UTF-8"?>
        <login><username>ada</username><password><![CDATA[correct]]>&#32;horse</password></login>"#;
    world.post(LOGIN).headers(XML).body(body).await.is(r#"200 [content-type: application/xml] <?xml version="1.0" encoding="UTF-8" standalone="yes"?><user><id>$user_ada</id><orgId>5mYdXw9KcJhaf3LrN8pQ2v</orgId><orgUuid>be0495f9-722a-638d-f6fa-b2dfe92be3e5</orgUuid><uuid>$user_ada</uuid><name>ada</name><description>Writes &lt;programs&gt;</description><createTime>2026-01-15T10:30:00.000Z</createTime><updateTime>2026-01-15T10:30:00.000Z</updateTime><createdBy>System</createdBy><updatedBy>System</updatedBy><firstName>Ada</firstName><lastName>Lovelace</lastName><title>Countess</title><password>********</password><phone>5550100</phone><emails>ada@acme.test</emails><timezone>Europe/London</timezone><serverUrl>https://usw1.dm-us.latchkey.test/saas</serverUrl><spiUrl>https://usw1.dm-us.latchkey.test/saas</spiUrl><icSessionId>$session</icSessionId><securityQuestion>PET_NAME</securityQuestion><securityAnswer></securityAnswer><forceChangePassword>false</forceChangePassword><optOutOfEmails>false</optOutOfEmails><roles><name>Admin</name><description>Role for performing administrative tasks</description></roles><roles><name>Designer</name><description>Role for creating assets and running them</description></roles></user>"#);
    assert!(world.is_alive(&world.notebook.read("session")).await);
}

#[tokio::test]
async fn the_content_type_decides_how_a_login_is_read_and_accept_how_it_is_answered() {
    let world = World::new().await;
    let json = r#"{"username":"ada","password":"correct horse"}"#;
    let xml = "<login><username>ada</username><password>correct horse</password></login>";
    let form = "username=ada&password=correct+horse";
    for (content_type, body, accept, answered) in [
        ("application/json", json, "application/xml", "application/xml"),
        ("application/xml;charset=UTF-8", xml, "application/json", "application/json"),
        ("text/xml", xml, "text/xml", "application/xml"),
        ("application/xml", xml, "*/*", "application/json"),
        ("application/json;", json, "application/json, application/xml", "application/json"),
        ("application/json", json, "application/xml, */*;q=0.1", "application/xml"),
        ("application/x-www-form-urlencoded", form, "*/*", "application/json"),
        ("application/x-www-form-urlencoded; charset=utf-8", form, "application/xml", "application/xml"),
        // curl -d and urllib say form unless they are told otherwise.
        ("application/x-www-form-urlencoded", json, "*/*", "application/json"),
        ("", json, "*/*", "application/json"),
        ("3fTqk0ZpXyLr9bWcV2uN7e", json, "*/*", "application/json"),
    ] {
        let login =
            world.post(LOGIN).headers([("Content-Type", content_type), ("Accept", accept)]).body(body).await;
        assert_eq!(login.status, 200, "{content_type} {body}: {login}");
        assert_eq!(login.header("content-type"), answered, "{content_type} {accept}");
    }
}

#[tokio::test]
async fn login_leaves_fields_alone_that_it_does_not_know() {
    let world = World::new().await;
    let json = r#"{"username":"ada","password":"correct horse","securitydomain":"Native","n":[1]}"#;
    assert_eq!(world.post(LOGIN).json(json).await.status, 200);
    let form = "username=ada&password=correct%20horse&securitydomain=Native";
    assert_eq!(world.post(LOGIN).headers(FORM).body(form).await.status, 200);
    let xml = "<login><username>ada</username><password>correct horse</password><securitydomain/></login>";
    assert_eq!(world.post(LOGIN).headers(XML).body(xml).await.status, 200);
}

#[tokio::test]
async fn a_setting_spells_org_uuid_in_base62() {
    let world = World::set_up(SEED, |config| config.wire.org_uuid = OrgSpelling::Base62).await;
    let login = world.sign_in(Door::V2, "ada", "correct horse").await.json();
    assert_eq!(login["orgUuid"], "5mYdXw9KcJhaf3LrN8pQ2v");
    assert_eq!(login["orgId"], "5mYdXw9KcJhaf3LrN8pQ2v");
}

#[tokio::test]
async fn a_user_who_must_change_the_password_is_told_so() {
    let user = "name = \"ada\"\npassword = \"correct horse\"\nforce_change_password = true";
    let world = World::of(&format!("[[org]]\nname = \"A\"\n[[org.user]]\n{user}")).await;
    let login = world.sign_in(Door::V2, "ada", "correct horse").await.json();
    assert_eq!(login["forceChangePassword"], true);
}

#[tokio::test]
async fn a_refused_login_is_403_in_the_envelope_of_v2() {
    let world = World::new().await;
    let json = r#"403 {"@type":"error","code":"UI_10000","description":"User name or password is not valid.","statusCode":403}"#;
    world.sign_in(Door::V2, "ada", "wrong").await.is(json);
    world.sign_in(Door::V2Form, "ada", "wrong").await.is(json);
    world.sign_in(Door::V2Xml, "ada", "wrong").await.is(r#"403 [content-type: application/xml] <?xml version="1.0" encoding="UTF-8" standalone="yes"?><error><code>UI_10000</code><description>User name or password is not valid.</description><statusCode>403</statusCode></error>"#);
}

#[tokio::test]
async fn logout_ends_the_session_on_both_hosts() {
    let world = World::new().await;
    for path in ["/ma/api/v2/user/logout", "/saas/api/v2/user/logout"] {
        for body in ["", r#"{"@type":"logout"}"#] {
            let session = world.session(Door::V2, "ada", "correct horse").await;
            let logout = || world.post(path).header("icSessionId", &session).body(body);
            logout().await.is(r#"200 {"@type":"success"}"#);
            logout().await.is(DEAD_V2);
            assert!(!world.is_alive(&session).await);
        }
        world.post(path).await.is(DEAD_V2);
    }
}

#[tokio::test]
async fn logout_answers_in_xml_when_it_is_asked_to() {
    let world = World::new().await;
    let session = world.ada().await;
    let logout = || world.post("/saas/api/v2/user/logout").headers(XML).header("icSessionId", &session);
    logout().await.is(r#"200 [content-type: application/xml] <?xml version="1.0" encoding="UTF-8" standalone="yes"?><success></success>"#);
    logout().await.is(r#"401 [content-type: application/xml] [www-authenticate: Bearer] <?xml version="1.0" encoding="UTF-8" standalone="yes"?><error><code>AUTH_01</code><description>The session has expired or is not valid. Sign in again.</description><statusCode>401</statusCode></error>"#);
}

#[tokio::test]
async fn logoutall_takes_a_password_in_any_format_or_a_session_without_a_body() {
    let world = World::new().await;
    let json = r#"{"@type":"logout","username":"ada","password":"correct horse"}"#;
    let xml = "<logout><username>ada</username><password>correct horse</password></logout>";
    let form = "username=ada&password=correct+horse";
    for way in 0..4 {
        let (ada, bob) = (world.ada().await, world.session(Door::V1, "bob", "battery staple").await);
        let eve = world.session(Door::V1, "eve", "other side").await;
        let call = world.post(LOGOUT_ALL);
        let (call, done) = match way {
            0 => (call.json(json), r#"200 {"@type":"success"}"#),
            1 => (
                call.headers(XML).body(xml),
                r#"200 [content-type: application/xml] <?xml version="1.0" encoding="UTF-8" standalone="yes"?><success></success>"#,
            ),
            2 => (call.headers(FORM).body(form), r#"200 {"@type":"success"}"#),
            _ => (call.header("icSessionId", &ada), r#"200 {"@type":"success"}"#),
        };
        call.await.is(done);
        assert!(!world.is_alive(&ada).await && !world.is_alive(&bob).await, "way {way}");
        assert!(world.is_alive(&eve).await, "another org's session ended, way {way}");
    }
}

#[tokio::test]
async fn logoutall_is_for_administrators() {
    let world = World::new().await;
    let bob = world.session(Door::V1, "bob", "battery staple").await;
    let denied = r#"403 {"@type":"error","code":"LK_DENIED","description":"This user may not do that.","statusCode":403}"#;
    world.post(LOGOUT_ALL).header("icSessionId", &bob).await.is(denied);
    world.post(LOGOUT_ALL).json(r#"{"username":"bob","password":"battery staple"}"#).await.is(denied);
    assert!(world.is_alive(&bob).await);
}

#[tokio::test]
async fn logoutall_without_a_proof_ends_nothing() {
    let world = World::new().await;
    let ada = world.ada().await;
    world.post(LOGOUT_ALL).await.is(DEAD_V2);
    world.post(LOGOUT_ALL).json(r#"{"username":"ada","password":"wrong"}"#).await.is(
        r#"403 {"@type":"error","code":"UI_10000","description":"User name or password is not valid.","statusCode":403}"#,
    );
    // A body is the proof that is meant; a session beside it does not mend it.
    let both =
        world.post(LOGOUT_ALL).header("icSessionId", &ada).json(r#"{"username":"ada","password":"wrong"}"#);
    assert_eq!(both.await.status, 403);
    assert!(world.is_alive(&ada).await);
}

#[tokio::test]
async fn valid_session_id_tells_the_whole_minutes_that_are_left() {
    let world = World::new().await;
    world.sign_in(Door::V2, "ada", "correct horse").await;
    let session = world.session(Door::V2, "ada", "correct horse").await;
    let ask = |name: &str| {
        let body = serde_json::json!({"@type": "validatedToken", "userName": name, "icToken": session});
        world.post(VALID).json(&body.to_string())
    };
    ask("ada").await.is(r#"200 {"@type":"validatedToken","timeUntilExpire":30,"isValidToken":true}"#);
    world.later(std::time::Duration::from_secs(1));
    ask("ADA").await.is(r#"200 {"@type":"validatedToken","timeUntilExpire":29,"isValidToken":true}"#);
    ask("").await.is(r#"200 {"@type":"validatedToken","timeUntilExpire":29,"isValidToken":true}"#);
    ask("bob").await.is(r#"200 {"@type":"validatedToken","timeUntilExpire":0,"isValidToken":false}"#);
    world.later(minutes(29));
    ask("ada").await.is(r#"200 {"@type":"validatedToken","timeUntilExpire":0,"isValidToken":true}"#);
    world.later(minutes(1));
    ask("ada").await.is(r#"200 {"@type":"validatedToken","timeUntilExpire":0,"isValidToken":false}"#);
}

#[tokio::test]
async fn valid_session_id_speaks_every_format_and_knows_no_stranger() {
    let world = World::new().await;
    let session = world.ada().await;
    let xml =
        format!("<validatedToken><userName>ada</userName><icToken>{session}</icToken></validatedToken>");
    world.post(VALID).headers(XML).body(xml).await.is(r#"200 [content-type: application/xml] <?xml version="1.0" encoding="UTF-8" standalone="yes"?><validatedToken><timeUntilExpire>30</timeUntilExpire><isValidToken>true</isValidToken></validatedToken>"#);
    let form = format!("userName=ada&icToken={session}");
    world
        .post(VALID)
        .headers(FORM)
        .header("icSessionId", "3fTqk0ZpXyLr9bWcV2uN7e")
        .body(form)
        .await
        .is(r#"200 {"@type":"validatedToken","timeUntilExpire":30,"isValidToken":true}"#);
    for stranger in ["3fTqk0ZpXyLr9bWcV2uN7e", "x", "eyJhIjoxfQ.e30.c2ln", "' OR 1=1 --"] {
        let body = serde_json::json!({"icToken": stranger}).to_string();
        world
            .post(VALID)
            .json(&body)
            .await
            .is(r#"200 {"@type":"validatedToken","timeUntilExpire":0,"isValidToken":false}"#);
    }
    world.post(VALID).json("{}").await.is(
        r#"400 {"@type":"error","code":"LK_BAD_REQUEST","description":"Bad Request. Please check your request: the field icToken is missing or empty.","statusCode":400}"#,
    );
}

#[tokio::test]
async fn server_time_is_for_the_signed_in() {
    let world = World::new().await;
    let session = world.ada().await;
    let ask = || world.get("/saas/api/v2/server/serverTime");
    world.later(std::time::Duration::from_millis(1_234));
    ask()
        .header("icSessionId", &session)
        .await
        .is(r#"200 {"@type":"serverTime","time":"2026-01-15T10:30:01.234Z"}"#);
    ask().header("icSessionId", &session).headers(XML).await.is(r#"200 [content-type: application/xml] <?xml version="1.0" encoding="UTF-8" standalone="yes"?><serverTime><time>2026-01-15T10:30:01.234Z</time></serverTime>"#);
    ask().await.is(DEAD_V2);
}
