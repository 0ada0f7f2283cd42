//! Identity providers: registered, read, changed and removed by an administrator of the org, and by nobody else.

use crate::bearer::PROVIDERS;
use crate::world::{Door, World};
use http::Method;
use serde_json::{Value, json};

const OIDC: &str = r#"{"type":"OIDC","endPoints":{"issuer":"https://idp.example.com/","keys":"https://idp.example.com/.well-known/jwks.json"},"accountPolicy":{"link":{"tokenClaim":"sub","matchType":"aliasName"}},"signingAlgorithm":"RS256"}"#;

fn refused(reason: &str) -> String {
    format!(
        r#"400 {{"error":{{"code":"V3API_007","message":"Bad Request. Please check your request: {reason}.","requestId":"$request","details":null}}}}"#
    )
}

fn draft(change: impl FnOnce(&mut Value)) -> String {
    let mut draft = serde_json::from_str(OIDC).unwrap();
    change(&mut draft);
    draft.to_string()
}

#[tokio::test]
async fn a_provider_is_added_read_changed_and_removed() {
    let world = World::new().await;
    let ada = world.ada().await;
    let ask = |method, path: &str| world.ask(method, path).header("INFA-SESSION-ID", &ada);
    ask(Method::POST, PROVIDERS).json(OIDC).await.is(r#"201 {"id":"$provider","orgId":"5mYdXw9KcJhaf3LrN8pQ2v","type":"OIDC","endPoints":{"issuer":"https://idp.example.com/","keys":"https://idp.example.com/.well-known/jwks.json"},"accountPolicy":{"link":{"tokenClaim":"sub","matchType":"aliasName"}},"signingAlgorithm":"RS256"}"#);
    let one = format!("{PROVIDERS}/{}", world.notebook.read("provider"));
    let least = r#"{"type":"OIDC","endPoints":{"issuer":"https://other.example.com","keys":"https://keys.example.org/jwks"},"audience":"latchkey","accountPolicy":{"link":{"aliases":[{"value":"system:serviceaccount:ci:deploy","aliasName":"bob"}]}}}"#;
    ask(Method::PUT, &one).json(least).await.is(r#"200 {"id":"$provider","orgId":"5mYdXw9KcJhaf3LrN8pQ2v","type":"OIDC","endPoints":{"issuer":"https://other.example.com","keys":"https://keys.example.org/jwks"},"accountPolicy":{"link":{"tokenClaim":"sub","matchType":"aliasName","aliases":[{"value":"system:serviceaccount:ci:deploy","aliasName":"bob"}]}},"signingAlgorithm":"RS256","audience":"latchkey"}"#);
    let changed = ask(Method::GET, &one).await;
    assert_eq!(ask(Method::GET, PROVIDERS).await.json(), json!([changed.json()]));
    ask(Method::DELETE, &one).await.is("204");
    for method in [Method::GET, Method::DELETE] {
        ask(method, &one).await.is(r#"404 {"error":{"code":"LK_NOT_FOUND","message":"The organization has no such identity provider.","requestId":"$request","details":null}}"#);
    }
    ask(Method::PUT, &one).json(OIDC).await.is(r#"404 {"error":{"code":"LK_NOT_FOUND","message":"The organization has no such identity provider.","requestId":"$request","details":null}}"#);
    ask(Method::GET, PROVIDERS).await.is("200 []");
    let events = world.events().await;
    let words: Vec<_> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    let tail = ["identity_provider_added", "identity_provider_changed", "identity_provider_removed"];
    assert_eq!(words[words.len() - 3..], tail);
}

#[tokio::test]
async fn an_org_has_each_issuer_once_and_two_orgs_may_have_the_same() {
    let world = World::new().await;
    let ada = world.ada().await;
    let add = |body: &str| world.post(PROVIDERS).header("INFA-SESSION-ID", &ada).json(body);
    assert_eq!(add(OIDC).await.status, 201);
    add(OIDC).await.is(&refused("the organization has an identity provider of this issuer"));
    let eve = world.session(Door::V1, "eve", "other side").await;
    let globex = "/saas/public/core/v3/Orgs/58c5f5a5-7816-9a57-be60-53f02432aec1/IdentityProviders";
    assert_eq!(world.post(globex).header("INFA-SESSION-ID", &eve).json(OIDC).await.status, 201);
    let theirs = world.get(globex).header("INFA-SESSION-ID", &eve).await.json()[0]["id"].clone();
    let taken = world.get(&format!("{PROVIDERS}/{}", theirs.as_str().unwrap()));
    assert_eq!(taken.header("INFA-SESSION-ID", &ada).await.status, 404);
    for number in 1..32 {
        let body = draft(|draft| draft["endPoints"]["issuer"] = format!("https://{number}.test").into());
        assert_eq!(add(&body).await.status, 201);
    }
    let body = draft(|draft| draft["endPoints"]["issuer"] = "https://33.test".into());
    add(&body).await.is(&refused("the organization has as many identity providers as it may"));
}

#[tokio::test]
async fn a_draft_that_breaks_a_rule_is_told_which() {
    let world = World::new().await;
    let ada = world.ada().await;
    let link =
        |name: &'static str, value: Value| draft(move |draft| draft["accountPolicy"]["link"][name] = value);
    let alias = |value: &str| json!({"value": value, "aliasName": "bob"});
    let (long, not_a_name) = ("x".repeat(256), json!([{"value": "x", "aliasName": "a b"}]));
    let keys = "endPoints.keys is the https URL of a key set, at most 255 characters";
    let claim = "accountPolicy.link.tokenClaim is the name of a claim about the subject, such as sub";
    let aliases = "accountPolicy.link.aliases has at most 200 different values, each with a user name";
    let symmetric = "signingAlgorithm is RS, PS or ES with 256, 384 or 512, or EdDSA: keys are published";
    for (body, reason) in [
        (
            draft(|draft| draft["endPoints"]["issuer"] = "".into()),
            "endPoints.issuer has 1 to 255 characters and no blanks",
        ),
        (
            draft(|draft| draft["endPoints"]["issuer"] = long.clone().into()),
            "endPoints.issuer has 1 to 255 characters and no blanks",
        ),
        (draft(|draft| draft["endPoints"]["keys"] = "http://idp.example.com/keys".into()), keys),
        (draft(|draft| draft["endPoints"]["keys"] = "file:///etc/passwd".into()), keys),
        (draft(|draft| draft["endPoints"]["keys"] = "https://user@idp.example.com/".into()), keys),
        (draft(|draft| draft["signingAlgorithm"] = "HS256".into()), symmetric),
        (draft(|draft| draft["signingAlgorithm"] = "none".into()), symmetric),
        (draft(|draft| draft["audience"] = "".into()), "audience has 1 to 255 characters and no blanks"),
        (link("tokenClaim", "aud".into()), claim),
        (link("tokenClaim", "x".repeat(65).into()), claim),
        (
            link("matchType", "email".into()),
            "accountPolicy.link.matchType is aliasName, or uid without aliases",
        ),
        (link("aliases", json!([alias("x"), alias("x")])), aliases),
        (link("aliases", not_a_name), aliases),
    ] {
        let asked = world.post(PROVIDERS).header("INFA-SESSION-ID", &ada).json(&body).await;
        asked.is(&refused(reason));
    }
    for body in ["", "[]", "{}", r#"{"type":"SAML"}"#, &draft(|draft| draft["clientSecret"] = "x".into())] {
        let asked = world.post(PROVIDERS).header("INFA-SESSION-ID", &ada).json(body).await;
        assert_eq!(asked.status, 400, "{body}: {asked}");
    }
}

#[tokio::test]
async fn where_the_vendors_rules_hold_there_is_one_provider_with_its_keys_under_its_issuer() {
    let world = World::set_up(crate::world::SEED, |config| config.federation.vendor_rules = true).await;
    let ada = world.ada().await;
    let add = |body: &str| world.post(PROVIDERS).header("INFA-SESSION-ID", &ada).json(body);
    for keys in ["https://keys.example.org/jwks", "https://idp.example.com.evil.test/jwks"] {
        let body = draft(|draft| {
            draft["endPoints"] = json!({"issuer": "https://idp.example.com", "keys": keys});
        });
        add(&body).await.is(&refused("endPoints.keys begins with the issuer"));
    }
    let body = draft(|draft| draft["audience"] = "latchkey".into());
    add(&body).await.is(&refused("audience is not taken here, nor are aliases"));
    assert_eq!(add(OIDC).await.status, 201);
    let body = draft(|draft| {
        draft["endPoints"] = json!({"issuer": "https://b.test", "keys": "https://b.test/keys"});
    });
    add(&body).await.is(&refused("the organization has as many identity providers as it may"));
}
