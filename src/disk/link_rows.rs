//! Rows of the dependency graph for an audit: what cannot be read voids nothing there.

use redb::{ReadableTable, Table, TableHandle};

use crate::error::Result;
use crate::graph::{DepsRow, EdgeRow, edge_key};

use super::links::Links;
use super::source_row::SourceRow;
use super::staged_rows::{Seen, StagedRows};

type Key = &'static [u8];

/// A row as an audit finds it: one that cannot be read voids nothing there.
pub(super) enum Stands<R> {
    Absent,
    Unreadable,
    Row(R),
}

impl<R> Stands<R> {
    fn of(found: Option<Seen<'_>>, parse: impl FnOnce(&[u8]) -> Option<R>) -> Self {
        match found {
            None => Self::Absent,
            Some(bytes) => parse(&bytes).map_or(Self::Unreadable, Self::Row),
        }
    }

    /// The row, if there is one that can be read.
    pub(super) fn row(self) -> Option<R> {
        match self {
            Self::Row(row) => Some(row),
            Self::Absent | Self::Unreadable => None,
        }
    }
}

impl<T: ReadableTable<Key, Key>> Links<'_, T> {
    pub(super) fn audit<R>(
        &self,
        table: &StagedRows<T>,
        key: &[u8],
        parse: impl FnOnce(&[u8]) -> Option<R>,
    ) -> Result<Stands<R>> {
        Ok(Stands::of(self.keep(table.get(key))?, parse))
    }

    /// A row of one of these tables as it stands; `None` of another table.
    pub(super) fn standing(&self, table: &str, key: &[u8]) -> Result<Option<Option<Vec<u8>>>>
    where
        T: TableHandle,
    {
        let tables = [&self.deps, &self.edges, &self.marks, &self.sources];
        let Some(table) = tables.into_iter().find(|open| open.name() == table) else {
            return Ok(None);
        };
        let found = self.keep(table.get(key))?;
        Ok(Some(found.map(|row| row.to_vec())))
    }

    pub(super) fn audit_deps(&self, page: &[u8]) -> Result<Stands<DepsRow>> {
        self.audit(&self.deps, page, DepsRow::from_bytes)
    }

    pub(super) fn audit_edge(&self, node: &[u8], reader: &[u8]) -> Result<Stands<EdgeRow>> {
        self.audit(&self.edges, edge_key(node, reader).as_slice(), EdgeRow::from_bytes)
    }

    pub(super) fn audit_source(&self, node: &[u8]) -> Result<Stands<SourceRow>> {
        self.audit(&self.sources, node, SourceRow::from_bytes)
    }
}

impl<'t> Links<'_, Table<'t, Key, Key>> {
    /// Removes a row whatever it says. Whether the table is one of these.
    pub(super) fn discard(&mut self, table: &str, key: &[u8]) -> bool {
        let table = self.tables().into_iter().find(|open| open.name() == table);
        table.map(|table| table.remove(key)).is_some()
    }
}
