//! Who reads what announcements name, as far as a transaction has asked.
//!
//! Each announcement asks whether anybody reads its source, and then who does, and who reads the source's
//! kind; those that share its transaction ask the same of the same kind.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use crate::graph::{EdgeRow, is_kind};

/// What is kept in mind of who reads a node.
#[derive(Clone)]
pub(super) enum Readers {
    /// All of them, in the order of their keys, and how they read.
    Few(Rc<[(Box<[u8]>, EdgeRow)]>),
    /// So many that they are looked for each time.
    Many,
}

/// Nodes outside, and their readers.
#[derive(Default)]
pub(super) struct KnownReaders(RefCell<Known>);

#[derive(Default)]
struct Known {
    /// How many changes of the edges had been staged.
    as_of: u64,
    readers: HashMap<Box<[u8]>, Readers>,
}

/// When so many nodes are known no other source is kept: who announces more at once comes to each of them
/// when most of the others have been looked at in between.
const NODES_MAX: usize = 256;
/// So many kinds find room beside those: all their sources ask of them.
const KINDS_MAX: usize = 64;

impl Known {
    fn has_room(&self, node: &[u8]) -> bool {
        let most = if is_kind(node) { NODES_MAX + KINDS_MAX } else { NODES_MAX };
        self.readers.len() < most
    }
}

impl KnownReaders {
    /// The readers of a node after so many changes of the edges.
    pub(super) fn of(&self, node: &[u8], changes: u64) -> Option<Readers> {
        let known = self.0.borrow();
        known.readers.get(node).filter(|_| known.as_of == changes).cloned()
    }

    /// Whether what is found of a node after so many changes would be kept.
    pub(super) fn has_room(&self, node: &[u8], changes: u64) -> bool {
        let known = self.0.borrow();
        known.as_of != changes || known.has_room(node)
    }

    /// That is what was found of a node after so many changes.
    pub(super) fn keep(&self, node: &[u8], changes: u64, readers: &Readers) {
        let mut known = self.0.borrow_mut();
        if known.as_of != changes {
            known.readers.clear();
            known.as_of = changes;
        }
        if known.has_room(node) {
            known.readers.insert(node.into(), readers.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::graph::Node;
    use crate::key::Source;

    use super::*;

    #[test]
    fn what_was_known_before_an_edge_changed_is_known_no_more() {
        let (known, many) = (KnownReaders::default(), Readers::Many);
        let is_known = |node: &[u8], changes| known.of(node, changes).is_some();
        known.keep(b"one", 3, &many);
        known.keep(b"two", 3, &many);
        assert!(is_known(b"one", 3) && is_known(b"two", 3) && !is_known(b"three", 3));
        assert!(!is_known(b"one", 4));
        known.keep(b"two", 4, &many);
        assert!(is_known(b"two", 4) && !is_known(b"one", 4) && !is_known(b"one", 3));
    }

    #[test]
    fn kinds_find_room_beside_the_sources_and_no_more_are_known_than_may_be() {
        let (known, many) = (KnownReaders::default(), Readers::Many);
        let keep = |node: Node| {
            let had_room = known.has_room(node.as_slice(), 7);
            known.keep(node.as_slice(), 7, &many);
            assert_eq!(known.of(node.as_slice(), 7).is_some(), had_room);
            had_room
        };
        let source = |nth| Node::source(&Source::new("one", nth).unwrap());
        let kept = (0..3 * NODES_MAX).filter(|nth| keep(source(*nth))).count();
        assert_eq!(kept, NODES_MAX);
        let kind = |nth| Node::kind(&format!("kind-{nth}")).unwrap();
        let kept = (0..3 * KINDS_MAX).filter(|nth| keep(kind(*nth))).count();
        assert_eq!(kept, KINDS_MAX);
        known.keep(b"another", 8, &many);
        assert!(known.of(b"another", 8).is_some(), "room again when an edge has changed");
    }
}
