//! A clock that can be moved, stopped and hurried. It lives here, so nothing but the emulator can be given one.

use domain::time::{Clock, Timestamp};
use server::system::SystemClock;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// The fastest that time may run.
pub const FASTEST: f64 = 1_000_000.0;

/// The emulator's clock: an instant, when it was set, and how fast it has run since.
#[derive(Debug)]
pub struct MovableClock {
    real: SystemClock,
    motion: RwLock<Motion>,
}

/// How a clock stands and moves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Motion {
    /// The instant that it showed...
    shown: Timestamp,
    /// ... when the machine's clock showed this.
    at: Timestamp,
    /// Seconds of it in a second of the machine.
    rate: f64,
    /// Whether it stands still.
    frozen: bool,
}

impl Motion {
    fn now(self, machine: Timestamp) -> Timestamp {
        if self.frozen {
            return self.shown;
        }
        self.shown + machine.since(self.at).mul_f64(self.rate)
    }

    /// Whether it stands still.
    pub fn is_frozen(&self) -> bool {
        self.frozen
    }

    /// Seconds of it in a second of the machine.
    pub fn rate(&self) -> f64 {
        self.rate
    }
}

impl MovableClock {
    /// Shows the machine's time, and runs as fast.
    pub fn running() -> Self {
        let real = SystemClock;
        let now = real.now();
        Self { real, motion: RwLock::new(Motion { shown: now, at: now, rate: 1.0, frozen: false }) }
    }

    /// Shows an instant, and stands still.
    pub fn frozen(at: Timestamp) -> Self {
        let clock = Self::running();
        clock.change(|motion| Motion { shown: at, frozen: true, ..motion });
        clock
    }

    /// Goes forward.
    pub fn advance(&self, by: Duration) {
        self.change(|motion| Motion { shown: motion.shown + by, ..motion });
    }

    /// Shows another instant, earlier or later.
    pub fn set(&self, to: Timestamp) {
        self.change(|motion| Motion { shown: to, ..motion });
    }

    /// Stands still, or goes on.
    pub fn freeze(&self, frozen: bool) {
        self.change(|motion| Motion { frozen, ..motion });
    }

    /// Runs this many times as fast as the machine's clock.
    pub fn hurry(&self, rate: f64) {
        self.change(|motion| Motion { rate: rate.clamp(0.0, FASTEST), ..motion });
    }

    /// How it stands and moves.
    pub fn motion(&self) -> Motion {
        *self.motion.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows what it showed when `motion` was read, and moves as it moved then.
    pub fn rewind(&self, motion: Motion) {
        self.change(|_| motion);
    }

    /// A motion as it is at this moment: time that has gone by is in it.
    pub fn moment(&self) -> Motion {
        let machine = self.real.now();
        let motion = self.motion();
        Motion { shown: motion.now(machine), at: machine, ..motion }
    }

    fn change(&self, change: impl FnOnce(Motion) -> Motion) {
        let mut motion = self.motion.write().unwrap_or_else(PoisonError::into_inner);
        let machine = self.real.now();
        let moment = Motion { shown: motion.now(machine), at: machine, ..*motion };
        *motion = Motion { at: machine, ..change(moment) };
    }
}

impl Clock for MovableClock {
    fn now(&self) -> Timestamp {
        self.motion().now(self.real.now())
    }
}

/// The clock of a host that is off by some seconds.
#[derive(Debug)]
pub struct SkewedClock {
    /// The clock that everybody else goes by.
    pub right: Arc<MovableClock>,
    /// By how many microseconds it is ahead.
    pub ahead: i64,
}

impl Clock for SkewedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.right.now().as_micros().saturating_add(self.ahead))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_seconds(1_767_225_600);

    #[test]
    fn a_frozen_clock_moves_only_when_it_is_moved() {
        let clock = MovableClock::frozen(START);
        assert_eq!((clock.now(), clock.now()), (START, START));
        clock.advance(Duration::from_secs(31 * 60));
        assert_eq!(clock.now(), START + Duration::from_secs(31 * 60));
        clock.set(START);
        assert_eq!(clock.now(), START);
    }

    #[test]
    fn a_hurried_clock_runs_in_proportion_to_the_machine() {
        let motion = Motion { shown: START, at: Timestamp::from_seconds(100), rate: 60.0, frozen: false };
        assert_eq!(motion.now(Timestamp::from_seconds(110)), START + Duration::from_secs(600));
        assert_eq!(Motion { frozen: true, ..motion }.now(Timestamp::from_seconds(110)), START);
    }

    #[test]
    fn a_clock_goes_back_to_a_moment_and_moves_on_from_there() {
        let clock = MovableClock::frozen(START);
        let moment = clock.moment();
        clock.advance(Duration::from_secs(86_400));
        clock.hurry(60.0);
        clock.rewind(moment);
        assert_eq!((clock.now(), clock.motion().rate()), (START, 1.0));
    }

    #[test]
    fn a_skewed_clock_goes_with_the_right_one() {
        let right = Arc::new(MovableClock::frozen(START));
        let skewed = SkewedClock { right: Arc::clone(&right), ahead: -120_000_000 };
        right.advance(Duration::from_secs(10));
        assert_eq!(skewed.now(), START - Duration::from_secs(110));
    }
}
