//! Live sessions in memory: they answer every check, and write their last use behind.

use crate::db::{Db, DbError, Durability};
use crate::elsewhere::Hearing;
use crate::sessions;
use domain::session::{Place, Session, SessionDigest};
use domain::time::Timestamp;
use std::borrow::Borrow;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::Notify;
use wire::{OrgId, UserId};

/// How long a use that is to be written waits for others.
const WRITE_BEHIND: Duration = Duration::from_secs(2);

/// How many uses one transaction writes, and about how many one round of writing behind.
const PORTION: usize = 1_000;

/// How far the last use on disk may be behind, however many sessions are used; a crash shortens a session by no more.
pub const MOST_LAG: Duration = Duration::from_secs(300);

/// The same where other nodes read it.
const MOST_LAG_OF_MANY: Duration = Duration::from_secs(30);

/// What a round of nothing leaves of the lag.
const EASE: f64 = 0.95;

const SHARDS: usize = 64;

type Shard = RwLock<HashSet<Held, ByDigest>>;

/// A session that is found by the digest in it, which is not kept a second time beside it.
struct Held(Arc<Session>);

impl Borrow<SessionDigest> for Held {
    fn borrow(&self) -> &SessionDigest {
        &self.0.digest
    }
}

impl Hash for Held {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.digest.hash(state);
    }
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        self.0.digest == other.0.digest
    }
}

impl Eq for Held {}

/// Takes the end of a digest for its hash. Ids are drawn here, so nobody chooses which digests are kept.
#[derive(Debug, Clone, Copy, Default)]
struct ByDigest(u64);

impl BuildHasher for ByDigest {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        Self::default()
    }
}

