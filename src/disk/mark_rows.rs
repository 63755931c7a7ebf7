//! The marks of pages: as the file has them, and over it as a transaction will leave them.

use redb::{ReadableTable, Table};

use crate::error::Result;
use crate::graph::MarkRow;

use super::link_rows::Stands;
use super::links::{Links, LinksToRead, StagedMarks};
use super::open_file::OpenFile;
use super::staged_rows::Seen;

type Key = &'static [u8];

impl<T: ReadableTable<Key, Key>> Links<'_, T> {
    /// The marks of a page.
    pub(crate) fn marks(&self, page: &[u8]) -> Result<Option<MarkRow>> {
        if let Some(row) = self.staged_marks.get(page) {
            return Ok(Some(row.clone()));
        }
        if self.keep(self.marks.is_empty())? {
            return Ok(None);
        }
        self.row(("marks", &self.marks), page, "a page's row of marks", MarkRow::from_bytes)
    }

    /// The same for an audit.
    pub(super) fn audit_marks(&self, page: &[u8]) -> Result<Stands<MarkRow>> {
        match self.staged_marks.get(page) {
            Some(row) if row.is_empty() => Ok(Stands::Absent),
            Some(row) => Ok(Stands::Row(row.clone())),
            None => self.audit(&self.marks, page, MarkRow::from_bytes),
        }
    }
}

impl LinksToRead<'_> {
    /// Calls `then` with the marks of each page between these keys, as the file has them.
    pub(crate) fn marks_between(
        &self,
        from: &[u8],
        until: Option<&[u8]>,
        mut then: impl FnMut(&MarkRow),
    ) -> Result<()> {
        let mut each = |row: Result<(Seen<'_>, Seen<'_>), _>| {
            let row = MarkRow::from_bytes(&self.keep(row)?.1);
            then(&row.ok_or_else(|| self.damaged("a page's row of marks"))?);
            Ok(())
        };
        match until {
            Some(until) => self.keep(self.marks.range(from, until))?.try_for_each(&mut each),
            None => self.keep(self.marks.range_from(from))?.try_for_each(&mut each),
        }
    }
}

/// The marks of a page, as the file has them now.
pub(crate) fn mark_row(file: &OpenFile, page: &[u8]) -> Result<Option<MarkRow>> {
    file.read(|txn| Links::to_read(file, txn)?.marks(page))
}

impl<'t> Links<'_, Table<'t, Key, Key>> {
    /// Has a page marked so from the commit on.
    pub(super) fn stage_marks(&mut self, page: &[u8], row: MarkRow) {
        self.staged_marks.insert(page.into(), row);
    }

    /// Writes what was staged, and says what that was.
    pub(super) fn write_marks(&mut self) -> StagedMarks {
        let staged = std::mem::take(&mut self.staged_marks);
        for (page, row) in &staged {
            if row.is_empty() {
                self.marks.remove(page);
            } else {
                self.marks.put(page, &row.to_bytes());
            }
        }
        staged
    }

    /// Forgets the marks of a page that is no more.
    pub(super) fn forget_marks(&mut self, page: &[u8]) {
        self.staged_marks.remove(page);
        self.marks.remove(page);
    }
}
