//! Sign-in with the JWT of an identity provider: what opens a session, once, and everything that does not.

use crate::answer::Answer;
use crate::issuer::Issuer;
use crate::world::{START, World, minutes};
use axum::http::StatusCode;
use futures_util::future::join_all;
use http::Method;
use std::collections::BTreeMap;
use std::future::IntoFuture;

/// Acme of every test and of the corpus: whoever has no password signs in elsewhere.
pub const SEED: &str = r#"
[[org]]
name = "Acme Prod"
id = "5mYdXw9KcJhaf3LrN8pQ2v"
  [[org.user]]
  name = "ada"
  password = "correct horse"
  roles = ["Admin"]
  [[org.user]]
  name = "saml.sam"
  email = "sam@acme.test"
  [[org.user]]
  name = "kay.ci"
  [[org.user]]
  name = "gone.gus"
  disabled = true

[[org]]
name = "Globex"
id = "2rPkV8sQxYdTb6WnJ0cLfH"
  [[org.user]]
  name = "eve"
  password = "other side"
  roles = ["Admin"]
  [[org.user]]
  name = "globex.sam"
"#;

const ACME: &str = "5mYdXw9KcJhaf3LrN8pQ2v";
const LOGIN: &str = "/ma/api/v2/user/loginOAuth";
pub const PROVIDERS: &str = "/saas/public/core/v3/Orgs/5mYdXw9KcJhaf3LrN8pQ2v/IdentityProviders";

/// The one refusal, whatever the reason.
pub const NOT_TRUSTED: &str =
    r#"403 {"@type":"error","code":"UI_10000","description":"The token is not trusted.","statusCode":403}"#;

pub async fn world() -> World {
    World::set_up(SEED, |config| {
        config.federation.inner_hosts = vec!["127.0.0.1".to_owned()];
        config.federation.plain_http = true;
    })
    .await
}

pub async fn sign_in(world: &World, token: &str) -> Answer {
    let body = serde_json::json!({"oauthToken": token, "orgId": ACME}).to_string();
    world.post(LOGIN).json(&body).await
}

pub async fn register(world: &World, body: &str) -> Answer {
    let ada = world.ada().await;
    let answer = world.post(PROVIDERS).header("INFA-SESSION-ID", &ada).json(body).await;
    assert_eq!(answer.status, 201, "{answer}");
    answer
}

/// The reasons of all refused assertions so far, oldest first.
pub async fn reasons(world: &World) -> Vec<String> {
    let events = world.events().await.into_iter();
    let refused = events.filter(|event| event["event"] == "assertion_refused");
    refused.map(|event| event["reason"].as_str().unwrap().to_owned()).collect()
}

async fn trusting() -> (World, Issuer) {
    let (world, issuer) = (world().await, Issuer::new().await);
    register(&world, &issuer.registration()).await;
    (world, issuer)
}

fn token(issuer: &Issuer, jti: &str) -> String {
    issuer.token("saml.sam", jti, START.as_seconds())
}

