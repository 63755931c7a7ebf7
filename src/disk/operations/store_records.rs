//! Records into their pages.

use crate::error::Result;
use crate::page::{Page, PageKey, StoredBody, merge};
use crate::sync::Arc;

use super::super::batch::Batch;
use super::super::committed::Committed;
use super::super::operation::{Operation, Speed};
use super::super::shared::PageInMemory;
use super::super::view_state::ViewState;

/// Records of one page that are to be stored.
pub(crate) struct Part {
    pub(crate) key: PageKey,
    /// The new records, the other slots empty.
    pub(crate) page: Page,
    /// Its body as it will stand on disk if nothing else is in the page.
    pub(crate) body: Option<StoredBody>,
}

/// Stores records, built or put, in any number of pages of one view, as one operation.
pub(crate) struct StoreRecords {
    pub(crate) view: Arc<ViewState>,
    pub(crate) parts: Vec<Part>,
    pub(crate) speed: Speed,
    /// Whether somebody waits to read them.
    pub(crate) wanted: bool,
}

/// What became of the records.
#[derive(Debug)]
pub(crate) struct Stored {
    /// The pages as they stand after the commit, in the order of the parts; a part that was deleted
    /// while it was being built has none.
    pub(crate) pages: Vec<PageInMemory>,
}

impl Operation for StoreRecords {
    type Applied = Vec<PageKey>;
    type Answer = Stored;

    fn speed(&self) -> Speed {
        self.speed
    }

    fn weight(&self) -> usize {
        self.parts.iter().map(|part| part.page.bytes()).sum()
    }

    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<Self::Applied> {
        self.view.check()?;
        // A put is later than every deletion before it; only builds can be overtaken by one.
        let counters = &batch.shared().counters;
        let mut merged = Vec::with_capacity(self.parts.len());
        for mut part in self.parts.drain(..) {
            match self.view.without_deleted(part.page, part.key.as_slice())? {
                (None, _) => continue,
                (Some(page), dropped) => {
                    part.page = page;
                    part.body = part.body.filter(|_| dropped == 0);
                }
            }
            let standing = batch.standing(&self.view, part.key.as_slice())?;
            let new = merge(standing.as_deref(), part.page, batch.revision(), self.view.shape());
            merged.push((
                part.key,
                new.map_err(|error| error.at_view(self.view.name()))?,
                part.body,
            ));
        }
        // Nothing is staged before everything has been merged: a page over its limit refuses the
        // operation whole.
        let mut keys = Vec::with_capacity(merged.len());
        for (key, new, body) in merged {
            counters.records_changed.add(u64::from(new.changed));
            counters.records_unchanged.add(u64::from(new.unchanged));
            counters.records_superseded.add(u64::from(new.superseded));
            let body = body.filter(|_| new.as_given);
            batch.stage(&self.view, key.as_slice(), Some(new.page), body, self.wanted);
            keys.push(key);
        }
        Ok(keys)
    }

    fn answer(self, keys: Self::Applied, committed: &Committed) -> Stored {
        Stored { pages: keys.iter().filter_map(|key| committed.page(key.as_slice())).collect() }
    }
}
