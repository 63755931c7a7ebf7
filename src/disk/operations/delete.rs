//! Deleting records.

use crate::error::Result;
use crate::page::{PageKey, without};
use crate::sync::Arc;

use super::super::batch::Batch;
use super::super::committed::Committed;
use super::super::operation::{Operation, Speed};
use super::super::scope::Scope;
use super::super::view_state::ViewState;

/// Deletes some of the records in a scope, page by page from a cursor on.
#[derive(Debug)]
pub(crate) struct Delete {
    pub(crate) view: Arc<ViewState>,
    pub(crate) scope: Scope,
    /// Where to go on; `None` at the start.
    pub(crate) cursor: Option<Box<[u8]>>,
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
        Speed::Synced
    }

    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<DeletePart> {
        self.view.check()?;
        let scope = self.view.scope(self.scope.clone());
        let (first, until) = scope.bounds();
        let from = self.cursor.as_deref().unwrap_or(&first);
        let keys = batch.keys(from, &until, PAGES_AT_ONCE + 1)?;
        let mut records = 0;
        let mut stage = Vec::new();
        for key in keys.iter().take(PAGES_AT_ONCE) {
            let Some((_, _, number)) = PageKey::split(key) else { continue };
            if !scope.concerns(number) {
                continue;
            }
            let Some(page) = batch.standing(&self.view, key)? else {
                // Damaged beyond reading: whatever it held, it was meant to go.
                stage.push((key, None));
                continue;
            };
            let drops = |slot| scope.drops(number, slot, &page);
            let (left, dropped) = without(&page, drops, self.view.shape())?;
            if dropped > 0 {
                records += u64::from(dropped);
                stage.push((key, left));
            }
        }
        self.view.deletions().lock().remember(batch.revision(), scope, self.cursor.is_some());
        for (key, left) in stage {
            batch.stage(&self.view, key, left, None, false);
        }
        Ok(DeletePart { records, cursor: keys.get(PAGES_AT_ONCE).cloned() })
    }

    fn answer(self, part: DeletePart, _: &Committed) -> DeletePart {
        part
    }
}
