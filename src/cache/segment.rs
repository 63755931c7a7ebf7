//! One stretch of a shard: pages in the order of their last use, with their weight.

use std::hash::{BuildHasherDefault, Hasher};

use lru::LruCache;

use crate::cache::{CacheKey, Resident};
use crate::sync::Arc;

/// Pages by the hash of their key, in the order of their last use.
///
/// Two keys of one hash cannot both be here: the second takes the place of the first, which costs a
/// miss and never a wrong answer, since bytes are compared on every hit.
#[derive(Debug)]
pub(super) struct Segment<P> {
    order: LruCache<u64, Arc<Resident<P>>, BuildHasherDefault<Straight>>,
    weight: usize,
    weight_max: usize,
}

/// Keys are hashes already.
#[derive(Debug, Default)]
struct Straight(u64);

impl<P> Segment<P> {
    /// A page counts with its bytes, but with no more than `weight_max`.
    pub(super) fn new(weight_max: usize) -> Self {
        let order = LruCache::unbounded_with_hasher(BuildHasherDefault::default());
        Self { order, weight: 0, weight_max }
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    pub(super) fn weight(&self) -> usize {
        self.weight
    }

    pub(super) fn weight_of(&self, resident: &Resident<P>) -> usize {
        resident.bytes().min(self.weight_max)
    }

    /// The page, which becomes the last used one.
    pub(super) fn get(&mut self, key: CacheKey<'_>) -> Option<&Arc<Resident<P>>> {
        self.order.get(&key.hash()).filter(|resident| resident.key() == key)
    }

    /// The page, its place in the order untouched.
    pub(super) fn peek(&self, key: CacheKey<'_>) -> Option<&Arc<Resident<P>>> {
        self.order.peek(&key.hash()).filter(|resident| resident.key() == key)
    }

    /// Adds a page as the last used one. Its hash must not be here.
    pub(super) fn insert(&mut self, resident: Arc<Resident<P>>) {
        self.weight += self.weight_of(&resident);
        let old = self.order.put(resident.key().hash(), resident);
        debug_assert!(old.is_none(), "a page took the place of another unseen");
    }

    /// Adds a page as the one that was not used for longest. Its hash must not be here.
    pub(super) fn insert_oldest(&mut self, resident: Arc<Resident<P>>) {
        let hash = resident.key().hash();
        self.insert(resident);
        self.order.demote(&hash);
    }

    /// Whether a page of this hash is here.
    pub(super) fn has_hash(&self, hash: u64) -> bool {
        self.order.contains(&hash)
    }

    /// Swaps the page of this key, if it is here, and keeps its place in the order.
    pub(super) fn replace(&mut self, resident: &Arc<Resident<P>>) -> Option<Arc<Resident<P>>> {
        let key = resident.key();
        let place = self.order.peek_mut(&key.hash()).filter(|old| old.key() == key)?;
        let old = std::mem::replace(place, Arc::clone(resident));
        self.weight += self.weight_of(resident);
        self.weight -= self.weight_of(&old);
        Some(old)
    }

    /// Takes out whichever page has this hash.
    pub(super) fn remove(&mut self, hash: u64) -> Option<Arc<Resident<P>>> {
        let resident = self.order.pop(&hash)?;
        self.weight -= self.weight_of(&resident);
        Some(resident)
    }

    /// Takes out the page that was not used for longest.
    pub(super) fn pop_oldest(&mut self) -> Option<Arc<Resident<P>>> {
        let (_, resident) = self.order.pop_lru()?;
        self.weight -= self.weight_of(&resident);
        Some(resident)
    }

    pub(super) fn latest_first(&self) -> impl Iterator<Item = &Arc<Resident<P>>> {
        self.order.iter().map(|(_, resident)| resident)
    }

    pub(super) fn oldest_first(&self) -> impl Iterator<Item = &Arc<Resident<P>>> {
        self.order.iter().rev().map(|(_, resident)| resident)
    }

    #[cfg(any(test, fuzzing))]
    pub(super) fn validate(&self) {
        let weight: usize = self.oldest_first().map(|resident| self.weight_of(resident)).sum();
        assert_eq!(weight, self.weight, "the weight of a segment is not that of its pages");
        for (&hash, resident) in &self.order {
            assert_eq!(hash, resident.key().hash(), "a page lies under another's hash");
            assert!(!resident.is_retired(), "a retired page is still cached");
        }
    }
}

impl Hasher for Straight {
    fn write(&mut self, _: &[u8]) {
        unreachable!("only hashes are hashed here");
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
