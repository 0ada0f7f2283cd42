//! The two documents that the whole service answers to, sentence by sentence.

use crate::answer::DEAD;
use crate::world::{CARRIERS, Door, MOMENT, World, minutes};
use jsonschema::Validator;
use serde_json::{Value, json};

/// The login URL of the document; `<LoginURL>` is the host of the requests here.
const LOGIN: &str = "/identity-service/api/v1/Login";
const TOKEN: &str = "/identity-service/api/v1/jwt/Token?client_id=idmc_api&nonce=1234";

/// "Authentication", the page of the API reference.
#[tokio::test]
async fn the_authentication_page_is_true() {
    let world = World::new().await;

    // "Before you make REST API calls, you must authenticate yourself with JWT authentication."
    world.get("/gate").await.is(DEAD);

    // "First, use the Login API with your organization user name and password to receive the session ID and org ID."
    // "To get a session ID, use the Login API V1." "Send the POST request with the following URI, header, and request
    // body": the body stands in the document with a comma before its brace.
    let body = "{\n\"username\": \"ada\",\n\"password\": \"correct horse\",\n}";
    let login = world.post(LOGIN).header("Content-Type", "application/json").body(body).await;
    assert_eq!(login.status, 200, "{login}");

    // "The response generates the session ID and the org ID. Note the value of the sessionId field to include in the
    // subsequent API call."
    let (session, org) = (login.json()["sessionId"].clone(), login.json()["orgId"].clone());
    let (session, org) = (session.as_str().unwrap(), org.as_str().unwrap());
    assert_eq!(org, "5mYdXw9KcJhaf3LrN8pQ2v");

    // "Then, use the session ID and org ID to generate a JSON Web (JW) token." "Use the value from the sessionId field
    // … and send the POST request with the following URL and headers": cookie and IDS-SESSION-ID together.
    let mint = || {
        let headers = [("cookie", format!("USER_SESSION={session}")), ("IDS-SESSION-ID", session.to_owned())];
        headers.into_iter().fold(world.post(TOKEN), |ask, (name, value)| ask.header(name, &value))
    };
    // "The response generates the JW access token …"
    let token = mint().await;
    assert_eq!(token.status, 200, "{token}");
    let token = token.json()["jwt_token"].as_str().unwrap().to_owned();

    // "… that you include in the authorization header for all subsequent API calls." "Subsequently, you use the session
    // ID and JW token to secure your API calls without having to authenticate yourself for each call."
    let call = |token: &str| world.get("/gate").bearer(token).header("X-INFA-ORG-ID", org);
    for _ in 0..3 {
        assert_eq!(call(&token).await.status, 200);
        assert_eq!(call(&token).header("IDS-SESSION-ID", session).await.status, 200);
    }

    // "The access token expires after 30 minutes from the initial grant of the token."
    world.later(minutes(30) - MOMENT);
    assert_eq!(call(&token).header("IDS-SESSION-ID", session).await.status, 200);
    world.later(MOMENT);
    call(&token).await.is(DEAD);
    call(&token).header("IDS-SESSION-ID", session).await.is(DEAD);

    // "You must regenerate the access token after every 30 minutes to authenticate your API calls."
    let renewed = mint().await;
    assert_eq!(renewed.status, 200, "{renewed}");
    assert_eq!(call(renewed.json()["jwt_token"].as_str().unwrap()).await.status, 200);
}

/// "Ensure that you have your … user name and password."
#[tokio::test]
async fn without_the_right_password_there_is_no_session_id() {
    let world = World::new().await;
    let body = "{\n\"username\": \"ada\",\n\"password\": \"wrong\",\n}";
    let login = world.post(LOGIN).header("Content-Type", "application/json").body(body).await;
    assert_eq!(login.status, 401, "{login}");
    assert!(!login.body.contains("sessionId"), "{login}");
}

