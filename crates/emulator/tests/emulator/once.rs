//! What may be used once is remembered as long as it could be used, on the clock of the emulator.

use crate::world::{Answer, World};
use axum::Router;
use axum::routing::get;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::Method;
use serde_json::json;
use tokio::net::TcpListener;

const ORG: &str = "4cXkYVgRzSmP0dLwQ4tNbA";

/// An identity provider on this machine: its keys are published by a real server.
struct Issuer {
    url: String,
    key: EncodingKey,
}

impl Issuer {
    async fn new() -> Self {
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let key = EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()).unwrap();
        let mut jwk = Jwk::from_encoding_key(&key, Algorithm::ES256).unwrap();
        jwk.common.key_id = Some("one".to_owned());
        let set = json!({"keys": [jwk]}).to_string();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/keys", get(|| async { set }));
        drop(tokio::spawn(async { axum::serve(listener, router).await }));
        Self { url, key }
    }

    /// An assertion about the user of the org who has no password, good for five minutes from `now`.
    fn assertion(&self, now: i64) -> String {
        let header = Header { kid: Some("one".to_owned()), ..Header::new(Algorithm::ES256) };
        let claims = json!({
            "iss": self.url, "sub": "saml", "aud": "test", "jti": "7", "iat": now, "nbf": now, "exp": now + 300
        });
        jsonwebtoken::encode(&header, &claims, &self.key).unwrap()
    }
}

/// Lets the org of `admin` trust an issuer.
async fn trust(world: &World, issuer: &Issuer) {
    let provider = json!({
        "type": "OIDC", "endPoints": {"issuer": issuer.url, "keys": format!("{}/keys", issuer.url)},
        "signingAlgorithm": "ES256", "audience": "test",
    });
    let path = format!("/saas/public/core/v3/Orgs/{ORG}/IdentityProviders");
    let admin = world.session("admin").await;
    let register = world.ask(Method::POST, &path).header("INFA-SESSION-ID", admin).body(provider.to_string());
    let registered = Answer::to(register).await;
    assert_eq!(registered.status, 201, "{registered:?}");
}

/// An assertion is used once until it could not be used anyway.
pub async fn memory_of_what_is_used_once(world: &World) {
    let issuer = Issuer::new().await;
    trust(world, &issuer).await;
    let sign_in = async |assertion: &str| {
        let body = json!({"oauthToken": assertion, "orgId": ORG}).to_string();
        Answer::to(world.ask(Method::POST, "/ma/api/v2/user/loginOAuth").body(body)).await.status
    };
    let now = world.now().await.as_seconds();
    let first = issuer.assertion(now);
    assert_eq!((sign_in(&first).await, sign_in(&first).await), (200, 403), "once");
    world.clock(json!({"advance": "3m"})).await;
    assert_eq!(sign_in(&issuer.assertion(now + 180)).await, 403, "its name is remembered");
    world.clock(json!({"advance": "1h"})).await;
    assert_eq!(sign_in(&first).await, 403, "it is over");
    assert_eq!(sign_in(&issuer.assertion(now + 180 + 3600)).await, 200, "its name is forgotten");
}
