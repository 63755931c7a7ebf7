//! Reads that a builder answers: those with a deadline, and those of futures.

use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};
use crate::key::{EntityKey, decode_entity};
use crate::page::RecordType;
use crate::rebuild::{FlightKey, Order, Watcher, refuse_waiting};
use crate::schedule::Answer;
use crate::sync::{Arc, AtomicBool, Ordering, Weak};
use crate::time::Timestamp;

use super::any_record::AnyRecord;
use super::any_view::{AnyView, Typed};
use super::core::Core;
use super::policy::Policy;
use super::spot::Spot;

/// A read in the hand of the builders.
pub(super) struct ReadOrder {
    /// Not the view itself: an order that nobody takes any more must not keep the store open.
    view: Weak<dyn Typed>,
    itself: Weak<Self>,
    spot: Spot,
    policy: Policy,
    flight: FlightKey,
    answer: Answer<Result<AnyRecord>>,
    /// It has waited for somebody else's build; what it does next it does itself.
    has_waited: AtomicBool,
}

impl ReadOrder {
    pub(super) fn answer(&self) -> &Answer<Result<AnyRecord>> {
        &self.answer
    }
}

impl Order for ReadOrder {
    fn fulfil(self: Arc<Self>) {
        if self.answer.is_abandoned() {
            return;
        }
        let Some(view) = self.view.upgrade() else { return };
        // A builder that waited here for a build of some reader's would keep others waiting.
        if !self.has_waited.load(Ordering::Relaxed) {
            self.has_waited.store(true, Ordering::Relaxed);
            let watcher: Arc<dyn Watcher> = self.clone();
            if view.any().engine.flights().watch_building(&self.flight, &watcher) {
                return;
            }
        }
        self.answer.give(view.read(&self.spot, self.policy));
    }

    fn refuse(&self, error: Error) {
        self.answer.give(Err(error));
    }
}

impl Watcher for ReadOrder {
    fn landed(&self) {
        let (Some(view), Some(order)) = (self.view.upgrade(), self.itself.upgrade()) else {
            return;
        };
        view.any().engine.workshop().place_again(order);
    }
}

impl<E: EntityKey + ?Sized, R: RecordType> Core<E, R> {
    /// What a future is to read, in a form that it can keep.
    pub(super) fn asked(&self, entity: &E, instant: Timestamp) -> Result<(E::Owned, Spot)> {
        let spot = self.locate(entity, instant)?;
        self.check(&spot.key)?;
        self.owned(&spot).map(|entity| (entity, spot))
    }

    /// The entity of a spot, as its key says.
    pub(super) fn owned(&self, spot: &Spot) -> Result<E::Owned> {
        decode_entity::<E>(spot.key.entity_of_page()).ok_or_else(|| {
            let message = "the entity's key does not decode to an entity: its `EntityKey` does not \
                           read what it writes";
            self.at(spot, Error::input(message))
        })
    }
}

impl AnyView {
    /// Hands a read to the builders.
    pub(super) fn place_order(&self, spot: &Spot, policy: Policy) -> Result<Arc<ReadOrder>> {
        refuse_waiting("a read that waits for a builder")?;
        self.check(&spot.key)?;
        let order = Arc::new_cyclic(|itself| ReadOrder {
            view: self.itself.clone(),
            itself: itself.clone(),
            spot: spot.clone(),
            policy: Policy { within: None, ordered: true, ..policy },
            flight: self.flight_key(spot),
            answer: Answer::default(),
            has_waited: AtomicBool::new(false),
        });
        self.engine.workshop().place(order.clone()).map_err(|error| self.at(spot, error))?;
        Ok(order)
    }

    /// Makes room for others who wait. What was ordered is built all the same, but for nobody any more.
    fn give_up_waiting(&self, spot: &Spot, order: &Arc<ReadOrder>) {
        let order: Arc<dyn Order> = order.clone();
        // One that is not there is in a builder's hand, or waits for somebody else's build.
        let taken_back = self.engine.workshop().take_back(&order);
        if taken_back && self.shared().served_marked.note(spot.key.as_slice(), spot.slot()) {
            self.shared().bell.ring();
        }
    }

    /// Waits for a record to be built by a builder, not longer than `within`; then `standing`, or
    /// what stands by now, is served as it is.
    pub(super) fn get_within(
        &self,
        spot: &Spot,
        policy: Policy,
        within: Duration,
        standing: Option<AnyRecord>,
    ) -> Result<AnyRecord> {
        // Due beyond the end of the clock's time is never due.
        let until = Instant::now().checked_add(within);
        let placed = self.place_order(spot, policy);
        let late = match placed {
            Ok(order) => {
                if let Some(answer) = order.answer().wait(until) {
                    return answer;
                }
                self.shared().counters.orders_timed_out.add(1);
                self.give_up_waiting(spot, &order);
                let goes_on = match self.shared().options.builders {
                    0 => "this store has no builders: call `Store::build_next`, or give it some",
                    _ => "its build goes on: try again later",
                };
                let message = format!("the record was not built within {within:?}; {goes_on}");
                self.at(spot, Error::new(ErrorKind::Busy, message))
            }
            Err(error) if error.kind() == ErrorKind::Busy => error,
            Err(error) => return Err(error),
        };
        match self.glance_again(spot)? {
            Some(record) => Ok(record),
            None => standing.ok_or(late),
        }
    }
}
