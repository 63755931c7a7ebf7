//! The sum of every page, in memory.

use crate::sync::{AtomicU64, Ordering, RwLock};
use std::io;
use xxhash_rust::xxh3::xxh3_64;

/// The bytes that one sum covers. On disk (a seal counts in it): never changes.
pub(super) const PAGE_BYTES: u64 = 4096;

/// What a page is known to hold: the xxh3 of its bytes. Never [`Sum::UNKNOWN`] of a real page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sum(pub(super) u64);

impl Sum {
    /// Nothing is known yet. On disk, in the sums of a seal: never changes.
    pub(super) const UNKNOWN: Self = Self(0);

    pub(super) fn of(page: &[u8]) -> Self {
        Self(xxh3_64(page).max(1))
    }
}

/// Page number -> sum of that page. Reads of different threads share it without waiting; only
/// growth excludes them.
///
/// It is as long as the highest page that was read or written, not as the file: a file may be long
/// and empty.
#[derive(Default)]
pub(super) struct Sums {
    sums: RwLock<Vec<AtomicU64>>,
}

impl Sums {
    pub(super) fn load(&self, seal: Vec<u64>) {
        *self.sums.write() = seal.into_iter().map(AtomicU64::new).collect();
    }

    pub(super) fn get(&self, page: u64) -> Sum {
        let sums = self.sums.read();
        let sum = usize::try_from(page).ok().and_then(|page| sums.get(page));
        sum.map_or(Sum::UNKNOWN, |sum| Sum(sum.load(Ordering::Acquire)))
    }

    /// Whether a page may hold bytes of this sum: it does already, or nothing was known of it, and
    /// from now on it does.
    pub(super) fn agree(&self, page: u64, sum: Sum) -> io::Result<bool> {
        let held = self.get(page);
        if held != Sum::UNKNOWN {
            return Ok(held == sum);
        }
        self.reach(page)?;
        let sums = self.sums.read();
        // A cut of the file between the two locks takes the page away: then it is not read rightly.
        let Some(known) = usize::try_from(page).ok().and_then(|page| sums.get(page)) else {
            return Ok(false);
        };
        let unknown = Sum::UNKNOWN.0;
        let before = known.compare_exchange(unknown, sum.0, Ordering::AcqRel, Ordering::Acquire);
        Ok(before.map_or_else(|held| held == sum.0, |_| true))
    }

    pub(super) fn set(&self, page: u64, sum: Sum) -> io::Result<()> {
        self.reach(page)?;
        let sums = self.sums.read();
        if let Some(known) = usize::try_from(page).ok().and_then(|page| sums.get(page)) {
            known.store(sum.0, Ordering::Release);
        }
        Ok(())
    }

    /// Forgets the page at which a file of this length ends, if it ends inside one, and all after.
    pub(super) fn cut(&self, len: u64) {
        let whole = usize::try_from(len / PAGE_BYTES).unwrap_or(usize::MAX);
        self.sums.write().truncate(whole);
    }

    pub(super) fn all(&self) -> Vec<u64> {
        self.sums.read().iter().map(|sum| sum.load(Ordering::Acquire)).collect()
    }

    pub(super) fn bytes(&self) -> usize {
        self.sums.read().capacity() * size_of::<AtomicU64>()
    }

    /// Makes room for the page. A hostile file can name any page; memory that is not there is an
    /// error, not an abort.
    fn reach(&self, page: u64) -> io::Result<()> {
        let out_of_memory = || io::Error::from(io::ErrorKind::OutOfMemory);
        let needed = usize::try_from(page).map_err(|_| out_of_memory())? + 1;
        if self.sums.read().len() >= needed {
            return Ok(());
        }
        let mut sums = self.sums.write();
        let missing = needed.saturating_sub(sums.len());
        sums.try_reserve(missing).map_err(|_| out_of_memory())?;
        sums.extend((0..missing).map(|_| AtomicU64::new(Sum::UNKNOWN.0)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_trusted_once_and_held_to_it_afterwards() {
        let sums = Sums::default();
        let (one, two) = (Sum::of(b"one"), Sum::of(b"two"));
        assert_eq!(sums.get(9), Sum::UNKNOWN);
        assert!(sums.agree(9, one).unwrap());
        assert!(sums.agree(9, one).unwrap());
        assert!(!sums.agree(9, two).unwrap());
        sums.set(9, two).unwrap();
        assert!(sums.agree(9, two).unwrap());
        assert_eq!(sums.all().len(), 10);
        assert!(sums.bytes() >= 80);
    }

    #[test]
    fn a_cut_forgets_the_page_it_goes_through_and_all_after() {
        let sums = Sums::default();
        for page in 0..4 {
            sums.set(page, Sum::of(b"held")).unwrap();
        }
        sums.cut(PAGE_BYTES * 2 + 1);
        assert_eq!(sums.get(1), Sum::of(b"held"));
        assert_eq!(sums.get(2), Sum::UNKNOWN);
        assert_eq!(sums.get(3), Sum::UNKNOWN);
    }

    #[test]
    fn a_page_beyond_all_memory_is_an_error() {
        assert!(Sums::default().agree(u64::MAX / PAGE_BYTES, Sum(1)).is_err());
    }
}
