//! Sessions on disk: the truth behind the live table.

use crate::db::{DbError, Row, Statement, sql};
use crate::live::LATEST;
use crate::places::Count;
use crate::{Store, change, or_done, to_the_end, write};
use async_trait::async_trait;
use domain::audit::{Entry, Event};
use domain::revision::Revision;
use domain::roster::Origin;
use domain::session::{Live, Place, Record, Session, SessionDigest};
use domain::store::{Directory, Sessions, StoreError};
use domain::time::Timestamp;
use std::slice::from_ref;
use std::sync::Arc;
use std::time::Duration;
use wire::{OrgId, UserId};

const FIND: &str =
    "SELECT digest, user_id, org_id, opened_at, seen_at, ends_at, idle_micros, unique_id, address,
    device FROM session WHERE digest = $1 AND ended_at IS NULL";

/// A password that was replaced, or a user who was disabled, while a hash was being compared opens nothing.
const UNCHANGED: &str = "UPDATE account SET signed_in_at = $3, signed_in_by = $4
    WHERE id = $1 AND revision = $2 AND status = 'active'";

const OPEN: &str =
    "INSERT INTO session (digest, user_id, org_id, opened_at, seen_at, ends_at, idle_micros, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

/// Never goes back, and never revives a session that has ended.
const TOUCH: &str = "UPDATE session SET seen_at = CASE WHEN seen_at < $2 THEN $2 ELSE seen_at END,
    expires_at = CASE WHEN seen_at < $2 THEN $3 ELSE expires_at END, unique_id = COALESCE(unique_id, $4),
    address = COALESCE(address, $5), device = COALESCE(device, $6) WHERE digest = $1 AND ended_at IS NULL";

const END: &str = "UPDATE session SET ended_at = $2, expires_at = $2 WHERE digest = $1 AND ended_at IS NULL";

const END_ORG: &str = "UPDATE session SET ended_at = $2, expires_at = $2
    WHERE org_id = $1 AND ended_at IS NULL";

/// Those that are idle for too long are among them. An index alone answers it, however many there are.
const COUNT_AT_MOST: &str =
    "SELECT COUNT(*) FROM session WHERE org_id = $1 AND ends_at > $2 AND ended_at IS NULL";

/// What is behind on disk may live longer than the disk knows.
const COUNT: &str = "SELECT COUNT(*) FROM session WHERE org_id = $1 AND ends_at > $2 AND ended_at IS NULL
    AND expires_at > $3";

const END_EVERY: &str = "UPDATE session SET ended_at = $1, expires_at = $1 WHERE ended_at IS NULL";

/// In portions, so that others may write in between.
const FORGET: &str = "DELETE FROM session WHERE digest IN (SELECT digest FROM session
    WHERE digest >= $2 AND digest <= $3 AND expires_at < $1 ORDER BY digest LIMIT 1000)";

/// Sessions are looked through for what is over by the first byte of their digests, so many bytes in each minute: no index
/// knows when a session expires, for every use changes that. All of them have had their turn after 52 minutes.
const SLICES_A_MINUTE: i64 = 5;

/// How long a row stays after its session is over, so that a late writing of its last use still finds it.
const GRACE: Duration = LATEST.saturating_add(Duration::from_secs(60));

#[async_trait]
impl Sessions for Store {
    async fn open_session(
        &self,
        session: &Arc<Session>,
        proven: &Revision,
        entry: &Entry,
    ) -> Result<(), StoreError> {
        self.open_and(session, proven, Vec::new(), entry).await
    }

    async fn live(&self, digest: &SessionDigest) -> Result<Option<Live>, StoreError> {
        let reading = self.owner_reading();
        let Some(session) = self.session(digest).await? else {
            return Ok(None);
        };
        let owner = self.user(session.user).await?.zip(self.org(session.org).await?);
        owner.iter().for_each(|owner| session.keep_owner(reading, owner.clone()));
        Ok(owner.map(|(user, org)| Live { session, user, org }))
    }

    fn at_hand(&self, digest: &SessionDigest) -> Option<Live> {
        let session = self.live.get(digest)?;
        let reading = self.owner_reading();
        let (user, org) = match session.owner(reading) {
            Some(owner) => owner,
            None => {
                let owner = (self.users.get(&session.user)?, self.orgs.get(&session.org)?);
                session.keep_owner(reading, owner.clone());
                owner
            }
        };
        Some(Live { session, user, org })
    }

    fn lag(&self) -> Duration {
        self.live.lag()
    }

