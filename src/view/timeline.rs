//! The records of one entity over a stretch of time.

use std::iter::FusedIterator;
use std::marker::PhantomData;
use std::slice;

use crate::grid::Bucket;
use crate::page::RecordType;
use crate::time::Timestamp;

use super::record::Record;
use super::stretch::{Listed, Reading, Stretch};

/// The records of one entity over a stretch of time, in order.
///
/// Buckets without a record are left out. What it says of freshness was decided when the read
/// returned. It keeps its pages in memory (charged to the budget) and nothing else: no lock, no
/// transaction.
///
/// There are two ways to go through it. [`Timeline::iter`], and `for` over a reference, read the
/// archived records in place; where one page has a fresh record in every bucket, of one length and of
/// buckets of one width, that is a walk through an array, a few instructions each. `for` over the
/// timeline itself gives a [`Record`] of each, to keep: they are all made before the first is given.
///
/// ```
/// # use tidetable::{Grid, Store, Timestamp};
/// # fn main() -> tidetable::Result<()> {
/// # let store = Store::in_memory()?;
/// # let tides = store.view::<str, u32>("tides").grid(Grid::hours(1)).build(|_, _, _| Ok(7))?;
/// let day = Timestamp::EPOCH..Timestamp::from_seconds(86_400);
/// tides.fill("Dover", day.clone())?.complete()?;
/// let timeline = tides.range("Dover", day)?;
/// let sum: u32 = timeline.iter().map(|(_, level)| level.to_native()).sum();
/// assert_eq!((sum, timeline.len()), (24 * 7, 24));
/// let last = timeline.into_iter().last();
/// # assert!(last.is_some_and(|(_, record)| record.is_fresh()));
/// # Ok(())
/// # }
/// ```
pub struct Timeline<R> {
    pages: Pages,
    record: PhantomData<fn() -> R>,
}

/// Mostly all of it stands in one page, and then nothing is allocated.
enum Pages {
    One(Stretch),
    Many(Vec<Stretch>),
}

impl<R> Timeline<R> {
    #[inline]
    pub(super) fn of_one(page: Stretch) -> Self {
        Self { pages: Pages::One(page), record: PhantomData }
    }

    pub(super) fn of_many(pages: Vec<Stretch>) -> Self {
        Self { pages: Pages::Many(pages), record: PhantomData }
    }

    #[inline]
    fn pages(&self) -> &[Stretch] {
        match &self.pages {
            Pages::One(page) => slice::from_ref(page),
            Pages::Many(pages) => pages,
        }
    }

    /// Whether something of it was marked, rather than only expired.
    pub(super) fn is_marked(&self) -> bool {
        self.pages().iter().any(Stretch::is_marked)
    }

    /// From when on a record of it is expired.
    pub(super) fn fresh_until(&self) -> Timestamp {
        self.pages().iter().map(Stretch::fresh_until).min().unwrap_or(Timestamp::MAX)
    }

    /// How many records there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pages().iter().map(Stretch::len).sum()
    }

    /// Whether there is no record at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether every record in it is fresh.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.pages().iter().all(Stretch::is_fresh)
    }
}

impl<R: RecordType> Timeline<R> {
    /// The records in order of time, read in place.
    #[inline]
    pub fn iter(&self) -> TimelineIter<'_, R> {
        let mut pages = self.pages().iter();
        TimelineIter { reading: pages.next().map(Stretch::read), pages }
    }
}

/// Reads the records of a [`Timeline`] in place, in order of time.
///
/// `fold`, `for_each`, `sum` and the like do so fastest. There is no way from the end: a timeline by
/// value has its last record.
#[must_use = "iterators do nothing unless they are consumed"]
pub struct TimelineIter<'a, R: RecordType> {
    /// The page that it is in, until the last is read.
    reading: Option<Reading<'a, R>>,
    /// Those behind it.
    pages: slice::Iter<'a, Stretch>,
}

impl<'a, R: RecordType> Iterator for TimelineIter<'a, R> {
    type Item = (Bucket, &'a R::Archived);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(item) = self.reading.as_mut()?.next() {
                return Some(item);
            }
            self.reading = self.pages.next().map(Stretch::read);
        }
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        let begun = self.reading.as_ref().map_or(0, Reading::len);
        let left = self.pages.clone().fold(begun, |left, page| left + page.len());
        (left, Some(left))
    }

    #[inline]
    fn fold<B, F: FnMut(B, Self::Item) -> B>(self, init: B, mut fold: F) -> B {
        let Some(reading) = self.reading else { return init };
        let folded = reading.fold(init, &mut fold);
        self.pages.fold(folded, |folded, page| page.read::<R>().fold(folded, &mut fold))
    }
}

impl<R: RecordType> ExactSizeIterator for TimelineIter<'_, R> {}
impl<R: RecordType> FusedIterator for TimelineIter<'_, R> {}

/// Shows how many are left, never records.
impl<R: RecordType> std::fmt::Debug for TimelineIter<'_, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TimelineIter({} records)", self.len())
    }
}

impl<'a, R: RecordType> IntoIterator for &'a Timeline<R> {
    type Item = (Bucket, &'a R::Archived);
    type IntoIter = TimelineIter<'a, R>;

    #[inline]
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<R: RecordType> IntoIterator for Timeline<R> {
    type Item = (Bucket, Record<R>);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        let kept = |page: &Stretch| -> Vec<_> {
            let keep = |record: Listed| (record.bucket, Record::of(page.keep(record)));
            page.records().map(keep).collect()
        };
        self.pages().iter().flat_map(kept).collect::<Vec<_>>().into_iter()
    }
}

/// Shows how much it holds, never records.
impl<R> std::fmt::Debug for Timeline<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Timeline({} records)", self.len())
    }
}
