//! The few pages that one thread used last.

use crate::cache::{Cache, CacheKey, Resident};
use crate::revision::Life;
use crate::sync::Arc;

/// A small table of one thread's own, in front of the cache: a hit here takes no lock and writes to
/// no memory that another thread reads.
///
/// It may hold what the cache has let go of, and then refuses it: a page that left is flagged
/// before anything can be read in its place. For a thread-local, keep one in a `RefCell` and hand
/// it to [`Cache::get_through`].
#[derive(Debug)]
pub(crate) struct Shortcut<P> {
    slots: [Option<Slot<P>>; SLOTS],
}

/// A thread's own handle of a page. Copies of it count the thread's own references; the page's
/// count, which all threads share, is left alone.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Lease<P> {
    resident: Arc<Resident<P>>,
}

#[derive(Debug)]
struct Slot<P> {
    life: Life,
    /// Hits that the cache was not told of yet.
    hits: u64,
    lease: Arc<Lease<P>>,
}

/// Few, for what lies here stays in memory, charged to the budget, until the thread asks again.
const SLOTS: usize = 8;
/// No larger pages, for the same reason.
const BYTES_MAX: usize = 64 << 10;
/// The cache is told of every so many hits at once, or it would let go of what is used most.
const HITS_UNTOLD_MAX: u64 = 64;

impl<P> Cache<P> {
    /// The page of this key, from the thread's own table if it is there.
    pub(crate) fn get_through(
        &self,
        shortcut: &mut Shortcut<P>,
        key: CacheKey<'_>,
    ) -> Option<Arc<Lease<P>>> {
        if let Some(lease) = shortcut.get(self, key) {
            return Some(lease);
        }
        Some(shortcut.put(self.life(), self.get(key)?))
    }
}

impl<P> Shortcut<P> {
    pub(crate) const fn new() -> Self {
        Self { slots: [const { None }; SLOTS] }
    }

    /// The page, if this thread used it lately and the cache still stands for it.
    pub(crate) fn get(&mut self, cache: &Cache<P>, key: CacheKey<'_>) -> Option<Arc<Lease<P>>> {
        let place = &mut self.slots[place(key)];
        let slot = place.as_mut()?;
        if slot.lease.resident.is_retired() {
            *place = None;
            return None;
        }
        if slot.life != cache.life() || slot.lease.resident.key() != key {
            return None;
        }
        slot.hits += 1;
        if slot.hits == HITS_UNTOLD_MAX {
            slot.hits = 0;
            cache.touch(key, HITS_UNTOLD_MAX);
        }
        Some(Arc::clone(&slot.lease))
    }

    /// Leases a page to this thread and, if it is small, remembers it in the place of another.
    pub(crate) fn put(&mut self, life: Life, resident: Arc<Resident<P>>) -> Arc<Lease<P>> {
        let small = resident.bytes() <= BYTES_MAX;
        let place = place(resident.key());
        let lease = Arc::new(Lease { resident });
        if small {
            self.slots[place] = Some(Slot { life, hits: 0, lease: Arc::clone(&lease) });
        }
        lease
    }
}

impl<P> Lease<P> {
    /// A handle on a page that this thread need not remember.
    pub(crate) fn new(resident: Arc<Resident<P>>) -> Self {
        Self { resident }
    }

    pub(crate) fn resident(&self) -> &Arc<Resident<P>> {
        &self.resident
    }
}

const fn place(key: CacheKey<'_>) -> usize {
    key.hash() as usize % SLOTS
}
