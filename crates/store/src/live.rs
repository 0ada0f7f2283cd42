//! Live sessions in memory: they answer every check, and write their last use behind.

use crate::db::{Db, DbError, Durability};
use crate::elsewhere::Hearing;
use crate::places::Places;
use crate::sessions;
use domain::session::{Session, SessionDigest};
use domain::time::Timestamp;
use std::borrow::Borrow;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;
use wire::{OrgId, UserId};

/// How long there is between two rounds of writing behind.
const ROUND: Duration = Duration::from_secs(2);

/// How many uses one transaction writes, and how many a round that need not write more.
const PORTION: usize = 1_000;

/// How many sessions a round looks at that need not look at more.
const LOOKS: usize = 100_000;

/// How late the last use of a session may reach the disk, however many are used; a crash shortens a session by no more.
pub const LATEST: Duration = Duration::from_secs(300);

/// The same where other nodes read it.
const LATEST_OF_MANY: Duration = Duration::from_secs(30);

/// One for each first byte of a digest.
const SHARDS: usize = 256;

/// How many shards are let go at once, a part of them all that comes round within half a minute.
const LET_GO: usize = SHARDS / 64;

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
    /// Sessions that are to be written and that no shard holds.
    leaving: Mutex<Vec<Arc<Session>>>,
    /// Held by the round that is under way.
    sweep: tokio::sync::Mutex<Sweep>,
    /// How late the last use of a session reaches the disk, in microseconds.
    lag: AtomicU64,
    /// Whether the rounds may rest until something is used: the last one came through all shards at once, or the last way
    /// through them found nothing.
    is_through: AtomicBool,
    wake: Notify,
    places: Mutex<HashMap<OrgId, Arc<Places>>>,
    renewed: AtomicU64,
    hearing: Arc<Hearing>,
}

