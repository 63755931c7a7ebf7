//! What a record was built from, in the order in which its build read it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::edge::WHOLE;
use super::node::{Node, NodeParts};
use super::slots::SlotSet;
use crate::error::{Error, Result};
use crate::page::{PageKey, Slot};

/// The most entries of a set. One that has more is made coarser.
pub(crate) const DEPENDENCIES_MAX: usize = 4096;

/// One thing that a build read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Dependency {
    pub(crate) node: Node,
    /// The first and last slot that were read of a page; [`WHOLE`] of any other node.
    pub(crate) slots: (u16, u16),
    /// The application's version of the source that was seen.
    pub(crate) version: Option<u64>,
}

/// All that a build read, each once, in the order of its first reading: who checks them again meets
/// first what decided what else was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DependencySet(pub(crate) Vec<Dependency>);

/// Where a node stands in a set that is being gathered.
struct Seen {
    place: usize,
    /// Of a page, what stands in the set by now.
    slots: SlotSet,
}

impl DependencySet {
    /// Drops what was read before; spans of a page that were read one after the other and adjoin
    /// become one.
    ///
    /// A source that was seen in two versions keeps none: no announcement of one of them may leave
    /// alone a record that saw the other too.
    pub(crate) fn gather(read: impl Iterator<Item = Dependency>) -> Self {
        let mut set: Vec<Dependency> = Vec::new();
        let mut seen: BTreeMap<Node, Seen> = BTreeMap::new();
        for dependency in read {
            let slots = span(dependency.slots);
            let Some(before) = seen.get_mut(&dependency.node) else {
                seen.insert(dependency.node.clone(), Seen { place: set.len(), slots });
                set.push(dependency);
                continue;
            };
            if set[before.place].version != dependency.version {
                set[before.place].version = None;
            }
            if slots.minus(before.slots).is_empty() {
                continue;
            }
            before.slots = before.slots.union(slots);
            match set.last_mut().filter(|last| adjoin(last, &dependency)) {
                Some(last) => {
                    last.slots.0 = last.slots.0.min(dependency.slots.0);
                    last.slots.1 = last.slots.1.max(dependency.slots.1);
                }
                None => set.push(dependency),
            }
        }
        Self(set)
    }

    /// At most [`DEPENDENCIES_MAX`] entries that cover all that was read. Where there are more,
    /// pages become their entities, those with most pages first; then pages and entities become
    /// their views and sources their kinds, the largest first.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::error::ErrorKind::Input) if there are too many views and kinds.
    pub(crate) fn coarsened(self) -> Result<Self> {
        let set = self.coarsened_by(entity_of).coarsened_by(view_or_kind_of);
        if set.0.len() > DEPENDENCIES_MAX {
            return Err(Error::input(format!(
                "a build read {} views and kinds of sources, and a record can depend on \
                 {DEPENDENCIES_MAX}: give the sources fewer kinds and tell them apart by their keys",
                set.0.len()
            )));
        }
        Ok(set)
    }

    /// Puts groups of entries under the node that `above` names for each, the largest groups first,
    /// until the set is small enough or there are none left.
    fn coarsened_by(self, above: impl Fn(&Node) -> Option<Node>) -> Self {
        let Some(mut excess) = self.0.len().checked_sub(DEPENDENCIES_MAX).filter(|n| *n > 0) else {
            return self;
        };
        let mut sizes: BTreeMap<Node, usize> = BTreeMap::new();
        for node in self.0.iter().filter_map(|dependency| above(&dependency.node)) {
            *sizes.entry(node).or_default() += 1;
        }
        let mut groups: Vec<(Node, usize)> = sizes.into_iter().filter(|(_, n)| *n > 1).collect();
        groups.sort_by_key(|(_, size)| Reverse(*size));
        let mut chosen = BTreeSet::new();
        for (node, size) in groups {
            if excess == 0 {
                break;
            }
            // Where the coarser node was read itself, one more goes; that is found in the end.
            excess = excess.saturating_sub(size - 1);
            chosen.insert(node);
        }
        Self::gather(self.0.into_iter().map(|dependency| match above(&dependency.node) {
            Some(node) if chosen.contains(&node) => {
                Dependency { node, slots: WHOLE, version: None }
            }
            _ => dependency,
        }))
    }
}

fn entity_of(node: &Node) -> Option<Node> {
    matches!(node.parts(), NodeParts::Page(_)).then(|| node.coarser()).flatten()
}

fn view_or_kind_of(node: &Node) -> Option<Node> {
    match node.parts() {
        NodeParts::Source { .. } => node.kind_of_source(),
        NodeParts::Page(key) => PageKey::split(key).map(|(view, ..)| Node::view(view)),
        NodeParts::Entity(view, _) => Some(Node::view(view)),
        NodeParts::Kind(_) | NodeParts::View(_) => None,
    }
}

/// Whether the second span goes on where the first, of the same page, ends, or the other way round.
fn adjoin(last: &Dependency, next: &Dependency) -> bool {
    last.node == next.node
        && last.slots.0 <= next.slots.1.saturating_add(1)
        && next.slots.0 <= last.slots.1.saturating_add(1)
}

fn span((first, last): (u16, u16)) -> SlotSet {
    SlotSet::span(Slot(first.into()), Slot(last.into()))
}
