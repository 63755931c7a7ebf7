//! The tables of the backlog beside the marks: what is wanted, what failed, what has begun.

use std::cell::OnceCell;

use redb::{
    ReadOnlyTable, ReadTransaction, ReadableTable, ReadableTableMetadata, Table, TableError,
    TableHandle, WriteTransaction,
};

use crate::error::{Error, RESTORE, Result};
use crate::graph::WantedRow;
use crate::page::{Slot, SlotSet};
use crate::revision::Revision;

use super::super::open_file::OpenFile;
use super::super::tables::{BEGUN, Bytes, FAILURES, WANTED};
use super::failure::Failure;

type Key = &'static [u8];

/// The three tables, open in one transaction: to write (`Table`) or to read (`ReadOnlyTable`).
pub(crate) struct Backlog<'s, T> {
    file: &'s OpenFile,
    wanted: T,
    /// Not there in a file that was laid out without it and is open to read only.
    failures: Option<T>,
    begun: Option<T>,
    /// The first failure of the file below.
    fault: OnceCell<Error>,
}

/// Where something stands that is kept for each record: the page's key, the slot (2 bytes, big
/// endian).
pub(super) fn record_key(page: &[u8], slot: Slot) -> Vec<u8> {
    let mut key = page.to_vec();
    key.extend_from_slice(&(slot.0 as u16).to_be_bytes());
    key
}

/// The inverse of [`record_key`].
pub(super) fn split_record_key(key: &[u8]) -> Option<(&[u8], Slot)> {
    let (page, slot) = key.split_last_chunk()?;
    Some((page, Slot(u16::from_be_bytes(*slot).into())))
}

/// A table of a file to read, if it is there.
pub(in crate::disk) fn open_if_there(
    file: &OpenFile,
    txn: &ReadTransaction,
    table: Bytes,
) -> Result<Option<ReadOnlyTable<Key, Key>>> {
    match txn.open_table(table) {
        Ok(table) => Ok(Some(table)),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(cause) => Err(file.storage_error(cause)),
    }
}

impl<'s> Backlog<'s, ReadOnlyTable<Key, Key>> {
    pub(crate) fn to_read(file: &'s OpenFile, txn: &ReadTransaction) -> Result<Self> {
        let wanted = txn.open_table(WANTED).map_err(|cause| file.storage_error(cause))?;
        let failures = open_if_there(file, txn, FAILURES)?;
        let begun = open_if_there(file, txn, BEGUN)?;
        Ok(Self { file, wanted, failures, begun, fault: OnceCell::new() })
    }
}

impl<'s, T: ReadableTable<Key, Key>> Backlog<'s, T> {
    /// The failure of the file below that voids everything, if there was one.
    pub(crate) fn fault(&self) -> Option<&Error> {
        self.fault.get()
    }

    pub(super) fn keep<V>(&self, result: Result<V, redb::StorageError>) -> Result<V> {
        result.map_err(|cause| {
            let error = self.file.storage_error(cause);
            self.fault.get_or_init(|| error).clone()
        })
    }

    fn damaged(&self, what: &str) -> Error {
        let error = Error::damaged(format!("{what} is unreadable; {RESTORE}"));
        self.fault.get_or_init(|| self.file.at_file(error)).clone()
    }

    pub(super) fn parse_wanted(&self, bytes: &[u8]) -> Result<WantedRow> {
        WantedRow::from_bytes(bytes).ok_or_else(|| self.damaged("a page's row of requests"))
    }

    pub(super) fn parse_failure(&self, bytes: &[u8]) -> Result<Failure> {
        Failure::from_bytes(bytes).ok_or_else(|| self.damaged("a note of a failure"))
    }

    pub(super) fn wanted_table(&self) -> &T {
        &self.wanted
    }

    pub(super) fn failures_table(&self) -> Option<&T> {
        self.failures.as_ref()
    }

    /// The slots of a page that are wanted.
    pub(crate) fn wanted(&self, page: &[u8]) -> Result<Option<WantedRow>> {
        if self.keep(self.wanted.is_empty())? {
            return Ok(None);
        }
        let found = self.keep(self.wanted.get(page))?;
        found.map(|row| self.parse_wanted(row.value())).transpose()
    }

    /// Why the record in a slot could not be built.
    pub(crate) fn failure(&self, page: &[u8], slot: Slot) -> Result<Option<Failure>> {
        let Some(failures) = &self.failures else { return Ok(None) };
        let found = self.keep(failures.get(&*record_key(page, slot)))?;
        found.map(|row| self.parse_failure(row.value())).transpose()
    }

    /// Slots of a page of which a try failed that began before a revision.
    pub(crate) fn failed_before(&self, page: &[u8], revision: Revision) -> Result<SlotSet> {
        let mut slots = SlotSet::EMPTY;
        let Some(failures) = &self.failures else { return Ok(slots) };
        let (first, last) = (record_key(page, Slot(0)), record_key(page, Slot(u16::MAX.into())));
        for entry in self.keep(failures.range(&*first..=&*last))? {
            let (key, row) = self.keep(entry)?;
            if let Some((_, slot)) = split_record_key(key.value())
                && self.parse_failure(row.value())?.begun < revision
            {
                slots.insert(slot);
            }
        }
        Ok(slots)
    }

