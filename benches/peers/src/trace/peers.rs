//! The peers that keep what they hold in memory: each entry weighs one.

use super::ratio::Cache;

/// As its own example sets it up: a number of entries, all else by default.
pub(super) struct QuickCache(quick_cache::sync::Cache<u32, u32>);

/// As its own example sets it up: W-TinyLFU with a window that adapts, by default.
pub(super) struct Moka(moka::sync::Cache<u32, u32>);

/// With the policy that it calls the general one, W-TinyLFU, and one shard: one thread asks, and
/// what shards cannot lend each other would cost it hits.
pub(super) struct Foyer(foyer::Cache<u32, u32>);

impl QuickCache {
    pub(super) fn new(capacity: usize) -> Self {
        Self(quick_cache::sync::Cache::new(capacity))
    }
}

impl Moka {
    pub(super) fn new(capacity: usize) -> Self {
        Self(moka::sync::Cache::new(capacity as u64))
    }
}

impl Foyer {
    pub(super) fn new(capacity: usize) -> Self {
        let eviction = foyer::LfuConfig::default();
        let cache = foyer::CacheBuilder::new(capacity).with_shards(1);
        Self(cache.with_eviction_config(eviction).build())
    }
}

impl Cache for QuickCache {
    fn ask(&self, key: u32) -> bool {
        let hit = self.0.get(&key).is_some();
        if !hit {
            self.0.insert(key, key);
        }
        hit
    }
}

impl Cache for Moka {
    fn ask(&self, key: u32) -> bool {
        let hit = self.0.get(&key).is_some();
        if !hit {
            self.0.insert(key, key);
        }
        hit
    }
}

impl Cache for Foyer {
    fn ask(&self, key: u32) -> bool {
        let hit = self.0.get(&key).is_some();
        if !hit {
            self.0.insert(key, key);
        }
        hit
    }
}
