//! Single logout both ways, with messages that somebody else's library signed (scripts/saml-corpus).

use crate::answer::Answer;
use crate::bearer::SEED;
use crate::bystander::Bystander;
use crate::private_postgres;
use crate::saml::{file, pem, sign_in, trust};
use crate::web::{Browser, HOME, Page, SIGN_OUT, between};
use crate::world::{CARRIERS, Question, World};
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::future::IntoFuture;
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::timeout;

const SLO: &str = "/identity-service/slo/5mYdXw9KcJhaf3LrN8pQ2v";
const METADATA: &str = "/identity-service/saml/5mYdXw9KcJhaf3LrN8pQ2v/metadata";
const THERE: &str = "https://idp.acme.test/slo";
const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";
const REQUESTER: &str = "urn:oasis:names:tc:SAML:2.0:status:Requester";

/// Acme, whose provider can end sessions; with a change.
async fn world_with(change: impl FnOnce(&mut Value)) -> World {
    let world = World::of(SEED).await;
    trust_with(&world, change).await;
    world
}

async fn trust_with(world: &World, change: impl FnOnce(&mut Value)) {
    trust(world, |draft| {
        draft["certificates"] = json!([pem("logout/logout"), pem("logout/logout-p256")]);
        draft["singleLogout"] = json!([{"binding": "HTTP-Redirect", "url": THERE}]);
        change(draft);
    })
    .await;
}

/// The same over PostgreSQL, beside somebody who can keep a table from it.
async fn world_and_bystander() -> (World, Bystander) {
    let url = private_postgres::store();
    let world = World::impatient(&url, SEED).await;
    trust_with(&world, |_| {}).await;
    (world, Bystander::at(&url))
}

async fn world() -> World {
    world_with(|_| {}).await
}

/// Opens a session with an assertion of the corpus.
async fn session(world: &World, name: &str) -> String {
    let answer = sign_in(world, &file(&format!("logout/{name}.xml"))).await;
    assert_eq!(answer.status, 200, "{answer}");
    answer.json()["icSessionId"].as_str().unwrap().to_owned()
}

/// The two sessions of Sam, `_one` and `_two` at the provider.
async fn sam(world: &World) -> [String; 2] {
    [session(world, "sam-one").await, session(world, "sam-two").await]
}

async fn alive(world: &World, sessions: &[String]) -> usize {
    let mut alive = 0;
    for session in sessions {
        alive += usize::from(world.is_alive(session).await);
    }
    alive
}

/// A message of the corpus, as a browser brings it from the provider's page.
fn brought(world: &World, name: &str, bytes: &[u8]) -> Question {
    let question = if name.ends_with(".query") {
        world.get(&format!("{SLO}?{}", std::str::from_utf8(bytes).unwrap()))
    } else {
        let field = if name.starts_with("answers/") { "SAMLResponse" } else { "SAMLRequest" };
        let fields = [(field, BASE64_STANDARD.encode(bytes)), ("RelayState", "relay &+/".to_owned())];
        let form = ("Content-Type", "application/x-www-form-urlencoded");
        world.post(SLO).headers([form]).body(serde_urlencoded::to_string(fields).unwrap())
    };
    question.headers([("Sec-Fetch-Site", "cross-site"), ("Origin", "https://idp.acme.test")])
}

fn bring(world: &World, name: &str) -> Question {
    brought(world, name, &file(&format!("logout/{name}")))
}

/// The messages of a folder of the corpus by their names; one is called after what must happen.
fn corpus(folder: &str) -> Vec<(String, Vec<u8>)> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/saml").join(folder);
    let files = std::fs::read_dir(path).unwrap().map(|file| file.unwrap().path());
    let named = files.map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), path));
    let mut messages: Vec<_> = named
        .filter(|(name, _)| name.contains("--"))
        .map(|(name, path)| (name, std::fs::read(path).unwrap()))
        .collect();
    messages.sort();
    messages
}

async fn events(world: &World, name: &str) -> Vec<Value> {
    world.events().await.into_iter().filter(|event| event["event"] == name).collect()
}

async fn reasons(world: &World) -> Vec<String> {
    let refused = events(world, "logout_refused").await.into_iter();
    refused.map(|event| event["reason"].as_str().unwrap().to_owned()).collect()
}

