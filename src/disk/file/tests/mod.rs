//! The file as a whole, from birth to close.

mod behind;
mod birth;
mod crash;
mod damage;
pub(in crate::disk) mod memory;
mod opening;
mod overlay;
mod sealing;

use super::*;
use crate::error::{Error, ErrorKind, Result};
use redb::{Database, Durability, ReadableDatabase, TableDefinition};
use std::path::Path;

const TABLE: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("numbers");

/// A small file of ours: one table.
const OURS: Contents<'_> = Contents {
    lay_out: &|database| {
        put(database, 0, b"laid out");
        Ok(())
    },
    recognise: &|database| {
        let read = database.begin_read().map_err(|error| Error::input(error.to_string()))?;
        let opened = read.open_table(TABLE);
        opened.map(|_| ()).map_err(|_| Error::new(ErrorKind::Foreign, "no tables of ours"))
    },
};

fn creating() -> FileOptions {
    FileOptions { create: true, redb_cache_bytes: 1 << 20, ..FileOptions::default() }
}

fn existing() -> FileOptions {
    FileOptions { create: false, ..creating() }
}

fn reading() -> FileOptions {
    FileOptions { read_only: true, ..existing() }
}

fn put(database: &Database, key: u64, value: &[u8]) {
    try_put(database, key, value).unwrap();
}

/// One synced commit of two phases.
fn try_put(database: &Database, key: u64, value: &[u8]) -> std::result::Result<(), redb::Error> {
    let mut write = database.begin_write()?;
    write.set_durability(Durability::Immediate)?;
    write.set_two_phase_commit(true);
    write.open_table(TABLE)?.insert(key, value)?;
    write.commit()?;
    Ok(())
}

fn try_get(database: &Database, key: u64) -> std::result::Result<Option<Vec<u8>>, redb::Error> {
    let table = database.begin_read()?.open_table(TABLE)?;
    Ok(table.get(key)?.map(|value| value.value().to_vec()))
}

fn get(database: &Database, key: u64) -> Option<Vec<u8>> {
    try_get(database, key).unwrap()
}

/// A file at the path with twenty rows, closed cleanly.
fn filled(path: &Path) {
    let opened = open(path, &creating(), OURS).unwrap();
    for key in 0..20 {
        put(&opened.database, key, &[key as u8; 100]);
    }
    close(opened.database, &opened.seal, opened.home).unwrap();
}

fn kind_of<T>(result: Result<T>) -> ErrorKind {
    result.err().expect("this must fail").kind()
}
