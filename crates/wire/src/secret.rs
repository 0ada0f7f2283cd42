//! A value that must not be seen: it is wiped when dropped and has no way into a log.

use serde::de::{Error, IgnoredAny};
use serde::{Deserialize, Deserializer, Serializer};
use std::fmt;
use zeroize::optimization_barrier;

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
pub struct Secret(String);

impl Secret {
    /// Takes a value out of sight.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself, for the moment of its use.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The same secret, for whoever only looks.
    pub fn as_ref(&self) -> SecretRef<'_> {
        SecretRef(&self.0)
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        wipe(&mut std::mem::take(&mut self.0).into_bytes());
    }
}

/// Overwrites bytes with zeros and all that has room behind them, in blocks: `zeroize` itself goes byte by byte.
pub fn wipe(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.capacity(), 0);
    bytes.fill(0);
    optimization_barrier(bytes.as_slice());
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// A secret where it arrived, such as in a header: it is looked at there, so there is no copy to be wiped.
#[derive(Clone, Copy)]
pub struct SecretRef<'a>(&'a str);

impl<'a> SecretRef<'a> {
    /// Looks at a value that somebody else keeps.
    pub fn new(value: &'a str) -> Self {
        Self(value)
    }

    /// The value itself, for the moment of its use.
    pub fn expose(self) -> &'a str {
        self.0
    }
}

/// A copy of its own, for whoever keeps it.
impl From<SecretRef<'_>> for Secret {
    fn from(secret: SecretRef<'_>) -> Self {
        Self::new(secret.0)
    }
}

impl fmt::Debug for SecretRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretRef(..)")
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
