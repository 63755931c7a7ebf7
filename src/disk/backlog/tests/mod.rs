//! The backlog in a file.

mod asking;
mod crashes;
mod failing;
mod marks;
mod stamps;

use std::path::Path;

use redb::ReadableTable;

use super::counts::Try;
use super::rows::{open_if_there, split_record_key};
use super::*;
use crate::disk::operations::{Asked, Failed, NoteFailures, Unwant, Unwanted, Want};
use crate::disk::tables::BEGUN;
use crate::disk::{Shared, Speed, ViewState};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::Tries;
use crate::grid::Grid;
use crate::key::Source;
use crate::options::Options;
use crate::page::{PageKey, Slot, SlotSet, SlotsByPage};
use crate::rebuild::Engine;
use crate::sync::Arc;
use crate::time::{ManualClock, Span, Timestamp};
use crate::view::{Changes, View, ViewDefinition};

/// Nothing is due later than this in any test.
const NOW: Timestamp = Timestamp::from_millis(1_000_000_000);
const REST: Timestamp = Timestamp::MAX;

/// A store with a view of minutes that reads a source for each entity, and one that reads the
/// former.
struct World {
    engine: Arc<Engine>,
    clock: Arc<ManualClock>,
    below: View<u32, u64>,
    above: View<u32, u64>,
}

fn options(clock: &Arc<ManualClock>) -> Options {
    // Without a timer that syncs meanwhile: what is synced is decided by what is asked.
    Options { clock: clock.clone(), unsynced_age_max: Span::hours(1), ..Options::default() }
}

fn minutes(engine: &Arc<Engine>, name: &str) -> ViewDefinition<u32, u64> {
    ViewDefinition::new(engine.clone(), name).grid(Grid::minutes(1)).page_len(4)
}

fn define_below(definition: ViewDefinition<u32, u64>) -> View<u32, u64> {
    let below = definition.build(|cx, entity: &u32, _| {
        cx.depends_on(("outside", *entity));
        Ok(u64::from(*entity))
    });
    below.unwrap()
}

fn define_above(definition: ViewDefinition<u32, u64>, below: &View<u32, u64>) -> View<u32, u64> {
    let below = below.clone();
    let above = definition
        .build(move |cx, entity, bucket| Ok(cx.get(&below, entity, bucket.start())?.to_native()));
    above.unwrap()
}

