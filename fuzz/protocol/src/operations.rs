//! The writer's operations: what each does to the file, in its transaction.

use std::fmt;

use crate::colour;
use crate::look::colour_in_file;
use crate::model::Model;
use crate::small::Set;
use crate::state::{Ack, Commit, Mark, Record, Revision, State};
use crate::topology::{LEAVES, Leaf, Node, Nodes};
use crate::walk;

/// What the writer may be asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    /// The application announces a change of the leaf.
    Invalidate(u8),
    /// The application is about to change the leaf.
    Intend(u8),
    /// The application writes the record of the leaf.
    Put(u8),
    /// A flight brings its record.
    Store(u8),
    /// Evidence says that the record need not be built.
    Spare(u8),
    /// Retention deletes the record.
    Retire(u8),
    /// The user deletes the record.
    Delete(u8),
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Operation::Invalidate(leaf) => write!(f, "invalidate leaf {leaf}"),
            Operation::Intend(leaf) => write!(f, "intent to change leaf {leaf}"),
            Operation::Put(leaf) => write!(f, "put of leaf {leaf}"),
            Operation::Store(record) => write!(f, "store record {record}"),
            Operation::Spare(record) => write!(f, "spare record {record}"),
            Operation::Retire(record) => write!(f, "retention deletes record {record}"),
            Operation::Delete(record) => write!(f, "user deletes record {record}"),
        }
    }
}

/// What may be asked of the writer now; some of it may turn out to be nothing.
pub fn asked(model: &Model, state: &State, operations: &mut Vec<Operation>) {
    let (bounds, application) = (&model.bounds, &state.application);
    for leaf in 0..LEAVES as u8 {
        let unchanged = application.version[leaf] < bounds.changes[leaf];
        match model.topology.leaves[leaf] {
            Leaf::Unused | Leaf::Silent(_) => {}
            Leaf::Put(_) if unchanged => operations.push(Operation::Put(leaf)),
            Leaf::Put(_) => {}
            Leaf::Source | Leaf::Code(_) | Leaf::Itself(_) => {
                if application.announced[leaf] < application.version[leaf] {
                    operations.push(Operation::Invalidate(leaf));
                }
                if bounds.intents && application.begun[leaf] < bounds.changes[leaf] {
                    operations.push(Operation::Intend(leaf));
                }
            }
        }
    }
    for record in 0..model.topology.records {
        if state.builds[record].is_some_and(|build| build.made.is_some()) {
            operations.push(Operation::Store(record));
        }
        if state.disk.present(record).is_some() {
            if state.spent.retentions < bounds.retentions {
                operations.push(Operation::Retire(record));
            }
            if state.spent.deletions < bounds.deletions {
                operations.push(Operation::Delete(record));
            }
        }
    }
    if let Some(evidence) = state.evidence.filter(|evidence| evidence.left == Nodes::default()) {
        operations.push(Operation::Spare(evidence.record));
    }
}

/// Applies it as `revision`; what is to be published and answered goes into `commit`. Returns
/// whether the commit must be synced for it.
pub fn apply(
    model: &Model,
    state: &mut State,
    operation: Operation,
    revision: Revision,
    commit: &mut Commit,
) -> bool {
    state.disk.revision = revision;
    let mut apply = Apply { model, state, revision, publish: Set::default() };
    let synced = match operation {
        Operation::Invalidate(leaf) => {
            let version = apply.invalidate(leaf);
            commit.acks.push(Ack::Announced(leaf, version));
            model.rules.synced_invalidations
        }
        Operation::Intend(leaf) => {
            apply.state.disk.intents[leaf] += 1;
            commit.acks.push(Ack::Begun(leaf));
            model.rules.synced_intents
        }
        Operation::Put(leaf) => {
            let version = apply.put(leaf);
            commit.acks.push(Ack::Announced(leaf, version));
            true
        }
        Operation::Store(record) => {
            apply.store(record);
            false
        }
        Operation::Spare(record) => {
            apply.spare(record);
            false
        }
        Operation::Retire(record) => {
            apply.retire(record);
            false
        }
        Operation::Delete(record) => {
            apply.delete(record);
            true
        }
    };
    commit.publish.0 |= apply.publish.0;
    synced
}

