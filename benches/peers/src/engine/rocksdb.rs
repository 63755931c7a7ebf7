//! RocksDB: a log-structured merge tree, with a row for each record.

use std::ops::Range;
use std::path::{Path, PathBuf};

use rocksdb::{
    BlockBasedOptions, Cache, DB, DBCompressionType, DataBlockIndexType, Options, ReadOptions,
    SstFileWriter, WriteBatch, WriteOptions,
};

use crate::data::Data;
use crate::key::Key;
use crate::record::{RecordBytes, touch_bytes};

use super::{Engine, FileEngine, Reader, Writer};

/// As its wiki advises ("Setup Options and Basic Tuning"): a block cache with room for everything,
/// Bloom filters of ten bits, 16 KiB blocks with index and filters in the cache, LZ4, a hash index in
/// blocks for point look-ups; much at once as a file of sorted rows that is taken in.
struct RocksDb {
    database: DB,
    folder: PathBuf,
}

pub fn open(folder: &Path, cache_bytes: usize) -> Box<dyn FileEngine> {
    let mut options = options(cache_bytes);
    options.create_if_missing(true);
    let database = DB::open(&options, folder.join("rocksdb")).expect("RocksDB opens");
    Box::new(RocksDb { database, folder: folder.to_owned() })
}

fn options(cache_bytes: usize) -> Options {
    let mut blocks = BlockBasedOptions::default();
    blocks.set_block_cache(&Cache::new_lru_cache(cache_bytes));
    blocks.set_block_size(16 << 10);
    blocks.set_bloom_filter(10.0, false);
    blocks.set_cache_index_and_filter_blocks(true);
    blocks.set_pin_l0_filter_and_index_blocks_in_cache(true);
    blocks.set_data_block_index_type(DataBlockIndexType::BinaryAndHash);
    let mut options = Options::default();
    options.set_block_based_table_factory(&blocks);
    options.set_compression_type(DBCompressionType::Lz4);
    options.set_bytes_per_sync(1 << 20);
    options
}

impl Engine for RocksDb {
    fn name(&self) -> &'static str {
        "rocksdb"
    }

    fn read(&self, work: &mut dyn FnMut(&mut dyn Reader)) {
        work(&mut Handle(&self.database));
    }
}

impl FileEngine for RocksDb {
    fn load(&self, data: &Data) {
        let file = self.folder.join("sorted.sst");
        let options = options(1 << 20);
        let mut sorted = SstFileWriter::create(&options);
        sorted.open(&file).expect("a file of rows");
        for nth in data.all() {
            sorted.put(Key::nth(nth).bytes(), data.bytes(nth)).expect("a row in order");
        }
        sorted.finish().expect("the file is synced");
        self.database.ingest_external_file(vec![&file]).expect("RocksDB takes it in");
        std::fs::remove_file(file).expect("the file goes");
    }

    fn write(&self, work: &mut dyn FnMut(&mut dyn Writer)) {
        work(&mut Handle(&self.database));
    }

    fn close(self: Box<Self>) {
        self.database.cancel_all_background_work(true);
    }
}

struct Handle<'a>(&'a DB);

impl Reader for Handle<'_> {
    #[inline(always)]
    fn get(&mut self, key: Key) -> Option<u64> {
        let found = self.0.get_pinned(key.bytes()).expect("RocksDB reads");
        found.map(|value| touch_bytes(&value))
    }

    fn timeline(&mut self, entity: u32, slots: Range<u32>) -> u64 {
        let mut options = ReadOptions::default();
        options.set_iterate_upper_bound(Key::at(entity, slots.end).bytes());
        let mut rows = self.0.raw_iterator_opt(options);
        rows.seek(Key::at(entity, slots.start).bytes());
        let mut sum = 0_u64;
        while let Some(value) = rows.value() {
            sum = sum.wrapping_add(touch_bytes(value));
            rows.next();
        }
        sum
    }

    fn record(&mut self, key: Key) -> Option<RecordBytes> {
        let found = self.0.get_pinned(key.bytes()).expect("RocksDB reads");
        found.and_then(|value| value.as_ref().try_into().ok())
    }
}

impl Writer for Handle<'_> {
    fn put(&mut self, data: &Data, nths: &[u32]) {
        let mut batch = WriteBatch::default();
        for nth in nths {
            batch.put(Key::nth(*nth).bytes(), data.bytes(*nth));
        }
        let mut synced = WriteOptions::default();
        synced.set_sync(true);
        self.0.write_opt(batch, &synced).expect("RocksDB writes");
    }
}
