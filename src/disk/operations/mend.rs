//! Mending what an audit found.

use redb::{ReadableTable, TableDefinition};

use crate::cache::CacheKey;
use crate::error::Result;
use crate::graph::{Cause, Colour, MarkRow, Node, Origin, Seed, SlotSet};
use crate::page::{Fate, PAGE_LEN_MAX, Page, PageKey, Slot, without};
use crate::sync::Arc;

use super::super::batch::Batch;
use super::super::committed::Committed;
use super::super::operation::{Operation, Speed};
use super::super::scope::Scope;
use super::super::tables::{Bytes, DICTIONARIES, DROPPED};
use super::super::verify::{Fault, Look, Remedy, Subject, check};
use super::super::view_state::ViewState;
use super::delete::{Delete, Left, Reason};
use super::invalidate::{Changed, announce};

/// Looks again at what an audit found, and mends what is still wrong with it.
pub(crate) struct Mend {
    pub(crate) subjects: Vec<Subject>,
}

impl Operation for Mend {
    /// Of each subject, whether it is in order now.
    type Applied = Vec<bool>;
    type Answer = Vec<bool>;

    fn speed(&self) -> Speed {
        Speed::Synced
    }

    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<Vec<bool>> {
        let mut in_order = Vec::with_capacity(self.subjects.len());
        for subject in &self.subjects {
            let mut mended = true;
            for fault in look_again(batch, subject)? {
                mended &= mend(batch, subject, fault.remedy)?;
            }
            in_order.push(mended);
        }
        Ok(in_order)
    }

    fn answer(self, in_order: Vec<bool>, _: &Committed) -> Vec<bool> {
        in_order
    }
}

fn table(name: &'static str) -> Bytes {
    TableDefinition::new(name)
}

/// What is wrong with a subject, as this transaction has it.
fn look_again(batch: &mut Batch<'_>, subject: &Subject) -> Result<Vec<Fault>> {
    let row = match subject {
        Subject::Page(_) => Vec::new(),
        Subject::Row(name, key) => match standing_row(batch, name, key)? {
            Some(row) => row,
            None => return Ok(Vec::new()),
        },
    };
    let txn = batch.txn();
    let (dictionaries, dropped) = (txn.open_table(DICTIONARIES), txn.open_table(DROPPED));
    let (dictionaries, dropped) = (batch.keep(dictionaries)?, batch.keep(dropped)?);
    let staged = |key: &[u8]| batch.staged(key).map(|page| page.cloned());
    let look = Look {
        shared: batch.shared(),
        now: batch.shared().options.clock.now(),
        revision: batch.revision(),
        pages: batch.page_table(),
        dictionaries: &dictionaries,
        dropped: &dropped,
        links: &batch.links,
        views: &batch.ledger.views,
        marked: &batch.marked,
        staged: &staged,
        aids: Default::default(),
    };
    check(&look, subject, &row)
}

/// A row as this transaction has it.
fn standing_row(batch: &mut Batch<'_>, name: &'static str, key: &[u8]) -> Result<Option<Vec<u8>>> {
    if let Some(row) = batch.links.standing(name, key)? {
        return Ok(row);
    }
    if let Some(row) = batch.backlog.standing(name, key)? {
        return Ok(row);
    }
    let open = batch.txn().open_table(table(name));
    let open = batch.keep(open)?;
    let found = open.get(key).map(|row| row.map(|row| row.value().to_vec()));
    batch.keep(found)
}

