//! fjall: a log-structured merge tree, with a row for each record.

use std::ops::Range;
use std::path::Path;

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use crate::data::Data;
use crate::key::Key;
use crate::record::{RecordBytes, touch_bytes};

use super::{Engine, FileEngine, Reader, Writer};

/// As its documentation advises: a block cache with room for everything, blocks and LZ4 as by
/// default, much at once through its ingestion of what is sorted, and `SyncAll` where something has
/// to be durable.
struct Fjall {
    database: Database,
    records: Keyspace,
}

pub fn open(folder: &Path, cache_bytes: usize) -> Box<dyn FileEngine> {
    let cache_bytes = cache_bytes as u64;
    let database = Database::builder(folder.join("fjall")).cache_size(cache_bytes).open();
    let database = database.expect("fjall opens");
    let records = database.keyspace("exposure", KeyspaceCreateOptions::default);
    Box::new(Fjall { records: records.expect("a keyspace"), database })
}

impl Engine for Fjall {
    fn name(&self) -> &'static str {
        "fjall"
    }

    fn read(&self, work: &mut dyn FnMut(&mut dyn Reader)) {
        work(&mut Handle(self));
    }
}

impl FileEngine for Fjall {
    fn load(&self, data: &Data) {
        let mut ingestion = self.records.start_ingestion().expect("an ingestion");
        for nth in data.all() {
            ingestion
                .write(Key::nth(nth).bytes(), data.bytes(nth).as_slice())
                .expect("a row in order");
        }
        ingestion.finish().expect("fjall ingests");
        self.database.persist(PersistMode::SyncAll).expect("fjall syncs");
    }

    fn write(&self, work: &mut dyn FnMut(&mut dyn Writer)) {
        work(&mut Handle(self));
    }

    fn close(self: Box<Self>) {
        self.database.persist(PersistMode::SyncAll).expect("fjall syncs");
    }
}

struct Handle<'a>(&'a Fjall);

impl Reader for Handle<'_> {
    #[inline(always)]
    fn get(&mut self, key: Key) -> Option<u64> {
        self.0.records.get(key.bytes()).expect("fjall reads").map(|value| touch_bytes(&value))
    }

    fn timeline(&mut self, entity: u32, slots: Range<u32>) -> u64 {
        let (from, to) = (Key::at(entity, slots.start).bytes(), Key::at(entity, slots.end).bytes());
        self.0
            .records
            .range(from..to)
            .fold(0, |sum, row| sum.wrapping_add(touch_bytes(&row.value().expect("fjall reads"))))
    }

    fn record(&mut self, key: Key) -> Option<RecordBytes> {
        let found = self.0.records.get(key.bytes()).expect("fjall reads");
        found.and_then(|value| value.as_ref().try_into().ok())
    }
}

impl Writer for Handle<'_> {
    fn put(&mut self, data: &Data, nths: &[u32]) {
        let mut batch = self.0.database.batch().durability(Some(PersistMode::SyncAll));
        for nth in nths {
            batch.insert(&self.0.records, Key::nth(*nth).bytes(), data.bytes(*nth).as_slice());
        }
        batch.commit().expect("fjall commits");
    }
}
