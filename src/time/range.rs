//! Intervals of time.

use std::fmt;
use std::ops::Range;

use super::timestamp::Timestamp;

/// A half-open interval of time: its start belongs to it, its end does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
pub struct TimeRange {
    start: Timestamp,
    end: Timestamp,
}

impl TimeRange {
    /// All of time but its last millisecond: for views without buckets, and for what may be open at both
    /// ends. Where there are buckets they would never end: an entity's are asked for from when until when.
    pub const ALWAYS: Self = Self { start: Timestamp::MIN, end: Timestamp::MAX };

    /// From `start` until just before `end`; empty if `end` is not after `start`.
    #[must_use]
    pub fn new(start: Timestamp, end: Timestamp) -> Self {
        Self { start, end: end.max(start) }
    }

    /// The first instant.
    #[must_use]
    pub const fn start(self) -> Timestamp {
        self.start
    }

    /// The first instant after it.
    #[must_use]
    pub const fn end(self) -> Timestamp {
        self.end
    }

    /// Whether it holds no instant.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.start >= self.end
    }

    /// Whether `instant` lies in it.
    #[must_use]
    pub fn contains(self, instant: Timestamp) -> bool {
        self.start <= instant && instant < self.end
    }
}

impl From<Range<Timestamp>> for TimeRange {
    fn from(range: Range<Timestamp>) -> Self {
        Self::new(range.start, range.end)
    }
}

impl fmt::Display for TimeRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.start, self.end)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_range_with_its_ends_swapped_is_empty() {
        let range = TimeRange::new(Timestamp::from_millis(2), Timestamp::from_millis(1));
        assert!(range.is_empty() && !range.contains(Timestamp::from_millis(2)));
    }
}
