//! Sign-in with SAML assertions that somebody else's library signed (scripts/saml-corpus), each judged as its file says.

use crate::answer::Answer;
use crate::bearer::{SEED, reasons};
use crate::world::{Door, World, minutes};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use domain::audit::Visit;
use domain::method::saml::Taker;
use domain::saml::provider::Binding;
use domain::saml::request;
use domain::sign_in::{self, SignInError};
use http::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use wire::Secret;

const ACME: &str = "5mYdXw9KcJhaf3LrN8pQ2v";
const GLOBEX: &str = "2rPkV8sQxYdTb6WnJ0cLfH";
const LOGIN: &str = "/ma/api/v2/user/loginSaml";

/// The one refusal, whatever the reason.
const NOT_TRUSTED: &str =
    r#"403 {"@type":"error","code":"UI_10000","description":"The token is not trusted.","statusCode":403}"#;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/saml")
}

pub fn file(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

pub fn pem(name: &str) -> String {
    String::from_utf8(file(&format!("{name}.pem"))).unwrap()
}

/// The names and the bytes of all messages; a file is called after what must happen.
fn corpus() -> Vec<(String, Vec<u8>)> {
    let files = std::fs::read_dir(folder()).unwrap().map(|file| file.unwrap().path());
    let mut messages: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "xml"))
        .filter_map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            name.contains("--").then(|| (name, std::fs::read(path).unwrap()))
        })
        .collect();
    messages.sort();
    messages
}

/// The provider of Acme as the corpus has it, with a change.
pub fn provider(change: impl FnOnce(&mut Value)) -> String {
    let mut draft = json!({
        "issuer": "https://idp.acme.test/saml",
        "singleSignOn": [{"binding": "HTTP-Redirect", "url": "https://idp.acme.test/sso"}],
        "certificates": [pem("rsa"), pem("next"), pem("p256"), pem("p384")],
        "attributes": {"firstName": "firstName", "lastName": "lastName", "email": "mail", "title": "title",
            "phone": "phone", "groups": "groups", "roles": "roles"},
        "disableAutoProvisioning": true,
    });
    change(&mut draft);
    draft.to_string()
}

pub async fn trust(world: &World, change: impl FnOnce(&mut Value)) {
    let ada = world.ada().await;
    let path = format!("/latchkey/v1/orgs/{ACME}/saml");
    let answer =
        world.ask(http::Method::PUT, &path).header("IDS-SESSION-ID", &ada).json(&provider(change)).await;
    assert_eq!(answer.status, 200, "{answer}");
}

/// Acme, which trusts the issuer of the corpus, and Globex, which trusts another one.
async fn world() -> World {
    let world = World::of(SEED).await;
    trust(&world, |_| {}).await;
    let eve = world.session(Door::V1, "eve", "other side").await;
    let body = provider(|draft| {
        draft["issuer"] = "https://idp.globex.test/saml".into();
        draft["certificates"] = json!([pem("globex")]);
    });
    let path = format!("/latchkey/v1/orgs/{GLOBEX}/saml");
    let answer = world.ask(http::Method::PUT, &path).header("IDS-SESSION-ID", &eve).json(&body).await;
    assert_eq!(answer.status, 200, "{answer}");
    world
}

pub async fn sign_in(world: &World, message: &[u8]) -> Answer {
    let body = json!({"samlToken": BASE64_STANDARD.encode(message), "orgId": ACME}).to_string();
    world.post(LOGIN).json(&body).await
}

pub fn arrival(name: &str) -> Vec<u8> {
    file(&format!("arrivals/{name}.xml"))
}

#[tokio::test]
async fn every_message_of_the_corpus_is_judged_as_its_name_says() {
    let world = world().await;
    let mut expected = Vec::new();
    for (name, message) in corpus() {
        let verdict = name.split_once("--").unwrap().0;
        let answer = sign_in(&world, &message).await;
        if verdict == "accepted" {
            assert_eq!(answer.status, 200, "{name}: {answer} {:?}", reasons(&world).await.last());
        } else {
            assert_eq!(answer.but_its_request_id(), NOT_TRUSTED, "{name}");
            expected.push((name.clone(), verdict.to_owned()));
        }
    }
    let found = reasons(&world).await;
    let wrong: Vec<_> =
        expected.iter().zip(&found).filter(|((_, verdict), found)| verdict != *found).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(found.len(), expected.len());
    assert!(expected.len() > 200, "the corpus has shrunk to {}", expected.len());
}

