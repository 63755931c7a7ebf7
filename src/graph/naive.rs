//! A small world of records that read each other, and what a change to it must come to, found
//! record by record and without edges.

use std::collections::{BTreeMap, BTreeSet};

use super::cause::{Cause, Origin};
use super::colour::Colour;
use super::dependencies::{Dependency, DependencySet};
use super::edge::EdgeRow;
use super::edge_key::{edge_bounds, edge_key, kind_edge_bounds, split_edge};
use super::mark::MarkRow;
use super::node::{Node, NodeParts};
use super::seed::Seed;
use super::tries::Tries;
use super::walk::Graph;
use crate::error::Result;
use crate::page::{PageKey, Slot, SlotSet, ViewId};
use crate::revision::Revision;
use crate::time::Timestamp;

/// A page's key and a slot.
pub(super) type Record = (Box<[u8]>, u16);

/// What there is before anything changes.
#[derive(Default)]
pub(super) struct World {
    pub(super) reads: BTreeMap<Record, DependencySet>,
    pub(super) marks: BTreeMap<Record, Colour>,
    /// Of the marked ones, those that were tried in vain.
    pub(super) tried: BTreeSet<Record>,
    pub(super) sealed: BTreeSet<Record>,
    /// The same as `reads`, as it would stand in the file.
    edges: BTreeMap<Vec<u8>, Vec<u8>>,
    /// A view -> those that read it.
    view_readers: BTreeMap<ViewId, BTreeSet<ViewId>>,
}

/// What came of it.
pub(super) struct Expected {
    pub(super) marks: BTreeMap<Record, Colour>,
    /// Records that the change concerns and that may be marked, marked before or not.
    pub(super) concerned: BTreeSet<Record>,
    passed: BTreeSet<Record>,
    pub(super) coarse: BTreeSet<Node>,
    /// Views of records that a change or a mark reached first.
    pub(super) first: BTreeSet<ViewId>,
}

pub(super) fn view_of(page: &[u8]) -> ViewId {
    PageKey::split(page).expect("the world has only pages").0
}

/// The cause that marks have which were there before.
pub(super) fn old_cause() -> Cause {
    let (revision, since) = (Revision::from_raw(1), Timestamp::EPOCH);
    Cause { origin: Origin::History, revision, since, through: None }
}

/// How often those were tried that were tried in vain.
pub(super) const IN_VAIN: Tries = Tries { attempts: 5, next_attempt: Timestamp::MAX };

impl World {
    pub(super) fn read(&mut self, (page, slot): Record, read: Vec<Dependency>) {
        let set = DependencySet::gather(read.into_iter());
        let mut nodes: BTreeMap<&Node, (Vec<_>, Option<u64>)> = BTreeMap::new();
        for dependency in &set.0 {
            let (slots, version) = nodes.entry(&dependency.node).or_default();
            slots.push(dependency.slots);
            *version = dependency.version;
        }
        for (node, (slots, version)) in nodes {
            let key = edge_key(node.as_slice(), &page).as_slice().to_vec();
            let edge = self.edges.entry(key).or_default();
            let mut row = EdgeRow::from_bytes(edge).expect("an edge returns");
            row.set((Slot(slot.into()), Slot(slot.into())), &slots, version);
            *edge = row.to_bytes();
            let above = std::iter::successors(Some(node.clone()), Node::coarser);
            if let Some(NodeParts::View(read)) = above.last().as_ref().map(Node::parts) {
                self.view_readers.entry(read).or_default().insert(view_of(&page));
            }
        }
        self.reads.insert((page, slot), set);
    }

    fn edges(
        &self,
        (start, end): (Vec<u8>, Vec<u8>),
        then: &mut dyn FnMut(&[u8], &EdgeRow) -> bool,
    ) {
        for (key, edge) in self.edges.range(start..end) {
            let (_, reader) = split_edge(key).expect("an edge comes apart");
            if !then(reader, &EdgeRow::from_bytes(edge).expect("an edge returns")) {
                break;
            }
        }
    }

    /// The records that read any of these.
    pub(super) fn readers_of(&self, read: &[Record]) -> BTreeSet<&Record> {
        let mut nodes: BTreeMap<Node, SlotSet> = BTreeMap::new();
        for (page, slot) in read {
            for node in std::iter::successors(Some(Node::page(page)), Node::coarser) {
                nodes.entry(node).or_default().insert(Slot((*slot).into()));
            }
        }
        let reads = |dependency: &Dependency| {
            let (first, last) = dependency.slots;
            let slots = SlotSet::span(Slot(first.into()), Slot(last.into()));
            nodes.get(&dependency.node).is_some_and(|read| !read.intersection(slots).is_empty())
        };
        let readers = self.reads.iter().filter(|(_, set)| set.0.iter().any(reads));
        readers.map(|(record, _)| record).collect()
    }

    fn readers_where(&self, reads: impl Fn(&Dependency) -> bool) -> Vec<Record> {
        let readers = self.reads.iter().filter(|(_, set)| set.0.iter().any(&reads));
        readers.map(|(record, _)| record.clone()).collect()
    }

    fn is_read(&self, node: &Node) -> bool {
        !self.readers_where(|dependency| dependency.node == *node).is_empty()
    }
}

impl Graph for World {
    fn readers(&self, node: &[u8], then: &mut dyn FnMut(&[u8], &EdgeRow) -> bool) -> Result<()> {
        self.edges(edge_bounds(node), then);
        Ok(())
    }

