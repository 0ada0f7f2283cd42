//! Access tokens: minted from a session, verified by strangers, forged by nobody.

use crate::answer::DEAD;
use crate::world::{CARRIERS, Door, START, TOKEN, World, minutes};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
use domain::keyring::{self, Keysmith, Signer};
use futures_util::future::join_all;
use http::Method;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde_json::{Value, json};
use server::keysmith::SystemKeysmith;
use std::collections::HashSet;

const PATH: &str = "/identity-service/api/v1/jwt/Token";

const MINTED: &str = r#"200 {"jwt_token":"$token","token":"$token","access_token":"$token","token_type":"Bearer","expires_in":1800}"#;

/// One part of a token, as it is written there.
fn part(token: &str, number: usize) -> String {
    let part = token.split('.').nth(number).unwrap();
    String::from_utf8(BASE64URL.decode(part).unwrap()).unwrap()
}

fn claims(token: &str) -> Value {
    serde_json::from_str(&part(token, 1)).unwrap()
}

/// Verifies a token as a program would that knows nothing but the published keys.
async fn verified_by_a_stranger(world: &World, token: &str) -> Value {
    let published = world.get("/identity-service/.well-known/jwks.json").await.json();
    let keys: JwkSet = serde_json::from_value(published).unwrap();
    let header = jsonwebtoken::decode_header(token).unwrap();
    let key = DecodingKey::from_jwk(keys.find(&header.kid.unwrap()).unwrap()).unwrap();
    let mut rules = Validation::new(Algorithm::ES256);
    rules.set_audience(&["cdlg"]);
    rules.set_issuer(&["https://dm-us.latchkey.test/identity-service"]);
    // Its clock is the machine's; ours stands still.
    rules.validate_exp = false;
    decode::<Value>(token, &key, &rules).unwrap().claims
}

#[tokio::test]
async fn a_session_in_any_carrier_mints_a_token_under_three_names() {
    let world = World::new().await;
    let session = world.ada().await;
    for (number, carrier) in CARRIERS.iter().enumerate() {
        for method in [Method::GET, Method::POST] {
            let minted =
                MINTED.replace("$token", &format!("$token_{number}_{}", method.as_str().to_lowercase()));
            world.ask(method, TOKEN).carrying(carrier(&session)).await.is(&minted);
        }
    }
}

#[tokio::test]
async fn nothing_else_in_the_request_is_read() {
    let world = World::new().await;
    let session = world.ada().await;
    let with = |query: &str| world.post(&format!("{TOKEN}{query}")).header("IDS-SESSION-ID", &session);
    let credentials = r#"{"username":"ada","password":"wrong"}"#;
    for question in [
        with(""),
        with("&access_code="),
        with("&redirect_uri=https%3A%2F%2Fevil.test&x='"),
        with("").json(credentials),
        with("").body(credentials),
        with("").json("{broken"),
        with("").header("Content-Type", &session).raw_body(*b"\xff\x00"),
        with("").headers([("Cookie", "XSRF_TOKEN=1; IDS-CSRF-TOKEN=2"), ("IDS-CSRF-TOKEN", "2")]),
        with("").header("X-INFA-ORG-ID", "2hVn8XcYq0LrTzWbE5mKsD"),
    ] {
        let answer = question.await;
        assert_eq!(answer.status, 200, "{answer}");
    }
}

#[tokio::test]
async fn without_a_live_session_there_is_no_token() {
    let world = World::new().await;
    let token = world.token(&world.ada().await).await;
    for method in [Method::GET, Method::POST] {
        world.ask(method.clone(), TOKEN).await.is(DEAD);
        world.ask(method.clone(), TOKEN).header("IDS-SESSION-ID", "3fTqk0ZpXyLr9bWcV2uN7e").await.is(DEAD);
        // A token is re-minted from its session, never from itself.
        world.ask(method, TOKEN).bearer(&token).await.is(DEAD);
    }
}