/// How far the rounds have come on their way through the shards.
struct Sweep {
    next: usize,
    /// Since when they are on their way, and what they have found to write.
    begun: Instant,
    found: usize,
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
            leaving: Mutex::default(),
            sweep: tokio::sync::Mutex::new(Sweep { next: 0, begun: Instant::now(), found: 0 }),
            lag: AtomicU64::new(0),
            is_through: AtomicBool::new(true),
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
        self.places(session.org).open();
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
        let ended = self.shard(digest).write().unwrap_or_else(PoisonError::into_inner).take(digest);
        let _gone = ended.is_some_and(|held| self.go(&held.0));
    }

    /// Forgets the sessions of an org that have ended on disk; one opened since is simply read again.
    pub fn ended_org(&self, org: OrgId) {
        self.endings.fetch_add(1, Ordering::SeqCst);
        self.retain(|session| session.org != org || self.go(session));
    }

    /// Forgets the sessions of a user that have ended on disk: all but the one that goes on.
    pub fn ended_user(&self, user: UserId, but: Option<SessionDigest>) {
        self.endings.fetch_add(1, Ordering::SeqCst);
        self.retain(|session| session.user != user || but == Some(session.digest) || self.go(session));
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
        if session.is_unsaved() {
            self.leaving().push(Arc::clone(session));
            self.wake.notify_one();
        }
        false
    }

    /// Lets a part of the sessions go, the next part each time: another node may have used them later than this one. One
    /// that is still to be written goes when it is.
    pub fn let_some_go(&self) {
        let turn = usize::try_from(self.renewed.fetch_add(1, Ordering::Relaxed)).unwrap_or(0);
        for shard in self.shards.iter().skip(turn % (SHARDS / LET_GO) * LET_GO).take(LET_GO) {
            shard.write().unwrap_or_else(PoisonError::into_inner).retain(|held| held.0.is_unsaved());
        }
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
        self.shards.get(usize::from(first)).unwrap_or(zero)
    }

    /// Notes that a session has to be written.
    pub fn touched(&self, session: &Arc<Session>) {
        session.mark_unsaved();
        if !self.holds(session) {
            self.leaving().push(Arc::clone(session));
        }
        self.wake.notify_one();
    }

    fn holds(&self, session: &Arc<Session>) -> bool {
        let shard = self.shard(&session.digest).read().unwrap_or_else(PoisonError::into_inner);
        shard.get(&session.digest).is_some_and(|held| Arc::ptr_eq(&held.0, session))
    }

    /// How late the last use of a session reaches the disk, beside the seconds between two rounds.
    pub fn lag(&self) -> Duration {
        Duration::from_micros(self.lag.load(Ordering::Relaxed))
    }

    /// One round: writes what is to be written of some sessions, of all if there are not too many. What cannot be written
    /// comes again.
    pub async fn flush(&self, db: &dyn Db) -> Result<(), DbError> {
        let mut sweep = self.sweep.lock().await;
        let latest = if self.is_of_many() { LATEST_OF_MANY } else { LATEST };
        let rounds = usize::try_from(latest.as_secs() / ROUND.as_secs()).unwrap_or(1);
        let (least, first) = (SHARDS.div_ceil(rounds), sweep.next);
        if first == 0 {
            (sweep.begun, sweep.found) = (Instant::now(), 0);
        }
        let mut round = Round::of(self);
        let (mut next, mut looks) = (first, 0);
        while next < SHARDS && (next - first < least || round.found.len() < PORTION && looks < LOOKS) {
            looks += self.look(next, &mut round.found);
            next += 1;
            tokio::task::yield_now().await;
        }
        sweep.next = next % SHARDS;
        sweep.found += round.found.len();
        self.note(&sweep, first);
        round.write(db).await
    }

    /// Finds what is to be written of the sessions of a shard, and says how many those are.
    fn look(&self, shard: usize, found: &mut Vec<Arc<Session>>) -> usize {
        let Some(shard) = self.shards.get(shard) else { return 0 };
        let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
        found.extend(shard.iter().filter(|held| held.0.is_unsaved()).map(|held| Arc::clone(&held.0)));
        shard.len()
    }

    /// Notes how late the last use of a session reaches the disk: as long as the way through all shards takes, in more
    /// rounds than one, whether there was something to write on it or not.
    fn note(&self, sweep: &Sweep, first: usize) {
        let is_round = sweep.next == 0;
        let took = if is_round && first == 0 { Duration::ZERO } else { sweep.begun.elapsed() };
        if is_round || took > self.lag() {
            self.lag.store(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
        self.is_through.store(is_round && (first == 0 || sweep.found == 0), Ordering::Relaxed);
    }

    /// Writes whatever is to be written of any session.
    pub async fn flush_all(&self, db: &dyn Db) -> Result<(), DbError> {
        let _alone = self.sweep.lock().await;
        let mut round = Round::of(self);
        let _looks: usize = (0..SHARDS).map(|shard| self.look(shard, &mut round.found)).sum();
        round.write(db).await
    }

    fn leaving(&self) -> MutexGuard<'_, Vec<Arc<Session>>> {
        self.leaving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The places among the sessions of an org.
    pub fn places(&self, org: OrgId) -> Arc<Places> {
        Arc::clone(self.places.lock().unwrap_or_else(PoisonError::into_inner).entry(org).or_default())
    }
}

/// Sessions that are to be written. What is left of them when this goes, whyever it goes, comes again.
struct Round<'a> {
    table: &'a LiveTable,
    found: Vec<Arc<Session>>,
    written: usize,
}

impl<'a> Round<'a> {
    /// One that begins with those that no shard holds.
    fn of(table: &'a LiveTable) -> Self {
        Self { table, found: std::mem::take(&mut *table.leaving()), written: 0 }
    }

    async fn write(mut self, db: &dyn Db) -> Result<(), DbError> {
        // Two nodes that write the same sessions do it in the same order, so neither waits for the other.
        self.found.sort_unstable_by_key(|session| session.digest.0);
        while let Some(portion) = self.found.chunks(PORTION).nth(self.written / PORTION) {
            portion.iter().for_each(|session| session.mark_saved());
            let statements = portion.iter().map(|session| sessions::touch(session)).collect();
            db.write(statements, Durability::Relaxed).await?;
            portion.iter().for_each(|session| session.forget_saved());
            self.written += PORTION;
        }
        Ok(())
    }
}

impl Drop for Round<'_> {
    fn drop(&mut self) {
        self.found.iter().skip(self.written).for_each(|session| self.table.touched(session));
    }
}

