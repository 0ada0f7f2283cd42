//! A value that must not be seen: it is wiped when dropped and has no way into a log.

use serde::de::{Error, IgnoredAny};
use serde::{Deserialize, Deserializer, Serializer};
use std::fmt;
use zeroize::Zeroizing;

/// A password, a session id or a token: a value whose possession is a proof.
///
/// It has no `Display`, no equality and no derived `Serialize`; the one word to search for is `expose`.
///
/// ```
/// let secret = wire::Secret::new("correct horse");
/// assert_eq!(format!("{secret:?}"), "Secret(..)");
/// ```
///
/// ```compile_fail
/// println!("{}", wire::Secret::new("correct horse"));
/// ```
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a value out of sight.
    pub fn new(value: impl Into<String>) -> Self {
        Self(Zeroizing::new(value.into()))
    }

    /// The value itself, for the moment of its use.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Anything but a string is refused without quoting it, as it may be the secret all the same.
impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Given {
            Text(String),
            Other(IgnoredAny),
        }
        match Given::deserialize(from)? {
            Given::Text(text) => Ok(Self::new(text)),
            Given::Other(IgnoredAny) => Err(D::Error::custom("a secret is a string")),
        }
    }
}

/// Writes a secret into the one reply that hands it over.
pub fn hand_over<S: Serializer>(secret: &Secret, into: S) -> Result<S::Ok, S::Error> {
    into.serialize_str(secret.expose())
}
