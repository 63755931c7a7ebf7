//! Building: one flight for each bucket, from the reader that wants a record to the record.

use crate::cache::{CacheKey, Ticket};
use crate::disk::PageInMemory;
use crate::error::{Error, ErrorKind, Result};
use crate::freshness::{Freshness, Layer};
use crate::grid::Bucket;
use crate::key::EntityKey;
use crate::page::{Facts, Origin, RecordType, Room, Slot};
use crate::rebuild::{
    self, BuildName, FlightKey, Held, Joined, Lead, Rebuilder, Target, is_building,
};
use crate::revision::Revision;

use super::core::{BuildFunction, Core, Spot};
use super::draft::{PageDraft, RecordDraft};
use super::gate::Gate;
use super::lookup::{Look, hold, look_again};
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

    /// Builds a record for whoever asks, or waits for whoever builds it. `seen` was taken before that
    /// one looked and found nothing fresh.
    pub(super) fn build_one(&self, entity: &E, spot: &Spot, seen: Ticket) -> Result<Record<R>> {
        self.build_since(entity, spot, seen, Revision::ZERO)
    }

    /// The same where nothing that began before `floor` is good enough, fresh or not.
    pub(super) fn build_since(
        &self,
        entity: &E,
        spot: &Spot,
        seen: Ticket,
        floor: Revision,
    ) -> Result<Record<R>> {
        rebuild::build(|held| self.attempt(entity, spot, seen, floor, held, &mut Gate::Free))
    }

    /// The same for a reader, who is turned away where too many build.
    pub(super) fn build_for_reader(
        &self,
        entity: &E,
        spot: &Spot,
        seen: Ticket,
        floor: Revision,
    ) -> Result<Record<R>> {
        let mut gate = self.gate();
        rebuild::build(|held| self.attempt(entity, spot, seen, floor, held, &mut gate))
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
        entity: &E,
        spot: &Spot,
        seen: Ticket,
        floor: Revision,
        held: &mut Held,
        gate: &mut Gate<'_>,
    ) -> Result<Record<R>> {
        for flight in 0..FLIGHTS_MAX {
            let (outcome, own) = match self.join(spot, held)? {
                // What landed may have been deleted before this read began: look for what stands.
                Joined::Landed(Ok(_)) if flight == 0 && !mutant!("landed_is_looked_at_again") => {
                    match self.landed_since(spot, seen, floor)? {
                        Some(standing) => (Ok(standing), false),
                        None => continue,
                    }
                }
                // This one began after the first had landed, and so after this read began.
                Joined::Landed(outcome) => (outcome, flight > 0),
                Joined::Lead(lead) => {
                    // Somebody may have landed it between this reader's look and its lead.
                    let outcome = match self.landed_since(spot, seen, floor) {
                        Ok(Some(standing)) => Ok(standing),
                        Ok(None) => match gate.pass() {
                            Ok(()) => self.make(entity, spot, floor, &lead),
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

    /// The page of a bucket, if a record was stored there since `seen` was taken, is fresh and began
    /// no earlier than `floor`, or was made for this very read.
    pub(super) fn landed_since(
        &self,
        spot: &Spot,
        seen: Ticket,
        floor: Revision,
    ) -> Result<Option<PageInMemory>> {
        let made = rebuild::has_made(|| self.flight_key(spot));
        if !made && self.shared().cache.is_current(seen) {
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
            self.record_stands(&found, slot, spot.bucket) && found.page().facts(slot).begun >= floor
        };
        Ok(serves.then(|| found.hold.resident().clone()))
    }

    /// Makes a record fresh under this lead: by finding that it still is right, or by building it.
    fn make(
        &self,
        entity: &E,
        spot: &Spot,
        floor: Revision,
        lead: &Lead<PageInMemory>,
    ) -> Result<PageInMemory> {
        if let Some(spared) = self.spare(spot, floor, lead)? {
            // The flight is for all of a page that is built whole, and so is the sparing.
            if matches!(self.build, BuildFunction::Page(_)) {
                return self.spare_others(spot, floor, lead, spared);
            }
            return Ok(spared);
        }
        let mut draft = self.draft(spot);
        match &self.build {
            BuildFunction::None => unreachable!("only views that build come here"),
            BuildFunction::Bucket(_) => {
                let record = self.build_bucket(entity, spot, lead)?;
                draft.add(spot.slot(), &record).map_err(|error| self.failed(spot, error))?;
            }
            BuildFunction::Page(_) => {
                let look = look_again(self.shared(), &self.state, &spot.key)?;
                let lacking = self.lacking_around(spot, floor, &look);
                self.build_buckets(entity, spot, lead, &lacking, &mut draft)?;
            }
        }
        self.store_built(spot, draft.finish())
    }

    /// Spares what else of a page is suspect and right.
    fn spare_others(
        &self,
        spot: &Spot,
        floor: Revision,
        lead: &Lead<PageInMemory>,
        mut page: PageInMemory,
    ) -> Result<PageInMemory> {
        let look = look_again(self.shared(), &self.state, &spot.key)?;
        for (slot, bucket) in self.lacking_around(spot, floor, &look) {
            page = self.spare(&spot.beside(slot, bucket), floor, lead)?.unwrap_or(page);
        }
        Ok(page)
    }

    /// What a page lacks that was found so, for a view whose pages are built whole.
    pub(super) fn lacking_around(
        &self,
        spot: &Spot,
        floor: Revision,
        look: &Look,
    ) -> Vec<(Slot, Bucket)> {
        // What is retired is not made for a build that reads; the one asked for is known not to be.
        let stands = |slot: Slot, bucket: Bucket| match look {
            Look::Found(found) if found.page().holds(slot) => {
                self.record_stands(found, slot, bucket) && found.page().facts(slot).begun >= floor
            }
            _ => slot != spot.slot() && self.is_retired(bucket),
        };
        let (place, page_len) = (spot.place, self.state.page_len());
        let buckets = self.state.grid().page_buckets(place.page, place.slot, page_len);
        let mut lacking = Vec::with_capacity(buckets.slots() as usize);
        let standing =
            (0..buckets.slots()).filter_map(|slot| Some((Slot(slot), buckets.get(slot)?)));
        lacking.extend(standing.filter(|(slot, bucket)| !stands(*slot, *bucket)));
        lacking
    }

    /// Runs the build function of a bucket.
    pub(super) fn build_bucket(
        &self,
        entity: &E,
        spot: &Spot,
        lead: &Lead<PageInMemory>,
    ) -> Result<RecordDraft> {
        let BuildFunction::Bucket(build) = &self.build else {
            unreachable!("asked for where buckets are built one by one");
        };
        let begun = self.begin();
        let ran = self.run(spot, lead, begun, |context| build(context, entity, spot.bucket))?;
        let mut room = Room::default();
        let bytes = self.built_bytes(&ran.value, &mut room);
        bytes.map_err(|error| self.failed(spot, error))?;
        Ok(RecordDraft {
            origin: Origin::Built,
            facts: self.facts(&spot.key, spot.bucket, begun),
            micros: ran.micros,
            bytes: room.into_bytes(),
            reading: ran.reading,
        })
    }

    /// Runs the build function of a page for the buckets given and adds their records.
    pub(super) fn build_buckets(
        &self,
        entity: &E,
        spot: &Spot,
        lead: &Lead<PageInMemory>,
        lacking: &[(Slot, Bucket)],
        draft: &mut PageDraft,
    ) -> Result<()> {
        let BuildFunction::Page(build) = &self.build else {
            unreachable!("asked for where pages are built whole");
        };
        let buckets: Vec<Bucket> = lacking.iter().map(|(_, bucket)| *bucket).collect();
        let begun = self.begin();
        let ran = self.run(spot, lead, begun, |context| build(context, entity, &buckets))?;
        let records = &ran.value;
        if records.len() != buckets.len() {
            let message = format!(
                "the build function returned {} records for {} buckets; it must return one for each",
                records.len(),
                buckets.len()
            );
            return Err(self.failed(spot, Error::new(ErrorKind::Build, message)));
        }
        let share = ran.micros / u32::try_from(records.len().max(1)).unwrap_or(u32::MAX);
        draft.reserve(records.len());
        let (dependencies, mut room) = (draft.note_reading(&ran.reading), Room::default());
        for ((slot, bucket), record) in lacking.iter().zip(records) {
            let facts = Facts { dependencies, ..self.facts(&spot.key, *bucket, begun) };
            let bytes = self.built_bytes(record, &mut room);
            let added = bytes.and_then(|()| draft.add_built(*slot, facts, share, room.bytes()));
            added.map_err(|error| self.failed(&spot.beside(*slot, *bucket), error))?;
        }
        Ok(())
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