    fn readers_of_kind(
        &self,
        kind: &str,
        then: &mut dyn FnMut(&[u8], &EdgeRow) -> bool,
    ) -> Result<()> {
        self.edges(kind_edge_bounds(kind), then);
        Ok(())
    }

    fn reader_views(&self, node: &[u8]) -> Result<Vec<ViewId>> {
        let mut views = BTreeSet::new();
        self.edges(edge_bounds(node), &mut |reader, _| {
            views.insert(view_of(reader));
            true
        });
        Ok(views.into_iter().collect())
    }

    fn mark_row(&self, page: &[u8]) -> Result<Option<MarkRow>> {
        let mut row = MarkRow::default();
        for ((of, slot), colour) in &self.marks {
            if **of == *page {
                row.raise(SlotSet::one(Slot((*slot).into())), *colour, old_cause());
                if self.tried.contains(&(of.clone(), *slot)) {
                    row.set_tries(Slot((*slot).into()), IN_VAIN);
                }
            }
        }
        Ok((!row.is_empty()).then_some(row))
    }

    fn readers_of_view(&self, view: ViewId) -> Vec<ViewId> {
        self.view_readers.get(&view).into_iter().flatten().copied().collect()
    }

    fn sealed(&self, page: &[u8]) -> SlotSet {
        let mut slots = SlotSet::EMPTY;
        for (_, slot) in self.sealed.iter().filter(|(of, _)| **of == *page) {
            slots.insert(Slot((*slot).into()));
        }
        slots
    }
}

impl Expected {
    pub(super) fn new(world: &World) -> Self {
        Self {
            marks: world.marks.clone(),
            concerned: BTreeSet::new(),
            passed: BTreeSet::new(),
            coarse: BTreeSet::new(),
            first: BTreeSet::new(),
        }
    }

    pub(super) fn run(&mut self, world: &World, seed: &Seed) {
        match seed {
            Seed::Node { node, version } => {
                let above = std::iter::successors(node.coarser(), Node::coarser);
                let above: BTreeSet<Node> = above.collect();
                let is_source = matches!(node.parts(), NodeParts::Source { .. });
                let nodes = above.iter().chain((!is_source).then_some(node));
                self.coarse.extend(nodes.filter(|node| world.is_read(node)).cloned());
                // Views are named after the node alone, whatever version their records saw.
                let of_node = |d: &Dependency| d.node == *node;
                let readers = world.readers_where(of_node);
                self.first.extend(readers.iter().map(|(page, _)| view_of(page)));
                let saw = |d: &Dependency| is_source && version.is_some() && d.version == *version;
                let concerns = |d: &Dependency| above.contains(&d.node) || of_node(d) && !saw(d);
                self.change(world, world.readers_where(concerns));
            }
            Seed::Kind(kind) => {
                self.coarse.extend(Node::kind(kind).ok().filter(|node| world.is_read(node)));
                let of_kind = |d: &Dependency| match d.node.parts() {
                    NodeParts::Source { kind: of, .. } | NodeParts::Kind(of) => of == kind,
                    _ => false,
                };
                self.change(world, world.readers_where(of_kind));
            }
            Seed::Changed { page, slots } => {
                let above = std::iter::successors(Node::page(page).coarser(), Node::coarser);
                let above = above.filter(|node| !slots.is_empty() && world.is_read(node));
                self.coarse.extend(above);
                // Views are named after the page alone, whichever of its slots they read.
                self.first.extend(world.readers_of_view(view_of(page)));
                let changed: Vec<_> = records(page, *slots).collect();
                self.change(world, world.readers_of(&changed).into_iter().cloned().collect());
            }
            Seed::Marked { page, slots, colour } => {
                self.first.insert(view_of(page));
                let raised = records(page, *slots).map(|record| (record, *colour));
                let newly = self.raise(world, raised.collect());
                self.spread(world, newly);
            }
            Seed::Readers { page, slots } => {
                self.first.insert(view_of(page));
                self.spread(world, records(page, *slots).collect());
            }
            Seed::Cured { page, slots } => {
                let cured: Vec<_> = records(page, *slots).collect();
                self.concerned.extend(world.readers_of(&cured).into_iter().cloned());
            }
        }
    }

    fn change(&mut self, world: &World, direct: Vec<Record>) {
        self.first.extend(direct.iter().map(|(page, _)| view_of(page)));
        let direct = direct.into_iter().map(|record| (record, Colour::Stale));
        let newly = self.raise(world, direct.collect());
        self.spread(world, newly);
    }

    fn spread(&mut self, world: &World, mut newly: Vec<Record>) {
        while !newly.is_empty() {
            let readers = world.readers_of(&newly).into_iter();
            let readers = readers.map(|reader| (reader.clone(), Colour::Suspect)).collect();
            newly = self.raise(world, readers);
        }
    }

    /// Answers those that a walk goes on from.
    fn raise(&mut self, world: &World, raised: Vec<(Record, Colour)>) -> Vec<Record> {
        let mut newly = Vec::new();
        for (record, colour) in raised {
            let is_new = if world.sealed.contains(&record) {
                self.passed.insert(record.clone())
            } else {
                let before = self.marks.get(&record).copied().unwrap_or(Colour::Fresh);
                self.marks.insert(record.clone(), before.max(colour));
                self.concerned.insert(record.clone());
                before == Colour::Fresh
            };
            if is_new {
                newly.push(record);
            }
        }
        newly
    }
}

pub(super) fn records(page: &[u8], slots: SlotSet) -> impl Iterator<Item = Record> {
    slots.iter().map(move |slot| (page.into(), slot.0 as u16))
}
