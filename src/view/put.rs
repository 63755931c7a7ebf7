//! Records computed elsewhere.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use crate::disk::Speed;
use crate::error::Result;
use crate::key::EntityKey;
use crate::page::{Origin, PageBuilder, PageKey, RecordType};
use crate::rebuild::refuse_inside_build;
use crate::time::Timestamp;

use super::core::Core;

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
        let mut pages: BTreeMap<Vec<u8>, (PageKey, PageBuilder)> = BTreeMap::new();
        let mut count = 0;
        for (entity, instant, record) in records {
            let spot = self.locate(entity.borrow(), instant)?;
            self.check(&spot.key)?;
            let at_spot = |error| self.at(&spot, error);
            let bytes = self.record_bytes(record.borrow()).map_err(at_spot)?;
            let (_, page) = pages
                .entry(spot.key.as_slice().to_vec())
                .or_insert_with(|| (spot.key.clone(), self.page_builder(&spot)));
            // The last of several for one bucket is the one that stays.
            page.add(spot.slot(), Origin::Put, self.facts(begun), 0, &bytes).map_err(at_spot)?;
            count += 1;
        }
        if count > 0 {
            let pages = pages.into_values().map(|(key, page)| (key, page.finish())).collect();
            let stored = self.store(pages, Speed::Synced, false)?.wait();
            stored.map_err(|error| self.named(error))?;
        }
        Ok(count)
    }
}
