//! Tokens that were withdrawn before their time: on disk for every node, in memory for every look.

use crate::audit::Event;
use crate::cx::Cx;
use crate::store::StoreError;
use crate::time::Timestamp;
use aws_lc_rs::digest;
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock, RwLockWriteGuard};
use wire::OrgId;

/// Withdrawn tokens that one org may have at once; their time ends with that of the tokens.
const MOST_OF_ORG: u32 = 100_000;

/// Withdrawn tokens that are kept in memory, 40 bytes each. With more of them the store is asked each time.
const MOST_IN_MEMORY: usize = 200_000;

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

/// What this node knows of withdrawn tokens.
#[derive(Default)]
pub(crate) struct Revoked(RwLock<Known>);

#[derive(Default)]
enum Known {
    /// Nothing was read yet.
    #[default]
    Nothing,
    /// All of them.
    All(HashMap<[u8; 32], Timestamp>),
    /// There are more than are kept in memory.
    TooMany,
}

/// Whether the token with this `jti` was withdrawn, by whichever node; another node hears of it within two seconds.
pub(crate) async fn is_revoked(cx: &Cx, jti: &str) -> Result<bool, StoreError> {
    let digest = digest_of(jti);
    if cx.revoked.is_unread() {
        refresh(cx).await?;
    }
    match cx.revoked.knows(&digest) {
        Some(known) => Ok(known),
        None => cx.store.is_token_revoked(&digest).await,
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
    let had_room = cx.store.revoke_token(&revocation, MOST_OF_ORG, &event.at(cx.clock.now())).await?;
    if had_room && let Known::All(all) = &mut *cx.revoked.write() {
        all.insert(revocation.digest, until);
    }
    Ok(had_room)
}

/// Reads what other nodes have withdrawn.
pub async fn refresh(cx: &Cx) -> Result<(), StoreError> {
    let now = cx.clock.now();
    let most = u32::try_from(MOST_IN_MEMORY).unwrap_or(u32::MAX).saturating_add(1);
    let read = cx.store.revoked_tokens(now, most).await?;
    let mut known = cx.revoked.write();
    if read.len() > MOST_IN_MEMORY {
        *known = Known::TooMany;
        return Ok(());
    }
    // What this node withdrew while it read is not in what it read.
    let mut all = match std::mem::take(&mut *known) {
        Known::All(all) => all,
        Known::Nothing | Known::TooMany => HashMap::new(),
    };
    all.retain(|_, until| *until > now);
    all.extend(read);
    *known = Known::All(all);
    Ok(())
}

/// Forgets the withdrawn tokens whose time is over.
pub async fn forget(cx: &Cx) -> Result<(), StoreError> {
    cx.store.forget_revocations(cx.clock.now()).await?;
    refresh(cx).await
}

impl Revoked {
    fn is_unread(&self) -> bool {
        matches!(&*self.0.read().unwrap_or_else(PoisonError::into_inner), Known::Nothing)
    }

    /// Whether it is among them; `None` when the store has to be asked.
    fn knows(&self, digest: &[u8; 32]) -> Option<bool> {
        match &*self.0.read().unwrap_or_else(PoisonError::into_inner) {
            Known::All(all) => Some(all.contains_key(digest)),
            Known::Nothing | Known::TooMany => None,
        }
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn digest_of(jti: &str) -> [u8; 32] {
    digest::digest(&digest::SHA256, jti.as_bytes()).as_ref().try_into().unwrap_or([0; 32])
}
