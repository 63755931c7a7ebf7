//! A view as those see it who know records by their keys alone.

use std::borrow::Borrow;

use crate::error::{Error, Result};
use crate::freshness::Freshness;
use crate::grid::PageNumber;
use crate::key::{EntityKey, decode_entity};
use crate::page::{PageKey, RecordType, SlotSet, SlotsByPage};
use crate::rebuild::{FlightKey, Held, Rebuilder, Refused, Shift, WorkedOff};
use crate::revision::Revision;
use crate::schedule::Horizon;
use crate::sync::Arc;
use crate::time::TimeRange;

use super::any_record::AnyRecord;
use super::any_view::{AnyView, Makes, Typed};
use super::core::Core;
use super::gate::Gate;
use super::lookup::{Look, look};
use super::made::Made;
use super::make::Wish;
use super::maker::Maker;
use super::policy::Policy;
use super::spot::Spot;

impl<E: EntityKey + ?Sized, R: RecordType> Rebuilder for Core<E, R> {
    fn make_fresh(&self, page: &[u8], slot: u32) -> Result<()> {
        let (entity, spot) = self.by_key(page, slot)?;
        AnyView::make_fresh(self, &self.maker(entity.borrow()), &spot)
    }

    fn attempt(&self, page: &[u8], slot: u32, held: &mut Held) -> Result<()> {
        let (entity, spot) = self.by_key(page, slot)?;
        self.attempt_fresh(&self.maker(entity.borrow()), &spot, held)
    }

    fn begin_shift(self: Arc<Self>) -> Box<dyn Shift> {
        Box::new(PageShift { made: Arc::new(Made::new(AnyView::clone(&self))), core: self })
    }

    fn flight(&self, page: &[u8], slot: u32) -> FlightKey {
        self.flight_of(page, slot)
    }

    fn pages(&self, entity: &[u8], range: TimeRange) -> Result<SlotsByPage> {
        let spans = self.spans.of(self, range)?;
        let keyed = spans.iter().map(|(number, slots)| {
            let key = PageKey::of_parts(self.state.id(), entity, *number);
            (key.as_slice().into(), *slots)
        });
        Ok(keyed.collect())
    }

    fn buckets(&self, range: TimeRange) -> Result<u64> {
        self.check_extent(range)?;
        Ok(self.state.grid().buckets(range).count() as u64)
    }

    fn horizon(&self) -> Option<&Horizon> {
        self.filling.as_ref().map(|filling| &filling.horizon)
    }

    fn name_entities(self: Arc<Self>, each: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        self.each_to_fill(&mut |entity| {
            let key = self.entity(entity)?;
            each(PageKey::entity_bytes(&key))
        })
    }
}

impl<E: EntityKey + ?Sized, R: RecordType> Typed for Core<E, R> {
    fn any(&self) -> &AnyView {
        self
    }

    fn read(&self, spot: &Spot, policy: Policy) -> Result<AnyRecord> {
        let entity = self.owned(spot)?;
        self.get_spot(&self.maker(entity.borrow()), spot, policy)
    }
}

/// Pages of a view on their way into the file.
struct PageShift<E: ?Sized, R> {
    core: Arc<Core<E, R>>,
    made: Arc<Made>,
}

impl<E: EntityKey + ?Sized, R: RecordType> Shift for PageShift<E, R> {
    fn work_off(&mut self, page: &[u8], slots: SlotSet, floor: Revision) -> Result<WorkedOff> {
        let Self { core, made } = self;
        core.check_fills()?;
        let mut worked = WorkedOff::default();
        let Some(first) = slots.iter().next() else { return Ok(worked) };
        let (entity, first) = core.by_key(page, first.0)?;
        core.work_off_slots(
            &core.maker(entity.borrow()),
            (&first, slots),
            floor,
            made,
            &mut worked,
        )?;
        Ok(worked)
    }

    fn finish(&mut self) -> Result<Vec<Refused>> {
        self.made.finish()
    }
}

impl<E: EntityKey + ?Sized, R: RecordType> Core<E, R> {
    /// The entity and the bucket of a slot, from what stands in the file.
    fn by_key(&self, page: &[u8], slot: u32) -> Result<(E::Owned, Spot)> {
        let (entity, place) = self.split_key(page)?;
        let Some(entity) = decode_entity::<E>(entity) else {
            let message = "a record is wanted of an entity of another type";
            return Err(self.named(Error::damaged(message)));
        };
        let spot = self.spot(entity.borrow(), self.bucket_in(place, slot)?)?;
        Ok((entity, spot))
    }
}

