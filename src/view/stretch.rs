//! Part of a page: some of its records, with what may be believed of each.

use std::iter::Enumerate;
use std::slice;

use crate::disk::ViewState;
use crate::freshness::Freshness;
use crate::grid::{Bucket, BucketRow, PageNumber};
use crate::page::{RecordType, Slot, access, access_array};
use crate::time::Timestamp;

use super::any_record::AnyRecord;
use super::lookup::Found;

/// The records of consecutive slots of a page, as a reader found them.
pub(super) struct Stretch {
    found: Found,
    records: Records,
    /// Whether a bucket has no record.
    missing: bool,
}

enum Records {
    /// In each slot from this one on stands a fresh one, and their buckets are of one width: mostly.
    Whole(Slot, BucketRow),
    Listed(Box<[Listed]>),
}

/// A record of a stretch.
#[derive(Clone, Copy)]
pub(super) struct Listed {
    pub(super) slot: Slot,
    pub(super) bucket: Bucket,
    pub(super) freshness: Freshness,
}

impl Stretch {
    /// Of slots in which stand fresh records, all of them.
    #[inline]
    pub(super) fn whole(found: Found, first: Slot, buckets: BucketRow) -> Self {
        Self { found, records: Records::Whole(first, buckets), missing: false }
    }

    /// Looks at every slot once: what is missing, what is not fresh.
    pub(super) fn new(
        found: Found,
        number: PageNumber,
        (first, last): (u32, u32),
        view: &ViewState,
        now: impl Fn() -> Timestamp,
    ) -> Self {
        let page = found.page();
        let buckets = view.grid().page_buckets(number, first, view.page_len());
        let resident = found.hold.resident();
        let fresh_until = page.floor().fresh_until;
        let all_fresh = view.all_fresh_while_they_count(resident)
            && (fresh_until == Timestamp::MAX || now() < fresh_until);
        if all_fresh
            && page.holds_all(Slot(first), Slot(last))
            && let Some(row) = buckets.row(first, last)
        {
            return Self::whole(found, Slot(first), row);
        }
        let mut missing = false;
        let listed = (first..=last).map(Slot).filter_map(|slot| {
            let bucket = buckets.get(slot.0)?;
            if !page.holds(slot) {
                missing = true;
                return None;
            }
            let freshness = match all_fresh {
                true => Freshness::Fresh,
                false => view.freshness_at(resident, slot, bucket, &now),
            };
            Some(Listed { slot, bucket, freshness })
        });
        let records = Records::Listed(listed.collect());
        Self { found, records, missing }
    }

    pub(super) fn found(&self) -> &Found {
        &self.found
    }

    /// Whether a bucket has no record.
    pub(super) fn misses_any(&self) -> bool {
        self.missing
    }

    /// How many records there are.
    #[inline]
    pub(super) fn len(&self) -> usize {
        match &self.records {
            Records::Whole(_, buckets) => buckets.len() as usize,
            Records::Listed(listed) => listed.len(),
        }
    }

    /// One of its records, counted from zero.
    #[inline]
    fn get(&self, nth: usize) -> Listed {
        match &self.records {
            Records::Whole(first, buckets) => {
                let nth = nth as u32;
                let (slot, bucket) = (Slot(first.0 + nth), buckets.get(nth));
                Listed { slot, bucket, freshness: Freshness::Fresh }
            }
            Records::Listed(listed) => listed[nth],
        }
    }

    /// Its records, in order.
    pub(super) fn records(&self) -> impl Iterator<Item = Listed> + '_ {
        (0..self.len()).map(|nth| self.get(nth))
    }

    /// Those that are not fresh.
    pub(super) fn marked(&self) -> impl Iterator<Item = Listed> + '_ {
        let listed: &[Listed] = match &self.records {
            Records::Whole(..) => &[],
            Records::Listed(listed) => listed,
        };
        listed.iter().copied().filter(|record| !record.freshness.stands())
    }

    /// Whether each of them is fresh.
    pub(super) fn is_fresh(&self) -> bool {
        match &self.records {
            Records::Whole(..) => true,
            Records::Listed(listed) => listed.iter().all(|record| record.freshness.is_fresh()),
        }
    }

    /// Whether something of it was marked, rather than only expired.
    pub(super) fn is_marked(&self) -> bool {
        self.marked().any(|record| record.freshness.is_marked())
    }

    /// From when on a record of it is expired.
    pub(super) fn fresh_until(&self) -> Timestamp {
        let page = self.found.page();
        let counts = self.records().filter(|record| record.freshness != Freshness::Sealed);
        let times = counts.map(|record| page.facts(record.slot).fresh_until);
        times.min().unwrap_or(Timestamp::MAX)
    }

    /// One of its records, to keep.
    pub(super) fn keep(&self, record: Listed) -> AnyRecord {
        AnyRecord::new(self.found.clone(), record.slot, record.bucket, record.freshness)
    }

    /// Its records, read in place.
    #[inline]
    pub(super) fn read<R: RecordType>(&self) -> Reading<'_, R> {
        if let Records::Whole(first, buckets) = &self.records
            && let Some(array) = access_array::<R>(self.found.page(), *first, buckets.len())
        {
            return Reading::Array(array.iter().enumerate(), *buckets);
        }
        Reading::Slots(self, 0)
    }
}

/// Reads the records of a stretch in place.
pub(super) enum Reading<'a, R: RecordType> {
    /// They stand as those of an array do.
    Array(Enumerate<slice::Iter<'a, R::Archived>>, BucketRow),
    /// The next is the one of that number.
    Slots(&'a Stretch, usize),
}

impl<'a, R: RecordType> Reading<'a, R> {
    #[inline]
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Array(records, _) => records.len(),
            Self::Slots(stretch, next) => stretch.len() - next,
        }
    }
}

impl<'a, R: RecordType> Iterator for Reading<'a, R> {
    type Item = (Bucket, &'a R::Archived);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Array(records, buckets) => {
                let (nth, record) = records.next()?;
                Some((buckets.get(nth as u32), record))
            }
            Self::Slots(stretch, next) if *next < stretch.len() => {
                let Listed { slot, bucket, .. } = stretch.get(*next);
                *next += 1;
                Some((bucket, access::<R>(stretch.found.page(), slot)))
            }
            Self::Slots(..) => None,
        }
    }

    /// The loop of each kind by itself.
    #[inline]
    fn fold<B, F: FnMut(B, Self::Item) -> B>(self, init: B, mut fold: F) -> B {
        match self {
            Self::Array(records, buckets) => records.fold(init, |folded, (nth, record)| {
                fold(folded, (buckets.get(nth as u32), record))
            }),
            Self::Slots(stretch, next) => (next..stretch.len()).fold(init, |folded, nth| {
                let Listed { slot, bucket, .. } = stretch.get(nth);
                fold(folded, (bucket, access::<R>(stretch.found.page(), slot)))
            }),
        }
    }
}
