//! Pages of views that are no more.

use redb::ReadableTable;

use crate::error::Result;
use crate::page::{PageKey, ViewId};

use super::super::backlog::swept_no_more;
use super::super::batch::Batch;
use super::super::committed::Committed;
use super::super::operation::{Operation, Speed};
use super::super::packing::dictionary_key;
use super::super::tables::{DICTIONARIES, DROPPED, DROPPED_GOING};
use super::horizon::forget_horizon;

/// Pages removed in one transaction: it bounds how long a caller waits behind it.
const PAGES_AT_ONCE: usize = 512;
/// Rows of its backlog removed in one transaction.
const ROWS_AT_ONCE: usize = 4096;

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
        let going = dropped.iter().and_then(|mut entries| {
            entries
                .find_map(|entry| match entry {
                    Ok((id, state)) => {
                        (state.value() == DROPPED_GOING).then(|| Ok(id.value().to_vec()))
                    }
                    Err(cause) => Some(Err(cause)),
                })
                .transpose()
        });
        let Some(id) = batch.keep(going)? else {
            return Ok(false);
        };
        let id_bytes = id.first_chunk().copied().unwrap_or([0xFF; 4]);
        let view = ViewId(u32::from_be_bytes(id_bytes));
        let (from, until) = PageKey::view_bounds(view);
        let keys = batch.pages.keys(&from, &until, PAGES_AT_ONCE)?;
        for key in &keys {
            batch.sweep(key)?;
        }
        let most = ROWS_AT_ONCE;
        if keys.len() < PAGES_AT_ONCE && batch.backlog.sweep(&from, &until, most)? {
            let swept = swept_no_more(batch.txn(), view);
            batch.keep(swept)?;
            forget_horizon(batch, view)?;
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