impl World {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new(NOW));
        Self::of(Engine::in_memory(options(&clock)).unwrap(), clock)
    }

    fn open(path: &Path) -> Self {
        let clock = Arc::new(ManualClock::new(NOW));
        Self::of(Engine::open(path, options(&clock)).unwrap(), clock)
    }

    fn of(engine: Engine, clock: Arc<ManualClock>) -> Self {
        let engine = Arc::new(engine);
        let below = define_below(minutes(&engine, "below"));
        let above = define_above(minutes(&engine, "above"), &below);
        Self { engine, clock, below, above }
    }

    fn shared(&self) -> &Shared {
        self.engine.shared()
    }

    fn state(&self, view: &View<u32, u64>) -> Arc<ViewState> {
        self.shared().views.get(self.engine.view_id(view.name()).unwrap()).unwrap()
    }

    /// The key of the page that a minute lies in, and its slot there.
    fn at(&self, view: &View<u32, u64>, entity: u32, minute: i64) -> (Box<[u8]>, Slot) {
        let state = self.state(view);
        let bucket = state.grid().bucket_at(at(minute)).unwrap();
        let place = state.grid().place(bucket, state.page_len()).unwrap();
        let key = PageKey::new(state.id(), &entity, place.page);
        (key.as_slice().into(), Slot(place.slot))
    }

    /// Some minutes of an entity by page.
    fn pages(
        &self,
        view: &View<u32, u64>,
        entity: u32,
        minutes: std::ops::Range<i64>,
    ) -> SlotsByPage {
        let mut pages = std::collections::BTreeMap::<Box<[u8]>, SlotSet>::new();
        for minute in minutes {
            let (page, slot) = self.at(view, entity, minute);
            pages.entry(page).or_default().insert(slot);
        }
        pages.into_iter().collect()
    }

    fn want(&self, view: &View<u32, u64>, entity: u32, minutes: std::ops::Range<i64>) -> Asked {
        let (view, pages) = (self.state(view), self.pages(view, entity, minutes));
        self.engine.writer().unwrap().run(Want { view, pages, now: NOW }).unwrap()
    }

    fn unwant(&self, view: &View<u32, u64>, entity: u32, minutes: std::ops::Range<i64>) -> u64 {
        let (view, pages) = (self.state(view), self.pages(view, entity, minutes));
        let unwant = Unwant { view, pages, why: Unwanted::TakenBack };
        self.engine.writer().unwrap().run(unwant).unwrap()
    }

    /// Notes that a minute's record could not be built, for the so-many-th time.
    fn fail(
        &self,
        view: &View<u32, u64>,
        entity: u32,
        minute: i64,
        attempts: u16,
        next: Timestamp,
    ) {
        self.fail_begun(self.shared().published(), view, (entity, minute), attempts, next);
    }

    fn fail_begun(
        &self,
        begun: crate::revision::Revision,
        view: &View<u32, u64>,
        (entity, minute): (u32, i64),
        attempts: u16,
        next_attempt: Timestamp,
    ) {
        let (page, slot) = self.at(view, entity, minute);
        let error = Error::new(ErrorKind::Build, "no tide").at_entity(b"secret");
        let tries = Tries { attempts, next_attempt };
        let failed = vec![Failed { slot, error, tries }];
        let now = self.now();
        self.engine.writer().unwrap().run(NoteFailures { page, failed, begun, now }).unwrap();
    }

    fn tries(&self, view: &View<u32, u64>, entity: u32, minute: i64) -> Option<Try> {
        let (page, slot) = self.at(view, entity, minute);
        tries(self.shared(), &page, slot).unwrap()
    }

    fn attempts(&self, view: &View<u32, u64>, entity: u32, minute: i64) -> Option<u16> {
        self.tries(view, entity, minute).map(|found| found.tries.attempts)
    }

    fn now(&self) -> Timestamp {
        self.shared().options.clock.now()
    }

    /// All that is due among what was asked for.
    fn wanted(&self) -> Vec<(u32, Vec<i64>)> {
        self.all(|from| due_wanted(self.shared(), from, self.now(), 64).unwrap())
    }

    /// All that is due among the marks of a view.
    fn marked(&self, view: &View<u32, u64>) -> Vec<(u32, Vec<i64>)> {
        let id = self.state(view).id();
        self.all(|from| due_marks(self.shared(), id, from, self.now(), 64).unwrap())
    }

    /// All that is due in a view for its stamps.
    fn stamped(&self, view: &View<u32, u64>) -> Vec<(u32, Vec<i64>)> {
        let state = self.state(view);
        self.all(|from| due_stamped(self.shared(), &state, from, self.now(), 64).unwrap())
    }

    /// Looks until the end: entities and minutes.
    fn all(&self, look: impl Fn(Option<&[u8]>) -> Due) -> Vec<(u32, Vec<i64>)> {
        let (mut all, mut from) = (Vec::new(), None::<Box<[u8]>>);
        loop {
            let due = look(from.as_deref());
            all.extend(due.found.map(|(page, slots)| minutes_of(&page, slots)));
            from = due.next;
            if from.is_none() {
                return all;
            }
        }
    }

    fn invalidate(&self, entity: u32) {
        let changes = Changes::new().source(Source::new("outside", entity).unwrap());
        changes.announce(&self.engine).unwrap();
    }

    fn read(&self, view: &View<u32, u64>, entity: u32, minutes: std::ops::Range<i64>) {
        minutes.for_each(|minute| drop(view.get(&entity, at(minute)).unwrap()));
    }
}

/// A minute; those of the tests begin with a page.
fn at(minute: i64) -> Timestamp {
    Timestamp::from_seconds(minute * 60)
}

fn minutes_of(page: &[u8], slots: SlotSet) -> (u32, Vec<i64>) {
    let (_, entity, number) = PageKey::split(page).unwrap();
    let entity = u32::from_be_bytes(entity.try_into().unwrap());
    (entity, slots.iter().map(|slot| number.0 * 4 + i64::from(slot.0)).collect())
}

/// The builds that are noted as begun: page key and slot.
fn begun(shared: &Shared) -> Result<Vec<(Box<[u8]>, Slot)>> {
    shared.file.read(|txn| {
        let Some(begun) = open_if_there(&shared.file, txn, BEGUN)? else { return Ok(Vec::new()) };
        let rows = begun.iter().map_err(|cause| shared.file.storage_error(cause))?;
        let keys = rows.map(|entry| {
            let (key, _) = entry.map_err(|cause| shared.file.storage_error(cause))?;
            Ok(split_record_key(key.value()).map(|(page, slot)| (page.into(), slot)))
        });
        keys.filter_map(Result::transpose).collect()
    })
}
