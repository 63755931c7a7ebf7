//! The standard library's times.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::error::{Error, Result};

use super::span::Span;
use super::timestamp::Timestamp;

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let millis = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        match time.duration_since(UNIX_EPOCH) {
            Ok(after) => Self::from_millis(millis(after)),
            // Rounded down, like the instants after the epoch.
            Err(before) => {
                let before = before.duration();
                let part = i64::from(before.subsec_nanos() % 1_000_000 != 0);
                Self::from_millis(millis(before).saturating_neg().saturating_sub(part))
            }
        }
    }
}

impl TryFrom<Timestamp> for SystemTime {
    type Error = Error;

    fn try_from(instant: Timestamp) -> Result<Self> {
        let length = Duration::from_millis(instant.as_millis().unsigned_abs());
        let moved = if instant < Timestamp::EPOCH {
            UNIX_EPOCH.checked_sub(length)
        } else {
            UNIX_EPOCH.checked_add(length)
        };
        moved.ok_or_else(|| Error::input(format!("{instant} lies outside the system's time")))
    }
}

impl From<Span> for Duration {
    /// A negative span becomes zero.
    fn from(span: Span) -> Self {
        Self::from_millis(u64::try_from(span.as_millis()).unwrap_or(0))
    }
}

impl TryFrom<Duration> for Span {
    type Error = Error;

    fn try_from(duration: Duration) -> Result<Self> {
        i64::try_from(duration.as_millis())
            .map(Self::millis)
            .map_err(|_| Error::input(format!("{duration:?} is longer than 292 million years")))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn instants_before_the_epoch_round_down() {
        let half = UNIX_EPOCH - Duration::from_micros(500);
        assert_eq!(Timestamp::from(half), Timestamp::from_millis(-1));
        assert_eq!(Timestamp::from(UNIX_EPOCH), Timestamp::EPOCH);
    }

    #[test]
    fn what_does_not_fit_is_refused_and_the_rest_comes_back() {
        let instant = Timestamp::from_millis(-1_500);
        assert_eq!(Timestamp::from(SystemTime::try_from(instant).unwrap()), instant);
        assert!(Span::try_from(Duration::MAX).is_err());
        assert_eq!(Duration::from(Span::millis(-1)), Duration::ZERO);
        assert_eq!(Span::try_from(Duration::from_micros(2_999)).unwrap(), Span::millis(2));
    }
}
