//! Marks: how they spread over the dependency graph, within one transaction.

use std::collections::BTreeSet;

use crate::error::Result;
use crate::graph::{Cause, Colour, DepsRow, Node, Seed, Walk, WalkOutcome, reachable};
use crate::page::{PageKey, ViewId};
use crate::time::Timestamp;

use super::batch::Batch;
use super::links::Relinks;
use super::sight::Sight;
use super::source_row::SourceRow;

/// Pages that a walk marks one by one; beyond, whole views are stamped.
pub(crate) const PAGES_MARKED_MAX: usize = 100_000;

/// What an operation has marked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marked {
    pub(crate) stale: u64,
    pub(crate) suspect: u64,
    /// Of both, those whose page was in memory.
    pub(crate) in_memory: u64,
    pub(crate) stamped: BTreeSet<ViewId>,
    /// Whether something that had been tried in vain is to be tried again.
    pub(crate) revived: bool,
}

impl Marked {
    pub(crate) fn of(outcome: &WalkOutcome, cached: impl Fn(&[u8]) -> bool) -> Self {
        let rows = outcome.rows.iter().filter(|(key, _)| cached(key));
        let in_memory = rows.map(|(_, row)| row.count(Colour::Stale) + row.count(Colour::Suspect));
        Self {
            stale: outcome.stale,
            suspect: outcome.suspect,
            in_memory: in_memory.sum(),
            stamped: outcome.suspect_views.clone(),
            revived: outcome.revived,
        }
    }
}

impl Batch<'_> {
    /// Marks whatever was built from these, and says what that came to.
    pub(super) fn spread(&mut self, seeds: Vec<(Seed, Cause)>, now: Timestamp) -> Result<Marked> {
        if seeds.is_empty() {
            return Ok(Marked::default());
        }
        let mut walk = Walk::new(PAGES_MARKED_MAX);
        let mut walked = Ok(());
        let sight =
            Sight { shared: self.shared(), links: &self.links, views: &self.ledger.views, now };
        for (seed, cause) in seeds {
            walked = walked.and_then(|()| walk.run(&sight, seed, cause));
        }
        // What was staged before would stand without its marks.
        walked.map_err(|error| self.void(error))?;
        let outcome = walk.finish();
        let shared = self.shared();
        let marked = Marked::of(&outcome, |key| shared.is_cached(key));
        let revision = self.revision();
        for view in &outcome.suspect_views {
            self.ledger.views.raise_suspect(*view, revision, now);
        }
        for node in &outcome.coarse {
            self.note_changed(node, |row| row.changed = revision)?;
        }
        for (key, raised) in outcome.rows {
            if raised.is_raised() {
                self.note_marked(&key);
            }
            self.links.stage_marks(&key, raised.row);
        }
        self.newly_marked |= !marked.stamped.is_empty();
        let counters = &self.shared().counters;
        counters.records_made_stale.add(marked.stale);
        counters.records_made_suspect.add(marked.suspect);
        Ok(marked)
    }

    /// Makes the dependencies of a page's records the given ones, and the views of what they read
    /// know their readers.
    pub(super) fn relink(
        &mut self,
        view: ViewId,
        page: &[u8],
        before: &DepsRow,
        after: &DepsRow,
        relinks: &Relinks,
    ) -> Result<()> {
        if before != after {
            for read in after.reads().filter_map(|read| read.node.view_of_records()) {
                self.ledger.views.note_reader(read, view);
            }
        }
        self.links.relink(page, before, after, relinks)?;
        self.links.settle()
    }

    /// Remembers that a page's content has changed, for builds that are reading whole views.
    pub(super) fn note_content(&mut self, view: ViewId) {
        let revision = self.revision();
        self.ledger.views.note_move(view, |moves| moves.changed = revision);
    }

    /// Remembers that records of a page were newly marked, for the same builds.
    pub(super) fn note_marked(&mut self, page: &[u8]) {
        self.newly_marked = true;
        let revision = self.revision();
        if let Some((view, ..)) = PageKey::split(page) {
            self.ledger.views.note_move(view, |moves| moves.marked = revision);
        }
    }

    /// Changes what the file says of a source, a kind, an entity or a view.
    pub(super) fn note_changed(
        &mut self,
        node: &Node,
        change: impl FnOnce(&mut SourceRow),
    ) -> Result<()> {
        let mut row = self.links.source(node.as_slice())?.unwrap_or_default();
        change(&mut row);
        self.links.put_source(node.as_slice(), row);
        self.links.settle()
    }

    /// Every record of the views that read these, directly or through others, is suspect. Which they
    /// are.
    pub(super) fn stamp_readers(
        &mut self,
        views: impl IntoIterator<Item = ViewId>,
        now: Timestamp,
    ) -> BTreeSet<ViewId> {
        let revision = self.revision();
        let table = &mut self.ledger.views;
        let reached = reachable(views, |view| table.readers(view).to_vec());
        for view in &reached {
            table.raise_suspect(*view, revision, now);
        }
        reached
    }
}
