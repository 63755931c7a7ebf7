//! How much memory may be used, and how much is.

use crate::sync::{Arc, AtomicUsize, Ordering};

/// The memory budget of a store: a limit and a count of the bytes charged to it.
///
/// Charging never fails. Whoever can give memory back (the cache) looks at the count and does;
/// so what handles keep alive squeezes the cache instead of failing a read.
#[derive(Debug)]
pub(crate) struct Budget {
    limit_bytes: usize,
    used_bytes: AtomicUsize,
}

/// Bytes charged to a budget until this is dropped.
#[derive(Debug)]
pub(crate) struct Charge {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Budget {
    pub(crate) fn new(limit_bytes: usize) -> Arc<Self> {
        Arc::new(Self { limit_bytes, used_bytes: AtomicUsize::new(0) })
    }

    pub(crate) fn limit_bytes(&self) -> usize {
        self.limit_bytes
    }

    /// What is charged now. Other threads move it at any time: good for decisions that may be a
    /// little wrong, never for a proof.
    pub(crate) fn used_bytes(&self) -> usize {
        self.used_bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn charge(budget: &Arc<Self>, bytes: usize) -> Charge {
        budget.add(bytes);
        Charge { budget: Arc::clone(budget), bytes }
    }

    /// Adds bytes that somebody else will take off again.
    pub(super) fn add(&self, bytes: usize) {
        self.used_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn take_off(&self, bytes: usize) {
        self.used_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Whether no more is charged than may be.
    pub(super) fn is_kept(&self) -> bool {
        self.used_bytes() <= self.limit_bytes
    }

    /// Charges what still fits, for somebody who can do without.
    pub(crate) fn try_charge(budget: &Arc<Self>, bytes: usize) -> Option<Charge> {
        let charge = Self::charge(budget, bytes);
        budget.is_kept().then_some(charge)
    }
}

impl Charge {
    pub(super) fn budget(&self) -> &Budget {
        &self.budget
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.budget.take_off(self.bytes);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_charge_counts_until_it_is_dropped() {
        let budget = Budget::new(10);
        let first = Budget::charge(&budget, 7);
        let second = Budget::charge(&budget, 8);
        assert_eq!(budget.used_bytes(), 15, "charging beyond the limit must not fail");
        drop(first);
        assert_eq!(budget.used_bytes(), 8);
        drop(second);
        assert_eq!(budget.used_bytes(), 0);
    }
}
