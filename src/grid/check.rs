//! What holds of every grid at every instant, for fuzzing and property tests.

use super::define::{Grid, Shape};
use super::place::PageNumber;
use crate::time::{TimeRange, Timestamp};

impl Grid {
    /// Panics if anything that must hold of the bucket at `instant` and its neighbours does not.
    #[doc(hidden)]
    pub fn assert_holds_at(&self, instant: Timestamp, page_len: u32) {
        let page_len = self.fixed_page_len().unwrap_or(page_len.max(1));
        let Ok(bucket) = self.bucket_at(instant) else { return };
        assert!(bucket.contains(instant), "{self}: {bucket:?} does not hold {instant}");
        assert_eq!(self.bucket(bucket.number()).ok(), Some(bucket), "{self}: its number");
        assert_eq!(self.bucket_at(bucket.start()).ok(), Some(bucket), "{self}: its start");
        let touching = TimeRange::new(instant, bucket.end());
        if !touching.is_empty() {
            let found: Vec<_> = self.buckets_touching(touching).map(Result::ok).collect();
            assert_eq!(found, [Some(bucket)], "{self}: the buckets of {touching}");
        }
        let place = match self.place(bucket, page_len) {
            Ok(place) => place,
            // Fixed buckets reach beyond the calendar that their days are taken from.
            Err(_) => return assert!(matches!(self.0, Shape::FixedByDay(..)), "{self}: no place"),
        };
        assert!(place.slot < self.page_slots(place.page, page_len), "{self}: {place:?}");
        let found = self.bucket_in(place.page, place.slot, page_len);
        assert_eq!(found, Some(bucket), "{self}: {place:?}");
        if let Ok(Some(next)) = self.next(bucket) {
            assert_eq!(next.start(), bucket.end(), "{self}: after {bucket:?}");
            assert!(next.number() > bucket.number(), "{self}: after {bucket:?}");
            assert_eq!(self.previous(next).ok(), Some(Some(bucket)), "{self}: before {next:?}");
            let after = self.place(next, page_len);
            assert!(after.is_err() || after.is_ok_and(|after| after > place), "{self}: {next:?}");
        }
    }

    /// Panics if a bucket stands at a place that is not its own, whatever a file says.
    #[doc(hidden)]
    pub fn assert_holds_in(&self, page: i64, slot: u32, page_len: u32) {
        let page_len = self.fixed_page_len().unwrap_or(page_len.max(1));
        let page = PageNumber(page);
        let slots = self.page_slots(page, page_len);
        assert!(slots <= page_len, "{self}: {slots} slots in {page:?}");
        if let Some(bucket) = self.bucket_in(page, slot, page_len) {
            assert!(slot < slots, "{self}: {bucket:?} stands beyond the slots of {page:?}");
            let place = self.place(bucket, page_len).ok();
            let place = place.map(|place| (place.page, place.slot));
            assert_eq!(place, Some((page, slot)), "{self}: {bucket:?}");
        }
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use proptest::prelude::*;

    use super::super::fuzzing::{KINDS, ZONES, of_kind};
    use super::*;
    use crate::time::Span;

    fn grid() -> impl Strategy<Value = Grid> {
        let zone = prop::sample::select(ZONES.to_vec());
        let width = prop_oneof![1..10_000_i64, 1..i64::MAX, Just(600_000), Just(86_400_000)];
        (0..KINDS, zone, width, instant()).prop_map(|(kind, zone, width, origin)| {
            let origin = Timestamp::from_millis(origin);
            of_kind(kind, zone, || Grid::fixed(Span::millis(width)).origin(origin))
        })
    }

    fn instant() -> impl Strategy<Value = i64> {
        const FIRST: i64 = -377_705_023_201_000;
        const LAST: i64 = 253_402_207_200_000;
        const YEAR: i64 = 366 * 86_400_000;
        prop_oneof![
            3 => -4_200_000_000_000..4_200_000_000_000_i64,
            1 => FIRST - YEAR..FIRST + YEAR,
            1 => LAST - YEAR..LAST + YEAR,
            1 => any::<i64>(),
            1 => prop::sample::select(vec![i64::MIN, i64::MIN + 1, i64::MAX, i64::MAX - 1, 0]),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 10_000,
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn every_grid_holds_at_every_instant(
            grid in grid(), instant in instant(), page_len in 1..400_u32,
        ) {
            grid.assert_holds_at(Timestamp::from_millis(instant), page_len);
        }

        #[test]
        fn a_place_read_from_a_file_holds_its_own_bucket_or_none(
            grid in grid(),
            page in prop_oneof![any::<i64>(), -60_000..60_000_i64, -300_000_000..200_000_000_i64],
            slot in prop_oneof![any::<u32>(), 0..400_u32],
            page_len in prop_oneof![1..400_u32, Just(64), Just(128), Just(u32::MAX)],
        ) {
            grid.assert_holds_in(page, slot, page_len);
        }
    }
}
