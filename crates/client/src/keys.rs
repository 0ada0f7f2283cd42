//! Public keys of a login host: fetched once for everybody, kept, and asked for again when a token names a new one.

use crate::cache::{FileShelf, Shelf};
use crate::exchange::{Exchange, NetworkError, Outward};
use crate::time::{Clock, Timestamp};
use aws_lc_rs::digest::{SHA256, digest};
use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use thiserror::Error;
use wire::Secret;

/// A key set is asked for at most this often, whatever tokens name.
const PAUSE: Duration = Duration::from_secs(60);
/// A key set older than this is asked for again.
const FRESH: Duration = Duration::from_secs(60 * 60);
/// A key set older than this is not believed, even if no newer one can be had.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// More keys than this nobody publishes.
const MOST: usize = 100;

/// Why there are no keys.
#[derive(Debug, Clone, Error)]
pub enum KeysError {
    /// The key set cannot be fetched.
    #[error("the key set cannot be fetched")]
    Network(#[source] Arc<NetworkError>),
    /// What was fetched, or given, is no key set.
    #[error("this is no key set: {0}")]
    NotAKeySet(String),
    /// It was asked for less than a minute ago, in vain.
    #[error("the key set could not be fetched a moment ago")]
    Lately,
}

/// Where public keys come from.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// A key set as JSON text, which never changes.
    Given(String),
    /// A URL, asked whenever it must be.
    Url(reqwest::Url),
    /// The same, and what it said is kept in this folder for other processes.
    UrlKeptIn(reqwest::Url, PathBuf),
}

/// The keys that verify tokens with ES256, by their names.
pub(crate) struct Keys {
    source: KeySource,
    exchange: Exchange,
    clock: Arc<dyn Clock>,
    known: Mutex<Known>,
    turn: tokio::sync::Mutex<()>,
}

#[derive(Clone, Default)]
struct Known {
    keys: Arc<HashMap<String, DecodingKey>>,
    fetched: Option<Timestamp>,
    tried: Option<Timestamp>,
}

impl Known {
    fn is_younger(&self, age: Duration, now: Timestamp) -> bool {
        self.fetched.is_some_and(|fetched| now.since(fetched) < age && fetched.since(now) < PAUSE)
    }
}

/// A key set as it is kept on disk.
#[derive(Serialize, Deserialize)]
struct Kept {
    url: String,
    fetched: Timestamp,
    set: String,
}

impl Keys {
    pub(crate) fn new(source: KeySource, clock: Arc<dyn Clock>) -> Result<Self, KeysError> {
        let mut known = Known::default();
        if let KeySource::Given(text) = &source {
            known = Known { keys: Arc::new(read(text)?), ..known };
        }
        let direct = source.url().is_some_and(crate::login_url::is_loopback);
        let exchange = Exchange::new(Outward { direct, ..Outward::default() });
        Ok(Self { source, exchange, clock, known: Mutex::new(known), turn: tokio::sync::Mutex::new(()) })
    }

    /// The same keys, fetched from a host whose authority is one of these.
    pub(crate) fn believing(self, authorities: Vec<reqwest::Certificate>) -> Self {
        Self { exchange: self.exchange.believing(authorities), ..self }
    }

    /// The key of this name; `None` when the set does not have it.
    pub(crate) async fn find(&self, kid: &str) -> Result<Option<DecodingKey>, KeysError> {
        let Some(url) = self.source.url() else { return Ok(self.known().keys.get(kid).cloned()) };
        if let Some(key) = self.fresh(kid) {
            return Ok(Some(key));
        }
        let _turn = self.turn.lock().await;
        if self.known().fetched.is_none() {
            self.recall();
        }
        if let Some(key) = self.fresh(kid) {
            return Ok(Some(key));
        }
        let fetched = self.fetch(url).await;
        let known = self.known();
        if known.is_younger(LONGEST, self.clock.now()) {
            // An old set is better than none: a login host that is down withdraws no keys.
            return Ok(known.keys.get(kid).cloned());
        }
        fetched.map(|()| None)
    }

