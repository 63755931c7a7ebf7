//! chrono's times.

use chrono::{DateTime, TimeDelta, TimeZone, Utc};

use crate::error::{Error, Result};

use super::span::Span;
use super::timestamp::Timestamp;

/// Rounded down to whole milliseconds.
impl<Z: TimeZone> From<DateTime<Z>> for Timestamp {
    fn from(instant: DateTime<Z>) -> Self {
        Self::from_millis(instant.timestamp_millis())
    }
}

impl TryFrom<Timestamp> for DateTime<Utc> {
    type Error = Error;

    fn try_from(instant: Timestamp) -> Result<Self> {
        Self::from_timestamp_millis(instant.as_millis())
            .ok_or_else(|| Error::input(format!("{instant} lies outside chrono's calendar")))
    }
}

/// A part of a millisecond is left out.
impl From<TimeDelta> for Span {
    fn from(delta: TimeDelta) -> Self {
        Self::millis(delta.num_milliseconds())
    }
}

impl TryFrom<Span> for TimeDelta {
    type Error = Error;

    fn try_from(span: Span) -> Result<Self> {
        Self::try_milliseconds(span.as_millis())
            .ok_or_else(|| Error::input(format!("{span} is beyond what chrono's spans can hold")))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use chrono::FixedOffset;

    use super::*;

    #[test]
    fn instants_round_down_and_come_back() {
        let just_before = DateTime::<Utc>::from_timestamp_micros(-500).unwrap();
        assert_eq!(Timestamp::from(just_before), Timestamp::from_millis(-1));
        let offset = FixedOffset::east_opt(7200).unwrap();
        let noon = offset.with_ymd_and_hms(2026, 6, 21, 14, 0, 0).unwrap();
        assert_eq!(Timestamp::from(noon).to_string(), "2026-06-21T12:00:00Z");
        assert_eq!(DateTime::try_from(Timestamp::from(noon)).unwrap(), noon);
        assert!(DateTime::<Utc>::try_from(Timestamp::MAX).is_err());
    }

    #[test]
    fn spans_come_back_and_those_that_do_not_fit_are_refused() {
        for span in [Span::millis(-1), Span::MAX, Span::ZERO] {
            assert_eq!(Span::from(TimeDelta::try_from(span).unwrap()), span);
        }
        assert!(TimeDelta::try_from(Span::millis(i64::MIN)).is_err());
        assert_eq!(Span::from(TimeDelta::microseconds(-1_500)), Span::millis(-1));
    }
}
