//! What the writer knows of all views.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::page::ViewId;
use crate::revision::Revision;
use crate::sync::Arc;
use crate::time::Timestamp;

use super::live_stamp::LiveStamp;
use super::view_row::ViewRow;

/// The rows of the `views` table in the writer's memory: asked for with every record that is stored,
/// written when they have changed.
#[derive(Debug, Default)]
pub(crate) struct ViewTable {
    views: BTreeMap<String, Kept>,
    names: HashMap<ViewId, String>,
    /// Names whose row differs from the file's, or is gone.
    dirty: BTreeSet<String>,
}

/// A row, and the stamp that readers look at.
pub(crate) type StampedRow = (ViewRow, Arc<LiveStamp>);

#[derive(Debug)]
struct Kept {
    row: ViewRow,
    stamp: Arc<LiveStamp>,
    moves: Moves,
}

/// When something in a view last moved, as far as this life knows: for builds that read all of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moves {
    /// A record came, went, or got another content.
    pub(crate) changed: Revision,
    /// A record was newly marked.
    pub(crate) marked: Revision,
}

impl ViewTable {
    /// The views of a file that was opened when its last operation was `opened`.
    pub(crate) fn new(rows: Vec<(String, ViewRow)>, opened: Revision) -> Self {
        let mut table = Self::default();
        for (name, row) in rows {
            table.keep(name, row, opened);
        }
        table
    }

    fn keep(&mut self, name: String, row: ViewRow, at: Revision) -> Arc<LiveStamp> {
        let stamp = Arc::new(LiveStamp::of(&row));
        if let Some(before) = self.views.get(&name) {
            self.names.remove(&before.row.id);
        }
        self.names.insert(row.id, name.clone());
        self.views.insert(
            name,
            Kept { row, stamp: stamp.clone(), moves: Moves { changed: at, marked: at } },
        );
        stamp
    }

    pub(crate) fn row(&self, name: &str) -> Option<&ViewRow> {
        self.views.get(name).map(|kept| &kept.row)
    }

    /// The row of a view that a page or an edge names; none if it is no more.
    pub(crate) fn by_id(&self, id: ViewId) -> Option<&ViewRow> {
        self.row(self.name(id)?)
    }

    pub(crate) fn name(&self, id: ViewId) -> Option<&str> {
        self.names.get(&id).map(String::as_str)
    }

    /// Views that read this one, or did once.
    pub(crate) fn readers(&self, id: ViewId) -> &[ViewId] {
        self.by_id(id).map_or(&[], |row| &row.readers)
    }

    /// Another row under a name, with a stamp of its own: handles of the definition before it keep
    /// theirs.
    pub(crate) fn define(
        &mut self,
        name: &str,
        row: ViewRow,
        revision: Revision,
    ) -> Arc<LiveStamp> {
        self.dirty.insert(name.to_owned());
        self.keep(name.to_owned(), row, revision)
    }

    /// Forgets a view. Whether there was one.
    pub(crate) fn remove(&mut self, name: &str) -> bool {
        let Some(kept) = self.views.remove(name) else { return false };
        self.names.remove(&kept.row.id);
        self.dirty.insert(name.to_owned());
        true
    }

    /// Changes the row of a view that is there.
    pub(crate) fn change(&mut self, id: ViewId, change: impl FnOnce(&mut ViewRow)) {
        if let Some(name) = self.names.get(&id)
            && let Some(kept) = self.views.get_mut(name)
        {
            change(&mut kept.row);
            self.dirty.insert(name.clone());
        }
    }

    /// Notes that records of `reader` have read records of `read`: stamps go that way from now on.
    pub(crate) fn note_reader(&mut self, read: ViewId, reader: ViewId) {
        if self.readers(read).contains(&reader) {
            return;
        }
        self.change(read, |row| row.readers.push(reader));
    }

    /// Records of a view whose build began before `revision` are stale from now on.
    pub(crate) fn raise_stale(&mut self, id: ViewId, revision: Revision, now: Timestamp) {
        self.change(id, |row| {
            row.stamp.stale_before = revision;
            row.stamped_at = now;
        });
    }

    /// Records of a view that were last found right before `revision` are suspect from now on.
    pub(crate) fn raise_suspect(&mut self, id: ViewId, revision: Revision, now: Timestamp) {
        self.change(id, |row| {
            row.stamp.suspect_before = revision;
            row.stamped_at = now;
        });
    }

    /// When something in a view last moved.
    pub(crate) fn moves(&self, id: ViewId) -> Option<Moves> {
        Some(self.views.get(self.name(id)?)?.moves)
    }

    /// Something in a view moves.
    pub(crate) fn note_move(&mut self, id: ViewId, note: impl FnOnce(&mut Moves)) {
        if let Some(name) = self.names.get(&id)
            && let Some(kept) = self.views.get_mut(name)
        {
            note(&mut kept.moves);
        }
    }

    /// The rows that have changed since they were last taken; `None` for one that is gone.
    pub(crate) fn take_dirty(&mut self) -> Vec<(String, Option<StampedRow>)> {
        let row = |name: String| {
            let kept = self.views.get(&name);
            let kept = kept.map(|kept| (kept.row.clone(), kept.stamp.clone()));
            (name, kept)
        };
        std::mem::take(&mut self.dirty).into_iter().map(row).collect()
    }
}
