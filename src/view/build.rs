//! Building: one flight for each bucket, from the reader that wants a record to the record.

use crate::cache::{CacheKey, Ticket};
use crate::disk::PageInMemory;
use crate::error::{Error, ErrorKind, Result};
use crate::freshness::{Freshness, Layer};
use crate::key::EntityKey;
use crate::page::RecordType;
use crate::rebuild::{
    self, BuildName, FlightKey, Held, Joined, Lead, Rebuilder, Target, is_building,
};

use super::core::{Core, Spot};
use super::gate::Gate;
use super::lookup::{Look, hold, look_again};
use super::make::{Making, Wish};
use super::record::Record;

/// How often a read builds before it gives up: a flight that it joined may have begun too early,
/// and what its own built may have been deleted before it was stored.
pub(super) const FLIGHTS_MAX: usize = 3;

impl<E: EntityKey + ?Sized, R: RecordType> Core<E, R> {
    /// To be taken before looking whether a record is there: says later whether it is worth looking
    /// again.
    pub(super) fn ticket(&self, spot: &Spot) -> Ticket {
        self.shared().cache.ticket(CacheKey::new(spot.key.as_slice()))
    }

    /// Builds a record for whoever asks, or waits for whoever builds it.
    pub(super) fn build_one(&self, wish: &Wish<'_, E>) -> Result<Record<R>> {
        rebuild::build(|held| self.attempt(wish, held, &mut Gate::Free))
    }

    /// The same for a reader, who is turned away where too many build.
    pub(super) fn build_for_reader(&self, wish: &Wish<'_, E>) -> Result<Record<R>> {
        let mut gate = self.gate();
        rebuild::build(|held| self.attempt(wish, held, &mut gate))
    }

    /// What a read passes before it builds. One inside a build must not be turned away for builds that
    /// may wait for it.
    pub(super) fn gate(&self) -> Gate<'_> {
        if is_building() { Gate::Free } else { Gate::shut(self.shared(), &self.state) }
    }

    /// The same in one attempt, which may be unwound: it goes on with the flight that is held, and
    /// leaves it there.
    pub(super) fn attempt(
        &self,
        wish: &Wish<'_, E>,
        held: &mut Held,
        gate: &mut Gate<'_>,
    ) -> Result<Record<R>> {
        let spot = wish.spot;
        for flight in 0..FLIGHTS_MAX {
            let (outcome, own) = match self.join(spot, held)? {
                // What landed may have been deleted before this read began: look for what stands.
                Joined::Landed(Ok(_)) if flight == 0 && !mutant!("landed_is_looked_at_again") => {
                    match self.landed_since(wish)? {
                        Some(standing) => (Ok(standing), false),
                        None => continue,
                    }
                }
                // This one began after the first had landed, and so after this read began.
                Joined::Landed(outcome) => (outcome, flight > 0),
                Joined::Lead(lead) => {
                    // Somebody may have landed it between this reader's look and its lead.
                    let outcome = match self.landed_since(wish) {
                        Ok(Some(standing)) => Ok(standing),
                        Ok(None) => match gate.pass() {
                            Ok(()) => self.make_and_store(wish, &lead),
                            Err(refused) => {
                                // For this reader alone: others who wait for the record may build it.
                                lead.unwound();
                                return Err(self.at(spot, refused));
                            }
                        },
                        Err(error) => Err(error),
                    };
                    if outcome.as_ref().is_err_and(Error::is_unwinding) {
                        *held = Some(lead);
                        return Err(Error::unwinding());
                    }
                    lead.land(outcome.clone());
                    (outcome, true)
                }
            };
            let landed = match outcome {
                Ok(landed) => landed,
                // Deleted before it was stored; the next flight begins after the deletion.
                Err(error) if error.kind() == ErrorKind::Absent => continue,
                Err(error) => return Err(error),
            };
            match self.record_in(hold(landed, Layer::Build), spot) {
                Some(record) if record.freshness().stands() => return Ok(record),
                // Its build took longer than it counts, and so would the next.
                Some(record) if own && record.freshness() == Freshness::Expired => {
                    return Ok(record);
                }
                // It began after the call, and what it needs moved on: the next would be no surer.
                Some(record) if own => return Ok(record.overtaken()),
                // The flight began too early, or the record was deleted since.
                _ => {}
            }
        }
        let deleted = Error::new(ErrorKind::Absent, "the record was deleted while it was built");
        Err(self.at(spot, deleted))
    }

    /// Goes on with the flight that is held, or joins whoever builds the record.
    pub(super) fn join(&self, spot: &Spot, held: &mut Held) -> Result<Joined<PageInMemory>> {
        if let Some(lead) = held.take() {
            return Ok(Joined::Lead(lead));
        }
        let (flights, key) = (self.engine.flights(), self.flight_key(spot));
        let joined = flights.join(&key, &self.name(spot), rebuild::path);
        joined.map_err(|error| self.at(spot, error))
    }

    /// The page of a bucket, if a record was stored there since the one who wishes for it looked, is
    /// fresh and did not begin too early, or was made for this very read.
    pub(super) fn landed_since(&self, wish: &Wish<'_, E>) -> Result<Option<PageInMemory>> {
        let spot = wish.spot;
        let made = rebuild::has_made(|| self.flight_key(spot));
        if !made && self.shared().cache.is_current(wish.seen) {
            return Ok(None);
        }
        self.check(&spot.key)?;
        let Look::Found(found) = look_again(self.shared(), &self.state, &spot.key)? else {
            return Ok(None);
        };
        let slot = spot.slot();
        let serves = if made {
            found.page().holds(slot)
        } else {
            self.record_stands(&found, slot, spot.bucket)
                && found.page().facts(slot).begun >= wish.not_before
        };
        Ok(serves.then(|| found.hold.resident().clone()))
    }

    fn make_and_store(
        &self,
        wish: &Wish<'_, E>,
        lead: &Lead<PageInMemory>,
    ) -> Result<PageInMemory> {
        let draft = match self.make(wish, lead)? {
            Making::Standing(page) => return Ok(page),
            Making::Page(draft) => draft,
            Making::Record(record) => {
                let mut draft = self.draft(wish.spot);
                let added = draft.add(wish.spot.slot(), &record);
                added.map_err(|error| self.failed(wish.spot, error))?;
                draft
            }
        };
        self.store_built(wish.spot, draft.finish())
    }

    /// What a flight for this bucket goes by.
    pub(super) fn flight_key(&self, spot: &Spot) -> FlightKey {
        self.flight(spot.key.as_slice(), spot.place.slot)
    }

    /// The record of a bucket, to be built when what nests less deep is out of the way.
    pub(super) fn target(&self, spot: &Spot) -> Target {
        let (rebuilder, flight) = (self.rebuilder(), self.flight_key(spot));
        Target { rebuilder, flight, slot: spot.place.slot }
    }

    pub(super) fn name(&self, spot: &Spot) -> BuildName {
        BuildName { view: self.state.name().clone(), bucket: spot.bucket }
    }
}
