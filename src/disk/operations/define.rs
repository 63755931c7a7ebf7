//! Views: defined, defined anew, dropped.

use redb::ReadableTable;

use crate::error::{Error, ErrorKind, RESTORE, Result};
use crate::grid::{ZoneYears, grid_in_words};
use crate::page::{PageKey, ViewId, stored_names};
use crate::revision::Revision;
use crate::sync::Arc;
use crate::time::{TimeRange, Timestamp};

use super::super::batch::Batch;
use super::super::committed::Committed;
use super::super::definition::Definition;
use super::super::live_stamp::LiveStamp;
use super::super::operation::{Operation, Speed};
use super::super::stamp::Stamp;
use super::super::tables::{DROPPED, DROPPED_GOING, DROPPED_RESERVED, META, meta};
use super::super::view_row::ViewRow;
use super::super::view_state::ViewState;
use super::invalidate::zone_changed;
use super::relay_wanted::relay_wanted;

/// Compares a definition with what the file says of the view, and makes the file say it.
pub(crate) struct Define {
    pub(crate) definition: Definition,
    pub(crate) now: Timestamp,
    /// The id under which the pages have been laid out anew, if that was asked for.
    pub(crate) relaid: Option<ViewId>,
    /// The definition that stands in this opening so far. It ends when this one takes its place:
    /// whatever it stored afterwards would be of an old version, or under an id that is gone.
    pub(crate) live: Option<Arc<ViewState>>,
}

/// What defining a view came to.
#[derive(Debug)]
pub(crate) enum Defined {
    /// The view stands as defined, with this stamp.
    Ready(ViewRow, Arc<LiveStamp>),
    /// Only the page length differs: the pages under this id have to be laid out anew first.
    NeedsRelay(ViewId),
}

/// How a definition relates to the view's row.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// The file knows no such view.
    New,
    /// Nothing to write.
    Same,
    /// The same in all, but the zone sets its clock otherwise in these stretches.
    Rezone(Vec<TimeRange>),
    /// Another version, the same pages: one stamp, and old records are known by it.
    Stamp,
    /// Another version whose pages have another length.
    Relay,
    /// Another version whose records or grid are different: a new id, the old pages go.
    Afresh,
}

impl Operation for Define {
    type Applied = Defined;
    type Answer = Defined;

    fn speed(&self) -> Speed {
        Speed::Synced
    }

    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<Defined> {
        let standing = batch.views().row(&self.definition.name).cloned();
        let years = self.definition.grid.zone_years();
        let step = match &standing {
            None => Step::New,
            Some(row) => {
                let differing = || self.differing_types(batch, row);
                step(row, &self.definition, years.as_ref(), differing)?
            }
        };
        let new = match (step, standing) {
            (Step::Same, Some(row)) => row,
            (Step::Rezone(stretches), Some(row)) => {
                let stamp = Arc::new(LiveStamp::of(&row));
                let counters = batch.shared().counters.views.of(&self.definition.name);
                let definition = self.definition.clone();
                let view = ViewState::new(definition, &row, stamp, None, counters);
                zone_changed(batch, &view, stretches, self.now)?;
                // What could not be marked one by one has been stamped.
                let row = batch.views().by_id(row.id).cloned().unwrap_or(row);
                ViewRow { zone_years: years, ..row }
            }
            (Step::Relay, Some(row)) if self.relaid.is_none() => {
                return Ok(Defined::NeedsRelay(row.id));
            }
            (Step::Relay, Some(row)) => {
                let id = self.relaid.expect("the arm above took None");
                let Definition { grid, page_len, .. } = &self.definition;
                relay_wanted(batch, grid, (row.id, row.page_len), (id, *page_len))?;
                claim(batch, id)?;
                drop_id(batch, row.id, self.now)?;
                // The pages under the new id were written without a dictionary.
                ViewRow { id, dictionary: 0, ..self.stamped(row, years, batch.revision()) }
            }
            (Step::Stamp, Some(row)) => {
                batch.stamp_readers([row.id], self.now);
                let row = batch.views().by_id(row.id).cloned().unwrap_or(row);
                self.stamped(row, years, batch.revision())
            }
            (Step::Afresh, Some(row)) => {
                drop_id(batch, row.id, self.now)?;
                self.fresh(next_id(batch)?, years)
            }
            (_, _) => self.fresh(next_id(batch)?, years),
        };
        if let Some(live) = &self.live {
            live.end();
        }
        let revision = batch.revision();
        let stamp = batch.views().define(&self.definition.name, new.clone(), revision);
        Ok(Defined::Ready(new, stamp))
    }

