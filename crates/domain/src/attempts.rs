//! Lockout: one counter per canonical name over all doors, kept for unknown names too.
//!
//! An attempt is counted before its hash is compared. While it is under way it is pending, neither failure nor
//! success, so that five hundred right passwords at once lock nobody out and five hundred wrong ones compare ten hashes.

use crate::audit::Entry;
use crate::cx::Cx;
use crate::name::NameDigest;
use crate::store::StoreError;
use crate::time::Timestamp;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// The counter of one name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attempts {
    /// Consecutive failures.
    pub failures: u32,
    /// Attempts whose outcome is not known yet.
    pub pending: u32,
    /// Until when the name is locked.
    pub locked_until: Option<Timestamp>,
    /// When the last attempt began.
    pub last_at: Timestamp,
    /// Which writing of the record this is; the store compares it.
    pub version: i64,
}

/// How many attempts may fail in a row, and what happens then.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// So many failures lock the name.
    pub(crate) max: u32,
    /// For so long; `None` until the lock is lifted.
    pub(crate) lock: Option<Duration>,
    /// After so long without an attempt the failures are forgotten.
    pub(crate) forget: Duration,
}

impl Limits {
    fn until(self, now: Timestamp) -> Timestamp {
        now + self.lock.unwrap_or(Duration::MAX)
    }
}

/// An attempt that died with its process counts as a failure after this long.
const ABANDONED: Duration = Duration::from_secs(60);

/// How many attempts may wait for their turn on this node, over all names.
const WAITING: usize = 65_536;

/// How many of them may wait for one name, so that one name cannot make all others wait.
const WAITING_FOR_ONE: usize = 512;

/// The answer to a claim.
#[derive(Debug, PartialEq, Eq)]
enum Claim {
    Granted(Attempts),
    Locked,
    Contended,
}

impl Attempts {
    fn claim(&self, now: Timestamp, limits: Limits) -> Claim {
        let mut next = self.aged(now, limits);
        if next.locked_until.is_some() {
            return Claim::Locked;
        }
        if next.failures.saturating_add(next.pending) >= limits.max {
            return Claim::Contended;
        }
        next.pending += 1;
        next.last_at = now;
        Claim::Granted(next)
    }

    /// What time alone has made of the counter.
    fn aged(&self, now: Timestamp, limits: Limits) -> Self {
        let fresh = Self { version: self.version, ..Self::default() };
        match self.locked_until {
            Some(until) if until > now => return self.clone(),
            Some(_) => return fresh,
            None if now.since(self.last_at) >= limits.forget => return fresh,
            None => {}
        }
        let mut aged = self.clone();
        if aged.pending > 0 && now.since(aged.last_at) >= ABANDONED {
            aged.failures = aged.failures.saturating_add(aged.pending);
            aged.pending = 0;
            aged.locked_until = (aged.failures >= limits.max).then_some(limits.until(now));
        }
        aged
    }

    fn failed(&self, now: Timestamp, limits: Limits) -> Self {
        let failures = self.failures.saturating_add(1);
        let locked_until = (failures >= limits.max).then_some(limits.until(now)).or(self.locked_until);
        Self { failures, pending: self.pending.saturating_sub(1), locked_until, ..self.clone() }
    }

    fn succeeded(&self) -> Self {
        Self { failures: 0, ..self.released() }
    }

    fn released(&self) -> Self {
        Self { pending: self.pending.saturating_sub(1), ..self.clone() }
    }
}

/// Why an attempt may not be made.
#[derive(Debug)]
pub(crate) enum NoAttempt {
    /// The name is locked.
    Locked {
        /// Until when.
        until: Timestamp,
    },
    /// Too many attempts wait already.
    Busy,
    /// The counter could not be read or written.
    Store(StoreError),
}

