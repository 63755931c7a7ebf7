//! foyer: the memory part of a hybrid cache.

use std::ops::Range;

use foyer::{Cache, CacheBuilder};

use crate::data::Data;
use crate::key::Key;
use crate::record::{Exposure, RecordBytes};

use super::{Engine, Reader};

/// As its README has it: the default policy, hasher and shards (8). An entry that is found is a
/// counted reference by itself, so records stand in it as they are. Twice the room that is needed.
struct Foyer(Cache<Key, Exposure>);

pub fn load(data: &Data) -> Box<dyn Engine> {
    let cache: Cache<Key, Exposure> = CacheBuilder::new(data.len() as usize * 2).build();
    for nth in data.all() {
        cache.insert(Key::nth(nth), data.record(nth).clone());
    }
    Box::new(Foyer(cache))
}

impl Engine for Foyer {
    fn name(&self) -> &'static str {
        "foyer"
    }

    fn read(&self, work: &mut dyn FnMut(&mut dyn Reader)) {
        work(&mut Handle(&self.0));
    }
}

struct Handle<'a>(&'a Cache<Key, Exposure>);

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