fn plain(text: &str) -> Vec<u8> {
    BASE64_STANDARD.decode(percent_decode_str(text).decode_utf8().unwrap().as_bytes()).unwrap()
}

/// The message in a URL of ours, whose signature is verified with the key in our metadata as a stranger would.
async fn sent(world: &World, url: &str, parameter: &str) -> String {
    let query = url.split_once('?').unwrap().1;
    let (signed, signature) = query.split_once("&Signature=").unwrap();
    let metadata = world.get(METADATA).await.body;
    let certificate = plain(between(&metadata, "<ds:X509Certificate>", "<"));
    let start = certificate.windows(6).position(|at| at == [0x30, 0x82, 0x01, 0x0a, 0x02, 0x82]).unwrap();
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &certificate[start..start + 270]);
    key.verify(signed.as_bytes(), &plain(signature)).unwrap();
    // Nothing is made shorter in it: behind five bytes the message stands as it is.
    String::from_utf8(plain(between(signed, &format!("{parameter}="), "&"))[5..].to_vec()).unwrap()
}

/// A message without its names and the instant.
fn masked(message: &str) -> String {
    let id = between(message, " ID=\"", "\"");
    message.replace(id, "_id")
}

/// How many of the two sessions are left, by the first part of a name in the corpus; `None` for what is refused.
fn left(verdict: &str) -> Option<usize> {
    ["none-left", "one-left", "two-left", "unclear"]
        .iter()
        .position(|it| *it == verdict)
        .map(|left| left.min(2))
}

#[tokio::test]
async fn every_request_of_the_corpus_ends_what_its_name_says() {
    let mut done = 0;
    for (name, bytes) in corpus("logout") {
        let (verdict, how) = name.split_once("--").unwrap();
        let Some(left) = left(verdict) else { continue };
        let world = world().await;
        let sessions = sam(&world).await;
        let answer = brought(&world, &name, &bytes).await;
        assert_eq!(answer.status, 303, "{name}: {answer} {:?}", reasons(&world).await);
        assert_eq!(alive(&world, &sessions).await, left, "{name}");
        let message = sent(&world, answer.header("location"), "SAMLResponse").await;
        let is_clear = verdict != "unclear";
        let status = if is_clear { SUCCESS } else { REQUESTER };
        assert!(message.contains(&format!("<samlp:StatusCode Value=\"{status}\"/>")), "{name}: {message}");
        let reason = if is_clear { Vec::new() } else { vec![how.split_once("--").unwrap().0] };
        assert_eq!(reasons(&world).await, reason, "{name}");
        done += 1;
    }
    assert!(done > 20, "the corpus has shrunk to {done}");
}

#[tokio::test]
async fn every_other_message_of_the_corpus_is_refused_as_its_name_says_and_ends_nothing() {
    let world = world().await;
    assert_eq!(bring(&world, "one-left--once.xml").await.status, 303);
    let sessions = sam(&world).await;
    let refused =
        corpus("logout").into_iter().filter(|(name, _)| left(name.split_once("--").unwrap().0).is_none());
    let mut expected = Vec::new();
    for (name, bytes) in refused {
        let answer = brought(&world, &name, &bytes).await;
        assert_eq!(answer.status, 401, "{name}: {answer}");
        assert!(answer.trouble().starts_with("The message of your identity provider was not accepted"));
        assert_eq!(answer.header("set-cookie"), "", "{name}");
        assert_eq!(alive(&world, &sessions).await, 2, "{name}");
        expected.push(name);
    }
    let found = reasons(&world).await;
    let verdicts: Vec<_> = expected.iter().map(|name| name.split_once("--").unwrap().0.to_owned()).collect();
    let wrong: Vec<_> =
        expected.iter().zip(verdicts.iter().zip(&found)).filter(|(_, (one, other))| one != other).collect();
    assert!(wrong.is_empty() && found.len() == verdicts.len(), "{wrong:#?}");
    assert!(found.len() > 40, "the corpus has shrunk to {}", found.len());
}

