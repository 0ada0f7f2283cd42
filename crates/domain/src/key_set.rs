//! Public keys of others (RFC 7517): which of a published set may verify, and with which one algorithm.

use crate::audit::Distrust;
use crate::strict_json;
use async_trait::async_trait;
use aws_lc_rs::signature::{
    self, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
use serde_json::{Map, Value};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The longest URL of a key set, in characters (protocol.md 5.4).
const LONGEST_URL: usize = 255;

/// Where an issuer publishes its keys. Whether it may be asked is for whoever asks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeySetUrl(String);

/// This text is no URL of a key set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAKeySetUrl;

impl KeySetUrl {
    /// The URL as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is asked in the clear.
    pub fn is_plain(&self) -> bool {
        self.0.starts_with("http://")
    }
}

impl FromStr for KeySetUrl {
    type Err = NotAKeySetUrl;

    fn from_str(text: &str) -> Result<Self, NotAKeySetUrl> {
        let rest =
            text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or(NotAKeySetUrl)?;
        let is_odd = |c: char| c.is_whitespace() || c.is_control() || "@#\\".contains(c);
        let is_good = text.len() <= LONGEST_URL && !rest.starts_with('/') && !rest.is_empty();
        if is_good && !text.contains(is_odd) { Ok(Self(text.to_owned())) } else { Err(NotAKeySetUrl) }
    }
}

/// Where key sets are fetched and kept.
#[async_trait]
pub trait KeySets: Send + Sync {
    /// The key set at `url`. When the one that is kept lacks the key called `kid`, it is asked for again, but not often.
    async fn key_set(&self, url: &KeySetUrl, kid: &str) -> Result<Arc<KeySet>, NoKeySet>;
}

/// The key set cannot be had right now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoKeySet;

/// An algorithm that a provider may sign with. None is symmetric: its key would be published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are named as in RFC 7518 section 3.1 and RFC 8037")]
pub enum Algorithm {
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    Es512,
    EdDsa,
}

impl Algorithm {
    const ALL: [(Self, &str); 10] = [
        (Self::Rs256, "RS256"),
        (Self::Rs384, "RS384"),
        (Self::Rs512, "RS512"),
        (Self::Ps256, "PS256"),
        (Self::Ps384, "PS384"),
        (Self::Ps512, "PS512"),
        (Self::Es256, "ES256"),
        (Self::Es384, "ES384"),
        (Self::Es512, "ES512"),
        (Self::EdDsa, "EdDSA"),
    ];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(known, _)| *known == self).map_or("", |(_, name)| name)
    }

    fn way(self) -> Way {
        match self {
            Self::Rs256 => Way::Rsa(&signature::RSA_PKCS1_2048_8192_SHA256),
            Self::Rs384 => Way::Rsa(&signature::RSA_PKCS1_2048_8192_SHA384),
            Self::Rs512 => Way::Rsa(&signature::RSA_PKCS1_2048_8192_SHA512),
            Self::Ps256 => Way::Rsa(&signature::RSA_PSS_2048_8192_SHA256),
            Self::Ps384 => Way::Rsa(&signature::RSA_PSS_2048_8192_SHA384),
            Self::Ps512 => Way::Rsa(&signature::RSA_PSS_2048_8192_SHA512),
            Self::Es256 => Way::Curve("P-256", &signature::ECDSA_P256_SHA256_FIXED),
            Self::Es384 => Way::Curve("P-384", &signature::ECDSA_P384_SHA384_FIXED),
            Self::Es512 => Way::Curve("P-521", &signature::ECDSA_P521_SHA512_FIXED),
            Self::EdDsa => Way::Curve("Ed25519", &signature::ED25519),
        }
    }
}

/// How the library verifies: with RSA, or on a named curve.
enum Way {
    Rsa(&'static RsaParameters),
    Curve(&'static str, &'static dyn VerificationAlgorithm),
}

/// No algorithm that is accepted has this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAnAlgorithm;

impl FromStr for Algorithm {
    type Err = NotAnAlgorithm;

