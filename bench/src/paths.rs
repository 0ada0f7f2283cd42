//! The hot paths, each walked in this process and on one thread, for whoever counts its instructions.
//!
//! Real parts, but for what would make two runs differ: the clock stands still, the dice are counted, and a token that is
//! minted here is signed with zeros. So the counts are of our own code; of a verification, the bare one is counted beside it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::process::parent_id;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anyhow::{Context, anyhow, ensure};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
use bytes::Bytes;
use domain::entropy::Entropy;
use domain::flow::{Flow, Waiter};
use domain::keyring::{Certified, KeyError, Keysmith, PrivateKey, Signer};
use domain::method::Hasher;
use domain::method::hash::{Cost, PasswordHash};
use domain::network::Network;
use domain::session::SessionDigest;
use domain::store::Sessions;
use domain::time::{Clock, Timestamp};
use domain::{Needs, access, founding, keyring};
use http::StatusCode;
use http_body_util::{BodyExt, Full};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use serde_json::Value;
use server::admission::HashPool;
use server::app::Shared;
use server::config::Config;
use server::keysmith::SystemKeysmith;
use server::outbound::Outbound;
use server::{http as routes, seed, service};
use store::Store;
use wire::{OrgId, Secret};

use crate::load::Asked;
use crate::place::{Door, PASSWORD, SESSION, TOKEN, USER, bearer, get, text, user, with_session};
use crate::report::say;
use crate::saml::Example;

/// How often each path is walked while it is counted.
pub const REPEATS: usize = 200;

/// How often before: tables have grown, and caches have been filled.
const BEFORE: usize = 32;

/// 2026-01-15T10:30:00Z.
const NOW: Timestamp = Timestamp::from_seconds(1_768_473_000);
const BOUND: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8470);

/// Walks each path, and says its name when that is done.
pub async fn walk() -> anyhow::Result<()> {
    let service = InProcess::start().await?;
    service.finds().await?;
    service.answers().await?;
    service.believes_tokens().await?;
    service.refuses().await?;
    hash()?;
    saml()
}

/// A call that nothing else makes: callgrind writes down what it has counted since the last one, and begins anew.
fn mark() {
    let _nobody_asks = parent_id();
}

/// Walks one path: a few times before it counts, and then for the count.
fn counted<T>(name: &str, mut step: impl FnMut(usize) -> anyhow::Result<T>) -> anyhow::Result<()> {
    (0..BEFORE).try_for_each(|number| step(number).map(drop))?;
    mark();
    (BEFORE..BEFORE + REPEATS).try_for_each(|number| step(number).map(drop))?;
    mark();
    say(name);
    Ok(())
}

/// The whole of an answer with the status that is expected.
type Answer = Pin<Box<dyn Future<Output = anyhow::Result<Bytes>>>>;
type Router = Box<dyn Fn(Asked, StatusCode) -> Answer>;

/// The router with everything behind it, but nobody listening.
struct InProcess {
    router: Router,
    store: Arc<Store>,
    pool: Arc<HashPool>,
    is_blank: Arc<AtomicBool>,
    session: String,
    org: String,
}