impl AnyView {
    /// The entity and the number of a page of which records are to be built.
    fn split_key<'k>(&self, page: &'k [u8]) -> Result<(&'k [u8], PageNumber)> {
        if self.makes == Makes::Nothing {
            return Err(self.named(Error::input("the view has no build function; put its records")));
        }
        let split = PageKey::split(page).filter(|(view, ..)| *view == self.state.id());
        split.map(|(_, entity, number)| (entity, number)).ok_or_else(|| {
            let message = "a record is wanted by a key that is none of this view's";
            self.named(Error::damaged(message))
        })
    }

    fn make_fresh(&self, maker: &dyn Maker, spot: &Spot) -> Result<()> {
        let seen = self.ticket(spot);
        if self.is_fresh(spot)? {
            return Ok(());
        }
        self.build_one(&Wish::new(maker, spot, seen, Revision::ZERO)).map(drop)
    }

    fn attempt_fresh(&self, maker: &dyn Maker, spot: &Spot, held: &mut Held) -> Result<()> {
        let seen = self.ticket(spot);
        if held.is_none() && self.is_fresh(spot)? {
            return Ok(());
        }
        let wish = Wish::new(maker, spot, seen, Revision::ZERO);
        self.attempt(&wish, held, &mut Gate::Free).map(drop)
    }

    /// Makes slots of a page fresh, of which the first is located.
    fn work_off_slots(
        &self,
        maker: &dyn Maker,
        (first, slots): (&Spot, SlotSet),
        floor: Revision,
        made: &Arc<Made>,
        worked: &mut WorkedOff,
    ) -> Result<()> {
        self.check(&first.key)?;
        let seen = self.ticket(first);
        let look = look(self.shared(), &self.state, &first.key)?;
        let absent = matches!(look, Look::Absent);
        let wish = Wish { suspect: false, absent, ..Wish::new(maker, first, seen, floor) };
        let ended = if absent && self.makes == Makes::Pages {
            self.work_off_whole(&wish, slots, made, worked)
        } else {
            let spots = self.spots(first, slots)?;
            let wishes = self.wishes_of(&look, &spots, &wish, worked);
            self.work_off_page(&wishes, made, worked)
        };
        // Also after an error: what is made of this page is no part of the next.
        let stored = made.store();
        ended.and(stored)
    }

    /// Of a wish for each of these, those whose records are not fresh, or began too early; the others
    /// are noted as found.
    fn wishes_of<'a>(
        &self,
        look: &Look,
        spots: &'a [Spot],
        wish: &Wish<'a>,
        worked: &mut WorkedOff,
    ) -> Vec<Wish<'a>> {
        let of = |spot, suspect| Wish { spot, suspect, ..*wish };
        let Look::Found(found) = look else {
            return spots.iter().map(|spot| of(spot, false)).collect();
        };
        let mut wishes = Vec::new();
        for spot in spots {
            let slot = spot.slot();
            if !found.page().holds(slot) {
                wishes.push(of(spot, false));
                continue;
            }
            let freshness = self.freshness(found, slot, spot.bucket);
            let sealed = freshness == Freshness::Sealed;
            if sealed || freshness.stands() && found.page().facts(slot).begun >= wish.not_before {
                worked.found.insert(slot);
            } else {
                wishes.push(of(spot, freshness.may_be_right()));
            }
        }
        wishes
    }

    fn is_fresh(&self, spot: &Spot) -> Result<bool> {
        self.check(&spot.key)?;
        Ok(match look(self.shared(), &self.state, &spot.key)? {
            Look::Found(found) => self.record_stands(&found, spot.slot(), spot.bucket),
            Look::Absent | Look::Damaged(_) => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::cache::CacheKey;
    use crate::error::ErrorKind;
    use crate::grid::Grid;
    use crate::options::Options;
    use crate::page::{Slot, ViewId};
    use crate::rebuild::Engine;
    use crate::sync::{Arc, AtomicUsize, Mutex, Ordering};
    use crate::time::Timestamp;
    use crate::view::{View, ViewDefinition};

    use super::*;

    fn engine() -> Arc<Engine> {
        Arc::new(Engine::in_memory(Options::default()).unwrap())
    }

    fn minute(minute: i64) -> Timestamp {
        Timestamp::from_seconds(minute * 60)
    }

    /// The id of the one view of a store.
    fn only(engine: &Engine) -> ViewId {
        let known = |id: &ViewId| engine.rebuilder(*id).is_some();
        (0..10).map(ViewId).find(known).expect("a view that builds")
    }

    #[test]
    fn a_view_is_found_by_its_number_while_somebody_holds_it_and_builds_by_key() {
        let engine = engine();
        let definition = ViewDefinition::<str, u64>::new(engine.clone(), "sun");
        let definition = definition.grid(Grid::minutes(1)).page_len(10);
        let view = definition.build(|_, name, bucket| {
            Ok(name.len() as u64 + bucket.start().as_millis() as u64 / 60_000)
        });
        let (view, id) = (view.unwrap(), only(&engine));
        let rebuilder = engine.rebuilder(id).unwrap();
        let key = PageKey::new(id, "patio", PageNumber(2));
        rebuilder.make_fresh(key.as_slice(), 3).unwrap();
        rebuilder.make_fresh(key.as_slice(), 3).unwrap();
        assert_eq!(view.peek("patio", minute(23)).unwrap().unwrap().to_native(), 28);
        assert_eq!(engine.shared().metrics().builds, 1);

        let other = PageKey::new(ViewId(id.0 + 1), "patio", PageNumber(2));
        let not_text = PageKey::of_parts(id, b"\xff", PageNumber(2));
        for (key, slot) in [(&key, 10), (&other, 3), (&not_text, 3)] {
            let refused = rebuilder.make_fresh(key.as_slice(), slot).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Damaged, "{refused}");
        }
        drop((view, rebuilder));
        assert!(engine.rebuilder(id).is_none());
    }

    #[test]
    fn slots_of_a_page_are_worked_off_together_and_anew_where_they_began_before_the_floor() {
        let engine = engine();
        let definition = ViewDefinition::<u32, u64>::new(engine.clone(), "sun");
        let definition = definition.grid(Grid::minutes(1)).page_len(10);
        let _view = definition.build(|_, _, bucket| {
            let minute = bucket.start().as_millis() as u64 / 60_000;
            if minute == 23 { Err("no sun".into()) } else { Ok(minute) }
        });
        let (_view, id) = (_view.unwrap(), only(&engine));
        let rebuilder = engine.rebuilder(id).unwrap();
        let range = TimeRange::new(minute(18), minute(25));
        assert_eq!(rebuilder.buckets(range).unwrap(), 7);
        let pages = rebuilder.pages(&1_u32.to_be_bytes(), range).unwrap();
        let slots = |first, last| SlotSet::span(Slot(first), Slot(last));
        assert_eq!(pages.iter().map(|page| page.1).collect::<Vec<_>>(), [slots(8, 9), slots(0, 4)]);

        let (page, asked) = &pages[1];
        let work = |floor| rebuilder.clone().work_off(page, *asked, floor).unwrap();
        let failed = SlotSet::one(Slot(3));
        let first = work(Revision::ZERO);
        assert_eq!((first.built, first.found), (asked.minus(failed), SlotSet::EMPTY));
        assert_eq!(first.failed.iter().map(|(slot, _)| slot.0).collect::<Vec<_>>(), [3]);
        let again = work(Revision::ZERO);
        assert_eq!((again.built, again.found), (SlotSet::EMPTY, asked.minus(failed)));
        let anew = work(engine.shared().published());
        assert_eq!((anew.built, anew.found), (asked.minus(failed), SlotSet::EMPTY));
    }

    #[test]
    fn a_view_that_is_put_is_no_rebuilder() {
        let engine = engine();
        let definition = ViewDefinition::<u32, u64>::new(engine.clone(), "put");
        let _view = definition.without_build().unwrap();
        assert!((0..10).all(|id| engine.rebuilder(ViewId(id)).is_none()));
    }

    /// Each minute reads the one before; before minute 150 does, it does something else.
    fn chain(
        engine: &Arc<Engine>,
        meddle: impl Fn(&View<u32, u64>) + Send + Sync + 'static,
    ) -> View<u32, u64> {
        let itself = Arc::new(Mutex::new(None::<View<u32, u64>>));
        let captured = itself.clone();
        let definition = ViewDefinition::<u32, u64>::new(engine.clone(), "chain");
        let view = definition.grid(Grid::minutes(1)).page_len(1).build(move |_, entity, bucket| {
            let view = captured.lock().clone().expect("it is set");
            let minute = bucket.start().as_millis() / 60_000;
            if minute == 150 {
                meddle(&view);
            }
            let before = |minute| view.get(entity, Timestamp::from_seconds((minute - 1) * 60));
            Ok(if minute == 0 { 0 } else { before(minute)?.to_native() + 1 })
        });
        let view = view.unwrap();
        *itself.lock() = Some(view.clone());
        view
    }

    #[test]
    fn a_record_that_is_marked_whenever_it_was_made_is_served_as_it_is() {
        let engine = engine();
        let (marking, marked) = (Arc::downgrade(&engine), Arc::new(AtomicUsize::new(0)));
        let counted = marked.clone();
        let view = chain(&engine, move |_| {
            let engine = marking.upgrade().expect("it is read");
            for minute in 0..150 {
                let key = PageKey::new(only(&engine), &1_u32, PageNumber(minute));
                if let Some(page) = engine.shared().cache.peek(CacheKey::new(key.as_slice())) {
                    page.marks().raise_stale(0);
                    counted.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
        assert_eq!(view.get(&1, minute(200)).unwrap().to_native(), 200);
        assert!(marked.load(Ordering::SeqCst) > 0, "nothing was marked");
    }

    #[test]
    fn a_record_that_is_deleted_whenever_it_was_made_ends_in_an_error() {
        let engine = engine();
        let view = chain(&engine, |view| {
            // A thread that is in no build.
            crate::sync::thread::scope(|scope| {
                scope.spawn(|| view.delete(&1).unwrap());
            });
        });
        let error = view.get(&1, minute(200)).unwrap_err();
        assert!(error.to_string().ends_with("was deleted while it was built"), "{error}");
    }
}
