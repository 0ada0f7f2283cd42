//! How many sessions each org may still open.

use domain::session::Place;
use domain::time::Timestamp;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How many sessions an org has, never too few: counted on disk, plus those opened since, plus places held.
///
/// Endings and expiries make the true number smaller; when the limit seems reached, the disk is asked again,
/// at most once a second: first for a bound that is cheap to know, and exactly if that leaves no place.
#[derive(Default)]
pub struct Places {
    counted: AtomicU64,
    /// Whether no more than that are there, as far as the disk knows.
    is_exact: AtomicBool,
    opened: AtomicU64,
    held: Arc<AtomicU64>,
    counted_at: AtomicI64,
    counts: AtomicU64,
    taking: Mutex<()>,
    /// Held by whoever counts anew.
    pub counting: tokio::sync::Mutex<()>,
}

/// How many sessions of an org the disk has.
#[derive(Debug, Clone, Copy)]
pub enum Count {
    /// So many or fewer: cheap to know.
    AtMost(u64),
    /// So many.
    Exactly(u64),
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

    /// Notes that one was opened.
    pub fn open(&self) {
        self.opened.fetch_add(1, Ordering::SeqCst);
    }

    /// How many were opened since the last count.
    pub fn opened(&self) -> u64 {
        self.opened.load(Ordering::SeqCst)
    }

    /// How many counts there were.
    pub fn counts(&self) -> u64 {
        self.counts.load(Ordering::SeqCst)
    }

    /// Whether the last count was an exact one.
    pub fn is_exact(&self) -> bool {
        self.is_exact.load(Ordering::SeqCst)
    }

    /// Takes over a count that was made when `opened_before` had been opened.
    pub fn recounted(&self, count: Count, opened_before: u64, now: Timestamp) {
        let (counted, is_exact) = match count {
            Count::AtMost(counted) => (counted, false),
            Count::Exactly(counted) => (counted, true),
        };
        let _one_at_a_time = self.taking.lock().unwrap_or_else(PoisonError::into_inner);
        self.counted.store(counted, Ordering::SeqCst);
        self.is_exact.store(is_exact, Ordering::SeqCst);
        self.opened.fetch_sub(opened_before.min(self.opened()), Ordering::SeqCst);
        self.counted_at.store(now.as_micros(), Ordering::SeqCst);
        self.counts.fetch_add(1, Ordering::SeqCst);
    }
}
