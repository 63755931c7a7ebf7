//! A record as it is to whoever does not know its type.

use crate::cache::Hold;
use crate::freshness::{Freshness, Layer, Standing};
use crate::grid::Bucket;
use crate::page::{Page, Slot};
use crate::revision::Revision;
use crate::time::Timestamp;

use super::lookup::Found;

/// A record in its page, with what was believed of it when it was read.
#[derive(Clone)]
pub(super) struct AnyRecord {
    pub(super) hold: Hold<Page>,
    pub(super) bucket: Bucket,
    pub(super) slot: Slot,
    standing: Standing,
}

impl AnyRecord {
    #[inline]
    pub(super) fn new(found: Found, slot: Slot, bucket: Bucket, freshness: Freshness) -> Self {
        debug_assert!(found.page().holds(slot), "a record is made of a slot that holds one");
        let standing = Standing::new(freshness, found.layer);
        Self { hold: found.hold, bucket, slot, standing }
    }

    /// S: all that was announced up to here is in it.
    pub(super) fn begun(&self) -> Revision {
        self.page().facts(self.slot).begun
    }

    /// The same record, of which is known that something moved while it was built.
    pub(super) fn overtaken(self) -> Self {
        Self { standing: Standing::new(Freshness::Overtaken, self.layer()), ..self }
    }

    /// Where it stands: the key of its page, and its slot.
    pub(super) fn place(&self) -> (&[u8], Slot) {
        (self.hold.resident().key().bytes(), self.slot)
    }

    /// The page that it stands in.
    #[inline]
    pub(super) fn page(&self) -> &Page {
        self.hold.resident().value()
    }

    #[inline]
    pub(super) fn freshness(&self) -> Freshness {
        self.standing.freshness()
    }

    #[inline]
    pub(super) fn layer(&self) -> Layer {
        self.standing.layer()
    }

    pub(super) fn built_at(&self) -> Timestamp {
        self.page().facts(self.slot).built_at
    }

    pub(super) fn fresh_until(&self) -> Option<Timestamp> {
        let fresh_until = self.page().facts(self.slot).fresh_until;
        let expires = fresh_until != Timestamp::MAX && self.freshness() != Freshness::Sealed;
        expires.then_some(fresh_until)
    }
}
