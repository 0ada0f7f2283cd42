//! Keeps the record signed, and no longer than is wanted.

use super::Event;
use super::chain::Link;
use super::checkpoint::{Checkpoint, Kind, Statement};
use super::trail;
use crate::cx::Cx;
use crate::keyring::KeyError;
use crate::store::StoreError;
use crate::time::Timestamp;
use std::time::Duration;

/// A mark is signed when there are so many new entries, or when there is one and the last mark is so old.
const ENTRIES: i64 = 1_000;
/// The longest time for which who can write to the store could write the end of the record anew, unnoticed.
pub const MARK_WITHIN: Duration = Duration::from_secs(10);

/// A cut is made once a day at the most, since each stays for ever.
const CUT_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// Writes what waits, and signs a mark when one is due.
pub async fn tend(cx: &Cx) -> Result<(), StoreError> {
    trail::write_behind(cx).await?;
    let now = cx.clock.now();
    mark(cx, |last, seq| is_due(last, seq, now)).await
}

/// Writes everything and signs it, before the service ends.
pub async fn close(cx: &Cx) -> Result<(), StoreError> {
    trail::write_all(cx).await?;
    mark(cx, |last, seq| last.seq != seq).await
}

async fn mark(cx: &Cx, is_due: impl Fn(&Statement, i64) -> bool) -> Result<(), StoreError> {
    let last = cx.store.last_checkpoint().await?;
    let Some((seq, hash)) = cx.store.last_entry().await? else { return Ok(()) };
    if last.is_some_and(|last| !is_due(&last.statement, seq)) {
        return Ok(());
    }
    cx.store.keep_checkpoint(&sign(cx, Kind::Mark, (seq, hash))?).await
}

fn is_due(last: &Statement, seq: i64, now: Timestamp) -> bool {
    let is_old = now < last.at || now.since(last.at) >= MARK_WITHIN;
    last.seq < seq && (is_old || seq - last.seq >= ENTRIES)
}

/// Says under a signature where the record ends now; for an export that begins after this entry.
pub(super) async fn ending(cx: &Cx, after: i64) -> Result<Checkpoint, StoreError> {
    let end = cx.store.last_entry().await?.unwrap_or((0, Link::NOTHING));
    Ok(sign(cx, Kind::End { after }, end)?)
}

fn sign(cx: &Cx, kind: Kind, (seq, hash): (i64, Link)) -> Result<Checkpoint, KeyError> {
    let key = cx.keyring.signing()?;
    Statement { kind, seq, hash, at: cx.clock.now() }.signed(&key.kid, &*key.signer)
}

/// Lets go of entries that are older than the policy keeps them: a signed cut first, then the entries before it.
pub async fn cut(cx: &Cx) -> Result<(), StoreError> {
    let (Some(kept), now) = (cx.policy.audit_kept, cx.clock.now()) else { return Ok(()) };
    let last = cx.store.last_cut().await?.map(|cut| cut.statement);
    if last.as_ref().is_none_or(|last| now.since(last.at) >= CUT_AFTER) {
        let mark = cx.store.mark_before(now - kept).await?.map(|mark| mark.statement);
        let is_new = |mark: &Statement| last.as_ref().is_none_or(|last| last.seq < mark.seq);
        if let Some(Statement { seq, hash, .. }) = mark.filter(is_new) {
            let cut = sign(cx, Kind::Cut, (seq, hash))?;
            cx.store.cut(&cut, &Event::AuditCut { through: seq }.at(now)).await?;
            return cx.store.forget_entries(seq).await;
        }
    }
    // A service that ended in between has left something of what the last cut let go.
    match last {
        Some(last) => cx.store.forget_entries(last.seq).await,
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_due_by_number_or_by_time_and_only_for_something_new() {
        let now = Timestamp::from_seconds(1_000_000);
        let last = Statement { kind: Kind::Mark, seq: 5, hash: Link::NOTHING, at: now };
        assert!(!is_due(&last, 5, now + MARK_WITHIN));
        assert!(!is_due(&last, 6, now));
        assert!(is_due(&last, 6, now + MARK_WITHIN));
        assert!(is_due(&last, 5 + ENTRIES, now));
        assert!(is_due(&last, 6, now - MARK_WITHIN), "a clock that was set back stops nothing");
    }
}
