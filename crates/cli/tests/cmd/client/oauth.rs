//! `login --oauth`: a job signs in with the token of its own identity provider, and holds no secret of ours; and
//! `login --client-id`: it signs in for itself.

use super::world::{CHEAP, PASSWORD, World};
use domain::time::Clock;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use server::system::SystemClock;
use std::io::{Read, Write};
use std::net::TcpListener;
use ureq::http::Response;
use ureq::typestate::WithBody;
use ureq::{Body, RequestBuilder};

const ORG: &str = "5mYdXw9KcJhaf3LrN8pQ2v";
const CONFIG: &str = "[federation]\ninner_hosts = [\"127.0.0.1\"]\nplain_http = true\n";

/// An identity provider of a CI system: its subjects are no user names.
struct Issuer {
    url: String,
    key: EncodingKey,
}

impl Issuer {
    fn new() -> Self {
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).expect("a key");
        let key = EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()).expect("a key");
        let mut jwk = Jwk::from_encoding_key(&key, Algorithm::ES256).expect("a public key");
        jwk.common.key_id = Some("one".to_owned());
        let body = json!({"keys": [jwk]}).to_string();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        std::thread::spawn(move || {
            for mut caller in listener.incoming().flatten() {
                let _request = caller.read(&mut [0; 4096]);
                let length = body.len();
                let _answered = write!(
                    caller,
                    "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
            }
        });
        Self { url, key }
    }

    fn token(&self, subject: &str, id: &str) -> String {
        let now = SystemClock.now().as_seconds();
        let claims = json!({
            "iss": self.url, "sub": subject, "aud": "latchkey", "exp": now + 300, "iat": now, "jti": id
        });
        let header = Header { kid: Some("one".to_owned()), ..Header::new(Algorithm::ES256) };
        jsonwebtoken::encode(&header, &claims, &self.key).expect("a token")
    }
}

fn post(world: &World, path: &str) -> RequestBuilder<WithBody> {
    ureq::post(&format!("{}{path}", world.service.url)).content_type("application/json")
}

fn json_of(mut answer: Response<Body>) -> Value {
    serde_json::from_str(&answer.body_mut().read_to_string().expect("text")).expect("JSON")
}

/// A session of the administrator.
fn session(world: &World) -> String {
    let login = json!({"username": "etl.robot", "password": PASSWORD}).to_string();
    let opened = json_of(post(world, "/saas/public/core/v3/login").send(login).expect("an answer"));
    opened["userInfo"]["sessionId"].as_str().expect("a session").to_owned()
}

/// A service whose administrator trusts the issuer with one subject.
fn trusting(issuer: &Issuer) -> World {
    let seed = format!(
        "[[org]]\nname = \"Acme Prod\"\nid = \"{ORG}\"\n[[org.user]]\nname = \"etl.robot\"\npassword = \"{PASSWORD}\"\nroles = [\"Admin\"]\n[[org.user]]\nname = \"ci.deploy\"\n"
    );
    let world = World::of(&format!("{CHEAP}{CONFIG}"), &seed);
    let (post, session) = (|path: &str| post(&world, path), session(&world));
    let provider = json!({
        "type": "OIDC",
        "endPoints": {"issuer": issuer.url, "keys": format!("{}/jwks", issuer.url)},
        "accountPolicy": {"link": {"aliases": [{"value": "repo:acme/deploy:main", "aliasName": "ci.deploy"}]}},
        "signingAlgorithm": "ES256",
        "audience": "latchkey",
    });
    let path = format!("/saas/public/core/v3/Orgs/{ORG}/IdentityProviders");
    let added =
        post(&path).header("INFA-SESSION-ID", &session).send(provider.to_string()).expect("an answer");
    assert_eq!(added.status(), 201);
    world
}

#[test]
fn a_job_signs_in_with_the_token_of_its_issuer_and_mints_ours() {
    let issuer = Issuer::new();
    let world = trusting(&issuer);
    let url = world.service.url.clone();
    let token = issuer.token("repo:acme/deploy:main", "1");
    let told = world.run_with(&token, &["login", "--url", &url, "--org", ORG, "--oauth", "-"]);
    told.is(0, "", &format!("signed in to URL as bearer:{ORG}\n"));
    let verified = world.run_with(&world.run(&["token"]).out, &["verify", "-"]);
    assert!(verified.out.contains("ci.deploy"), "{}{}", verified.out, verified.err);
    let minted = world.run(&["token"]);
    assert_eq!((minted.code, minted.out.split('.').count()), (Some(0), 3), "{}", minted.err);
    let file = world.path().join("jwt");
    std::fs::write(&file, issuer.token("repo:evil/deploy:main", "2")).expect("a file");
    let file = file.display().to_string();
    let told = world.run(&["login", "--url", &url, "--org", ORG, "--oauth", &file, "--profile", "other"]);
    assert_eq!((told.code, told.out.as_str()), (Some(1), ""));
    assert!(told.err.contains("The token is not trusted."), "{}", told.err);
}

#[test]
fn a_client_signs_in_for_itself_and_its_token_passes_and_a_wrong_secret_is_not_sent_twice() {
    let seed = format!(
        "[[org]]\nname = \"Acme Prod\"\nid = \"{ORG}\"\n[[org.user]]\nname = \"etl.robot\"\npassword = \"{PASSWORD}\"\nroles = [\"Admin\"]\n"
    );
    let world = World::of(CHEAP, &seed);
    let (url, session) = (world.service.url.clone(), session(&world));
    let body = json!({"name": "Nightly loads", "tokenMinutes": 60}).to_string();
    let made = post(&world, &format!("/latchkey/v1/orgs/{ORG}/clients")).header("INFA-SESSION-ID", &session);
    let made = json_of(made.send(body).expect("an answer"));
    let text = |name: &str| made[name].as_str().expect("a text").to_owned();
    let (id, secret) = (text("id"), text("secret"));
    let login = ["login", "--url", &url, "--client-id", &id, "--password-stdin"];
    let wrong = world.run_with("lkcs_wrong", &login);
    assert_eq!((wrong.code, wrong.out.as_str()), (Some(1), ""), "{}", wrong.err);
    assert!(wrong.err.contains("The client is not known, or did not prove itself."), "{}", wrong.err);
    let again = world.run_with("lkcs_wrong", &login);
    assert!(again.err.contains("was refused before and was not sent again"), "{}", again.err);
    let told = world.run_with(&secret, &login);
    told.is(0, "", &format!("signed in to URL as client:{id}\n"));
    let token = world.run(&["token"]);
    assert_eq!((token.code, token.out.split('.').count()), (Some(0), 3), "{}", token.err);
    let passed = ureq::get(&format!("{url}/gate"))
        .header("Authorization", &format!("Bearer {}", token.out.trim()))
        .call()
        .expect("an answer");
    assert_eq!(json_of(passed)["user"], format!("client:{id}"));
    let no_session = world.run(&["session"]);
    assert_eq!((no_session.code, no_session.out.as_str()), (Some(1), ""), "{}", no_session.err);
}
