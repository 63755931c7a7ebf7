//! Who reads what announcements name, as far as a transaction has asked.
//!
//! Each announcement asks whether anybody reads its source, and then who does, and who reads the source's
//! kind; those that share its transaction ask the same of the same kind.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use crate::graph::EdgeRow;

/// The pages that read a node and how, in the order of their keys.
pub(super) type Readers = Rc<[(Box<[u8]>, EdgeRow)]>;

/// Nodes and all their readers, where those are few.
#[derive(Default)]
pub(super) struct KnownReaders(RefCell<Known>);

#[derive(Default)]
struct Known {
    /// How many changes of the edges had been staged.
    as_of: u64,
    readers: HashMap<Box<[u8]>, Readers>,
}

/// With more nodes it begins anew, and forgets those before.
const NODES_MAX: usize = 256;

impl KnownReaders {
    /// The readers of a node after so many changes of the edges.
    pub(super) fn of(&self, node: &[u8], changes: u64) -> Option<Readers> {
        let known = self.0.borrow();
        known.readers.get(node).filter(|_| known.as_of == changes).cloned()
    }

    /// After so many changes these are all readers of a node.
    pub(super) fn keep(&self, node: &[u8], changes: u64, readers: &Readers) {
        let mut known = self.0.borrow_mut();
        if known.as_of != changes || known.readers.len() == NODES_MAX {
            known.readers.clear();
            known.as_of = changes;
        }
        known.readers.insert(node.into(), readers.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_known_before_an_edge_changed_is_known_no_more() {
        let (known, none): (_, Readers) = (KnownReaders::default(), Rc::new([]));
        let is_known = |node: &[u8], changes| known.of(node, changes).is_some();
        known.keep(b"one", 3, &none);
        known.keep(b"two", 3, &none);
        assert!(is_known(b"one", 3) && is_known(b"two", 3) && !is_known(b"three", 3));
        assert!(!is_known(b"one", 4));
        known.keep(b"two", 4, &none);
        assert!(is_known(b"two", 4) && !is_known(b"one", 4) && !is_known(b"one", 3));
    }

    #[test]
    fn no_more_nodes_are_known_than_may_be() {
        let (known, none): (_, Readers) = (KnownReaders::default(), Rc::new([]));
        for node in 0..3 * NODES_MAX as u32 {
            known.keep(&node.to_be_bytes(), 7, &none);
            assert!(known.of(&node.to_be_bytes(), 7).is_some());
            assert!(known.0.borrow().readers.len() <= NODES_MAX);
        }
    }
}
