//! Time as a value that is handed in: a story reads the clock once, at its start.

use jiff::fmt::temporal::DateTimePrinter;
use std::ops::{Add, Sub};
use std::str::FromStr;
use std::time::Duration;

/// An instant, in microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The instant this many microseconds after the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// The instant this many seconds after the epoch.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// Microseconds since the epoch, as a store keeps them.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, as a token carries them (RFC 7519 section 2, NumericDate).
    pub const fn as_seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// The time from `earlier` to this instant, zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The wire's spelling: RFC 3339 in UTC with milliseconds, `2026-08-22T10:39:12.736Z` (protocol.md 1.2).
    pub fn rfc3339(self) -> String {
        self.printed(&const { DateTimePrinter::new().precision(Some(3)) })
    }

    /// The whole instant: RFC 3339 in UTC with microseconds.
    pub fn exact(self) -> String {
        self.printed(&const { DateTimePrinter::new().precision(Some(6)) })
    }

    fn printed(self, printer: &DateTimePrinter) -> String {
        let instant = jiff::Timestamp::from_microsecond(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        printer.timestamp_to_string(&instant)
    }
}

/// This text is neither an instant nor a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a time is written like 2026-08-22T10:39:12Z, or like 2026-08-22 for the beginning of that day in UTC"
)]
pub struct NotATime;

impl FromStr for Timestamp {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, NotATime> {
        let whole_day = format!("{text}T00:00:00Z");
        let is_day = text.len() == "2026-08-22".len();
        let instant: jiff::Timestamp =
            if is_day { &whole_day } else { text }.parse().map_err(|_| NotATime)?;
        Ok(Self(instant.as_microsecond()))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;
    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;
    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }
}

/// A duration of whole minutes, the unit of most settings.
pub const fn minutes(count: u32) -> Duration {
    Duration::from_secs(count as u64 * 60)
}

/// What tells the time.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Timestamp;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_prints_as_the_wire_spells_it() {
        assert_eq!(Timestamp::from_micros(1_787_395_152_736_999).rfc3339(), "2026-08-22T10:39:12.736Z");
        assert_eq!(Timestamp::from_micros(1_787_395_152_736_999).exact(), "2026-08-22T10:39:12.736999Z");
        assert_eq!(Timestamp::from_seconds(0).rfc3339(), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn an_instant_and_a_day_are_read() {
        let exact = Timestamp::from_micros(1_787_395_152_736_999);
        assert_eq!(exact.exact().parse(), Ok(exact));
        assert_eq!("2026-08-22T12:39:12+02:00".parse(), Ok(Timestamp::from_seconds(1_787_395_152)));
        assert_eq!("2026-08-22".parse(), Ok(Timestamp::from_seconds(1_787_356_800)));
        for wrong in ["", "yesterday", "2026-13-01", "2026-08-22T10:39:12"] {
            assert_eq!(wrong.parse::<Timestamp>(), Err(NotATime), "{wrong}");
        }
    }
}
