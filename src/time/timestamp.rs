//! Instants.

use std::fmt;
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::str::FromStr;
use std::time::SystemTime;

use crate::error::{Error, Result};

use super::span::Span;

/// An instant: milliseconds since 1970-01-01T00:00:00Z, before it negative.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);
    /// The earliest instant.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest instant.
    pub const MAX: Self = Self(i64::MAX);

    /// The instant so many milliseconds after the epoch.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// The instant so many seconds after the epoch; saturates at the ends of time.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// What the system's clock says. Inside a build, take the bucket's time instead: a record must
    /// be a function of its entity, its bucket and what its build reads.
    #[must_use]
    pub fn now() -> Self {
        SystemTime::now().into()
    }

    /// This instant moved by a span; `None` beyond the ends of time.
    #[must_use]
    pub const fn checked_add(self, span: Span) -> Option<Self> {
        match self.0.checked_add(span.as_millis()) {
            Some(millis) => Some(Self(millis)),
            None => None,
        }
    }

    /// This instant moved back by a span; `None` beyond the ends of time.
    #[must_use]
    pub const fn checked_sub(self, span: Span) -> Option<Self> {
        match self.0.checked_sub(span.as_millis()) {
            Some(millis) => Some(Self(millis)),
            None => None,
        }
    }

    /// How long after `earlier` this is; zero if it is not (a wall clock may step back), and at
    /// most [`Span::MAX`].
    #[must_use]
    pub const fn since(self, earlier: Self) -> Span {
        let millis = self.0.saturating_sub(earlier.0);
        Span::millis(if millis < 0 { 0 } else { millis })
    }
}

/// Saturates at the ends of time; [`Timestamp::checked_add`] says where it would.
impl Add<Span> for Timestamp {
    type Output = Self;

    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.as_millis()))
    }
}

/// Saturates at the ends of time; [`Timestamp::checked_sub`] says where it would.
impl Sub<Span> for Timestamp {
    type Output = Self;

    fn sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.as_millis()))
    }
}

impl AddAssign<Span> for Timestamp {
    fn add_assign(&mut self, span: Span) {
        *self = *self + span;
    }
}

impl SubAssign<Span> for Timestamp {
    fn sub_assign(&mut self, span: Span) {
        *self = *self - span;
    }
}

/// Shown in UTC as ISO 8601; an instant beyond the year 9999 as its milliseconds.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(instant) => write!(f, "{instant}"),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Reads an instant with its offset from UTC: `2026-06-21T12:00:00Z`, `2026-06-21T14:00:00+02:00`. A
/// part of a millisecond is left out.
impl FromStr for Timestamp {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        text.parse::<jiff::Timestamp>().map(Self::from).map_err(|cause| {
            Error::input(format!(
                "{text:?} is no instant: say date, time and offset, as in 2026-06-21T12:00:00Z ({cause})"
            ))
        })
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_steps_back_gives_an_age_of_zero() {
        assert_eq!(Timestamp::from_millis(5).since(Timestamp::from_millis(9)), Span::ZERO);
        assert_eq!(Timestamp::MAX.since(Timestamp::MIN), Span::MAX);
    }

    #[test]
    fn moving_beyond_the_ends_of_time_is_none_or_the_end() {
        let step = Span::millis(1);
        assert_eq!(Timestamp::MAX.checked_add(step), None);
        assert_eq!(Timestamp::MIN.checked_sub(step), None);
        assert_eq!(
            (Timestamp::MAX + step, Timestamp::MIN - step),
            (Timestamp::MAX, Timestamp::MIN)
        );
        assert_eq!(Timestamp::EPOCH + step - step, Timestamp::EPOCH);
    }

    #[test]
    fn what_is_shown_is_read_and_what_is_no_instant_is_refused_with_an_example() {
        let instant = Timestamp::from_millis(1_774_771_500_125);
        assert_eq!(instant.to_string().parse::<Timestamp>().unwrap(), instant);
        let noon: Timestamp = "2026-06-21T14:00:00.0019+02:00".parse().unwrap();
        assert_eq!(noon.to_string(), "2026-06-21T12:00:00.001Z");
        for text in ["", "noon", "2026-06-21", "2026-06-21T12:00:00"] {
            let refused = text.parse::<Timestamp>().unwrap_err();
            assert!(refused.to_string().contains("2026-06-21T12:00:00Z"), "{refused}");
        }
    }
}
