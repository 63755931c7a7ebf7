//! Marking walks: from what changed to those who read it, breadth first over the edges, within the
//! transaction of the operation that changed it.

use crate::model::Model;
use crate::small::{Few, Set};
use crate::state::{Disk, Mark, Revision};
use crate::topology::{Node, RECORDS};

/// What a walk leaves: the records whose pages in memory must be told.
pub type Reached = Set;

/// `node` has another content from `revision` on: who read it is stale, the rest suspect.
pub fn from_change(model: &Model, disk: &mut Disk, node: Node, revision: Revision) -> Reached {
    let mut walk = Walk::new(model, disk, revision);
    for reader in readers(model, walk.disk, node).iter() {
        walk.mark(reader, Mark::Stale);
    }
    walk.on()
}

/// `record` is marked, and was not: who read it is suspect.
pub fn from_mark(model: &Model, disk: &mut Disk, record: u8, revision: Revision) -> Reached {
    let mut walk = Walk::new(model, disk, revision);
    walk.queue.push(record);
    walk.on()
}

/// Those who have read `node`, itself or through the coarse node above it.
pub fn readers(model: &Model, disk: &Disk, node: Node) -> Set {
    let mut readers = disk.readers(node);
    if let Node::Record(record) = node {
        let coarse = Node::View(model.topology.view_of[record]);
        readers.0 |= disk.readers(coarse).0;
    }
    readers
}

/// Stamps every view whose builds read `view`, directly or through others.
pub fn stamp_downstream(model: &Model, disk: &mut Disk, view: u8, revision: Revision) {
    for reader in model.topology.views_downstream(view) {
        disk.stamps.suspect_before[reader] = revision;
    }
}

struct Walk<'a> {
    model: &'a Model,
    disk: &'a mut Disk,
    revision: Revision,
    /// Marked by this walk; their readers are next.
    queue: Few<u8, { RECORDS + 1 }>,
    marked: u8,
    reached: Reached,
}

impl<'a> Walk<'a> {
    fn new(model: &'a Model, disk: &'a mut Disk, revision: Revision) -> Walk<'a> {
        let (queue, reached) = (Few::default(), Set::default());
        Walk { model, disk, revision, queue, marked: 0, reached }
    }

    fn on(mut self) -> Reached {
        let mut next = 0;
        while let Some(&record) = self.queue.get(next) {
            next += 1;
            for reader in readers(self.model, self.disk, Node::Record(record)).iter() {
                self.mark(reader, Mark::Suspect);
            }
        }
        self.reached
    }

    /// What is marked already has marked readers, so the walk ends there; it may get worse.
    fn mark(&mut self, record: u8, mark: Mark) {
        let old = self.disk.marks[record];
        if old != Mark::Fresh {
            if mark > old {
                self.disk.marks[record] = mark;
                self.reached.add(record);
            }
        } else if self.marked < self.model.bounds.walk_max {
            self.disk.marks[record] = mark;
            self.reached.add(record);
            self.marked += 1;
            self.queue.push(record);
        } else if self.model.rules.overflow_stamps {
            let view = self.model.topology.view_of[record];
            self.disk.stamps.suspect_before[view] = self.revision;
            stamp_downstream(self.model, self.disk, view, self.revision);
        }
    }
}
