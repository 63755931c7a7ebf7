//! The buckets of a stretch of time, in order.

use super::bucket::Bucket;
use super::define::{Grid, Shape};
use crate::error::Result;
use crate::time::{TimeRange, Timestamp};

/// Buckets that abut, one at a time: nothing is held but where it stands.
#[derive(Clone, Debug)]
pub(super) struct Buckets<'a> {
    grid: &'a Grid,
    /// An instant in the next bucket; none when there is no more.
    at: Option<Timestamp>,
    /// The first instant at which no bucket may start any more.
    end: Timestamp,
    /// No bucket that starts before this is shown.
    from: Timestamp,
}

impl Grid {
    /// The buckets that start in `range`, in order. (The one bucket of a grid without time is in
    /// every range that is not empty.)
    ///
    /// Takes no memory however long the range. Where a bucket cannot be represented (see
    /// [`Grid::bucket_at`]) the error is the last item.
    pub fn buckets(&self, range: TimeRange) -> impl Iterator<Item = Result<Bucket>> + Clone {
        self.starting_in(range)
    }

    /// The buckets that overlap `range`, in order: those of [`Grid::buckets`] and, before them, the
    /// one that began earlier and holds its start.
    pub fn buckets_touching(
        &self,
        range: TimeRange,
    ) -> impl Iterator<Item = Result<Bucket>> + Clone {
        let (at, end) = (Some(range.start()), range.end());
        Buckets { grid: self, at, end, from: Timestamp::MIN }.unless_empty(range)
    }

    /// The bucket after this one; none after the timeless one.
    pub(crate) fn next(&self, bucket: Bucket) -> Result<Option<Bucket>> {
        if bucket.is_timeless() {
            return Ok(None);
        }
        self.bucket_at(bucket.end()).map(Some)
    }

    /// The bucket before this one; none before the timeless one or at the beginning of time.
    pub(crate) fn previous(&self, bucket: Bucket) -> Result<Option<Bucket>> {
        match bucket.start().as_millis().checked_sub(1) {
            Some(before) => self.bucket_at(Timestamp::from_millis(before)).map(Some),
            None => Ok(None),
        }
    }

    pub(super) fn starting_in(&self, range: TimeRange) -> Buckets<'_> {
        let at = match &self.0 {
            // The bucket that holds the start of the range may itself begin before the beginning
            // of time: that is no error where only those that start in the range are asked for.
            Shape::Fixed(fixed) | Shape::FixedByDay(fixed, _) => {
                fixed.first_start_from(range.start()).filter(|&start| start < range.end())
            }
            _ => Some(range.start()),
        };
        Buckets { grid: self, at, end: range.end(), from: range.start() }.unless_empty(range)
    }
}

impl Buckets<'_> {
    fn unless_empty(mut self, range: TimeRange) -> Self {
        self.at = self.at.filter(|_| !range.is_empty());
        self
    }
}

impl Iterator for Buckets<'_> {
    type Item = Result<Bucket>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let at = self.at.take()?;
            let bucket = match self.grid.bucket_at(at) {
                Ok(bucket) => bucket,
                Err(fault) => return Some(Err(fault)),
            };
            if bucket.is_timeless() {
                return Some(Ok(bucket));
            }
            if bucket.start() >= self.end {
                return None;
            }
            self.at = Some(bucket.end()).filter(|&end| end < self.end);
            if bucket.start() >= self.from {
                return Some(Ok(bucket));
            }
        }
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    fn range(start: i64, end: i64) -> TimeRange {
        TimeRange::new(Timestamp::from_millis(start), Timestamp::from_millis(end))
    }

    fn starts(found: impl Iterator<Item = Result<Bucket>>) -> Vec<Option<i64>> {
        found.map(|bucket| bucket.ok().map(|bucket| bucket.start().as_millis())).collect()
    }

    #[test]
    fn a_range_holds_the_buckets_that_start_in_it_and_touches_one_more() {
        let grid = Grid::seconds(1);
        let seconds = |from: i64, to: i64| (from..=to).map(|s| Some(s * 1000)).collect::<Vec<_>>();
        assert_eq!(starts(grid.buckets(range(1, 3000))), seconds(1, 2));
        assert_eq!(starts(grid.buckets(range(0, 3001))), seconds(0, 3));
        assert_eq!(starts(grid.buckets_touching(range(1, 3001))), seconds(0, 3));
        assert_eq!(starts(grid.buckets_touching(range(1, 2))), seconds(0, 0));
        assert_eq!(starts(grid.buckets(range(1, 2))), []);
        assert_eq!(starts(grid.buckets(range(5, 5))), []);
        assert_eq!(starts(grid.buckets_touching(range(5, 5))), []);
    }

    #[test]
    fn calendar_ranges_leave_out_the_bucket_under_way() {
        let grid = Grid::daily("UTC");
        let day = 86_400_000;
        assert_eq!(starts(grid.buckets(range(1, 3 * day))), [Some(day), Some(2 * day)]);
        assert_eq!(starts(grid.buckets_touching(range(1, day))), [Some(0)]);
    }

    #[test]
    fn every_range_with_an_instant_holds_the_timeless_bucket_once() {
        let grid = Grid::timeless();
        assert_eq!(starts(grid.buckets(range(5, 6))), [Some(i64::MIN)]);
        assert_eq!(starts(grid.buckets_touching(range(5, 6))), [Some(i64::MIN)]);
        assert_eq!(starts(grid.buckets(range(5, 5))), []);
        assert_eq!(grid.next(Bucket::TIMELESS).unwrap(), None);
        assert_eq!(grid.previous(Bucket::TIMELESS).unwrap(), None);
    }

    #[test]
    fn at_the_ends_of_time_only_what_was_asked_for_can_be_an_error() {
        let grid = Grid::seconds(1);
        let last = i64::MAX / 1000 * 1000;
        assert_eq!(starts(grid.buckets(range(last - 10, last - 5))), []);
        assert_eq!(starts(grid.buckets(range(last - 1000, last))), [Some(last - 1000)]);
        assert_eq!(starts(grid.buckets(range(last, i64::MAX))), [None]);
        let first = i64::MIN / 1000 * 1000;
        assert_eq!(starts(grid.buckets(range(i64::MIN, first + 1))), [Some(first)]);
        assert_eq!(starts(grid.buckets_touching(range(i64::MIN, first + 1))), [None]);
    }
}
