//! Which bucket holds an instant, and where on which page it stands.

use super::bucket::{Bucket, BucketNumber};
use super::calendar::Unit;
use super::day::{DAY, LocalDay};
use super::define::{Grid, Shape};
use super::fixed::Fixed;
use super::hours::{self, HOURS_PER_DAY};
use super::zone::Zone;
use crate::error::{Error, Result};
use crate::time::Timestamp;

/// Which page of an entity: later pages have higher numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PageNumber(pub(crate) i64);

/// Where a bucket stands. Places are in the order of their buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place {
    pub(crate) page: PageNumber,
    pub(crate) slot: u32,
}

/// No local day is longer: a date lived twice, by a zone that went back over the date line.
const LONGEST_DAY: i64 = 2 * DAY;

impl Grid {
    /// The bucket in which `instant` lies.
    ///
    /// Costs a few nanoseconds for buckets of one width, tens for the hours and days of a zone that
    /// were asked for before, about a microsecond otherwise.
    ///
    /// # Errors
    /// If the grid is faulty, or the bucket's start or end cannot be represented: beyond
    /// [`Timestamp::MIN`] and [`Timestamp::MAX`] for buckets of one width, outside the years -9999
    /// to 9999 for those of a calendar.
    #[inline]
    pub fn bucket_at(&self, instant: Timestamp) -> Result<Bucket> {
        match &self.0 {
            Shape::Fixed(fixed) | Shape::FixedByDay(fixed, _) => fixed.bucket_at(instant),
            Shape::Timeless => Ok(Bucket::TIMELESS),
            Shape::Calendar(unit, zone) => unit.bucket_at(zone, instant.as_millis()),
            Shape::Faulty(fault) => Err(fault.clone()),
        }
    }

    /// The bucket of that number; an error if there is none (a day that the zone skipped, a number
    /// that belongs to another grid).
    pub(crate) fn bucket(&self, number: BucketNumber) -> Result<Bucket> {
        let missing = || Error::input(format!("the grid {self} has no bucket number {}", number.0));
        match &self.0 {
            Shape::Fixed(fixed) | Shape::FixedByDay(fixed, _) => {
                fixed.numbered(number.0.into()).ok_or_else(missing)
            }
            Shape::Timeless if number.0 == 0 => Ok(Bucket::TIMELESS),
            Shape::Timeless => Err(missing()),
            Shape::Calendar(unit, zone) => unit.bucket(zone, number.0),
            Shape::Faulty(fault) => Err(fault.clone()),
        }
    }

    /// Where one of its buckets stands, in pages of `page_len` slots.
    ///
    /// With pages by day, `page_len` is [`Grid::fixed_page_len`], and a bucket that starts outside
    /// the calendar is an error; otherwise it is at least 1 and there is none.
    #[inline]
    pub(crate) fn place(&self, bucket: Bucket, page_len: u32) -> Result<Place> {
        debug_assert!(page_len > 0, "a page length is checked when the view is defined");
        match &self.0 {
            Shape::FixedByDay(fixed, zone) => place_in_day(*fixed, zone, bucket, page_len),
            Shape::Faulty(fault) => Err(fault.clone()),
            Shape::Fixed(_) | Shape::Timeless | Shape::Calendar(..) => {
                let (number, len) = (bucket.number().0, i64::from(page_len));
                let slot = number.rem_euclid(len) as u32;
                Ok(Place { page: PageNumber(number.div_euclid(len)), slot })
            }
        }
    }

    /// The bucket at that place: the inverse of [`Grid::place`]. None where no bucket stands (after
    /// the last of a day, at a date that does not exist, at the ends of time), so a place read from
    /// a file may be asked for.
    pub(crate) fn bucket_in(&self, page: PageNumber, slot: u32, page_len: u32) -> Option<Bucket> {
        if slot >= page_len {
            return None;
        }
        if let Shape::FixedByDay(fixed, zone) = &self.0 {
            let day = zone.day(page.0).ok()??;
            let bucket = fixed.numbered(fixed.first_from(day.start) + i128::from(slot))?;
            return (bucket.start().as_millis() < day.end).then_some(bucket);
        }
        // The first page of all may begin before the first number.
        let number = i128::from(page.0) * i128::from(page_len) + i128::from(slot);
        self.bucket(BucketNumber(i64::try_from(number).ok()?)).ok()
    }

    /// How many slots of that page can hold a bucket: all of its buckets stand before this.
    /// (Where a zone skipped a date, a slot among them is empty.)
    pub(crate) fn page_slots(&self, page: PageNumber, page_len: u32) -> u32 {
        match &self.0 {
            Shape::FixedByDay(fixed, zone) => match zone.day(page.0) {
                Ok(Some(day)) => slots_of_day(*fixed, day).min(page_len),
                Ok(None) | Err(_) => 0,
            },
            Shape::Timeless => u32::from(page.0 == 0),
            Shape::Calendar(Unit::Hour, zone) => hour_slots(zone, page, page_len),
            Shape::Fixed(_) | Shape::Calendar(..) => page_len,
            Shape::Faulty(_) => 0,
        }
    }