    fn from_str(text: &str) -> Result<Self, NotAnAlgorithm> {
        Self::ALL.iter().find(|(_, name)| *name == text).map(|(known, _)| *known).ok_or(NotAnAlgorithm)
    }
}

/// A published set of keys; those of a kind that is not known here were left out.
#[derive(Debug)]
pub struct KeySet(Vec<PublicKey>);

/// This is no key set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what was published is not a key set")]
pub struct NotAKeySet;

impl KeySet {
    /// Reads a key set as it was published.
    pub fn read(text: &[u8]) -> Result<Self, NotAKeySet> {
        let set = strict_json::object(text).map_err(|_| NotAKeySet)?;
        let keys = set.get("keys").and_then(Value::as_array).ok_or(NotAKeySet)?;
        Ok(Self(keys.iter().filter_map(Value::as_object).filter_map(PublicKey::read).collect()))
    }

    /// Whether a key has this name.
    pub fn has(&self, kid: &str) -> bool {
        self.0.iter().any(|key| key.kid == kid)
    }

    /// The one key of this name that is for `algorithm`.
    pub(crate) fn key(&self, kid: &str, algorithm: Algorithm) -> Result<Verifier<'_>, Distrust> {
        let fits = |key: &&PublicKey| key.kid == kid && key.is_for(algorithm);
        let mut fitting = self.0.iter().filter(fits);
        match (fitting.next(), fitting.next()) {
            (Some(key), None) if key.is_strong() => Ok(Verifier { key, algorithm }),
            (Some(_), None) => Err(Distrust::WeakKey),
            (None, _) if self.has(kid) => Err(Distrust::WrongAlgorithm),
            _ => Err(Distrust::UnknownKey),
        }
    }
}

struct PublicKey {
    kid: String,
    algorithm: Option<String>,
    material: Material,
}

enum Material {
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    OnCurve { curve: String, point: Vec<u8> },
}

impl PublicKey {
    /// Reads a key; `None` for one that has no name, is not for signatures, or is of an unknown kind, such as a secret.
    fn read(key: &Map<String, Value>) -> Option<Self> {
        let text = |name| key.get(name).and_then(Value::as_str);
        let bytes = |name| BASE64URL.decode(text(name)?.trim_end_matches('=')).ok();
        let is_for_signatures = key.get("use").is_none_or(|usage| usage == "sig");
        let verifies = key
            .get("key_ops")
            .is_none_or(|all| all.as_array().is_some_and(|all| all.iter().any(|one| one == "verify")));
        let material = match text("kty")? {
            "RSA" => Material::Rsa { modulus: number(&bytes("n")?), exponent: number(&bytes("e")?) },
            "EC" => {
                let point = [vec![4], bytes("x")?, bytes("y")?].concat();
                Material::OnCurve { curve: text("crv")?.to_owned(), point }
            }
            "OKP" => Material::OnCurve { curve: text("crv")?.to_owned(), point: bytes("x")? },
            _ => return None,
        };
        let algorithm = match key.get("alg") {
            None => None,
            Some(name) => Some(name.as_str()?.to_owned()),
        };
        let kid = text("kid")?.to_owned();
        (is_for_signatures && verifies).then_some(Self { kid, algorithm, material })
    }

    fn is_for(&self, algorithm: Algorithm) -> bool {
        let says_so = self.algorithm.as_deref().is_none_or(|name| name == algorithm.name());
        says_so
            && match (&self.material, algorithm.way()) {
                (Material::Rsa { .. }, Way::Rsa(_)) => true,
                (Material::OnCurve { curve, .. }, Way::Curve(wanted, _)) => curve == wanted,
                _ => false,
            }
    }

    /// Whether it is not an RSA key below 2048 bits, or above what is worth the time. The curves are all strong.
    fn is_strong(&self) -> bool {
        match &self.material {
            Material::Rsa { modulus, .. } => {
                let zeros = modulus.first().map_or(8, |first| first.leading_zeros());
                (2048..=8192).contains(&((modulus.len() as u64 * 8).saturating_sub(zeros.into())))
            }
            Material::OnCurve { .. } => true,
        }
    }
}

