//! What a walk found.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::mark::MarkRow;
use super::node::{Node, NodeParts};
use super::slots::SlotSet;
use crate::page::ViewId;

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

/// The marks of a page as they are after a walk. Where neither set has a slot, something that was
/// tried in vain was revived.
#[derive(Default, PartialEq, Eq)]
pub(crate) struct RaisedRow {
    pub(crate) row: MarkRow,
    /// Were raised to stale.
    pub(crate) stale: SlotSet,
    /// Were raised to suspect and no further.
    pub(crate) suspect: SlotSet,
}

/// Without the bytes of keys: an entity may be a person, and debug output reaches logs.
impl fmt::Debug for WalkOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (page, RaisedRow { stale, suspect, .. }) in &self.rows {
            write!(f, "{:?} stale {stale:?} suspect {suspect:?}; ", NodeParts::Page(page))?;
        }
        write!(f, "suspect {:?}, coarse {:?}", self.suspect_views, self.coarse)
    }
}
