//! Secrets on disk that are worth nothing without a key that never is: it is in the kernel's keyring of this user.
//!
//! The keyring holds one small key rather than sessions, because it has little room, is shared by containers of one user,
//! and cannot be changed together with a file (docs/adr/0007).

use crate::system;
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::str::FromStr;
use thiserror::Error;
use wire::Secret;
use zeroize::Zeroizing;

/// The length of a key.
const KEY: usize = 32;
/// The name of the key in the keyring.
#[cfg(target_os = "linux")]
const NAME: &str = "latchkey:seal";

/// Where what opens the secrets on disk is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Keep {
    /// In the keyring of the operating system, so that the files alone are worth nothing; without one, as `File`.
    #[default]
    Keyring,
    /// Nowhere: the files hold the secrets, and only their owner may read them.
    File,
}

/// This text is no way to keep secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("secrets are kept by `keyring` or by `file`")]
pub struct NotAKeep;

impl FromStr for Keep {
    type Err = NotAKeep;

    fn from_str(text: &str) -> Result<Self, NotAKeep> {
        match text {
            "keyring" => Ok(Self::Keyring),
            "file" => Ok(Self::File),
            _ => Err(NotAKeep),
        }
    }
}

/// A key that seals and opens.
pub(crate) struct Seal(RandomizedNonceKey);

impl Seal {
    /// The key of this user, if there is one.
    pub(crate) fn find() -> Option<Self> {
        let key = keyring::find()?;
        RandomizedNonceKey::new(&AES_256_GCM, key.as_slice()).ok().map(Self)
    }

    /// The key of this user, made if there is none. Whoever makes one at the same time waits for the lock of this file.
    pub(crate) fn find_or_make(lock: &File) -> Option<Self> {
        if let Some(found) = Self::find() {
            return Some(found);
        }
        lock.lock().ok()?;
        if let Some(found) = Self::find() {
            return Some(found);
        }
        keyring::keep(&Zeroizing::new(system::key::<KEY>()?));
        // What stands there now is what others will find.
        Self::find()
    }

    /// A text that only this key opens, and only as what it was sealed as.
    pub(crate) fn close(&self, what: &str, secret: &Secret) -> Option<String> {
        let mut text = secret.expose().as_bytes().to_vec();
        let nonce = self.0.seal_in_place_append_tag(Aad::from(what.as_bytes()), &mut text).ok()?;
        Some(STANDARD.encode([nonce.as_ref().as_slice(), &text].concat()))
    }

    /// What was sealed; nothing if it was with another key, as something else, or is damaged.
    pub(crate) fn open(&self, what: &str, sealed: &str) -> Option<Secret> {
        let mut bytes = Zeroizing::new(STANDARD.decode(sealed).ok()?);
        let (nonce, text) = bytes.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let text = self.0.open_in_place(nonce, Aad::from(what.as_bytes()), text).ok()?;
        std::str::from_utf8(text).ok().map(Secret::new)
    }
}

#[cfg(target_os = "linux")]
mod keyring {
    //! The kernel's keyring of this user: the same for every login and every job, gone with a reboot.

    use super::{KEY, NAME};
    use linux_keyutils::{KeyError, KeyRing, KeyRingIdentifier};
    use zeroize::Zeroizing;

    /// A container may forbid it, and a service may be cut off from it, unless it is tied to the process.
    fn of_user() -> Result<KeyRing, KeyError> {
        let user = KeyRing::from_special_id(KeyRingIdentifier::User, true)?;
        KeyRing::from_special_id(KeyRingIdentifier::Process, true)?.link_keyring(user)?;
        Ok(user)
    }

    pub(super) fn find() -> Option<Zeroizing<[u8; KEY]>> {
        let mut key = Zeroizing::new([0; KEY]);
        let read = of_user().and_then(|ring| ring.search(NAME)).and_then(|found| found.read(&mut *key));
        (read.ok()? == KEY).then_some(key)
    }

    pub(super) fn keep(key: &[u8; KEY]) {
        if let Err(error) = of_user().and_then(|ring| ring.add_key(NAME, key)) {
            tracing::debug!("there is no keyring here: {error}");
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod keyring {
    //! No keyring is known for this system.

    use super::KEY;
    use zeroize::Zeroizing;

    pub(super) fn find() -> Option<Zeroizing<[u8; KEY]>> {
        None
    }

    pub(super) fn keep(_: &[u8; KEY]) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(key: u8) -> Seal {
        Seal(RandomizedNonceKey::new(&AES_256_GCM, &[key; KEY]).unwrap())
    }

    #[test]
    fn only_the_same_key_opens_and_only_the_same_thing() {
        let sealed = seal(1).close("a", &Secret::new("s3cret")).unwrap();
        assert_eq!(seal(1).open("a", &sealed).unwrap().expose(), "s3cret");
        assert_ne!(seal(1).close("a", &Secret::new("s3cret")).unwrap(), sealed);
        assert!(seal(2).open("a", &sealed).is_none());
        assert!(seal(1).open("b", &sealed).is_none());
        for damaged in
            ["", "AAAA", "?", sealed.split_at(20).0, &sealed.replacen(char::is_alphanumeric, "/", 20)]
        {
            assert!(seal(1).open("a", damaged).is_none(), "{damaged}");
        }
    }

    #[test]
    fn a_key_that_was_made_is_found_again_whatever_machine_this_is() {
        let lock = tempfile::tempfile().unwrap();
        let Some(made) = Seal::find_or_make(&lock) else { return assert!(Seal::find().is_none()) };
        let sealed = made.close("a", &Secret::new("s3cret")).unwrap();
        assert_eq!(Seal::find().unwrap().open("a", &sealed).unwrap().expose(), "s3cret");
        assert_eq!(Seal::find_or_make(&lock).unwrap().open("a", &sealed).unwrap().expose(), "s3cret");
    }
}
