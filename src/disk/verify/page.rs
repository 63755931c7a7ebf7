//! A page, what it reads, and its marks: whether they fit each other and the rest of the file.

use std::collections::BTreeMap;

use redb::ReadableTable;

use crate::error::Result;
use crate::graph::{DepsRow, EdgeRow, MarkRow, Node, Origin};
use crate::page::{Facts, Page, PageKey, Slot, SlotSet};
use crate::revision::Revision;

use super::super::link_rows::Stands;
use super::fault::{Fault, Remedy};
use super::finding::FindingKind;
use super::look::{Look, PageStands};
use super::lost::Unmarked;
use super::report::Verified;

/// What is wrong with what stands under a page's key.
pub(super) fn check_page<T>(
    look: &Look<'_, T>,
    key: &[u8],
    seen: &mut Verified,
) -> Result<Vec<Fault>>
where
    T: ReadableTable<&'static [u8], &'static [u8]>,
{
    let Some((id, ..)) = PageKey::split(key) else {
        return Ok(vec![Fault::unreadable("pages")]);
    };
    let Some(row) = look.views.by_id(id) else {
        // Of a view that is no more: its pages go one after the other.
        if look.is_going(id)? || !look.has_page(key)? {
            return Ok(Vec::new());
        }
        let orphan = Fault::new(FindingKind::Orphan, "pages", "a page of a view that is no more");
        return Ok(vec![orphan.mended_by(Remedy::RemovePage)]);
    };
    let page = match look.page(key)? {
        PageStands::Absent => return Ok(Vec::new()),
        PageStands::Damaged(error) => {
            let fault = Fault::new(FindingKind::Page, "pages", error.message());
            return Ok(vec![fault.mended_by(Remedy::RemovePage)]);
        }
        PageStands::OfLaterFormat(what) => {
            return Ok(vec![Fault::new(FindingKind::LaterFormat, "pages", what)]);
        }
        PageStands::Page(page) => page,
    };
    let view = look.shared.views.get(id);
    count(&page, view.is_some(), seen);
    // In an order in which each can be mended: where the page is written, its rows are read.
    let mut faults = Vec::new();
    let marks = match look.marks(key)? {
        Stands::Absent => Some(MarkRow::default()),
        Stands::Row(row) => Some(row),
        Stands::Unreadable => {
            faults.extend(unmarked(page.held()));
            None
        }
    };
    let deps = match look.links.audit_deps(key)? {
        Stands::Absent => DepsRow::default(),
        Stands::Row(row) => row,
        Stands::Unreadable => {
            let lost = unbound(&page, &DepsRow::default());
            let slots = lost.map_or(SlotSet::EMPTY, |fault| fault.slots);
            faults.push(Fault::unreadable("deps").mended_by(Remedy::Unbind(slots)));
            DepsRow::default()
        }
    };
    faults.extend(unbound(&page, &deps));
    check_edges(look, key, &page, &deps, &mut faults)?;
    for read in deps.nodes().into_iter().filter_map(Node::view_of_records) {
        if look.views.by_id(read).is_some_and(|row| !row.readers.contains(&id)) {
            let name = look.views.name(read).unwrap_or_default();
            let what = format!("the view '{name}' does not know that this one reads it");
            let fault = Fault::new(FindingKind::UnknownReader, "views", what);
            faults.push(fault.mended_by(Remedy::NoteReader(read)));
        }
    }
    faults.extend(impossible(look, &page, row.stamp.version));
    let Some(marks) = marks else { return Ok(faults) };
    seen.suspect += u64::from(marks.suspect().len());
    seen.stale += u64::from(marks.stale().len());
    let there: SlotSet = (0..page.slots()).map(Slot).filter(|slot| page.has_facts(*slot)).collect();
    let of_nothing = marks.marked().minus(there);
    if !of_nothing.is_empty() {
        let what = "a mark of a record that is not there";
        let fault = Fault::new(FindingKind::MarkOfNothing, "marks", what).of(of_nothing);
        faults.push(fault.mended_by(Remedy::ClearMarks(of_nothing)));
    }
    if let Some(view) = &view {
        let (page, deps, marks) = (&*page, &deps, &marks);
        faults.extend(Unmarked { key, page, row, view, deps, marks }.faults(look)?);
    }
    Ok(faults)
}

fn count(page: &Page, is_defined: bool, seen: &mut Verified) {
    seen.pages += 1;
    seen.pages_of_undefined_views += u64::from(!is_defined);
    for slot in (0..page.slots()).map(Slot) {
        seen.records += u64::from(page.holds(slot));
        seen.put += u64::from(page.was_put(slot));
        seen.tombstones += u64::from(page.is_tombstone(slot));
    }
}