    /// Calls `then` with what is wanted of each page between these keys.
    pub(crate) fn wanted_between(
        &self,
        from: &[u8],
        until: Option<&[u8]>,
        mut then: impl FnMut(&WantedRow),
    ) -> Result<()> {
        let rows = match until {
            Some(until) => self.wanted.range(from..until),
            None => self.wanted.range(from..),
        };
        for entry in self.keep(rows)? {
            let (_, row) = self.keep(entry)?;
            then(&self.parse_wanted(row.value())?);
        }
        Ok(())
    }

    /// Keys of pages of which something is wanted, from `from` (inclusive) to before `until`, at
    /// most `most`.
    pub(crate) fn wanted_keys(
        &self,
        from: &[u8],
        until: &[u8],
        most: usize,
    ) -> Result<Vec<Box<[u8]>>> {
        let listed = self.wanted.range(from..until).and_then(|range| {
            range.take(most).map(|entry| entry.map(|(key, _)| key.value().into())).collect()
        });
        self.keep(listed)
    }
}

impl<'s, 't> Backlog<'s, Table<'t, Key, Key>> {
    pub(crate) fn to_write(file: &'s OpenFile, txn: &'t WriteTransaction) -> Result<Self> {
        let open = |table| txn.open_table(table).map_err(|cause| file.storage_error(cause));
        let (wanted, failures) = (open(WANTED)?, Some(open(FAILURES)?));
        Ok(Self { file, wanted, failures, begun: Some(open(BEGUN)?), fault: OnceCell::new() })
    }

    pub(crate) fn put_wanted(&mut self, page: &[u8], row: &WantedRow) -> Result<()> {
        let kept = if row.is_empty() {
            self.wanted.remove(page).map(drop)
        } else {
            self.wanted.insert(page, &*row.to_bytes()).map(drop)
        };
        self.keep(kept)
    }

    pub(crate) fn put_failure(&mut self, page: &[u8], slot: Slot, row: &Failure) -> Result<()> {
        let Some(failures) = &mut self.failures else { return Ok(()) };
        let kept = failures.insert(&*record_key(page, slot), &*row.to_bytes()).map(drop);
        self.keep(kept)
    }

    pub(crate) fn put_begun(&mut self, page: &[u8], slot: Slot, at: &[u8]) -> Result<()> {
        let Some(begun) = &mut self.begun else { return Ok(()) };
        let kept = begun.insert(&*record_key(page, slot), at).map(drop);
        self.keep(kept)
    }

    pub(crate) fn remove_begun(&mut self, page: &[u8], slot: Slot) -> Result<()> {
        let Some(begun) = &mut self.begun else { return Ok(()) };
        let kept = begun.remove(&*record_key(page, slot)).map(drop);
        self.keep(kept)
    }

    /// A row of one of these tables as it stands; `None` of another table.
    pub(in crate::disk) fn standing(
        &self,
        table: &str,
        key: &[u8],
    ) -> Result<Option<Option<Vec<u8>>>> {
        let tables = [Some(&self.wanted), self.failures.as_ref(), self.begun.as_ref()];
        let found = tables.into_iter().flatten().find(|open| open.name() == table);
        let Some(table) = found else { return Ok(None) };
        let found = self.keep(table.get(key))?;
        Ok(Some(found.map(|row| row.value().to_vec())))
    }

    /// Removes a row whatever it says. Whether the table is one of these.
    pub(in crate::disk) fn discard(&mut self, table: &str, key: &[u8]) -> Result<bool> {
        let tables = [Some(&mut self.wanted), self.failures.as_mut(), self.begun.as_mut()];
        let found = tables.into_iter().flatten().find(|open| open.name() == table);
        let Some(table) = found else { return Ok(false) };
        let removed = table.remove(key).map(|_| true);
        self.keep(removed)
    }

    /// What stands there now, or was taken away, is wanted no more and has not failed.
    pub(crate) fn settle(&mut self, page: &[u8], slots: SlotSet) -> Result<()> {
        if let Some(mut row) = self.wanted(page)?
            && !row.wanted().intersection(slots).is_empty()
        {
            row.clear(slots);
            self.put_wanted(page, &row)?;
        }
        let tables = [self.failures.as_mut(), self.begun.as_mut()].into_iter().flatten();
        let mut settled = Ok(());
        for table in tables {
            settled = settled.and_then(|()| {
                if table.is_empty()? {
                    return Ok(());
                }
                slots.iter().try_for_each(|slot| table.remove(&*record_key(page, slot)).map(drop))
            });
        }
        self.keep(settled)
    }

    /// Forgets some of what there is between these keys; whether that was all.
    pub(crate) fn sweep(&mut self, from: &[u8], until: &[u8], most: usize) -> Result<bool> {
        let mut left = most;
        let tables = [Some(&mut self.wanted), self.failures.as_mut(), self.begun.as_mut()];
        let mut swept = Ok(());
        for table in tables.into_iter().flatten() {
            swept = swept.and_then(|()| {
                let keys: Vec<Vec<u8>> = table
                    .range(from..until)?
                    .take(left)
                    .map(|entry| entry.map(|(key, _)| key.value().to_vec()))
                    .collect::<Result<_, _>>()?;
                left -= keys.len();
                keys.iter().try_for_each(|key| table.remove(&**key).map(drop))
            });
        }
        self.keep(swept)?;
        Ok(left > 0)
    }
}