    /// The page length that this grid demands, if it does: with pages by day as many slots as
    /// buckets can start in the longest of days (they are 48 hours long where a zone went back over
    /// the date line), one without time. What a page holds is [`Grid::page_slots`].
    pub(crate) fn fixed_page_len(&self) -> Option<u32> {
        match &self.0 {
            Shape::FixedByDay(fixed, _) => Some(longest_day_slots(*fixed)),
            Shape::Timeless => Some(1),
            Shape::Fixed(_) | Shape::Calendar(..) | Shape::Faulty(_) => None,
        }
    }

    /// How many buckets a day of 24 hours has, where that is a whole number.
    pub(crate) fn buckets_of_a_day(&self) -> Option<u32> {
        match &self.0 {
            Shape::Fixed(fixed) if DAY % fixed.width() == 0 => {
                u32::try_from(DAY / fixed.width()).ok()
            }
            _ => None,
        }
    }

    /// Page lengths are best multiples of this: an hourly page then holds whole local days.
    pub(crate) fn page_len_unit(&self) -> u32 {
        match &self.0 {
            Shape::Calendar(Unit::Hour, _) => HOURS_PER_DAY as u32,
            _ => 1,
        }
    }
}

fn place_in_day(fixed: Fixed, zone: &Zone, bucket: Bucket, page_len: u32) -> Result<Place> {
    let day = zone.day_at(bucket.start().as_millis())?;
    let slot = i128::from(bucket.number().0) - fixed.first_from(day.start);
    match u32::try_from(slot) {
        Ok(slot) if slot < page_len => Ok(Place { page: PageNumber(day.number), slot }),
        _ => Err(Error::input(format!(
            "bucket {bucket} is number {slot} of its day in {}: a page holds {page_len}",
            zone.name()
        ))),
    }
}

fn slots_of_day(fixed: Fixed, day: LocalDay) -> u32 {
    let slots = fixed.first_from(day.end) - fixed.first_from(day.start);
    u32::try_from(slots).unwrap_or(u32::MAX)
}

fn longest_day_slots(fixed: Fixed) -> u32 {
    let slots = (LONGEST_DAY - 1) / fixed.width() + 1;
    u32::try_from(slots).expect("there are fewer milliseconds in two days")
}

/// The empty slots of an hourly page stand at the end of each of its days; only those of the last
/// day can be left off.
fn hour_slots(zone: &Zone, page: PageNumber, page_len: u32) -> u32 {
    let days = i64::from(page_len) / HOURS_PER_DAY;
    if i64::from(page_len) % HOURS_PER_DAY != 0 {
        return page_len;
    }
    let Some(first) = page.0.checked_mul(days) else { return 0 };
    (0..days)
        .rev()
        .map(|nth| (nth, first.checked_add(nth).map_or(0, |day| hours::count(zone, day))))
        .find(|&(_, count)| count > 0)
        .map_or(0, |(nth, count)| (nth * HOURS_PER_DAY + count) as u32)
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use crate::time::Span;

    #[test]
    fn the_first_page_of_all_holds_its_buckets_though_it_begins_before_them() {
        let grid = Grid::fixed(Span::millis(1));
        for page_len in [1, 64, 341, 1000] {
            for instant in [i64::MIN, i64::MIN + 1, i64::MAX - 1] {
                let bucket = grid.bucket_at(Timestamp::from_millis(instant)).unwrap();
                let Place { page, slot } = grid.place(bucket, page_len).unwrap();
                assert_eq!(grid.bucket_in(page, slot, page_len), Some(bucket), "{page_len}");
            }
        }
    }

    #[test]
    fn a_skipped_date_has_no_bucket_and_leaves_its_slot_empty() {
        let grid = Grid::daily("Pacific/Apia");
        let skipped = 15_338;
        let before = grid.bucket(BucketNumber(skipped - 1)).unwrap();
        assert_eq!(before.to_string(), "2011-12-29T10:00:00Z..2011-12-30T10:00:00Z");
        assert!(grid.bucket(BucketNumber(skipped)).is_err());
        let place = grid.place(before, 2).unwrap();
        let (empty, slot) = ((skipped as u64 / 2) as i64, (skipped % 2) as u32);
        assert_eq!(grid.bucket_in(PageNumber(empty), slot, 2), None);
        let next = grid.next(before).unwrap().unwrap();
        assert_eq!(next.number(), BucketNumber(skipped + 1));
        assert!(grid.place(next, 2).unwrap() > place);
    }

    #[test]
    fn a_bucket_that_its_page_is_too_short_for_is_an_error() {
        let grid = Grid::minutes(10).pages_by_day("UTC");
        assert_eq!(grid.fixed_page_len(), Some(288));
        let last = grid.bucket(BucketNumber(143)).unwrap();
        assert_eq!(grid.place(last, 144).unwrap(), Place { page: PageNumber(0), slot: 143 });
        assert!(grid.place(last, 143).is_err());
        let beyond = grid.bucket_at(Timestamp::from_millis(1 << 60)).unwrap();
        assert!(grid.place(beyond, 288).is_err());
    }

    #[test]
    fn the_timeless_bucket_is_alone_on_its_page() {
        let grid = Grid::timeless();
        let place = grid.place(Bucket::TIMELESS, 1).unwrap();
        assert_eq!(place, Place { page: PageNumber(0), slot: 0 });
        assert_eq!(grid.bucket_in(PageNumber(1), 0, 1), None);
        assert_eq!((grid.page_slots(place.page, 1), grid.fixed_page_len()), (1, Some(1)));
    }
}
