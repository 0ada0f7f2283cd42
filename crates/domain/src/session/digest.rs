//! What stands for a session wherever its id must not be.

use aws_lc_rs::digest;
use std::fmt;
use wire::Secret;

/// SHA-256 of a session id.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionDigest(pub [u8; 32]);

impl SessionDigest {
    /// The digest of a presented id.
    pub fn of(id: &Secret) -> Self {
        let digest = digest::digest(&digest::SHA256, id.expose().as_bytes());
        Self(digest.as_ref().try_into().unwrap_or([0; 32]))
    }
}

impl fmt::Debug for SessionDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(6).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