#[tokio::test]
async fn a_provider_ends_a_session_for_every_carrier_and_hears_so() {
    let world = world().await;
    let sessions = sam(&world).await;
    let answer = bring(&world, "one-left--in-a-url.query").await;
    let location = answer.header("location").to_owned();
    assert!(location.starts_with(&format!("{THERE}?SAMLResponse=")), "{location}");
    assert!(location.contains("&RelayState=relay%20%26%2B%2F&SigAlg="), "{location}");
    let message = sent(&world, &location, "SAMLResponse").await;
    let to = between(&message, "InResponseTo=\"", "\"").to_owned();
    assert!(to.starts_with("_logout-"), "{to}");
    assert_eq!(
        masked(&message).replace(&to, "_asked"),
        r#"<samlp:LogoutResponse xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_id" Version="2.0" IssueInstant="2026-01-15T10:30:00.000Z" Destination="https://idp.acme.test/slo" InResponseTo="_asked"><saml:Issuer>https://5mYdXw9KcJhaf3LrN8pQ2v.dm-us.latchkey.test</saml:Issuer><samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status></samlp:LogoutResponse>"#
    );
    for carrier in CARRIERS {
        let gate = world.get("/gate").carrying(carrier(&sessions[0])).await;
        assert_eq!(gate.status, 401, "{gate}");
        assert_eq!(world.get("/gate").carrying(carrier(&sessions[1])).await.status, 200);
    }
    let told = events(&world, "signed_out_by_provider").await;
    let [told] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((told["sessions"].as_array().unwrap().len(), &told["visit"]["door"]), (1, &"web".into()));
    assert_eq!(told["user"].as_str().unwrap(), world.account("saml.sam").await.user.id.base62());
    let record = format!("{:?}", world.events().await);
    assert!(!record.contains("_one") && !record.contains("emailAddress"), "{record}");
}

