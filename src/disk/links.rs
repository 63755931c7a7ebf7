//! The tables of the dependency graph: what was read, by whom, and what is marked.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use redb::{ReadOnlyTable, ReadTransaction, ReadableTable, Table, TableError, WriteTransaction};

use crate::error::{Error, RESTORE, Result};
use crate::graph::{
    Dependency, DependencySet, DepsRow, EdgeRow, MarkRow, Node, NodeReads, edge_bounds, edge_key,
    split_edge,
};
use crate::page::SlotSet;

use super::known_readers::KnownReaders;
use super::open_file::OpenFile;
use super::source_row::SourceRow;
use super::staged_rows::StagedRows;
use super::tables::{Bytes, DEPS, EDGES, MARKS, SOURCES};
use super::tolerance::Tolerance;

type Key = &'static [u8];
/// Where to go on; `None` when all is done.
pub(crate) type Cursor = Option<Box<[u8]>>;

/// Page key -> its marks as they will be, where a transaction has changed them. They are written at its
/// end, each row once.
pub(super) type StagedMarks = BTreeMap<Box<[u8]>, MarkRow>;

/// The four tables, open in one transaction: to write (`Table`) or to read (`ReadOnlyTable`).
pub(crate) struct Links<'s, T> {
    file: &'s OpenFile,
    pub(super) deps: StagedRows<T>,
    pub(super) edges: StagedRows<T>,
    pub(super) marks: StagedRows<T>,
    pub(super) sources: StagedRows<T>,
    pub(super) staged_marks: StagedMarks,
    /// Who reads the sources and kinds that were asked about.
    pub(super) known_readers: KnownReaders,
    /// The first failure of the file below.
    fault: OnceCell<Error>,
    /// Whether rows that cannot be read void everything.
    pub(super) tolerance: Tolerance,
}

/// The tables as a read transaction has them.
pub(crate) type LinksToRead<'s> = Links<'s, ReadOnlyTable<Key, Key>>;

impl<'s> LinksToRead<'s> {
    pub(crate) fn to_read(file: &'s OpenFile, txn: &ReadTransaction) -> Result<Self> {
        Self::over(file, |table| txn.open_table(table))
    }
}

impl<'s, T> Links<'s, T> {
    fn over(file: &'s OpenFile, open: impl Fn(Bytes) -> Result<T, TableError>) -> Result<Self> {
        let open = |table| {
            let opened = open(table).map_err(|cause| file.storage_error(cause));
            opened.map(StagedRows::over)
        };
        Ok(Self {
            file,
            deps: open(DEPS)?,
            edges: open(EDGES)?,
            marks: open(MARKS)?,
            sources: open(SOURCES)?,
            staged_marks: StagedMarks::new(),
            known_readers: KnownReaders::default(),
            fault: OnceCell::new(),
            tolerance: Tolerance::default(),
        })
    }
}

impl<'s, T: ReadableTable<Key, Key>> Links<'s, T> {
    /// The failure of the file below that voids everything, if there was one.
    pub(super) fn fault(&self) -> Option<&Error> {
        self.fault.get()
    }

    pub(super) fn keep<V>(&self, result: Result<V, redb::StorageError>) -> Result<V> {
        result.map_err(|cause| {
            let error = self.file.storage_error(cause);
            self.fault.get_or_init(|| error).clone()
        })
    }

