//! What a walk found.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::cause::Cause;
use super::colour::Colour;
use super::mark::{MarkRow, Raised};
use super::node::{Node, NodeParts};
use super::slot_runs::SlotRuns;
use crate::page::{SlotSet, ViewId};

/// The marks that a walk has raised, and what it could only name.
#[derive(Default, PartialEq, Eq)]
pub(crate) struct WalkOutcome {
    /// A page's key -> its marks, of which some were raised or revived.
    pub(crate) rows: BTreeMap<Box<[u8]>, RaisedRow>,
    /// Views of which every record is suspect from now on.
    pub(crate) suspect_views: BTreeSet<ViewId>,
    /// Kinds, entities and views that somebody reads as a whole and in which something changed.
    pub(crate) coarse: BTreeSet<Node>,
    /// How many records became stale.
    pub(crate) stale: u64,
    /// How many became suspect and no more than that.
    pub(crate) suspect: u64,
    /// Whether any was revived.
    pub(crate) revived: bool,
}

/// The marks of a page as they are after a walk. Where none was raised, something that was tried in
/// vain was revived.
#[derive(Default, PartialEq, Eq)]
pub(crate) struct RaisedRow {
    pub(crate) row: MarkRow,
    /// The colour that each slot was raised to.
    raised: SlotRuns<Colour>,
}

impl RaisedRow {
    /// Of a page whose marks are these before the walk.
    pub(super) fn of(row: MarkRow) -> Self {
        Self { row, raised: SlotRuns::default() }
    }

    /// As [`MarkRow::raise`], with what is raised kept in mind.
    pub(super) fn raise(
        &mut self,
        slots: SlotSet,
        colour: Colour,
        cause: impl Fn() -> Cause,
    ) -> Raised {
        if self.row.would_raise(slots, colour).is_nothing() {
            return Raised::default();
        }
        let raised = self.row.raise(slots, colour, cause());
        self.raised.set(raised.newly.union(raised.worsened), colour);
        raised
    }

    /// Whether any was raised.
    pub(crate) fn is_raised(&self) -> bool {
        !self.raised.is_empty()
    }

    /// Were raised to stale.
    pub(crate) fn stale(&self) -> SlotSet {
        self.raised.with(|colour| *colour == Colour::Stale)
    }

    /// Were raised to suspect and no further.
    pub(crate) fn suspect(&self) -> SlotSet {
        self.raised.with(|colour| *colour == Colour::Suspect)
    }

    /// How many were raised to a colour and no further.
    pub(crate) fn count(&self, colour: Colour) -> u64 {
        let of_it = self.raised.iter().filter(|run| run.value == colour);
        of_it.map(|run| u64::from(run.last - run.first) + 1).sum()
    }
}

/// Without the bytes of keys: an entity may be a person, and debug output reaches logs.
impl fmt::Debug for WalkOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (page, row) in &self.rows {
            let (stale, suspect) = (row.stale(), row.suspect());
            write!(f, "{:?} stale {stale:?} suspect {suspect:?}; ", NodeParts::Page(page))?;
        }
        write!(f, "suspect {:?}, coarse {:?}", self.suspect_views, self.coarse)
    }
}
