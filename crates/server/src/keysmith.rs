//! Makes and opens P-256 private keys with the one cryptography library.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use domain::keyring::{KeyError, Keysmith, PrivateKey, Signer};

/// The machine's keysmith.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemKeysmith;

impl Keysmith for SystemKeysmith {
    fn forge(&self) -> Result<PrivateKey, KeyError> {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| KeyError)?;
        let pkcs8 = key.to_pkcs8v1().map_err(|_| KeyError)?;
        Ok(PrivateKey::new(pkcs8.as_ref().to_vec()))
    }

    fn open(&self, key: &PrivateKey) -> Result<Box<dyn Signer>, KeyError> {
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.expose()).map_err(|_| KeyError)?;
        Ok(Box::new(Pair(pair)))
    }
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
