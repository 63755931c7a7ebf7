//! What a record was built from, in the order in which its build read it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::edge::WHOLE;
use super::node::{Node, NodeParts};
use crate::error::{Error, Result};
use crate::page::{PageKey, Slot, SlotSet};

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

/// So many are gone through faster than they are looked up.
pub(super) const FEW: usize = 16;

/// Where a node stands in a set that is being gathered.
struct Seen {
    place: usize,
    /// Of a page, what stands in the set by now.
    slots: SlotSet,
}

/// What is read of one node: slots of a page, and the version of a source.
pub(crate) type NodeReads = (Vec<(u16, u16)>, Option<u64>);

impl DependencySet {
    /// What is read of each node.
    pub(crate) fn by_node(&self) -> BTreeMap<&Node, NodeReads> {
        let mut nodes: BTreeMap<&Node, NodeReads> = BTreeMap::new();
        for Dependency { node, slots, version } in &self.0 {
            nodes.entry(node).or_insert((Vec::new(), *version)).0.push(*slots);
        }
        nodes
    }

    /// Drops what was read before; spans of a page that were read one after the other and adjoin
    /// become one.
    ///
    /// A source that was seen in two versions keeps none: no announcement of one of them may leave
    /// alone a record that saw the other too.
    pub(crate) fn gather(read: impl Iterator<Item = Dependency>) -> Self {
        let mut set: Vec<Dependency> = Vec::with_capacity(read.size_hint().0.min(FEW));
        let mut read = read.peekable();
        // As long as there are few, and each is read once, they are gone through: no name is copied.
        while set.len() < FEW
            && let Some(next) = read.next_if(|next| set.iter().all(|read| read.node != next.node))
        {
            set.push(next);
        }
        if read.peek().is_none() {
            return Self(set);
        }
        let known = |(place, read): (usize, &Dependency)| {
            (read.node.clone(), Seen { place, slots: span(read.slots) })
        };
        let mut seen: BTreeMap<Node, Seen> = set.iter().enumerate().map(known).collect();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::grid::PageNumber;
    use crate::key::Source;
    use crate::page::ViewId;

    fn source(kind: &str, key: u32, version: Option<u64>) -> Dependency {
        let node = Node::source(&Source::new(kind, key).unwrap());
        Dependency { node, slots: WHOLE, version }
    }

    fn page(view: u32, entity: u32, number: i64, slots: (u16, u16)) -> Dependency {
        let key = PageKey::new(ViewId(view), &entity, PageNumber(number));
        Dependency { node: Node::page(key.as_slice()), slots, version: None }
    }

    fn whole(node: Node) -> Dependency {
        Dependency { node, slots: WHOLE, version: None }
    }

    fn entity(view: u32, entity: u32) -> Dependency {
        whole(page(view, entity, 0, (0, 0)).node.coarser().unwrap())
    }

    fn gather(read: impl IntoIterator<Item = Dependency>) -> Vec<Dependency> {
        DependencySet::gather(read.into_iter()).0
    }

    /// Whether something in the set stands for all that this does.
    fn covers(set: &[Dependency], read: &Dependency) -> bool {
        let above = [entity_of(&read.node), view_or_kind_of(&read.node)];
        let found = |node: &Node| set.iter().any(|d| d.node == *node && d.version.is_none());
        let of_node = set.iter().filter(|d| d.node == read.node);
        let held = of_node.clone().fold(SlotSet::EMPTY, |held, d| held.union(span(d.slots)));
        let versions = of_node.clone().all(|d| d.version.is_none() || d.version == read.version);
        above.iter().flatten().any(found)
            || of_node.count() > 0 && versions && span(read.slots).minus(held).is_empty()
    }

    #[test]
    fn the_first_reading_of_each_stays_in_its_place() {
        let read = [source("k", 1, None), page(1, 1, 0, (3, 5)), source("k", 2, None)];
        let again = [source("k", 1, None), page(1, 1, 0, (4, 4)), source("k", 2, None)];
        assert_eq!(gather(read.iter().chain(&again).cloned()), read);
    }

    #[test]
    fn spans_of_a_page_that_are_read_one_after_the_other_become_one() {
        let singles = (0..144).map(|slot| page(1, 1, 0, (slot, slot)));
        assert_eq!(gather(singles), [page(1, 1, 0, (0, 143))]);
        let backwards = (0..144).rev().map(|slot| page(1, 1, 0, (slot, slot)));
        assert_eq!(gather(backwards), [page(1, 1, 0, (0, 143))]);
        let apart = [page(1, 1, 0, (0, 1)), page(1, 1, 0, (3, 4)), page(1, 2, 0, (5, 6))];
        assert_eq!(gather(apart.clone()), apart);
        let later = [page(1, 1, 0, (0, 1)), source("k", 1, None), page(1, 1, 0, (2, 2))];
        assert_eq!(gather(later.clone()), later);
    }

    #[test]
    fn a_source_that_was_seen_in_two_versions_keeps_none() {
        let same = [source("k", 1, Some(4)), source("k", 1, Some(4))];
        assert_eq!(gather(same), [source("k", 1, Some(4))]);
        for other in [Some(5), None] {
            let differ = [source("k", 1, Some(4)), source("k", 1, other), source("k", 1, Some(4))];
            assert_eq!(gather(differ), [source("k", 1, None)]);
        }
    }

    #[test]
    fn a_set_that_is_small_enough_stays_as_it_is() {
        let set = DependencySet::gather((0..4096).map(|key| source("k", key, Some(1))));
        assert_eq!(set.clone().coarsened().unwrap(), set);
    }

    #[test]
    fn the_entities_with_the_most_pages_are_taken_as_a_whole_first() {
        let many = (0..3000).map(|number| page(1, 2, number, (0, 0)));
        let fewer = (0..1200).map(|number| page(1, 1, number, (0, 0)));
        let set = DependencySet::gather(fewer.clone().chain(many)).coarsened().unwrap().0;
        let expected: Vec<_> = fewer.chain([entity(1, 2)]).collect();
        assert_eq!(set, expected);
    }

    #[test]
    fn pages_of_too_many_entities_become_their_view() {
        let pages = (0..5000).map(|entity| page(1, entity, 0, (0, 0)));
        let others = [source("k", 1, Some(2)), page(2, 1, 0, (0, 0))];
        let set = DependencySet::gather(others.iter().cloned().chain(pages)).coarsened().unwrap();
        let [first, second] = others;
        assert_eq!(set.0, [first, second, whole(Node::view(ViewId(1)))]);
    }

    #[test]
    fn too_many_sources_become_their_kind_and_forget_their_versions() {
        let sources = (0..5000).map(|key| source("many", key, Some(2)));
        let read = sources.chain([source("few", 1, Some(3))]);
        let set = DependencySet::gather(read).coarsened().unwrap();
        assert_eq!(set.0, [whole(Node::kind("many").unwrap()), source("few", 1, Some(3))]);
    }

    #[test]
    fn what_was_read_is_covered_by_what_remains() {
        for (views, entities, pages, kinds) in [(1, 1, 5000, 1), (3, 50, 40, 2), (40, 60, 3, 9)] {
            let mut read = Vec::new();
            for n in 0..views * entities * pages {
                let slots = ((n % 7) as u16, (n % 7 + n % 3) as u16);
                let (view, rest) = (n % views, n / views);
                read.push(page(view, rest % entities, i64::from(rest / entities), slots));
                read.push(source(&format!("kind{}", n % kinds), n, (n % 2 == 0).then_some(1)));
                if n % 100 == 0 {
                    read.push(entity(view, rest % entities));
                }
            }
            let set = DependencySet::gather(read.iter().cloned()).coarsened().unwrap().0;
            assert!(set.len() <= DEPENDENCIES_MAX);
            for dependency in read.iter().step_by(7) {
                assert!(covers(&set, dependency), "{dependency:?}");
            }
        }
    }

    #[test]
    fn more_kinds_than_a_set_may_have_are_an_error_that_says_so() {
        let kinds =
            (0..4097).flat_map(|kind| [0, 1].map(|key| source(&format!("k{kind}"), key, None)));
        let error = DependencySet::gather(kinds).coarsened().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input);
        assert!(error.to_string().contains("4097") && error.to_string().contains("fewer kinds"));
    }
}
