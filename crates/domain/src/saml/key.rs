//! The key with which this service signs what it says to identity providers: RSA, because many of them take nothing else.

use crate::audit::{Entry, Event};
use crate::cx::Cx;
use crate::keyring::{Certified, KeyError};
use crate::saml::certificate;
use crate::store::StoreError;
use async_trait::async_trait;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bergshamra_dsig::{DsigContext, sign};
use bergshamra_keys::{KeysManager, loader};
use std::sync::Arc;
use std::time::Duration;

/// The key with which this service signs what it says to SAML identity providers.
#[async_trait]
pub trait SamlKeys: Send + Sync {
    /// The key, once there is one.
    async fn saml_key(&self) -> Result<Option<Certified>, StoreError>;

    /// Keeps the key; a conflict when there is one already.
    async fn keep_saml_key(&self, key: &Certified, entry: &Entry) -> Result<(), StoreError>;
}

/// What the certificate is called; nobody looks at anything of it but its key.
const NAME: &str = "Latchkey SAML";

/// Some programs refuse certificates that are over; nobody renews this one, since every provider would have to be told.
const GOOD_FOR: Duration = Duration::from_secs(20 * 365 * 24 * 60 * 60);

/// So that a provider whose clock is behind takes it at once.
const GOOD_SINCE: Duration = Duration::from_secs(24 * 60 * 60);

/// The key, ready for signing.
pub(crate) struct ServiceKey {
    pair: KeyPair,
    context: DsigContext,
    certificate: Vec<u8>,
}

/// The key of this instance; made when it is first asked for, and the same on every node.
pub(crate) async fn of(cx: &Cx) -> Result<Arc<ServiceKey>, StoreError> {
    let known = cx.saml_key.get_or_try_init(|| async {
        let key = match cx.store.saml_key().await? {
            Some(key) => key,
            None => made(cx).await?,
        };
        Ok::<_, StoreError>(Arc::new(ServiceKey::open(key)?))
    });
    Ok(Arc::clone(known.await?))
}

/// Makes the key, or takes that of another node which was faster.
async fn made(cx: &Cx) -> Result<Certified, StoreError> {
    let now = cx.clock.now();
    let key = cx.keysmith.certify(NAME, now - GOOD_SINCE, now + GOOD_FOR)?;
    let event = Event::SamlKeyMade { fingerprint: certificate::fingerprint(&key.certificate) };
    match cx.store.keep_saml_key(&key, &event.at(now)).await {
        Ok(()) => Ok(key),
        Err(StoreError::Conflict) => cx.store.saml_key().await?.ok_or(StoreError::Conflict),
        Err(error) => Err(error),
    }
}

impl ServiceKey {
    fn open(key: Certified) -> Result<Self, KeyError> {
        let pair = KeyPair::from_pkcs8(key.private.expose()).map_err(|_| KeyError)?;
        let text = certificate::pem_of("PRIVATE KEY", key.private.expose());
        let private = loader::load_rsa_private_pem(text.as_bytes()).map_err(|_| KeyError)?;
        let mut keys = KeysManager::new();
        keys.add_key(private);
        Ok(Self { pair, context: DsigContext::new(keys), certificate: key.certificate })
    }

    /// The certificate, as metadata has it.
    pub(crate) fn certificate(&self) -> String {
        BASE64_STANDARD.encode(&self.certificate)
    }

    /// The signature of what stands in a URL (SAML 2.0 bindings, section 3.4.4.1), RSA with SHA-256.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<String, KeyError> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        // This kind of signature draws no random number.
        let drawn = SystemRandom::new();
        self.pair.sign(&RSA_PKCS1_SHA256, &drawn, message, &mut signature).map_err(|_| KeyError)?;
        Ok(BASE64_STANDARD.encode(signature))
    }

    /// Fills in the signature that stands empty in a document.
    pub(crate) fn sign_document(&self, document: String) -> Result<String, KeyError> {
        sign::sign_owned(&self.context, document).map_err(|_| KeyError)
    }
}
