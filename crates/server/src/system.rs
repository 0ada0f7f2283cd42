//! The only file that touches the machine's clock, random numbers, cores and environment.

#![expect(
    clippy::disallowed_methods,
    reason = "everybody else is handed what this file reads from the machine"
)]

use domain::entropy::Entropy;
use domain::time::{Clock, Timestamp};
use std::num::NonZero;
use std::time::{Duration, Instant, SystemTime};
use wire::Secret;

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => Timestamp::default() + since,
            Err(before) => Timestamp::default() - before.duration(),
        }
    }
}

/// The random numbers of the cryptography library, which the machine seeds.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        if aws_lc_rs::rand::fill(bytes).is_err() {
            // Nothing may be made from numbers that can be guessed, so nothing goes on.
            tracing::error!("the machine gives no random numbers");
            std::process::abort();
        }
    }
}

/// Measures how long something takes, for metrics and never for a rule.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts to measure.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since the start.
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// What the user of the database proves itself with, under the name that every tool of PostgreSQL takes it from.
pub fn database_password() -> Option<Secret> {
    std::env::var("PGPASSWORD").ok().filter(|password| !password.is_empty()).map(Secret::new)
}

/// By how much a thread that hashes stands back behind those that answer, in steps of `nice`.
const STANDS_BACK: i32 = 10;

/// Lets the other threads go first where both want the core: Linux weighs each thread by itself. A machine that does not
/// is a little less prompt under load.
pub fn let_others_go_first() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(STANDS_BACK);
}

/// How many threads run at once here, 1 when the machine does not say.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_stands_in_this_century() {
        let now = SystemClock.now();
        assert!((1_700_000_000..4_000_000_000).contains(&now.as_seconds()), "{now:?}");
    }

    #[test]
    fn the_dice_do_not_repeat() {
        let [mut first, mut second] = [[0; 32]; 2];
        SystemEntropy.fill(&mut first);
        SystemEntropy.fill(&mut second);
        assert_ne!(first, second);
        assert_ne!(first, [0; 32]);
    }

    #[test]
    fn there_is_a_core() {
        assert!(cores() >= 1);
    }
}
