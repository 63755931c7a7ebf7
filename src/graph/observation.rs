//! What a build saw when it read something.

use super::dependencies::Dependency;
use super::edge::WHOLE;
use super::node::Node;
use crate::revision::Revision;
use crate::time::Timestamp;

/// One reading of a build: what was read, and what there was to be seen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Observation {
    pub(crate) node: Node,
    /// The first and last slot that were read of a page; [`WHOLE`] of any other node.
    pub(crate) slots: (u16, u16),
    /// What was read contains every change up to here.
    pub(crate) seen: Revision,
    /// How many of the slots held a record: absence is a value too.
    pub(crate) present: u16,
    /// Whether something in it was marked when it was read.
    pub(crate) marked: bool,
    /// The application's version of the source.
    pub(crate) version: Option<u64>,
    /// Of a whole view: from when on something in it is expired; `Timestamp::MAX` for never. Of
    /// records the writer knows that better, who sees them as they are when it counts.
    pub(crate) fresh_until: Timestamp,
}

impl Observation {
    /// Of a node that has no slots: all of it, unmarked, in no version that the application counts,
    /// for all time.
    pub(crate) fn whole(node: Node, seen: Revision) -> Self {
        let fresh_until = Timestamp::MAX;
        Self { node, slots: WHOLE, seen, present: 0, marked: false, version: None, fresh_until }
    }

    /// What stays of it once the record is stored.
    pub(crate) fn dependency(&self) -> Dependency {
        Dependency { node: self.node.clone(), slots: self.slots, version: self.version }
    }
}
