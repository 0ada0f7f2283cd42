//! What may be used once is remembered until nobody could use it anyway, on every node of a store.

use crate::cx::Cx;
use crate::store::StoreError;
use crate::time::Timestamp;
use aws_lc_rs::digest;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use wire::OrgId;

/// Marks that one org may have at once; a sign-in past it has to wait, for a mark is never forgotten early.
const MOST: u64 = 100_000;

/// How long a mark outlives its time, so that a node whose clock is behind still finds it.
const GRACE: Duration = Duration::from_secs(5 * 60);

/// The mark that something leaves when it is used: a digest of what it is, and until when it could be used again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// SHA-256 of its kind, its org, who made it and its name.
    pub digest: [u8; 32],
    /// The org that it was used in.
    pub org: OrgId,
    /// Until when it could be used.
    pub until: Timestamp,
}

impl Mark {
    /// The mark of a JWT: its issuer names it once, in `jti` or `uti`.
    pub fn of_jwt(org: OrgId, issuer: &str, id: &str, until: Timestamp) -> Self {
        Self::of(b"jwt", org, (issuer, id), until)
    }

    /// The mark of a SAML assertion: its issuer names it once, in `ID`, whatever stands around it.
    pub fn of_saml(org: OrgId, issuer: &str, id: &str, until: Timestamp) -> Self {
        Self::of(b"saml", org, (issuer, id), until)
    }

    /// The mark of a message of a single logout: its issuer names it once, in `ID`.
    pub fn of_logout(org: OrgId, issuer: &str, id: &str, until: Timestamp) -> Self {
        Self::of(b"saml logout", org, (issuer, id), until)
    }

    fn of(kind: &[u8], org: OrgId, (issuer, id): (&str, &str), until: Timestamp) -> Self {
        let mut all = digest::Context::new(&digest::SHA256);
        let org_bits = org.bits().to_be_bytes();
        for part in [kind, &org_bits, issuer.as_bytes(), id.as_bytes()] {
            // The length goes first, so that no two lists of parts have the same bytes.
            all.update(&(part.len() as u64).to_be_bytes());
            all.update(part);
        }
        Self { digest: all.finish().as_ref().try_into().unwrap_or([0; 32]), org, until }
    }
}

impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mark({} until {})", self.org, self.until.rfc3339())
    }
}

/// Evidence that a mark was left here and now, and never before.
///
/// ```compile_fail,E0423
/// let forged = domain::once::Spent(());
/// ```
#[derive(Debug)]
pub struct Spent(());

/// Why nothing was spent.
#[derive(Debug)]
pub enum NotSpent {
    /// It was used before.
    Before,
    /// The org has as many marks as it may.
    TooMany,
    /// The store did not do it.
    Store(StoreError),
}

impl From<StoreError> for NotSpent {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Leaves a mark; it is on disk before this returns, and of all who try on all nodes one succeeds.
pub async fn spend(cx: &Cx, mark: &Mark) -> Result<Spent, NotSpent> {
    if cx.marks.of(mark.org) >= MOST {
        return Err(NotSpent::TooMany);
    }
    if !cx.store.spend(mark).await? {
        return Err(NotSpent::Before);
    }
    *cx.marks.lock().entry(mark.org).or_default() += 1;
    Ok(Spent(()))
}

/// Forgets the marks whose time is over.
pub async fn forget(cx: &Cx) -> Result<(), StoreError> {
    let left = cx.store.forget_marks(cx.clock.now() - GRACE).await?;
    *cx.marks.lock() = left.into_iter().collect();
    Ok(())
}

/// How many marks each org has, as far as this node knows; forgetting counts them anew.
#[derive(Default)]
pub(crate) struct Marks(Mutex<HashMap<OrgId, u64>>);

impl Marks {
    fn of(&self, org: OrgId) -> u64 {
        self.lock().get(&org).copied().unwrap_or(0)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<OrgId, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_things_leave_two_marks() {
        let (one, other) = (OrgId::from_bits(1), OrgId::from_bits(2));
        let mark = |org, issuer, id| Mark::of_jwt(org, issuer, id, Timestamp::default()).digest;
        let marks = [
            mark(one, "https://a", "1"),
            mark(other, "https://a", "1"),
            mark(one, "https://a1", ""),
            mark(one, "https://a", "2"),
        ];
        for (index, this) in marks.iter().enumerate() {
            assert_eq!(marks.iter().position(|that| that == this), Some(index));
        }
        assert_eq!(marks[0], mark(one, "https://a", "1"));
    }
}
