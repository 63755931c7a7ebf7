//! How marks and stamps are seen: by readers and builds, and by the writer.

use crate::state::{Cached, Disk, Mark, Record, State};
use crate::time::Left;
use crate::topology::{Node, Topology};

/// What somebody finds who looks for a record.
#[derive(Clone, Copy)]
pub struct Look {
    /// None where it is absent, or only a tombstone is left.
    pub record: Option<Record>,
    /// Whether a mark or a stamp speaks against it.
    pub marked: bool,
    /// Whether it counts no more.
    pub expired: bool,
}

impl Look {
    /// Whether it may be called fresh.
    pub fn stands(&self) -> bool {
        !self.marked && !self.expired
    }
}

/// Looks in the cache, else in the file. Marks lie beside the record; stamps are those in memory,
/// which are raised with the published revision.
pub fn look(topology: &Topology, state: &State, record: u8) -> Look {
    let place = state.cache[record].unwrap_or_else(|| on_disk(&state.disk, record));
    let marked = colour(topology, state, record, &place) != Mark::Fresh;
    let record = place.record.filter(|record| !record.tombstone);
    Look { record, marked, expired: is_expired(&place) }
}

/// A page as one read transaction gives it.
pub fn on_disk(disk: &Disk, record: u8) -> Cached {
    Cached { record: disk.records[record], mark: disk.marks[record] }
}

/// How a reader sees what it holds.
pub fn colour(topology: &Topology, state: &State, record: u8, held: &Cached) -> Mark {
    let view = topology.view_of[record];
    let stamped =
        held.record.map_or(Mark::Fresh, |held| state.published.stamps.colour(view, &held));
    held.mark.max(stamped)
}

/// Whether what somebody holds counts no more.
pub fn is_expired(held: &Cached) -> bool {
    held.record.is_some_and(|record| record.left.is_over())
}

/// How the writer sees a record in its transaction.
pub fn colour_in_file(topology: &Topology, disk: &Disk, record: u8) -> Mark {
    let view = topology.view_of[record];
    let stamped =
        disk.records[record].map_or(Mark::Fresh, |stored| disk.stamps.colour(view, &stored));
    disk.marks[record].max(stamped)
}

/// How long what is in the file counts that a reader of `node` depends on.
pub fn left_in_file(topology: &Topology, disk: &Disk, node: Node) -> Left {
    let left = |record| disk.present(record).map_or(Left::default(), |stored| stored.left);
    match node {
        Node::Source(_) => Left::default(),
        Node::Record(record) => left(record),
        Node::View(view) => topology.members(view).map(left).fold(Left::default(), Left::least),
    }
}

/// Whether anything is marked in the file that a reader of `node` depends on.
pub fn is_marked_in_file(topology: &Topology, disk: &Disk, node: Node) -> bool {
    let marked = |record| colour_in_file(topology, disk, record) != Mark::Fresh;
    match node {
        Node::Source(_) => false,
        Node::Record(record) => marked(record),
        Node::View(view) => topology.members(view).any(marked),
    }
}
