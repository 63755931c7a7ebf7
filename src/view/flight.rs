//! One flight after the other, from whoever wants a record to what he takes from one.

use crate::cache::{CacheKey, Ticket};
use crate::disk::PageInMemory;
use crate::error::{Error, ErrorKind, Result};
use crate::rebuild::{self, BuildName, FlightKey, Held, Joined, Lead, Target};

use super::any_view::{AnyView, Makes};
use super::gate::Gate;
use super::lookup::{Look, look_again};
use super::make::{Making, Wish};
use super::spot::Spot;

/// How many flights are tried before it is given up: one that was joined may have begun too early,
/// and what was built under a lead may have been deleted before it was stored.
pub(super) const FLIGHTS_MAX: usize = 3;

/// A flight that has come to something.
#[expect(clippy::large_enum_variant, reason = "it is handed on once, to whoever takes it")]
pub(super) enum Flown {
    /// It was led here: what was made is still to be stored, and the flight to be landed.
    Led(Lead<PageInMemory>, Result<Making>),
    /// Somebody else led it. A later one began after the first had landed, and so after it was
    /// wished for.
    Landed { outcome: Result<PageInMemory>, later: bool },
}

impl AnyView {
    /// Joins or leads flights of a record until `take` has something from one; `None` is another
    /// flight. One attempt, which may be unwound: it goes on with the flight that is held, and leaves
    /// it there. Who leads passes the gate first.
    pub(super) fn fly<T>(
        &self,
        wish: &Wish<'_>,
        held: &mut Held,
        gate: &mut Gate<'_>,
        mut take: impl FnMut(Flown) -> Result<Option<T>>,
    ) -> Result<T> {
        let spot = wish.spot;
        for flight in 0..FLIGHTS_MAX {
            let flown = match self.join(spot, held)? {
                Joined::Landed(outcome) => Flown::Landed { outcome, later: flight > 0 },
                Joined::Lead(lead) => {
                    // Somebody may have landed it between the look and the lead.
                    let making = match self.landed_since(wish) {
                        Ok(Some(standing)) => Ok(Making::Standing(standing)),
                        Ok(None) => match gate.pass() {
                            Ok(()) => self.make(wish, &lead),
                            Err(refused) => {
                                // For this one alone: others who wait for the record may build it.
                                lead.unwound();
                                return Err(self.at(spot, refused));
                            }
                        },
                        Err(error) => Err(error),
                    };
                    if making.as_ref().is_err_and(Error::is_unwinding) {
                        *held = Some(lead);
                        return Err(Error::unwinding());
                    }
                    Flown::Led(lead, making)
                }
            };
            if let Some(taken) = take(flown)? {
                return Ok(taken);
            }
        }
        let deleted = Error::new(ErrorKind::Absent, "the record was deleted while it was built");
        Err(self.at(spot, deleted))
    }

    /// Goes on with the flight that is held, or joins whoever builds the record.
    fn join(&self, spot: &Spot, held: &mut Held) -> Result<Joined<PageInMemory>> {
        if let Some(lead) = held.take() {
            return Ok(Joined::Lead(lead));
        }
        let (flights, key) = (self.engine.flights(), self.flight_key(spot));
        let joined = flights.join(&key, &self.name(spot), rebuild::path);
        joined.map_err(|error| self.at(spot, error))
    }

    /// The page of a bucket, if a record was stored there since the one who wishes for it looked, is
    /// fresh and did not begin too early, or was made for this very read.
    pub(super) fn landed_since(&self, wish: &Wish<'_>) -> Result<Option<PageInMemory>> {
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

    /// To be taken before looking whether a record is there: says later whether it is worth looking
    /// again.
    pub(super) fn ticket(&self, spot: &Spot) -> Ticket {
        self.shared().cache.ticket(CacheKey::new(spot.key.as_slice()))
    }

    /// What a flight for this bucket goes by.
    pub(super) fn flight_key(&self, spot: &Spot) -> FlightKey {
        self.flight_of(spot.key.as_slice(), spot.place.slot)
    }

    /// The same by the key of its page.
    pub(super) fn flight_of(&self, page: &[u8], slot: u32) -> FlightKey {
        FlightKey { page: page.into(), slot: (self.makes != Makes::Pages).then_some(slot) }
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
