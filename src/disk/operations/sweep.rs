//! Pages of views that are no more.

use redb::ReadableTable;

use crate::error::Result;
use crate::page::{PageKey, ViewId};

use super::super::batch::Batch;
use super::super::committed::Committed;
use super::super::operation::{Operation, Speed};
use super::super::tables::{DICTIONARIES, DROPPED};
use super::super::view_state::dictionary_key;

/// Pages removed in one transaction: it bounds how long a caller waits behind it.
const PAGES_AT_ONCE: usize = 512;

/// Removes some of the pages that no view refers to. Answers whether more may be left.
pub(crate) struct Sweep;

impl Operation for Sweep {
    type Applied = bool;
    type Answer = bool;

    fn speed(&self) -> Speed {
        Speed::Derived
    }

    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<bool> {
        let dropped = batch.txn().open_table(DROPPED);
        let mut dropped = batch.keep(dropped)?;
        let rows = dropped.iter().and_then(|rows| {
            rows.map(|row| row.map(|(key, _)| key.value().to_vec())).collect::<Result<Vec<_>, _>>()
        });
        let rows = batch.keep(rows)?;
        let view_of = |id: &Vec<u8>| {
            ViewId(u32::from_be_bytes(id.first_chunk().copied().unwrap_or([0xFF; 4])))
        };
        // What is being laid out anew counts as dropped until it is done: a crash leaves it to the
        // next opening.
        let shared = batch.shared();
        let Some(id) = rows.into_iter().find(|id| !shared.is_reserved(view_of(id))) else {
            return Ok(false);
        };
        let view = view_of(&id);
        let (from, until) = PageKey::view_bounds(view);
        let keys = batch.keys(&from, &until, PAGES_AT_ONCE)?;
        for key in &keys {
            batch.sweep(key)?;
        }
        if keys.len() < PAGES_AT_ONCE {
            let removed = dropped.remove(&*id).map(drop);
            batch.keep(removed)?;
            let dictionaries = batch.txn().open_table(DICTIONARIES);
            let mut dictionaries = batch.keep(dictionaries)?;
            let (first, last) = (dictionary_key(view, 0), dictionary_key(view, u32::MAX));
            let kept = dictionaries.retain_in(first.as_slice()..=last.as_slice(), |_, _| false);
            batch.keep(kept)?;
        }
        Ok(true)
    }

    fn answer(self, more: bool, _: &Committed) -> bool {
        more
    }
}
