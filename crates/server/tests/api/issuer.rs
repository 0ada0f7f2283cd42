//! An identity provider of a test: real keys that rotate, published by a real server on this machine.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// What is published, and how often it was asked for.
struct Site {
    answer: Mutex<(StatusCode, String)>,
    asked: watch::Sender<u32>,
}

pub struct Issuer {
    /// The `iss` of its tokens.
    pub url: String,
    site: Arc<Site>,
    key: Mutex<(String, EncodingKey)>,
}

impl Issuer {
    /// An issuer with one ES256 key.
    pub async fn new() -> Self {
        let (key, set) = forge("first");
        let issuer = Self::publishing(&set.to_string()).await;
        *issuer.key.lock().unwrap() = key;
        issuer
    }

    /// An issuer that publishes this very text.
    pub async fn publishing(text: &str) -> Self {
        let site = Arc::new(Site {
            answer: Mutex::new((StatusCode::OK, text.to_owned())),
            asked: watch::Sender::new(0),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/keys", get(keys)).with_state(Arc::clone(&site));
        drop(tokio::spawn(async { axum::serve(listener, router).await }));
        Self { url, site, key: Mutex::new(forge("unused").0) }
    }

    /// An issuer behind TLS, and the certificate of the authority that nobody else trusts.
    pub async fn over_tls() -> (Self, String) {
        let mut issuer = Self::new().await;
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        issuer.url = format!("https://localhost:{}", tcp.local_addr().unwrap().port());
        let listener = Tls { tcp, acceptor: TlsAcceptor::from(Arc::new(config)) };
        let router = Router::new().route("/keys", get(keys)).with_state(Arc::clone(&issuer.site));
        drop(tokio::spawn(async { axum::serve(listener, router).await }));
        (issuer, made.cert.pem())
    }

    /// Signs with another key from now on, and publishes that one alone.
    pub fn rotate(&self, kid: &str) {
        let (key, set) = forge(kid);
        *self.key.lock().unwrap() = key;
        self.answer(StatusCode::OK, &set.to_string());
    }

    pub fn answer(&self, status: StatusCode, text: &str) {
        *self.site.answer.lock().unwrap() = (status, text.to_owned());
    }

    pub fn asked(&self) -> u32 {
        *self.site.asked.borrow()
    }

    pub async fn asked_at_least(&self, times: u32) {
        self.site.asked.subscribe().wait_for(|asked| *asked >= times).await.unwrap();
    }

    /// A token for a user of Acme, good for five minutes from `now`.
    pub fn token(&self, sub: &str, jti: &str, now: i64) -> String {
        let aud = "https://5mYdXw9KcJhaf3LrN8pQ2v.dm-us.latchkey.test";
        self.sign(&json!({
            "iss": self.url, "sub": sub, "aud": aud, "exp": now + 300, "nbf": now, "iat": now, "jti": jti
        }))
    }

    pub fn sign(&self, claims: &Value) -> String {
        let (kid, key) = &*self.key.lock().unwrap();
        let header = Header { kid: Some(kid.clone()), ..Header::new(Algorithm::ES256) };
        jsonwebtoken::encode(&header, claims, key).unwrap()
    }

    /// How it is registered.
    pub fn registration(&self) -> String {
        let end_points = json!({"issuer": self.url, "keys": format!("{}/keys", self.url)});
        json!({"type": "OIDC", "endPoints": end_points, "signingAlgorithm": "ES256"}).to_string()
    }
}

struct Tls {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
}

impl axum::serve::Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        loop {
            let (stream, from) = self.tcp.accept().await.unwrap();
            // Whoever does not trust the certificate leaves in the middle.
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, from);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

async fn keys(State(site): State<Arc<Site>>) -> (StatusCode, String) {
    site.asked.send_modify(|asked| *asked += 1);
    site.answer.lock().unwrap().clone()
}

fn forge(kid: &str) -> ((String, EncodingKey), Value) {
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let key = EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()).unwrap();
    let mut jwk = Jwk::from_encoding_key(&key, Algorithm::ES256).unwrap();
    jwk.common.key_id = Some(kid.to_owned());
    ((kid.to_owned(), key), json!({"keys": [jwk]}))
}
