//! The value in the table of dependencies: what the records of a page were built from.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::bytes::{put_short, put_span, take_short, take_span, take_u8, take_u32, take_u64};
use super::dependencies::{Dependency, DependencySet, FEW};
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
        let entries: usize = self.sets.values().map(|set| set.0.len()).sum();
        let mut places = Places { nodes: Vec::with_capacity(entries), known: HashMap::new() };
        let mut sets = Vec::with_capacity(8 * self.sets.len() + 17 * entries);
        for (id, set) in &self.sets {
            sets.extend_from_slice(&id.to_le_bytes());
            sets.extend_from_slice(&count(set.0.len()).to_le_bytes());
            for dependency in &set.0 {
                let place = places.of(&dependency.node);
                sets.extend_from_slice(&place.to_le_bytes());
                put_span(&mut sets, dependency.slots);
                sets.push(u8::from(dependency.version.is_some()));
                sets.extend(dependency.version.iter().flat_map(|version| version.to_le_bytes()));
            }
        }
        let nodes = places.nodes;
        let named = nodes.iter().map(|node| 2 + node.as_slice().len()).sum::<usize>();
        let mut bytes = Vec::with_capacity(4 + named + sets.len());
        bytes.extend_from_slice(&count(nodes.len()).to_le_bytes());
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

    /// All that the sets have.
    pub(crate) fn reads(&self) -> impl Iterator<Item = &Dependency> {
        self.sets.values().flat_map(|set| &set.0)
    }

    /// All that is read, each node once.
    pub(crate) fn nodes(&self) -> BTreeSet<&Node> {
        self.reads().map(|read| &read.node).collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sets.is_empty()
    }
}

/// The nodes of a row as they come, each once.
struct Places<'r> {
    nodes: Vec<&'r Node>,
    /// The same with their places once they are many.
    known: HashMap<&'r Node, u32>,
}

impl<'r> Places<'r> {
    fn of(&mut self, node: &'r Node) -> u32 {
        let next = count(self.nodes.len());
        let place = if self.nodes.len() < FEW {
            self.nodes.iter().position(|known| *known == node).map_or(next, count)
        } else {
            if self.known.is_empty() {
                self.known.reserve(self.nodes.capacity());
                self.known.extend(self.nodes.iter().copied().zip(0..));
            }
            *self.known.entry(node).or_insert(next)
        };
        if place == next {
            self.nodes.push(node);
        }
        place
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::WHOLE;
    use crate::key::Source;
    use crate::page::ViewId;

    fn set(keys: &[u32]) -> DependencySet {
        let read = keys.iter().map(|key| {
            let node = Node::source(&Source::new("k", *key).unwrap());
            Dependency { node, slots: WHOLE, version: (key % 2 == 0).then_some(u64::from(*key)) }
        });
        DependencySet::gather(read)
    }

    fn row() -> DepsRow {
        let mut row = DepsRow::default();
        row.intern(set(&[1, 2, 3]));
        row.intern(set(&[3, 2]));
        row.intern(set(&[4]));
        row
    }

    #[test]
    fn an_equal_set_gets_its_old_id_and_another_the_least_free() {
        let mut row = row();
        assert_eq!([set(&[1, 2, 3]), set(&[3, 2]), set(&[])].map(|set| row.intern(set)), [1, 2, 0]);
        assert_eq!(row.intern(set(&[2, 3])), 4, "the order counts");
        row.retain(|id| id != 2);
        assert_eq!((row.get(2), row.get(3)), (None, Some(&set(&[4]))));
        assert_eq!([set(&[8]), set(&[9])].map(|set| row.intern(set)), [2, 5]);
        row.retain(|_| false);
        assert!(row.is_empty() && row.get(0).is_none());
    }

    #[test]
    fn a_node_stands_once_however_many_sets_have_it() {
        let mut row = DepsRow::default();
        let node = Node::view(ViewId(7));
        for slot in 0..2 {
            let read = Dependency { node: node.clone(), slots: (slot, slot), version: None };
            row.intern(DependencySet(vec![read]));
        }
        let sets = [[1, 0], [2, 1]].map(|[id, slot]| {
            [&[id, 0, 0, 0, 1, 0, 0, 0][..], &[0, 0, 0, 0, slot, 0, slot, 0, 0]].concat()
        });
        let nodes = [&[1, 0, 0, 0, 5, 0][..], node.as_slice()].concat();
        assert_eq!(row.to_bytes(), [nodes, sets.concat()].concat());
    }

    #[test]
    fn nodes_stand_in_the_order_in_which_they_come_however_many() {
        for many in [1, FEW, FEW + 1, 3 * FEW] {
            let keys: Vec<u32> = (0..many as u32).rev().collect();
            let mut row = DepsRow::default();
            row.intern(set(&keys));
            row.intern(set(&[&keys[many / 2..], &keys[..1], &[1000]].concat()));
            let bytes = row.to_bytes();
            assert_eq!(bytes[..4], (many as u32 + 1).to_le_bytes(), "each once");
            assert_eq!(DepsRow::from_bytes(&bytes), Some(row));
        }
    }

    #[test]
    fn a_row_returns_and_none_that_was_cut_off() {
        let bytes = row().to_bytes();
        assert_eq!(DepsRow::from_bytes(&bytes), Some(row()));
        let mut fewer = row();
        fewer.retain(|id| id < 3);
        for len in 0..bytes.len() {
            if let Some(read) = DepsRow::from_bytes(&bytes[..len]) {
                assert!(
                    read.sets.iter().all(|(id, set)| row().get(*id) == Some(set)),
                    "{len} bytes"
                );
            }
        }
        assert_eq!(DepsRow::from_bytes(&fewer.to_bytes()), Some(fewer));
    }

    #[test]
    fn a_version_that_is_neither_there_nor_missing_is_refused() {
        let node = Node::view(ViewId(7));
        let read = |version: u8| {
            let set = [1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, version];
            DepsRow::from_bytes(&[&[1, 0, 0, 0, 5, 0], node.as_slice(), &set].concat())
        };
        assert!(read(0).is_some() && read(2).is_none());
    }

    #[test]
    fn what_is_no_row_is_refused() {
        let foreign: [(&str, &[u8]); 6] = [
            ("nodes that are not there", &[255, 255, 255, 255]),
            ("a node that is none", &[1, 0, 0, 0, 1, 0, 9]),
            ("the id of nothing", &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            ("an empty set", &[0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]),
            ("entries that are not there", &[0, 0, 0, 0, 1, 0, 0, 0, 255, 255, 255, 255]),
            (
                "a node's place that is none",
                &[0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            ),
        ];
        for (what, bytes) in foreign {
            assert_eq!(DepsRow::from_bytes(bytes), None, "{what}");
        }
        let bytes = row().to_bytes();
        let twice = [&bytes[..], &bytes[bytes.len() - 25..]].concat();
        assert_eq!(DepsRow::from_bytes(&twice), None, "an id twice");
    }
}
