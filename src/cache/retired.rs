//! Pages on their way out.

use crate::cache::Resident;
use crate::sync::Arc;

/// Pages that were taken out under a shard's lock, to be dropped after it is released.
///
/// A page enters here flagged, so nobody can find its place empty or taken while a thread's
/// shortcut still believes in it.
#[derive(Debug)]
#[must_use = "dropping pages may run their owner's code: let go of the lock first"]
pub(super) struct Retired<P> {
    pages: Vec<Arc<Resident<P>>>,
    bytes: usize,
}

impl<P> Retired<P> {
    pub(super) const fn new() -> Self {
        Self { pages: Vec::new(), bytes: 0 }
    }

    pub(super) fn take(&mut self, resident: Arc<Resident<P>>) {
        if !mutant!("what_leaves_is_retired") {
            resident.retire();
        }
        self.bytes += resident.bytes();
        self.pages.push(resident);
    }

    pub(super) fn len(&self) -> usize {
        self.pages.len()
    }

    /// What the budget gets back when these are dropped, if nobody else holds them.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}
