//! One write transaction in the making.

use redb::{Table, WriteTransaction};

use crate::error::{Error, Result};
use crate::graph::MarkRow;
use crate::revision::Revision;
use crate::sync::Arc;

use super::backlog::Backlog;
use super::ledger::Ledger;
use super::links::Links;
use super::live_stamp::LiveStamp;
use super::shared::Shared;
use super::staged_pages::{Change, StagedPages, What};
use super::tables::{self, VIEWS};
use super::view_row::ViewRow;
use super::view_table::ViewTable;

/// Operations staged one after the other, to be committed together.
pub(crate) struct Batch<'t> {
    shared: &'t Shared,
    txn: &'t WriteTransaction,
    pub(super) ledger: &'t mut Ledger,
    pub(super) pages: StagedPages<'t>,
    pub(super) links: Links<'t, Table<'t, &'static [u8], &'static [u8]>>,
    pub(super) backlog: Backlog<'t, Table<'t, &'static [u8], &'static [u8]>>,
    revision: Revision,
    /// Whether an operation has written what must not be lost.
    must_sync: bool,
    /// Whether records that had no mark have one now.
    pub(super) newly_marked: bool,
    /// Whether pages were left behind that no view refers to.
    sweeps: bool,
    /// The first failure of the file below: the whole transaction is void.
    fault: Option<Error>,
}

impl<'t> Batch<'t> {
    pub(crate) fn new(
        shared: &'t Shared,
        txn: &'t WriteTransaction,
        ledger: &'t mut Ledger,
        last: Revision,
    ) -> Result<Self> {
        Ok(Self {
            shared,
            txn,
            ledger,
            pages: StagedPages::new(shared, txn)?,
            links: Links::to_write(&shared.file, txn)?,
            backlog: Backlog::to_write(&shared.file, txn)?,
            revision: last,
            must_sync: false,
            newly_marked: false,
            sweeps: false,
            fault: None,
        })
    }

    /// Moves the clock on: the next operation begins, or what one does after its own records.
    pub(crate) fn step(&mut self) {
        self.revision = self.revision.next();
    }

    /// The revision at which is staged what comes now.
    pub(crate) fn revision(&self) -> Revision {
        self.revision
    }

    pub(crate) fn shared(&self) -> &'t Shared {
        self.shared
    }

    pub(crate) fn txn(&self) -> &'t WriteTransaction {
        self.txn
    }

    /// The failure that voids the transaction, if there was one.
    pub(crate) fn fault(&self) -> Option<&Error> {
        let own = self.fault.as_ref().or_else(|| self.pages.fault());
        own.or_else(|| self.links.fault()).or_else(|| self.backlog.fault())
    }

    /// Says why nothing of the transaction can be right: the first reason stays.
    pub(crate) fn void(&mut self, error: Error) -> Error {
        self.fault.get_or_insert(error).clone()
    }

    /// The rows of all views, as this transaction will leave them.
    pub(crate) fn views(&mut self) -> &mut ViewTable {
        &mut self.ledger.views
    }

    /// Keeps a failure of the file below: from here on nothing of this transaction can be right.
    pub(crate) fn keep<T>(&mut self, result: Result<T, impl Into<redb::Error>>) -> Result<T> {
        result.map_err(|cause| {
            let error = self.shared.file.storage_error(cause);
            self.fault.get_or_insert(error).clone()
        })
    }

    /// Says that something was written that must not be lost.
    pub(crate) fn must_sync(&mut self) {
        self.must_sync = true;
    }

    /// Says that pages are left behind that no view refers to.
    pub(crate) fn expect_sweep(&mut self) {
        self.sweeps = true;
    }

    /// Removes a page that no view refers to any more, with all that is known of it; it is in
    /// nobody's memory.
    pub(crate) fn sweep(&mut self, key: &[u8]) -> Result<()> {
        self.links.forget(key)?;
        self.links.settle()?;
        self.pages.remove(key)
    }

    /// Notes which pages are used most.
    pub(super) fn note_hottest(&mut self, row: &[u8]) -> Result<()> {
        let table = self.txn.open_table(tables::META);
        let mut table = self.keep(table)?;
        let noted = table.insert(tables::meta::WARM, row).map(drop);
        self.keep(noted)
    }

    /// Writes what was staged.
    pub(crate) fn finish(mut self) -> Result<Written> {
        let (mut changes, written) = self.pages.write()?;
        let marked = self.write_marks(&mut changes)?;
        self.links.write()?;
        let stamps = self.write_views()?;
        let meta = self.txn.open_table(tables::META);
        let mut meta = self.keep(meta)?;
        let revision = self.revision.get().to_le_bytes();
        let kept = meta.insert(tables::meta::REVISION, revision.as_slice()).map(drop);
        self.keep(kept)?;
        let (last, sweeps, must_sync) = (self.revision, self.sweeps, self.must_sync);
        let (bytes, newly_marked) = (written + marked, self.newly_marked);
        Ok(Written { changes, stamps, bytes, last, sweeps, must_sync, newly_marked })
    }

    /// Writes the marks that have changed. A page that is replaced has its marks before anybody
    /// sees it; others are changes of their own.
    fn write_marks(&mut self, changes: &mut Vec<Change>) -> Result<usize> {
        let marked = self.links.write_marks();
        let written = marked.keys().map(|key| key.len() + size_of::<MarkRow>()).sum();
        let mut replaced = Vec::with_capacity(changes.len());
        for change in &*changes {
            if let What::Replaced { page, .. } = &change.what {
                let row = match marked.get(&change.key) {
                    Some(row) => Some(row.clone()),
                    None => self.links.marks(&change.key)?,
                };
                if let Some(row) = row {
                    page.marks().raise(row.stale().words(), row.suspect().words());
                }
            }
            replaced.push(change.key.clone());
        }
        for (key, row) in marked {
            if replaced.binary_search(&key).is_err() {
                changes.push(Change { key, what: What::Marked(row) });
            }
        }
        Ok(written)
    }

    fn write_views(&mut self) -> Result<Vec<(Arc<LiveStamp>, ViewRow)>> {
        let dirty = self.ledger.views.take_dirty();
        if dirty.is_empty() {
            return Ok(Vec::new());
        }
        let views = self.txn.open_table(VIEWS);
        let mut views = self.keep(views)?;
        let mut stamps = Vec::new();
        for (name, kept) in dirty {
            let written = match kept {
                Some((row, own)) => {
                    let written = views.insert(name.as_bytes(), &*row.to_bytes()).map(drop);
                    stamps.push((own, row));
                    written
                }
                None => views.remove(name.as_bytes()).map(drop),
            };
            self.keep(written)?;
        }
        Ok(stamps)
    }
}

/// What a batch wrote, before it is committed.
pub(crate) struct Written {
    pub(crate) changes: Vec<Change>,
    /// Views whose row has changed, with what their readers look at.
    pub(crate) stamps: Vec<(Arc<LiveStamp>, ViewRow)>,
    pub(crate) bytes: usize,
    /// The revision of the last operation.
    pub(crate) last: Revision,
    /// Whether pages were left behind that no view refers to.
    pub(crate) sweeps: bool,
    /// Whether something was written that must not be lost.
    pub(crate) must_sync: bool,
    /// Whether records that had no mark have one now.
    pub(crate) newly_marked: bool,
}