impl Hasher for ByDigest {
    fn write(&mut self, bytes: &[u8]) {
        // The length, which goes before, is overwritten by the digest.
        self.0 = bytes.last_chunk().map_or(self.0, |last| u64::from_ne_bytes(*last));
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The sessions in memory. A session that is absent is looked for on disk, so forgetting one is always safe.
pub struct LiveTable {
    shards: [Shard; SHARDS],
    endings: AtomicU64,
    unsaved: Mutex<Vec<Arc<Session>>>,
    /// How far the last use on disk may be behind, in microseconds: as far as keeps a round to a portion.
    lag: AtomicU64,
    wake: Notify,
    places: Mutex<HashMap<OrgId, Arc<Places>>>,
    renewed: AtomicU64,
    hearing: Arc<Hearing>,
}

impl Default for LiveTable {
    fn default() -> Self {
        Self::of(Arc::default())
    }
}

impl LiveTable {
    /// Sessions that answer while this hears what other nodes do.
    pub fn of(hearing: Arc<Hearing>) -> Self {
        Self {
            shards: std::array::from_fn(|_| Shard::default()),
            endings: AtomicU64::new(0),
            unsaved: Mutex::default(),
            lag: AtomicU64::new(0),
            wake: Notify::new(),
            places: Mutex::default(),
            renewed: AtomicU64::new(0),
            hearing,
        }
    }
}

/// How many endings had happened when a read from disk began.
pub struct Reading(u64);

impl LiveTable {
    /// The session with this digest, if it is in memory and no other node can have ended it for long.
    pub fn get(&self, digest: &SessionDigest) -> Option<Arc<Session>> {
        if !self.hearing.is_current() {
            return None;
        }
        let shard = self.shard(digest).read().unwrap_or_else(PoisonError::into_inner);
        shard.get(digest).map(|held| Arc::clone(&held.0))
    }

    /// Keeps a session that has just been written, unless sessions ended meanwhile: then the disk is asked first.
    pub fn opened(&self, reading: Reading, session: Arc<Session>) {
        self.places(session.org).opened.fetch_add(1, Ordering::SeqCst);
        self.put(reading, session);
    }

    /// Begins to read a session from disk.
    pub fn start_reading(&self) -> Reading {
        Reading(self.endings.load(Ordering::SeqCst))
    }

    /// Keeps a session as it was read, or the one that another reader kept first; `None` when sessions ended meanwhile.
    pub fn put(&self, reading: Reading, session: Arc<Session>) -> Option<Arc<Session>> {
        let mut shard = self.shard(&session.digest).write().unwrap_or_else(PoisonError::into_inner);
        if self.endings.load(Ordering::SeqCst) != reading.0 {
            return None;
        }
        if let Some(first) = shard.get(&session.digest) {
            return Some(Arc::clone(&first.0));
        }
        shard.insert(Held(Arc::clone(&session)));
        Some(session)
    }

    /// Forgets a session that has ended on disk.
    pub fn ended(&self, digest: &SessionDigest) {
        self.endings.fetch_add(1, Ordering::SeqCst);
        self.shard(digest).write().unwrap_or_else(PoisonError::into_inner).remove(digest);
    }

    /// Forgets the sessions of an org that have ended on disk; one opened since is simply read again.
    pub fn ended_org(&self, org: OrgId) {
        self.endings.fetch_add(1, Ordering::SeqCst);
        self.retain(|session| session.org != org);
    }

    /// Forgets the sessions of a user that have ended on disk: all but the one that goes on.
    pub fn ended_user(&self, user: UserId, but: Option<SessionDigest>) {
        self.endings.fetch_add(1, Ordering::SeqCst);
        self.retain(|session| session.user != user || but == Some(session.digest));
    }

    /// Forgets the session whose digest begins like this: another node has ended it.
    pub fn ended_elsewhere(&self, mark: [u8; 6]) {
        self.endings.fetch_add(1, Ordering::SeqCst);
        let [first, ..] = mark;
        let shard = self.shard_of(first);
        shard
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|held| !held.0.digest.0.starts_with(&mark) || self.go(&held.0));
    }

    /// Forgets every session: another node may have ended any of them.
    pub fn all_ended_elsewhere(&self) {
        self.endings.fetch_add(1, Ordering::SeqCst);
        self.retain(|session| self.go(session));
    }

    /// Lets a session go that may not have ended; what is still to be written of it stands nowhere else.
    fn go(&self, session: &Arc<Session>) -> bool {
        self.save(session);
        false
    }

    /// Queues a session if there is something of it that nobody was told of.
    fn save(&self, session: &Arc<Session>) {
        if session.is_unsaved() && session.mark_unsaved() {
            self.touched(session);
        }
    }

    /// Lets a part of the sessions go, the next part each time: another node may have used them later than this one. One
    /// that is still to be written is, and goes the next time.
    pub fn let_some_go(&self) {
        let next = usize::try_from(self.renewed.fetch_add(1, Ordering::Relaxed)).unwrap_or(0) % SHARDS;
        let Some(shard) = self.shards.get(next) else { return };
        shard.write().unwrap_or_else(PoisonError::into_inner).retain(|held| {
            self.save(&held.0);
            held.0.is_unsaved()
        });
    }

    /// Whether other nodes open sessions too.
    pub fn is_of_many(&self) -> bool {
        self.hearing.is_of_many()
    }

    /// How old the news of other nodes are; `None` when there are none.
    pub fn age(&self) -> Option<Duration> {
        self.hearing.age()
    }

    /// Forgets what had ended by `before`.
    pub fn forget(&self, before: Timestamp) {
        self.retain(|session| !session.has_ended(before));
    }

    fn retain(&self, keep: impl Fn(&Arc<Session>) -> bool) {
        for shard in &self.shards {
            shard.write().unwrap_or_else(PoisonError::into_inner).retain(|held| keep(&held.0));
        }
    }

    fn shard(&self, digest: &SessionDigest) -> &Shard {
        let [first, ..] = digest.0;
        self.shard_of(first)
    }

    fn shard_of(&self, first: u8) -> &Shard {
        let [zero, ..] = &self.shards;
        self.shards.get(usize::from(first) % SHARDS).unwrap_or(zero)
    }

    /// Queues a session whose last use has to be written.
    pub fn touched(&self, session: &Arc<Session>) {
        self.unsaved().push(Arc::clone(session));
        self.wake.notify_one();
    }

    /// How far the last use on disk may be behind, beside the seconds that a use waits to be written.
    pub fn lag(&self) -> Duration {
        Duration::from_micros(self.lag.load(Ordering::Relaxed))
    }

    /// Lets the disk be further behind at once when a round has more than a portion, and slowly less when it has less.
    fn pace(&self, queued: usize) {
        let most = if self.is_of_many() { MOST_LAG_OF_MANY } else { MOST_LAG };
        let share = (queued as f64 / PORTION as f64).max(EASE);
        let lag = self.lag().max(WRITE_BEHIND).mul_f64(share).min(most);
        // Behind by less than a use waits anyway is not behind.
        let lag = if lag <= WRITE_BEHIND { Duration::ZERO } else { lag };
        self.lag.store(u64::try_from(lag.as_micros()).unwrap_or(0), Ordering::Relaxed);
    }

    /// Writes the last use of every session that is in memory.
    pub async fn flush_all(&self, db: &dyn Db) -> Result<(), DbError> {
        self.retain(|session| {
            self.save(session);
            true
        });
        self.flush(db).await
    }

    /// Writes the last use of every session that is queued. What cannot be written stays queued.
    pub async fn flush(&self, db: &dyn Db) -> Result<(), DbError> {
        let mut queued = std::mem::take(&mut *self.unsaved());
        // Two nodes that write the same sessions do it in the same order, so neither waits for the other.
        queued.sort_unstable_by_key(|session| session.digest.0);
        queued.iter().for_each(|session| session.mark_saved());
        for (written, portion) in queued.chunks(PORTION).enumerate() {
            let statements = portion.iter().map(|session| sessions::touch(session)).collect();
            if let Err(error) = db.write(statements, Durability::Relaxed).await {
                let left = queued.iter().skip(written * PORTION);
                self.unsaved().extend(left.filter(|session| session.mark_unsaved()).cloned());
                return Err(error);
            }
        }
        Ok(())
    }

    fn unsaved(&self) -> MutexGuard<'_, Vec<Arc<Session>>> {
        self.unsaved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The places among the sessions of an org.
    pub fn places(&self, org: OrgId) -> Arc<Places> {
        Arc::clone(self.places.lock().unwrap_or_else(PoisonError::into_inner).entry(org).or_default())
    }
}

/// Writes behind until it is aborted. Without use it sleeps.
pub async fn write_behind(table: Arc<LiveTable>, db: Arc<dyn Db>) {
    loop {
        if table.lag() == Duration::ZERO {
            table.wake.notified().await;
        }
        tokio::time::sleep(WRITE_BEHIND).await;
        table.pace(table.unsaved().len());
        if let Err(error) = table.flush(&*db).await {
            tracing::warn!(%error, "the last use of some sessions could not be written yet");
            table.wake.notify_one();
        }
    }
}

/// How many sessions an org has, never too few: counted on disk, plus those opened since, plus places held.
///
/// Endings and expiries make the true number smaller; when the limit seems reached, the disk is asked again,
/// at most once a second.
#[derive(Default)]
pub struct Places {
    counted: AtomicU64,
    opened: AtomicU64,
    held: Arc<AtomicU64>,
    counted_at: AtomicI64,
    taking: Mutex<()>,
}

impl Places {
    /// Takes a place if one of `limit` is free.
    pub fn take(&self, limit: u64) -> Option<Place> {
        let _one_at_a_time = self.taking.lock().unwrap_or_else(PoisonError::into_inner);
        let was_counted = self.counted_at.load(Ordering::SeqCst) != 0;
        let taken = [&self.counted, &self.opened, &self.held]
            .iter()
            .map(|part| part.load(Ordering::SeqCst))
            .sum::<u64>();
        (was_counted && taken < limit).then(|| Place::take(&self.held))
    }

