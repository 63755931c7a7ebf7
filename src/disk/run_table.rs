//! Looking into the table of runs.

use redb::{ReadOnlyTable, ReadTransaction};

use crate::error::Result;

use super::chunk::Chunk;
use super::open_file::OpenFile;
use super::run_row::{CHUNK, FAILURE, FailureRow, HEAD, RunRow, row_key, split_row_key};
use super::shared::Shared;
use super::tables::RUNS;

type Key = &'static [u8];

/// The heads of all runs, oldest first: one look for each, however much work it has left. One that
/// cannot be read is reported and left out: a lost run can be begun again.
pub(crate) fn run_heads(shared: &Shared) -> Result<Vec<(u64, RunRow)>> {
    shared.file.read(|txn| {
        let runs = open(&shared.file, txn)?;
        let mut heads = Vec::new();
        let mut from = row_key(0, HEAD, 0);
        loop {
            let next = runs.range(&*from..).and_then(|mut rows| rows.next().transpose());
            let next = next.map_err(|cause| shared.file.storage_error(cause))?;
            let Some((key, row)) = next else { return Ok(heads) };
            let Some((id, tag, _)) = split_row_key(key.value()) else {
                from = [key.value(), &[0]].concat();
                continue;
            };
            if tag == HEAD {
                match RunRow::from_bytes(row.value()) {
                    Ok(head) => heads.push((id, head)),
                    Err(error) => shared.report_damage(&error),
                }
            }
            let Some(next) = id.checked_add(1) else { return Ok(heads) };
            from = row_key(next, HEAD, 0);
        }
    })
}

/// The head of a run.
pub(crate) fn run_head(shared: &Shared, id: u64) -> Result<Option<RunRow>> {
    shared.file.read(|txn| {
        let runs = open(&shared.file, txn)?;
        let key = row_key(id, HEAD, 0);
        let found = runs.get(&*key).map_err(|cause| shared.file.storage_error(cause))?;
        found.map(|row| RunRow::from_bytes(row.value())).transpose()
    })
}

/// The first chunk of a run from a number on, with its number.
pub(crate) fn first_chunk(shared: &Shared, id: u64, from: u32) -> Result<Option<(u32, Chunk)>> {
    shared.file.read(|txn| {
        let runs = open(&shared.file, txn)?;
        let (from, until) = (row_key(id, CHUNK, from), row_key(id, FAILURE, 0));
        let first = runs.range(&*from..&*until).and_then(|mut rows| rows.next().transpose());
        let first = first.map_err(|cause| shared.file.storage_error(cause))?;
        let Some((key, row)) = first else { return Ok(None) };
        let Some((_, CHUNK, number)) = split_row_key(key.value()) else { return Ok(None) };
        Ok(Some((number, Chunk::from_bytes(row.value())?)))
    })
}

/// The failures that a run lists, in the order in which they were met.
pub(crate) fn run_failures(shared: &Shared, id: u64) -> Result<Vec<FailureRow>> {
    shared.file.read(|txn| {
        let runs = open(&shared.file, txn)?;
        let (from, until) = (row_key(id, FAILURE, 0), row_key(id, FAILURE, u32::MAX));
        let rows = runs.range(&*from..&*until).map_err(|cause| shared.file.storage_error(cause))?;
        let failure = |row: std::result::Result<(_, redb::AccessGuard<'_, Key>), _>| {
            let (_, row) =
                row.map_err(|cause: redb::StorageError| shared.file.storage_error(cause))?;
            FailureRow::from_bytes(row.value())
        };
        rows.map(|row: std::result::Result<(redb::AccessGuard<'_, Key>, _), _>| failure(row))
            .collect()
    })
}

fn open(file: &OpenFile, txn: &ReadTransaction) -> Result<ReadOnlyTable<Key, Key>> {
    txn.open_table(RUNS).map_err(|cause| file.storage_error(cause))
}
