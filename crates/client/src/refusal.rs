//! A password that was refused, remembered without the password.

use crate::system;
use crate::time::Timestamp;
use aws_lc_rs::pbkdf2;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;
use wire::Secret;

/// A refused password is often nearly the right one, so its digest is made slow to guess.
const ROUNDS: NonZeroU32 = NonZeroU32::MIN.saturating_add(200_000);

/// The memory of one refused password.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Refusal {
    /// When it was refused.
    pub at: Timestamp,
    /// The server's word for it.
    pub code: String,
    /// The server's sentence.
    pub message: String,
    salt: String,
    digest: String,
}

impl Refusal {
    /// Remembers a refused password.
    pub fn of(secret: &Secret, at: Timestamp, code: &str, message: &str) -> Self {
        let salt = system::random::<16>();
        let mut digest = [0; 32];
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ROUNDS, &salt, secret.expose().as_bytes(), &mut digest);
        Self {
            at,
            code: code.to_owned(),
            message: message.to_owned(),
            salt: STANDARD.encode(salt),
            digest: STANDARD.encode(digest),
        }
    }

    /// Whether this is the password that was refused.
    pub fn is_of(&self, secret: &Secret) -> bool {
        let (Ok(salt), Ok(digest)) = (STANDARD.decode(&self.salt), STANDARD.decode(&self.digest)) else {
            return false;
        };
        let secret = secret.expose().as_bytes();
        pbkdf2::verify(pbkdf2::PBKDF2_HMAC_SHA256, ROUNDS, &salt, secret, &digest).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_password_is_recognised() {
        let refusal = Refusal::of(&Secret::new("hunter2"), Timestamp::default(), "IDS_085", "no");
        assert!(refusal.is_of(&Secret::new("hunter2")));
        assert!(!refusal.is_of(&Secret::new("hunter3")));
        assert!(!serde_json::to_string(&refusal).unwrap().contains("hunter2"));
    }
}
