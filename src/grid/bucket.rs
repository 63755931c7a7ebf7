//! One interval of a grid.

use std::fmt;

use crate::time::{TimeRange, Timestamp};

/// One half-open interval of a [`Grid`](crate::Grid): its start belongs to it, its end does not.
///
/// The one bucket of a grid without time starts at [`Timestamp::MIN`] and ends at
/// [`Timestamp::MAX`], and holds the latter too: it is the only bucket that holds its end, because
/// no instant comes after. No other bucket reaches [`Timestamp::MAX`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bucket {
    number: BucketNumber,
    start: Timestamp,
    end: Timestamp,
}

/// Where a bucket stands in its grid: later buckets have higher numbers. Numbers may be missing
/// (a day that does not exist), buckets never are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct BucketNumber(pub(crate) i64);

impl Bucket {
    /// The bucket of a grid without time.
    pub(super) const TIMELESS: Self =
        Self { number: BucketNumber(0), start: Timestamp::MIN, end: Timestamp::MAX };

    #[inline]
    pub(super) const fn new(number: i64, start: i64, end: i64) -> Self {
        Self {
            number: BucketNumber(number),
            start: Timestamp::from_millis(start),
            end: Timestamp::from_millis(end),
        }
    }

    /// What it is made of, for a call that must not have it copied into memory: its number, and in
    /// milliseconds its start and end.
    #[inline]
    pub(crate) const fn parts(self) -> (i64, i64, i64) {
        (self.number.0, self.start.as_millis(), self.end.as_millis())
    }

    /// The bucket of these [parts](Self::parts).
    pub(crate) const fn of_parts(number: i64, start: i64, end: i64) -> Self {
        Self::new(number, start, end)
    }

    /// The bucket so many steps later in a run of buckets of one width; none beyond the ends of time.
    #[inline]
    pub(super) fn moved(self, steps: i64, width: i64) -> Option<Self> {
        let by = steps.checked_mul(width)?;
        let number = self.number.0.checked_add(steps)?;
        let start = self.start.as_millis().checked_add(by)?;
        Some(Self::new(number, start, self.end.as_millis().checked_add(by)?))
    }

    /// The bucket so many steps later, of which is known that it can be represented.
    #[inline]
    pub(super) const fn later(self, steps: u32, width: i64) -> Self {
        let by = (steps as i64).wrapping_mul(width);
        let (start, end) = (self.start.as_millis(), self.end.as_millis());
        Self::new(
            self.number.0.wrapping_add(steps as i64),
            start.wrapping_add(by),
            end.wrapping_add(by),
        )
    }

    #[inline]
    pub(crate) const fn number(self) -> BucketNumber {
        self.number
    }

    /// The first instant in it.
    #[inline]
    #[must_use]
    pub const fn start(self) -> Timestamp {
        self.start
    }

    /// The first instant after it, which is the start of the next one.
    #[inline]
    #[must_use]
    pub const fn end(self) -> Timestamp {
        self.end
    }

    /// Its instants as a range.
    #[must_use]
    pub fn range(self) -> TimeRange {
        TimeRange::new(self.start, self.end)
    }

    /// Whether `instant` lies in it.
    #[must_use]
    pub fn contains(self, instant: Timestamp) -> bool {
        self.is_timeless() || self.range().contains(instant)
    }

    /// Whether it is the one bucket of a grid without time.
    #[must_use]
    pub fn is_timeless(self) -> bool {
        self.start == Timestamp::MIN && self.end == Timestamp::MAX
    }
}

/// Shown in UTC; an end on the day of the start by its time alone:
/// `2026-03-29T08:00:00Z..08:10`. A bucket without time shows as `timeless`.
impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DAY: i64 = 86_400_000;
        if self.is_timeless() {
            return f.write_str("timeless");
        }
        let (start, end) = (self.start.as_millis(), self.end.as_millis());
        if start.div_euclid(DAY) != end.div_euclid(DAY) {
            return write!(f, "{}..{}", self.start, self.end);
        }
        let time = end.rem_euclid(DAY);
        let (minutes, millis) = (time / 60_000, time % 60_000);
        write!(f, "{}..{:02}:{:02}", self.start, minutes / 60, minutes % 60)?;
        match (millis / 1000, millis % 1000) {
            (0, 0) => Ok(()),
            (seconds, 0) => write!(f, ":{seconds:02}"),
            (seconds, part) => write!(f, ":{seconds:02}.{part:03}"),
        }
    }
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{} {self}", self.number.0)
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_shows_its_end_as_short_as_it_can() {
        let start = 1_774_771_200_000;
        let shown = |length: i64| Bucket::new(0, start, start + length).to_string();
        assert_eq!(shown(600_000), "2026-03-29T08:00:00Z..08:10");
        assert_eq!(shown(1_500), "2026-03-29T08:00:00Z..08:00:01.500");
        assert_eq!(shown(30_000), "2026-03-29T08:00:00Z..08:00:30");
        assert_eq!(shown(86_400_000), "2026-03-29T08:00:00Z..2026-03-30T08:00:00Z");
        assert_eq!(Bucket::TIMELESS.to_string(), "timeless");
        assert_eq!(Bucket::new(0, i64::MIN, i64::MIN + 1).range().start(), Timestamp::MIN);
    }

    #[test]
    fn the_timeless_bucket_holds_both_ends_of_time() {
        assert!(Bucket::TIMELESS.contains(Timestamp::MIN));
        assert!(Bucket::TIMELESS.contains(Timestamp::MAX));
        assert!(!Bucket::new(0, 0, 10).contains(Timestamp::from_millis(10)));
    }
}
