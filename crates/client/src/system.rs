//! The only file that touches the machine's clock and random numbers.

#![expect(
    clippy::disallowed_methods,
    reason = "everybody else is handed what this file reads from the machine"
)]

use crate::time::{Clock, Timestamp};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, SystemTime};

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[async_trait::async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => Timestamp::default() + since,
            Err(before) => Timestamp::default() - before.duration(),
        }
    }

    async fn wait(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

/// Random bytes. Nothing is secret only because of these, so a machine without dice gives zeros.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    key().unwrap_or_else(|| {
        tracing::warn!("the machine gives no random numbers");
        [0; N]
    })
}

/// Random bytes that keep a secret; a machine without dice gives none.
pub(crate) fn key<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).ok().map(|()| bytes)
}

/// A number that nobody else has just now, and that is no secret. The cryptography library's first random number takes
/// longer than a command that finds its token in the cache.
pub(crate) fn rough() -> u32 {
    let bytes = RandomState::new().build_hasher().finish().to_le_bytes();
    let [first, second, third, fourth, ..] = bytes;
    u32::from_le_bytes([first, second, third, fourth])
}

/// A time between the two, so that many programs do not act in the same instant.
pub(crate) fn between(least: Duration, most: Duration) -> Duration {
    let dice = f64::from(rough()) / f64::from(u32::MAX);
    least + most.saturating_sub(least).mul_f64(dice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_stands_in_this_century() {
        assert!((1_700_000_000..4_000_000_000).contains(&SystemClock.now().as_seconds()));
    }

    #[test]
    fn a_time_between_two_is_between_them() {
        let (least, most) = (Duration::from_secs(180), Duration::from_secs(300));
        for _ in 0..100 {
            assert!((least..=most).contains(&between(least, most)));
        }
        assert_eq!(between(most, least), most);
    }
}