    /// A row of one of the tables; one that cannot be read is damage.
    pub(super) fn row<R>(
        &self,
        (name, table): (&'static str, &StagedRows<T>),
        key: &[u8],
        what: &str,
        parse: impl Fn(&[u8]) -> Option<R>,
    ) -> Result<Option<R>> {
        let Some(bytes) = self.keep(table.get(key))? else { return Ok(None) };
        let row = parse(&bytes);
        if row.is_none() {
            self.unreadable(name, key, what)?;
        }
        Ok(row)
    }

    /// A row cannot be read: that voids everything, or else the row counts as not there.
    pub(super) fn unreadable(&self, table: &'static str, key: &[u8], what: &str) -> Result<()> {
        if self.tolerance.note(table, key) { Ok(()) } else { Err(self.damaged(what)) }
    }

    pub(super) fn damaged(&self, what: &str) -> Error {
        let error = Error::damaged(format!("{what} is unreadable; {RESTORE}"));
        self.fault.get_or_init(|| self.file.at_file(error)).clone()
    }

    /// What the records of a page read.
    pub(crate) fn deps(&self, page: &[u8]) -> Result<Option<DepsRow>> {
        self.row(("deps", &self.deps), page, "what a page's records read", DepsRow::from_bytes)
    }

    /// What is known of a source, a kind, an entity or a view.
    pub(crate) fn source(&self, node: &[u8]) -> Result<Option<SourceRow>> {
        self.row(("sources", &self.sources), node, "a source's row", SourceRow::from_bytes)
    }

    /// Sources between these keys that a reconciliation has not seen, though an earlier one had or a
    /// record reads them, and where to go on after `most`. Those that were found gone before are
    /// left out.
    pub(crate) fn unseen(
        &self,
        from: &[u8],
        until: &[u8],
        generation: u64,
        most: usize,
    ) -> Result<(Vec<Node>, Cursor)> {
        let mut rows = self.keep(self.sources.range(from, until))?.map(|entry| {
            let (key, value) = self.keep(entry)?;
            let row = SourceRow::from_bytes(&value);
            let row = row.ok_or_else(|| self.damaged("a source's row"))?;
            Ok((self.node(&key)?, row))
        });
        let (mut row, mut read) = (rows.next().transpose()?, self.next_read(from, until)?);
        let mut unseen = Vec::new();
        for _ in 0..most {
            let Some(node) = row.iter().map(|(node, _)| node).chain(&read).min().cloned() else {
                return Ok((unseen, None));
            };
            let known = row.take_if(|(known, _)| *known == node).map(|(_, row)| row);
            let is_gone = match known {
                Some(SourceRow { generation: SourceRow::GONE, .. }) => false,
                // Announced, and seen by no reconciliation: it concerns who reads it.
                Some(SourceRow { generation: 0, .. }) => read.as_ref() == Some(&node),
                Some(row) => row.generation < generation,
                None => node.kind_of_source().is_some(),
            };
            if known.is_some() {
                row = rows.next().transpose()?;
            }
            if read.as_ref() == Some(&node) {
                read = self.next_read(&edge_bounds(node.as_slice()).1, until)?;
            }
            if is_gone {
                unseen.push(node);
            }
        }
        let next = row.iter().map(|(node, _)| node).chain(&read).min();
        Ok((unseen, next.map(|node| node.as_slice().into())))
    }

    /// The first node from here on that something reads.
    fn next_read(&self, from: &[u8], until: &[u8]) -> Result<Option<Node>> {
        let first = self.edges.range(from, until).and_then(|mut range| range.next().transpose());
        let Some((key, _)) = self.keep(first)? else { return Ok(None) };
        let node = split_edge(&key).map(|(node, _)| node);
        self.node(node.unwrap_or_default()).map(Some)
    }

    fn node(&self, bytes: &[u8]) -> Result<Node> {
        Node::from_slice(bytes).ok_or_else(|| self.damaged("a dependency"))
    }

    /// How a page reads a node.
    pub(crate) fn edge(&self, node: &[u8], reader: &[u8]) -> Result<Option<EdgeRow>> {
        let key = edge_key(node, reader);
        self.row(("edges", &self.edges), key.as_slice(), "a dependency", EdgeRow::from_bytes)
    }
}

impl<'s, 't> Links<'s, Table<'t, Key, Key>> {
    pub(super) fn to_write(file: &'s OpenFile, txn: &'t WriteTransaction) -> Result<Self> {
        Self::over(file, |table| txn.open_table(table))
    }

    pub(super) fn put_source(&mut self, node: &[u8], row: SourceRow) {
        self.sources.put(node, &row.to_bytes());
    }

    pub(super) fn remove_source(&mut self, node: &[u8]) {
        self.sources.remove(node);
    }

    pub(super) fn put_edge(&mut self, node: &[u8], reader: &[u8], row: &EdgeRow) {
        let key = edge_key(node, reader);
        let key = key.as_slice();
        if row.is_empty() { self.edges.remove(key) } else { self.edges.put(key, &row.to_bytes()) }
    }

    fn put_deps(&mut self, page: &[u8], row: &DepsRow) {
        if row.is_empty() { self.deps.remove(page) } else { self.deps.put(page, &row.to_bytes()) }
    }

    /// Writes what was staged.
    pub(super) fn write(&mut self) -> Result<()> {
        let written = self.tables().into_iter().try_for_each(StagedRows::write);
        self.keep(written)
    }

    /// Writes what was staged of a table if it is much.
    pub(super) fn settle(&mut self) -> Result<()> {
        let settled = self.tables().into_iter().try_for_each(StagedRows::settle);
        self.keep(settled)
    }

    pub(super) fn tables(&mut self) -> [&mut StagedRows<Table<'t, Key, Key>>; 4] {
        [&mut self.deps, &mut self.edges, &mut self.marks, &mut self.sources]
    }

