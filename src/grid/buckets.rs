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