    fn touched(&self, session: &Arc<Session>) {
        self.live.touched(session);
    }

    async fn end_session(&self, session: &Arc<Session>, entry: &Entry) -> Result<(), StoreError> {
        let statement = end(session, entry.at).must_change();
        let (live, session, entry) = (Arc::clone(&self.live), Arc::clone(session), entry.clone());
        let db = Arc::clone(&self.db);
        to_the_end(async move {
            let written = write(&*db, vec![statement], &entry).await;
            session.mark_ended();
            live.ended(&session.digest);
            or_done(written)
        })
        .await
    }

    async fn end_org_sessions(&self, org: OrgId, entry: &Entry) -> Result<(), StoreError> {
        let live = Arc::clone(&self.live);
        change(&self.db, vec![end_org(org, entry.at)], from_ref(entry), move || live.ended_org(org)).await
    }

    async fn place(&self, org: OrgId, limit: u64, now: Timestamp) -> Result<Option<Place>, StoreError> {
        let places = self.live.places(org);
        // Where others open sessions too, the count is made again every second.
        if !(places.may_recount(now) && self.live.is_of_many())
            && let Some(place) = places.take(limit)
        {
            return Ok(Some(place));
        }
        let counts = places.counts();
        let _counting = places.counting.lock().await;
        // Whoever waited finds what another one has counted.
        if places.counts() != counts {
            let place = places.take(limit);
            if place.is_some() || places.is_exact() {
                return Ok(place);
            }
        }
        let unended = |text| sql(text).bind(org.bits().to_be_bytes()).bind(now.as_micros());
        if places.may_recount(now) {
            let opened_before = places.opened();
            let counted = Count::AtMost(self.counted(unended(COUNT_AT_MOST)).await?);
            places.recounted(counted, opened_before, now);
            if let Some(place) = places.take(limit) {
                return Ok(Some(place));
            }
        }
        if !places.is_exact() {
            let opened_before = places.opened();
            let unexpired = unended(COUNT).bind((now - self.live.lag()).as_micros());
            let counted = Count::Exactly(self.counted(unexpired).await?);
            places.recounted(counted, opened_before, now);
        }
        Ok(places.take(limit))
    }

    async fn forget_sessions(&self, before: Timestamp) -> Result<(), StoreError> {
        self.live.forget(before);
        // The disk is behind: what was used just now must not look as if it were over.
        self.live.flush(&*self.db).await?;
        let long_over = (before - GRACE).as_micros();
        for first in slices(before) {
            let end = |filler: u8| [[first].as_slice(), &[filler; 31]].concat();
            self.delete_all(|| sql(FORGET).bind(long_over).bind(end(0)).bind(end(0xff))).await?;
        }
        Ok(())
    }
}

impl Store {
    /// Ends every session there is, for a store that was brought back from a backup.
    pub(crate) async fn end_every_session(&self, entry: &Entry) -> Result<(), DbError> {
        write(&*self.db, vec![sql(END_EVERY).bind(entry.at.as_micros())], entry).await
    }

    /// Opens a session, and writes what belongs to it in the same transaction.
    pub(crate) async fn open_and(
        &self,
        session: &Arc<Session>,
        proven: &Revision,
        with: Vec<Statement>,
        entry: &Entry,
    ) -> Result<(), StoreError> {
        let user = session.user.bits().to_be_bytes();
        let method = match &entry.event {
            Event::SignedIn { method, .. } => Some(*method),
            _ => None,
        };
        let unchanged = sql(UNCHANGED).bind(user).bind(proven.number);
        let unchanged = unchanged.bind(session.opened_at.as_micros()).bind(method).must_change();
        let (live, session, entry) = (Arc::clone(&self.live), Arc::clone(session), entry.clone());
        let (db, users) = (Arc::clone(&self.db), Arc::clone(&self.users));
        to_the_end(async move {
            let reading = live.start_reading();
            let statements = [unchanged, open(&session)].into_iter().chain(with).collect();
            write(&*db, statements, &entry).await?;
            // The user was read anew for it, and may be at hand as it was before a change elsewhere.
            if live.is_of_many() {
                users.changed(&session.user);
            }
            live.opened(reading, session);
            Ok(())
        })
        .await
    }

    async fn counted(&self, count: Statement) -> Result<u64, DbError> {
        let rows = self.db.read(count).await?;
        let counted = rows.first().ok_or_else(|| DbError::Corrupt("a count without a row".into()))?.int(0)?;
        Ok(u64::try_from(counted).unwrap_or(0))
    }

