//! The policy of an org: what it decides for itself, what holds for it, and who may say so.

use crate::answer::Answer;
use crate::world::{Door, Question, World, minutes};
use http::Method;

const ACME: &str = "/latchkey/v1/orgs/5mYdXw9KcJhaf3LrN8pQ2v/policy";

const UNKNOWN: &str = r#"404 [content-type: application/problem+json] {"type":"urn:latchkey:LK_NOT_FOUND","title":"Not Found","status":404,"detail":"Nothing here has that id or name.","code":"LK_NOT_FOUND","requestId":"$request"}"#;

fn patch(world: &World, session: &str, body: &str) -> Question {
    world.ask(Method::PATCH, ACME).header("IDS-SESSION-ID", session).json(body)
}

async fn own(world: &World, session: &str) -> serde_json::Value {
    world.get(ACME).header("IDS-SESSION-ID", session).await.json()["own"].clone()
}

async fn patched(world: &World, session: &str, body: &str) -> Answer {
    let answer = patch(world, session, body).await;
    assert_eq!(answer.status, 200, "{answer}");
    answer
}

#[tokio::test]
async fn an_org_that_has_decided_nothing_has_the_policy_of_the_instance() {
    let world = World::new().await;
    let ada = world.ada().await;
    world.get(ACME).header("IDS-SESSION-ID", &ada).await.is(
        r#"200 {"orgId":"5mYdXw9KcJhaf3LrN8pQ2v","own":{"passwordMinLength":null,"passwordCharMix":null,"passwordReuseDays":null,"passwordExpirationDays":null,"maxLoginAttempts":null,"lockMinutes":null,"trustedIpRanges":null,"sessionIdleMinutes":null,"sessionAbsoluteMinutes":null,"sessionLimit":null,"authentication":null,"jwtMinutes":null},"effective":{"passwordMinLength":8,"passwordCharMix":1,"passwordReuseDays":0,"passwordExpirationDays":0,"maxLoginAttempts":10,"lockMinutes":15,"trustedIpRanges":[],"sessionIdleMinutes":30,"sessionAbsoluteMinutes":720,"sessionLimit":100000,"authentication":"session_id","jwtMinutes":null}}"#,
    );
}

