//! Writing rows into a file that is being born.

use redb::{Database, Durability, TableDefinition};

use crate::error::Result;

use super::contents::explain_any;
use super::tables;

/// Rows of a commit, about: they are in memory until it.
const BYTES_AT_ONCE: usize = 4 << 20;

/// Puts rows into the tables of a new file, some megabytes in a transaction. Given in order they
/// stand in order.
pub(super) struct Scribe<'d> {
    database: &'d mut Database,
    table: &'static str,
    waiting: Vec<(Vec<u8>, Vec<u8>)>,
    bytes: usize,
    /// Rows written so far, each key once.
    pub(super) rows: u64,
}

impl<'d> Scribe<'d> {
    /// Lays out the tables.
    pub(super) fn new(database: &'d mut Database) -> Result<Self> {
        let txn = database.begin_write().map_err(explain_any)?;
        tables::create_all(&txn).map_err(explain_any)?;
        txn.commit().map_err(explain_any)?;
        Ok(Self { database, table: "meta", waiting: Vec::new(), bytes: 0, rows: 0 })
    }

    pub(super) fn put(&mut self, table: &'static str, key: &[u8], row: &[u8]) -> Result<()> {
        if table != self.table || self.bytes >= BYTES_AT_ONCE {
            self.write()?;
            self.table = table;
        }
        self.bytes += key.len() + row.len();
        self.waiting.push((key.to_vec(), row.to_vec()));
        Ok(())
    }

    fn write(&mut self) -> Result<()> {
        self.bytes = 0;
        if self.waiting.is_empty() {
            return Ok(());
        }
        let mut txn = self.database.begin_write().map_err(explain_any)?;
        // Nobody knows the file yet: it is synced as a whole, before it gets its name.
        txn.set_durability(Durability::None).map_err(explain_any)?;
        {
            let table: tables::Bytes = TableDefinition::new(self.table);
            let mut table = txn.open_table(table).map_err(explain_any)?;
            for (key, row) in self.waiting.drain(..) {
                let before = table.insert(&*key, &*row).map_err(explain_any)?;
                self.rows += u64::from(before.is_none());
            }
        }
        txn.commit().map_err(explain_any)
    }

    /// Ends the writing: everything is synced, and what is free is given back.
    pub(super) fn finish(mut self) -> Result<u64> {
        self.write()?;
        let sync = |database: &Database| {
            let mut txn = database.begin_write().map_err(explain_any)?;
            txn.set_two_phase_commit(true);
            txn.commit().map_err(explain_any)
        };
        sync(self.database)?;
        self.database.compact().map_err(explain_any)?;
        sync(self.database)?;
        Ok(self.rows)
    }
}
