//! Signing keys: one signs, the one before it stays published for a token's life, older ones are forgotten.

use crate::access::{Permit, action};
use crate::audit::checkpoint::{Endorsement, PublicKey};
use crate::audit::{Event, Hand};
use crate::cx::Cx;
use crate::store::StoreError;
use crate::time::Timestamp;
use crate::token::LIFE;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use wire::jwt::{Jwk, Jwks};
use zeroize::Zeroizing;

/// How long nobody looks again for a key that was not there: tokens with made-up keys must not cost a query each.
const PAUSE: Duration = Duration::from_millis(200);

/// How long a retired key stays published: the longest life of a token, that of an OAuth client, and a minute for slow
/// nodes.
const PUBLISHED: Duration = Duration::from_secs(24 * 60 * 60 + 60);

/// What makes and opens private keys; the machine's half of a keyring.
pub trait Keysmith: Send + Sync {
    /// Makes a P-256 private key.
    fn forge(&self) -> Result<PrivateKey, KeyError>;

    /// Makes an RSA private key of 2,048 bits, and a certificate of this name that it signed itself.
    fn certify(&self, name: &str, since: Timestamp, until: Timestamp) -> Result<Certified, KeyError>;

    /// Makes a private key ready for signing.
    fn open(&self, key: &PrivateKey) -> Result<Box<dyn Signer>, KeyError>;
}

/// A private key, ready for signing (RFC 7518 section 3.4).
pub trait Signer: Send + Sync {
    /// The ES256 signature of a message: r and s, 32 bytes each.
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], KeyError>;

    /// The public key, as an uncompressed point.
    fn public_point(&self) -> &[u8];
}

/// A key could not be made, opened or used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a signing key could not be made, opened or used")]
pub struct KeyError;

impl From<KeyError> for StoreError {
    fn from(error: KeyError) -> Self {
        Self::Corrupt(error.to_string())
    }
}

/// A private key in PKCS#8; wiped when dropped.
#[derive(Clone)]
pub struct PrivateKey(Zeroizing<Vec<u8>>);

impl PrivateKey {
    /// Takes a PKCS#8 document out of sight.
    pub fn new(pkcs8: Vec<u8>) -> Self {
        Self(Zeroizing::new(pkcs8))
    }

    /// The PKCS#8 document itself.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(..)")
    }
}

/// An RSA key with a certificate of its own, as SAML knows keys.
#[derive(Debug, Clone)]
pub struct Certified {
    /// The key.
    pub private: PrivateKey,
    /// The certificate, in DER.
    pub certificate: Vec<u8>,
}

/// A signing key as the store keeps it.
#[derive(Debug, Clone)]
pub struct KeyRecord {
    /// Its name in the header of a token.
    pub kid: String,
    /// The key.
    pub private: PrivateKey,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when another one signs.
    pub retired_at: Option<Timestamp>,
}

impl KeyRecord {
    /// Whether its public half is published at `now`.
    pub fn is_published(&self, now: Timestamp) -> bool {
        is_published(self.retired_at, now)
    }
}

fn is_published(retired_at: Option<Timestamp>, now: Timestamp) -> bool {
    retired_at.is_none_or(|retired| now < retired + PUBLISHED)
}

/// A key in use: its private half ready for signing, its public half ready for verifying.
pub(crate) struct Key {
    pub(crate) kid: String,
    pub(crate) created_at: Timestamp,
    retired_at: Option<Timestamp>,
    /// The first part of every token that this key signs. A token whose header differs is not ours.
    pub(crate) header: String,
    pub(crate) signer: Box<dyn Signer>,
    public: ParsedPublicKey,
}

impl Key {
    fn open(cx: &Cx, record: KeyRecord) -> Result<Arc<Self>, KeyError> {
        let signer = cx.keysmith.open(&record.private)?;
        let public =
            ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, signer.public_point()).map_err(|_| KeyError)?;
        let header = format!(r#"{{"kid":"{}","typ":"JWT","alg":"ES256"}}"#, record.kid);
        let KeyRecord { kid, created_at, retired_at, .. } = record;
        Ok(Arc::new(Self { kid, created_at, retired_at, header: BASE64URL.encode(header), signer, public }))
    }

    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.public.verify_sig(message, signature).is_ok()
    }

    fn jwk(&self) -> Jwk {
        let point = self.signer.public_point();
        let coordinate =
            |range| BASE64URL.encode(point.get::<std::ops::Range<usize>>(range).unwrap_or_default());
        let text = String::from;
        let (x, y) = (coordinate(1..33), coordinate(33..65));
        Jwk {
            kty: text("EC"),
            crv: text("P-256"),
            usage: text("sig"),
            alg: text("ES256"),
            kid: self.kid.clone(),
            x,
            y,
        }
    }
}

/// The keys in use, newest first; empty until it is first refreshed.
#[derive(Default)]
pub(crate) struct Keyring {
    keys: RwLock<Arc<Vec<Arc<Key>>>>,
    /// When somebody last looked for a key that was not there, and whether he could.
    looked: tokio::sync::Mutex<Option<(Timestamp, Result<(), StoreError>)>>,
}

impl Keyring {
    fn keys(&self) -> Arc<Vec<Arc<Key>>> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The key that signs now.
    pub(crate) fn signing(&self) -> Result<Arc<Key>, KeyError> {
        self.keys().iter().find(|key| key.retired_at.is_none()).cloned().ok_or(KeyError)
    }

