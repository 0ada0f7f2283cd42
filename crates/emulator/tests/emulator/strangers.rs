//! What an emulator signs is worth nothing to a real service, whatever key and issuer the two have in common.

use crate::world::World;
use client::{AUDIENCE, KeySource, NotVerified, Verifier};
use domain::access::{self, Credentials, Use};
use domain::cx::{Policy, World as Kind};
use domain::entropy::Entropy;
use domain::flow::Waiter;
use domain::session::Opened;
use domain::time::{Clock, Timestamp};
use domain::{Cx, Needs, keyring, sign_in, token};
use emulator::dice::{Dice, Stream};
use emulator::keysmith::SeededKeysmith;
use server::admission::HashPool;
use server::config::Config;
use server::metrics::HashMeters;
use server::outbound::Outbound;
use server::{seed, service};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use store::Store;
use wire::Secret;
use wire::jwt::EMULATOR_ISSUER as ISSUER;

/// The SDK's clock, where the emulator's stands.
struct Still;
#[async_trait::async_trait]
impl client::Clock for Still {
    fn now(&self) -> client::Timestamp {
        client::Timestamp::from_seconds(1_768_473_000)
    }

    async fn wait(&self, _: std::time::Duration) {}
}

const NOW: Timestamp = Timestamp::from_seconds(1_768_473_000);

struct Stopped;
impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        NOW
    }
}

/// An instance of either kind over a store: what is in the store, its keys too, is common to all who share it.
async fn instance(store: &Arc<Store>, kind: Kind, issuer: &str) -> Cx {
    static INSTANCES: AtomicU8 = AtomicU8::new(0);
    let seed = [INSTANCES.fetch_add(1, Ordering::SeqCst); 32];
    let config = Config::parse("password = { memory_kib = 64, passes = 1, threads = 1 }").unwrap();
    let dice: Arc<dyn Entropy> = Arc::new(Dice::new(seed, Stream::Rules));
    let policy = service::policy(&config, "127.0.0.1:8470".parse().unwrap());
    let needs = Needs {
        store: Arc::<Store>::clone(store),
        clock: Arc::new(Stopped),
        entropy: Arc::clone(&dice),
        hasher: Arc::new(HashPool::start(&config.password, dice, HashMeters::default()).unwrap()),
        keysmith: Arc::new(SeededKeysmith(Arc::new(Dice::new(seed, Stream::Keys)))),
        key_sets: Arc::new(Outbound::new(&config.federation, Arc::new(Stopped)).unwrap()),
        policy: Policy { issuer: issuer.to_owned(), world: kind, ..policy },
    };
    let (cx, operator) = needs.start();
    keyring::refresh(&cx).await.unwrap();
    if keyring::is_due(&cx) {
        keyring::rotate(&cx, access::may_rotate_keys(&operator)).await.unwrap();
        let orgs =
            seed::parse("[[org]]\nname = \"A\"\n[[org.user]]\nname = \"ada\"\npassword = \"right\"").unwrap();
        domain::founding::found(&cx, access::may_found(&operator), orgs).await.unwrap();
    }
    cx
}

async fn mint(cx: &Cx) -> Secret {
    let visit = domain::audit::Visit { door: domain::audit::Door::V1, address: None };
    let name = domain::name::CanonicalName::of("ada");
    let admitted = sign_in::admit(cx, name, visit, Waiter::always()).unwrap();
    let Opened { caller, .. } = sign_in::with_password(cx, admitted, Secret::new("right")).await.unwrap();
    token::mint(cx, &caller, "idmc_api", "1234".parse().unwrap()).await.unwrap()
}

async fn passes(cx: &Cx, token: &Secret) -> bool {
    let credentials =
        Credentials { bearer: Some(token.as_ref()), sessions: Vec::new(), org: None, from: None };
    access::gate(cx, &credentials, Use::Call).await.is_ok()
}

#[tokio::test]
async fn a_real_service_refuses_what_an_emulator_signed_under_every_key_and_issuer() {
    let real_issuer = "https://dm-us.informaticacloud.com/identity-service";
    let store = async || Arc::new(Store::in_memory(NOW).await.unwrap());
    for emulated_issuer in [ISSUER, real_issuer] {
        for (own, others) in [(store().await, None), (store().await, Some(store().await))] {
            let emulated = instance(&own, Kind::Emulated, emulated_issuer).await;
            let token = mint(&emulated).await;
            assert!(passes(&emulated, &token).await, "it is good where it was signed");
            for real_issuer in [real_issuer, ISSUER] {
                let real = instance(others.as_ref().unwrap_or(&own), Kind::Real, real_issuer).await;
                assert!(!passes(&real, &token).await, "{emulated_issuer} to {real_issuer}");
                // The other way round: an emulator takes nothing real for its own.
                assert!(!passes(&emulated, &mint(&real).await).await);
            }
        }
    }
}

#[tokio::test]
async fn the_sdk_refuses_an_emulators_token_under_every_issuer_unless_told_by_name() {
    let world = World::new().await;
    let token = Secret::new(world.token(&world.session("plain").await).await);
    let keys =
        || KeySource::Url(format!("{}/identity-service/.well-known/jwks.json", world.url).parse().unwrap());
    let clock: Arc<dyn client::Clock> = Arc::new(Still);
    let verifier = |issuer: &str| Verifier::with_clock(issuer, AUDIENCE, keys(), Arc::clone(&clock)).unwrap();
    for issuer in [ISSUER, "https://dm-us.informaticacloud.com/identity-service", &world.url] {
        let error = verifier(issuer).verify(&token).await.unwrap_err();
        assert!(matches!(error, NotVerified::Emulated), "{issuer}: {error}");
    }
    assert_eq!(verifier(ISSUER).emulated().verify(&token).await.unwrap().user, "plain");
    let error = verifier(&world.url).emulated().verify(&token).await.unwrap_err();
    assert!(matches!(error, NotVerified::Issuer(_)), "{error}");
    world.end().await;
}

#[tokio::test]
async fn every_token_of_a_run_says_what_it_is() {
    let world = World::new().await;
    let token = world.token(&world.session("plain").await).await;
    let session_in_jwt_mode = world.session("jwt").await;
    for token in [token, session_in_jwt_mode] {
        let claims: serde_json::Value = jsonwebtoken::dangerous::insecure_decode(&token).unwrap().claims;
        assert_eq!(
            (claims["iss"].as_str(), claims["latchkey_emulator"].as_bool()),
            (Some(ISSUER), Some(true))
        );
    }
    world.end().await;
}
