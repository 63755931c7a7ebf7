//! Several writes of one caller: all of them, or none.

use crate::error::Result;
use crate::revision::Revision;
use crate::time::Timestamp;

use super::super::batch::Batch;
use super::super::committed::Committed;
use super::super::marking::Marked;
use super::super::operation::{Operation, Speed};
use super::delete::{Delete, ReadyDelete};
use super::invalidate::{Invalidate, announce};
use super::store_records::{ReadyPart, StoreRecords};
use super::want::Want;

/// Stores records and deletes others at one revision; announces changes at the next; asks for records.
///
/// Whatever can be refused is refused before anything is staged. So no part may hang on how another
/// leaves a page: what is stored and what is deleted lie in pages of their own, and no deletion takes
/// more than one step. Announcements come after all records, so that they find the edges of those that
/// were stored beside them; requests come last, and find everything as it will stand.
pub(crate) struct WriteTogether {
    /// One for each view.
    pub(crate) stores: Vec<StoreRecords>,
    pub(crate) deletions: Vec<Delete>,
    pub(crate) announced: Invalidate,
    /// One for each view.
    pub(crate) wants: Vec<Want>,
    pub(crate) now: Timestamp,
}

/// What it came to.
#[derive(Debug, Default)]
pub(crate) struct WrittenTogether {
    /// Records that stand now and differ from what stood there before.
    pub(crate) changed: u64,
    /// Records that were deleted.
    pub(crate) deleted: u64,
    /// Records that were not asked for before and do not stand.
    pub(crate) requested: u64,
    /// What the announcements marked.
    pub(crate) marked: Marked,
}

impl Operation for WriteTogether {
    type Applied = WrittenTogether;
    type Answer = (WrittenTogether, Revision);

    fn speed(&self) -> Speed {
        match self.stores.is_empty() && self.deletions.is_empty() && self.wants.is_empty() {
            // As an announcement alone.
            true => self.announced.speed(),
            false => Speed::Synced,
        }
    }

    fn weight(&self) -> usize {
        let stores: usize = self.stores.iter().map(Operation::weight).sum();
        stores + self.wants.iter().map(Operation::weight).sum::<usize>()
    }

    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<WrittenTogether> {
        self.announced.check(batch)?;
        self.wants.iter().try_for_each(Want::check)?;
        let stores: Result<Vec<_>> =
            self.stores.iter_mut().map(|store| store.ready(batch)).collect();
        let deletions: Result<Vec<_>> =
            self.deletions.iter().map(|deletion| deletion.ready(batch)).collect();
        let (stores, deletions) = (stores?, deletions?);
        let staged = self.stage(batch, stores, deletions);
        // From here on some of it would stand without the rest.
        staged.map_err(|error| batch.void(error))
    }

    fn answer(self, written: WrittenTogether, committed: &Committed) -> Self::Answer {
        (written, committed.revision())
    }
}

impl WriteTogether {
    fn stage(
        &self,
        batch: &mut Batch<'_>,
        stores: Vec<Vec<ReadyPart>>,
        deletions: Vec<ReadyDelete>,
    ) -> Result<WrittenTogether> {
        let (mut written, mut seeds) = (WrittenTogether::default(), Vec::new());
        for (deletion, ready) in self.deletions.iter().zip(deletions) {
            let part = deletion.stage(batch, ready, &mut seeds)?;
            debug_assert!(part.cursor.is_none(), "no more is deleted than one step takes");
            written.deleted += part.records;
        }
        for (store, ready) in self.stores.iter().zip(stores) {
            let outcomes = store.stage(batch, ready, &mut seeds)?;
            written.changed += outcomes.iter().map(|it| u64::from(it.changed.len())).sum::<u64>();
        }
        batch.spread(seeds, self.now)?;
        // A stamp says nothing of what was stored at its own revision.
        batch.step();
        written.marked = announce(batch, &self.announced.changes, self.now)?;
        for want in &self.wants {
            written.requested += want.stage(batch)?.newly;
        }
        Ok(written)
    }
}