#[tokio::test]
async fn a_session_that_ended_here_is_over_on_every_node() {
    let world = world().await;
    let other = world.beside();
    let sessions = sam(&world).await;
    for session in &sessions {
        assert!(other.is_alive(session).await);
    }
    assert_eq!(bring(&other, "none-left--without-an-index.xml").await.status, 303);
    assert_eq!((alive(&world, &sessions).await, alive(&other, &sessions).await), (0, 0));
    assert_eq!(bring(&world, "none-left--without-an-index.xml").await.status, 401);
    assert_eq!(reasons(&world).await, ["replayed"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_five_hundred_who_post_one_request_at_once_one_does_the_work() {
    let world = world().await;
    let sessions = sam(&world).await;
    let post = || bring(&world, "none-left--without-an-index.xml").into_future();
    let posts: Vec<_> = (0..500).map(|_| tokio::spawn(post())).collect();
    let mut statuses = BTreeMap::<u16, u32>::new();
    for post in posts {
        *statuses.entry(post.await.unwrap().status.as_u16()).or_default() += 1;
    }
    assert_eq!(statuses, BTreeMap::from([(303, 1), (401, 499)]));
    assert_eq!(alive(&world, &sessions).await, 0);
    assert_eq!(events(&world, "signed_out_by_provider").await.len(), 1);
    assert_eq!(reasons(&world).await, vec!["replayed"; 499]);
}

#[tokio::test]
async fn a_browser_keeps_the_session_of_somebody_else_and_no_dead_one() {
    let world = world().await;
    let [one, two] = sam(&world).await;
    let ada = world.ada().await;
    let cookie = |session: &str| format!("USER_SESSION={session}");
    let removed = |answer: &Answer| {
        let lines = answer.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap().to_owned());
        lines.filter(|line| line.contains("Max-Age=0")).count()
    };
    let answer = bring(&world, "one-left--in-a-form.xml").header("Cookie", &cookie(&one)).await;
    assert_eq!((answer.status.as_u16(), removed(&answer)), (303, 2), "{answer}");
    let answer = bring(&world, "two-left--of-another-index.xml").header("Cookie", &cookie(&two)).await;
    assert_eq!((answer.status.as_u16(), removed(&answer)), (303, 0), "{answer}");
    let answer = bring(&world, "none-left--without-an-index.xml").header("Cookie", &cookie(&ada)).await;
    assert_eq!((answer.status.as_u16(), removed(&answer)), (303, 0), "{answer}");
    assert!(world.is_alive(&ada).await && !world.is_alive(&two).await);
}

#[tokio::test]
async fn an_answer_goes_where_the_provider_wants_it_by_the_binding_that_it_has() {
    let world = world_with(|draft| {
        draft["singleLogout"] =
            json!([{"binding": "HTTP-POST", "url": THERE, "responseUrl": "https://idp.acme.test/done"}]);
    })
    .await;
    let sessions = sam(&world).await;
    let page = bring(&world, "one-left--in-a-form.xml").await;
    assert_eq!(page.status, 200, "{page}");
    assert!(page.body.contains("<form method=\"post\" action=\"https://idp.acme.test/done\">"), "{page}");
    assert!(
        page.body.contains("<input type=\"hidden\" name=\"RelayState\" value=\"relay &#38;+/\">"),
        "{page}"
    );
    let message = between(&page.body, "name=\"SAMLResponse\" value=\"", "\"");
    let message = String::from_utf8(BASE64_STANDARD.decode(message).unwrap()).unwrap();
    assert!(message.contains("</saml:Issuer><ds:Signature") && message.contains(SUCCESS), "{message}");
    assert_eq!(alive(&world, &sessions).await, 1);
    let world = world_with(|draft| draft["singleLogout"] = json!([])).await;
    let sessions = sam(&world).await;
    let page = bring(&world, "none-left--without-an-index.xml").await;
    assert_eq!(page.status, 200, "{page}");
    assert!(
        page.body.contains("<p id=\"signed-out\">Your identity provider has signed you out here.</p>"),
        "{page}"
    );
    assert_eq!(alive(&world, &sessions).await, 0);
}

#[tokio::test]
async fn sha_1_is_a_setting_of_the_org_for_sign_outs_too() {
    for name in ["wrong_algorithm--sha1-in-a-form.xml", "wrong_algorithm--sha1-in-a-url.query"] {
        let world = world_with(|draft| draft["allowSha1"] = true.into()).await;
        let sessions = sam(&world).await;
        assert_eq!(bring(&world, name).await.status, 303, "{name}");
        assert_eq!(alive(&world, &sessions).await, 1, "{name}");
    }
}

#[tokio::test]
async fn a_session_that_the_provider_did_not_name_ends_when_all_do() {
    let world = world().await;
    let sessions = [session(&world, "sam-without-index").await, session(&world, "sam-qualified").await];
    assert_eq!(bring(&world, "one-left--in-a-form.xml").await.status, 303);
    assert!(world.is_alive(&sessions[0]).await && !world.is_alive(&sessions[1]).await);
    assert_eq!(bring(&world, "none-left--without-an-index.xml").await.status, 303);
    assert!(!world.is_alive(&sessions[0]).await);
}

#[tokio::test]
async fn nobody_else_s_session_ends() {
    let world = world_with(|draft| draft["disableAutoProvisioning"] = false.into()).await;
    let nora = session(&world, "nora").await;
    let ada = world.ada().await;
    let sessions = sam(&world).await;
    assert_eq!(bring(&world, "none-left--without-an-index.xml").await.status, 303);
    assert_eq!(alive(&world, &sessions).await, 0);
    assert!(world.is_alive(&nora).await && world.is_alive(&ada).await);
}

#[tokio::test]
async fn a_request_without_a_message_or_an_org_says_what_it_lacks() {
    let world = world().await;
    let none = "There is no message of an identity provider in this request, or more than one.";
    let form =
        |body: &str| world.post(SLO).header("Content-Type", "application/x-www-form-urlencoded").body(body);
    for answer in [
        world.get(SLO).await,
        world.get(&format!("{SLO}?SAMLRequest=a&SAMLResponse=b")).await,
        form("").await,
        form("SAMLRequest=a&SAMLResponse=b").await,
    ] {
        assert_eq!((answer.status.as_u16(), answer.trouble()), (400, none));
    }
    let answer = world.get("/identity-service/slo/acme?SAMLRequest=a").await;
    assert_eq!(answer.trouble(), "That is not the id of an organization.");
    let unknown = SLO.replace("5mYdXw9KcJhaf3LrN8pQ2v", "0000000000000000000007");
    let (unknown, unsigned) = (
        world.get(&format!("{unknown}?SAMLRequest=a")).await,
        world.get(&format!("{SLO}?SAMLRequest=a")).await,
    );
    assert_eq!((unknown.status, unknown.trouble()), (unsigned.status, unsigned.trouble()));
    assert_eq!(reasons(&world).await, ["unknown_org", "unsigned"]);
}

/// Somebody who signed in at their provider, in front of their own browser.
async fn at_home<'a>(world: &'a World, name: &str) -> (Browser<'a>, String) {
    let session = session(world, name).await;
    let mut browser = Browser::at_home(world).await;
    browser.cookies.push(("USER_SESSION".to_owned(), session.clone()));
    browser.get(HOME).await;
    (browser, session)
}

#[tokio::test]
async fn whoever_signs_out_here_is_signed_out_first_and_then_sent_to_their_provider() {
    let world = world().await;
    let (browser, session) = at_home(&world, "sam-qualified").await;
    let page = browser.form(SIGN_OUT, "").await;
    assert_eq!(page.status, 200, "{page}");
    assert!(!world.is_alive(&session).await);
    let cookies: Vec<_> =
        page.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap()).collect();
    let id = between(cookies[0], "__Host-LATCHKEY_SAML_OUT=5mYdXw9KcJhaf3LrN8pQ2v.", ";");
    assert!(cookies[0].ends_with("; HttpOnly; SameSite=None; Secure; Path=/; Max-Age=1800"), "{cookies:?}");
    assert!(cookies[1].starts_with("USER_SESSION=;") && cookies[1].ends_with("Max-Age=0"), "{cookies:?}");
    let url = between(&page.body, "<a id=\"go-on\" href=\"", "\"").replace("&#38;", "&");
    assert!(
        page.body.contains(&format!(
            "<meta http-equiv=\"refresh\" content=\"0;url={}\">",
            url.replace('&', "&#38;")
        ))
    );
    assert!(url.starts_with(&format!("{THERE}?SAMLRequest=")) && !url.contains("RelayState"), "{url}");
    assert_eq!(
        sent(&world, &url, "SAMLRequest").await.replace(id, "_id"),
        r#"<samlp:LogoutRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_id" Version="2.0" IssueInstant="2026-01-15T10:30:00.000Z" Destination="https://idp.acme.test/slo" NotOnOrAfter="2026-01-15T10:35:00.000Z"><saml:Issuer>https://5mYdXw9KcJhaf3LrN8pQ2v.dm-us.latchkey.test</saml:Issuer><saml:NameID NameQualifier="https://idp.acme.test/saml" SPNameQualifier="https://5mYdXw9KcJhaf3LrN8pQ2v.dm-us.latchkey.test" Format="urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress">saml.sam</saml:NameID><samlp:SessionIndex>_one</samlp:SessionIndex></samlp:LogoutRequest>"#
    );
}

