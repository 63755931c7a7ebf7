//! jiff's times.

use crate::error::{Error, Result};

use super::span::Span;
use super::timestamp::Timestamp;

impl From<jiff::Timestamp> for Timestamp {
    fn from(instant: jiff::Timestamp) -> Self {
        let millis = instant.as_nanosecond().div_euclid(1_000_000);
        Self::from_millis(
            i64::try_from(millis).expect("jiff's instants lie between the years -9999 and 9999"),
        )
    }
}

impl From<&jiff::Zoned> for Timestamp {
    fn from(zoned: &jiff::Zoned) -> Self {
        zoned.timestamp().into()
    }
}

impl TryFrom<Timestamp> for jiff::Timestamp {
    type Error = Error;

    fn try_from(instant: Timestamp) -> Result<Self> {
        Self::from_millisecond(instant.as_millis()).map_err(|_| {
            Error::input(format!("{instant} lies outside the calendar (years -9999 to 9999)"))
        })
    }
}

/// A part of a millisecond is left out.
impl TryFrom<jiff::SignedDuration> for Span {
    type Error = Error;

    fn try_from(duration: jiff::SignedDuration) -> Result<Self> {
        i64::try_from(duration.as_millis())
            .map(Self::millis)
            .map_err(|_| Error::input(format!("{duration} is longer than 292 million years")))
    }
}

impl From<Span> for jiff::SignedDuration {
    fn from(span: Span) -> Self {
        Self::from_millis(span.as_millis())
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn instants_round_down_and_come_back() {
        let jiff = jiff::Timestamp::from_microsecond(-500).unwrap();
        assert_eq!(Timestamp::from(jiff), Timestamp::from_millis(-1));
        assert!(jiff::Timestamp::try_from(Timestamp::MAX).is_err());
        let instant = Timestamp::from_millis(-86_400_001);
        assert_eq!(Timestamp::from(jiff::Timestamp::try_from(instant).unwrap()), instant);
    }

    #[test]
    fn spans_come_back_and_those_that_do_not_fit_are_refused() {
        for span in [Span::millis(-1), Span::MAX, Span::millis(i64::MIN)] {
            assert_eq!(Span::try_from(SignedDuration::from(span)).unwrap(), span);
        }
        assert!(Span::try_from(SignedDuration::MAX).is_err());
    }
}
