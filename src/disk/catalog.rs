//! The views defined in this opening.

use std::collections::{BTreeSet, HashMap};

use crate::error::{Error, ErrorKind, Result};
use crate::graph::reachable;
use crate::grid::grid_in_words;
use crate::page::{Aid, Dictionary, ViewId};
use crate::sync::{Arc, Mutex};
use crate::time::Timestamp;

use super::contents::known_views;
use super::definition::Definition;
use super::live_stamp::LiveStamp;
use super::open_file::OpenFile;
use super::operations::{Define, Defined, Relay, ReserveView};
use super::shared::Shared;
use super::tables::{DICTIONARIES, VIEWS};
use super::view_row::ViewRow;
use super::view_state::ViewState;
use super::view_table::ViewTable;
use super::writer::WriterHandle;

/// Name -> the view's one live definition.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    views: Mutex<HashMap<String, Arc<ViewState>>>,
    /// Held while a view is being defined: two threads defining one view take turns. Nothing but
    /// defining and deleting whole views waits for it.
    defining: Mutex<()>,
}

impl Catalog {
    /// Defines a view, or finds it defined already.
    pub(crate) fn define(
        &self,
        shared: &Shared,
        writer: Option<&WriterHandle>,
        definition: Definition,
    ) -> Result<Arc<ViewState>> {
        // The clock is the application's: it is asked before any lock is taken.
        let now = shared.options.clock.now();
        let _turn = self.defining.lock();
        // One that ended, because changing its page length failed, stands for nothing any more.
        let live = self.views.lock().get(&*definition.name).cloned();
        let live = live.filter(|live| live.check().is_ok());
        if let Some(live) = &live
            && same(live.definition(), &definition)?
        {
            live.governor().replace(definition.conduct);
            return Ok(live.clone());
        }
        let state = match writer {
            Some(writer) => write_definition(shared, writer, live.as_ref(), definition, now)?,
            None => read_definition(shared, definition)?,
        };
        let state = Arc::new(state);
        if shared.views.is_distrusted(state.id()) {
            state.live_stamp().distrust_all();
        }
        if let Some(old) = live {
            old.end();
            forget_pages(shared, old.id(), state.id());
        }
        state.announcements().lock().begin(shared.published());
        shared.views.enlist(&state);
        // There may be something to do for it.
        shared.bell.ring();
        self.views.lock().insert(state.name().to_string(), state.clone());
        Ok(state)
    }

    /// Forgets a view that is being deleted: its handles end, its pages leave memory.
    pub(crate) fn delete<T>(
        &self,
        shared: &Shared,
        name: &str,
        delete: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let _turn = self.defining.lock();
        let live = self.views.lock().remove(name);
        if let Some(view) = &live {
            // Before the deletion, so that no build can store into what is being deleted.
            view.end();
        }
        let deleted = delete()?;
        if let Some(view) = live {
            shared.counters.views.end(name);
            shared.views.dismiss(view.id());
            shared.cache.retire_where(|key| key.starts_with(&view.id().0.to_be_bytes()));
        }
        Ok(deleted)
    }
}

fn forget_pages(shared: &Shared, old: ViewId, new: ViewId) {
    if old != new {
        shared.views.dismiss(old);
        shared.cache.retire_where(|key| key.starts_with(&old.0.to_be_bytes()));
    }
}

/// How a definition is not that of the file, if it is not.
fn differing(definition: &Definition, row: &ViewRow) -> Option<String> {
    if row.layout != definition.layout.fingerprint() {
        return Some(definition.layout.differing(row.layout, None, None));
    }
    if row.grid != definition.grid.describe() {
        let had = grid_in_words(&row.grid);
        return Some(format!("the file has the grid '{had}', not '{}'", definition.grid));
    }
    let (had, has) = (row.page_len, definition.page_len);
    (had != has).then(|| format!("the file has pages of {had} buckets, not {has}"))
}

/// Whether a view already defined in this opening is this one; a fault if it can never be.
fn same(live: &Definition, new: &Definition) -> Result<bool> {
    if live.record_type != new.record_type && live.shape.fingerprint() == new.shape.fingerprint() {
        // Pages in memory were checked as the other type and must not be read as this one.
        return Err(Error::new(
            ErrorKind::Definition,
            "the view is already defined with another record type that looks alike; use one type, \
             or close the store first",
        )
        .at_view(&new.name));
    }
    if live.is_input != new.is_input {
        let (it_is, and_not) =
            if live.is_input { ("an input", "a view") } else { ("a view", "an input") };
        let message = format!(
            "the name is {it_is}'s in this opening, and not {and_not}'s; take another, or delete what is \
             there with `Store::delete_view`"
        );
        return Err(Error::new(ErrorKind::Definition, message).at_view(&new.name));
    }
    if live.version == new.version && live.entity_type != new.entity_type {
        return Err(Error::new(
            ErrorKind::Definition,
            "the view is already defined in this opening with another entity type; use the same one \
             everywhere, or another name",
        )
        .at_view(&new.name));
    }
    Ok(live.version == new.version
        && live.record_type == new.record_type
        && live.grid.describe() == new.grid.describe()
        && live.page_len == new.page_len
        && live.by_page == new.by_page
        && live.level == new.level
        && live.seal_after == new.seal_after
        && live.retain == new.retain)
}

