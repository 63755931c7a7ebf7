//! A view as it is defined in this opening.

use crate::cache::Resident;
use crate::error::{Error, ErrorKind, Result};
use crate::freshness::Freshness;
use crate::graph::Colour;
use crate::grid::{Bucket, Grid, PageLen};
use crate::metrics::ViewCounters;
use crate::page::{Dictionary, Page, PageKey, RecordShape, Slot, SlotSet, ViewId};
use crate::schedule::{Expiry, Governor};
use crate::sync::{Arc, AtomicBool, Mutex, Ordering};
use crate::time::{Span, Timestamp};

use super::announcements::Announcements;
use super::definition::Definition;
use super::live_stamp::LiveStamp;
use super::packing::Packing;
use super::scope::{Scope, ScopeOf};
use super::stamp::Stamp;
use super::view_row::ViewRow;

/// A defined view: what readers, builders and the writer share of it.
#[derive(Debug)]
pub(crate) struct ViewState {
    definition: Definition,
    id: ViewId,
    in_pages: PageLen,
    stamp: Arc<LiveStamp>,
    /// The same for every definition of the name.
    counters: Arc<ViewCounters>,
    /// Set when the view is defined anew or deleted: handles of this definition are worthless.
    ended: AtomicBool,
    /// Reads do without what is stored, and build.
    bypassed: AtomicBool,
    governor: Governor,
    packing: Packing,
    /// Touched by the writer alone.
    announcements: Mutex<Announcements>,
}

impl ViewState {
    /// The state of a view whose row stands in the file.
    pub(crate) fn new(
        definition: Definition,
        row: &ViewRow,
        stamp: Arc<LiveStamp>,
        dictionary: Option<Dictionary>,
        counters: Arc<ViewCounters>,
    ) -> Self {
        Self {
            id: row.id,
            in_pages: PageLen::new(definition.page_len),
            stamp,
            counters,
            ended: AtomicBool::new(false),
            bypassed: AtomicBool::new(false),
            governor: Governor::new(definition.conduct),
            packing: Packing::new(row.id, definition.level, dictionary),
            announcements: Mutex::default(),
            definition,
        }
    }

    pub(crate) fn id(&self) -> ViewId {
        self.id
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.definition.name
    }

    pub(crate) fn definition(&self) -> &Definition {
        &self.definition
    }

    pub(crate) fn shape(&self) -> &RecordShape {
        &self.definition.shape
    }

    pub(crate) fn grid(&self) -> &Grid {
        &self.definition.grid
    }

    pub(crate) fn page_len(&self) -> u32 {
        self.definition.page_len
    }

    /// The same for whoever divides by it.
    pub(crate) fn in_pages(&self) -> &PageLen {
        &self.in_pages
    }

    pub(crate) fn version(&self) -> u32 {
        self.definition.version
    }

    /// The view's coarse mark, as it is now.
    #[inline]
    pub(crate) fn stamp(&self) -> Stamp {
        self.stamp.now(self.version())
    }

    /// The same as it changes.
    pub(crate) fn live_stamp(&self) -> &LiveStamp {
        &self.stamp
    }

    /// What is counted of the view.
    #[inline]
    pub(crate) fn counters(&self) -> &ViewCounters {
        &self.counters
    }

