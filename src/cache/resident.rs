//! A page in memory, with what the cache must know about it.

use crate::cache::{Budget, CacheKey, Charge, Marks};
use crate::key::KeyBuf;
use crate::sync::{Arc, AtomicBool, AtomicU32, Ordering};

/// A page with its key, its marks and whether the cache still stands for it.
///
/// Aligned so that the reference count, which lies in front of it in its allocation and is written
/// on every hit from the shards, has a cache line (two: processors fetch them in pairs) of its own.
/// All that is in here is read together on each hit and next to never written. Sharing a line with
/// the count made two threads three times as slow as one.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Resident<P> {
    retired: AtomicBool,
    marks: Marks,
    hash: u64,
    key: KeyBuf,
    value: P,
    /// How many threads have it in tables of their own.
    tables: AtomicU32,
    /// Given back when the last handle lets go, not when the cache does.
    charge: Charge,
}

/// Something that knows how many bytes of memory it takes.
pub(crate) trait Weighed {
    /// Must not change while the value is in the cache.
    fn bytes(&self) -> usize;
}

impl<P: Weighed> Resident<P> {
    /// A page with so many slots, none of them marked, charged to the budget from now on.
    pub(crate) fn new(budget: &Arc<Budget>, key: CacheKey<'_>, value: P, slots: usize) -> Self {
        let marks_bytes = 2 * slots.div_ceil(8);
        let bytes = size_of::<Self>() + BESIDE_BYTES + marks_bytes + key.bytes().len();
        Self {
            retired: AtomicBool::new(false),
            marks: Marks::new(slots),
            hash: key.hash(),
            key: key_buf(key.bytes()),
            charge: Budget::charge(budget, bytes + value.bytes()),
            value,
            tables: AtomicU32::new(0),
        }
    }
}

impl<P> Resident<P> {
    #[inline]
    pub(crate) fn key(&self) -> CacheKey<'_> {
        CacheKey::with_hash(self.hash, self.key.as_slice())
    }

    #[inline]
    pub(crate) fn value(&self) -> &P {
        &self.value
    }

    #[inline]
    pub(crate) fn marks(&self) -> &Marks {
        &self.marks
    }

    /// What it is charged with.
    pub(crate) fn bytes(&self) -> usize {
        self.charge.bytes()
    }

    /// Whether the cache no longer stands for this page: it was replaced, removed, evicted or never
    /// installed, and marks that are raised from then on do not reach it.
    #[inline]
    pub(crate) fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Acquire)
    }

    /// Notes that a thread has it in its table; whether it is the first.
    pub(super) fn enters_table(&self) -> bool {
        self.tables.fetch_add(1, Ordering::AcqRel) == 0
    }

    /// Notes that it left a thread's table; whether that was the last.
    pub(super) fn leaves_table(&self) -> bool {
        self.tables.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// For one read alone, and never in the cache.
    pub(crate) fn aside(self) -> Arc<Self> {
        self.retire();
        Arc::new(self)
    }

    pub(super) fn retire(&self) {
        self.retired.store(true, Ordering::Release);
    }
}

/// In the page itself, unless it is a long one: comparing it costs no further miss.
fn key_buf(key: &[u8]) -> KeyBuf {
    let mut buf = KeyBuf::new();
    buf.extend(key);
    buf
}

/// What a resident costs outside its own value: the reference count on lines of its own, its node
/// in the order and the map of its shard, and its part of the shard's sketch.
const BESIDE_BYTES: usize = 128 + 96 + 64;

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    impl Weighed for usize {
        fn bytes(&self) -> usize {
            *self
        }
    }

    #[test]
    fn a_page_is_charged_until_its_last_handle_drops() {
        let budget = Budget::new(1);
        let resident = Arc::new(Resident::new(&budget, CacheKey::new(b"key"), 5000_usize, 144));
        assert!(resident.bytes() > 5000);
        let other = Arc::clone(&resident);
        drop(resident);
        assert_eq!(budget.used_bytes(), other.bytes());
        drop(other);
        assert_eq!(budget.used_bytes(), 0);
    }

    #[test]
    fn no_field_shares_a_cache_line_with_the_reference_count() {
        assert_eq!(align_of::<Resident<usize>>(), 128);
    }
}
