//! Counting the records of a view.

use std::collections::BTreeMap;

use crate::disk::Scope;
use crate::error::Result;
use crate::freshness::Freshness;

use super::any_view::AnyView;
use super::survey::survey;

/// The records of a view, counted by freshness and by version: see
/// [`View::census`](crate::View::census).
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Census {
    /// All of them.
    pub records: u64,
    /// Those that are [`Freshness::Fresh`].
    pub fresh: u64,
    /// Those that are [`Freshness::Suspect`].
    pub suspect: u64,
    /// Those that are [`Freshness::Stale`].
    pub stale: u64,
    /// Those that are [`Freshness::OldVersion`].
    pub old_version: u64,
    /// Those that are [`Freshness::Expired`].
    pub expired: u64,
    /// Those that are [`Freshness::Sealed`].
    pub sealed: u64,
    /// Version -> how many records it made: while a new version rolls in there are several.
    pub versions: BTreeMap<u32, u64>,
    /// Pages that fail their checks; what they held is not counted.
    pub damaged_pages: u64,
}

impl AnyView {
    pub(super) fn census(&self) -> Result<Census> {
        self.state.check()?;
        let mut census = Census::default();
        let shared = self.shared();
        let damaged = survey(shared, &self.state, Scope::All, |page| {
            for slot in page.slots.iter() {
                let Some(freshness) = page.freshness(shared, slot) else { continue };
                census.count(freshness);
                *census.versions.entry(page.found.page().facts(slot).version).or_default() += 1;
            }
            Ok(())
        })?;
        census.damaged_pages = damaged;
        Ok(census)
    }
}

impl Census {
    fn count(&mut self, freshness: Freshness) {
        self.records += 1;
        match freshness {
            Freshness::Fresh => self.fresh += 1,
            Freshness::Suspect => self.suspect += 1,
            Freshness::Stale => self.stale += 1,
            Freshness::OldVersion => self.old_version += 1,
            Freshness::Sealed => self.sealed += 1,
            Freshness::Expired => self.expired += 1,
            // Of a read, not of what stands in the file.
            Freshness::Overtaken => {}
        }
    }
}
