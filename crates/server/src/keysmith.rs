//! Makes and opens P-256 private keys with the one cryptography library.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{self, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use domain::keyring::{Certified, KeyError, Keysmith, PrivateKey, Signer};
use domain::time::Timestamp;
use rcgen::{CertificateParams, DnType};

/// The machine's keysmith.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemKeysmith;

impl Keysmith for SystemKeysmith {
    fn forge(&self) -> Result<PrivateKey, KeyError> {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| KeyError)?;
        let pkcs8 = key.to_pkcs8v1().map_err(|_| KeyError)?;
        Ok(PrivateKey::new(pkcs8.as_ref().to_vec()))
    }

    fn certify(&self, name: &str, since: Timestamp, until: Timestamp) -> Result<Certified, KeyError> {
        let key = rsa::KeyPair::generate(KeySize::Rsa2048).map_err(|_| KeyError)?;
        let der = key.as_der().map_err(|_| KeyError)?;
        let der = der.as_ref().to_vec();
        let pair = rcgen::KeyPair::try_from(der.as_slice()).map_err(|_| KeyError)?;
        let mut about = CertificateParams::default();
        about.distinguished_name.push(DnType::CommonName, name);
        (about.not_before, about.not_after) = (date(since), date(until));
        let certificate = about.self_signed(&pair).map_err(|_| KeyError)?.der().to_vec();
        Ok(Certified { private: PrivateKey::new(der), certificate })
    }

    fn open(&self, key: &PrivateKey) -> Result<Box<dyn Signer>, KeyError> {
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.expose()).map_err(|_| KeyError)?;
        Ok(Box::new(Pair(pair)))
    }
}

/// The day of an instant, which is as exact as a certificate has to be.
fn date(at: Timestamp) -> cookie::time::OffsetDateTime {
    cookie::time::OffsetDateTime::from_unix_timestamp(at.as_seconds())
        .unwrap_or(cookie::time::OffsetDateTime::UNIX_EPOCH)
}

/// A key pair that is kept ready, since reading it costs as much as signing.
struct Pair(EcdsaKeyPair);

impl Signer for Pair {
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], KeyError> {
        let signature = self.0.sign(&SystemRandom::new(), message).map_err(|_| KeyError)?;
        signature.as_ref().try_into().map_err(|_| KeyError)
    }

    fn public_point(&self) -> &[u8] {
        self.0.public_key().as_ref()
    }
}
