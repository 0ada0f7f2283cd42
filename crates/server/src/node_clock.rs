//! The time that all nodes of one database tell: that of the database, whatever their machines say.
//!
//! What one node writes down another judges: until when a session lives, since when tokens are worthless. A clock that
//! is half a minute behind must not make a token look younger than the change of password that withdrew it.

use crate::system::{Stopwatch, SystemClock};
use domain::store::{Health, StoreError};
use domain::time::{Clock, Timestamp};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// How often the store is asked.
const LOOK: Duration = Duration::from_secs(5);

/// Machines that are kept by NTP differ by less, and are left alone.
const TOLERATED: Duration = Duration::from_millis(500);

/// The machine's clock, moved to the time of the database where many nodes share one.
#[derive(Debug, Default)]
pub struct NodeClock {
    /// How far the database is ahead, in microseconds.
    ahead: AtomicI64,
}

impl Clock for NodeClock {
    fn now(&self) -> Timestamp {
        moved(SystemClock.now(), self.ahead.load(Ordering::Relaxed))
    }
}

impl NodeClock {
    /// Follows the store for as long as it is polled.
    pub async fn follow(&self, store: &dyn Health) {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while store.news_age().is_some() {
            look.tick().await;
            if let Err(error) = self.set(store).await {
                tracing::debug!(%error, "the store does not say what time it is");
            }
        }
    }

    /// Asks the store what time it is.
    ///
    /// # Errors
    /// When the store does not say; then the clock goes on as before.
    pub async fn set(&self, store: &dyn Health) -> Result<(), StoreError> {
        let (asked, watch) = (SystemClock.now(), Stopwatch::start());
        let Some(there) = store.time().await? else { return Ok(()) };
        let under_way = watch.elapsed();
        let here = asked + under_way / 2;
        let before = self.ahead.load(Ordering::Relaxed);
        let ahead = ahead(here, there, under_way / 2, before);
        if ahead != before {
            self.ahead.store(ahead, Ordering::Relaxed);
            let seconds = Duration::from_micros(ahead.unsigned_abs()).as_secs_f64();
            let way = if ahead < 0 { "behind" } else { "ahead of" };
            tracing::warn!(
                seconds,
                "the database is {seconds:.1} s {way} this machine, and its time is told here"
            );
        }
        Ok(())
    }
}

/// How far ahead the time there is, when what is told so far is surely not it; `doubt` is how inexact the look was.
fn ahead(here: Timestamp, there: Timestamp, doubt: Duration, before: i64) -> i64 {
    let found = there.as_micros().saturating_sub(here.as_micros());
    let is_off = |by: i64| Duration::from_micros(found.abs_diff(by)) > TOLERATED + doubt;
    match (is_off(0), is_off(before)) {
        // The machine itself is right, or right again.
        (false, _) => 0,
        (true, false) => before,
        (true, true) => found,
    }
}

fn moved(time: Timestamp, ahead: i64) -> Timestamp {
    Timestamp::from_micros(time.as_micros().saturating_add(ahead))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_moved_when_it_is_surely_wrong_and_then_left_alone() {
        let at = Timestamp::from_seconds;
        let quick = Duration::from_millis(1);
        assert_eq!(ahead(at(1_000), at(1_000), quick, 0), 0);
        assert_eq!(ahead(at(1_000), at(1_030), quick, 0), 30_000_000);
        assert_eq!(ahead(at(1_000), at(970), quick, 0), -30_000_000);
        assert_eq!(ahead(at(1_000), at(1_030), quick, 30_400_000), 30_400_000, "half a second is nothing");
        assert_eq!(ahead(at(1_000), at(1_000), quick, 30_000_000), 0, "the machine was set right");
        assert_eq!(ahead(at(1_000), at(1_001), Duration::from_secs(1), 0), 0, "the answer took as long");
        assert_eq!(moved(at(1_000), -30_000_000), at(970));
    }
}
