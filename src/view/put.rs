//! Records computed elsewhere.

use std::borrow::Borrow;

use crate::disk::Speed;
use crate::error::Result;
use crate::graph::{Node, Observation, Reading};
use crate::key::{EntityKey, Source};
use crate::page::{Origin, PageKey, RecordBytes, RecordType, Room};
use crate::rebuild::refuse_inside_build;
use crate::revision::Revision;
use crate::sync::Arc;
use crate::time::Timestamp;

use super::any_view::AnyView;
use super::context::Begun;
use super::core::Core;
use super::draft::RecordDraft;
use super::puts::{Puts, flights_at};
use super::spot::Spot;

/// What a put came to.
#[derive(Debug)]
pub(super) struct PutCounts {
    /// How many records were given.
    pub(super) given: u64,
    /// How many of those that stand now differ from what stood there before.
    pub(super) changed: u64,
}

impl<E: EntityKey + ?Sized, R: RecordType> Core<E, R> {
    /// Stores records as one operation with one sync. `as_of` was published before what they were
    /// made from was read.
    pub(super) fn put_many<K, V>(
        &self,
        records: impl IntoIterator<Item = (K, Timestamp, V)>,
        sources: &[Source],
        as_of: Option<Revision>,
    ) -> Result<PutCounts>
    where
        K: Borrow<E>,
        V: Borrow<R>,
    {
        let (mut puts, begun, reading) = self.begin_puts(sources, as_of)?;
        let mut given = 0;
        for (entity, instant, record) in records {
            self.put_into(&mut puts, entity.borrow(), instant, record.borrow(), (begun, &reading))?;
            given += 1;
        }
        self.end_puts(puts, given)
    }

    /// Adds a record to those that are put together: when it counts as begun, and what it says that it
    /// was made from. The page that it lies in.
    pub(super) fn put_into(
        &self,
        puts: &mut Puts,
        entity: &E,
        instant: Timestamp,
        record: &R,
        made: (Begun, &Arc<Reading>),
    ) -> Result<PageKey> {
        let spot = self.locate(entity, instant)?;
        self.check(&spot.key)?;
        let mut room = Room::default();
        self.record_bytes(record, &mut room).map_err(|error| self.at(&spot, error))?;
        let page = spot.key.clone();
        self.add_to(puts, spot, room.into_bytes(), made);
        Ok(page)
    }
}

impl AnyView {
    fn begin_puts(
        &self,
        sources: &[Source],
        as_of: Option<Revision>,
    ) -> Result<(Puts, Begun, Arc<Reading>)> {
        refuse_inside_build("a put").map_err(|error| self.named(error))?;
        self.state.check()?;
        let begun = self.begin().as_of(as_of);
        let reading = Arc::new(self.read_from(sources, begun.revision)?);
        Ok((Puts::new(&self.state), begun, reading))
    }

    fn end_puts(&self, puts: Puts, given: u64) -> Result<PutCounts> {
        if puts.is_empty() {
            return Ok(PutCounts { given, changed: 0 });
        }
        let places = puts.places();
        let stored = self.store(puts.finish()?, Speed::Synced, false)?.wait();
        self.shared().events.tell_late();
        // Who waits for what was asked for has it.
        self.engine.flights().tell_each(flights_at(&places));
        let changed = stored.map_err(|error| self.named(error))?.changed;
        Ok(PutCounts { given, changed })
    }

    fn add_to(
        &self,
        puts: &mut Puts,
        spot: Spot,
        bytes: RecordBytes,
        (begun, reading): (Begun, &Arc<Reading>),
    ) {
        let (reading, facts) = (reading.clone(), self.facts(&spot.key, spot.bucket, begun));
        puts.add(spot, RecordDraft { origin: Origin::Put, facts, micros: 0, bytes, reading });
    }

    /// What a record that was made elsewhere says that it was made from.
    pub(super) fn read_from(&self, sources: &[Source], seen: Revision) -> Result<Reading> {
        let observed = |source: &Source| Observation::whole(Node::source(source), seen);
        let reading = Reading::new(sources.iter().map(observed).collect());
        reading.map_err(|error| self.named(error))
    }
}