    /// Ends this definition. Nothing is fresh to its handles from here on, so that even a hit, which
    /// checks no more than freshness, goes the way on which they are refused.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Release);
        self.stamp.end();
    }

    /// Whether reads do without what is stored.
    #[inline]
    pub(crate) fn is_bypassed(&self) -> bool {
        self.bypassed.load(Ordering::Relaxed)
    }

    pub(crate) fn bypass(&self, bypassed: bool) {
        self.bypassed.store(bypassed, Ordering::Relaxed);
    }

    /// Refuses handles of a definition that has ended.
    pub(crate) fn check(&self) -> Result<()> {
        if !self.ended.load(Ordering::Acquire) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Definition,
            "this handle's definition has ended: the view was defined anew or deleted since; \
             define it again and use the new handle",
        )
        .at_view(self.name()))
    }

    /// What holds its builds to their conduct.
    pub(crate) fn governor(&self) -> &Governor {
        &self.governor
    }

    /// How its pages are packed.
    pub(crate) fn packing(&self) -> &Packing {
        &self.packing
    }

    /// Whether every record of a page in memory is fresh, whatever the time, found out from what
    /// they share. Where it says no, some may be fresh all the same.
    #[inline]
    pub(crate) fn all_fresh(&self, resident: &Resident<Page>) -> bool {
        self.all_fresh_while_they_count(resident)
            && resident.value().floor().fresh_until == Timestamp::MAX
    }

    /// The same but for those that the time has made expired or sealed.
    #[inline]
    pub(crate) fn all_fresh_while_they_count(&self, resident: &Resident<Page>) -> bool {
        let floor = resident.value().floor();
        // Marks and stamp after the page: whoever raises one does so before it raises the published
        // revision, so a read that began after an announcement was answered sees it.
        !resident.marks().any() && self.stamp().clears(&floor) && !self.seals()
    }

    /// What may be believed of the record in a slot of a page in memory, which must hold one; whether
    /// it is sealed or expired is asked elsewhere.
    #[inline]
    pub(crate) fn freshness(&self, resident: &Resident<Page>, slot: Slot) -> Freshness {
        let facts = resident.value().facts(slot);
        // Marks and stamp after the page, as above.
        let mark = resident.marks().colour(slot.0 as usize);
        match self.stamp().colour(facts).max(mark) {
            Colour::Fresh => Freshness::Fresh,
            Colour::Suspect => Freshness::Suspect,
            Colour::Stale if facts.version != self.version() => Freshness::OldVersion,
            Colour::Stale => Freshness::Stale,
        }
    }

    /// The same for a bucket that may be history by now. The clock is asked only if it has to be.
    pub(crate) fn freshness_at(
        &self,
        resident: &Resident<Page>,
        slot: Slot,
        bucket: Bucket,
        now: impl FnOnce() -> Timestamp,
    ) -> Freshness {
        if self.is_timed(resident, slot) {
            return self.freshness_by_the_clock(resident, slot, bucket, now());
        }
        self.freshness(resident, slot)
    }

    /// Whether what may be believed of a record depends on the time.
    #[inline]
    pub(crate) fn is_timed(&self, resident: &Resident<Page>, slot: Slot) -> bool {
        resident.value().facts(slot).fresh_until != Timestamp::MAX || self.seals()
    }

    /// What may be believed of a record by now. That it is sealed goes before everything, that it is
    /// expired behind.
    pub(crate) fn freshness_by_the_clock(
        &self,
        resident: &Resident<Page>,
        slot: Slot,
        bucket: Bucket,
        now: Timestamp,
    ) -> Freshness {
        if self.is_sealed(bucket, now) {
            return Freshness::Sealed;
        }
        match self.freshness(resident, slot) {
            Freshness::Fresh if resident.value().facts(slot).fresh_until <= now => {
                Freshness::Expired
            }
            freshness => freshness,
        }
    }

    /// When its records expire by themselves.
    #[inline]
    pub(crate) fn expiry(&self) -> Option<&Expiry> {
        self.definition.expiry.as_ref()
    }

    /// From when on the record of a bucket is expired by itself, whatever it was built from.
    pub(crate) fn expires(&self, page: &[u8], bucket: Bucket, built_at: Timestamp) -> Timestamp {
        self.expiry().map_or(Timestamp::MAX, |expiry| expiry.of(page, bucket, built_at))
    }

    /// How long records are kept after their bucket has ended; `None`: for ever.
    pub(crate) fn retain(&self) -> Option<Span> {
        self.definition.retain
    }

    /// Whether its buckets become history at some time.
    #[inline]
    pub(crate) fn seals(&self) -> bool {
        self.definition.seal_after.is_some()
    }

    /// Whether a bucket is history by now.
    pub(crate) fn is_sealed(&self, bucket: Bucket, now: Timestamp) -> bool {
        let Some(after) = self.definition.seal_after else { return false };
        !bucket.is_timeless() && bucket.end().checked_add(after).is_some_and(|at| at <= now)
    }

    /// The slots of a page that are history by now.
    pub(crate) fn sealed(&self, page: &[u8], now: Timestamp) -> SlotSet {
        if !self.seals() {
            return SlotSet::EMPTY;
        }
        let Some((_, _, number)) = PageKey::split(page) else { return SlotSet::EMPTY };
        let bucket = |slot: u32| self.grid().bucket_in(number, slot, self.page_len());
        let sealed = |slot: &u32| bucket(*slot).is_some_and(|bucket| self.is_sealed(bucket, now));
        let slots = self.grid().page_slots(number, self.page_len());
        (0..slots).filter(sealed).map(Slot).collect()
    }

    /// A scope within this view.
    pub(crate) fn scope(&self, scope: Scope) -> ScopeOf {
        let (grid, page_len) = (self.grid().clone(), self.page_len());
        ScopeOf { scope, view: self.id, grid, page_len }
    }

    pub(super) fn announcements(&self) -> &Mutex<Announcements> {
        &self.announcements
    }
}