#[tokio::test]
async fn what_is_patched_holds_and_null_is_the_instance_again() {
    let world = World::new().await;
    let ada = world.ada().await;
    patched(&world, &ada, r#"{"passwordMinLength":12,"passwordCharMix":3,"passwordReuseDays":90,"passwordExpirationDays":180,"maxLoginAttempts":3,"lockMinutes":60,"sessionIdleMinutes":10,"sessionAbsoluteMinutes":60,"sessionLimit":500,"authentication":"jwt"}"#)
        .await
        .is(r#"200 {"orgId":"5mYdXw9KcJhaf3LrN8pQ2v","own":{"passwordMinLength":12,"passwordCharMix":3,"passwordReuseDays":90,"passwordExpirationDays":180,"maxLoginAttempts":3,"lockMinutes":60,"trustedIpRanges":null,"sessionIdleMinutes":10,"sessionAbsoluteMinutes":60,"sessionLimit":500,"authentication":"jwt","jwtMinutes":30},"effective":{"passwordMinLength":12,"passwordCharMix":3,"passwordReuseDays":90,"passwordExpirationDays":180,"maxLoginAttempts":3,"lockMinutes":60,"trustedIpRanges":[],"sessionIdleMinutes":10,"sessionAbsoluteMinutes":60,"sessionLimit":500,"authentication":"jwt","jwtMinutes":30}}"#);
    let shown = world.get("/saas/api/v2/org").header("icSessionId", &ada).await.json();
    let of_v2 = [
        "minPasswordLength",
        "minPasswordCharMix",
        "passwordReuseInDays",
        "passwordExpirationInDays",
        "restApiSessionLimit",
    ];
    assert_eq!(of_v2.map(|field| shown[field].as_u64().unwrap()), [12, 3, 90, 180, 500]);
    let users = world.get("/saas/public/core/v3/users?q=userName==bob").header("INFA-SESSION-ID", &ada).await;
    assert_eq!(users.json()[0]["maxLoginAttempts"], "3");
    assert!(world.ada().await.contains('.'), "a session id of JWT mode");
    patched(&world, &ada, r#"{"jwtMinutes":60,"passwordMinLength":null}"#).await;
    assert_eq!(own(&world, &ada).await["jwtMinutes"], 60);
    patched(&world, &ada, r#"{"authentication":"session_id"}"#).await;
    assert_eq!(own(&world, &ada).await["authentication"], "session_id");
    patched(&world, &ada, r#"{"authentication":null}"#).await;
    let own = own(&world, &ada).await;
    assert_eq!(
        (&own["authentication"], &own["passwordMinLength"], &own["lockMinutes"]),
        (&().into(), &().into(), &60.into())
    );
}

/// Bodies that cannot be meant, and what is said of them.
const NONSENSE: [(&str, &str); 15] = [
    (r#"{"passwordMinLength":3}"#, "passwordMinLength is within 4 and 64"),
    (r#"{"passwordCharMix":5}"#, "passwordCharMix is within 1 and 4"),
    (r#"{"passwordReuseDays":3651}"#, "passwordReuseDays is within 0 and 3650"),
    (r#"{"passwordExpirationDays":3651}"#, "passwordExpirationDays is within 0 and 3650"),
    (r#"{"maxLoginAttempts":0}"#, "maxLoginAttempts is within 1 and 1000"),
    (r#"{"lockMinutes":525601}"#, "lockMinutes is within 0 and 525600"),
    (r#"{"sessionIdleMinutes":0}"#, "sessionIdleMinutes is within 1 and 525600"),
    (r#"{"sessionIdleMinutes":721}"#, "sessionIdleMinutes is not above sessionAbsoluteMinutes"),
    (r#"{"sessionLimit":0}"#, "sessionLimit is within 1 and 10000000"),
    (
        r#"{"trustedIpRanges":["10.0.0.1/8"]}"#,
        "a range in trustedIpRanges is no network of its own kind; write something like 10.0.0.0/8",
    ),
    (
        r#"{"trustedIpRanges":["10.0.0.0"]}"#,
        "a range in trustedIpRanges is written like 10.0.0.0/8 or 2001:db8::/32",
    ),
    (
        r#"{"trustedIpRanges":["10.0.0.0/8"]}"#,
        "trustedIpRanges does not hold the address from which this request came",
    ),
    (
        r#"{"jwtMinutes":60}"#,
        "authentication is session_id, or jwt with jwtMinutes of 15, 30, 60, 120, 180 or 240",
    ),
    (
        r#"{"authentication":"jwt","jwtMinutes":31}"#,
        "authentication is session_id, or jwt with jwtMinutes of 15, 30, 60, 120, 180 or 240",
    ),
    (
        r#"{"authentication":"none"}"#,
        "authentication is session_id, or jwt with jwtMinutes of 15, 30, 60, 120, 180 or 240",
    ),
];

#[tokio::test]
async fn nonsense_is_refused_with_what_is_wrong_and_changes_nothing() {
    let world = World::new().await;
    let ada = world.ada().await;
    for (body, what) in NONSENSE {
        patch(&world, &ada, body).await.is(&format!(
            r#"400 [content-type: application/problem+json] {{"type":"urn:latchkey:V3API_007","title":"Bad Request","status":400,"detail":"Bad Request. Please check your request: {what}.","code":"V3API_007","requestId":"$request"}}"#
        ));
    }
    for body in [
        "",
        "[]",
        r#"{"passwordMinLenght":9}"#,
        r#"{"lockMinutes":-1}"#,
        r#"{"lockMinutes":1,"lockMinutes":2}"#,
        r#"{"sessionLimit":"9"}"#,
    ] {
        assert_eq!(patch(&world, &ada, body).await.status, 400, "{body}");
    }
    assert!(own(&world, &ada).await.as_object().unwrap().values().all(serde_json::Value::is_null));
}

#[tokio::test]
async fn the_policy_is_that_of_its_org_alone_and_its_change_is_recorded() {
    let world = World::new().await;
    let (ada, eve) = (world.ada().await, world.session(Door::V2, "eve", "other side").await);
    patch(&world, &eve, r#"{"lockMinutes":1}"#).await.is(UNKNOWN);
    world.get(ACME).header("IDS-SESSION-ID", &eve).await.is(UNKNOWN);
    patched(&world, &ada, r#"{"lockMinutes":0,"passwordMinLength":10,"sessionLimit":null}"#).await;
    let of_globex = "/latchkey/v1/orgs/58c5f5a5-7816-9a57-be60-53f02432aec1/policy";
    let globex = world.get(of_globex).header("IDS-SESSION-ID", &eve).await.json();
    assert_eq!(
        (&globex["own"]["lockMinutes"], &globex["effective"]["lockMinutes"]),
        (&().into(), &15.into())
    );
    let last = world.events().await.pop().unwrap();
    let by = world.account("ada").await.user.id.base62();
    assert_eq!(
        last,
        serde_json::json!({"event": "policy_changed", "org": "5mYdXw9KcJhaf3LrN8pQ2v", "by": by,
            "changed": {"lockMinutes": 0, "passwordMinLength": 10}})
    );
}

#[tokio::test]
async fn new_passwords_keep_the_rules_of_their_org() {
    let world = World::new().await;
    let ada = world.ada().await;
    let add = |name: &str, password: &str| {
        let body = serde_json::json!({"name": name, "firstName": "C", "lastName": "D", "email": "c@acme.test",
            "password": password, "roles": ["Designer"]});
        world.post("/saas/public/core/v3/users").header("INFA-SESSION-ID", &ada).json(&body.to_string())
    };
    assert_eq!(add("early", "nine char").await.status, 201);
    patched(&world, &ada, r#"{"passwordMinLength":10,"passwordCharMix":2}"#).await;
    for (password, what) in [
        ("nine char", "a password has at least 10 characters"),
        (
            "onlylowercase",
            "a password has at least 2 of these: lower case, upper case, digits, other characters",
        ),
    ] {
        let answer = add("late", password).await;
        assert_eq!((answer.status.as_u16(), answer.body.contains(what)), (400, true), "{answer}");
    }
    assert_eq!(add("late", "ten chars!").await.status, 201);
    let change = r#"{"oldPassword":"correct horse","newPassword":"nine char"}"#;
    let path = "/saas/public/core/v3/users/ChangePassword";
    assert_eq!(world.post(path).header("INFA-SESSION-ID", &ada).json(change).await.status, 400);
}

#[tokio::test]
async fn a_lock_holds_as_long_as_the_org_says() {
    let world = World::new().await;
    let ada = world.ada().await;
    patched(&world, &ada, r#"{"maxLoginAttempts":3,"lockMinutes":60}"#).await;
    for _ in 0..3 {
        assert!(world.sign_in(Door::V1, "bob", "wrong").await.body.contains("IDS_085"));
    }
    world.later(minutes(59));
    assert!(world.sign_in(Door::V1, "bob", "battery staple").await.body.contains("IDS_086"));
    world.later(minutes(1));
    world.session(Door::V1, "bob", "battery staple").await;
}
