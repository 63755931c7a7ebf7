//! Marks that should be there and are not.

use std::collections::HashMap;

use redb::ReadableTable;

use crate::error::Result;
use crate::graph::{Colour, Dependency, DepsRow, MarkRow, Node, NodeParts, Origin};
use crate::page::{Facts, Page, PageKey, Slot, SlotSet};

use super::super::standing::Standing;
use super::super::view_row::ViewRow;
use super::super::view_state::ViewState;
use super::fault::{Fault, Remedy};
use super::finding::FindingKind;
use super::look::{Look, PageStands};

/// A page whose records are asked whether they may be unmarked.
pub(super) struct Unmarked<'a> {
    pub(super) key: &'a [u8],
    pub(super) page: &'a Page,
    pub(super) row: &'a ViewRow,
    /// Sealed records are never marked; which they are the definition says.
    pub(super) view: &'a ViewState,
    pub(super) deps: &'a DepsRow,
    pub(super) marks: &'a MarkRow,
}

/// Why a record cannot be fresh, and what its mark would have begun with.
type Reason = (String, Origin);

impl Unmarked<'_> {
    /// The records that say they are fresh although something that they were built from has moved
    /// since they were last found right.
    pub(super) fn faults<T>(&self, look: &Look<'_, T>) -> Result<Vec<Fault>>
    where
        T: ReadableTable<&'static [u8], &'static [u8]>,
    {
        // In the order of the first slot of each, so that every look tells the same.
        let mut alike: Vec<(Facts, SlotSet)> = Vec::new();
        let mut known: HashMap<Facts, usize> = HashMap::new();
        for slot in self.page.present() {
            let facts = *self.page.facts(slot);
            let stamped = self.row.stamp.colour(&facts);
            if self.marks.colour(slot).max(stamped) == Colour::Fresh && facts.dependencies != 0 {
                let nth = *known.entry(facts).or_insert(alike.len());
                if nth == alike.len() {
                    alike.push((facts, SlotSet::default()));
                }
                alike[nth].1.insert(slot);
            }
        }
        let (mut faults, mut upstream) = (Vec::new(), Upstream::default());
        for (facts, slots) in alike {
            let Some(set) = self.deps.get(facts.dependencies) else { continue };
            let moved = moved(look, &facts, &set.0, &mut upstream)?;
            let Some((what, origin)) = moved else { continue };
            let slots = slots.minus(self.view.sealed(self.key, look.now));
            if !slots.is_empty() {
                let fault = Fault::new(FindingKind::LostMark, "marks", what).of(slots);
                faults.push(fault.mended_by(Remedy::MarkStale(slots, origin)));
            }
        }
        Ok(faults)
    }
}

/// The page of what was read last: neighbours read the same, and to inflate it is what takes longest.
#[derive(Default)]
struct Upstream(Option<(Box<[u8]>, Option<Standing>)>);

impl Upstream {
    fn page<T>(&mut self, look: &Look<'_, T>, key: &[u8]) -> Result<Option<&Standing>>
    where
        T: ReadableTable<&'static [u8], &'static [u8]>,
    {
        if self.0.as_ref().is_none_or(|(last, _)| **last != *key) {
            let page = match look.page(key)? {
                PageStands::Page(page) => Some(page),
                _ => None,
            };
            self.0 = Some((key.into(), page));
        }
        Ok(self.0.as_ref().and_then(|(_, page)| page.as_ref()))
    }
}

fn moved<T>(
    look: &Look<'_, T>,
    facts: &Facts,
    read: &[Dependency],
    upstream: &mut Upstream,
) -> Result<Option<Reason>>
where
    T: ReadableTable<&'static [u8], &'static [u8]>,
{
    for dependency in read {
        let moved = match dependency.node.parts() {
            NodeParts::Page(key) => moved_page(look, facts, dependency, key, upstream)?,
            _ => moved_node(look, facts, dependency)?,
        };
        if moved.is_some() {
            return Ok(moved);
        }
    }
    Ok(None)
}

fn moved_node<T>(look: &Look<'_, T>, facts: &Facts, read: &Dependency) -> Result<Option<Reason>>
where
    T: ReadableTable<&'static [u8], &'static [u8]>,
{
    let found_right = facts.verified;
    let reason = |what: String, node: &Node, changed| {
        let what = format!(
            "{what} has changed at revision {changed}, what read it was last found right at \
             {found_right}, and it is not marked"
        );
        Some((what, Origin::Node(node.clone())))
    };
    if let Some(row) = look.source(read.node.as_slice())?.row() {
        let seen_already = read.version.is_some() && read.version == row.version;
        if row.changed > found_right && !seen_already {
            return Ok(reason(described(look, &read.node), &read.node, row.changed));
        }
    }
    if let Some(kind) = read.node.kind_of_source()
        && let Some(row) = look.source(kind.as_slice())?.row()
        && row.changed_whole > found_right
    {
        return Ok(reason(described(look, &kind), &kind, row.changed_whole));
    }
    Ok(None)
}

fn moved_page<T>(
    look: &Look<'_, T>,
    facts: &Facts,
    read: &Dependency,
    key: &[u8],
    upstream: &mut Upstream,
) -> Result<Option<Reason>>
where
    T: ReadableTable<&'static [u8], &'static [u8]>,
{
    let found_right = facts.verified;
    let Some((id, _, number)) = PageKey::split(key) else { return Ok(None) };
    let Some(row) = look.views.by_id(id) else {
        let what = "it was built from records of a view that is no more, and is not marked";
        return Ok(Some((what.to_owned(), Origin::Deleted)));
    };
    if !look.may_have_moved(key, found_right)? {
        return Ok(None);
    }
    let Some(page) = upstream.page(look, key)? else { return Ok(None) };
    let marks = look.marks(key)?.row().unwrap_or_default();
    let live = look.shared.views.get(id);
    let (first, last) = (u32::from(read.slots.0), u32::from(read.slots.1));
    // What retention has left of a record, or never was one, has no say.
    let slots = (first..=last.min(page.slots() - 1)).map(Slot).filter(|slot| page.holds(*slot));
    for slot in slots {
        let upstream = page.facts(slot);
        let what = format!("{}, page {}, slot {}", described(look, &read.node), number.0, slot.0);
        if upstream.changed > found_right {
            let what = format!(
                "{what} has changed at revision {}, what read it was last found right at \
                 {found_right}, and it is not marked",
                upstream.changed
            );
            return Ok(Some((what, Origin::Changed)));
        }
        let is_marked = marks.colour(slot).max(row.stamp.colour(upstream)) > Colour::Fresh;
        // What is sealed may lie marked under a fresh record; without its definition that is unknown.
        let counts = live.as_ref().is_some_and(|view| !view.sealed(key, look.now).contains(slot));
        if is_marked && counts {
            let what = format!("{what} is marked, and what read it is not");
            return Ok(Some((what, Origin::Upstream)));
        }
    }
    Ok(None)
}

/// Without keys: they may name a person.
fn described<T>(look: &Look<'_, T>, node: &Node) -> String {
    let view = |id| look.views.name(id).unwrap_or("of another time").to_owned();
    match node.parts() {
        NodeParts::Source { kind, .. } => format!("a source of kind '{kind}'"),
        NodeParts::Kind(kind) => format!("the kind '{kind}'"),
        NodeParts::Page(_) => {
            let id = node.view_of_records();
            format!("a record of view '{}'", id.map_or_else(String::new, view))
        }
        NodeParts::Entity(id, _) => format!("an entity of view '{}'", view(id)),
        NodeParts::View(id) => format!("the view '{}'", view(id)),
    }
}
