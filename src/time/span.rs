//! Lengths of time.

use std::fmt;

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
}
