//! For which record evidence counts.

use crate::cache::CacheKey;
use crate::disk::PageInMemory;
use crate::disk::operations::Spare;
use crate::graph::Reading;
use crate::key::Source;
use crate::options::Options;
use crate::page::{Facts, PageKey, Slot, SlotSet};
use crate::rebuild::Engine;
use crate::sync::Arc;
use crate::time::Timestamp;
use crate::view::{Changes, View, ViewDefinition};

use super::batch::Batch;
use super::operation::Speed;
use super::writer_tests::of;

const NOW: Timestamp = Timestamp::EPOCH;
const FIRST: Slot = Slot(0);

/// A record that reads another, which reads something outside.
struct World {
    engine: Arc<Engine>,
    below: View<u32, u64>,
    above: View<u32, u64>,
}

impl World {
    fn new() -> Self {
        let options = Options { builders: 0, ..Options::default() };
        let engine = Arc::new(Engine::in_memory(options).unwrap());
        let below = ViewDefinition::<u32, u64>::new(engine.clone(), "below").build(|cx, _, _| {
            cx.depends_on(("outside", 1));
            Ok(7)
        });
        let below = below.unwrap();
        let read = below.clone();
        let above = ViewDefinition::<u32, u64>::new(engine.clone(), "above")
            .build(move |cx, entity, _| Ok(cx.get(&read, entity, NOW)?.to_native()));
        Self { engine, below, above: above.unwrap() }
    }

    /// The page of the upper record.
    fn page(&self) -> (PageKey, PageInMemory) {
        self.page_of("above")
    }

    fn page_of(&self, view: &str) -> (PageKey, PageInMemory) {
        let state = self.engine.shared().views.get(self.engine.view_id(view).unwrap()).unwrap();
        let bucket = state.grid().bucket_at(NOW).unwrap();
        let place = state.grid().place(bucket, state.page_len()).unwrap();
        let key = PageKey::new(state.id(), &1_u32, place.page);
        let page = self.engine.shared().cache.peek(CacheKey::new(key.as_slice())).unwrap();
        (key, page)
    }

    /// Whether a record of these facts is spared, by evidence that nothing has changed.
    fn spares(&self, facts: Facts) -> bool {
        let view = self.engine.shared().views.get(self.engine.view_id("above").unwrap()).unwrap();
        let (key, evidence) = (self.page().0, Arc::new(Reading::nothing()));
        let (slot, expires, now) = (FIRST, Timestamp::MAX, NOW);
        let spare = Spare { view, key, slot, facts, evidence, expires, now };
        self.engine.writer().unwrap().run(spare).unwrap().is_some()
    }
}

#[test]
fn evidence_spares_the_record_that_it_was_gathered_for_and_no_other() {
    let world = World::new();
    world.above.get(&1, NOW).unwrap();
    let changes = Changes::new().source(Source::new("outside", 1).unwrap());
    changes.announce(&world.engine).unwrap();
    let facts = *world.page().1.value().facts(FIRST);
    let others = [
        Facts { begun: facts.begun.next(), ..facts },
        Facts { verified: facts.verified.next(), ..facts },
        Facts { changed: facts.changed.next(), ..facts },
    ];
    assert!(others.into_iter().all(|other| !world.spares(other)));
    let suspect = world.above.peek(&1, NOW).unwrap().unwrap();
    assert!(!suspect.is_fresh(), "nothing was spared");
    assert!(world.spares(facts));
    assert!(world.above.peek(&1, NOW).unwrap().unwrap().is_fresh());
}

#[test]
fn what_its_view_alone_makes_suspect_is_spared_only_if_nothing_was_announced_of_what_it_read() {
    type Changed = fn() -> Changes;
    let changed: [(Changed, u64); 3] = [
        (|| Changes::new().source(Source::new("outside", 1).unwrap()), 1),
        (|| Changes::new().kind("outside"), 1),
        (|| Changes::new().source(Source::new("outside", 2).unwrap()), 0),
    ];
    for (number, (changed, builds)) in changed.into_iter().enumerate() {
        let world = World::new();
        world.below.get(&1, NOW).unwrap();
        changed().announce(&world.engine).unwrap();
        // As a change leaves it that concerns more records than are marked one by one.
        let view = world.engine.view_id("below").unwrap();
        let page = world.page_of("below").0;
        let stamp = move |batch: &mut Batch<'_>| {
            let mut marks = batch.links.marks(page.as_slice())?.unwrap_or_default();
            marks.clear(SlotSet::one(FIRST));
            batch.links.stage_marks(page.as_slice(), marks);
            let revision = batch.revision();
            batch.views().raise_suspect(view, revision, NOW);
            Ok(())
        };
        let stamp = of(&world.engine, Speed::Derived, stamp);
        world.engine.writer().unwrap().run(stamp).unwrap();
        world.engine.shared().cache.retire_all();
        assert!(!world.below.peek(&1, NOW).unwrap().unwrap().is_fresh(), "{number}");
        let before = world.engine.shared().metrics();
        assert!(world.below.get(&1, NOW).unwrap().is_fresh(), "{number}");
        let after = world.engine.shared().metrics();
        let work = (after.builds - before.builds, after.records_spared - before.records_spared);
        assert_eq!(work, (builds, 1 - builds), "{number}");
    }
}