    fn answer(self, defined: Defined, _: &Committed) -> Defined {
        defined
    }
}

impl Define {
    /// Says which of the view's types are not those that it was written with, and what those are.
    fn differing_types(&self, batch: &mut Batch<'_>, row: &ViewRow) -> Result<String> {
        let (first, until) = PageKey::view_bounds(row.id);
        let pages = batch.pages.table().range(first.as_slice()..until.as_slice());
        let page = pages.and_then(|mut pages| {
            pages.next().map(|page| page.map(|(_, bytes)| bytes.value().to_vec())).transpose()
        });
        let of_page = batch.keep(page)?.and_then(|bytes| stored_names(&bytes));
        let live = self.live.as_ref().map(|live| &live.definition().layout);
        let of_page = of_page.map(|(record, _)| record);
        Ok(self.definition.layout.differing(row.layout, of_page, live))
    }

    /// The row of a view that begins.
    fn fresh(&self, id: ViewId, zone_years: Option<ZoneYears>) -> ViewRow {
        ViewRow {
            id,
            layout: self.definition.layout.fingerprint(),
            grid: self.definition.grid.describe(),
            page_len: self.definition.page_len,
            zone_years,
            stamp: Stamp::of_version(self.definition.version),
            stamped_at: self.now,
            dictionary: 0,
            readers: Vec::new(),
        }
    }

    /// The row of a view whose records are all of an older version from now on.
    fn stamped(&self, row: ViewRow, zone_years: Option<ZoneYears>, revision: Revision) -> ViewRow {
        ViewRow {
            page_len: self.definition.page_len,
            zone_years,
            stamp: Stamp { version: self.definition.version, ..row.stamp.stale_at(revision) },
            stamped_at: self.now,
            ..row
        }
    }
}

/// What to do where an input is not as the file has it.
const INPUT_REMEDY: &str = "define it as it was, or define the new one under another name, copy the \
    values over, and delete the old one with `Store::delete_view` (an input has no version to raise)";

/// `differing` says how the types are others, which takes a look at a page.
fn step(
    row: &ViewRow,
    definition: &Definition,
    years: Option<&ZoneYears>,
    differing: impl FnOnce() -> Result<String>,
) -> Result<Step> {
    let refuse =
        |what: String| Err(Error::new(ErrorKind::Definition, what).at_view(&definition.name));
    let (had, has) = (row.stamp.version, definition.version);
    if has < had && definition.is_input {
        return refuse(format!(
            "the file holds version {had} of a view of this name, and an input has no version; take a \
             name that no view has, or delete the view with `Store::delete_view`"
        ));
    }
    if has < had {
        return refuse(format!(
            "the file holds version {had}, the program defines version {has}: a newer program has \
             written the file; run that one, or raise the version above {had}"
        ));
    }
    let grid = definition.grid.describe();
    let same_layout = row.layout == definition.layout.fingerprint();
    let same_grid = row.grid == grid;
    if has > had {
        return Ok(match (same_layout && same_grid, row.page_len == definition.page_len) {
            (true, true) => Step::Stamp,
            (true, false) => Step::Relay,
            (false, _) => Step::Afresh,
        });
    }
    let remedy = match definition.is_input {
        true => INPUT_REMEDY.to_owned(),
        false => format!(
            "define it as it was, or raise the version to {}: the view then starts empty, and what was \
             put has to be put again",
            had.saturating_add(1)
        ),
    };
    if !same_layout {
        let under = match definition.is_input {
            true => String::new(),
            false => format!(", under the same version {had}"),
        };
        return refuse(format!("{}{under}; {remedy}", differing()?));
    }
    if !same_grid {
        return refuse(format!(
            "version {had} was written on the grid '{}', not '{}'; {remedy}",
            grid_in_words(&row.grid),
            definition.grid
        ));
    }
    if row.page_len != definition.page_len && definition.is_input {
        let (had, has) = (row.page_len, definition.page_len);
        return refuse(format!("it was written in pages of {had} values, not {has}; {remedy}"));
    }
    if row.page_len != definition.page_len {
        return refuse(format!(
            "version {had} was written in pages of {0} buckets, not {1}; define it with `page_len({0})`, \
             or raise the version to {2}: the pages are then laid out anew",
            row.page_len,
            definition.page_len,
            had.saturating_add(1)
        ));
    }
    let stretches = match (&row.zone_years, years) {
        (Some(before), Some(years)) => before.differing(years),
        (None, None) => Vec::new(),
        (None, Some(_)) | (Some(_), None) => {
            return Err(Error::damaged(format!(
                "the view's row does not tell the rules of its time zone; {RESTORE}"
            ))
            .at_view(&definition.name));
        }
    };
    Ok(if stretches.is_empty() { Step::Same } else { Step::Rezone(stretches) })
}

