//! Tokens that were withdrawn before their time: on disk for every node, at hand for every look.

use crate::audit::Event;
use crate::cx::Cx;
use crate::store::StoreError;
use crate::time::Timestamp;
use aws_lc_rs::digest;
use wire::OrgId;

/// Withdrawn tokens that one org may have at once; their time ends with that of the tokens.
const MOST_OF_ORG: u32 = 100_000;

/// A token that is good no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revocation {
    /// SHA-256 of its `jti`.
    pub digest: [u8; 32],
    /// The org that it is for.
    pub org: OrgId,
    /// Until when it would have lived.
    pub until: Timestamp,
}

/// Whether the token whose `jti` has this digest was withdrawn, by whichever node.
pub(crate) async fn is_revoked(cx: &Cx, digest: &[u8; 32]) -> Result<bool, StoreError> {
    match cx.store.is_known_revoked(digest) {
        Some(is_revoked) => Ok(is_revoked),
        None => cx.store.is_token_revoked(digest).await,
    }
}

/// Withdraws a token; it is on disk before this returns. False when the org has withdrawn as many as it may.
pub(crate) async fn revoke(
    cx: &Cx,
    jti: &str,
    (org, until): (OrgId, Timestamp),
    event: Event,
) -> Result<bool, StoreError> {
    let revocation = Revocation { digest: digest_of(jti), org, until };
    cx.store.revoke_token(&revocation, MOST_OF_ORG, &event.at(cx.clock.now())).await
}

/// Forgets the withdrawn tokens whose time is over.
pub async fn forget(cx: &Cx) -> Result<(), StoreError> {
    cx.store.forget_revocations(cx.clock.now()).await
}

/// By what a withdrawn token is kept: SHA-256 of its `jti`.
pub fn digest_of(jti: &str) -> [u8; 32] {
    digest::digest(&digest::SHA256, jti.as_bytes()).as_ref().try_into().unwrap_or([0; 32])
}