impl From<StoreError> for NoAttempt {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Evidence that an attempt has been counted. Whoever holds it owes one of its three endings.
#[must_use]
pub(crate) struct Attempt {
    name: NameDigest,
    limits: Limits,
    _turn: Turn,
}

/// Counts an attempt on this name.
pub(crate) async fn claim(cx: &Cx, name: NameDigest, limits: Limits) -> Result<Attempt, NoAttempt> {
    let mut turn = cx.turns.take(name).await.ok_or(NoAttempt::Busy)?;
    let queue = Arc::clone(&turn.queue);
    let mut stuck_at = None;
    loop {
        let resolved = queue.resolved.notified();
        let old = cx.store.attempts(&name).await?;
        let version = old.as_ref().map(|attempts| attempts.version);
        let now = cx.clock.now();
        match old.clone().unwrap_or_default().claim(now, limits) {
            Claim::Locked => {
                let locked = old.and_then(|attempts| attempts.locked_until);
                return Err(NoAttempt::Locked { until: locked.unwrap_or(limits.until(now)) });
            }
            Claim::Granted(new) => {
                // Whoever finds the place taken on disk must find this attempt under way, too.
                turn.begin();
                if cx.store.replace_attempts(&name, old.as_ref(), &new, None).await? {
                    return Ok(Attempt { name, limits, _turn: turn });
                }
                turn.end();
            }
            Claim::Contended if queue.under_way.load(Ordering::SeqCst) > 0 => resolved.await,
            // The places are taken by attempts of another node, or of one that died.
            Claim::Contended if stuck_at == version => return Err(NoAttempt::Busy),
            Claim::Contended => stuck_at = version,
        }
    }
}

impl Attempt {
    /// The password was right: the counter starts anew.
    pub(crate) async fn succeeded(self, cx: &Cx) -> Result<(), StoreError> {
        self.resolve(cx, |attempts| attempts.succeeded(), |_| None).await
    }

    /// Nothing was compared: the attempt is taken back.
    pub(crate) async fn released(self, cx: &Cx) -> Result<(), StoreError> {
        self.resolve(cx, |attempts| attempts.released(), |_| None).await
    }

    /// The attempt failed; `entry` records it, told whether this failure locked the name.
    pub(crate) async fn failed(self, cx: &Cx, entry: impl Fn(bool) -> Entry) -> Result<(), StoreError> {
        let (now, limits) = (cx.clock.now(), self.limits);
        let fail = |attempts: &Attempts| attempts.failed(now, limits);
        self.resolve(cx, fail, |new| Some(entry(new.locked_until.is_some()))).await
    }

    async fn resolve(
        self,
        cx: &Cx,
        change: impl Fn(&Attempts) -> Attempts,
        entry: impl Fn(&Attempts) -> Option<Entry>,
    ) -> Result<(), StoreError> {
        loop {
            let old = cx.store.attempts(&self.name).await?;
            let new = change(&old.clone().unwrap_or_default());
            if cx.store.replace_attempts(&self.name, old.as_ref(), &new, entry(&new).as_ref()).await? {
                return Ok(());
            }
        }
    }
}

/// Who is trying which name on this node. As many try one name at once as hashes can run at once.
pub(crate) struct Turns {
    seats: usize,
    waiting: Arc<Semaphore>,
    names: Arc<Mutex<HashMap<NameDigest, Arc<Queue>>>>,
}

struct Queue {
    seats: Arc<Semaphore>,
    line: Semaphore,
    under_way: AtomicUsize,
    resolved: Notify,
}

pub(crate) struct Turn {
    name: NameDigest,
    queue: Arc<Queue>,
    names: Arc<Mutex<HashMap<NameDigest, Arc<Queue>>>>,
    has_begun: bool,
    _seat: OwnedSemaphorePermit,
}

impl Turns {
    pub(crate) fn new(seats: usize) -> Self {
        Self { seats: seats.max(1), waiting: Arc::new(Semaphore::new(WAITING)), names: Arc::default() }
    }