/// Applies a remedy. Whether that is enough.
fn mend(batch: &mut Batch<'_>, subject: &Subject, remedy: Remedy) -> Result<bool> {
    let now = batch.shared().options.clock.now();
    let (table, key) = match subject {
        Subject::Page(key) => ("pages", &**key),
        Subject::Row(table, key) => (*table, &**key),
    };
    let view = PageKey::split(key).and_then(|(id, ..)| batch.shared().view(id));
    let cause = |batch: &Batch<'_>, origin| Cause::new(origin, batch.revision(), now);
    match remedy {
        Remedy::RemovePage => remove_page(batch, view, key)?,
        Remedy::DropRecords(slots) => {
            let Some(view) = view else { return Ok(false) };
            let fate = |slot| if slots.contains(slot) { Fate::Goes } else { Fate::Stays };
            let page = copy(batch, &view, key, fate)?;
            let left = Left { key, page, gone: slots, changed: slots };
            let mut seeds = Vec::new();
            deletion(&view, now).stage(batch, left, &mut seeds)?;
            batch.spread(seeds, now)?;
        }
        Remedy::Unbind(slots) => {
            let Some(view) = view else { return Ok(false) };
            let Some(page) = copy(batch, &view, key, |_| Fate::Stays)? else { return Ok(true) };
            // A set that is stored later may get the number of one that is lost.
            let known = batch.links.deps(key)?.unwrap_or_default();
            let page = page.with_facts(|facts| {
                if known.get(facts.dependencies).is_none() {
                    facts.dependencies = 0;
                }
            });
            batch.stage(&view, key, Some(page), None, false);
            mark_stale(batch, key, slots, cause(batch, Origin::History))?;
        }
        Remedy::MarkStale(slots, origin) => {
            mark_stale(batch, key, slots, cause(batch, origin))?;
        }
        Remedy::ClearMarks(slots) => {
            let mut marks = batch.mark_row(key)?.unwrap_or_default();
            marks.clear(slots);
            batch.marked.insert(key.into(), marks);
        }
        Remedy::SetEdge(node, edge, untold) => {
            batch.links.put_edge(node.as_slice(), key, &edge)?;
            // An announcement that found nobody left no trace: there is no knowing.
            if !untold.is_empty() {
                mark_stale(batch, key, untold, cause(batch, Origin::History))?;
            }
        }
        Remedy::NoteReader(read) => {
            let Some((id, ..)) = PageKey::split(key) else { return Ok(false) };
            batch.views().note_reader(read, id);
            // What it was stamped for meanwhile has not reached the reader.
            batch.stamp_readers([read], now);
        }
        Remedy::Discard(table) => discard(batch, table, key)?,
        Remedy::Forget => {
            batch.links.forget(key)?;
            batch.marked.remove(key);
        }
        Remedy::Announce => {
            batch.links.discard(table, key)?;
            let Some(node) = Node::from_slice(key) else { return Ok(true) };
            let change = match node.kind_of_source() {
                Some(_) => Changed::Source(node, None),
                None if node.view_of_records().is_none() => Changed::Kind(node),
                None => return announce_all(batch, &node),
            };
            announce(batch, &[change], now)?;
        }
        Remedy::None => return Ok(false),
    }
    Ok(true)
}

/// The readers of an entity or a view are stale.
fn announce_all(batch: &mut Batch<'_>, node: &Node) -> Result<bool> {
    let now = batch.shared().options.clock.now();
    let cause = Cause::new(Origin::Node(node.clone()), batch.revision(), now);
    let seed = Seed::Node { node: node.clone(), version: None };
    batch.spread(vec![(seed, cause)], now)?;
    Ok(true)
}

fn mark_stale(batch: &mut Batch<'_>, key: &[u8], slots: SlotSet, cause: Cause) -> Result<()> {
    let now = cause.since;
    let seed = Seed::Marked { page: key.into(), slots, colour: Colour::Stale };
    batch.spread(vec![(seed, cause)], now).map(drop)
}

/// The page goes, and who has read it is told. What the file cannot give any more may still be in
/// memory: then it is written again.
fn remove_page(batch: &mut Batch<'_>, view: Option<Arc<ViewState>>, key: &[u8]) -> Result<()> {
    let now = batch.shared().options.clock.now();
    if let Some(view) = &view
        && batch.shared().cache.peek(CacheKey::new(key)).is_some()
        && let Some(page) = copy(batch, view, key, |_| Fate::Stays)?
    {
        batch.stage(view, key, Some(page), None, false);
        return Ok(());
    }
    let all: SlotSet = (0..PAGE_LEN_MAX).map(Slot).collect();
    if let Some(view) = view {
        let left = Left { key, page: None, gone: all, changed: all };
        let mut seeds = Vec::new();
        deletion(&view, now).stage(batch, left, &mut seeds)?;
        return batch.spread(seeds, now).map(drop);
    }
    batch.sweep(key)?;
    batch.backlog.settle(key, all)?;
    let cause = Cause::new(Origin::Deleted, batch.revision(), now);
    let seed = Seed::Changed { page: key.into(), slots: all };
    batch.spread(vec![(seed, cause)], now).map(drop)
}

fn deletion(view: &Arc<ViewState>, now: crate::time::Timestamp) -> Delete {
    let (view, scope, reason) = (view.clone(), Scope::All, Reason::Asked);
    Delete { view, scope, reason, now, cursor: None }
}

/// The standing page with some of its records.
fn copy(
    batch: &mut Batch<'_>,
    view: &Arc<ViewState>,
    key: &[u8],
    fate: impl Fn(Slot) -> Fate,
) -> Result<Option<Page>> {
    let Some(standing) = batch.standing(view, key)? else { return Ok(None) };
    Ok(without(&standing, fate, view.shape())?.0)
}

fn discard(batch: &mut Batch<'_>, name: &'static str, key: &[u8]) -> Result<()> {
    if name == "marks" {
        batch.marked.insert(key.into(), MarkRow::default());
    }
    if batch.links.discard(name, key)? || batch.backlog.discard(name, key)? {
        return Ok(());
    }
    if name == "pages" {
        return batch.sweep(key);
    }
    let open = batch.txn().open_table(table(name));
    let mut open = batch.keep(open)?;
    let removed = open.remove(key).map(drop);
    batch.keep(removed)
}
