//! Pages from the file into memory.

use std::time::Instant;

use redb::ReadTransaction;

use crate::cache::{CacheKey, Installed, Lodged, Resident};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::MarkRow;
use crate::page::{self, Page, PageKey};

use super::open_file::OpenFile;
use super::shared::{PageInMemory, Shared};
use super::tables::{DICTIONARIES, PAGES};
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
    let cache_key = CacheKey::new(key.as_slice());
    let ticket = shared.cache.ticket(cache_key);
    view.counters().loads.add(1);
    let started = Instant::now();
    let read = read_apart(shared, view, cache_key)?;
    shared.counters.miss_latency.record(started.elapsed());
    match read {
        None => Ok(Loaded::Absent),
        Some(Ok(resident)) => match shared.cache.install(ticket, resident) {
            Installed::Cached(resident)
            | Installed::Joined(resident)
            | Installed::Private(resident) => Ok(Loaded::Page(resident)),
        },
        Some(Err(error)) => Ok(damaged(shared, view, error)),
    }
}

/// The same for this read alone: for those who count and whose looks say nothing of what is used.
pub(crate) fn load_aside(shared: &Shared, view: &ViewState, key: &PageKey) -> Result<Loaded> {
    Ok(match read_apart(shared, view, CacheKey::new(key.as_slice()))? {
        None => Loaded::Absent,
        Some(Ok(resident)) => Loaded::Page(resident.aside()),
        Some(Err(error)) => damaged(shared, view, error),
    })
}

fn damaged(shared: &Shared, view: &ViewState, error: Error) -> Loaded {
    let error = shared.file.at_file(error.at_view(view.name()));
    shared.report_damage(&error);
    Loaded::Damaged(error)
}

/// Brings a page into memory that nobody has asked for yet, if its view is defined and there is
/// room. One that fails its checks is left to whoever asks for it.
pub(crate) fn lodge(shared: &Shared, key: &[u8]) -> Result<Lodged> {
    let cache_key = CacheKey::new(key);
    // Before the view is looked for: what is read of one that goes is not let in.
    let ticket = shared.cache.ticket(cache_key);
    let view = PageKey::split(key).and_then(|(view, ..)| shared.views.get(view));
    let Some(view) = view.filter(|_| !shared.is_cached(key)) else {
        return Ok(Lodged::Needless);
    };
    match read_apart(shared, &view, cache_key)? {
        Some(Ok(resident)) => Ok(shared.cache.lodge(ticket, resident)),
        Some(Err(_)) | None => Ok(Lodged::Needless),
    }
}

/// A page as the file has it, with its marks, in no cache;
/// inside, what is wrong with it if it fails its checks.
pub(super) fn read_apart(
    shared: &Shared,
    view: &ViewState,
    key: CacheKey<'_>,
) -> Result<Option<Result<Resident<Page>>>> {
    let found = shared.file.look(|file| {
        let failed = |cause: redb::StorageError| shared.file.storage_error(cause);
        let Some(bytes) = file.pages.get(key.bytes()).map_err(failed)? else {
            return Ok(None);
        };
        let decoded = page::decode(bytes.value(), key.bytes(), view.shape(), |id| {
            if let Some(known) = view.packing().known_aid(id) {
                return Ok(Some(known));
            }
            let table = file.txn.open_table(DICTIONARIES);
            let table = table.map_err(|cause| shared.file.storage_error(cause))?;
            view.packing().aid(id, &table, failed)
        });
        let marks = file.marks.get(key.bytes()).map_err(failed)?;
        let marks = marks.map(|row| MarkRow::from_bytes(row.value()));
        Ok(Some((decoded, marks)))
    })?;
    match found {
        None => Ok(None),
        Some((Ok(page), marks)) => Ok(Some(Ok(marked(shared, key, page, marks)))),
        // Not the page's fault: a dictionary could not be read.
        Some((Err(error), _)) if error.kind() != ErrorKind::Damaged => Err(error),
        Some((Err(error), _)) => Ok(Some(Err(error))),
    }
}

/// The first page at or after a key and before another, by its key alone.
pub(crate) fn first_page_from(
    file: &OpenFile,
    txn: &ReadTransaction,
    from: &[u8],
    until: &[u8],
) -> Result<Option<Box<[u8]>>> {
    let pages = txn.open_table(PAGES).map_err(|cause| file.storage_error(cause))?;
    let first = pages.range(from..until).and_then(|mut range| range.next().transpose());
    let first = first.map_err(|cause| file.storage_error(cause))?;
    Ok(first.map(|(key, _)| key.value().into()))
}

fn marked(
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