/// "LoginResponse", row by row of its table: every property is there, is text, and says what its description says.
#[tokio::test]
async fn the_login_response_table_is_true() {
    let world = World::new().await;
    world.later(minutes(1));
    let login = world.sign_in(Door::V2, "ada", "correct horse").await.json();
    let user = world.account("ada").await.user;
    let rows = [
        ("id", json!(user.id.base62())),
        ("orgId", json!("5mYdXw9KcJhaf3LrN8pQ2v")),
        ("orgUuid", json!("be0495f9-722a-638d-f6fa-b2dfe92be3e5")),
        ("name", json!("ada")),
        ("firstName", json!("Ada")),
        ("lastName", json!("Lovelace")),
        ("title", json!("Countess")),
        ("phone", json!("5550100")),
        ("emails", json!("ada@acme.test")),
        ("timezone", json!("Europe/London")),
        ("serverUrl", json!("https://usw1.dm-us.latchkey.test/saas")),
        ("icSessionId", login["icSessionId"].clone()),
        ("securityQuestion", json!("PET_NAME")),
        ("securityAnswer", json!("")),
        ("createTime", json!("2026-01-15T10:30:00.000Z")),
        ("updateTime", json!("2026-01-15T10:30:00.000Z")),
    ];
    let promised = schema()["properties"].as_object().unwrap().clone();
    assert_eq!(rows.iter().map(|(name, _)| *name).collect::<Vec<_>>(), promised.keys().collect::<Vec<_>>());
    for (name, value) in rows {
        assert!(login[name].is_string(), "{name}");
        assert_eq!(login[name], value, "{name}");
    }
}

/// "Include this value in the icSessionId header for all subsequent requests. Expires after 30 minutes of inactivity."
#[tokio::test]
async fn the_session_of_a_login_response_expires_after_thirty_minutes_of_inactivity() {
    let world = World::new().await;
    let session = world.session(Door::V2, "ada", "correct horse").await;
    let call = || world.get("/saas/api/v2/server/serverTime").header("icSessionId", &session);
    for _ in 0..3 {
        world.later(minutes(29));
        assert_eq!(call().await.status, 200);
    }
    world.later(minutes(30));
    assert_eq!(call().await.status, 401);
}

/// "The base URL to use in version 2 REST API calls": appended to it, their paths are found.
#[tokio::test]
async fn the_server_url_is_the_base_of_calls_of_version_two() {
    let world = World::new().await;
    let login = world.sign_in(Door::V2, "ada", "correct horse").await.json();
    let base = login["serverUrl"].as_str().unwrap();
    let path = base.strip_prefix("https://usw1.dm-us.latchkey.test").unwrap();
    let call = world.post(&format!("{path}/api/v2/user/logout"));
    let call = call.header("icSessionId", login["icSessionId"].as_str().unwrap());
    call.await.is(r#"200 {"@type":"success"}"#);
}

fn schema() -> Value {
    serde_json::from_str(include_str!("login_response.schema.json")).unwrap()
}

/// The schema as it is published, with formats asserted and every property required. Its `$id` is left out: it is a
/// reference into another document, which no schema may have as its name (JSON Schema Core section 8.2.1).
fn validator() -> Validator {
    let mut schema = schema();
    schema.as_object_mut().unwrap().shift_remove("$id");
    let all: Vec<Value> = schema["properties"].as_object().unwrap().keys().map(|name| json!(name)).collect();
    schema["required"] = Value::Array(all);
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}

#[tokio::test]
async fn every_login_response_is_valid_against_the_schema_with_its_formats() {
    let world = World::new().await;
    let validator = validator();
    for (name, password) in [("ada", "correct horse"), ("bob", "battery staple"), ("eve", "other side")] {
        for door in [Door::V2, Door::V2Form] {
            let login = world.sign_in(door, name, password).await.json();
            let problems: Vec<_> = validator.iter_errors(&login).map(|error| error.to_string()).collect();
            assert!(problems.is_empty(), "{name} {door:?}: {problems:?}");
        }
    }
}

#[tokio::test]
async fn the_validator_asserts_formats() {
    let world = World::new().await;
    let (validator, login) = (validator(), world.sign_in(Door::V2, "ada", "correct horse").await.json());
    for (name, wrong) in [
        ("orgUuid", json!("5mYdXw9KcJhaf3LrN8pQ2v")),
        ("serverUrl", json!("usw1.dm-us.latchkey.test/saas")),
        ("createTime", json!("2026-01-15 10:30:00")),
        ("updateTime", json!("yesterday")),
        ("icSessionId", json!(7)),
    ] {
        let mut login = login.clone();
        login[name] = wrong;
        assert!(!validator.is_valid(&login), "{name}");
    }
    let mut incomplete = login;
    incomplete.as_object_mut().unwrap().shift_remove("securityAnswer");
    assert!(!validator.is_valid(&incomplete));
}

/// The four ways in which the documents carry a session id all reach the same session.
#[tokio::test]
async fn a_session_is_one_thing_in_all_carriers() {
    let world = World::new().await;
    let session = world.ada().await;
    for carrier in CARRIERS {
        assert_eq!(world.post(TOKEN).carrying(carrier(&session)).await.status, 200);
    }
}
