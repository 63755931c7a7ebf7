//! A copy of a store in use.

use std::cell::Cell;
use std::fs;
use std::path::Path;

use redb::{Database, ReadTransaction, ReadableDatabase, ReadableTable, ReadableTableMetadata};

use crate::error::{Error, ErrorKind, Result};
use crate::revision::Revision;
use crate::sync::Arc;

use super::backlog::open_if_there;
use super::contents::{CONTENTS, explain_any};
use super::file::{Contents, create_new};
use super::scribe::Scribe;
use super::shared::Shared;
use super::tables::{ALL_NAMES, Bytes, meta};
use super::told::telling;
use super::view_row::ViewRow;

/// What [`Store::backup`](crate::Store::backup) wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct BackupReport {
    /// Rows of all tables.
    pub rows: u64,
    /// The length of the new file.
    pub bytes: u64,
}

/// Copies everything that is committed into a new file, row by row, in one read transaction. What is
/// told of it may use the store, and close it, which waits for the reading.
pub(crate) fn backup(
    shared: &Arc<Shared>,
    to: &Path,
    progress: &mut dyn FnMut(f64),
) -> Result<BackupReport> {
    let (shared, to) = (shared.clone(), to.to_owned());
    telling(move |tell| copy_to(&shared, &to, tell), progress)
}

fn copy_to(shared: &Shared, to: &Path, progress: &dyn Fn(f64)) -> Result<BackupReport> {
    refuse_if_taken(to)?;
    let rows = Cell::new(0);
    let cache = shared.options.file_cache_bytes();
    let lay_out = |database: &mut Database| {
        rows.set(shared.file.read(|txn| copy(shared, txn, database, progress))?);
        Ok(())
    };
    let contents = Contents { lay_out: &lay_out, ..CONTENTS };
    create_new(to, cache, contents, &|database| count(database, rows.get()))?;
    let bytes = fs::metadata(to).map_err(|cause| Error::system("looking at", to, cause))?.len();
    Ok(BackupReport { rows: rows.get(), bytes })
}

/// A copy never replaces anything.
pub(super) fn refuse_if_taken(to: &Path) -> Result<()> {
    if fs::symlink_metadata(to).is_err() {
        return Ok(());
    }
    let message = "something of that name is there, and nothing is replaced: choose another path";
    Err(Error::new(ErrorKind::Input, message).at_file(to))
}

fn copy(
    shared: &Shared,
    txn: &ReadTransaction,
    database: &mut Database,
    progress: &dyn Fn(f64),
) -> Result<u64> {
    let failed = |cause| shared.file.storage_error(cause);
    let tables: Vec<_> = ALL_NAMES
        .iter()
        .filter_map(|name| match open_if_there(&shared.file, txn, Bytes::new(name)) {
            Ok(table) => table.map(|table| Ok((*name, table))),
            Err(error) => Some(Err(error)),
        })
        .collect::<Result<_>>()?;
    let lens = tables.iter().map(|(_, table)| table.len()).sum::<Result<u64, _>>();
    let total = lens.map_err(failed)?.max(1);
    let mut scribe = Scribe::new(database)?;
    let mut copied = 0_u64;
    for (name, table) in tables {
        for entry in table.iter().map_err(failed)? {
            let (key, row) = entry.map_err(failed)?;
            match as_copied(shared, name, key.value(), row.value())? {
                Some(other) => scribe.put(name, key.value(), &other)?,
                None => scribe.put(name, key.value(), row.value())?,
            }
            copied += 1;
            if copied.is_multiple_of(1024) {
                progress(copied as f64 / total as f64);
            }
        }
    }
    let rows = scribe.finish()?;
    progress(1.0);
    Ok(rows)
}

/// A row as it has to stand in the copy, where that is another: there the clock goes on elsewhere, so
/// that the copy gives out no number that the original does; and of a file that was not closed cleanly
/// and is open to read only no record is fresh in a copy, which is closed cleanly.
fn as_copied(shared: &Shared, table: &str, key: &[u8], row: &[u8]) -> Result<Option<Vec<u8>>> {
    let ahead: Revision = shared.published().elsewhere();
    let distrusted = shared.options.read_only && shared.after_unclean_stop;
    Ok(match table {
        "meta" if key == meta::REVISION => Some(ahead.get().to_le_bytes().to_vec()),
        "views" if distrusted => {
            let row = ViewRow::from_bytes(&String::from_utf8_lossy(key), row)?;
            Some(ViewRow { stamp: row.stamp.stale_at(ahead), ..row }.to_bytes())
        }
        _ => None,
    })
}

/// Reads all of a new file once, against its seal, and counts.
pub(super) fn count(database: &Database, expected: u64) -> Result<()> {
    let txn = database.begin_read().map_err(explain_any)?;
    let mut rows = 0;
    for name in ALL_NAMES {
        let table = txn.open_table(Bytes::new(name)).map_err(explain_any)?;
        for entry in table.iter().map_err(explain_any)? {
            let (key, row) = entry.map_err(explain_any)?;
            let _ = (key.value(), row.value());
            rows += 1;
        }
    }
    if rows == expected {
        return Ok(());
    }
    Err(Error::damaged(format!("the new file holds {rows} rows of {expected}; try it again")))
}
