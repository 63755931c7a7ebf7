//! Rows of the graph that cannot be read, and were met while something else was mended.
//!
//! Whatever such a row said is lost. So what could have hung on it is stale, and in its place stands
//! what is never wrong: no marks but these, an edge by which all of a page reads all of a node. The page
//! that it belongs to is looked at by itself, before or after this, and gets the row that it should have.

use crate::error::Result;
use crate::graph::{EdgeRow, Origin, WHOLE, split_edge};
use crate::page::{PAGE_LEN_MAX, PageKey, Slot, SlotSet};

use super::super::super::batch::Batch;
use super::super::super::verify::{PageStands, Remedy, Subject};
use super::look;
use super::remedies::{apply, mark_stale, unbind, with_facts};

/// Makes what was met harmless, and what is met meanwhile.
pub(super) fn make_harmless(batch: &mut Batch<'_>) -> Result<()> {
    loop {
        let met = batch.links.tolerance.take();
        if met.is_empty() {
            return Ok(());
        }
        for (table, key) in met {
            replace(batch, table, &key)?;
        }
    }
}

fn replace(batch: &mut Batch<'_>, table: &'static str, key: &[u8]) -> Result<()> {
    match table {
        "sources" => {
            apply(batch, &Subject::Row(table, key.into()), &Remedy::Announce)?;
        }
        "deps" => {
            let slots = slots_of(batch, key)?;
            unbind(batch, key, slots)?;
        }
        "marks" => {
            batch.links.discard(table, key);
            let slots = slots_of(batch, key)?;
            mark_stale(batch, key, [(slots, Origin::History)])?;
        }
        _ => {
            batch.links.discard(table, key);
            let Some((node, reader)) = split_edge(key) else { return Ok(()) };
            let slots = slots_of(batch, reader)?;
            let mut edge = EdgeRow::default();
            slots.runs().for_each(|run| edge.set(run, &[WHOLE], None));
            batch.links.put_edge(node, reader, &edge);
            mark_stale(batch, reader, [(slots, Origin::History)])?;
        }
    }
    Ok(())
}

/// The slots of a page that hold anything, as far as that can be known.
fn slots_of(batch: &mut Batch<'_>, key: &[u8]) -> Result<SlotSet> {
    let Some((id, ..)) = PageKey::split(key) else { return Ok(SlotSet::EMPTY) };
    let stands = look(batch, |look| {
        Ok(match look.page(key)? {
            PageStands::Absent => Some(SlotSet::EMPTY),
            PageStands::Damaged(_) => None,
            PageStands::Page(page) => Some(with_facts(&page)),
            // Who can read it shall not find it fresh.
            PageStands::OfLaterFormat(_) => {
                let len = look.views.by_id(id).map_or(PAGE_LEN_MAX, |row| row.page_len);
                Some(SlotSet::span(Slot(0), Slot(len.clamp(1, PAGE_LEN_MAX) - 1)))
            }
        })
    })?;
    let view = batch.shared().views.get(id);
    Ok(match (stands, view) {
        (Some(slots), _) => slots,
        // The file has no record of it, but memory may.
        (None, Some(view)) if batch.shared().is_cached(key) => {
            batch.pages.standing(&view, key)?.map_or(SlotSet::EMPTY, |page| with_facts(&page))
        }
        (None, _) => SlotSet::EMPTY,
    })
}
