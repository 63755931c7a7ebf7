//! The buckets of one page, asked for one after the other.

use super::bucket::Bucket;
use super::bucket_row::BucketRow;
use super::define::{Grid, Shape};
use super::place::PageNumber;

/// The buckets of a page by their slots.
///
/// Answers as [`Grid::bucket_in`] does, but works the page out once: of buckets of one width each
/// costs an addition.
#[derive(Clone, Debug)]
pub(crate) struct PageBuckets<'a> {
    grid: &'a Grid,
    page: PageNumber,
    page_len: u32,
    /// The slots that can hold a bucket.
    slots: u32,
    known: Known,
}

/// What is known of the buckets of a page.
#[derive(Clone, Debug)]
enum Known {
    Nothing,
    /// A slot, its bucket, and how far apart all buckets start.
    Near(u32, Bucket, i64),
    /// The bucket in the first slot, and how far apart they start. The last of the page has an end as
    /// well: then all between have, and working one out cannot fail.
    First(Bucket, i64),
}

impl Grid {
    /// The buckets of a page, for a caller who will ask for several; `near` is one of their slots.
    pub(crate) fn page_buckets(
        &self,
        page: PageNumber,
        near: u32,
        page_len: u32,
    ) -> PageBuckets<'_> {
        let width = match &self.0 {
            Shape::Fixed(fixed) | Shape::FixedByDay(fixed, _) => Some(fixed.width()),
            Shape::Timeless | Shape::Calendar(..) | Shape::Faulty(_) => None,
        };
        let slots = self.page_slots(page, page_len);
        let buckets = PageBuckets { grid: self, page, page_len, slots, known: Known::Nothing };
        let known = width.zip(self.bucket_in(page, near, page_len));
        let Some((width, bucket)) = known else { return buckets };
        let buckets = PageBuckets { known: Known::Near(near, bucket, width), ..buckets };
        match (buckets.get(0), buckets.get(slots.saturating_sub(1))) {
            (Some(first), Some(_)) => PageBuckets { known: Known::First(first, width), ..buckets },
            _ => buckets,
        }
    }
}

impl PageBuckets<'_> {
    /// Those in the slots from one to another, if one stands in each and they are of one width.
    pub(crate) fn row(&self, first: u32, last: u32) -> Option<BucketRow> {
        let (Known::Near(_, _, width) | Known::First(_, width)) = self.known else { return None };
        let len = last.checked_sub(first)?.checked_add(1)?;
        self.get(last)?;
        Some(BucketRow::new(self.get(first)?, width, len))
    }

    /// How many slots can hold a bucket: all of them stand before this.
    pub(crate) fn slots(&self) -> u32 {
        self.slots
    }

    /// The bucket in a slot, if one stands there.
    #[inline]
    pub(crate) fn get(&self, slot: u32) -> Option<Bucket> {
        if slot >= self.slots {
            return None;
        }
        match &self.known {
            Known::First(first, width) => Some(first.later(slot, *width)),
            Known::Near(near, bucket, width) => {
                bucket.moved(i64::from(slot) - i64::from(*near), *width)
            }
            Known::Nothing => self.grid.bucket_in(self.page, slot, self.page_len),
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use crate::time::{Span, Timestamp};

    use super::*;

    #[test]
    fn a_page_names_the_buckets_that_the_grid_does() {
        let grids = [
            Grid::minutes(10),
            Grid::fixed(Span::millis(7)).origin(Timestamp::from_millis(-3)),
            Grid::minutes(10).pages_by_day("Europe/Stockholm"),
            Grid::minutes(30).pages_by_day("Australia/Lord_Howe"),
            Grid::hourly("Europe/Stockholm"),
            Grid::daily("Pacific/Apia"),
            Grid::timeless(),
        ];
        for grid in grids {
            let page_len = grid.fixed_page_len().unwrap_or(64);
            // A spring day of 2026 whose clocks change in Stockholm, and the day that Apia skipped.
            for instant in [0, 1_774_742_400_000, 1_325_239_200_000] {
                let bucket = grid.bucket_at(Timestamp::from_millis(instant)).unwrap();
                let place = grid.place(bucket, page_len).unwrap();
                let buckets = grid.page_buckets(place.page, place.slot, page_len);
                for slot in 0..=page_len {
                    let expected = grid.bucket_in(place.page, slot, page_len);
                    assert_eq!(buckets.get(slot), expected, "{grid}, slot {slot}");
                }
            }
        }
    }

    #[test]
    fn buckets_of_one_width_are_a_row_as_far_as_the_page_goes() {
        let grid = Grid::minutes(10);
        let place = grid.place(grid.bucket_at(Timestamp::EPOCH).unwrap(), 64).unwrap();
        let buckets = grid.page_buckets(place.page, place.slot, 64);
        let row = buckets.row(3, 5).unwrap();
        assert_eq!(row.len(), 3);
        for nth in 0..3 {
            assert_eq!(Some(row.get(nth)), buckets.get(3 + nth));
        }
        assert_eq!(buckets.row(63, 63).map(|row| row.len()), Some(1));
        assert!(buckets.row(3, 64).is_none(), "the page ends before");
        assert!(buckets.row(5, 4).is_none());
        let days = Grid::daily("Europe/Stockholm");
        let place = days.place(days.bucket_at(Timestamp::EPOCH).unwrap(), 64).unwrap();
        assert!(days.page_buckets(place.page, place.slot, 64).row(3, 5).is_none());
    }

    #[test]
    fn beyond_the_end_of_time_there_is_no_bucket() {
        let grid = Grid::fixed(Span::days(30_000_000_000));
        let last = (0..).find(|n| grid.bucket_in(PageNumber(0), *n, 64).is_none()).unwrap();
        let buckets = grid.page_buckets(PageNumber(0), 0, 64);
        assert!(buckets.get(last - 1).is_some() && buckets.get(last).is_none());
    }
}