impl InProcess {
    async fn start() -> anyhow::Result<Self> {
        let config = "password = { memory_kib = 64, passes = 1, lanes = 1, threads = 1 }";
        let config = Config::parse(config).map_err(|error| anyhow!("{error}"))?;
        let store = Arc::new(Store::in_memory(NOW).await?);
        let is_blank = Arc::new(AtomicBool::new(false));
        let (metrics, dice) = (routes::metrics(), Arc::<Dice>::default());
        let pool = Arc::<Dice>::clone(&dice);
        let pool = Arc::new(HashPool::start(&config.password, pool, metrics.hashes.clone())?);
        let needs = Needs {
            store: Arc::<Store>::clone(&store),
            clock: Arc::new(Stopped),
            entropy: dice,
            hasher: Arc::<HashPool>::clone(&pool),
            keysmith: Arc::new(Smith(Arc::clone(&is_blank))),
            key_sets: Arc::new(Outbound::new(&config.federation, Arc::new(Stopped))?),
            policy: service::policy(&config, BOUND),
        };
        let (cx, operator) = needs.start();
        keyring::rotate(&cx, access::may_rotate_keys(&operator)).await?;
        let orgs = seed::parse(&crate::place::seeds(1)).map_err(|error| anyhow!("{error}"))?;
        founding::found(&cx, access::may_found(&operator), orgs).await?;
        let shared = Shared::new(&config, Arc::new(cx), Arc::<Store>::clone(&store), metrics);
        let router = TowerToHyperService::new(routes::router(Arc::new(shared)));
        let router: Router = Box::new(move |asked, status| {
            let answer = router.call(asked);
            Box::pin(async move {
                let response = answer.await?;
                ensure!(response.status() == status, "an answer is {}", response.status());
                Ok(response.into_body().collect().await.map_err(|error| anyhow!("{error}"))?.to_bytes())
            })
        });
        let mut service = Self { router, store, pool, is_blank, session: String::new(), org: String::new() };
        let answer = service.ask(Door::V1.sign_in(&user(0))?).await?;
        (service.session, service.org) = (text(&answer, "sessionId")?, text(&answer, "orgId")?);
        Ok(service)
    }

    async fn ask(&self, asked: Asked) -> anyhow::Result<Value> {
        Ok(serde_json::from_slice(&(self.router)(asked, StatusCode::OK).await?)?)
    }

    /// Walks one path through the router; nothing on it waits, so each request is done as soon as it is begun.
    async fn counted(&self, name: &str, asked: &[Asked], status: StatusCode) -> anyhow::Result<()> {
        let request = |number: usize| asked.get(number % asked.len()).cloned();
        for number in 0..BEFORE {
            (self.router)(request(number).context("nothing to ask")?, status).await?;
        }
        mark();
        for number in BEFORE..BEFORE + REPEATS {
            (self.router)(request(number).context("nothing to ask")?, status).await?;
        }
        mark();
        say(name);
        Ok(())
    }

    async fn finds(&self) -> anyhow::Result<()> {
        let digest = SessionDigest::of(&Secret::new(self.session.clone()));
        for number in 0..BEFORE + REPEATS {
            if number == BEFORE {
                mark();
            }
            ensure!(self.store.live(&digest).await?.is_some(), "the session is gone");
        }
        mark();
        say("a live session found");
        Ok(())
    }

    async fn answers(&self) -> anyhow::Result<()> {
        self.counted("session/User", &[with_session(USER, &self.session)?], StatusCode::OK).await?;
        let gate = get("/gate").header(SESSION, &self.session).body(Full::default())?;
        self.counted("/gate, session id", &[gate], StatusCode::OK).await?;
        let mint = with_session(TOKEN, &self.session)?;
        (self.router)(mint.clone(), StatusCode::OK).await?;
        self.is_blank.store(true, Ordering::SeqCst);
        self.counted("jwt/Token, without the signature", &[mint], StatusCode::OK).await?;
        self.is_blank.store(false, Ordering::SeqCst);
        Ok(())
    }

    /// Sign-ins while every place in the queue of hashes is taken, each by another org.
    async fn refuses(&self) -> anyhow::Result<()> {
        let of = |org| Flow { org: Some(OrgId::from_bits(org)), network: Network::Everywhere, name: None };
        let place = |org| self.pool.admit(of(org), Waiter::always()).ok();
        let _taken: Vec<_> = (1..).map_while(place).collect();
        let sign_in = Door::V1.sign_in(&user(0))?;
        self.counted("a sign-in refused for load", &[sign_in], StatusCode::TOO_MANY_REQUESTS).await
    }