    fn known(&self) -> Known {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut Known)) {
        change(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn fresh(&self, kid: &str) -> Option<DecodingKey> {
        let known = self.known();
        known.is_younger(FRESH, self.clock.now()).then(|| known.keys.get(kid).cloned()).flatten()
    }

    async fn fetch(&self, url: &reqwest::Url) -> Result<(), KeysError> {
        let now = self.clock.now();
        if self.known().tried.is_some_and(|tried| now.since(tried) < PAUSE && tried.since(now) < PAUSE) {
            return Err(KeysError::Lately);
        }
        self.change(|known| known.tried = Some(now));
        tracing::info!("fetching the key set of {}", url.host_str().unwrap_or_default());
        let network = |error| KeysError::Network(Arc::new(error));
        let request = self.exchange.http().map_err(network)?.get(url.clone());
        let answer = self.exchange.ask(request).await.map_err(network)?;
        if !answer.status.is_success() {
            return Err(KeysError::NotAKeySet(format!("status {}", answer.status.as_u16())));
        }
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        let keys = Arc::new(read(&text)?);
        self.change(|known| *known = Known { keys, fetched: Some(now), tried: Some(now) });
        self.keep(Kept { url: url.to_string(), fetched: now, set: text });
        Ok(())
    }

    fn recall(&self) {
        let KeySource::UrlKeptIn(url, folder) = &self.source else { return };
        let kept = FileShelf::new(folder).get(&shelf_name(url)).ok().flatten();
        let kept = kept.and_then(|text| serde_json::from_str::<Kept>(text.expose()).ok());
        let Some(kept) = kept.filter(|kept| kept.url == url.as_str()) else { return };
        if let Ok(keys) = read(&kept.set) {
            let fetched = Some(kept.fetched);
            self.change(|known| *known = Known { keys: Arc::new(keys), fetched, tried: fetched });
        }
    }

    fn keep(&self, kept: Kept) {
        let KeySource::UrlKeptIn(url, folder) = &self.source else { return };
        let text = Secret::new(serde_json::to_string(&kept).unwrap_or_default());
        if let Err(error) = FileShelf::new(folder).put(&shelf_name(url), &text) {
            tracing::debug!("a key set is not kept: {error}");
        }
    }
}

impl KeySource {
    fn url(&self) -> Option<&reqwest::Url> {
        match self {
            Self::Given(_) => None,
            Self::Url(url) | Self::UrlKeptIn(url, _) => Some(url),
        }
    }
}

fn shelf_name(url: &reqwest::Url) -> String {
    let digest = digest(&SHA256, url.as_str().as_bytes());
    let hex: String = digest.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("keys-{hex}")
}

/// The keys of a set that verify ES256; the others are passed over.
fn read(text: &str) -> Result<HashMap<String, DecodingKey>, KeysError> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<Value>,
    }
    let set: Set = serde_json::from_str(text).map_err(|error| KeysError::NotAKeySet(error.to_string()))?;
    let keys = set.keys.into_iter().take(MOST).filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
    Ok(keys
        .filter(is_es256)
        .filter_map(|key| Some((key.common.key_id.clone()?, DecodingKey::from_jwk(&key).ok()?)))
        .collect())
}

fn is_es256(key: &Jwk) -> bool {
    let on_p256 = match &key.algorithm {
        AlgorithmParameters::EllipticCurve(curve) => curve.curve == EllipticCurve::P256,
        _ => false,
    };
    on_p256
        && key.common.key_algorithm.is_none_or(|algorithm| algorithm == KeyAlgorithm::ES256)
        && key.common.public_key_use.as_ref().is_none_or(|usage| *usage == PublicKeyUse::Signature)
        && key.common.key_operations.as_ref().is_none_or(|all| all.contains(&KeyOperations::Verify))
}