#[tokio::test]
async fn a_token_is_shaped_as_the_original() {
    let world = World::new().await;
    let session = world.ada().await;
    world.post(TOKEN).header("IDS-SESSION-ID", &session).await.is(MINTED);
    let token = world.notebook.read("token");
    let published = world.get("/identity-service/.well-known/jwks.json").await.json();
    let kid = published["keys"][0]["kid"].as_str().unwrap();
    assert_eq!(part(&token, 0), format!(r#"{{"kid":"{kid}","typ":"JWT","alg":"ES256"}}"#));
    let claims = claims(&token);
    let text = |name: &str| claims[name].as_str().unwrap().to_owned();
    let (user, unique_id, jti) =
        (world.account("ada").await.user.id.base62(), text("unique_id"), text("jti"));
    let (iat, exp) = (START.as_seconds(), START.as_seconds() + 1800);
    assert_eq!(
        part(&token, 1),
        format!(
            r#"{{"unique_id":"{unique_id}","user_fname":"Ada","user_name":"ada","iss":"https://dm-us.latchkey.test/identity-service","nonce":"1234","user_lname":"Lovelace","client_id":"idmc_api","aud":"cdlg","user_org_id":"5mYdXw9KcJhaf3LrN8pQ2v","user_id":"{user}","org_id":"5mYdXw9KcJhaf3LrN8pQ2v","exp":{exp},"org_name":"Acme Prod","iat":{iat},"jti":"{jti}"}}"#
        )
    );
    assert_eq!(BASE64URL.decode(token.rsplit('.').next().unwrap()).unwrap().len(), 64);
    assert_eq!((unique_id.len(), jti.len()), (60, 22));
    assert!(unique_id.starts_with("$2a$"), "{unique_id}");
    assert!(!token.contains(&session) && !part(&token, 1).contains(&session));
}

#[tokio::test]
async fn a_token_verifies_with_nothing_but_the_published_keys() {
    let world = World::new().await;
    for door in Door::ALL {
        let session = world.session(door, "ada", "correct horse").await;
        let claims = verified_by_a_stranger(&world, &world.token(&session).await).await;
        assert_eq!(claims.as_object().unwrap().len(), 15);
        let seconds = |name: &str| claims[name].as_i64().unwrap();
        assert_eq!(seconds("exp") - seconds("iat"), 1800);
        assert!(bcrypt::verify(&session, claims["unique_id"].as_str().unwrap()).unwrap());
    }
}

#[tokio::test]
async fn every_token_has_a_name_of_its_own_and_its_session_one_unique_id() {
    let world = World::new().await;
    let (session, other) = (world.ada().await, world.ada().await);
    let [first, second, elsewhere] =
        [world.token(&session).await, world.token(&session).await, world.token(&other).await]
            .map(|t| claims(&t));
    assert_ne!(first["jti"], second["jti"]);
    assert_eq!(first["unique_id"], second["unique_id"]);
    assert_ne!(first["unique_id"], elsewhere["unique_id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn first_tokens_that_are_asked_for_at_once_agree_on_the_unique_id() {
    let world = World::new().await;
    let session = world.ada().await;
    let tokens = join_all((0..50).map(|_| world.token(&session))).await;
    let unique_ids: HashSet<_> = tokens.iter().map(|token| claims(token)["unique_id"].to_string()).collect();
    let names: HashSet<_> = tokens.iter().map(|token| claims(token)["jti"].to_string()).collect();
    assert_eq!((unique_ids.len(), names.len()), (1, 50));
}

#[tokio::test]
async fn a_token_is_dated_by_its_minting() {
    let world = World::new().await;
    let session = world.ada().await;
    world.later(minutes(20));
    let claims = claims(&world.token(&session).await);
    assert_eq!(claims["iat"], START.as_seconds() + 20 * 60);
    assert_eq!(claims["exp"], START.as_seconds() + 50 * 60);
}

#[tokio::test]
async fn the_nonce_is_echoed_and_may_be_repeated() {
    let world = World::new().await;
    let session = world.ada().await;
    let longest = "n".repeat(255);
    let utf8 = "%E2%82%AC%20%22%5C";
    for (nonce, echoed) in
        [("1234", "1234"), ("1234", "1234"), (&longest, &longest), (utf8, "€ \"\\"), ("'", "'")]
    {
        let path = format!("{PATH}?nonce={nonce}&client_id=idmc_api");
        let answer = world.get(&path).header("IDS-SESSION-ID", &session).await;
        assert_eq!(answer.status, 200, "{nonce}: {answer}");
        assert_eq!(claims(answer.json()["jwt_token"].as_str().unwrap())["nonce"], echoed);
    }
}

#[tokio::test]
async fn a_missing_nonce_is_ids_345() {
    let world = World::new().await;
    let session = world.ada().await;
    let missing = r#"400 {"error":{"code":"IDS_345","message":"The parameter nonce is missing, empty or longer than 255 characters.","requestId":"$request","details":null}}"#;
    for query in [
        "?client_id=idmc_api",
        "?client_id=idmc_api&nonce=",
        "?client_id=idmc_api&nonce",
        "?client_id=no",
        "",
    ] {
        for method in [Method::GET, Method::POST] {
            let path = format!("{PATH}{query}");
            world.ask(method, &path).header("IDS-SESSION-ID", &session).await.is(missing);
        }
    }
    let long = format!("{PATH}?client_id=idmc_api&nonce={}", "n".repeat(256));
    world.get(&long).header("IDS-SESSION-ID", &session).await.is(&missing.replace("IDS_345", "V3API_007"));
}

#[tokio::test]
async fn a_client_that_is_not_known_gets_no_token() {
    let world = World::new().await;
    let session = world.ada().await;
    for query in
        ["?client_id=stranger&nonce=1", "?nonce=1", "?client_id=&nonce=1", "?client_id=IDMC_API&nonce=1"]
    {
        world.get(&format!("{PATH}{query}")).header("IDS-SESSION-ID", &session).await.is(
            r#"400 {"error":{"code":"LK_CLIENT","message":"The client_id is missing or not known.","requestId":"$request","details":null}}"#,
        );
    }
    let twice = format!("{PATH}?client_id=idmc_api&client_id=cdlg_app&nonce=1");
    world.get(&twice).header("IDS-SESSION-ID", &session).await.is(
        r#"400 {"error":{"code":"V3API_007","message":"the parameter client_id is there more than once","requestId":"$request","details":null}}"#,
    );
}

#[tokio::test]
async fn clients_and_their_audiences_are_settings() {
    let world = World::set_up(crate::world::SEED, |config| {
        config.token.clients.insert("catalog".into(), "shelves".into());
    })
    .await;
    let session = world.ada().await;
    for (client, audience) in [("idmc_api", "cdlg"), ("cdlg_app", "cdlg"), ("catalog", "shelves")] {
        let path = format!("{PATH}?client_id={client}&nonce=1");
        let answer = world.get(&path).header("IDS-SESSION-ID", &session).await.json();
        let token = answer["jwt_token"].as_str().unwrap();
        assert_eq!((&claims(token)["client_id"], &claims(token)["aud"]), (&json!(client), &json!(audience)));
        assert_eq!(world.get("/gate").bearer(token).await.status, 200, "{client}");
    }
}

#[tokio::test]
async fn a_rotation_leaves_the_tokens_of_the_old_key_valid() {
    let world = World::new().await;
    let session = world.ada().await;
    let old = world.token(&session).await;
    world.later(minutes(10));
    world.rotate_keys().await;
    let new = world.token(&session).await;
    assert_ne!(part(&old, 0), part(&new, 0), "the new key signs");
    for token in [&old, &new] {
        verified_by_a_stranger(&world, token).await;
        assert_eq!(world.get("/gate").bearer(token).await.status, 200);
        assert_eq!(world.get("/gate").bearer(token).header("IDS-SESSION-ID", &session).await.status, 200);
    }
    world.later(minutes(20));
    world.get("/gate").bearer(&old).await.is(DEAD);
    assert_eq!(world.get("/gate").bearer(&new).await.status, 200);
}

/// The service's own key, and what somebody could build with it or without it.
struct Workshop {
    header: String,
    claims: Value,
    signer: Box<dyn Signer>,
}

impl Workshop {
    async fn open(world: &World, token: &str) -> Self {
        let keys = keyring::list(&world.app.cx).await.unwrap();
        let signer = SystemKeysmith.open(&keys.last().unwrap().private).unwrap();
        Self { header: part(token, 0), claims: claims(token), signer }
    }

    fn with(&self, claim: &str, value: Value) -> Value {
        let mut claims = self.claims.clone();
        claims[claim] = value;
        claims
    }

    fn without(&self, claim: &str) -> Value {
        let mut claims = self.claims.clone();
        claims.as_object_mut().unwrap().shift_remove(claim);
        claims
    }

    fn signed(&self, header: &str, payload: &str) -> String {
        let message = format!("{}.{}", BASE64URL.encode(header), BASE64URL.encode(payload));
        format!("{message}.{}", BASE64URL.encode(self.signer.sign(message.as_bytes()).unwrap()))
    }

    /// What the service itself would have signed, with other claims.
    fn of(&self, claims: &Value) -> String {
        self.signed(&self.header, &claims.to_string())
    }
}

/// A message under HS256, keyed with something that everybody can read.
fn hs256(header: &str, payload: &str, key: &[u8]) -> String {
    let message = format!("{}.{}", BASE64URL.encode(header), BASE64URL.encode(payload));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message.as_bytes());
    format!("{message}.{}", BASE64URL.encode(tag))
}

#[tokio::test]
async fn the_workshop_signs_as_the_service_does() {
    let world = World::new().await;
    let token = world.token(&world.ada().await).await;
    let workshop = Workshop::open(&world, &token).await;
    // Or every forgery below would be refused for the wrong reason.
    assert_eq!(world.get("/gate").bearer(&workshop.of(&workshop.claims)).await.status, 200);
}

#[tokio::test]
async fn nobody_passes_with_a_token_that_another_key_signed() {
    let world = World::new().await;
    let token = world.token(&world.ada().await).await;
    let workshop = Workshop::open(&world, &token).await;
    let (header, payload) = (&workshop.header, &part(&token, 1));
    let kid = jsonwebtoken::decode_header(&token).unwrap().kid.unwrap();
    let hs = format!(r#"{{"kid":"{kid}","typ":"JWT","alg":"HS256"}}"#);
    let none = |alg: &str| {
        let header = format!(r#"{{"kid":"{kid}","typ":"JWT","alg":"{alg}"}}"#);
        format!("{}.{}.", BASE64URL.encode(header), BASE64URL.encode(payload))
    };
    let published = world.get("/identity-service/.well-known/jwks.json").await.json();
    let stolen = token.rsplit('.').next().unwrap();
    let own = SystemKeysmith.open(&SystemKeysmith.forge().unwrap()).unwrap();
    let own = Workshop { header: header.clone(), claims: workshop.claims.clone(), signer: own };
    let other_kid = header.replace(&kid, "2hVn8XcYq0LrTzWbE5mKsD");
    refused(
        &world,
        [
            none("none"),
            none("None"),
            none("ES256"),
            format!("{}{stolen}", none("none")),
            hs256(&hs, payload, workshop.signer.public_point()),
            hs256(&hs, payload, published["keys"][0].to_string().as_bytes()),
            hs256(header, payload, workshop.signer.public_point()),
            own.of(&own.claims),
            own.signed(&other_kid, payload),
            workshop.signed(&other_kid, payload),
            own.signed(&header.replace("\"kid\"", "\"jku\":\"https://evil.test\",\"kid\""), payload),
        ],
    )
    .await;
}

#[tokio::test]
async fn nobody_passes_with_a_token_that_was_tampered_with() {
    let world = World::new().await;
    let token = world.token(&world.ada().await).await;
    let workshop = Workshop::open(&world, &token).await;
    let [header, payload, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("{token}") };
    let changed = BASE64URL.encode(part(&token, 1).replace("\"user_name\":\"ada\"", "\"user_name\":\"eve\""));
    let zero = BASE64URL.encode([0; 64]);
    let der = BASE64URL.encode([0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01]);
    refused(
        &world,
        [
            format!("{header}.{changed}.{signature}"),
            format!("{header}.{payload}."),
            format!("{header}.{payload}"),
            format!("{header}."),
            header.to_owned(),
            token.split_at(token.len() - 1).0.to_owned(),
            token.split_at(token.len() / 2).0.to_owned(),
            format!("{token}A"),
            format!("{token}=="),
            format!("{token}.{token}"),
            format!("{header}.{payload}.{signature}.{signature}"),
            format!("{header}.{payload}.{zero}"),
            format!("{header}.{payload}.{der}"),
            format!(".{payload}.{signature}"),
            format!("..{signature}"),
            "..".to_owned(),
            "😀.😀.😀".to_owned(),
            format!("{header}.{payload}😀.{signature}"),
            "a".repeat(20_000),
            ".".repeat(20_000),
            // The header is compared whole: the same words in another order are another header.
            workshop.signed(&workshop.header.replace("\"typ\":\"JWT\",", ""), &part(&token, 1)),
            workshop.signed(&format!(" {}", workshop.header), &part(&token, 1)),
        ],
    )
    .await;
}

#[tokio::test]
async fn nobody_passes_with_claims_that_are_not_those_of_an_access_token() {
    let world = World::new().await;
    let token = world.token(&world.ada().await).await;
    let workshop = Workshop::open(&world, &token).await;
    let now = START.as_seconds();
    let mut forged: Vec<String> = [
        workshop.with("aud", json!("session")),
        workshop.with("aud", json!("other")),
        workshop.with("aud", json!(["cdlg"])),
        workshop.with("iss", json!("https://evil.test/identity-service")),
        workshop.with("iss", json!("https://dm-us.latchkey.test/identity-service/")),
        workshop.with("client_id", json!("stranger")),
        workshop.with("client_id", json!("")),
        workshop.with("exp", json!(now)),
        workshop.with("exp", json!(now - 1)),
        workshop.with("exp", json!(-1)),
        workshop.with("exp", json!((now + 1800).to_string())),
        workshop.with("exp", json!(1e30)),
        workshop.with("user_id", json!("2hVn8XcYq0LrTzWbE5mKsD")),
        workshop.with("user_id", json!("x")),
        json!({}),
        json!([]),
        json!(null),
    ]
    .iter()
    .map(|claims| workshop.of(claims))
    .collect();
    for claim in wire::jwt::CLAIMS {
        forged.push(workshop.of(&workshop.without(claim)));
        forged.push(workshop.of(&workshop.with(claim, Value::Null)));
    }
    let twice = part(&token, 1).replacen('{', "{\"exp\":1,", 1);
    forged.push(workshop.signed(&workshop.header, &twice));
    forged.push(workshop.signed(&workshop.header, "not json"));
    refused(&world, forged).await;
}

/// At the gate all of these hear the same as somebody who presents nothing, alone and beside a good session.
async fn refused(world: &World, forged: impl IntoIterator<Item = String>) {
    let session = world.ada().await;
    for token in forged {
        world.get("/gate").bearer(&token).await.is(DEAD);
        world.get("/gate").bearer(&token).header("IDS-SESSION-ID", &session).await.is(DEAD);
    }
}
