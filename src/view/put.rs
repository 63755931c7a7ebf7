//! Records computed elsewhere.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use crate::disk::Speed;
use crate::error::Result;
use crate::key::EntityKey;
use crate::page::{Origin, RecordBytes, RecordType, Slot};
use crate::rebuild::refuse_inside_build;
use crate::time::Timestamp;

use super::core::{Core, Spot};

impl<E: EntityKey + ?Sized, R: RecordType> Core<E, R> {
    /// Stores records as one operation, synced before it returns.
    pub(super) fn put_many<K, V>(
        &self,
        records: impl IntoIterator<Item = (K, Timestamp, V)>,
    ) -> Result<u64>
    where
        K: Borrow<E>,
        V: Borrow<R>,
    {
        refuse_inside_build("a put").map_err(|error| self.named(error))?;
        self.state.check()?;
        let begun = self.begin();
        // Page -> slot -> record: the last of several for one bucket is the one that stays.
        let mut pages: BTreeMap<Vec<u8>, (Spot, BTreeMap<Slot, RecordBytes>)> = BTreeMap::new();
        let mut count = 0;
        for (entity, instant, record) in records {
            let spot = self.locate(entity.borrow(), instant)?;
            self.check(&spot.key)?;
            let bytes =
                self.record_bytes(record.borrow()).map_err(|error| self.at(&spot, error))?;
            let slot = spot.slot();
            let (_, slots) = pages
                .entry(spot.key.as_slice().to_vec())
                .or_insert_with(|| (spot, BTreeMap::new()));
            slots.insert(slot, bytes);
            count += 1;
        }
        if count > 0 {
            let pages: Result<_> = pages
                .into_values()
                .map(|(spot, slots)| {
                    let mut page = self.page_builder(&spot);
                    for (slot, bytes) in slots {
                        page.add(slot, Origin::Put, self.facts(begun), 0, &bytes)
                            .map_err(|error| self.at(&spot, error))?;
                    }
                    Ok((spot.key, page.finish()))
                })
                .collect();
            let stored = self.store(pages?, Speed::Synced, false)?.wait();
            stored.map_err(|error| self.named(error))?;
        }
        Ok(count)
    }
}
