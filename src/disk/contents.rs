//! What makes a file a store: its tables, and what `meta` says.

use redb::{Database, ReadTransaction, ReadableDatabase, ReadableTable, ReadableTableMetadata};

use crate::error::{Error, ErrorKind, RESTORE, Result};
use crate::revision::Revision;

use super::file::{Contents, SealState, explain};
use super::shared::Shared;
use super::tables::{self, FORMAT, INTENTS, META, VIEWS, meta};
use super::view_row::ViewRow;

/// How a file is laid out at birth and recognised later.
pub(crate) const CONTENTS: Contents<'static> =
    Contents { lay_out: &lay_out, recognise: &recognise };

/// While a file is being opened nobody but the opening knows its backend, which puts a fault of its
/// own in the place of this one.
pub(super) fn explain_any(cause: impl Into<redb::Error>) -> Error {
    explain(cause, &SealState::default())
}

fn lay_out(database: &mut Database) -> Result<()> {
    let mut txn = database.begin_write().map_err(explain_any)?;
    txn.set_two_phase_commit(true);
    tables::create_all(&txn).map_err(explain_any)?;
    {
        let mut table = txn.open_table(META).map_err(explain_any)?;
        let store_id = store_id();
        let rows: [(&[u8], &[u8]); 5] = [
            (meta::FORMAT, &FORMAT.to_le_bytes()),
            (meta::STORE_ID, &store_id),
            (meta::REVISION, &0u64.to_le_bytes()),
            (meta::NEXT_VIEW, &1u32.to_le_bytes()),
            (meta::LIFE, &0u64.to_le_bytes()),
        ];
        for (name, value) in rows {
            table.insert(name, value).map_err(explain_any)?;
        }
    }
    txn.commit().map_err(explain_any)
}

/// Sixteen bytes that no other store has: from the standard library's per-process random keys,
/// which is enough for telling files apart.
fn store_id() -> [u8; 16] {
    use std::hash::{BuildHasher, RandomState};
    let half = || RandomState::new().hash_one(std::process::id()).to_le_bytes();
    let mut id = [0; 16];
    id[..8].copy_from_slice(&half());
    id[8..].copy_from_slice(&half());
    id
}

fn recognise(database: &Database) -> Result<()> {
    let txn = database.begin_read().map_err(explain_any)?;
    let foreign = || {
        Error::new(
            ErrorKind::Foreign,
            "this is a redb database of another program, not a tidetable file; choose another path",
        )
    };
    let table = match txn.open_table(META) {
        Ok(table) => table,
        Err(
            redb::TableError::TableDoesNotExist(_)
            | redb::TableError::TableTypeMismatch { .. }
            | redb::TableError::TableIsMultimap(_),
        ) => return Err(foreign()),
        Err(cause) => return Err(explain_any(cause)),
    };
    let found = table.get(meta::FORMAT).map_err(explain_any)?.ok_or_else(foreign)?;
    let format = found.value().first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
    if format == Some(FORMAT) {
        return Ok(());
    }
    let found =
        format.map_or("an unreadable format".to_owned(), |format| format!("format {format}"));
    Err(Error::new(
        ErrorKind::Foreign,
        format!(
            "the file has {found}, this release reads format {FORMAT}; use the release that wrote it"
        ),
    ))
}

/// The revision of the last operation that the file holds.
pub(crate) fn last_revision(database: &Database) -> Result<Revision> {
    let txn = database.begin_read().map_err(explain_any)?;
    Ok(Revision::from_raw(meta_u64(&txn, meta::REVISION)?))
}

/// Whether the application began changes that it did not end.
pub(crate) fn has_intents(database: &Database) -> Result<bool> {
    let txn = database.begin_read().map_err(explain_any)?;
    let intents = txn.open_table(INTENTS).map_err(explain_any)?;
    Ok(!intents.is_empty().map_err(explain_any)?)
}

fn meta_u64(txn: &ReadTransaction, name: &[u8]) -> Result<u64> {
    let table = txn.open_table(META).map_err(explain_any)?;
    let row = table.get(name).map_err(explain_any)?;
    row.and_then(|row| row.value().first_chunk().map(|bytes| u64::from_le_bytes(*bytes)))
        .ok_or_else(|| {
            Error::damaged(format!("the file's own facts (`meta`) are incomplete; {RESTORE}"))
        })
}

/// Every view in the file, by name, in a read of its own.
pub(crate) fn known_views(shared: &Shared) -> Result<Vec<(String, ViewRow)>> {
    shared.file.read(|txn| {
        let views = txn.open_table(VIEWS).map_err(|cause| shared.file.storage_error(cause))?;
        view_rows(&views)
    })
}

/// The same, of a table in hand.
pub(super) fn view_rows(
    views: &impl ReadableTable<&'static [u8], &'static [u8]>,
) -> Result<Vec<(String, ViewRow)>> {
    let mut rows = Vec::new();
    for entry in views.iter().map_err(explain_any)? {
        let (name, row) = entry.map_err(explain_any)?;
        let name = String::from_utf8_lossy(name.value()).into_owned();
        let row = ViewRow::from_bytes(&name, row.value())?;
        rows.push((name, row));
    }
    Ok(rows)
}