    /// The gate with tokens, seen before and for the first time; and what the signatures alone cost.
    async fn believes_tokens(&self) -> anyhow::Result<()> {
        let mint = with_session(TOKEN, &self.session)?;
        let mut tokens = Vec::new();
        for _ in 0..BEFORE + REPEATS {
            tokens.push(text(&self.ask(mint.clone()).await?, "jwt_token")?);
        }
        let asked = tokens.iter().map(|token| bearer(token, &self.org)).collect::<Result<Vec<_>, _>>()?;
        self.counted("/gate, JWT for the first time", &asked, StatusCode::OK).await?;
        self.counted("/gate, JWT seen before", &asked, StatusCode::OK).await?;
        let keys = self.ask(get("/identity-service/.well-known/jwks.json").body(Full::default())?).await?;
        let public = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point(&keys)?)?;
        let signed = tokens.iter().map(|token| signed(token)).collect::<Result<Vec<_>, _>>()?;
        counted("one ES256 verification, bare", |number| {
            let (message, signature) = signed.get(number).context("a token is missing")?;
            Ok(public.verify_sig(message, signature)?)
        })
    }
}

/// The public key of the first key of a set, as an uncompressed point.
fn point(keys: &Value) -> anyhow::Result<Vec<u8>> {
    let part = |name: &str| -> anyhow::Result<Vec<u8>> {
        let key = keys.pointer("/keys/0").context("the set has no key")?;
        Ok(BASE64URL.decode(text(key, name)?)?)
    };
    Ok([vec![4], part("x")?, part("y")?].concat())
}

fn signed(token: &str) -> anyhow::Result<(Vec<u8>, Vec<u8>)> {
    let (message, signature) = token.rsplit_once('.').context("a token has three parts")?;
    Ok((message.as_bytes().to_vec(), BASE64URL.decode(signature)?))
}

/// A small hash: what stands around it counts, its passes are those of the library.
fn hash() -> anyhow::Result<()> {
    let (password, mut arena) = (Secret::new(PASSWORD.to_owned()), Vec::new());
    let cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };
    let hash = PasswordHash::make(&password, cost, &Dice::default(), &mut arena).context("no hash")?;
    counted("a password compared, 64 KiB", |_| {
        ensure!(hash.matches(&password, &mut arena), "the password is wrong");
        Ok(())
    })
}

fn saml() -> anyhow::Result<()> {
    let saml = Example::made()?;
    counted("a SAML response of 8 KB, judged", |_| saml.judged())?;
    counted("one RSA-2048 verification, bare", |_| saml.verified())
}

struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        NOW
    }
}

/// Each throw is the digest of its number.
#[derive(Default)]
struct Dice(AtomicU64);

impl Entropy for Dice {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let throw = digest(&SHA256, &self.0.fetch_add(1, Ordering::SeqCst).to_be_bytes());
            chunk.iter_mut().zip(throw.as_ref()).for_each(|(byte, thrown)| *byte = *thrown);
        }
    }
}

/// The machine's keysmith, whose keys sign with zeros while that is asked of them.
struct Smith(Arc<AtomicBool>);

impl Keysmith for Smith {
    fn forge(&self) -> Result<PrivateKey, KeyError> {
        SystemKeysmith.forge()
    }

    fn certify(&self, name: &str, since: Timestamp, until: Timestamp) -> Result<Certified, KeyError> {
        SystemKeysmith.certify(name, since, until)
    }

    fn open(&self, key: &PrivateKey) -> Result<Box<dyn Signer>, KeyError> {
        Ok(Box::new(Blank { is_blank: Arc::clone(&self.0), real: SystemKeysmith.open(key)? }))
    }
}

struct Blank {
    is_blank: Arc<AtomicBool>,
    real: Box<dyn Signer>,
}

impl Signer for Blank {
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], KeyError> {
        if self.is_blank.load(Ordering::SeqCst) { Ok([0; 64]) } else { self.real.sign(message) }
    }

    fn public_point(&self) -> &[u8] {
        self.real.public_point()
    }
}
