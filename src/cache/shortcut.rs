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

/// A reader's hold on a page: it stays in memory until the last one goes.
#[derive(Debug)]
pub(crate) enum Hold<P> {
    /// Counted with all other threads'.
    Shared(Arc<Resident<P>>),
    /// Counted with this thread's own: the page is one that it uses again and again.
    Leased(Arc<Lease<P>>),
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
    page: Kept<P>,
}

/// A page is kept as it came, and leased when it is used again: a lease is an allocation, which a
/// page that is used once is not worth.
#[derive(Debug)]
enum Kept<P> {
    Once(Arc<Resident<P>>),
    Leased(Arc<Lease<P>>),
}

/// Few, for what lies here stays in memory, charged to the budget, until the thread asks again.
const SLOTS: usize = 8;
/// No larger pages, for the same reason.
const BYTES_MAX: usize = 64 << 10;
/// The cache is told of every so many hits at once, or it would let go of what is used most.
const HITS_UNTOLD_MAX: u64 = 64;

impl<P> Cache<P> {
    /// The page of this key, from the thread's own table if it is there.
    #[inline]
    pub(crate) fn get_through(
        &self,
        shortcut: &mut Shortcut<P>,
        key: CacheKey<'_>,
    ) -> Option<Hold<P>> {
        if let Some(lease) = shortcut.get(self, key) {
            return Some(Hold::Leased(lease));
        }
        let resident = self.get(key)?;
        shortcut.keep(self.life(), &resident);
        Some(Hold::Shared(resident))
    }
}

impl<P> Shortcut<P> {
    pub(crate) const fn new() -> Self {
        Self { slots: [const { None }; SLOTS] }
    }

    /// The page, if this thread used it lately and the cache still stands for it.
    #[inline]
    pub(crate) fn get(&mut self, cache: &Cache<P>, key: CacheKey<'_>) -> Option<Arc<Lease<P>>> {
        let place = &mut self.slots[place(key)];
        let slot = place.as_mut()?;
        let resident = slot.page.resident();
        if resident.is_retired() {
            *place = None;
            return None;
        }
        if slot.life != cache.life() || resident.key() != key {
            return None;
        }
        slot.hits += 1;
        if slot.hits == HITS_UNTOLD_MAX {
            slot.hits = 0;
            cache.touch(key, HITS_UNTOLD_MAX);
        }
        Some(slot.page.lease())
    }

    /// Remembers a small page in the place of another.
    fn keep(&mut self, life: Life, resident: &Arc<Resident<P>>) {
        if resident.bytes() <= BYTES_MAX {
            let page = Kept::Once(Arc::clone(resident));
            self.slots[place(resident.key())] = Some(Slot { life, hits: 0, page });
        }
    }
}

impl<P> Kept<P> {
    #[inline]
    fn resident(&self) -> &Arc<Resident<P>> {
        match self {
            Self::Once(resident) => resident,
            Self::Leased(lease) => lease.resident(),
        }
    }

    #[inline]
    fn lease(&mut self) -> Arc<Lease<P>> {
        match self {
            Self::Leased(lease) => Arc::clone(lease),
            Self::Once(resident) => {
                let lease = Arc::new(Lease { resident: Arc::clone(resident) });
                *self = Self::Leased(Arc::clone(&lease));
                lease
            }
        }
    }
}

impl<P> Lease<P> {
    #[inline]
    pub(crate) fn resident(&self) -> &Arc<Resident<P>> {
        &self.resident
    }
}

impl<P> Hold<P> {
    #[inline]
    pub(crate) fn resident(&self) -> &Arc<Resident<P>> {
        match self {
            Self::Shared(resident) => resident,
            Self::Leased(lease) => lease.resident(),
        }
    }
}

impl<P> Clone for Hold<P> {
    #[inline]
    fn clone(&self) -> Self {
        match self {
            Self::Shared(resident) => Self::Shared(Arc::clone(resident)),
            Self::Leased(lease) => Self::Leased(Arc::clone(lease)),
        }
    }
}

const fn place(key: CacheKey<'_>) -> usize {
    key.hash() as usize % SLOTS
}
