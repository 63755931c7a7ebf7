//! Pages laid out anew: the same records in pages of another length.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::grid::PageNumber;
use crate::page::{Page, PageKey, Slot, ViewId, import};
use crate::sync::Arc;

use super::super::batch::Batch;
use super::super::committed::Committed;
use super::super::operation::{Operation, Speed};
use super::super::view_state::ViewState;
use super::define::{next_id, reserve_id};

/// Gives out an id to lay pages out under. A crash before a view claims it leaves pages that go by
/// themselves.
pub(crate) struct ReserveView;

impl Operation for ReserveView {
    type Applied = ViewId;
    type Answer = ViewId;

    fn speed(&self) -> Speed {
        Speed::Derived
    }

    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<ViewId> {
        let id = next_id(batch)?;
        reserve_id(batch, id)?;
        Ok(id)
    }

    fn answer(self, id: ViewId, _: &Committed) -> ViewId {
        id
    }
}

/// Copies some pages of a view to another page length, facts and all.
pub(crate) struct Relay {
    /// The view as it was, under its old id and page length.
    pub(crate) from: Arc<ViewState>,
    /// The view as it will be.
    pub(crate) to: Arc<ViewState>,
    /// Where to go on; `None` at the start.
    pub(crate) cursor: Option<Box<[u8]>>,
}

/// Pages copied in one transaction.
const PAGES_AT_ONCE: usize = 256;
/// Unless they are large.
const BYTES_AT_ONCE: usize = 16 << 20;

type Moves = BTreeMap<Box<[u8]>, Vec<(usize, Slot, Slot)>>;

impl Operation for Relay {
    /// Where to go on; `None` when all is done.
    type Applied = Option<Box<[u8]>>;
    type Answer = Option<Box<[u8]>>;

    fn speed(&self) -> Speed {
        Speed::Derived
    }

    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<Self::Applied> {
        let (first, until) = PageKey::view_bounds(self.from.id());
        let from = self.cursor.as_deref().unwrap_or(&first);
        let keys = batch.pages.keys(from, &until, PAGES_AT_ONCE + 1)?;
        let mut pages = Vec::new();
        let mut moves = Moves::new();
        let mut bytes = 0;
        let mut next = keys.get(PAGES_AT_ONCE);
        for key in keys.iter().take(PAGES_AT_ONCE) {
            if bytes > BYTES_AT_ONCE {
                next = Some(key);
                break;
            }
            if let Some(page) = batch.pages.standing(&self.from, key)? {
                bytes += page.bytes();
                self.plan(key, &page, pages.len(), &mut moves)?;
                pages.push(page);
            }
        }
        for (key, moves) in moves {
            let standing = batch.pages.standing(&self.to, &key)?;
            let moves = moves.iter().map(|(page, at, to)| (&*pages[*page], *at, *to));
            let shape = self.to.shape();
            let new = import(standing.as_deref(), self.to.page_len(), moves, shape)?;
            batch.pages.stage(&self.to, &key, Some(new), None, false);
        }
        Ok(next.cloned())
    }

    fn answer(self, next: Self::Applied, _: &Committed) -> Self::Answer {
        next
    }
}

impl Relay {
    /// Where the records of a page go.
    fn plan(&self, key: &[u8], page: &Page, index: usize, moves: &mut Moves) -> Result<()> {
        let Some((_, entity, number)) = PageKey::split(key) else {
            return Ok(());
        };
        for slot in page.present() {
            // A slot that is no bucket of the grid (its zone changed since) has nowhere to go.
            let bucket = self.from.grid().bucket_in(number, slot.0, self.from.page_len());
            let Some(bucket) = bucket else { continue };
            let place = self.to.grid().place(bucket, self.to.page_len())?;
            let target = page_key(self.to.id(), entity, place.page);
            moves.entry(target).or_default().push((index, slot, Slot(place.slot)));
        }
        Ok(())
    }
}

fn page_key(view: ViewId, entity: &[u8], number: PageNumber) -> Box<[u8]> {
    PageKey::of_parts(view, entity, number).as_slice().into()
}
