//! Pages from the file into memory.

use std::time::Instant;

use redb::ReadTransaction;

use crate::cache::{CacheKey, Installed, Resident, Ticket};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::MarkRow;
use crate::page::{self, Page, PageKey};

use super::shared::{PageInMemory, Shared};
use super::tables::{DICTIONARIES, MARKS, PAGES};
use super::view_state::ViewState;

/// What a look into the file found.
#[derive(Debug)]
pub(crate) enum Loaded {
    Page(PageInMemory),
    Absent,
    /// Something is there that fails its checks. It counts as missing; the error says what is wrong.
    Damaged(Error),
}

/// Reads a page and its marks in one transaction, and offers it to the cache.
///
/// The ticket is taken first: if the writer publishes anything for the page in between, what was
/// read is right for this read and installed for no other.
pub(crate) fn load(shared: &Shared, view: &ViewState, key: &PageKey) -> Result<Loaded> {
    load_for(shared, view, key, true)
}

/// The same for this read alone: for those who count and whose looks say nothing of what is used.
pub(crate) fn load_aside(shared: &Shared, view: &ViewState, key: &PageKey) -> Result<Loaded> {
    load_for(shared, view, key, false)
}

fn load_for(shared: &Shared, view: &ViewState, key: &PageKey, keep: bool) -> Result<Loaded> {
    let cache_key = CacheKey::new(key.as_slice());
    let ticket = shared.cache.ticket(cache_key);
    view.counters().loads.add(1);
    let started = Instant::now();
    let found = shared.read(|txn| {
        let failed = |cause: redb::Error| shared.storage_error(cause);
        let pages = txn.open_table(PAGES).map_err(|e| failed(e.into()))?;
        let found = pages.get(key.as_slice()).map_err(|e| failed(e.into()))?;
        let Some(bytes) = found else {
            return Ok(None);
        };
        let decoded = page::decode(bytes.value(), key.as_slice(), view.shape(), |id| {
            let table = txn.open_table(DICTIONARIES).map_err(|e| failed(e.into()))?;
            view.dictionary(id, &table, |cause| shared.storage_error(cause))
        });
        let marks = txn.open_table(MARKS).map_err(|e| failed(e.into()))?;
        let marks = marks.get(key.as_slice()).map_err(|e| failed(e.into()))?;
        let marks = marks.map(|row| MarkRow::from_bytes(row.value()));
        Ok(Some((decoded, marks)))
    })?;
    shared.counters.miss_latency.record(started.elapsed());
    let Some((decoded, marks)) = found else {
        return Ok(Loaded::Absent);
    };
    match decoded {
        Ok(page) => {
            let resident = resident(shared, cache_key, page, marks);
            Ok(Loaded::Page(if keep {
                install(shared, ticket, resident)
            } else {
                resident.aside()
            }))
        }
        // Not the page's fault: a dictionary could not be read.
        Err(error) if error.kind() != ErrorKind::Damaged => Err(error),
        Err(error) => {
            let error = shared.at_file(error.at_view(view.name()));
            shared.report_damage(&error);
            Ok(Loaded::Damaged(error))
        }
    }
}

/// The first page at or after a key and before another, by its key alone.
pub(crate) fn first_page_from(
    shared: &Shared,
    txn: &ReadTransaction,
    from: &[u8],
    until: &[u8],
) -> Result<Option<Box<[u8]>>> {
    let pages = txn.open_table(PAGES).map_err(|cause| shared.storage_error(cause))?;
    let first = pages.range(from..until).and_then(|mut range| range.next().transpose());
    let first = first.map_err(|cause| shared.storage_error(cause))?;
    Ok(first.map(|(key, _)| key.value().into()))
}

fn install(shared: &Shared, ticket: Ticket, resident: Resident<Page>) -> PageInMemory {
    match shared.cache.install(ticket, resident) {
        Installed::Cached(resident)
        | Installed::Joined(resident)
        | Installed::Private(resident) => resident,
    }
}

fn resident(
    shared: &Shared,
    key: CacheKey<'_>,
    page: Page,
    marks: Option<Option<MarkRow>>,
) -> Resident<Page> {
    let slots = page.slots();
    let resident = Resident::new(shared.cache.budget(), key, page, slots as usize);
    match marks {
        None => {}
        Some(Some(row)) => resident.marks().raise(row.stale().words(), row.suspect().words()),
        // Something is marked, and it cannot be read what: all of it, which is coarse but never
        // wrong.
        Some(None) => {
            let all = vec![u64::MAX; (slots as usize).div_ceil(64)];
            resident.marks().raise(&[], &all);
        }
    }
    resident
}
