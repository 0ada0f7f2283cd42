//! How many failures one network may have over all names: a bucket each, in a bounded number of buckets.
//!
//! The generic cell rate algorithm: one instant per network says until when its failures are paid for. A place is taken
//! before the hash is compared and given back unless the attempt failed, so that whoever signs in well pays nothing.

use crate::network::Network;
use crate::time::Timestamp;
use quick_cache::sync::Cache;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// Over how long the failures of a network are counted, in microseconds.
const WINDOW: i64 = 60 * 60 * 1_000_000;

/// The buckets of the networks that failed lately.
pub(crate) struct Throttle {
    /// What one failure costs, in microseconds; 0 when nothing is counted.
    price: i64,
    buckets: Cache<Network, Arc<Bucket>>,
}

#[derive(Default)]
struct Bucket {
    paid_until: AtomicI64,
    told_at: AtomicI64,
}

/// A network has failed too often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooMany {
    /// How long until it may try again.
    pub(crate) wait: Duration,
    /// Whether nobody was told of it in the last hour.
    pub(crate) is_news: bool,
}

/// A place in a bucket. It is given back unless it was spent.
pub(crate) struct Token {
    bucket: Option<Arc<Bucket>>,
    price: i64,
}

impl Throttle {
    /// Lets a network fail `per_hour` times in an hour, 0 for as often as it likes; remembers so many networks.
    pub(crate) fn new(per_hour: u32, networks: u32) -> Self {
        let price = if per_hour == 0 { 0 } else { WINDOW / i64::from(per_hour) };
        Self { price, buckets: Cache::new(usize::try_from(networks).unwrap_or(usize::MAX)) }
    }

    /// Whether there is a place, without taking it.
    pub(crate) fn look(&self, network: Network, now: Timestamp) -> Result<(), TooMany> {
        let Some(bucket) = self.buckets.get(&network).filter(|_| self.price > 0) else { return Ok(()) };
        let paid_until = bucket.paid_until.load(Ordering::SeqCst);
        self.judge(&bucket, paid_until.max(now.as_micros()) + self.price, now)
    }

    /// Takes a place.
    pub(crate) fn take(&self, network: Network, now: Timestamp) -> Result<Token, TooMany> {
        if self.price == 0 {
            return Ok(Token { bucket: None, price: 0 });
        }
        let made = self.buckets.get_or_insert_with(&network, || Ok::<_, TooMany>(Arc::default()));
        let bucket = made?;
        let mut before = bucket.paid_until.load(Ordering::SeqCst);
        loop {
            let after = before.max(now.as_micros()) + self.price;
            self.judge(&bucket, after, now)?;
            match bucket.paid_until.compare_exchange(before, after, Ordering::SeqCst, Ordering::SeqCst) {
                Ok(_) => return Ok(Token { bucket: Some(bucket), price: self.price }),
                Err(other) => before = other,
            }
        }
    }

    fn judge(&self, bucket: &Bucket, paid_until: i64, now: Timestamp) -> Result<(), TooMany> {
        let over = paid_until - now.as_micros() - WINDOW;
        if over <= 0 {
            return Ok(());
        }
        let told_at = bucket.told_at.load(Ordering::SeqCst);
        let is_old = now.as_micros() - told_at >= WINDOW;
        let told =
            bucket.told_at.compare_exchange(told_at, now.as_micros(), Ordering::SeqCst, Ordering::SeqCst);
        let wait = Duration::from_micros(u64::try_from(over).unwrap_or(0));
        Err(TooMany { wait, is_news: is_old && told.is_ok() })
    }
}

impl Token {
    /// The attempt failed: the place is paid for.
    pub(crate) fn spend(mut self) {
        self.bucket = None;
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        if let Some(bucket) = &self.bucket {
            bucket.paid_until.fetch_sub(self.price, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::minutes;

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

    fn network(number: u8) -> Network {
        Network::of(Some(std::net::IpAddr::from([203, 0, 113, number])))
    }

    fn fail(throttle: &Throttle, number: u8, now: Timestamp) -> bool {
        throttle.take(network(number), now).map(Token::spend).is_ok()
    }

    #[test]
    fn a_network_fails_so_often_and_then_as_the_hour_passes() {
        let throttle = Throttle::new(60, 10);
        assert_eq!((0..100).filter(|_| fail(&throttle, 1, NOW)).count(), 60);
        assert!(fail(&throttle, 2, NOW), "another network is another bucket");
        let refused = throttle.look(network(1), NOW).unwrap_err();
        assert_eq!(refused.wait, minutes(1));
        assert!(!fail(&throttle, 1, NOW + minutes(1) - Duration::from_micros(1)));
        assert!(fail(&throttle, 1, NOW + minutes(1)));
        assert!(!fail(&throttle, 1, NOW + minutes(1)));
        assert_eq!((0..100).filter(|_| fail(&throttle, 1, NOW + minutes(61))).count(), 60);
    }

    #[test]
    fn what_did_not_fail_costs_nothing() {
        let throttle = Throttle::new(3, 10);
        for _ in 0..100 {
            drop(throttle.take(network(1), NOW).unwrap());
        }
        let held: Vec<_> = (0..3).map(|_| throttle.take(network(1), NOW).unwrap()).collect();
        assert!(throttle.take(network(1), NOW).is_err());
        drop(held);
        assert!(throttle.look(network(1), NOW).is_ok());
    }

    #[test]
    fn it_is_news_once_an_hour() {
        let throttle = Throttle::new(1, 10);
        assert!(fail(&throttle, 1, NOW));
        let is_news = |now| throttle.look(network(1), now).is_err_and(|refused| refused.is_news);
        assert_eq!([is_news(NOW), is_news(NOW), is_news(NOW + minutes(59))], [true, false, false]);
    }

    #[test]
    fn no_limit_is_no_limit_and_the_buckets_are_bounded() {
        let throttle = Throttle::new(0, 10);
        assert!((0..1_000).all(|_| fail(&throttle, 1, NOW)));
        let throttle = Throttle::new(1, 10);
        assert!((0..=255).all(|number| fail(&throttle, number, NOW)));
        assert!(throttle.buckets.len() <= 10, "{}", throttle.buckets.len());
    }
}
