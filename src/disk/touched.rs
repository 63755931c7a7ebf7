//! What was announced lately of things outside the engine.

use std::collections::{HashMap, VecDeque};

use crate::graph::Node;
use crate::revision::Revision;

/// The last announcements about sources and kinds, for builds that read one before it was announced
/// and are stored after. What nobody has read yet stands nowhere else.
///
/// In memory alone: builds under way do not outlive the process either.
#[derive(Debug)]
pub(crate) struct Touched {
    nodes: HashMap<Node, Touch>,
    order: VecDeque<(Revision, Node)>,
    /// Announcements up to here may be forgotten.
    floor: Revision,
    /// The last one.
    last: Revision,
    capacity: usize,
    names_bytes: usize,
}

/// The last announcement about a node.
#[derive(Clone, Copy, Debug, Default)]
struct Touch {
    /// Of it, or of anything beneath it.
    changed: Revision,
    /// Of a kind: of all its sources at once.
    whole: Revision,
    /// The application's own version of a source.
    version: Option<u64>,
    /// The last announcement of another version than that. A build under way that saw this version
    /// may have seen it before the other one.
    other: Revision,
}

const CAPACITY: usize = 1 << 16;
/// What their names take at most; they are kept twice.
const NAMES_BYTES_MAX: usize = 4 << 20;

impl Touched {
    /// Nothing announced since `opened`: no build under way is older.
    pub(crate) fn new(opened: Revision) -> Self {
        Self::with_capacity(opened, CAPACITY)
    }

    fn with_capacity(floor: Revision, capacity: usize) -> Self {
        let (nodes, order) = (HashMap::new(), VecDeque::new());
        Self { nodes, order, floor, last: floor, capacity, names_bytes: 0 }
    }

    /// A source has changed, to this version if the application counts them.
    pub(crate) fn source(&mut self, source: &Node, revision: Revision, version: Option<u64>) {
        self.note(source, revision, |touch| {
            if touch.version != version {
                touch.other = touch.changed;
            }
            touch.version = version;
        });
        if let Some(kind) = source.kind_of_source() {
            self.note(&kind, revision, |_| ());
        }
    }

    /// All sources of a kind may have changed.
    pub(crate) fn kind(&mut self, kind: &Node, revision: Revision) {
        self.note(kind, revision, |touch| touch.whole = revision);
    }

    fn note(&mut self, node: &Node, revision: Revision, change: impl FnOnce(&mut Touch)) {
        let touch = self.nodes.entry(node.clone()).or_default();
        change(touch);
        touch.changed = revision;
        self.last = revision;
        self.names_bytes += node.as_slice().len();
        self.order.push_back((revision, node.clone()));
        while self.order.len() > self.capacity || self.names_bytes > NAMES_BYTES_MAX {
            let Some((revision, node)) = self.order.pop_front() else { break };
            self.names_bytes -= node.as_slice().len();
            self.floor = revision;
            // One that was announced again since stands further back.
            if self.nodes.get(&node).is_some_and(|touch| touch.changed == revision) {
                self.nodes.remove(&node);
            }
        }
    }

    /// Whether a source or a kind may have changed after `seen`, when it had this version.
    pub(crate) fn changed_since(&self, node: &Node, seen: Revision, version: Option<u64>) -> bool {
        if seen < self.floor {
            return true;
        }
        // Most often: nothing was announced while it was built.
        if self.last <= seen {
            return false;
        }
        let Some(kind) = node.kind_of_source() else {
            return self.nodes.get(node).is_some_and(|touch| touch.changed > seen);
        };
        let whole = self.nodes.get(&kind).is_some_and(|touch| touch.whole > seen);
        let itself = self.nodes.get(node).is_some_and(|touch| {
            let same = version.is_some() && touch.version == version && touch.other <= seen;
            touch.changed > seen && !same
        });
        whole || itself
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Source;

    fn source(kind: &str, key: u32) -> Node {
        Node::source(&Source::new(kind, key).unwrap())
    }

    fn at(revision: u64) -> Revision {
        Revision::from_raw(revision)
    }

    #[test]
    fn what_was_announced_after_it_was_seen_has_changed() {
        let mut touched = Touched::new(at(1));
        touched.source(&source("a", 1), at(5), None);
        assert!(touched.changed_since(&source("a", 1), at(4), None));
        assert!(!touched.changed_since(&source("a", 1), at(5), None));
        assert!(!touched.changed_since(&source("a", 2), at(4), None));
        assert!(touched.changed_since(&Node::kind("a").unwrap(), at(4), None));
        assert!(!touched.changed_since(&Node::kind("a").unwrap(), at(5), None));
        assert!(!touched.changed_since(&Node::kind("b").unwrap(), at(4), None));
    }

    #[test]
    fn a_kind_that_changed_as_a_whole_has_changed_in_all_its_sources() {
        let mut touched = Touched::new(at(1));
        touched.kind(&Node::kind("a").unwrap(), at(5));
        assert!(touched.changed_since(&source("a", 1), at(4), Some(1)));
        assert!(!touched.changed_since(&source("a", 1), at(5), None));
        assert!(!touched.changed_since(&source("b", 1), at(4), None));
    }

    #[test]
    fn an_announcement_of_the_version_that_was_seen_is_no_change() {
        let mut touched = Touched::new(at(1));
        touched.source(&source("a", 1), at(5), Some(7));
        assert!(!touched.changed_since(&source("a", 1), at(4), Some(7)));
        assert!(touched.changed_since(&source("a", 1), at(4), Some(6)));
        assert!(touched.changed_since(&source("a", 1), at(4), None));
    }

    #[test]
    fn a_version_that_another_came_between_has_changed() {
        let mut touched = Touched::new(at(1));
        touched.source(&source("a", 1), at(5), Some(8));
        touched.source(&source("a", 1), at(6), Some(7));
        assert!(touched.changed_since(&source("a", 1), at(4), Some(7)), "7, 8 and 7 again");
        assert!(!touched.changed_since(&source("a", 1), at(5), Some(7)));
        touched.source(&source("a", 1), at(7), Some(7));
        assert!(!touched.changed_since(&source("a", 1), at(5), Some(7)));
    }

    #[test]
    fn long_names_are_forgotten_sooner() {
        let mut touched = Touched::new(at(1));
        for revision in 2..10_000 {
            let key = format!("{revision:01000}");
            touched.source(&Node::source(&Source::new("a", key).unwrap()), at(revision), None);
        }
        assert!(touched.names_bytes <= NAMES_BYTES_MAX && touched.order.len() < 9_000);
        assert!(touched.changed_since(&source("b", 9), at(2), None));
    }

    #[test]
    fn what_is_forgotten_counts_as_changed_for_those_who_began_before() {
        let mut touched = Touched::with_capacity(at(1), 4);
        for revision in 2..8 {
            touched.source(&source("a", 1), at(revision), None);
        }
        assert!(touched.order.len() <= 4 && touched.nodes.len() <= 2);
        assert_eq!(touched.floor, at(5), "as few are forgotten as can be");
        assert!(touched.changed_since(&source("b", 9), at(2), None), "forgotten, so unknown");
        assert!(!touched.changed_since(&source("b", 9), at(5), None), "all after it are known");
        assert!(!touched.changed_since(&source("b", 9), at(7), None));
        assert!(touched.changed_since(&source("a", 1), at(6), None), "the last one is known");
    }
}