/// What an intent that is left over at open comes to: the leaf counts as changed.
pub fn recover(model: &Model, state: &mut State, leaf: u8) {
    let revision = state.disk.revision + 1;
    state.disk.revision = revision;
    state.disk.intents[leaf] = 0;
    Apply { model, state, revision, publish: Set::default() }.raise(leaf);
}

struct Apply<'a> {
    model: &'a Model,
    state: &'a mut State,
    revision: Revision,
    publish: Set,
}

impl Apply<'_> {
    /// Returns the version that is announced by it.
    fn invalidate(&mut self, leaf: u8) -> u8 {
        let version = self.state.application.version[leaf];
        if self.model.bounds.intents {
            self.state.application.announced[leaf] += 1;
            let intents = &mut self.state.disk.intents[leaf];
            *intents = if self.model.rules.intent_a_change { *intents - 1 } else { 0 };
        } else {
            self.state.application.announced[leaf] = version;
        }
        self.raise(leaf);
        version
    }

    fn raise(&mut self, leaf: u8) {
        let (model, revision) = (self.model, self.revision);
        match model.topology.leaves[leaf] {
            Leaf::Source => {
                self.state.disk.sources[leaf] = revision;
                self.state.touched.sources[leaf] = revision;
                self.forget();
                self.walk_from_change(Node::Source(leaf));
            }
            Leaf::Code(view) => {
                self.state.disk.stamps.stale_before[view] = revision;
                if model.rules.stamps_reach_readers {
                    walk::stamp_downstream(model, &mut self.state.disk, view, revision);
                }
            }
            Leaf::Itself(record) => {
                self.state.touched.records[record] = revision;
                self.forget();
                if self.state.disk.records[record].is_some() {
                    let old = self.state.disk.marks[record];
                    self.state.disk.marks[record] = Mark::Stale;
                    self.publish.add(record);
                    if old == Mark::Fresh {
                        self.walk_from_mark(record);
                    }
                }
            }
            Leaf::Unused | Leaf::Put(_) | Leaf::Silent(_) => {}
        }
    }

    /// Keeps what is remembered of touched things within its bound: the oldest goes.
    fn forget(&mut self) {
        let touched = &mut self.state.touched;
        let all = || touched.sources.0.iter().chain(&touched.records.0).copied();
        if all().filter(|&revision| revision > 0).count()
            <= usize::from(self.model.bounds.touched_max)
        {
            return;
        }
        let Some(oldest) = all().filter(|&revision| revision > 0).min() else { return };
        touched.floor = touched.floor.max(oldest);
        for kept in touched.sources.0.iter_mut().chain(&mut touched.records.0) {
            if *kept == oldest {
                *kept = 0;
            }
        }
    }

    fn put(&mut self, leaf: u8) -> u8 {
        let Leaf::Put(record) = self.model.topology.leaves[leaf] else { return 0 };
        let revision = self.revision;
        let version = self.state.application.version[leaf] + 1;
        self.state.application.version[leaf] = version;
        self.state.application.announced[leaf] = version;
        let put =
            Record { value: version, s: revision, v: revision, c: revision, ..Record::default() };
        self.replace(record, put, Mark::Fresh);
        version
    }

    fn store(&mut self, record: u8) {
        let Some(build) = self.state.builds[record].take() else { return };
        let Some(value) = build.made else { return };
        if build.old_life && self.model.rules.lives_are_compared {
            return;
        }
        let mark = colour::at_store(self.model, self.state, record, &build);
        let same = self.state.disk.present(record).filter(|old| old.value == value);
        let c = same.map_or(self.revision, |old| old.c);
        let mut read = Nodes::default();
        for seen in build.seen.iter() {
            read.add(seen.node);
        }
        let left = colour::time_at_store(self.model, self.state, build.own, &build.seen);
        let (s, v, own) = (build.s, self.revision, build.own);
        let stored = Record { value, s, v, c, read, tombstone: false, own, left };
        self.replace(record, stored, mark);
        let counts = mark == Mark::Fresh && !left.is_over();
        self.answer(record, &build.s, value, if counts { mark } else { mark.max(Mark::Suspect) });
    }

    /// Tells the reader that waits for this flight what has become of it.
    fn answer(&mut self, record: u8, s: &Revision, value: u8, mark: Mark) {
        use crate::rules::Answer;
        let Some(reader) = self.state.reader.as_mut().filter(|reader| reader.record == record)
        else {
            return;
        };
        let fresh = match self.model.rules.answer {
            Answer::ByColour => mark == Mark::Fresh,
            Answer::IfBegunAfter => *s >= reader.began,
            Answer::Always => true,
        };
        if fresh {
            reader.answer = Some(value);
        } else if *s >= reader.began {
            // Overtaken: its own flight was, too. What it gets says so.
            self.state.reader = None;
        }
    }

    /// Puts a record in its place, and walks to its readers if there is something to tell.
    fn replace(&mut self, record: u8, new: Record, mark: Mark) {
        let rules = &self.model.rules;
        let appears = self.state.disk.present(record).is_none();
        let was_marked = self.state.disk.marks[record] != Mark::Fresh;
        self.state.disk.records[record] = Some(new);
        self.state.disk.marks[record] = mark;
        self.publish.add(record);
        let changed = new.c == self.revision;
        if changed {
            self.raise_coarse(record);
            if if appears { rules.appearing_walks } else { rules.changes_walk } {
                self.walk_from_change(Node::Record(record));
            }
        }
        if mark != Mark::Fresh && !was_marked && rules.stored_marked_walks {
            self.walk_from_mark(record);
        }
    }

    fn spare(&mut self, record: u8) {
        let Some(evidence) = self.state.evidence.take() else { return };
        if !colour::is_spared(self.model, self.state, &evidence) {
            return;
        }
        self.state.spent.spares += 1;
        let left = colour::time_when_spared(self.model, self.state, &evidence);
        let Some(stored) = self.state.disk.records[record].as_mut() else { return };
        stored.v = self.revision;
        stored.left = left;
        self.state.disk.marks[record] = Mark::Fresh;
        self.publish.add(record);
        debug_assert!(
            colour_in_file(&self.model.topology, &self.state.disk, record) == Mark::Fresh
        );
    }

    /// No change: nothing is told to the readers, so what they need to be told later must stay.
    fn retire(&mut self, record: u8) {
        self.state.spent.retentions += 1;
        self.publish.add(record);
        let disk = &mut self.state.disk;
        let is_read = walk::readers(self.model, disk, Node::Record(record)) != Set::default();
        match &mut disk.records[record] {
            Some(stored) if is_read && self.model.rules.tombstones => {
                stored.tombstone = true;
                stored.value = 0;
            }
            stored => {
                *stored = None;
                disk.marks[record] = Mark::Fresh;
            }
        }
    }

    /// A change: whoever read it is told.
    fn delete(&mut self, record: u8) {
        self.state.spent.deletions += 1;
        self.state.disk.records[record] = None;
        self.state.disk.marks[record] = Mark::Fresh;
        self.state.touched.records[record] = self.revision;
        self.forget();
        self.publish.add(record);
        self.raise_coarse(record);
        if self.model.rules.appearing_walks {
            self.walk_from_change(Node::Record(record));
        }
    }

    fn raise_coarse(&mut self, record: u8) {
        if self.model.rules.coarse_is_raised {
            self.state.disk.coarse[self.model.topology.view_of[record]] = self.revision;
        }
    }

    fn walk_from_change(&mut self, node: Node) {
        let reached = walk::from_change(self.model, &mut self.state.disk, node, self.revision);
        self.publish.0 |= reached.0;
    }

    fn walk_from_mark(&mut self, record: u8) {
        let reached = walk::from_mark(self.model, &mut self.state.disk, record, self.revision);
        self.publish.0 |= reached.0;
    }
}
