//! Records that are about to expire, and that somebody reads.

use crate::freshness::Freshness;
use crate::grid::Bucket;
use crate::page::{Facts, Slot};
use crate::time::Timestamp;

use super::any_view::AnyView;
use super::lookup::Found;
use super::stretch::{Listed, Stretch};

impl AnyView {
    /// Whether a fresh record of a page is worth building anew before it expires.
    pub(super) fn is_due_ahead(
        &self,
        page: &[u8],
        bucket: Bucket,
        facts: &Facts,
        now: Timestamp,
    ) -> bool {
        let expiry = self.state.expiry();
        let times = (facts.built_at, facts.fresh_until);
        expiry.is_some_and(|expiry| expiry.is_due_ahead(page, bucket, times, now))
    }

    /// Notes a record that a reader is served and that is due ahead.
    pub(super) fn look_ahead(
        &self,
        found: &Found,
        slot: Slot,
        bucket: Bucket,
        freshness: Freshness,
        now: Timestamp,
    ) {
        let page = found.hold.resident().key().bytes();
        if freshness.is_fresh()
            && self.is_due_ahead(page, bucket, found.page().facts(slot), now)
            && self.builds()
            && self.shared().expiring.note(page, slot)
        {
            self.shared().bell.ring();
        }
    }

    /// The same for part of a page.
    pub(super) fn look_ahead_in(&self, stretch: &Stretch, now: impl Fn() -> Timestamp) {
        // The clock is not asked for records that never expire.
        if self.state.expiry().is_none() || stretch.fresh_until() == Timestamp::MAX {
            return;
        }
        let now = now();
        for Listed { slot, bucket, freshness } in stretch.records() {
            self.look_ahead(stretch.found(), slot, bucket, freshness, now);
        }
    }
}
