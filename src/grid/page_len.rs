//! How many buckets a page holds, and where an instant lies in pages.

use crate::time::Timestamp;

use super::bucket::Bucket;
use super::define::{Grid, Shape};
use super::divisor::Divisor;
use super::place::{PageNumber, Place};

/// How many buckets a page holds, for whoever divides by it in each read.
#[derive(Debug)]
pub(crate) struct PageLen {
    buckets: u32,
    divisor: Divisor,
}

impl PageLen {
    /// At least one.
    pub(crate) const fn new(buckets: u32) -> Self {
        Self { buckets, divisor: Divisor::new(buckets as u64) }
    }

    pub(crate) const fn get(&self) -> u32 {
        self.buckets
    }

    /// Where the bucket stands that is so many behind the first of page 0: below 2^63.
    #[inline]
    pub(super) fn place(&self, number: u64) -> Place {
        let (page, slot) = self.divisor.divide(number);
        Place { page: PageNumber(page as i64), slot: slot as u32 }
    }
}

impl Grid {
    /// The bucket in which an instant lies, and where it stands; nothing where either is an error. For
    /// buckets of one width without a call.
    #[inline]
    pub(crate) fn locate(&self, instant: Timestamp, page_len: &PageLen) -> Option<(Bucket, Place)> {
        if let Shape::Fixed(fixed) = &self.0
            && let Some(bucket) = fixed.near_bucket_at(instant)
        {
            // Near buckets count from the origin on.
            return Some((bucket, page_len.place(bucket.number().0 as u64)));
        }
        self.locate_any(instant, page_len)
    }

    #[inline(never)]
    fn locate_any(&self, instant: Timestamp, page_len: &PageLen) -> Option<(Bucket, Place)> {
        let bucket = self.bucket_at(instant).ok()?;
        Some((bucket, self.place(bucket, page_len.get()).ok()?))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn what_is_located_stands_where_its_bucket_does() {
        let grids = [
            Grid::minutes(10),
            Grid::minutes(7).origin(Timestamp::from_millis(1_000_000_007)),
            Grid::minutes(10).pages_by_day("Europe/Stockholm"),
            Grid::daily("Europe/Stockholm"),
            Grid::timeless(),
        ];
        let of_any_length =
            grids.iter().flat_map(|grid| [1, 7, 144, 1000, 1024].map(|len| (grid, len)));
        for (grid, len) in of_any_length {
            let page_len = grid.fixed_page_len().unwrap_or(len);
            // Among them those on either side of where pages meet.
            let page_ms = i64::from(page_len) * 600_000;
            let near = [page_ms - 1, page_ms, -page_ms, 2_971 * page_ms - 1, 2_971 * page_ms];
            let far = [i64::MIN, -1, 0, 1, 1_000_000_006, 1_782_000_000_000, i64::MAX];
            for instant in near.into_iter().chain(far) {
                let instant = Timestamp::from_millis(instant);
                let bucket = grid.bucket_at(instant).ok();
                let place = bucket.and_then(|bucket| grid.place(bucket, page_len).ok());
                assert_eq!(
                    grid.locate(instant, &PageLen::new(page_len)),
                    bucket.zip(place),
                    "{grid} {instant}"
                );
            }
        }
    }
}
