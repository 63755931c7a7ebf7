//! For which record evidence counts.

use crate::cache::CacheKey;
use crate::disk::PageInMemory;
use crate::disk::operations::Spare;
use crate::graph::Reading;
use crate::key::Source;
use crate::options::Options;
use crate::page::{Facts, PageKey, Slot};
use crate::rebuild::Engine;
use crate::sync::Arc;
use crate::time::Timestamp;
use crate::view::{Changes, View, ViewDefinition};

const NOW: Timestamp = Timestamp::EPOCH;
const FIRST: Slot = Slot(0);

/// A record that reads another, which reads something outside.
struct World {
    engine: Arc<Engine>,
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
        let above = ViewDefinition::<u32, u64>::new(engine.clone(), "above")
            .build(move |cx, entity, _| Ok(cx.get(&below, entity, NOW)?.to_native()));
        Self { engine, above: above.unwrap() }
    }

    /// The page of its record.
    fn page(&self) -> (PageKey, PageInMemory) {
        let state = self.engine.shared().views.get(self.engine.view_id("above").unwrap()).unwrap();
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
