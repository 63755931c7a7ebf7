//! Records on their way into a page.

use crate::disk::Speed;
use crate::disk::operations::{KeepDictionary, Part, StoreRecords, Stored, StoredPage};
use crate::disk::{PageInMemory, Receipt, ViewState};
use crate::error::{Error, ErrorKind, Result};
use crate::events::Event;
use crate::graph::Reading;
use crate::page::{
    Facts, Origin, Page, PageBuilder, PageKey, RecordBytes, RecordType, Room, Slot, SlotSet,
};
use crate::rebuild::Engine;
use crate::sync::Arc;

use super::any_view::AnyView;
use super::spot::Spot;

/// A record as it will stand in its page, and what it was made from.
pub(super) struct RecordDraft {
    pub(super) origin: Origin,
    pub(super) facts: Facts,
    pub(super) micros: u32,
    pub(super) bytes: RecordBytes,
    pub(super) reading: Arc<Reading>,
}

/// A page that is being put together: new records of one entity, and what each was made from.
pub(super) struct PageDraft {
    key: PageKey,
    page: PageBuilder,
    readings: Vec<Arc<Reading>>,
}

impl PageDraft {
    /// An empty page for what is made at a spot.
    pub(super) fn at(state: &ViewState, spot: &Spot) -> Self {
        let slots = state.grid().page_slots(spot.place.page, state.page_len());
        let page = PageBuilder::new(slots.max(spot.place.slot + 1), *state.shape());
        Self { key: spot.key.clone(), page, readings: Vec::new() }
    }

    /// Makes room for so many records at once.
    pub(super) fn reserve(&mut self, records: usize) {
        self.page.reserve(records);
    }

    /// Adds a record. One that read the same as the one before shares it.
    pub(super) fn add(&mut self, slot: Slot, record: &RecordDraft) -> Result<()> {
        let RecordDraft { origin, facts, micros, bytes, reading } = record;
        let facts = Facts { dependencies: self.note_reading(reading), ..*facts };
        self.page.add(slot, *origin, facts, *micros, bytes)
    }

    /// Adds a record of which is known what it was made from.
    #[inline]
    pub(super) fn add_built(
        &mut self,
        slot: Slot,
        facts: Facts,
        micros: u32,
        bytes: &[u8],
    ) -> Result<()> {
        self.page.add(slot, Origin::Built, facts, micros, bytes)
    }

    /// The same of several in one piece, where their type is laid out so. `false` where it is not, or
    /// one of them is refused.
    pub(super) fn add_built_array<R: RecordType>(
        &mut self,
        slots: SlotSet,
        facts: impl Iterator<Item = Facts>,
        micros: u32,
        records: &[R],
        room: &mut Room,
    ) -> bool {
        self.page.add_array(slots, facts, Origin::Built, micros, records, room)
    }

    /// Notes what a record was made from, which the one before may have been too; what its facts say
    /// of it.
    pub(super) fn note_reading(&mut self, reading: &Arc<Reading>) -> u32 {
        if reading.is_empty() {
            return 0;
        }
        if self.readings.last() != Some(reading) {
            self.readings.push(reading.clone());
        }
        u32::try_from(self.readings.len()).expect("no more readings than slots")
    }

    pub(super) fn finish(self) -> FinishedDraft {
        FinishedDraft { key: self.key, page: self.page.finish(), readings: self.readings }
    }
}

/// A page that is put together, not stored yet.
pub(super) struct FinishedDraft {
    key: PageKey,
    page: Page,
    readings: Vec<Arc<Reading>>,
}

impl FinishedDraft {
    /// About what it takes until it is stored.
    pub(super) fn bytes(&self) -> usize {
        self.page.bytes() + Reading::bytes(&self.readings)
    }

    pub(super) fn key(&self) -> &PageKey {
        &self.key
    }

    pub(super) fn slots(&self) -> SlotSet {
        self.page.held()
    }
}

impl AnyView {
    /// An empty page for what is made at a spot.
    pub(super) fn draft(&self, spot: &Spot) -> PageDraft {
        PageDraft::at(&self.state, spot)
    }

    /// Hands pages to the writer.
    pub(super) fn store(
        &self,
        drafts: Vec<FinishedDraft>,
        speed: Speed,
        wanted: bool,
    ) -> Result<Receipt<Stored>> {
        let writer = self.engine.writer().map_err(|error| self.named(error))?;
        writer.submit(store_records(&self.engine, &self.state, drafts, speed, wanted)?)
    }

    /// Stores what was built for a reader and waits for it.
    pub(super) fn store_built(&self, spot: &Spot, draft: FinishedDraft) -> Result<PageInMemory> {
        let stored = self.told(self.store(vec![draft], Speed::Derived, true)?.wait());
        let stored = stored.map_err(|error| self.at(spot, error))?;
        stored.pages.into_iter().next().map(|stored| stored.page).ok_or_else(|| {
            let message = "the record was deleted while it was built; read it again";
            self.at(spot, Error::new(ErrorKind::Absent, message))
        })
    }

    /// The writer's answer to what was built; tells of it first, and of what the writer found besides.
    pub(super) fn told(&self, answer: Result<Stored>) -> Result<Stored> {
        let events = &self.shared().events;
        events.tell_late();
        if let Ok(stored) = &answer
            && events.has_observer()
        {
            stored.pages.iter().for_each(|stored| self.tell_built(stored));
        }
        answer
    }

    fn tell_built(&self, stored: &StoredPage) {
        let StoredPage { key, page, changed, unchanged } = stored;
        let Some((_, _, number)) = PageKey::split(key.as_slice()) else { return };
        let bucket =
            |slot: Slot| self.state.grid().bucket_in(number, slot.0, self.state.page_len());
        for slot in page.value().present() {
            let is_unchanged = unchanged.contains(slot);
            if let Some(bucket) = bucket(slot).filter(|_| is_unchanged || changed.contains(slot)) {
                let (view, micros) = (self.state.name(), page.value().build_micros(slot));
                let built = Event::Built { view, bucket, micros, unchanged: is_unchanged };
                self.shared().events.tell(&built);
            }
        }
    }
}

/// Pages as the writer stores them. What will likely stand as it is is compressed here, in the
/// caller's thread; a single record of a longer page will be merged with others first.
pub(super) fn store_records(
    engine: &Engine,
    view: &Arc<ViewState>,
    drafts: Vec<FinishedDraft>,
    speed: Speed,
    wanted: bool,
) -> Result<StoreRecords> {
    let (mut parts, room) = (Vec::with_capacity(drafts.len()), Vec::with_capacity(drafts.len()));
    for FinishedDraft { key, page, readings } in drafts {
        let whole = page.slots() == 1 || !wanted;
        let body = whole.then(|| Arc::new(view.packing().store_body(&page, key.as_slice())));
        if body.as_ref().is_some_and(|body| !body.is_packed()) {
            sample(engine, view, &page)?;
        }
        parts.push(Part { key, page: Some(page), body, readings });
    }
    let now = engine.shared().options.clock.now();
    Ok(StoreRecords { view: view.clone(), parts, speed, wanted, now, room })
}

/// Lets the view's sampler see a page; trains the dictionary when it has seen enough.
fn sample(engine: &Engine, view: &Arc<ViewState>, page: &Page) -> Result<()> {
    let samples = view.packing().sampler().lock().sample(page);
    let Some(bytes) = samples.and_then(|samples| samples.train()) else {
        return Ok(());
    };
    let kept = engine.writer()?.run(KeepDictionary { view: view.clone(), bytes: bytes.clone() })?;
    view.packing().use_dictionary(kept, &bytes)
}
