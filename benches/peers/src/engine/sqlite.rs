//! SQLite (through rusqlite): a row for each record.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rusqlite::{Connection, Statement, params};

use crate::data::Data;
use crate::key::{Key, start_of};
use crate::record::{RecordBytes, touch_bytes};

use super::{Engine, FileEngine, Reader, Writer};

/// As its documentation advises: a write-ahead log; a table without a row number, its rows in the
/// order of their keys; the file mapped into memory, and a page cache with room for everything;
/// statements prepared once; one transaction for all that is loaded; one connection a thread, of which
/// one at a time writes: who finds the file locked sleeps and tries again, and of many some never
/// come to it.
struct Sqlite {
    file: PathBuf,
    cache_bytes: usize,
    /// Open as long as it is: the last connection that closes carries the log over into the file,
    /// which is not to happen within what is measured.
    keeper: Mutex<Connection>,
    /// Held by who writes.
    turn: Mutex<()>,
}

const FILE: &str = "sqlite.db";
const GET: &str = "SELECT record FROM exposure WHERE entity = ?1 AND start = ?2";
const RANGE: &str = "SELECT record FROM exposure WHERE entity = ?1 AND start >= ?2 AND start < ?3";
const PUT: &str = "INSERT OR REPLACE INTO exposure VALUES (?1, ?2, ?3)";

pub fn open(folder: &Path, cache_bytes: usize) -> Box<dyn FileEngine> {
    let file = folder.join(FILE);
    let keeper = Mutex::new(connect(&file, cache_bytes));
    Box::new(Sqlite { file, cache_bytes, keeper, turn: Mutex::new(()) })
}

fn connect(file: &Path, cache_bytes: usize) -> Connection {
    let connection = Connection::open(file).expect("SQLite opens");
    // Synced at each commit: with NORMAL, which is advised for the log, a commit is not durable.
    let settings = format!(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;
         PRAGMA cache_size = -{}; PRAGMA mmap_size = {cache_bytes};
         CREATE TABLE IF NOT EXISTS exposure (
             entity INTEGER NOT NULL, start INTEGER NOT NULL, record BLOB NOT NULL,
             PRIMARY KEY (entity, start)
         ) WITHOUT ROWID;",
        cache_bytes / 1_024,
    );
    connection.execute_batch(&settings).expect("SQLite takes its settings");
    connection
}

impl Sqlite {
    /// Gives `work` what a thread reads and writes through.
    fn with_handle(&self, work: impl FnOnce(&mut Handle<'_>)) {
        work(&mut Handle::new(&connect(&self.file, self.cache_bytes), &self.turn));
    }
}

impl Engine for Sqlite {
    fn name(&self) -> &'static str {
        "sqlite"
    }

    fn read(&self, work: &mut dyn FnMut(&mut dyn Reader)) {
        self.with_handle(|handle| work(handle));
    }
}

impl FileEngine for Sqlite {
    /// The log is not carried over into the file before the end, so that there is one sync.
    fn load(&self, data: &Data) {
        let mut connection = self.keeper.lock().expect("no load panicked");
        connection.pragma_update(None, "wal_autocheckpoint", 0).expect("a setting");
        let transaction = connection.transaction().expect("SQLite begins");
        {
            let mut put = transaction.prepare(PUT).expect("a statement");
            for nth in data.all() {
                let (key, value) = (Key::nth(nth), data.bytes(nth));
                put.execute(params![key.entity, key.start, value]).expect("a row");
            }
        }
        transaction.commit().expect("SQLite commits");
        connection.pragma_update(None, "wal_autocheckpoint", 1_000).expect("the default");
    }

    fn write(&self, work: &mut dyn FnMut(&mut dyn Writer)) {
        self.with_handle(|handle| work(handle));
    }

    fn close(self: Box<Self>) {
        let connection = self.keeper.into_inner().expect("no load panicked");
        let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
        connection.query_row(checkpoint, [], |_| Ok(())).expect("the log is carried over");
        connection.close().expect("SQLite closes");
    }
}

struct Handle<'a> {
    connection: &'a Connection,
    get: Statement<'a>,
    range: Statement<'a>,
    put: Statement<'a>,
    turn: &'a Mutex<()>,
}

impl<'a> Handle<'a> {
    fn new(connection: &'a Connection, turn: &'a Mutex<()>) -> Self {
        let [get, range, put] =
            [GET, RANGE, PUT].map(|sql| connection.prepare(sql).expect("a statement"));
        Self { connection, get, range, put, turn }
    }
}

impl Reader for Handle<'_> {
    #[inline(always)]
    fn get(&mut self, key: Key) -> Option<u64> {
        let mut rows = self.get.query(params![key.entity, key.start]).expect("SQLite reads");
        let row = rows.next().expect("SQLite reads")?;
        Some(touch_bytes(row.get_ref(0).expect("a column").as_blob().expect("a blob")))
    }

    fn timeline(&mut self, entity: u32, slots: Range<u32>) -> u64 {
        let times = params![entity, start_of(slots.start), start_of(slots.end)];
        let mut rows = self.range.query(times).expect("SQLite reads");
        let mut sum = 0_u64;
        while let Some(row) = rows.next().expect("SQLite reads") {
            let value = row.get_ref(0).expect("a column").as_blob().expect("a blob");
            sum = sum.wrapping_add(touch_bytes(value));
        }
        sum
    }

    fn record(&mut self, key: Key) -> Option<RecordBytes> {
        let mut rows = self.get.query(params![key.entity, key.start]).expect("SQLite reads");
        rows.next().expect("SQLite reads")?.get(0).ok()
    }
}

impl Writer for Handle<'_> {
    fn put(&mut self, data: &Data, nths: &[u32]) {
        let _turn = self.turn.lock().expect("no writer panicked");
        self.connection.execute_batch("BEGIN IMMEDIATE").expect("SQLite begins");
        for nth in nths {
            let (key, value) = (Key::nth(*nth), data.bytes(*nth));
            self.put.execute(params![key.entity, key.start, value]).expect("a row");
        }
        self.connection.execute_batch("COMMIT").expect("SQLite commits");
    }
}
