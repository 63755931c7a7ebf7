//! A view's coarse mark.

use crate::graph::Colour;
use crate::page::{Facts, Floor};
use crate::revision::Revision;

/// What is said of all records of a view at once: compared with the facts of each, whatever is marked
/// one by one. The colour of a record is the worse of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Records whose S lies before it are stale.
    pub(crate) stale_before: Revision,
    /// Records whose V lies before it are suspect.
    pub(crate) suspect_before: Revision,
    /// The algorithm's version, as the application counts it: what another has built is stale.
    pub(crate) version: u32,
}

impl Stamp {
    /// Of a view of which nothing was said yet.
    pub(crate) fn of_version(version: u32) -> Self {
        Self { stale_before: Revision::ZERO, suspect_before: Revision::ZERO, version }
    }

    /// The same where what began before a revision is stale, too.
    pub(crate) fn stale_at(self, revision: Revision) -> Self {
        Self { stale_before: revision, ..self }
    }

    /// What it says of a record with these facts.
    #[inline]
    pub(crate) fn colour(&self, facts: &Facts) -> Colour {
        if facts.begun < self.stale_before || facts.version != self.version {
            Colour::Stale
        } else if facts.verified < self.suspect_before {
            Colour::Suspect
        } else {
            Colour::Fresh
        }
    }

    /// Whether it says nothing against any record of a page with this floor. Where it does, some of
    /// them may be fresh all the same.
    #[inline]
    pub(crate) fn clears(&self, floor: &Floor) -> bool {
        floor.begun >= self.stale_before
            && floor.verified >= self.suspect_before
            && floor.version == Some(self.version)
    }

    /// The revision to which it was raised last; zero if it never was.
    pub(crate) fn raised(&self) -> Revision {
        self.stale_before.max(self.suspect_before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn facts(begun: u64, verified: u64, version: u32) -> Facts {
        let (begun, verified) = (Revision::from_raw(begun), Revision::from_raw(verified));
        let (changed, dependencies) = (begun, 0);
        let (built_at, fresh_until) = (Timestamp::EPOCH, Timestamp::MAX);
        Facts { begun, verified, changed, built_at, fresh_until, version, dependencies }
    }

    #[test]
    fn a_record_is_as_its_view_says_and_a_page_is_clear_if_all_of_its_records_are() {
        let (stale_before, suspect_before) = (Revision::from_raw(10), Revision::from_raw(20));
        let stamp = Stamp { stale_before, suspect_before, version: 3 };
        for (begun, verified, version, colour) in [
            (10, 20, 3, Colour::Fresh),
            (10, 19, 3, Colour::Suspect),
            (9, 20, 3, Colour::Stale),
            (9, 19, 3, Colour::Stale),
            (10, 20, 2, Colour::Stale),
            (10, 20, 4, Colour::Stale),
        ] {
            let facts = facts(begun, verified, version);
            assert_eq!(stamp.colour(&facts), colour, "{facts:?}");
            let floor = Floor {
                begun: facts.begun,
                verified: facts.verified,
                fresh_until: facts.fresh_until,
                version: Some(version),
            };
            assert_eq!(stamp.clears(&floor), colour == Colour::Fresh, "{floor:?}");
            assert!(!stamp.clears(&Floor { version: None, ..floor }));
        }
        assert_eq!(stamp.raised(), suspect_before);
        assert_eq!(stamp.stale_at(Revision::from_raw(30)).raised(), Revision::from_raw(30));
        assert_eq!(Stamp::of_version(3).colour(&facts(0, 0, 3)), Colour::Fresh);
    }
}