/// Which records are marked is lost.
fn unmarked(present: SlotSet) -> [Fault; 2] {
    let what = "which of the page's records are marked is not known any more";
    let fault = Fault::new(FindingKind::LostMark, "marks", what).of(present);
    [Fault::unreadable("marks"), fault]
        .map(|fault| fault.mended_by(Remedy::MarkStale(present, Origin::History)))
}

/// Whether facts are of what is to come in a file at this revision and a view of this version, or in the
/// wrong order.
pub(in crate::disk) fn cannot_be(facts: &Facts, revision: Revision, version: u32) -> bool {
    let Facts { begun, verified, changed, .. } = *facts;
    verified > revision || begun > verified || changed > verified || facts.version > version
}

/// Records whose revisions cannot be. Those that were put are in no other place.
fn impossible<T>(look: &Look<'_, T>, page: &Page, version: u32) -> Vec<Fault> {
    let slots = (0..page.slots()).map(Slot).filter(|slot| page.has_facts(*slot));
    let slots = slots.filter(|slot| cannot_be(page.facts(*slot), look.revision, version));
    let (put, built): (Vec<_>, Vec<_>) = slots.partition(|slot| page.was_put(*slot));
    let fault = |slots: Vec<Slot>, remedy: fn(SlotSet) -> Remedy, what: &str| {
        let Facts { begun, verified, changed, .. } = page.facts(*slots.first()?);
        let what = format!(
            "{what} at revision {begun}, changed at {changed}, found right at {verified}, by version {} \
             of {version}: that cannot be in a file at revision {}",
            page.facts(slots[0]).version,
            look.revision
        );
        let slots = slots.into_iter().collect();
        Some(Fault::new(FindingKind::Facts, "pages", what).of(slots).mended_by(remedy(slots)))
    };
    let built = fault(built, Remedy::DropRecords, "begun");
    built.into_iter().chain(fault(put, Remedy::Redate, "put")).collect()
}

/// Records that name a dependency set which is not there.
fn unbound(page: &Page, deps: &DepsRow) -> Option<Fault> {
    let lost = |slot: &Slot| {
        let set = page.facts(*slot).dependencies;
        set != 0 && deps.get(set).is_none()
    };
    let slots = (0..page.slots()).map(Slot).filter(|slot| page.has_facts(*slot));
    let slots: SlotSet = slots.filter(lost).collect();
    let what = "what the records were built from is not known any more";
    let fault = Fault::new(FindingKind::Dependencies, "deps", what).of(slots);
    (!slots.is_empty()).then(|| fault.mended_by(Remedy::Unbind(slots)))
}

/// How a page's records read each node, worked out from what they say they read.
pub(super) fn edges_of<'d>(page: &Page, deps: &'d DepsRow) -> BTreeMap<&'d Node, EdgeRow> {
    let mut by_set: BTreeMap<u32, SlotSet> = BTreeMap::new();
    for slot in (0..page.slots()).map(Slot).filter(|slot| page.has_facts(*slot)) {
        by_set.entry(page.facts(slot).dependencies).or_default().insert(slot);
    }
    let mut edges: BTreeMap<&Node, EdgeRow> = BTreeMap::new();
    for (id, slots) in by_set {
        let Some(set) = deps.get(id) else { continue };
        for (node, (reads, version)) in set.by_node() {
            let edge = edges.entry(node).or_default();
            slots.runs().for_each(|run| edge.set(run, &reads, version));
        }
    }
    edges
}

fn check_edges<T>(
    look: &Look<'_, T>,
    key: &[u8],
    page: &Page,
    deps: &DepsRow,
    faults: &mut Vec<Fault>,
) -> Result<()>
where
    T: ReadableTable<&'static [u8], &'static [u8]>,
{
    for (node, edge) in edges_of(page, deps) {
        let (kind, what) = match look.links.audit_edge(node.as_slice(), key)? {
            Stands::Row(row) if row == edge => continue,
            Stands::Row(row) if row.lacks(&edge) => (
                FindingKind::EdgeMissing,
                "something that records read does not know of all of them",
            ),
            Stands::Row(_) => {
                (FindingKind::EdgeExtra, "something is said to be read by records that do not")
            }
            Stands::Absent => {
                (FindingKind::EdgeMissing, "something that records read does not know of them")
            }
            Stands::Unreadable => (FindingKind::Row, "how records read something is unreadable"),
        };
        let slots = edge.readers();
        let untold = if kind == FindingKind::EdgeExtra { SlotSet::EMPTY } else { slots };
        let fault = Fault::new(kind, "edges", what).of(slots);
        faults.push(fault.mended_by(Remedy::SetEdge(node.clone(), edge, untold)));
    }
    Ok(())
}