    /// The published key whose tokens begin with `header`.
    pub(crate) fn with_header(&self, header: &str, now: Timestamp) -> Option<Arc<Key>> {
        self.published(now).find(|key| key.header == header)
    }

    /// Whether the key called `kid` is published.
    pub(crate) fn publishes(&self, kid: &str, now: Timestamp) -> bool {
        self.keys().iter().any(|key| key.kid == kid && is_published(key.retired_at, now))
    }

    fn published(&self, now: Timestamp) -> impl Iterator<Item = Arc<Key>> {
        let keys = self.keys();
        let published = move |key: &Arc<Key>| is_published(key.retired_at, now);
        (0..keys.len()).filter_map(move |n| keys.get(n).cloned()).filter(published)
    }
}

/// Reads the keys from the store, as another process may have rotated them.
pub async fn refresh(cx: &Cx) -> Result<(), StoreError> {
    let mut keys = cx
        .store
        .keys()
        .await?
        .into_iter()
        .map(|record| Key::open(cx, record))
        .collect::<Result<Vec<_>, _>>()?;
    keys.sort_by_key(|key| std::cmp::Reverse(key.created_at));
    *cx.keyring.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
    Ok(())
}

/// Looks for the key whose tokens begin with `header`, which another node may have made just now; says whether it is
/// there. Whoever comes while somebody looks waits for that look.
pub(crate) async fn look_for(cx: &Cx, header: &str, now: Timestamp) -> Result<bool, StoreError> {
    let mut looked = cx.keyring.looked.lock().await;
    let is_known = || cx.keyring.with_header(header, now).is_some();
    if is_known() {
        return Ok(true);
    }
    if let Some((at, found)) = &*looked
        && *at <= now
        && now.since(*at) < PAUSE
    {
        return found.clone().map(|()| false);
    }
    // Noted before as well: whoever goes away while it looks has looked.
    *looked = Some((cx.clock.now(), Ok(())));
    let found = refresh(cx).await;
    *looked = Some((cx.clock.now(), found.clone()));
    found.map(|()| is_known())
}

/// Makes a new key if it is time, and returns its name. Of many nodes for which it is time at once, one makes a key,
/// and the others take that.
pub async fn rotate_when_due(
    cx: &Cx,
    permit: Permit<action::RotateKeys>,
) -> Result<Option<String>, StoreError> {
    refresh(cx).await?;
    match is_due(cx) {
        true => replace(cx, permit, Hand::Service).await.map(Some),
        false => Ok(None),
    }
}

/// Makes a new key that signs from now on, and returns its name.
pub async fn rotate(cx: &Cx, permit: Permit<action::RotateKeys>) -> Result<String, StoreError> {
    refresh(cx).await?;
    replace(cx, permit, Hand::Service).await
}

/// The same because somebody who holds the machine wants it.
pub async fn rotate_by_hand(cx: &Cx, permit: Permit<action::RotateKeys>) -> Result<String, StoreError> {
    refresh(cx).await?;
    replace(cx, permit, Hand::Tool).await
}

/// Puts a new key in the place of the one that was seen to sign; who finds another there takes that.
async fn replace(cx: &Cx, _permit: Permit<action::RotateKeys>, by: Hand) -> Result<String, StoreError> {
    let now = cx.clock.now();
    let before = cx.keyring.signing().ok();
    let key =
        KeyRecord { kid: cx.request_id(), private: cx.keysmith.forge()?, created_at: now, retired_at: None };
    let event = rotated(cx, &key, by)?;
    let before = before.as_ref().map(|before| before.kid.as_str());
    match cx.store.rotate_key(&key, before, &event.at(now)).await {
        Ok(()) | Err(StoreError::Conflict) => refresh(cx).await?,
        Err(error) => return Err(error),
    }
    Ok(cx.keyring.signing()?.kid.clone())
}

/// The event, in which the key before vouches for the new one.
fn rotated(cx: &Cx, new: &KeyRecord, by: Hand) -> Result<Event, KeyError> {
    let thumbprint = PublicKey::of(&*cx.keysmith.open(&new.private)?)?.thumbprint();
    let endorsed = match cx.keyring.signing() {
        Ok(old) => Some(Endorsement::by(&old.kid, &*old.signer, &thumbprint)?),
        Err(KeyError) => None,
    };
    Ok(Event::KeyRotated { kid: new.kid.clone(), thumbprint, endorsed, by })
}

/// Whether the signing key is older than the policy wants, or missing.
pub fn is_due(cx: &Cx) -> bool {
    match (cx.keyring.signing(), cx.policy.key_life) {
        (Err(KeyError), _) => true,
        (Ok(key), Some(life)) => key.created_at + life <= cx.clock.now(),
        (Ok(_), None) => false,
    }
}

/// Forgets the keys that are no longer published.
pub async fn forget(cx: &Cx) -> Result<(), StoreError> {
    cx.store.forget_keys(cx.clock.now() - PUBLISHED).await
}

/// Whether there is a key to sign with.
pub fn can_sign(cx: &Cx) -> bool {
    cx.keyring.signing().is_ok()
}

/// Every key that the store keeps, oldest first.
pub async fn list(cx: &Cx) -> Result<Vec<KeyRecord>, StoreError> {
    cx.store.keys().await
}

/// The key set that verifies every token that may still be alive.
pub fn published(cx: &Cx) -> Jwks {
    Jwks { keys: cx.keyring.published(cx.clock.now()).map(|key| key.jwk()).collect() }
}

const _: () = assert!(LIFE.as_secs() <= PUBLISHED.as_secs());
