//! What mends a fault.

use crate::cache::CacheKey;
use crate::error::Result;
use crate::graph::{Cause, Colour, MarkRow, Node, Origin, Seed};
use crate::page::{Fate, PAGE_LEN_MAX, Page, PageKey, Slot, SlotSet, without};
use crate::sync::Arc;

use super::super::super::batch::Batch;
use super::super::super::link_rows::Stands;
use super::super::super::scope::Scope;
use super::super::super::verify::{Remedy, Subject, cannot_be};
use super::super::super::view_state::ViewState;
use super::super::delete::{Delete, Left, Reason};
use super::super::invalidate::{Changed, announce};
use super::table;

/// What applying a remedy came to.
#[derive(Default)]
pub(super) struct Done {
    /// Of the pages that it writes.
    pub(super) bytes: usize,
    /// Whether a page went of which nobody knows what was put into it.
    pub(super) lost: bool,
}

/// Applies a remedy, as far as it can be.
pub(super) fn apply(batch: &mut Batch<'_>, subject: &Subject, remedy: &Remedy) -> Result<Done> {
    let (name, key) = match subject {
        Subject::Page(key) => ("pages", &**key),
        Subject::Row(name, key) => (*name, &**key),
    };
    let mut done = Done::default();
    match remedy {
        Remedy::RemovePage => return remove_page(batch, key),
        Remedy::DropRecords(slots) => done.bytes = drop_records(batch, key, *slots)?,
        Remedy::Redate(slots) => done.bytes = redate(batch, key, *slots)?,
        Remedy::Unbind(slots) => done.bytes = unbind(batch, key, *slots)?,
        Remedy::MarkStale(slots, origin) => mark_stale(batch, key, [(*slots, origin.clone())])?,
        Remedy::ClearMarks(slots) => {
            let mut marks = batch.links.marks(key)?.unwrap_or_default();
            marks.clear(*slots);
            batch.links.stage_marks(key, marks);
        }
        Remedy::SetEdge(node, edge, untold) => {
            batch.links.put_edge(node.as_slice(), key, edge);
            // An announcement that found nobody left no trace: there is no knowing.
            mark_stale(batch, key, [(*untold, Origin::History)])?;
        }
        Remedy::NoteReader(read) => {
            let Some((id, ..)) = PageKey::split(key) else { return Ok(done) };
            batch.views().note_reader(*read, id);
            // What it was stamped for meanwhile has not reached the reader.
            let now = batch.shared().options.clock.now();
            batch.stamp_readers([*read], now);
        }
        Remedy::Discard(table) => discard(batch, table, key)?,
        Remedy::Rewrite(row) => {
            let open = batch.txn().open_table(table(name));
            let mut open = batch.keep(open)?;
            let written = open.insert(key, &**row).map(drop);
            batch.keep(written)?;
        }
        Remedy::Forget => forget(batch, key)?,
        Remedy::Announce => announce_row(batch, name, key)?,
        Remedy::None => {}
    }
    Ok(done)
}

/// The slots of a page that say anything.
pub(super) fn with_facts(page: &Page) -> SlotSet {
    (0..page.slots()).map(Slot).filter(|slot| page.has_facts(*slot)).collect()
}

fn live(batch: &Batch<'_>, key: &[u8]) -> Option<Arc<ViewState>> {
    PageKey::split(key).and_then(|(id, ..)| batch.shared().views.get(id))
}

fn cause(batch: &Batch<'_>, origin: Origin) -> Cause {
    Cause::new(origin, batch.revision(), batch.shared().options.clock.now())
}

/// Marks these and their readers.
pub(super) fn mark_stale(
    batch: &mut Batch<'_>,
    key: &[u8],
    marks: impl IntoIterator<Item = (SlotSet, Origin)>,
) -> Result<()> {
    if are_marks_unreadable(batch, key)? {
        batch.links.discard("marks", key);
    }
    let marks = marks.into_iter().filter(|(slots, _)| !slots.is_empty());
    let seeds = marks.map(|(slots, origin)| {
        (Seed::Marked { page: key.into(), slots, colour: Colour::Stale }, cause(batch, origin))
    });
    let seeds = seeds.collect();
    let now = batch.shared().options.clock.now();
    batch.spread(seeds, now).map(drop)
}

fn are_marks_unreadable(batch: &Batch<'_>, key: &[u8]) -> Result<bool> {
    Ok(matches!(batch.links.audit_marks(key)?, Stands::Unreadable))
}

/// These records have read nothing that is known, and are stale.
pub(super) fn unbind(batch: &mut Batch<'_>, key: &[u8], slots: SlotSet) -> Result<usize> {
    let known = match batch.links.audit_deps(key)? {
        Stands::Row(row) => row,
        Stands::Absent => Default::default(),
        Stands::Unreadable => {
            batch.links.discard("deps", key);
            Default::default()
        }
    };
    let mut bytes = 0;
    if let Some(view) = live(batch, key)
        && let Some(page) = copy(batch, &view, key, |_| Fate::Stays)?
    {
        // A set that is stored later may get the number of one that is lost.
        let page = page.with_facts(|facts| {
            if known.get(facts.dependencies).is_none() {
                facts.dependencies = 0;
            }
        });
        bytes = page.bytes();
        batch.pages.stage(&view, key, Some(page), None, false);
    }
    mark_stale(batch, key, [(slots, Origin::History)])?;
    Ok(bytes)
}

