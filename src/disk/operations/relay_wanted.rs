//! What was asked for, in pages of another length.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::grid::Grid;
use crate::page::{PageKey, Slot, SlotSet, ViewId};

use super::super::batch::Batch;

/// Rows held in memory at once.
const ROWS_AT_ONCE: usize = 256;

/// What is wanted of a view, laid out as its pages are. As the version is another one, nothing of it
/// counts as tried.
pub(super) fn relay_wanted(
    batch: &mut Batch<'_>,
    grid: &Grid,
    (from, from_len): (ViewId, u32),
    (to, to_len): (ViewId, u32),
) -> Result<()> {
    let (mut first, until) = PageKey::view_bounds(from);
    loop {
        let keys = batch.backlog.wanted_keys(&first, &until, ROWS_AT_ONCE)?;
        for key in &keys {
            let Some((_, entity, number)) = PageKey::split(key) else { continue };
            let row = batch.backlog.wanted(key)?.unwrap_or_default();
            let mut pages = BTreeMap::<Box<[u8]>, SlotSet>::new();
            for slot in row.wanted().iter() {
                let Some(bucket) = grid.bucket_in(number, slot.0, from_len) else { continue };
                let place = grid.place(bucket, to_len)?;
                let target = PageKey::of_parts(to, entity, place.page);
                pages.entry(target.as_slice().into()).or_default().insert(Slot(place.slot));
            }
            for (page, slots) in pages {
                let mut row = batch.backlog.wanted(&page)?.unwrap_or_default();
                row.want(slots);
                batch.backlog.put_wanted(&page, &row)?;
            }
        }
        match keys.last() {
            Some(last) if keys.len() == ROWS_AT_ONCE => first = [&**last, &[0]].concat(),
            _ => return Ok(()),
        }
    }
}