    /// Takes a turn for a name; `None` when too many wait already.
    pub(crate) async fn take(&self, name: NameDigest) -> Option<Turn> {
        let _waiting = self.waiting.try_acquire().ok()?;
        let queue = {
            let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(names.entry(name).or_insert_with(|| Arc::new(Queue::new(self.seats))))
        };
        let place_in_line = queue.line.try_acquire().ok()?;
        let seat = Arc::clone(&queue.seats).acquire_owned().await.ok()?;
        drop(place_in_line);
        Some(Turn { name, queue, names: Arc::clone(&self.names), has_begun: false, _seat: seat })
    }
}

impl Queue {
    fn new(seats: usize) -> Self {
        Self {
            seats: Arc::new(Semaphore::new(seats)),
            line: Semaphore::new(WAITING_FOR_ONE),
            under_way: AtomicUsize::new(0),
            resolved: Notify::new(),
        }
    }
}

impl Turn {
    fn begin(&mut self) {
        self.has_begun = true;
        self.queue.under_way.fetch_add(1, Ordering::SeqCst);
    }

    fn end(&mut self) {
        if std::mem::take(&mut self.has_begun) {
            self.queue.under_way.fetch_sub(1, Ordering::SeqCst);
            self.queue.resolved.notify_waiters();
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.end();
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        // The map's own reference and this one: nobody else is here or on the way.
        if Arc::strong_count(&self.queue) == 2 {
            names.remove(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::minutes;

    const LIMITS: Limits = Limits { max: 3, lock: Some(minutes(15)), forget: minutes(24 * 60) };

    fn at(minute: u32) -> Timestamp {
        Timestamp::from_seconds(1_000_000) + minutes(minute)
    }

    fn granted(attempts: &Attempts, now: Timestamp) -> Attempts {
        match attempts.claim(now, LIMITS) {
            Claim::Granted(next) => next,
            other => panic!("{other:?}"),
        }
    }

    fn failed(attempts: &Attempts, now: Timestamp) -> Attempts {
        granted(attempts, now).failed(now, LIMITS)
    }

    #[test]
    fn three_failures_lock_and_time_unlocks() {
        let locked = failed(&failed(&failed(&Attempts::default(), at(0)), at(1)), at(2));
        assert_eq!(locked.locked_until, Some(at(17)));
        assert_eq!(locked.claim(at(16), LIMITS), Claim::Locked);
        assert_eq!(granted(&locked, at(17)).failures, 0);
    }

    #[test]
    fn a_success_starts_the_count_anew() {
        let two = failed(&failed(&Attempts::default(), at(0)), at(0));
        assert_eq!(granted(&two, at(0)).succeeded(), Attempts { last_at: at(0), ..Attempts::default() });
    }

    #[test]
    fn attempts_under_way_take_places_but_do_not_lock() {
        let full = granted(&granted(&granted(&Attempts::default(), at(0)), at(0)), at(0));
        assert_eq!(full.claim(at(0), LIMITS), Claim::Contended);
        assert_eq!(granted(&full.succeeded(), at(0)).pending, 3);
        assert_eq!(granted(&full.released(), at(0)).pending, 3);
    }

    #[test]
    fn attempts_that_died_with_their_process_are_failures() {
        let full = granted(&granted(&granted(&Attempts::default(), at(0)), at(0)), at(0));
        assert_eq!(full.claim(at(1), LIMITS), Claim::Locked);
        let one = granted(&Attempts::default(), at(0));
        assert_eq!((granted(&one, at(1)).failures, granted(&one, at(1)).pending), (1, 1));
    }

    #[test]
    fn a_counter_is_forgotten_after_a_day_without_attempts() {
        let two = failed(&failed(&Attempts::default(), at(0)), at(0));
        assert_eq!(granted(&two, at(24 * 60)).failures, 0);
        assert_eq!(granted(&two, at(24 * 60 - 1)).failures, 2);
    }
}
