//! quick_cache: a hash table in shards with S3-FIFO, in memory.

use std::ops::Range;
use std::sync::Arc;

use quick_cache::sync::Cache;

use crate::data::Data;
use crate::key::Key;
use crate::record::{Exposure, RecordBytes};

use super::{Engine, Reader};

/// As its documentation has it: its own fast hasher, one unit of weight a record, values that are
/// cheap to clone. Twice the room that is needed, so that no shard has to drop a record.
struct QuickCache(Cache<Key, Arc<Exposure>>);

pub fn load(data: &Data) -> Box<dyn Engine> {
    let cache = Cache::new(data.len() as usize * 2);
    data.all().for_each(|nth| cache.insert(Key::nth(nth), Arc::new(data.record(nth).clone())));
    Box::new(QuickCache(cache))
}

impl Engine for QuickCache {
    fn name(&self) -> &'static str {
        "quick_cache"
    }

    fn read(&self, work: &mut dyn FnMut(&mut dyn Reader)) {
        work(&mut Handle(&self.0));
    }
}

struct Handle<'a>(&'a Cache<Key, Arc<Exposure>>);

impl Reader for Handle<'_> {
    #[inline(always)]
    fn get(&mut self, key: Key) -> Option<u64> {
        self.0.get(&key).map(|record| record.touch())
    }

    fn timeline(&mut self, entity: u32, slots: Range<u32>) -> u64 {
        slots.fold(0, |sum, slot| sum.wrapping_add(self.get(Key::at(entity, slot)).unwrap_or(0)))
    }

    fn record(&mut self, key: Key) -> Option<RecordBytes> {
        self.0.get(&key).map(|record| record.bytes())
    }
}