#[tokio::test]
async fn an_assertion_opens_a_session_that_every_family_takes() {
    let world = world().await;
    let opened = sign_in(&world, &file("accepted--assertion-signed.xml")).await.is(r#"200 {"@type":"user","id":"$user_sam","orgId":"5mYdXw9KcJhaf3LrN8pQ2v","orgUuid":"be0495f9-722a-638d-f6fa-b2dfe92be3e5","uuid":"$user_sam","name":"saml.sam","description":"","createTime":"2026-01-15T10:30:00.000Z","updateTime":"2026-01-15T10:30:00.000Z","createdBy":"System","updatedBy":"System","firstName":"","lastName":"","title":"","password":"********","phone":"","emails":"sam@acme.test","timezone":"America/Los_Angeles","serverUrl":"https://usw1.dm-us.latchkey.test/saas","spiUrl":"https://usw1.dm-us.latchkey.test/saas","icSessionId":"$session_sam","securityQuestion":"","securityAnswer":"","forceChangePassword":false,"optOutOfEmails":false,"usergroups":[],"roles":[]}"#);
    let session = opened.json()["icSessionId"].as_str().unwrap().to_owned();
    assert!(world.is_alive(&session).await);
    assert_eq!(world.token(&session).await.split('.').count(), 3);
    let events = world.events().await;
    let opened = events.iter().find(|event| event["method"] == "saml").unwrap();
    assert_eq!((&opened["event"], &opened["visit"]["door"]), (&"signed_in".into(), &"v2".into()));
}

#[tokio::test]
async fn every_family_has_a_door_and_every_spelling_of_the_request_is_read() {
    let world = world().await;
    let message = |name: &str| BASE64_STANDARD.encode(file(&format!("accepted--{name}.xml")));
    let broken: String = message("response-signed")
        .as_bytes()
        .chunks(76)
        .map(|line| format!("{}\r\n", std::str::from_utf8(line).unwrap()))
        .collect();
    let uuid = "be0495f9-722a-638d-f6fa-b2dfe92be3e5";
    let json =
        |message: &str, org: &str| json!({"@type": "login", "samlToken": message, "orgId": org}).to_string();
    let v1 = world.post("/identity-service/api/v1/LoginSaml").json(&json(&broken, uuid)).await;
    assert!(
        v1.status == 200 && v1.json()["sessionId"].is_string() && v1.json()["authenticator"] == "SAML",
        "{v1}"
    );
    let unpadded = message("both-signed").trim_end_matches('=').to_owned();
    let v3 = world.post("/saas/public/core/v3/loginSaml").json(&json(&unpadded, ACME)).await;
    assert!(v3.status == 200 && v3.json()["userInfo"]["sessionId"].is_string(), "{v3}");
    let body = format!(
        "<loginSaml><samlToken>{}</samlToken><orgId>{ACME}</orgId></loginSaml>",
        message("rsa-sha384")
    );
    let xml = [("Content-Type", "application/xml"), ("Accept", "application/xml")];
    let answer = world.post(LOGIN).headers(xml).body(body).await;
    assert!(answer.status == 200 && answer.body.contains("<icSessionId>"), "{answer}");
    let body =
        serde_urlencoded::to_string([("samlToken", message("rsa-sha512")), ("orgId", ACME.to_owned())])
            .unwrap();
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    assert_eq!(world.post(LOGIN).headers(form).body(body).await.status, 200);
}

#[tokio::test]
async fn a_request_that_lacks_something_is_told_so_and_what_is_no_message_is_not() {
    let world = world().await;
    for (body, reason) in [
        ("{}", "the field samlToken is missing or empty"),
        (r#"{"samlToken":"x"}"#, "the field orgId is missing or empty"),
        (r#"{"samlToken":"x","orgId":"acme"}"#, "the field orgId is not an id"),
        (r#"{"samlToken":["x"],"orgId":"acme"}"#, "the field samlToken is not a string"),
    ] {
        world.post(LOGIN).json(body).await.is(&format!(
            r#"400 {{"@type":"error","code":"LK_BAD_REQUEST","description":"Bad Request. Please check your request: {reason}.","statusCode":400}}"#
        ));
    }
    let good = BASE64_STANDARD.encode(file("accepted--assertion-signed.xml"));
    let binary = BASE64_STANDARD.encode([0xff, 0xfe, 0x00]);
    for (token, org, reason) in [
        ("not Base64!", ACME, "not_xml"),
        (binary.as_str(), ACME, "not_xml"),
        (good.as_str(), "0000000000000000000007", "unknown_org"),
        (good.as_str(), GLOBEX, "bad_signature"),
    ] {
        let body = json!({"samlToken": token, "orgId": org}).to_string();
        assert_eq!(world.post(LOGIN).json(&body).await.but_its_request_id(), NOT_TRUSTED);
        assert_eq!(reasons(&world).await.pop().as_deref(), Some(reason));
    }
}

#[tokio::test]
async fn an_org_without_a_provider_takes_nothing() {
    let world = World::of(SEED).await;
    sign_in(&world, &file("accepted--assertion-signed.xml")).await.is(NOT_TRUSTED);
    assert_eq!(reasons(&world).await, ["unknown_issuer"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_five_hundred_who_post_one_assertion_at_once_one_gets_a_session() {
    let world = world().await;
    let body = json!({"samlToken": BASE64_STANDARD.encode(arrival("sam-once")), "orgId": ACME}).to_string();
    let posts: Vec<_> = (0..500).map(|_| tokio::spawn(world.post(LOGIN).json(&body).into_future())).collect();
    let mut statuses = BTreeMap::<u16, u32>::new();
    for post in posts {
        *statuses.entry(post.await.unwrap().status.as_u16()).or_default() += 1;
    }
    assert_eq!(statuses, BTreeMap::from([(200, 1), (403, 499)]));
    assert_eq!(reasons(&world).await, vec!["replayed"; 499]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_five_hundred_first_arrivals_at_once_one_account_is_made() {
    let world = world().await;
    trust(&world, |draft| draft["disableAutoProvisioning"] = false.into()).await;
    let body = json!({"samlToken": BASE64_STANDARD.encode(arrival("nora")), "orgId": ACME}).to_string();
    let posts: Vec<_> = (0..500).map(|_| tokio::spawn(world.post(LOGIN).json(&body).into_future())).collect();
    let mut opened = 0;
    for post in posts {
        opened += u32::from(post.await.unwrap().status == 200);
    }
    let made = world.events().await.into_iter().filter(|event| event["event"] == "user_provisioned").count();
    assert_eq!((opened, made), (1, 1));
}

#[tokio::test]
async fn whoever_comes_from_outside_is_refused_before_anything_is_made_or_used_up() {
    let world = world().await;
    trust(&world, |draft| draft["disableAutoProvisioning"] = false.into()).await;
    let ranges = json!({"trustedIpRanges": ["192.0.2.0/24"]}).to_string();
    let ada = world.ada().await;
    let path = format!("/latchkey/v1/orgs/{ACME}/policy");
    let inside = world.ask(Method::PATCH, &path).header("IDS-SESSION-ID", &ada).from("192.0.2.7");
    assert_eq!(inside.json(&ranges).await.status, 200);
    sign_in(&world, &arrival("nora")).await.is(NOT_TRUSTED);
    assert_eq!(reasons(&world).await, ["outside"]);
    let made = world.events().await.into_iter().filter(|event| event["event"] == "user_provisioned").count();
    assert_eq!(made, 0);
}

#[tokio::test]
async fn where_scim_keeps_the_users_nobody_arrives_by_themselves() {
    let world = world().await;
    trust(&world, |draft| draft["disableAutoProvisioning"] = false.into()).await;
    let ada = world.ada().await;
    let token = world.post("/saas/public/core/v3/scimTokens").header("INFA-SESSION-ID", &ada).await;
    assert_eq!(token.status, 201);
    sign_in(&world, &arrival("nora")).await.is(NOT_TRUSTED);
    assert_eq!(reasons(&world).await, ["unknown_user"]);
}

#[tokio::test]
async fn an_assertion_that_one_node_took_no_other_takes() {
    let world = world().await;
    let other = world.beside();
    let message = arrival("sam-once");
    assert_eq!(sign_in(&world, &message).await.status, 200);
    sign_in(&other, &message).await.is(NOT_TRUSTED);
    assert_eq!(reasons(&world).await, ["replayed"]);
}

#[tokio::test]
async fn a_session_lives_no_longer_than_its_issuer_wants() {
    let world = world().await;
    let opened = sign_in(&world, &arrival("sam-short-session")).await;
    let session = opened.json()["icSessionId"].as_str().unwrap().to_owned();
    world.later(minutes(10));
    assert!(world.is_alive(&session).await, "the clocks may differ by a minute");
    world.later(minutes(1));
    assert!(!world.is_alive(&session).await);
}

#[tokio::test]
async fn sha_1_and_a_kind_of_name_are_settings_of_the_org() {
    let world = world().await;
    sign_in(&world, &arrival("sam-sha1")).await.is(NOT_TRUSTED);
    trust(&world, |draft| draft["allowSha1"] = true.into()).await;
    assert_eq!(sign_in(&world, &arrival("sam-sha1")).await.status, 200);
    let persistent = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";
    trust(&world, |draft| draft["nameIdFormat"] = persistent.into()).await;
    sign_in(&world, &arrival("sam-once")).await.is(NOT_TRUSTED);
    assert_eq!(sign_in(&world, &arrival("sam-persistent")).await.status, 200);
    assert_eq!(reasons(&world).await, ["wrong_algorithm", "wrong_type"]);
}

#[tokio::test]
async fn a_certificate_that_is_dropped_opens_nothing_any_more() {
    let world = world().await;
    trust(&world, |draft| draft["certificates"] = json!([pem("next")])).await;
    sign_in(&world, &arrival("sam-once")).await.is(NOT_TRUSTED);
    assert_eq!(sign_in(&world, &file("accepted--next-certificate.xml")).await.status, 200);
    assert_eq!(reasons(&world).await, ["bad_signature"]);
}

/// What a browser brings, as the pages for people will hand it over.
async fn brought(world: &World, message: &str, asked: Option<&str>) -> Result<(), SignInError> {
    let message = Secret::new(BASE64_STANDARD.encode(arrival(message)));
    let taker = Taker::Browser { asked: asked.map(str::to_owned) };
    let visit = Visit { door: domain::audit::Door::V1, address: None };
    sign_in::with_saml(&world.app.cx, ACME.parse().unwrap(), message, &taker, visit).await.map(drop)
}

#[tokio::test]
async fn a_browser_brings_what_it_asked_for_or_what_the_org_allows_unasked() {
    let world = world().await;
    let refused = |result: Result<(), SignInError>| matches!(result, Err(SignInError::NotTrusted));
    assert!(refused(brought(&world, "sam-asked", None).await));
    assert!(refused(brought(&world, "sam-asked", Some("_another")).await));
    assert!(refused(brought(&world, "sam-unasked", None).await));
    assert!(refused(brought(&world, "sam-unasked", Some("_asked")).await));
    assert_eq!(reasons(&world).await, ["wrong_request"; 4]);
    brought(&world, "sam-asked", Some("_asked")).await.unwrap();
    trust(&world, |draft| draft["idpInitiated"] = true.into()).await;
    brought(&world, "sam-unasked", None).await.unwrap();
    let alone = Secret::new(BASE64_STANDARD.encode(file("accepted--assertion-alone.xml")));
    let visit = Visit { door: domain::audit::Door::V1, address: None };
    let taker = Taker::Browser { asked: None };
    let alone = sign_in::with_saml(&world.app.cx, ACME.parse().unwrap(), alone, &taker, visit).await;
    assert!(refused(alone.map(drop)), "a browser brings responses");
}

#[tokio::test]
async fn a_request_for_a_sign_in_says_who_asks_and_where_the_answer_goes() {
    let world = world().await;
    let persistent = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";
    trust(&world, |draft| draft["nameIdFormat"] = persistent.into()).await;
    let org = ACME.parse().unwrap();
    let asked = request::authn(&world.app.cx, org).await.unwrap().unwrap();
    assert_eq!((asked.url.as_str(), asked.binding), ("https://idp.acme.test/sso", Binding::Redirect));
    assert_eq!(
        asked.xml.replace(&asked.id, "_id"),
        r#"<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_id" Version="2.0" IssueInstant="2026-01-15T10:30:00.000Z" Destination="https://idp.acme.test/sso" AssertionConsumerServiceURL="https://dm-us.latchkey.test/identity-service/acs/5mYdXw9KcJhaf3LrN8pQ2v" ProtocolBinding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"><saml:Issuer>https://5mYdXw9KcJhaf3LrN8pQ2v.dm-us.latchkey.test</saml:Issuer><samlp:NameIDPolicy AllowCreate="true" Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"/></samlp:AuthnRequest>"#
    );
    let another = request::authn(&world.app.cx, org).await.unwrap().unwrap();
    assert!(asked.id.len() == 33 && asked.id != another.id, "{} {}", asked.id, another.id);
    trust(&world, |draft| draft["singleSignOn"] = json!([])).await;
    assert_eq!(request::authn(&world.app.cx, org).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn arrivals_that_say_different_things_at_once_leave_one_account() {
    let world = world().await;
    trust(&world, |draft| draft["disableAutoProvisioning"] = false.into()).await;
    let posts = ["nora", "nora-again", "nora-promoted", "nora-nobody"].map(|name| {
        let body = json!({"samlToken": BASE64_STANDARD.encode(arrival(name)), "orgId": ACME}).to_string();
        tokio::spawn(world.post(LOGIN).json(&body).into_future())
    });
    let mut statuses = Vec::new();
    for post in posts {
        statuses.push(post.await.unwrap().status.as_u16());
    }
    // Whoever was changed by another one during the sign-in is refused: what proved it is used up.
    assert!(
        statuses.contains(&200) && statuses.iter().all(|status| [200, 403].contains(status)),
        "{statuses:?}"
    );
    let added = world.events().await.into_iter().filter(|event| event["how"] == "added");
    assert_eq!(added.count(), 1);
}