    /// Whether the last count is old enough for a new one.
    pub fn may_recount(&self, now: Timestamp) -> bool {
        let counted_at = Timestamp::from_micros(self.counted_at.load(Ordering::SeqCst));
        counted_at > now || now.since(counted_at) >= Duration::from_secs(1)
    }

    /// How many were opened since the last count.
    pub fn opened(&self) -> u64 {
        self.opened.load(Ordering::SeqCst)
    }

    /// Takes over a count that was made when `opened_before` had been opened.
    pub fn recounted(&self, counted: u64, opened_before: u64, now: Timestamp) {
        let _one_at_a_time = self.taking.lock().unwrap_or_else(PoisonError::into_inner);
        self.counted.store(counted, Ordering::SeqCst);
        self.opened.fetch_sub(opened_before.min(self.opened()), Ordering::SeqCst);
        self.counted_at.store(now.as_micros(), Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::session::Record;

    fn lag_after(rounds: &[usize]) -> u64 {
        let table = LiveTable::default();
        rounds.iter().for_each(|queued| table.pace(*queued));
        table.lag().as_secs()
    }

    #[test]
    fn the_disk_is_as_far_behind_as_keeps_a_round_to_a_portion() {
        assert_eq!(lag_after(&[]), 0);
        assert_eq!(lag_after(&[0, 1, PORTION]), 0);
        assert_eq!(lag_after(&[10 * PORTION]), 20);
        assert_eq!(lag_after(&[10 * PORTION, PORTION, PORTION]), 20);
        assert_eq!(lag_after(&[1_000 * PORTION, 1_000 * PORTION]), MOST_LAG.as_secs());
        assert_eq!(lag_after(&[&[1_000 * PORTION][..], &[0; 100]].concat()), 0);
    }

    #[test]
    fn a_use_that_the_disk_does_not_know_outlives_the_place_in_memory() {
        let forgetful: [fn(&LiveTable); 2] =
            [|table| (0..SHARDS).for_each(|_| table.let_some_go()), LiveTable::all_ended_elsewhere];
        for forget in forgetful {
            let (table, session) = (LiveTable::default(), Arc::new(used()));
            table.put(table.start_reading(), Arc::clone(&session));
            assert!(!session.touch(session.seen_at() + WRITE_BEHIND, MOST_LAG));
            assert_eq!(table.unsaved().len(), 0);
            forget(&table);
            assert_eq!(table.unsaved().len(), 1);
        }
    }

    #[test]
    fn what_was_written_goes_at_the_next_round() {
        let (table, session) = (LiveTable::default(), Arc::new(used()));
        table.put(table.start_reading(), Arc::clone(&session));
        session.touch(session.seen_at() + WRITE_BEHIND, MOST_LAG);
        for is_held in [true, false] {
            (0..SHARDS).for_each(|_| table.let_some_go());
            assert_eq!(table.get(&session.digest).is_some(), is_held);
            session.mark_saved();
        }
    }

    fn used() -> Session {
        let at = Timestamp::from_seconds(1_000_000);
        let (user, org, digest) = (UserId::from_bits(1), OrgId::from_bits(2), SessionDigest([7; 32]));
        Session::from(Record {
            digest,
            user,
            org,
            opened_at: at,
            seen_at: at,
            ends_at: at + Duration::from_secs(43_200),
            idle: Some(Duration::from_secs(1_800)),
            unique_id: None,
            origin: None,
        })
    }
}
