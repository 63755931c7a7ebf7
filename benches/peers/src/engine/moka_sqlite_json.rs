//! What an application writes by hand: moka in front of SQLite, with records as JSON.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rusqlite::{Connection, OptionalExtension, params};

use crate::data::Data;
use crate::key::Key;
use crate::record::{Exposure, RecordBytes};

use super::moka::{MokaCache, cache};
use super::{Engine, FileEngine, Reader, Writer};

/// Both set up as they are alone (a log, no row numbers, statements prepared once and kept by the
/// connection). The cache has a tenth of its memory for the file and the rest for records, of which
/// it keeps so many as fit by their size and half as much again for its own structures.
pub struct MokaSqliteJson {
    cache: MokaCache,
    connection: Mutex<Connection>,
}

const FILE: &str = "json.db";
const RECORD_COST: usize = size_of::<Exposure>() + size_of::<Exposure>() / 2;
const GET: &str = "SELECT record FROM exposure WHERE entity = ?1 AND start = ?2";
const PUT: &str = "INSERT OR REPLACE INTO exposure VALUES (?1, ?2, ?3)";

pub fn open(folder: &Path, cache_bytes: usize) -> Box<dyn FileEngine> {
    Box::new(MokaSqliteJson {
        cache: cache((cache_bytes * 9 / 10 / RECORD_COST) as u64),
        connection: Mutex::new(connect(folder.join(FILE), cache_bytes / 10)),
    })
}

fn connect(file: PathBuf, cache_bytes: usize) -> Connection {
    let connection = Connection::open(file).expect("SQLite opens");
    let settings = format!(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;
         PRAGMA cache_size = -{};
         CREATE TABLE IF NOT EXISTS exposure (
             entity INTEGER NOT NULL, start INTEGER NOT NULL, record TEXT NOT NULL,
             PRIMARY KEY (entity, start)
         ) WITHOUT ROWID;",
        cache_bytes / 1_024,
    );
    connection.execute_batch(&settings).expect("SQLite takes its settings");
    connection
}

impl MokaSqliteJson {
    /// From the cache, or else from the file and into the cache.
    fn find(&self, key: Key) -> Option<Arc<Exposure>> {
        self.cache.get(&key).or_else(|| {
            let record = Arc::new(self.load_one(key)?);
            self.cache.insert(key, record.clone());
            Some(record)
        })
    }

    fn load_one(&self, key: Key) -> Option<Exposure> {
        let connection = self.connection.lock().expect("no reader panicked");
        let mut get = connection.prepare_cached(GET).expect("a statement");
        let text = get.query_row(params![key.entity, key.start], |row| row.get::<_, String>(0));
        let text = text.optional().expect("SQLite reads")?;
        Some(serde_json::from_str(&text).expect("what was written as JSON"))
    }

    fn insert(&self, data: &Data, nths: impl Iterator<Item = u32>) {
        let mut connection = self.connection.lock().expect("no reader panicked");
        let transaction = connection.transaction().expect("SQLite begins");
        {
            let mut put = transaction.prepare_cached(PUT).expect("a statement");
            for nth in nths {
                let key = Key::nth(nth);
                let text = serde_json::to_string(data.record(nth)).expect("numbers are JSON");
                put.execute(params![key.entity, key.start, text]).expect("a row");
            }
        }
        transaction.commit().expect("SQLite commits");
    }
}

impl Engine for MokaSqliteJson {
    fn name(&self) -> &'static str {
        "moka_sqlite_json"
    }

    fn read(&self, work: &mut dyn FnMut(&mut dyn Reader)) {
        work(&mut Handle(self));
    }
}

impl FileEngine for MokaSqliteJson {
    fn load(&self, data: &Data) {
        let checkpoints = |pages: u32| {
            let connection = self.connection.lock().expect("no reader panicked");
            connection.pragma_update(None, "wal_autocheckpoint", pages).expect("a setting");
        };
        checkpoints(0);
        self.insert(data, data.all());
        checkpoints(1_000);
    }

    fn write(&self, work: &mut dyn FnMut(&mut dyn Writer)) {
        work(&mut Handle(self));
    }

    fn close(self: Box<Self>) {
        let connection = self.connection.into_inner().expect("no reader panicked");
        let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
        connection.query_row(checkpoint, [], |_| Ok(())).expect("the log is carried over");
        connection.close().expect("SQLite closes");
    }
}

struct Handle<'a>(&'a MokaSqliteJson);

impl Reader for Handle<'_> {
    #[inline(always)]
    fn get(&mut self, key: Key) -> Option<u64> {
        self.0.find(key).map(|record| record.touch())
    }

    fn timeline(&mut self, entity: u32, slots: Range<u32>) -> u64 {
        slots.fold(0, |sum, slot| sum.wrapping_add(self.get(Key::at(entity, slot)).unwrap_or(0)))
    }

    fn record(&mut self, key: Key) -> Option<RecordBytes> {
        self.0.find(key).map(|record| record.bytes())
    }
}

impl Writer for Handle<'_> {
    fn put(&mut self, data: &Data, nths: &[u32]) {
        self.0.insert(data, nths.iter().copied());
        for nth in nths {
            self.0.cache.insert(Key::nth(*nth), Arc::new(data.record(*nth).clone()));
        }
    }
}
