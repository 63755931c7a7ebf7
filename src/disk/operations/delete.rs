//! Deleting records.

use crate::error::Result;
use crate::grid::{PageNumber, Place};
use crate::page::{Page, PageKey, Slot, without};
use crate::sync::Arc;
use crate::time::Timestamp;

use super::super::batch::Batch;
use super::super::operation::{Operation, Speed};
use super::super::view_state::ViewState;
use super::super::writer::Committed;

/// Which records go.
#[derive(Clone, Debug)]
pub(crate) enum Scope {
    /// All of one entity: what its page keys begin with.
    Entity(PageKey),
    /// Buckets of one entity, from the first to the last place, both included.
    Buckets { entity: PageKey, first: Place, last: Place },
    /// Of every entity the buckets that lie before this instant as a whole; of a timeless view the
    /// records built before it.
    Before(Timestamp),
    /// Everything; the view stays.
    All,
}

/// Deletes some of the records in a scope, page by page from a cursor on.
#[derive(Clone, Debug)]
pub(crate) struct Delete {
    pub(crate) view: Arc<ViewState>,
    pub(crate) scope: Scope,
    /// Where to go on; `None` at the start.
    pub(crate) cursor: Option<Box<[u8]>>,
    pub(crate) speed: Speed,
}

/// What one step of a deletion did.
#[derive(Debug)]
pub(crate) struct DeletePart {
    pub(crate) records: u64,
    /// Where to go on; `None` when all is done.
    pub(crate) cursor: Option<Box<[u8]>>,
}

/// Pages looked at in one transaction: it bounds how long others wait behind a large deletion.
const PAGES_AT_ONCE: usize = 512;

impl Operation for Delete {
    type Applied = DeletePart;
    type Answer = DeletePart;

    fn speed(&self) -> Speed {
        self.speed
    }

    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<DeletePart> {
        self.view.check()?;
        let (first, until) = self.bounds();
        let from = self.cursor.as_deref().unwrap_or(&first);
        let keys = batch.keys(from, &until, PAGES_AT_ONCE + 1)?;
        let mut records = 0;
        let mut stage = Vec::new();
        for key in keys.iter().take(PAGES_AT_ONCE) {
            let Some((_, _, number)) = PageKey::split(key) else { continue };
            if !self.concerns(number) {
                continue;
            }
            let Some(page) = batch.standing(&self.view, key)? else {
                // Damaged beyond reading: whatever it held, it was meant to go.
                stage.push((key.clone(), None));
                continue;
            };
            let drops = |slot| self.drops(number, slot, &page);
            let (left, dropped) = without(&page, drops, self.view.shape())?;
            if dropped > 0 {
                records += u64::from(dropped);
                stage.push((key.clone(), left));
            }
        }
        let whole = Self { cursor: None, view: self.view.clone(), scope: self.scope.clone(), speed: self.speed };
        self.view.deletions().lock().remember(batch.revision(), whole);
        for (key, left) in stage {
            batch.stage(&self.view, &key, left, None, false);
        }
        Ok(DeletePart { records, cursor: keys.get(PAGES_AT_ONCE).cloned() })
    }

    fn answer(self, part: DeletePart, _: &Committed) -> DeletePart {
        part
    }
}

impl Delete {
    /// The keys that can be concerned: from the first to before the second.
    fn bounds(&self) -> (Vec<u8>, Vec<u8>) {
        match &self.scope {
            Scope::Entity(entity) => {
                let last = PageKey::at(entity, PageNumber(i64::MAX)).as_slice().to_vec();
                (entity.as_slice().to_vec(), after(last))
            }
            Scope::Buckets { entity, first, last } => {
                let last = PageKey::at(entity, last.page).as_slice().to_vec();
                (PageKey::at(entity, first.page).as_slice().to_vec(), after(last))
            }
            Scope::Before(_) | Scope::All => PageKey::view_bounds(self.view.id()),
        }
    }

    /// Whether a page can hold records that go; spares reading the others.
    fn concerns(&self, page: PageNumber) -> bool {
        match &self.scope {
            Scope::Before(instant) => {
                let first = self.view.grid().bucket_in(page, 0, self.view.page_len());
                first.is_none_or(|bucket| bucket.is_timeless() || bucket.start() < *instant)
            }
            _ => true,
        }
    }

    /// Whether a record under this key would go.
    pub(crate) fn covers(&self, key: &[u8], slot: Slot, page: &Page) -> bool {
        let (first, until) = self.bounds();
        let Some((_, _, number)) = PageKey::split(key) else { return false };
        (&*first..&*until).contains(&key) && self.drops(number, slot, page)
    }

    fn drops(&self, number: PageNumber, slot: Slot, page: &Page) -> bool {
        match &self.scope {
            Scope::Entity(_) | Scope::All => true,
            Scope::Buckets { first, last, .. } => {
                let at = (number, slot.0);
                (first.page, first.slot) <= at && at <= (last.page, last.slot)
            }
            Scope::Before(instant) => {
                match self.view.grid().bucket_in(number, slot.0, self.view.page_len()) {
                    Some(bucket) if bucket.is_timeless() => page.facts(slot).built_at < *instant,
                    Some(bucket) => bucket.end() <= *instant,
                    // No bucket of the grid any more; nobody can ask for it.
                    None => true,
                }
            }
        }
    }
}

/// The least key after `key`.
fn after(mut key: Vec<u8>) -> Vec<u8> {
    key.push(0);
    key
}