    /// Makes the sets of a page the given ones: edges follow. `relinks` says which slots read another
    /// now.
    pub(super) fn relink(
        &mut self,
        page: &[u8],
        before: &DepsRow,
        after: &DepsRow,
        relinks: &Relinks,
    ) -> Result<()> {
        if let (Some((slots, to)), true) = (relinks.only(), before.is_empty()) {
            // Most often: a page that was filled at once, from what all of its records have read.
            if let Some(set) = after.get(to) {
                self.link(page, slots, set)?;
            }
            if !after.is_empty() {
                self.put_deps(page, after);
            }
            return Ok(());
        }
        let empty = DependencySet::default();
        for ((from, to), slots) in &relinks.0 {
            let from = before.get(*from).unwrap_or(&empty);
            let to = after.get(*to).unwrap_or(&empty);
            if from == to {
                continue;
            }
            let (from, to) = (from.by_node(), to.by_node());
            let nothing: NodeReads = (Vec::new(), None);
            let gone = from.keys().filter(|node| !to.contains_key(*node));
            let gone = gone.map(|node| (node, &nothing));
            let new = to.iter().filter(|(node, reads)| from.get(*node) != Some(*reads));
            for (node, (reads, version)) in new.chain(gone) {
                let mut edge = self.edge(node.as_slice(), page)?.unwrap_or_default();
                slots.runs().for_each(|run| edge.set(run, reads, *version));
                self.put_edge(node.as_slice(), page, &edge);
            }
        }
        if before != after {
            self.put_deps(page, after);
        }
        Ok(())
    }

    /// Links a page that reads nothing yet to what these slots have read.
    fn link(&mut self, page: &[u8], slots: SlotSet, set: &DependencySet) -> Result<()> {
        let mut read: Vec<&Dependency> = set.0.iter().collect();
        read.sort_by(|one, other| one.node.cmp(&other.node));
        // Most edges say what the one before says.
        let mut last: Option<(&[&Dependency], Vec<u8>)> = None;
        for reads in read.chunk_by(|one, next| one.node == next.node) {
            let says = |read: &&Dependency| (read.slots, read.version);
            let alike = last.filter(|(last, _)| last.iter().map(says).eq(reads.iter().map(says)));
            let row = alike.map(|(_, row)| row).unwrap_or_else(|| {
                let of_it: Vec<(u16, u16)> = reads.iter().map(|read| read.slots).collect();
                let mut edge = EdgeRow::default();
                slots.runs().for_each(|run| edge.set(run, &of_it, reads[0].version));
                edge.to_bytes()
            });
            self.edges.put(edge_key(reads[0].node.as_slice(), page).as_slice(), &row);
            last = Some((reads, row));
            let settled = self.edges.settle();
            self.keep(settled)?;
        }
        Ok(())
    }

    /// Forgets a page that is no more: what it read, and its marks.
    pub(super) fn forget(&mut self, page: &[u8]) -> Result<()> {
        if let Some(deps) = self.deps(page)? {
            for node in deps.nodes() {
                self.edges.remove(edge_key(node.as_slice(), page).as_slice());
            }
            self.deps.remove(page);
        }
        self.forget_marks(page);
        Ok(())
    }
}

/// Slots of a page that read one set before and another now: (from, to) -> which; zero is none.
#[derive(Debug, Default)]
pub(super) struct Relinks(BTreeMap<(u32, u32), Box<SlotSet>>);

impl Relinks {
    /// Some slots read this set before and read that one now.
    pub(super) fn add(&mut self, slots: SlotSet, from: u32, to: u32) {
        let moved = self.0.entry((from, to)).or_default();
        **moved = moved.union(slots);
    }

    /// All of them and the set that they read now, if they read one before and one now.
    fn only(&self) -> Option<(SlotSet, u32)> {
        let mut relinks = self.0.iter();
        let ((_, to), slots) = relinks.next()?;
        relinks.next().is_none().then_some((**slots, *to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::Slot;

    #[test]
    fn slots_that_move_alike_are_one_wherever_they_lie() {
        let mut relinks = Relinks::default();
        for (slot, from, to) in [(0, 1, 2), (1, 1, 2), (4, 1, 3), (3, 1, 2), (5, 2, 3), (6, 2, 3)] {
            relinks.add(SlotSet::one(Slot(slot)), from, to);
        }
        let set = |slots: &[u32]| slots.iter().copied().map(Slot).collect::<SlotSet>();
        let expected = [((1, 2), set(&[0, 1, 3])), ((1, 3), set(&[4])), ((2, 3), set(&[5, 6]))];
        let moved = relinks.0.iter().map(|(ends, slots)| (*ends, **slots));
        assert!(moved.eq(expected), "{relinks:?}");
        assert!(relinks.only().is_none());
        let mut relinks = Relinks::default();
        relinks.add(set(&[0, 1]), 0, 1);
        relinks.add(set(&[2]), 0, 1);
        assert_eq!(relinks.only(), Some((set(&[0, 1, 2]), 1)));
    }
}
