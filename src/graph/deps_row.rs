//! The value in the table of dependencies: what the records of a page were built from.

use std::collections::BTreeMap;

use super::bytes::{put_short, put_span, take_short, take_span, take_u8, take_u32, take_u64};
use super::dependencies::{Dependency, DependencySet};
use super::node::Node;

/// The sets of a page, each once however many of its records share it.
///
/// On disk: how many nodes there are (4 bytes) and each behind its length (2 bytes); then until the
/// bytes end a set's id (4), how many entries it has (4), and of each the node's place (4), the
/// slots (2 and 2), whether a version follows (1) and the version (8).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DepsRow {
    /// A set's id -> the set, which is not empty. The id of the empty set is 0, which stands here
    /// for nothing.
    pub(crate) sets: BTreeMap<u32, DependencySet>,
}

impl DepsRow {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut places: BTreeMap<&Node, u32> = BTreeMap::new();
        let mut nodes = Vec::new();
        let mut sets = Vec::new();
        for (id, set) in &self.sets {
            sets.extend_from_slice(&id.to_le_bytes());
            sets.extend_from_slice(&count(set.0.len()).to_le_bytes());
            for dependency in &set.0 {
                let place = *places.entry(&dependency.node).or_insert_with(|| {
                    nodes.push(&dependency.node);
                    count(nodes.len() - 1)
                });
                sets.extend_from_slice(&place.to_le_bytes());
                put_span(&mut sets, dependency.slots);
                sets.push(u8::from(dependency.version.is_some()));
                sets.extend(dependency.version.iter().flat_map(|version| version.to_le_bytes()));
            }
        }
        let mut bytes = count(nodes.len()).to_le_bytes().to_vec();
        nodes.iter().for_each(|node| put_short(&mut bytes, node.as_slice()));
        bytes.append(&mut sets);
        bytes
    }

    /// `None` if these bytes are no row.
    pub(crate) fn from_bytes(mut bytes: &[u8]) -> Option<Self> {
        let bytes = &mut bytes;
        // No room is made for as many as the bytes claim: they have to be there first.
        let mut nodes = Vec::new();
        for _ in 0..take_u32(bytes)? {
            nodes.push(Node::from_slice(take_short(bytes)?)?);
        }
        let mut row = Self::default();
        while !bytes.is_empty() {
            let id = take_u32(bytes)?;
            if row.sets.keys().next_back().map_or(0, |last| *last) >= id {
                return None;
            }
            let mut set = Vec::new();
            for _ in 0..take_u32(bytes)? {
                set.push(take_dependency(bytes, &nodes)?);
            }
            if set.is_empty() {
                return None;
            }
            row.sets.insert(id, DependencySet(set));
        }
        Some(row)
    }

    pub(crate) fn get(&self, id: u32) -> Option<&DependencySet> {
        self.sets.get(&id)
    }

    /// The id of a set: 0 if it is empty, the old one if it is here already, else the least free.
    pub(crate) fn intern(&mut self, set: DependencySet) -> u32 {
        if set.0.is_empty() {
            return 0;
        }
        let mut free = 1;
        for (id, held) in &self.sets {
            if *held == set {
                return *id;
            }
            if *id == free {
                free += 1;
            }
        }
        self.sets.insert(free, set);
        free
    }

    /// Drops the sets that no record has any more.
    pub(crate) fn retain(&mut self, used: impl Fn(u32) -> bool) {
        self.sets.retain(|id, _| used(*id));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sets.is_empty()
    }
}

fn take_dependency(bytes: &mut &[u8], nodes: &[Node]) -> Option<Dependency> {
    let node = nodes.get(take_u32(bytes)? as usize)?.clone();
    let slots = take_span(bytes)?;
    let version = match take_u8(bytes)? {
        0 => None,
        1 => Some(take_u64(bytes)?),
        _ => return None,
    };
    Some(Dependency { node, slots, version })
}

fn count(len: usize) -> u32 {
    u32::try_from(len).expect("a page has at most 1,024 sets of at most 4,096 dependencies")
}