    /// Changes whenever a user or an org may have changed.
    fn owner_reading(&self) -> u64 {
        self.users.start_reading().0 + self.orgs.start_reading().0
    }

    /// The session with this digest, from memory or else from disk.
    async fn session(&self, digest: &SessionDigest) -> Result<Option<Arc<Session>>, DbError> {
        loop {
            if let Some(session) = self.live.get(digest) {
                return Ok(Some(session));
            }
            let reading = self.live.start_reading();
            let rows = self.db.read(sql(FIND).bind(digest.0)).await?;
            let Some(record) = rows.first().map(record).transpose()? else {
                return Ok(None);
            };
            // Where it was opened from is asked of the disk alone.
            let session = Arc::new(Session::from(Record { origin: None, ..record }));
            let kept = self.live.put(reading, Arc::clone(&session));
            if self.live.is_of_many() {
                // It may have been opened elsewhere after a change of its user that is not heard of here yet. Others end
                // sessions all the time, so one that was not kept is as good as when it was read.
                self.users.changed(&session.user);
                return Ok(Some(kept.unwrap_or(session)));
            }
            // Sessions were ended while this one was being read, so it is read again.
            if kept.is_some() {
                return Ok(kept);
            }
        }
    }
}

/// The first bytes of the digests that have their turn in this minute, also behind a start.
fn slices(now: Timestamp) -> impl Iterator<Item = u8> {
    let first = now.as_micros().div_euclid(60_000_000).wrapping_mul(SLICES_A_MINUTE);
    let wrapped = move |next: i64| u8::try_from(first.wrapping_add(next).rem_euclid(256)).ok();
    (0..SLICES_A_MINUTE).filter_map(wrapped)
}

/// The statement that ends a session.
pub fn end(session: &Session, at: Timestamp) -> Statement {
    sql(END).bind(session.digest.0).bind(at.as_micros())
}

/// The statement that ends every session of an org.
pub fn end_org(org: OrgId, at: Timestamp) -> Statement {
    sql(END_ORG).bind(org.bits().to_be_bytes()).bind(at.as_micros())
}

/// The statement that writes the latest use of a session.
pub fn touch(session: &Session) -> Statement {
    let Origin { address, device } = session.origin().unwrap_or_default();
    sql(TOUCH)
        .bind(session.digest.0)
        .bind(session.seen_at().as_micros())
        .bind(session.expires_at().as_micros())
        .bind(session.unique_id())
        .bind(address.map(|address| address.to_string()))
        .bind(device)
}

fn open(session: &Session) -> Statement {
    sql(OPEN)
        .bind(session.digest.0)
        .bind(session.user.bits().to_be_bytes())
        .bind(session.org.bits().to_be_bytes())
        .bind(session.opened_at.as_micros())
        .bind(session.seen_at().as_micros())
        .bind(session.ends_at.as_micros())
        .bind(session.idle().map(|idle| i64::try_from(idle.as_micros()).unwrap_or(i64::MAX)))
        .bind(session.expires_at().as_micros())
}

/// A session as it is on disk.
pub fn record(row: &Row) -> Result<Record, DbError> {
    let (address, device) = (row.opt_text(8)?, row.opt_text(9)?);
    let origin = Origin {
        address: address
            .map(str::parse)
            .transpose()
            .map_err(|_| DbError::Corrupt("session.address".into()))?,
        device: device.map(str::to_owned),
    };
    Ok(Record {
        digest: SessionDigest(row.digest(0)?),
        user: UserId::from_bits(row.id(1)?),
        org: OrgId::from_bits(row.id(2)?),
        opened_at: Timestamp::from_micros(row.int(3)?),
        seen_at: Timestamp::from_micros(row.int(4)?),
        ends_at: Timestamp::from_micros(row.int(5)?),
        idle: row.opt_int(6)?.map(|micros| Duration::from_micros(u64::try_from(micros).unwrap_or(0))),
        unique_id: row.opt_text(7)?.map(str::to_owned),
        origin: (origin != Origin::default()).then_some(origin),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_session_has_its_turn_within_an_hour_and_few_at_once() {
        let minute = |minute: i64| slices(Timestamp::from_micros(minute * 60_000_000));
        for start in [-30, 0, 7, 29_789_123] {
            let seen: BTreeSet<u8> = (start..start + 52).flat_map(minute).collect();
            assert_eq!((seen.len(), minute(start).count()), (256, 5), "{start}");
        }
    }
}