fn write_definition(
    shared: &Shared,
    writer: &WriterHandle,
    live: Option<&Arc<ViewState>>,
    definition: Definition,
    now: Timestamp,
) -> Result<ViewState> {
    let define = |relaid| {
        let (definition, live) = (definition.clone(), live.cloned());
        writer.run(Define { definition, now, relaid, live })
    };
    let (row, stamp) = match define(None)? {
        Defined::Ready(row, stamp) => (row, stamp),
        Defined::NeedsRelay(old) => {
            if let Some(live) = live {
                // What it stored from here on would be left behind under the old id.
                live.end();
            }
            let new = relay(shared, writer, &definition, old)?;
            match define(Some(new))? {
                Defined::Ready(row, stamp) => (row, stamp),
                Defined::NeedsRelay(_) => {
                    return Err(Error::damaged("the view's page length cannot be changed")
                        .at_view(&definition.name));
                }
            }
        }
    };
    state(shared, definition, &row, stamp)
}

/// Copies a view's pages to the new page length under a new id.
fn relay(
    shared: &Shared,
    writer: &WriterHandle,
    definition: &Definition,
    old: ViewId,
) -> Result<ViewId> {
    let row = find_row(&shared.file, &definition.name)?.filter(|row| row.id == old);
    let row =
        row.ok_or_else(|| Error::damaged("the view's row is gone").at_view(&definition.name))?;
    let old_definition = Definition { page_len: row.page_len, ..definition.clone() };
    let from = Arc::new(apart(shared, old_definition, &row)?);
    let id = writer.run(ReserveView)?;
    // Its dictionary stays behind with the old id.
    let new_row = ViewRow { id, dictionary: 0, page_len: definition.page_len, ..row };
    let to = Arc::new(apart(shared, definition.clone(), &new_row)?);
    let mut cursor = None;
    loop {
        let step = Relay { from: from.clone(), to: to.clone(), cursor };
        match writer.run(step)? {
            Some(next) => cursor = Some(next),
            None => return Ok(id),
        }
    }
}

/// A store opened to read takes a view as the file has it, or not at all.
fn read_definition(shared: &Shared, definition: Definition) -> Result<ViewState> {
    let refuse =
        |what: &str| Err(Error::new(ErrorKind::Definition, what).at_view(&definition.name));
    let Some(row) = find_row(&shared.file, &definition.name)? else {
        return refuse(
            "the file has no such view, and it is open to read only; define it once where the file is \
             open to write",
        );
    };
    if definition.version < row.stamp.version {
        return refuse(&format!(
            "the file holds version {}, the program defines version {}, and it is open to read \
             only: a newer program has written the file; run that one",
            row.stamp.version, definition.version
        ));
    }
    if let Some(differs) = differing(&definition, &row) {
        return refuse(&format!(
            "{differs}, and it is open to read only; define it as the program does that writes it"
        ));
    }
    let same_zone = row.zone_years == definition.grid.zone_years();
    let same_version = row.stamp.version == definition.version;
    let state = apart(shared, definition, &row)?;
    if !same_zone {
        // Its buckets may be other stretches of time than those that the records were built for.
        state.live_stamp().distrust_all();
    }
    if !same_zone || !same_version {
        shared.views.distrust(reading(shared, row.id)?);
    }
    Ok(state)
}

/// The views that read one, directly or through others.
fn reading(shared: &Shared, view: ViewId) -> Result<BTreeSet<ViewId>> {
    let views = ViewTable::new(known_views(shared)?, shared.published());
    Ok(reachable([view], |view| views.readers(view).to_vec()))
}

fn find_row(file: &OpenFile, name: &str) -> Result<Option<ViewRow>> {
    file.read(|txn| {
        let views = txn.open_table(VIEWS).map_err(|cause| file.storage_error(cause))?;
        let found = views.get(name.as_bytes()).map_err(|cause| file.storage_error(cause))?;
        found.map(|row| ViewRow::from_bytes(name, row.value())).transpose()
    })
}

/// A state that nobody stamps: of a file open to read, or of pages that are being laid out.
fn apart(shared: &Shared, definition: Definition, row: &ViewRow) -> Result<ViewState> {
    state(shared, definition, row, Arc::new(LiveStamp::of(row)))
}

fn state(
    shared: &Shared,
    definition: Definition,
    row: &ViewRow,
    stamp: Arc<LiveStamp>,
) -> Result<ViewState> {
    let counters = shared.counters.views.of(&definition.name);
    let state = ViewState::new(definition, row, stamp.clone(), None, counters.clone());
    let Some(dictionary) = own_dictionary(&shared.file, &state, row.dictionary)? else {
        return Ok(state);
    };
    Ok(ViewState::new(state.definition().clone(), row, stamp, Some(dictionary), counters))
}

fn own_dictionary(file: &OpenFile, view: &ViewState, id: u32) -> Result<Option<Dictionary>> {
    if id == 0 {
        return Ok(None);
    }
    file.read(|txn| {
        let table = txn.open_table(DICTIONARIES).map_err(|cause| file.storage_error(cause))?;
        let aid = view.packing().aid(id, &table, |cause| file.storage_error(cause))?;
        aid.map(Aid::into_dictionary).transpose()
    })
}