#[tokio::test]
async fn a_form_carries_the_question_where_the_provider_takes_no_url() {
    let world =
        world_with(|draft| draft["singleLogout"] = json!([{"binding": "HTTP-POST", "url": THERE}])).await;
    let (browser, session) = at_home(&world, "sam-without-index").await;
    let page = browser.form(SIGN_OUT, "").await;
    assert!(page.body.contains(&format!("<form method=\"post\" action=\"{THERE}\">")), "{page}");
    let message = between(&page.body, "name=\"SAMLRequest\" value=\"", "\"");
    let message = String::from_utf8(BASE64_STANDARD.decode(message).unwrap()).unwrap();
    assert!(
        message.contains("</saml:Issuer><ds:Signature") && !message.contains("SessionIndex"),
        "{message}"
    );
    let policy = page.header("content-security-policy");
    assert!(policy.contains("form-action 'self' https: https://idp.acme.test;"), "{policy}");
    assert!(!world.is_alive(&session).await);
}

#[tokio::test]
async fn nobody_is_asked_who_did_not_open_the_session_or_cannot_be_asked() {
    let world = world().await;
    let mut browser = Browser::at_home(&world).await;
    browser.cookies.push(("USER_SESSION".to_owned(), world.ada().await));
    browser.get(HOME).await;
    browser.form(SIGN_OUT, "").await.is_redirect_home();
    let world = world_with(|draft| draft["singleLogout"] = json!([])).await;
    let (browser, session) = at_home(&world, "sam-one").await;
    browser.form(SIGN_OUT, "").await.is_redirect_home();
    assert!(!world.is_alive(&session).await);
    // Another provider, put in the place of the one that opened the session.
    let (browser, _) = at_home(&world, "sam-two").await;
    let ada = world.ada().await;
    let path = "/latchkey/v1/orgs/5mYdXw9KcJhaf3LrN8pQ2v/saml";
    let removed = world.ask(http::Method::DELETE, path).header("IDS-SESSION-ID", &ada).await;
    assert_eq!(removed.status, 204);
    trust(&world, |draft| draft["singleLogout"] = json!([{"binding": "HTTP-Redirect", "url": THERE}])).await;
    browser.form(SIGN_OUT, "").await.is_redirect_home();
}