/// Writes behind until it is aborted. Without use it sleeps.
pub async fn write_behind(table: Arc<LiveTable>, db: Arc<dyn Db>) {
    loop {
        if table.is_through.load(Ordering::Relaxed) {
            table.wake.notified().await;
        }
        tokio::time::sleep(ROUND).await;
        if let Err(error) = table.flush(&*db).await {
            tracing::warn!(%error, "the last use of some sessions could not be written yet");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::MigrateError;
    use crate::sqlite::Sqlite;
    use domain::session::Record;

    /// A table that knows so many sessions, each of which is to be written.
    fn used(count: u64) -> LiveTable {
        let table = LiveTable::default();
        (0..count).for_each(|number| table.touched(&known(&table, number)));
        table
    }

    fn known(table: &LiveTable, number: u64) -> Arc<Session> {
        let session = Arc::new(session(number));
        table.put(table.start_reading(), Arc::clone(&session));
        session
    }

    fn session(number: u64) -> Session {
        let at = Timestamp::from_seconds(1_000_000);
        let [first, second, third, ..] = number.to_le_bytes();
        let rest = |place| if place % 2 == 0 { second } else { third };
        let digest = SessionDigest(std::array::from_fn(|place| if place == 0 { first } else { rest(place) }));
        Session::from(Record {
            digest,
            user: UserId::from_bits(1),
            org: OrgId::from_bits(2),
            opened_at: at,
            seen_at: at,
            ends_at: at + Duration::from_secs(43_200),
            idle: Some(Duration::from_secs(1_800)),
            unique_id: None,
            origin: None,
        })
    }

    fn unsaved(table: &LiveTable) -> usize {
        let mut found = table.leaving().clone();
        let _looks: usize = (0..SHARDS).map(|shard| table.look(shard, &mut found)).sum();
        found.len()
    }

    async fn database() -> Result<Sqlite, MigrateError> {
        let db = Sqlite::memory().map_err(MigrateError::from)?;
        db.migrate(crate::MIGRATIONS, 0).await?;
        Ok(db)
    }

    #[tokio::test(start_paused = true)]
    async fn a_round_writes_a_portion_and_all_are_written_in_time() {
        let (db, table) = (database().await.unwrap(), used(60_000));
        table.flush(&db).await.unwrap();
        let left = unsaved(&table);
        assert!(left > 60_000 - 2 * PORTION && left <= 60_000 - PORTION, "{left}");
        let mut rounds = 1;
        while unsaved(&table) > 0 {
            tokio::time::advance(ROUND).await;
            table.flush(&db).await.unwrap();
            rounds += 1;
        }
        assert!(
            ROUND * rounds <= LATEST && table.lag() < ROUND * rounds,
            "{rounds} rounds, {:?}",
            table.lag()
        );
        for _ in 0..2 {
            table.flush(&db).await.unwrap();
        }
        assert_eq!(table.lag(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn the_lag_of_a_large_table_is_told_although_nothing_was_used() {
        let (db, table) = (database().await.unwrap(), LiveTable::default());
        for number in 0..LOOKS as u64 + 10_000 {
            known(&table, number);
        }
        for _ in 0..2 {
            table.flush(&db).await.unwrap();
            assert!(!table.is_through.load(Ordering::Relaxed));
            tokio::time::advance(ROUND).await;
            table.flush(&db).await.unwrap();
            assert!(table.is_through.load(Ordering::Relaxed));
            assert_eq!(table.lag(), ROUND);
        }
    }

    #[tokio::test]
    async fn what_a_round_leaves_comes_again() {
        let (db, table) = (database().await.unwrap(), used(PORTION as u64 * 3));
        let closed = database().await.unwrap();
        closed.close().await;
        assert!(table.flush_all(&closed).await.is_err());
        assert_eq!(unsaved(&table), PORTION * 3);
        table.flush_all(&db).await.unwrap();
        assert_eq!(unsaved(&table), 0);
    }

    #[test]
    fn a_use_that_the_disk_does_not_know_outlives_the_place_in_memory() {
        let table = used(600);
        (0..SHARDS).for_each(|_| table.let_some_go());
        assert!(table.get(&session(7).digest).is_some());
        table.all_ended_elsewhere();
        assert!(table.get(&session(7).digest).is_none());
        assert_eq!(unsaved(&table), 600);
        table.touched(&Arc::new(session(600)));
        assert_eq!(unsaved(&table), 601);
    }

    #[tokio::test]
    async fn what_was_written_is_let_go() {
        let (db, table) = (database().await.unwrap(), used(600));
        table.flush_all(&db).await.unwrap();
        (0..SHARDS / LET_GO).for_each(|_| table.let_some_go());
        assert!((0..600).all(|number| table.get(&session(number).digest).is_none()));
    }
}
