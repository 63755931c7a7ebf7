//! What a record is judged by when it is stored or spared.

use crate::cache::CacheKey;
use crate::graph::{Cause, Colour, MarkRow, Node, Observation, Origin, Reading};
use crate::page::{PageKey, Slot, SlotSet, ViewId};
use crate::rebuild::Engine;
use crate::revision::Revision;
use crate::sync::Arc;
use crate::sync::channel::bounded;
use crate::time::Timestamp;
use crate::view::ViewDefinition;

use super::batch::Batch;
use super::colour::Judgement;
use super::operation::Speed;
use super::writer_tests::{engine, of};

const NOW: Timestamp = Timestamp::EPOCH;

/// A store with one record, which has read nothing.
struct World {
    engine: Arc<Engine>,
    view: ViewId,
    page: PageKey,
}

impl World {
    fn new() -> Self {
        let engine = Arc::new(engine());
        let read = ViewDefinition::<u32, u64>::new(engine.clone(), "read").build(|_, _, _| Ok(7));
        read.unwrap().get(&1, NOW).unwrap();
        let view = engine.view_id("read").unwrap();
        let state = engine.shared().views.get(view).unwrap();
        let place = state.grid().place(state.grid().bucket_at(NOW).unwrap(), 1).unwrap();
        let page = PageKey::new(view, &1_u32, place.page);
        assert!(engine.shared().cache.peek(CacheKey::new(page.as_slice())).is_some());
        Self { engine, view, page }
    }

    /// What is judged of an observation after something has happened, all as one operation.
    fn judged(
        &self,
        happens: impl FnOnce(&mut Batch<'_>) + Clone + Send + 'static,
        observed: impl FnOnce(Revision) -> Vec<Observation> + Clone + Send + 'static,
    ) -> Judgement {
        let (tell, told) = bounded(1);
        let judge = move |batch: &mut Batch<'_>| {
            happens(batch);
            let reading = Reading::new(observed(batch.revision())).unwrap();
            tell.send(batch.judge(&reading, NOW)?).unwrap();
            Ok(())
        };
        self.engine.writer().unwrap().run(of(&self.engine, Speed::Derived, judge)).unwrap();
        told.recv().unwrap()
    }

    /// The observation of the record, and of nine slots behind it that its page does not have.
    fn record(&self) -> Observation {
        let node = Node::page(self.page.as_slice());
        let seen = self.engine.shared().published();
        Observation { slots: (0, 9), present: 1, ..Observation::whole(node, seen) }
    }
}

fn before(revision: Revision) -> Revision {
    Revision::from_raw(revision.get() - 1)
}

fn mark(page: &PageKey, colour: Colour) -> impl FnOnce(&mut Batch<'_>) + Clone + Send + 'static {
    let page = page.clone();
    move |batch| {
        let mut row = MarkRow::default();
        let cause = Cause::new(Origin::Upstream, batch.revision(), NOW);
        row.raise(SlotSet::one(Slot(0)), colour, cause);
        batch.links.stage_marks(page.as_slice(), row);
    }
}

#[test]
fn a_view_read_whole_is_judged_by_what_moved_in_it_since() {
    type Happens = fn(&mut Batch<'_>, ViewId, &PageKey);
    let cases: [(Happens, Colour); 5] = [
        (|_, _, _| (), Colour::Fresh),
        (|batch, view, _| batch.note_content(view), Colour::Stale),
        (|batch, _, page| batch.note_marked(page.as_slice()), Colour::Suspect),
        (
            |batch, view, _| {
                let revision = batch.revision();
                batch.views().raise_stale(view, revision, NOW);
            },
            Colour::Suspect,
        ),
        (
            |batch, view, _| {
                let revision = batch.revision();
                batch.views().raise_suspect(view, revision, NOW);
            },
            Colour::Suspect,
        ),
    ];
    for (number, (happens, colour)) in cases.into_iter().enumerate() {
        let judged = |seen: fn(Revision) -> Revision| {
            let world = World::new();
            let (view, page) = (world.view, world.page.clone());
            let happens = move |batch: &mut Batch<'_>| happens(batch, view, &page);
            let whole = move |now| vec![Observation::whole(Node::view(view), seen(now))];
            world.judged(happens, whole).colour
        };
        assert_eq!(judged(before), colour, "{number}");
        assert_eq!(judged(|now| now), Colour::Fresh, "{number}: it was seen");
        assert_eq!(judged(Revision::next), Colour::Fresh, "{number}: it was long before");
    }
}

#[test]
fn a_view_read_whole_with_something_marked_in_it_is_suspect() {
    let world = World::new();
    let view = world.view;
    let marked = move |now| {
        let whole = Observation::whole(Node::view(view), now);
        vec![Observation { marked: true, ..whole }]
    };
    assert_eq!(world.judged(|_| (), marked).colour, Colour::Suspect);
}

#[test]
fn a_record_that_is_as_it_was_observed_makes_its_reader_fresh_and_any_other_does_not() {
    let world = World::new();
    let observed = world.record();
    let judged = |happens: &dyn Fn() -> Judgement| {
        let Judgement { colour, cause, .. } = happens();
        (colour, cause.map(|cause| cause.origin))
    };
    let of = |observed: &Observation| {
        let observed = observed.clone();
        judged(&|| {
            let observed = observed.clone();
            world.judged(|_| (), move |_| vec![observed])
        })
    };
    let overtaken = (Colour::Stale, Some(Origin::Overtaken));
    let upstream = (Colour::Suspect, Some(Origin::Upstream));
    assert_eq!(of(&observed), (Colour::Fresh, None));
    assert_eq!(of(&Observation { seen: Revision::from_raw(0), ..observed.clone() }), overtaken);
    assert_eq!(of(&Observation { present: 0, ..observed.clone() }), overtaken);
    assert_eq!(of(&Observation { present: 2, ..observed.clone() }), overtaken);
    assert_eq!(of(&Observation { marked: true, ..observed.clone() }), upstream);
    let of_marked = |colour| {
        let (world, observed) = (World::new(), world.record());
        judged(&|| {
            let observed = observed.clone();
            world.judged(mark(&world.page, colour), move |_| vec![observed])
        })
    };
    assert_eq!(
        (of_marked(Colour::Suspect), of_marked(Colour::Stale)),
        (upstream.clone(), upstream)
    );
}

#[test]
fn of_what_makes_a_record_suspect_the_first_is_told() {
    let world = World::new();
    let (page, view) = (world.record(), world.view);
    let judged = world.judged(mark(&world.page, Colour::Suspect), move |now| {
        let whole = Observation::whole(Node::view(view), now);
        vec![page, Observation { marked: true, ..whole }]
    });
    let through = judged.cause.and_then(|cause| cause.through);
    assert_eq!(through, Some((world.page.as_slice().into(), 0)));
}
