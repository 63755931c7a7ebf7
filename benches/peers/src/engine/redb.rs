//! redb: a copy-on-write B-tree in one file, with a row for each record.

use std::ops::Range;
use std::path::Path;

use redb::{Database, ReadOnlyTable, ReadableDatabase, TableDefinition};

use crate::data::Data;
use crate::key::{Key, KeyBytes, SLOTS};
use crate::record::{RecordBytes, touch_bytes};

use super::{Engine, FileEngine, Reader, Writer};

/// Keys and values of fixed width: redb stores no offsets for them then.
const RECORDS: TableDefinition<&KeyBytes, &RecordBytes> = TableDefinition::new("exposure");
/// A page of tidetable's a row.
const PAGES: TableDefinition<u32, &[u8]> = TableDefinition::new("pages");
const FILE: &str = "redb.db";

/// As its documentation has it: a cache with room for everything, transactions that are durable at
/// once (its default), one transaction for much.
struct Redb(Database);

pub fn open(folder: &Path, cache_bytes: usize) -> Box<dyn FileEngine> {
    let new = !folder.join(FILE).exists();
    let redb = Redb(database(folder, cache_bytes));
    if new {
        // The table is there from the beginning, as others' are.
        let transaction = redb.0.begin_write().expect("redb writes");
        drop(transaction.open_table(RECORDS).expect("a table"));
        transaction.commit().expect("redb commits");
    }
    Box::new(redb)
}

fn database(folder: &Path, cache_bytes: usize) -> Database {
    let mut builder = Database::builder();
    builder.set_cache_size(cache_bytes).create(folder.join(FILE)).expect("redb opens")
}

/// Has redb compact the file of a folder.
pub fn compact(folder: &Path) {
    let mut database = database(folder, 64 << 20);
    while database.compact().expect("redb compacts") {}
}

impl Redb {
    fn table(&self) -> ReadOnlyTable<&'static KeyBytes, &'static RecordBytes> {
        let transaction = self.0.begin_read().expect("redb reads");
        transaction.open_table(RECORDS).expect("a table")
    }

    fn insert(&self, data: &Data, nths: impl Iterator<Item = u32>) {
        let transaction = self.0.begin_write().expect("redb writes");
        {
            let mut table = transaction.open_table(RECORDS).expect("a table");
            for nth in nths {
                table.insert(&Key::nth(nth).bytes(), data.bytes(nth)).expect("a row");
            }
        }
        transaction.commit().expect("redb commits");
    }
}

impl Engine for Redb {
    fn name(&self) -> &'static str {
        "redb"
    }

    fn read(&self, work: &mut dyn FnMut(&mut dyn Reader)) {
        work(&mut Handle(self));
    }
}

impl FileEngine for Redb {
    fn load(&self, data: &Data) {
        self.insert(data, data.all());
    }

    fn write(&self, work: &mut dyn FnMut(&mut dyn Writer)) {
        work(&mut Handle(self));
    }

    fn close(self: Box<Self>) {
        drop(self);
    }
}

struct Handle<'a>(&'a Redb);

impl Reader for Handle<'_> {
    #[inline(always)]
    fn get(&mut self, key: Key) -> Option<u64> {
        let found = self.0.table().get(&key.bytes()).expect("redb reads");
        found.map(|value| touch_bytes(value.value()))
    }

    fn timeline(&mut self, entity: u32, slots: Range<u32>) -> u64 {
        let (from, to) = (Key::at(entity, slots.start).bytes(), Key::at(entity, slots.end).bytes());
        let rows = self.0.table().range::<&KeyBytes>(&from..&to).expect("redb reads");
        rows.fold(0, |sum, row| {
            let (_, value) = row.expect("redb reads");
            sum.wrapping_add(touch_bytes(value.value()))
        })
    }

    fn record(&mut self, key: Key) -> Option<RecordBytes> {
        self.0.table().get(&key.bytes()).expect("redb reads").map(|value| *value.value())
    }
}

impl Writer for Handle<'_> {
    fn put(&mut self, data: &Data, nths: &[u32]) {
        self.0.insert(data, nths.iter().copied());
    }
}

/// The pages of tidetable's file as rows of redb's: what a page costs that is not interpreted.
pub struct RedbPages(Database);

impl RedbPages {
    /// A file with so many pages.
    pub fn new(folder: &Path, cache_bytes: usize, pages: impl Iterator<Item = Vec<u8>>) -> Self {
        let loading = database(folder, 256 << 20);
        let transaction = loading.begin_write().expect("redb writes");
        {
            let mut table = transaction.open_table(PAGES).expect("a table");
            for (entity, page) in (0..).zip(pages) {
                table.insert(entity, page.as_slice()).expect("a row");
            }
        }
        transaction.commit().expect("redb commits");
        drop(loading);
        Self(database(folder, cache_bytes))
    }

    /// Gets the pages of these records, one after the other, and hands each to `look`.
    pub fn gets(&self, nths: &[u32], look: &mut dyn FnMut(&[u8], u32)) {
        let transaction = self.0.begin_read().expect("redb reads");
        let table = transaction.open_table(PAGES).expect("a table");
        for nth in nths {
            let page = table.get(nth / SLOTS).expect("redb reads").expect("the page is there");
            look(page.value(), *nth);
        }
    }
}
