//! Lengths of time.

use std::fmt;
use std::ops::{Add, Mul, Sub};

/// A length of time in whole milliseconds.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct Span(i64);

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// The longest span.
    pub const MAX: Self = Self(i64::MAX);

    /// So many milliseconds.
    #[must_use]
    pub const fn millis(millis: i64) -> Self {
        Self(millis)
    }

    /// So many seconds; saturates.
    #[must_use]
    pub const fn seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// So many minutes; saturates.
    #[must_use]
    pub const fn minutes(minutes: i64) -> Self {
        Self(minutes.saturating_mul(60_000))
    }

    /// So many hours; saturates.
    #[must_use]
    pub const fn hours(hours: i64) -> Self {
        Self(hours.saturating_mul(3_600_000))
    }

    /// So many times 24 hours; saturates. (A local day may be longer or shorter.)
    #[must_use]
    pub const fn days(days: i64) -> Self {
        Self(days.saturating_mul(86_400_000))
    }

    /// The span in milliseconds.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }
}

/// Saturates.
impl Add for Span {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

/// Saturates; negative where `other` is longer.
impl Sub for Span {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

/// Saturates.
impl Mul<i64> for Span {
    type Output = Self;

    fn mul(self, times: i64) -> Self {
        Self(self.0.saturating_mul(times))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1000, "s")];
        let (size, unit) = units
            .into_iter()
            .find(|(size, _)| self.0 != 0 && self.0 % size == 0)
            .unwrap_or((1, "ms"));
        write!(f, "{} {unit}", self.0 / size)
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn spans_read_in_their_largest_whole_unit() {
        let shown = [Span::days(3), Span::minutes(10), Span::millis(1500), Span::ZERO];
        assert_eq!(shown.map(|s| s.to_string()), ["3 d", "10 min", "1500 ms", "0 ms"]);
    }
    #[test]
    fn spans_are_reckoned_with_and_never_leave_their_bounds() {
        let hour = Span::hours(1);
        assert_eq!(hour + Span::minutes(30) - hour, Span::minutes(30));
        assert_eq!((hour * 24, hour * -1), (Span::days(1), Span::hours(-1)));
        assert_eq!((Span::MAX + hour, Span::MAX * 2), (Span::MAX, Span::MAX));
    }
}