#[tokio::test]
async fn every_answer_of_the_corpus_is_told_as_its_name_says() {
    let everywhere = "<p id=\"signed-out\">You are signed out here and at your identity provider.</p>";
    let not = "<p id=\"signed-out\">You are signed out here. Your identity provider says that it did not sign you out everywhere";
    for (name, bytes) in corpus("logout/answers") {
        let world = world().await;
        let question = brought(&world, &format!("answers/{name}"), &bytes);
        let answer =
            question.header("Cookie", "__Host-LATCHKEY_SAML_OUT=5mYdXw9KcJhaf3LrN8pQ2v._asked").await;
        let verdict = name.split_once("--").unwrap().0;
        if verdict.ends_with("everywhere") {
            assert_eq!(answer.status, 200, "{name}: {answer} {:?}", reasons(&world).await);
            let told = if verdict == "everywhere" { everywhere } else { not };
            assert!(answer.body.contains(told), "{name}: {answer}");
            assert!(answer.header("set-cookie").starts_with("__Host-LATCHKEY_SAML_OUT=;"), "{answer}");
            let told = events(&world, "logout_answered").await;
            assert_eq!(told[0]["everywhere"], Value::Bool(verdict == "everywhere"), "{name}");
        } else {
            assert_eq!(answer.status, 401, "{name}: {answer}");
            assert_eq!(reasons(&world).await, [verdict], "{name}");
            assert_eq!(answer.header("set-cookie"), "");
        }
    }
}

#[tokio::test]
async fn an_answer_is_taken_once_and_from_the_browser_that_asked() {
    let world = world().await;
    let name = "everywhere--in-a-url.query";
    let bring = || brought(&world, name, &file(&format!("logout/answers/{name}")));
    let asked = "__Host-LATCHKEY_SAML_OUT=5mYdXw9KcJhaf3LrN8pQ2v._asked";
    assert_eq!(bring().await.status, 401);
    assert_eq!(bring().header("Cookie", &asked.replace("5mYd", "2rPk")).await.status, 401);
    assert_eq!(bring().header("Cookie", asked).await.status, 200);
    assert_eq!(bring().header("Cookie", asked).await.status, 401);
    assert_eq!(reasons(&world).await, ["wrong_request", "wrong_request", "replayed"]);
}

