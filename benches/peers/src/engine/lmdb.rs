//! LMDB (through heed): a B-tree in a memory map, with a row for each record.

use std::ops::{Bound, Range};
use std::path::Path;

use heed::types::Bytes;
use heed::{CommitOrAbort, Database, Env, EnvOpenOptions, PutFlags, RoTxn, WithTls};

use crate::data::Data;
use crate::key::{Key, KeyBytes};
use crate::record::{RecordBytes, touch_bytes};

use super::{Engine, FileEngine, Reader, Writer};

/// As its documentation advises: a map with room to grow (it costs addresses, not memory), a reader
/// slot for each thread (the default, and what makes a short transaction cheap), `MDB_APPEND` for what
/// comes in order. Commits are synced, the default. It has no cache of its own, so no size of one.
struct Lmdb(Env<WithTls>);

const MAP_BYTES: usize = 64 << 30;

pub fn open(folder: &Path, _: usize) -> Box<dyn FileEngine> {
    let mut options = EnvOpenOptions::new();
    options.map_size(MAP_BYTES);
    // SAFETY: nobody but this process opens the folder, once at a time, and no other flag is set.
    #[expect(unsafe_code, reason = "a map of a file that others could change")]
    let env = unsafe { options.open(folder) }.expect("LMDB opens");
    let lmdb = Lmdb(env);
    lmdb.rows();
    Box::new(lmdb)
}

type Rows<'a> = Database<'a, Bytes, Bytes>;

impl Lmdb {
    /// The table, which borrows from the environment.
    fn rows(&self) -> Rows<'_> {
        let transaction = self.0.write_txn().expect("LMDB writes");
        let created = self.0.create_databases_and_commit(transaction, |create, transaction| {
            let rows = create.create_database::<Bytes, Bytes>(transaction, None)?;
            heed::Result::Ok(CommitOrAbort::<_, ()>::Commit(rows))
        });
        match created.expect("LMDB creates") {
            CommitOrAbort::Commit(rows) => rows,
            CommitOrAbort::Abort(()) => unreachable!("it is always committed"),
        }
    }
}

impl Engine for Lmdb {
    fn name(&self) -> &'static str {
        "lmdb"
    }

    fn read(&self, work: &mut dyn FnMut(&mut dyn Reader)) {
        work(&mut Handle { env: &self.0, rows: self.rows() });
    }
}

impl FileEngine for Lmdb {
    fn load(&self, data: &Data) {
        let rows = self.rows();
        let mut transaction = self.0.write_txn().expect("LMDB writes");
        for nth in data.all() {
            let key = Key::nth(nth).bytes();
            let put =
                rows.put_with_flags(&mut transaction, PutFlags::APPEND, &key, data.bytes(nth));
            put.expect("a row in order");
        }
        transaction.commit().expect("LMDB commits");
    }

    fn write(&self, work: &mut dyn FnMut(&mut dyn Writer)) {
        work(&mut Handle { env: &self.0, rows: self.rows() });
    }

    fn close(self: Box<Self>) {
        self.0.prepare_for_closing().wait();
    }
}

struct Handle<'a> {
    env: &'a Env<WithTls>,
    rows: Rows<'a>,
}

impl<'a> Handle<'a> {
    #[inline(always)]
    fn begin(&self) -> RoTxn<'a, WithTls> {
        self.env.read_txn().expect("LMDB reads")
    }
}

impl Reader for Handle<'_> {
    #[inline(always)]
    fn get(&mut self, key: Key) -> Option<u64> {
        self.rows.get(&self.begin(), &key.bytes()).expect("LMDB reads").map(touch_bytes)
    }

    fn timeline(&mut self, entity: u32, slots: Range<u32>) -> u64 {
        let (from, to): (KeyBytes, KeyBytes) =
            (Key::at(entity, slots.start).bytes(), Key::at(entity, slots.end).bytes());
        let range = (Bound::Included(from.as_slice()), Bound::Excluded(to.as_slice()));
        let transaction = self.begin();
        let rows = self.rows.range(&transaction, &range).expect("LMDB reads");
        rows.fold(0, |sum, row| sum.wrapping_add(touch_bytes(row.expect("LMDB reads").1)))
    }

    fn record(&mut self, key: Key) -> Option<RecordBytes> {
        let transaction = self.begin();
        let found = self.rows.get(&transaction, &key.bytes()).expect("LMDB reads");
        found.and_then(|value| value.try_into().ok())
    }
}

impl Writer for Handle<'_> {
    fn put(&mut self, data: &Data, nths: &[u32]) {
        let mut transaction = self.env.write_txn().expect("LMDB writes");
        for nth in nths {
            let (key, value) = (Key::nth(*nth).bytes(), data.bytes(*nth));
            self.rows.put(&mut transaction, &key, value).expect("a row");
        }
        transaction.commit().expect("LMDB commits");
    }
}