/// The page goes, and who has read it is told. What the file cannot give any more may still be in
/// memory: then it is written again. What was asked for of it stays asked for.
fn remove_page(batch: &mut Batch<'_>, key: &[u8]) -> Result<Done> {
    let view = live(batch, key);
    if let Some(view) = &view
        && batch.shared().cache.peek(CacheKey::new(key)).is_some()
        && let Some(page) = copy(batch, view, key, |_| Fate::Stays)?
    {
        let (bytes, slots) = (page.bytes(), with_facts(&page));
        batch.pages.stage(view, key, Some(page), None, false);
        // Which of it was marked is needed where it is written.
        if are_marks_unreadable(batch, key)? {
            mark_stale(batch, key, [(slots, Origin::History)])?;
        }
        return Ok(Done { bytes, lost: false });
    }
    forget(batch, key)?;
    match view {
        Some(view) => {
            batch.pages.stage(&view, key, None, None, false);
            batch.note_content(view.id());
        }
        None => batch.sweep(key)?,
    }
    let all: SlotSet = (0..PAGE_LEN_MAX).map(Slot).collect();
    let cause = cause(batch, Origin::Deleted);
    let now = cause.since;
    let seed = Seed::Changed { page: key.into(), slots: all };
    batch.spread(vec![(seed, cause)], now)?;
    Ok(Done { bytes: 0, lost: true })
}

/// These records go; their readers are told. What was asked for of them stays asked for.
fn drop_records(batch: &mut Batch<'_>, key: &[u8], slots: SlotSet) -> Result<usize> {
    let Some(view) = live(batch, key) else { return Ok(0) };
    let fate = |slot| if slots.contains(slot) { Fate::Goes } else { Fate::Stays };
    let page = copy(batch, &view, key, fate)?;
    let bytes = page.as_ref().map_or(0, Page::bytes);
    let left = Left { key: key.into(), page, gone: slots, changed: slots };
    let now = batch.shared().options.clock.now();
    let (scope, reason) = (Scope::All, Reason::Asked);
    let mut seeds = Vec::new();
    Delete { view, scope, reason, now, cursor: None }.stage_page(batch, left, &mut seeds)?;
    batch.spread(seeds, now)?;
    Ok(bytes)
}

/// These records were put, at revisions that cannot be: they were put now, and are stale.
fn redate(batch: &mut Batch<'_>, key: &[u8], slots: SlotSet) -> Result<usize> {
    let Some(view) = live(batch, key) else { return Ok(0) };
    let Some(page) = copy(batch, &view, key, |_| Fate::Stays)? else { return Ok(0) };
    let (revision, version) = (batch.revision(), view.version());
    let page = page.with_facts(|facts| {
        if cannot_be(facts, revision, version) {
            facts.version = facts.version.min(version);
            (facts.begun, facts.verified, facts.changed) = (revision, revision, revision);
        }
    });
    let bytes = page.bytes();
    batch.pages.stage(&view, key, Some(page), None, false);
    batch.note_content(view.id());
    let cause = cause(batch, Origin::Changed);
    let now = cause.since;
    let seed = Seed::Changed { page: key.into(), slots };
    batch.spread(vec![(seed, cause)], now)?;
    mark_stale(batch, key, [(slots, Origin::History)])?;
    Ok(bytes)
}

/// The standing page with some of its records.
fn copy(
    batch: &mut Batch<'_>,
    view: &Arc<ViewState>,
    key: &[u8],
    fate: impl Fn(Slot) -> Fate,
) -> Result<Option<Page>> {
    let Some(standing) = batch.pages.standing(view, key)? else { return Ok(None) };
    Ok(without(&standing, fate, view.shape())?.0)
}

/// What is known of a page that is not there goes, whatever it says.
fn forget(batch: &mut Batch<'_>, key: &[u8]) -> Result<()> {
    if let Stands::Unreadable = batch.links.audit_deps(key)? {
        // The edges that it has made are found to be of nobody.
        batch.links.discard("deps", key);
    }
    batch.links.forget(key)?;
    Ok(())
}

fn discard(batch: &mut Batch<'_>, name: &'static str, key: &[u8]) -> Result<()> {
    if name == "marks" {
        batch.links.stage_marks(key, MarkRow::default());
    }
    if batch.links.discard(name, key) || batch.backlog.discard(name, key)? {
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

/// What stands in a row of sources counts as changed, and the row is written anew.
fn announce_row(batch: &mut Batch<'_>, name: &'static str, key: &[u8]) -> Result<()> {
    batch.links.discard(name, key);
    let Some(node) = Node::from_slice(key) else { return Ok(()) };
    let now = batch.shared().options.clock.now();
    let change = match node.kind_of_source() {
        Some(_) => Changed::Source(node, None),
        None if node.view_of_records().is_none() => Changed::Kind(node),
        None => {
            // The readers of an entity or a view are stale.
            let cause = cause(batch, Origin::Node(node.clone()));
            let seed = Seed::Node { node, version: None };
            return batch.spread(vec![(seed, cause)], now).map(drop);
        }
    };
    announce(batch, &[change], now).map(drop)
}
