//! moka: a concurrent cache with TinyLFU, in memory.

use std::ops::Range;
use std::sync::Arc;

use ahash::RandomState;
use moka::sync::Cache;

use crate::data::Data;
use crate::key::Key;
use crate::record::{Exposure, RecordBytes};

use super::{Engine, Reader};

/// As its documentation advises: `Arc` around what is dear to clone, and for small keys AHash in the
/// place of SipHash. Neither expiry nor listeners, which would cost more. Twice the room that is
/// needed.
pub type MokaCache = Cache<Key, Arc<Exposure>, RandomState>;

pub fn cache(capacity: u64) -> MokaCache {
    Cache::builder()
        .max_capacity(capacity)
        .initial_capacity(capacity as usize / 2)
        .build_with_hasher(RandomState::new())
}

struct Moka(MokaCache);

pub fn load(data: &Data) -> Box<dyn Engine> {
    let cache = cache(u64::from(data.len()) * 2);
    data.all().for_each(|nth| cache.insert(Key::nth(nth), Arc::new(data.record(nth).clone())));
    // What waits in its write buffer is put in its place now, and not while it is measured.
    cache.run_pending_tasks();
    Box::new(Moka(cache))
}

impl Engine for Moka {
    fn name(&self) -> &'static str {
        "moka"
    }

    fn read(&self, work: &mut dyn FnMut(&mut dyn Reader)) {
        work(&mut Handle(&self.0));
    }
}

struct Handle<'a>(&'a MokaCache);

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