/// A number without the zeros in front, which some issuers publish and the library does not take.
fn number(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().copied().skip_while(|byte| *byte == 0).collect()
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({:?})", self.kid)
    }
}

/// A key together with the one algorithm that it is used with.
pub(crate) struct Verifier<'a> {
    key: &'a PublicKey,
    algorithm: Algorithm,
}

impl Verifier<'_> {
    /// The name of the algorithm, which a token must say too.
    pub(crate) fn algorithm(&self) -> &'static str {
        self.algorithm.name()
    }

    /// Whether `signature` is that of `message`.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let verified = match (&self.key.material, self.algorithm.way()) {
            (Material::Rsa { modulus, exponent }, Way::Rsa(way)) => {
                RsaPublicKeyComponents { n: modulus, e: exponent }.verify(way, message, signature)
            }
            (Material::OnCurve { point, .. }, Way::Curve(_, way)) => {
                UnparsedPublicKey::new(way, point).verify(message, signature)
            }
            _ => return false,
        };
        verified.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(keys: &str) -> KeySet {
        KeySet::read(format!(r#"{{"keys":[{keys}]}}"#).as_bytes()).unwrap()
    }

    fn rsa(bits: usize, more: &str) -> String {
        let modulus = BASE64URL.encode(vec![0xff; bits / 8]);
        format!(r#"{{"kty":"RSA","kid":"k","n":"{modulus}","e":"AQAB"{more}}}"#)
    }

    fn fit(keys: &str, algorithm: Algorithm) -> Result<(), Distrust> {
        set(keys).key("k", algorithm).map(drop)
    }

    #[test]
    fn a_key_is_used_with_one_algorithm_and_only_if_it_is_strong() {
        assert_eq!(fit(&rsa(2048, ""), Algorithm::Rs256), Ok(()));
        assert_eq!(fit(&rsa(2048, r#","alg":"PS256""#), Algorithm::Ps256), Ok(()));
        assert_eq!(fit(&rsa(2048, r#","alg":"PS256""#), Algorithm::Rs256), Err(Distrust::WrongAlgorithm));
        assert_eq!(fit(&rsa(2048, ""), Algorithm::Es256), Err(Distrust::WrongAlgorithm));
        assert_eq!(fit(&rsa(1024, ""), Algorithm::Rs256), Err(Distrust::WeakKey));
        assert_eq!(fit(&rsa(16_384, ""), Algorithm::Rs256), Err(Distrust::WeakKey));
    }

    #[test]
    fn a_key_that_is_not_for_verifying_or_has_a_twin_is_unknown() {
        for keys in [
            String::new(),
            rsa(2048, r#","use":"enc""#),
            rsa(2048, r#","key_ops":["encrypt"]"#),
            rsa(2048, r#","alg":7"#),
            r#"{"kty":"oct","kid":"k","k":"AAAA"}"#.to_owned(),
            format!("{},{}", rsa(2048, ""), rsa(2048, "")),
        ] {
            assert_eq!(fit(&keys, Algorithm::Rs256), Err(Distrust::UnknownKey), "{keys:.60}");
        }
    }

    #[test]
    fn what_is_no_key_set_is_refused() {
        for text in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[],"keys":[]}"#] {
            assert_eq!(KeySet::read(text.as_bytes()).map(drop), Err(NotAKeySet), "{text}");
        }
    }

    #[test]
    fn a_url_is_absolute_and_plain() {
        assert!("https://idp.example.com/keys?a=b".parse::<KeySetUrl>().is_ok());
        for text in
            ["", "https://", "https:///x", "ftp://a/", "https://u@a/", "https://a/#b", "https://a/ b", "//a"]
        {
            assert_eq!(text.parse::<KeySetUrl>(), Err(NotAKeySetUrl), "{text}");
        }
    }

    #[test]
    fn no_symmetric_algorithm_and_no_none_has_a_name() {
        for text in ["HS256", "HS512", "none", "None", "rs256", ""] {
            assert_eq!(text.parse::<Algorithm>(), Err(NotAnAlgorithm), "{text}");
        }
    }
}