/// Gives out an id that no view ever had.
pub(super) fn next_id(batch: &mut Batch<'_>) -> Result<ViewId> {
    let meta_table = batch.txn().open_table(META);
    let mut meta_table = batch.keep(meta_table)?;
    let found = meta_table.get(meta::NEXT_VIEW).map(|row| row.map(|row| row.value().to_vec()));
    let found = batch.keep(found)?;
    let next = found
        .and_then(|bytes| bytes.first_chunk().map(|bytes| u32::from_le_bytes(*bytes)))
        .filter(|next| *next < u32::MAX)
        .ok_or_else(|| {
            Error::damaged(format!("the file has lost count of its views; {RESTORE}"))
        })?;
    let kept = meta_table.insert(meta::NEXT_VIEW, (next + 1).to_le_bytes().as_slice()).map(drop);
    batch.keep(kept)?;
    Ok(ViewId(next))
}

/// Nothing refers to the id any more: what was built from its records is suspect, and its pages go
/// in the background.
fn drop_id(batch: &mut Batch<'_>, id: ViewId, now: Timestamp) -> Result<()> {
    batch.stamp_readers([id], now);
    batch.expect_sweep();
    note_dropped(batch, id, DROPPED_GOING)
}

/// Keeps an id for pages that are being laid out; a crash before it is claimed drops it.
pub(super) fn reserve_id(batch: &mut Batch<'_>, id: ViewId) -> Result<()> {
    note_dropped(batch, id, DROPPED_RESERVED)
}

fn note_dropped(batch: &mut Batch<'_>, id: ViewId, state: &[u8]) -> Result<()> {
    let dropped = batch.txn().open_table(DROPPED);
    let mut dropped = batch.keep(dropped)?;
    let kept = dropped.insert(id.0.to_be_bytes().as_slice(), state).map(drop);
    batch.keep(kept)
}

/// A reserved id becomes a view's.
fn claim(batch: &mut Batch<'_>, id: ViewId) -> Result<()> {
    let dropped = batch.txn().open_table(DROPPED);
    let mut dropped = batch.keep(dropped)?;
    let removed = dropped.remove(id.0.to_be_bytes().as_slice()).map(|row| row.is_some());
    if batch.keep(removed)? {
        Ok(())
    } else {
        Err(Error::damaged("the id reserved for the new page layout is gone"))
    }
}

/// Deletes a view: its name is free at once, its pages go in the background.
pub(crate) struct DropView {
    pub(crate) name: String,
    pub(crate) now: Timestamp,
}

impl Operation for DropView {
    type Applied = bool;
    type Answer = bool;

    fn speed(&self) -> Speed {
        Speed::Synced
    }

    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<bool> {
        let Some(id) = batch.views().row(&self.name).map(|row| row.id) else {
            return Ok(false);
        };
        drop_id(batch, id, self.now)?;
        Ok(batch.views().remove(&self.name))
    }

    fn answer(self, existed: bool, _: &Committed) -> bool {
        existed
    }
}
