//! Keys that a seed decides, and signatures that follow from key and message alone (RFC 6979).

use crate::dice::Dice;
use domain::entropy::Entropy;
use domain::keyring::{Certified, KeyError, Keysmith, PrivateKey, Signer};
use domain::time::Timestamp;
use p256::SecretKey;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use server::keysmith::SystemKeysmith;
use std::sync::Arc;

/// The emulator's keysmith. The service has another one, whose keys nobody can know.
pub struct SeededKeysmith(pub Arc<Dice>);

impl Keysmith for SeededKeysmith {
    fn forge(&self) -> Result<PrivateKey, KeyError> {
        let mut bytes = [0; 32];
        self.0.fill(&mut bytes);
        // One in 2^32 draws is no scalar of the curve.
        let key = SecretKey::from_slice(&bytes).map_err(|_| KeyError)?;
        let pkcs8 = key.to_pkcs8_der().map_err(|_| KeyError)?;
        Ok(PrivateKey::new(pkcs8.as_bytes().to_vec()))
    }

    fn certify(&self, name: &str, since: Timestamp, until: Timestamp) -> Result<Certified, KeyError> {
        // No library makes RSA keys from a seed; nothing that a run is compared by has this one in it.
        SystemKeysmith.certify(name, since, until)
    }

    fn open(&self, key: &PrivateKey) -> Result<Box<dyn Signer>, KeyError> {
        let key = SigningKey::from_pkcs8_der(key.expose()).map_err(|_| KeyError)?;
        let public = key.verifying_key().to_sec1_point(false).as_bytes().to_vec();
        Ok(Box::new(Pair { key, public }))
    }
}

struct Pair {
    key: SigningKey,
    public: Vec<u8>,
}

impl Signer for Pair {
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], KeyError> {
        let signature: Signature = self.key.try_sign(message).map_err(|_| KeyError)?;
        Ok(signature.to_bytes().into())
    }

    fn public_point(&self) -> &[u8] {
        &self.public
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Stream;

    fn smith() -> SeededKeysmith {
        SeededKeysmith(Arc::new(Dice::new([7; 32], Stream::Keys)))
    }

    #[test]
    fn a_seed_decides_keys_and_signatures() {
        let [one, same] = [smith().forge().unwrap(), smith().forge().unwrap()];
        assert_eq!(one.expose(), same.expose());
        let sign = |key: &PrivateKey| smith().open(key).unwrap().sign(b"message").unwrap();
        assert_eq!(sign(&one), sign(&same));
        assert_ne!(one.expose(), {
            let smith = smith();
            smith.forge().unwrap();
            smith.forge().unwrap().expose().to_vec()
        });
    }
}