#[tokio::test]
async fn whoever_signs_in_in_another_window_disturbs_no_sign_out() {
    let world = world().await;
    let name = "everywhere--in-a-url.query";
    let bring = || brought(&world, name, &file(&format!("logout/answers/{name}")));
    let cookie =
        |name: &str, asked: &str| format!("__Host-LATCHKEY_SAML{name}=5mYdXw9KcJhaf3LrN8pQ2v.{asked}");
    assert_eq!(bring().header("Cookie", &cookie("", "_asked")).await.status, 401, "that asked who they are");
    let both = [cookie("", "_other"), cookie("_OUT", "_asked")].join("; ");
    let answer = bring().header("Cookie", &both).await;
    assert_eq!(answer.status, 200, "{answer}");
    let forgotten: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
    assert_eq!(forgotten, ["__Host-LATCHKEY_SAML_OUT=; HttpOnly; SameSite=None; Secure; Path=/; Max-Age=0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_hears_when_its_sessions_could_not_be_ended() {
    let (world, mut bystander) = world_and_bystander().await;
    let sessions = sam(&world).await;
    bystander.does("BEGIN; LOCK TABLE saml_session IN ACCESS EXCLUSIVE MODE");
    let answer = bring(&world, "one-left--in-a-url.query").await;
    assert_eq!(answer.status, 303, "{answer}");
    let location = answer.header("location").to_owned();
    let message = sent(&world, &location, "SAMLResponse").await;
    let status = message.split_once("</saml:Issuer>").unwrap().1;
    assert_eq!(
        status,
        r#"<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Responder"><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:PartialLogout"/></samlp:StatusCode></samlp:Status></samlp:LogoutResponse>"#
    );
    assert_eq!(alive(&world, &sessions).await, 2);
    assert!(events(&world, "signed_out_by_provider").await.is_empty());
    bystander.does("COMMIT");
    // The request is used up; another one ends them.
    assert_eq!(bring(&world, "one-left--in-a-url.query").await.status, 401);
    assert_eq!(bring(&world, "none-left--without-an-index.xml").await.status, 303);
    assert_eq!(alive(&world, &sessions).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_cannot_be_sent_to_their_provider_now_is_sent_there_later() {
    let (world, mut bystander) = world_and_bystander().await;
    let (browser, session) = at_home(&world, "sam-one").await;
    bystander.does("BEGIN; LOCK TABLE saml_provider IN ACCESS EXCLUSIVE MODE");
    let page = browser.form(SIGN_OUT, "").await;
    assert_eq!(page.status, 503, "{page}");
    assert_eq!(page.header("set-cookie"), "", "the session is there for another try");
    assert!(world.is_alive(&session).await);
    bystander.does("COMMIT");
    let page = browser.form(SIGN_OUT, "").await;
    assert!(page.body.contains(&format!("href=\"{THERE}?SAMLRequest=")), "{page}");
    assert!(!world.is_alive(&session).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_sessions_all_end_and_the_provider_is_asked_about_all_or_none_ends() {
    let (world, mut bystander) = world_and_bystander().await;
    let (mut browser, one) = at_home(&world, "sam-one").await;
    let two = session(&world, "sam-two").await;
    browser.cookies.push(("USER_SESSION".to_owned(), two.clone()));
    bystander.does(&format!(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql
            AS 'BEGIN RAISE EXCEPTION USING ERRCODE = ''disk_full''; END';
        CREATE TRIGGER fail BEFORE UPDATE OF ended_at ON session FOR EACH ROW
            WHEN (OLD.digest = sha256('{two}')) EXECUTE FUNCTION fail()"
    ));
    let page = browser.form(SIGN_OUT, "").await;
    assert_eq!(page.status, 503, "{page}");
    assert_eq!(page.header("set-cookie"), "", "the sessions are there for another try");
    let sessions = [one, two];
    assert_eq!(alive(&world, &sessions).await, 2);
    assert!(events(&world, "signed_out").await.is_empty());
    bystander.does("DROP TRIGGER fail ON session");
    let page = browser.form(SIGN_OUT, "").await;
    assert_eq!(page.status, 200, "{page}");
    assert_eq!(alive(&world, &sessions).await, 0);
    assert_eq!(events(&world, "signed_out").await.len(), 2);
    let url = between(&page.body, "<a id=\"go-on\" href=\"", "\"").replace("&#38;", "&");
    let asked = sent(&world, &url, "SAMLRequest").await;
    let indices =
        "<samlp:SessionIndex>_one</samlp:SessionIndex><samlp:SessionIndex>_two</samlp:SessionIndex>";
    assert!(asked.contains(indices), "{asked}");
}

#[tokio::test]
async fn an_answer_is_recorded_although_the_browser_that_brought_it_has_gone() {
    let world = world().await;
    let name = "everywhere--in-a-url.query";
    let bring = || {
        brought(&world, name, &file(&format!("logout/answers/{name}")))
            .header("Cookie", "__Host-LATCHKEY_SAML_OUT=5mYdXw9KcJhaf3LrN8pQ2v._asked")
    };
    world.hang_up(bring()).await;
    let recorded = timeout(Duration::from_secs(10), async {
        while events(&world, "logout_answered").await.is_empty() {
            tokio::task::yield_now().await;
        }
    });
    assert!(recorded.await.is_ok());
    assert_eq!(bring().await.status, 401);
    assert_eq!(reasons(&world).await, ["replayed"]);
}

#[tokio::test]
async fn a_flood_of_sign_outs_does_not_hide_sign_ins_nor_the_other_way_round() {
    let world = world().await;
    let sign_out = async || assert_eq!(world.get(&format!("{SLO}?SAMLRequest=a")).await.status, 401);
    let try_to_come_in = async || assert_eq!(sign_in(&world, b"<nobody/>").await.status, 403);
    let counts = async || {
        (events(&world, "logout_refused").await.len(), events(&world, "assertion_refused").await.len())
    };
    for _ in 0..605 {
        sign_out().await;
    }
    try_to_come_in().await;
    assert_eq!(counts().await, (600, 1));
    world.later(Duration::from_secs(60));
    for _ in 0..605 {
        try_to_come_in().await;
    }
    sign_out().await;
    assert_eq!(counts().await, (601, 601));
}
