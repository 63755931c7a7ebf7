//! Buckets of one width, one right after the other.

use super::bucket::Bucket;
use super::define::{Grid, Shape};
use super::fixed::Fixed;
use super::page_len::PageLen;
use super::place::{PageNumber, Place};
use super::zone::Zone;
use crate::time::{Span, TimeRange};

/// So many buckets of one width: of each is known that it can be represented, so that one costs an
/// addition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BucketRow {
    first: Bucket,
    width: i64,
    len: u32,
}

impl BucketRow {
    /// The caller knows that the last of them has an end.
    #[inline]
    pub(super) const fn new(first: Bucket, width: i64, len: u32) -> Self {
        Self { first, width, len }
    }

    /// How many there are.
    #[inline]
    pub(crate) const fn len(&self) -> u32 {
        self.len
    }

    /// One of them, counted from zero.
    #[inline]
    pub(crate) const fn get(&self, nth: u32) -> Bucket {
        debug_assert!(nth < self.len);
        self.first.later(nth, self.width)
    }

    const fn last(&self) -> Bucket {
        self.get(self.len - 1)
    }
}

impl Grid {
    /// The buckets that start in a range and where the first of them stands, if there are some, they
    /// are of one width, and one page has them all; nothing else is promised to be found. Of buckets
    /// that are counted from an origin it costs three multiplications and no call.
    #[inline]
    pub(crate) fn row_in_page(
        &self,
        range: TimeRange,
        page_len: &PageLen,
    ) -> Option<(Place, BucketRow)> {
        let (place, row) = match &self.0 {
            Shape::Fixed(fixed) => {
                let row = fixed.row(range)?;
                // Near buckets count from the origin on.
                (page_len.place(row.first.number().0 as u64), row)
            }
            Shape::FixedByDay(fixed, zone) => row_in_day(*fixed, zone, range)?,
            Shape::Timeless | Shape::Calendar(..) | Shape::Faulty(_) => return None,
        };
        (place.slot.checked_add(row.len)? <= page_len.get()).then_some((place, row))
    }
}

#[inline(never)]
fn row_in_day(fixed: Fixed, zone: &Zone, range: TimeRange) -> Option<(Place, BucketRow)> {
    let row = fixed.row(range)?;
    let day = zone.day_at(row.first.start().as_millis()).ok()?;
    if row.last().start().as_millis() >= day.end {
        return None;
    }
    let slot = i128::from(row.first.number().0) - fixed.first_from(day.start);
    let slot = u32::try_from(slot).ok()?;
    Some((Place { page: PageNumber(day.number), slot }, row))
}

impl Fixed {
    /// The buckets that start in a range, if there are some and none of them is far.
    #[inline]
    fn row(self, range: TimeRange) -> Option<BucketRow> {
        let holding = self.near_bucket_at(range.start())?;
        let begins_before = holding.start() < range.start();
        let first = if begins_before { holding.moved(1, self.width())? } else { holding };
        // The bucket that holds the last instant starts in the range if the first one does.
        let last = self.near_bucket_at(range.end().checked_sub(Span::millis(1))?)?;
        let steps = u32::try_from(last.number().0 - first.number().0).ok()?;
        Some(BucketRow::new(first, self.width(), steps.checked_add(1)?))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    const DAY: i64 = 86_400_000;
    /// The night of 2026 in which Stockholm's clocks are set forward.
    const NIGHT: i64 = 1_774_742_400_000;

    #[test]
    fn a_row_is_what_the_grid_says_one_by_one() {
        let grids = [
            Grid::minutes(10),
            Grid::minutes(7).origin(Timestamp::from_millis(NIGHT + 11)),
            Grid::minutes(10).pages_by_day("Europe/Stockholm"),
            Grid::minutes(45).pages_by_day("Australia/Lord_Howe"),
        ];
        let mut rows = 0;
        for grid in grids {
            let page_len = grid.fixed_page_len().unwrap_or(144);
            let edges = [-1, 0, 1, 599_999, 600_000, 7_200_000, 9_000_001, DAY - 1, DAY, DAY + 1];
            for from in edges {
                for to in edges {
                    let [from, to] = [from, to].map(|at| Timestamp::from_millis(NIGHT + at));
                    let range = TimeRange::new(from, to);
                    let buckets: Vec<_> = grid.buckets(range).map(|b| b.unwrap()).collect();
                    let places = buckets.iter().map(|b| grid.place(*b, page_len).unwrap());
                    let places: Vec<_> = places.collect();
                    let in_a_page = places.first().map(|p| p.page) == places.last().map(|p| p.page);
                    let Some((place, row)) = grid.row_in_page(range, &PageLen::new(page_len))
                    else {
                        let far =
                            grid.describe().contains("origin") && from.as_millis() < NIGHT + 11;
                        assert!(buckets.is_empty() || !in_a_page || far, "{grid} {range}");
                        continue;
                    };
                    rows += 1;
                    assert!(in_a_page && places[0] == place, "{grid} {range}");
                    let named: Vec<_> = (0..row.len()).map(|nth| row.get(nth)).collect();
                    assert_eq!(named, buckets, "{grid} {range}");
                }
            }
        }
        assert!(rows > 50, "{rows}");
    }

    #[test]
    fn there_is_no_row_at_the_ends_of_time() {
        let grid = Grid::minutes(10);
        for (from, to) in [(i64::MIN, i64::MAX), (i64::MAX - 1, i64::MAX), (i64::MIN, i64::MIN)] {
            let range = TimeRange::new(Timestamp::from_millis(from), Timestamp::from_millis(to));
            assert!(grid.row_in_page(range, &PageLen::new(144)).is_none(), "{range}");
        }
        assert!(
            Grid::timeless()
                .row_in_page(TimeRange::new(Timestamp::EPOCH, Timestamp::MAX), &PageLen::new(1))
                .is_none()
        );
    }
}