#[tokio::test]
async fn an_assertion_opens_a_session_that_every_family_takes() {
    let (world, issuer) = trusting().await;
    let opened = sign_in(&world, &token(&issuer, "1")).await.is(r#"200 {"@type":"user","id":"$user_sam","orgId":"5mYdXw9KcJhaf3LrN8pQ2v","orgUuid":"be0495f9-722a-638d-f6fa-b2dfe92be3e5","uuid":"$user_sam","name":"saml.sam","description":"","createTime":"2026-01-15T10:30:00.000Z","updateTime":"2026-01-15T10:30:00.000Z","createdBy":"System","updatedBy":"System","firstName":"","lastName":"","title":"","password":"********","phone":"","emails":"sam@acme.test","timezone":"America/Los_Angeles","serverUrl":"https://usw1.dm-us.latchkey.test/saas","spiUrl":"https://usw1.dm-us.latchkey.test/saas","icSessionId":"$session_sam","securityQuestion":"","securityAnswer":"","forceChangePassword":false,"optOutOfEmails":false,"usergroups":[],"roles":[]}"#);
    let session = opened.json()["icSessionId"].as_str().unwrap().to_owned();
    assert!(world.is_alive(&session).await);
    assert_eq!(world.token(&session).await.split('.').count(), 3);
    let events = world.events().await;
    let opened = events.iter().find(|event| event["method"] == "bearer").unwrap();
    assert_eq!((&opened["event"], &opened["visit"]["door"]), (&"signed_in".into(), &"v2".into()));
    assert_eq!(world.compared(), 1, "no password was compared but that of the administrator");
}

#[tokio::test]
async fn the_request_may_be_xml_or_a_form_and_the_org_a_uuid() {
    let (world, issuer) = trusting().await;
    let token = |jti| token(&issuer, jti);
    let body =
        format!("<loginOAuth><oauthToken>{}</oauthToken><orgId>{ACME}</orgId></loginOAuth>", token("1"));
    let xml = [("Content-Type", "application/xml"), ("Accept", "application/xml")];
    let answer = world.post(LOGIN).headers(xml).body(body).await;
    assert!(answer.status == 200 && answer.body.contains("<icSessionId>"), "{answer}");
    let body = format!("oauthToken={}&orgId=be0495f9-722a-638d-f6fa-b2dfe92be3e5", token("2"));
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    assert_eq!(world.post(LOGIN).headers(form).body(body).await.status, 200);
}

#[tokio::test]
async fn a_request_that_lacks_something_is_told_so() {
    let world = world().await;
    for (body, reason) in [
        ("{}", "the field oauthToken is missing or empty"),
        (r#"{"oauthToken":"x"}"#, "the field orgId is missing or empty"),
        (r#"{"oauthToken":"x","orgId":"acme"}"#, "the field orgId is not an id"),
        (r#"{"oauthToken":["x"],"orgId":"acme"}"#, "the field oauthToken is not a string"),
    ] {
        world.post(LOGIN).json(body).await.is(&format!(
            r#"400 {{"@type":"error","code":"LK_BAD_REQUEST","description":"Bad Request. Please check your request: {reason}.","statusCode":400}}"#
        ));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_five_hundred_who_post_one_assertion_at_once_one_gets_a_session() {
    let (world, issuer) = trusting().await;
    let token = token(&issuer, "once");
    let posts: Vec<_> = (0..500)
        .map(|_| {
            let body = serde_json::json!({"oauthToken": token, "orgId": ACME}).to_string();
            tokio::spawn(world.post(LOGIN).json(&body).into_future())
        })
        .collect();
    let mut statuses = BTreeMap::<u16, u32>::new();
    for post in posts {
        *statuses.entry(post.await.unwrap().status.as_u16()).or_default() += 1;
    }
    assert_eq!(statuses, BTreeMap::from([(200, 1), (403, 499)]));
    assert_eq!(issuer.asked(), 1);
    assert_eq!(reasons(&world).await, vec!["replayed"; 499]);
}

#[tokio::test]
async fn a_key_that_is_new_is_fetched_and_one_that_is_gone_is_not_trusted() {
    let (world, issuer) = trusting().await;
    let old = token(&issuer, "old");
    assert_eq!(sign_in(&world, &token(&issuer, "1")).await.status, 200);
    world.later(minutes(2));
    issuer.rotate("second");
    assert_eq!(sign_in(&world, &token(&issuer, "2")).await.status, 200);
    sign_in(&world, &old).await.is(NOT_TRUSTED);
    assert_eq!((issuer.asked(), reasons(&world).await), (2, vec!["unknown_key".to_owned()]));
}

#[tokio::test]
async fn tokens_that_name_unknown_keys_do_not_make_us_ask_more_than_once_a_minute() {
    let (world, issuer) = trusting().await;
    assert_eq!(sign_in(&world, &token(&issuer, "1")).await.status, 200);
    let published = Issuer::new().await;
    published.rotate("nobody");
    let forged = |jti: &str| {
        let now = START.as_seconds();
        let aud = format!("https://{ACME}.dm-us.latchkey.test");
        published.sign(&serde_json::json!({
            "iss": issuer.url, "sub": "saml.sam", "aud": aud, "exp": now + 300, "nbf": now, "iat": now, "jti": jti
        }))
    };
    for number in 0..20 {
        sign_in(&world, &forged(&number.to_string())).await.is(NOT_TRUSTED);
    }
    assert_eq!(issuer.asked(), 1);
    world.later(minutes(1));
    for number in 20..40 {
        sign_in(&world, &forged(&number.to_string())).await.is(NOT_TRUSTED);
    }
    assert_eq!(issuer.asked(), 2);
}

#[tokio::test]
async fn keys_are_looked_up_again_behind_the_back_of_who_signs_in() {
    let (world, issuer) = trusting().await;
    let at = |minute: i64, jti| issuer.token("saml.sam", jti, START.as_seconds() + minute * 60);
    assert_eq!(sign_in(&world, &at(0, "1")).await.status, 200);
    world.later(minutes(4));
    assert_eq!(sign_in(&world, &at(4, "2")).await.status, 200);
    assert_eq!(issuer.asked(), 1);
    world.later(minutes(2));
    assert_eq!(sign_in(&world, &at(6, "3")).await.status, 200);
    issuer.asked_at_least(2).await;
}

#[tokio::test]
async fn an_issuer_that_cannot_be_asked_is_trusted_for_an_hour_and_no_longer() {
    let (world, issuer) = trusting().await;
    let at = |minute: i64, jti| issuer.token("saml.sam", jti, START.as_seconds() + minute * 60);
    assert_eq!(sign_in(&world, &at(0, "1")).await.status, 200);
    issuer.answer(StatusCode::SERVICE_UNAVAILABLE, "");
    world.later(minutes(59));
    assert_eq!(sign_in(&world, &at(59, "2")).await.status, 200);
    issuer.asked_at_least(2).await;
    world.later(minutes(2));
    sign_in(&world, &at(61, "3")).await.is(NOT_TRUSTED);
    assert_eq!(reasons(&world).await, ["keys_unavailable"]);
}

#[tokio::test]
async fn what_is_no_key_set_or_is_too_long_is_not_taken() {
    let long = format!(r#"{{"keys":[],"x":"{}"}}"#, "x".repeat(70_000));
    for (status, text) in [
        (StatusCode::OK, "<html>"),
        (StatusCode::OK, r#"{"keys":[],"keys":[]}"#),
        (StatusCode::OK, &long),
        (StatusCode::FOUND, ""),
        (StatusCode::NOT_FOUND, ""),
    ] {
        let (world, issuer) = trusting().await;
        issuer.answer(status, text);
        sign_in(&world, &token(&issuer, "1")).await.is(NOT_TRUSTED);
        assert_eq!(reasons(&world).await, ["keys_unavailable"], "{status} {text:.20}");
    }
}

#[tokio::test]
async fn the_inner_network_and_plain_http_are_out_of_reach_unless_allowed() {
    let issuer = Issuer::new().await;
    let world = World::set_up(SEED, |config| config.federation.plain_http = true).await;
    register(&world, &issuer.registration()).await;
    let mut by_name: serde_json::Value =
        serde_json::from_str(&issuer.registration().replace("127.0.0.1", "localhost")).unwrap();
    by_name["endPoints"]["issuer"] = "by-name".into();
    register(&world, &by_name.to_string()).await;
    let now = START.as_seconds();
    let named = issuer.sign(&serde_json::json!({"iss": "by-name", "iat": now, "exp": now + 9}));
    for token in [token(&issuer, "1"), named] {
        sign_in(&world, &token).await.is(NOT_TRUSTED);
    }
    assert_eq!((issuer.asked(), reasons(&world).await), (0, vec!["keys_unavailable".to_owned(); 2]));
    let world = World::of(SEED).await;
    let ada = world.ada().await;
    let asked = world.post(PROVIDERS).header("INFA-SESSION-ID", &ada).json(&issuer.registration()).await;
    asked.is(r#"400 {"error":{"code":"V3API_007","message":"Bad Request. Please check your request: endPoints.keys is the https URL of a key set, at most 255 characters.","requestId":"$request","details":null}}"#);
}

#[tokio::test]
async fn keys_come_over_tls_from_an_authority_that_is_trusted() {
    let (issuer, authority) = Issuer::over_tls().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("authorities.pem");
    std::fs::write(&file, authority).unwrap();
    for (authorities, status) in [(None, 403), (Some(file), 200)] {
        let world = World::set_up(SEED, |config| {
            config.federation.inner_hosts = vec!["localhost".to_owned()];
            config.federation.authorities = authorities;
        })
        .await;
        register(&world, &issuer.registration()).await;
        assert_eq!(sign_in(&world, &token(&issuer, "1")).await.status, status);
        assert_eq!(issuer.asked(), u32::from(status == 200));
    }
}

#[tokio::test]
async fn a_value_that_is_no_name_means_the_user_that_it_is_an_alias_of() {
    let (world, issuer) = (world().await, Issuer::new().await);
    let subject = "repo:acme/deploy:ref:refs/heads/main";
    let mut terms: serde_json::Value = serde_json::from_str(&issuer.registration()).unwrap();
    terms["accountPolicy"] =
        serde_json::json!({"link": {"aliases": [{"value": subject, "aliasName": "kay.ci"}]}});
    terms["audience"] = "latchkey".into();
    register(&world, &terms.to_string()).await;
    let claims = |sub: &str, aud: &str, jti: &str| {
        let now = START.as_seconds();
        issuer.sign(&serde_json::json!({
            "iss": issuer.url, "sub": sub, "aud": aud, "exp": now + 300, "nbf": now, "iat": now, "jti": jti
        }))
    };
    let opened = sign_in(&world, &claims(subject, "latchkey", "1")).await;
    assert_eq!(opened.json()["name"], "kay.ci");
    for (sub, aud) in [
        ("repo:evil/deploy:ref:refs/heads/main", "latchkey"),
        ("repo:acme/deploy:ref:refs/heads/main2", "latchkey"),
        ("kay.ci", "latchkey"),
        (subject, "https://5mYdXw9KcJhaf3LrN8pQ2v.dm-us.latchkey.test"),
        (subject, "latchkey/more"),
    ] {
        sign_in(&world, &claims(sub, aud, &format!("{sub} {aud}"))).await.is(NOT_TRUSTED);
    }
    assert_eq!(
        reasons(&world).await,
        ["unknown_user", "unknown_user", "unknown_user", "wrong_audience", "wrong_audience"]
    );
}

#[tokio::test]
async fn a_user_may_be_meant_by_its_id() {
    let (world, issuer) = (world().await, Issuer::new().await);
    let mut terms: serde_json::Value = serde_json::from_str(&issuer.registration()).unwrap();
    terms["accountPolicy"] = serde_json::json!({"link": {"tokenClaim": "oid", "matchType": "uid"}});
    register(&world, &terms.to_string()).await;
    let claims = |oid: String, jti: &str| {
        let now = START.as_seconds();
        let aud = format!("https://{ACME}.dm-us.latchkey.test");
        issuer.sign(&serde_json::json!({
            "iss": issuer.url, "oid": oid, "aud": aud, "exp": now + 300, "iat": now, "jti": jti
        }))
    };
    let (sam, other) = (world.account("saml.sam").await.user.id, world.account("globex.sam").await.user.id);
    assert_eq!(sign_in(&world, &claims(sam.uuid(), "1")).await.json()["name"], "saml.sam");
    assert_eq!(sign_in(&world, &claims(sam.base62(), "2")).await.json()["name"], "saml.sam");
    sign_in(&world, &claims(other.base62(), "3")).await.is(NOT_TRUSTED);
    sign_in(&world, &claims("saml.sam".to_owned(), "4")).await.is(NOT_TRUSTED);
}

#[tokio::test]
async fn a_provider_that_was_removed_opens_nothing_any_more() {
    let (world, issuer) = trusting().await;
    let ada = world.ada().await;
    let listed = world.get(PROVIDERS).header("INFA-SESSION-ID", &ada).await;
    let id = listed.json()[0]["id"].as_str().unwrap().to_owned();
    let session =
        sign_in(&world, &token(&issuer, "1")).await.json()["icSessionId"].as_str().unwrap().to_owned();
    world
        .ask(http::Method::DELETE, &format!("{PROVIDERS}/{id}"))
        .header("INFA-SESSION-ID", &ada)
        .await
        .is("204");
    sign_in(&world, &token(&issuer, "2")).await.is(NOT_TRUSTED);
    assert_eq!(reasons(&world).await, ["unknown_issuer"]);
    assert!(world.is_alive(&session).await, "a session outlives the provider that opened it");
    register(&world, &issuer.registration()).await;
    sign_in(&world, &token(&issuer, "1")).await.is(NOT_TRUSTED);
    assert_eq!(reasons(&world).await, ["unknown_issuer", "replayed"]);
}

#[tokio::test]
async fn where_the_vendors_rules_hold_an_assertion_says_from_when_it_is_good() {
    let world = World::set_up(SEED, |config| {
        config.federation.inner_hosts = vec!["127.0.0.1".to_owned()];
        config.federation.plain_http = true;
        config.federation.vendor_rules = true;
    })
    .await;
    let issuer = Issuer::new().await;
    register(&world, &issuer.registration()).await;
    let (now, aud) = (START.as_seconds(), format!("https://{ACME}.dm-us.latchkey.test"));
    let without = issuer.sign(&serde_json::json!({
        "iss": issuer.url, "sub": "saml.sam", "aud": aud, "exp": now + 300, "iat": now, "jti": "1"
    }));
    sign_in(&world, &without).await.is(NOT_TRUSTED);
    assert_eq!(reasons(&world).await, ["missing_claim"]);
    assert_eq!(sign_in(&world, &token(&issuer, "1")).await.status, 200);
}

#[tokio::test]
async fn a_flood_of_refusals_is_recorded_up_to_a_number_in_a_minute() {
    let world = world().await;
    for _ in 0..610 {
        sign_in(&world, "x").await.is(NOT_TRUSTED);
    }
    assert_eq!(reasons(&world).await.len(), 600);
    let numbers = world.get("/metrics").await.body;
    assert!(numbers.contains("\nlatchkey_audit_not_recorded_total 10\n"), "{numbers}");
    world.later(minutes(1));
    sign_in(&world, "x").await.is(NOT_TRUSTED);
    assert_eq!(reasons(&world).await.len(), 601);
}

#[tokio::test]
async fn an_unknown_org_is_refused_like_everything_else() {
    let (world, issuer) = trusting().await;
    let token = token(&issuer, "1");
    for org in ["2rPkV8sQxYdTb6WnJ0cLfH", "0000000000000000000007", "6c617463-686b-6579-8000-000000000000"] {
        let body = serde_json::json!({"oauthToken": token, "orgId": org}).to_string();
        world.post(LOGIN).json(&body).await.is(NOT_TRUSTED);
    }
    assert_eq!(reasons(&world).await, ["unknown_issuer", "unknown_org", "unknown_org"]);
}

/// An assertion can be used once, so a sign-in that a change overtakes is over: nobody is told to try it again.
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_a_change_of_its_user_overtakes_is_refused_like_any_other() {
    let (world, issuer) = trusting().await;
    let ada = world.ada().await;
    let path = format!("/saas/public/core/v3/users/{}", world.account("saml.sam").await.user.id.base62());
    let changes = (0..60).map(|number| {
        let body = format!(r#"{{"title":"Number {number}"}}"#);
        tokio::spawn(
            world.ask(Method::PATCH, &path).header("INFA-SESSION-ID", &ada).json(&body).into_future(),
        )
    });
    let sign_ins = (0..60).map(|number| {
        let token = token(&issuer, &number.to_string());
        let body = serde_json::json!({"oauthToken": token, "orgId": ACME}).to_string();
        tokio::spawn(world.post(LOGIN).json(&body).into_future())
    });
    let (_changed, signed_in) = tokio::join!(join_all(changes), join_all(sign_ins));
    let answers: Vec<_> = signed_in.into_iter().map(Result::unwrap).collect();
    let opened = answers.iter().filter(|answer| answer.status == 200).count();
    assert!(answers.iter().all(|answer| [200, 403].contains(&answer.status.as_u16())));
    let reasons = reasons(&world).await;
    assert!(reasons.iter().all(|reason| reason == "changed_meanwhile"), "{reasons:?}");
    assert_eq!(opened + reasons.len(), 60);
}
