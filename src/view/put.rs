//! Records computed elsewhere.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};

use crate::disk::Speed;
use crate::error::Result;
use crate::graph::{Node, Observation, Reading};
use crate::key::{EntityKey, Source};
use crate::page::{Origin, RecordType, Room, Slot};
use crate::rebuild::refuse_inside_build;
use crate::revision::Revision;
use crate::sync::Arc;
use crate::time::Timestamp;

use super::context::Begun;
use super::core::{Core, Spot};
use super::draft::RecordDraft;

/// What a put came to.
#[derive(Debug)]
pub(super) struct Put {
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
    ) -> Result<Put>
    where
        K: Borrow<E>,
        V: Borrow<R>,
    {
        refuse_inside_build("a put").map_err(|error| self.named(error))?;
        self.state.check()?;
        let now = self.begin();
        let begun =
            Begun { revision: as_of.map_or(now.revision, |at| at.min(now.revision)), ..now };
        let reading = Arc::new(self.read_from(sources, begun.revision)?);
        // Page -> slot -> record: the last of several for one bucket is the one that stays.
        let mut pages: BTreeMap<Vec<u8>, (Spot, BTreeMap<Slot, RecordDraft>)> = BTreeMap::new();
        let (mut given, mut changed) = (0, 0);
        for (entity, instant, record) in records {
            let spot = self.locate(entity.borrow(), instant)?;
            self.check(&spot.key)?;
            let mut room = Room::default();
            let bytes = self.record_bytes(record.borrow(), &mut room);
            bytes.map_err(|error| self.at(&spot, error))?;
            let bytes = room.into_bytes();
            let (facts, reading) = (self.facts(&spot.key, spot.bucket, begun), reading.clone());
            let record = RecordDraft { origin: Origin::Put, facts, micros: 0, bytes, reading };
            let slot = spot.slot();
            let (_, slots) = pages
                .entry(spot.key.as_slice().to_vec())
                .or_insert_with(|| (spot, BTreeMap::new()));
            slots.insert(slot, record);
            given += 1;
        }
        if given > 0 {
            let keys: BTreeSet<Vec<u8>> = pages.keys().cloned().collect();
            let pages: Result<_> = pages
                .into_values()
                .map(|(spot, slots)| {
                    let mut draft = self.draft(&spot);
                    for (slot, record) in slots {
                        draft.add(slot, &record).map_err(|error| self.at(&spot, error))?;
                    }
                    Ok(draft.finish())
                })
                .collect();
            let stored = self.store(pages?, Speed::Synced, false)?.wait();
            self.shared().events.tell_late();
            // Who waits for what was asked for has it.
            self.engine.flights().tell_pages(&keys);
            changed = stored.map_err(|error| self.named(error))?.changed;
        }
        Ok(Put { given, changed })
    }

    /// What a record that was made elsewhere says that it was made from.
    fn read_from(&self, sources: &[Source], seen: Revision) -> Result<Reading> {
        let observed = |source: &Source| Observation::whole(Node::source(source), seen);
        let reading = Reading::new(sources.iter().map(observed).collect());
        reading.map_err(|error| self.named(error))
    }
}
