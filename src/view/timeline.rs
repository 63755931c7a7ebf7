//! The records of one entity over a stretch of time.

use std::marker::PhantomData;

use crate::disk::ViewState;
use crate::error::Error;
use crate::freshness::Freshness;
use crate::grid::{Bucket, PageNumber};
use crate::page::{RecordType, Slot, access};
use crate::sync::Arc;
use crate::time::Timestamp;

use super::lookup::Found;
use super::record::Record;

/// The records of one entity over a stretch of time, in order.
///
/// Buckets without a record are left out. [`Timeline::iter`] reads in place and costs a few
/// nanoseconds a record; iterating by value makes a [`Record`] of each at once, to keep. What it says
/// of freshness was decided when the read returned. It keeps its pages in memory, and the store open.
pub struct Timeline<R> {
    view: Arc<ViewState>,
    pages: Vec<Stretch>,
    /// Whether a page is missing altogether.
    missing: bool,
    /// The last page that failed its checks.
    damage: Option<Error>,
    record: PhantomData<fn() -> R>,
}

/// Part of a page.
pub(super) struct Stretch {
    found: Found,
    number: PageNumber,
    first: u32,
    /// The last slot, included.
    last: u32,
    /// Of each slot from `first` on, what may be believed of its record; `None`: the page is fresh.
    freshness: Option<Box<[Freshness]>>,
    /// Whether a bucket has no record.
    missing: bool,
}

impl Stretch {
    /// Looks at every slot once: what is missing, what is not fresh.
    pub(super) fn new(
        found: Found,
        number: PageNumber,
        (first, last): (u32, u32),
        view: &ViewState,
        now: impl Fn() -> Timestamp,
    ) -> Self {
        let slots = || (first..=last).map(Slot);
        let page = found.page();
        let buckets = view.grid().page_buckets(number, first, view.page_len());
        let missing = !page.surely_holds(Slot(last))
            && slots().any(|slot| !page.holds(slot) && buckets.get(slot.0).is_some());
        let resident = found.hold.resident();
        let colour = |slot: Slot| match (page.holds(slot), buckets.get(slot.0)) {
            (true, Some(bucket)) => view.freshness_at(resident, slot, bucket, &now),
            (true, None) => view.freshness(resident, slot),
            (false, _) => Freshness::Fresh,
        };
        let fresh_until = page.floor().fresh_until;
        let all_fresh = view.all_fresh_while_they_count(resident)
            && (fresh_until == Timestamp::MAX || now() < fresh_until);
        let freshness = (!all_fresh).then(|| slots().map(colour).collect());
        Self { found, number, first, last, freshness, missing }
    }

    pub(super) fn found(&self) -> &Found {
        &self.found
    }

    /// Whether something of it was marked, rather than only expired.
    pub(super) fn is_marked(&self) -> bool {
        self.held().any(|slot| self.freshness(slot).is_marked())
    }

    /// From when on a record of it is expired.
    pub(super) fn fresh_until(&self) -> Timestamp {
        let page = self.found.page();
        let counts = |slot: &Slot| self.freshness(*slot) != Freshness::Sealed;
        let times = self.held().filter(counts).map(|slot| page.facts(slot).fresh_until);
        times.min().unwrap_or(Timestamp::MAX)
    }

    /// Its buckets that have records, with what may be believed of those.
    pub(super) fn records(
        &self,
        view: &ViewState,
    ) -> impl Iterator<Item = (Slot, Bucket, Freshness)> {
        let buckets = view.grid().page_buckets(self.number, self.first, view.page_len());
        self.held().filter_map(move |slot| Some((slot, buckets.get(slot.0)?, self.freshness(slot))))
    }

    fn held(&self) -> impl Iterator<Item = Slot> + '_ {
        let page = self.found.page();
        (self.first..=self.last).map(Slot).filter(|slot| page.holds(*slot))
    }

    fn freshness(&self, slot: Slot) -> Freshness {
        match &self.freshness {
            None => Freshness::Fresh,
            Some(freshness) => freshness[(slot.0 - self.first) as usize],
        }
    }
}

impl<R> Timeline<R> {
    pub(super) fn new(view: Arc<ViewState>) -> Self {
        Self { view, pages: Vec::new(), missing: false, damage: None, record: PhantomData }
    }

    pub(super) fn push(&mut self, stretch: Stretch) {
        self.missing |= stretch.missing;
        self.pages.push(stretch);
    }

    pub(super) fn note_missing(&mut self) {
        self.missing = true;
    }

    pub(super) fn note_damage(&mut self, damage: Error) {
        self.missing = true;
        self.damage = Some(damage);
    }

    pub(super) fn take_damage(&mut self) -> Option<Error> {
        self.damage.take()
    }

    /// Whether something of it was marked, rather than only expired.
    pub(super) fn is_marked(&self) -> bool {
        self.pages.iter().any(Stretch::is_marked)
    }

    /// From when on a record of it is expired.
    pub(super) fn fresh_until(&self) -> Timestamp {
        self.pages.iter().map(Stretch::fresh_until).min().unwrap_or(Timestamp::MAX)
    }

    pub(super) fn misses_any(&self) -> bool {
        self.missing
    }

    /// How many records there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pages.iter().map(|page| page.held().count()).sum()
    }

    /// Whether there is no record at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pages.iter().all(|page| page.held().next().is_none())
    }

    /// Whether every record in it is fresh.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.pages.iter().all(|page| page.held().all(|slot| page.freshness(slot).is_fresh()))
    }
}

impl<R: RecordType> Timeline<R> {
    /// The records in order of time, read in place.
    pub fn iter(&self) -> impl Iterator<Item = (Bucket, &R::Archived)> + '_ {
        self.slots().map(|(bucket, page, slot)| (bucket, access::<R>(page.found.page(), slot)))
    }

    /// The records that are not fresh.
    pub(super) fn marked(&self) -> impl Iterator<Item = Record<R>> + '_ {
        let marked = self.pages.iter().filter(|page| page.freshness.is_some());
        self.slots_of(marked)
            .filter(|(_, page, slot)| !page.freshness(*slot).stands())
            .map(|(bucket, page, slot)| record(bucket, page, slot))
    }

    /// The buckets that have records, in order.
    pub(super) fn buckets(&self) -> impl Iterator<Item = Bucket> + '_ {
        self.slots().map(|(bucket, ..)| bucket)
    }

    fn slots(&self) -> impl Iterator<Item = (Bucket, &Stretch, Slot)> + '_ {
        self.slots_of(self.pages.iter())
    }

    fn slots_of<'a>(
        &'a self,
        pages: impl Iterator<Item = &'a Stretch> + 'a,
    ) -> impl Iterator<Item = (Bucket, &'a Stretch, Slot)> + 'a {
        let view = &self.view;
        pages.flat_map(move |page| {
            let buckets = view.grid().page_buckets(page.number, page.first, view.page_len());
            page.held().filter_map(move |slot| Some((buckets.get(slot.0)?, page, slot)))
        })
    }
}

fn record<R: RecordType>(bucket: Bucket, page: &Stretch, slot: Slot) -> Record<R> {
    Record::new(page.found.clone(), slot, bucket, page.freshness(slot))
}

impl<R: RecordType> IntoIterator for Timeline<R> {
    type Item = (Bucket, Record<R>);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        let records: Vec<_> =
            self.slots().map(|(bucket, page, slot)| (bucket, record(bucket, page, slot))).collect();
        records.into_iter()
    }
}

/// Shows how much it holds, never records.
impl<R> std::fmt::Debug for Timeline<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Timeline({}, {} records)", self.view.name(), self.len())
    }
}
