//! Lengths of time as people write them: `750ms`, `31m`, `1h 30m`, `90d`, `-2m`.

use jiff::{SignedDuration, Span as Calendar, SpanRelativeTo};
use serde::Deserialize;
use std::time::Duration;

/// A length of time, forwards or, with a minus sign, backwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Shift(pub SignedDuration);

impl TryFrom<String> for Shift {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let no_span = |_| format!("{text:?} is not a length of time such as 750ms or 1h 30m");
        let span: Calendar = text.trim().parse().map_err(no_span)?;
        // A day has 24 hours on a clock that knows no seasons.
        span.to_duration(SpanRelativeTo::days_are_24_hours()).map(Self).map_err(no_span)
    }
}

/// A length of time that is not negative, and no longer than a century.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Shift")]
pub struct Span(pub Duration);

impl TryFrom<Shift> for Span {
    type Error = String;

    fn try_from(Shift(shift): Shift) -> Result<Self, String> {
        const CENTURY: Duration = Duration::from_secs(100 * 366 * 24 * 60 * 60);
        let span = Duration::try_from(shift).map_err(|_| "it is negative".to_owned())?;
        if span <= CENTURY { Ok(Self(span)) } else { Err("it is longer than a century".into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(text: &str) -> Result<Duration, String> {
        Shift::try_from(text.to_owned()).and_then(Span::try_from).map(|span| span.0)
    }

    #[test]
    fn spans_are_read_as_people_write_them() {
        for (text, millis) in [
            ("750ms", 750),
            ("2s", 2_000),
            ("31m", 1_860_000),
            ("1h 30m", 5_400_000),
            ("90d", 7_776_000_000),
            ("0s", 0),
        ] {
            assert_eq!(span(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        assert_eq!(Shift::try_from("-2m".to_owned()), Ok(Shift(SignedDuration::from_mins(-2))));
    }

    #[test]
    fn what_is_no_span_is_told() {
        let told = |text: &str| span(text).unwrap_err();
        assert_eq!(told("soon"), "\"soon\" is not a length of time such as 750ms or 1h 30m");
        assert_eq!(told("7"), "\"7\" is not a length of time such as 750ms or 1h 30m");
        assert_eq!(told("-2m"), "it is negative");
        assert_eq!(told("1000000h"), "it is longer than a century");
    }
}
