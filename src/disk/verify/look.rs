//! The tables as one transaction has them, for looking at what stands in them without believing it.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use redb::{ReadTransaction, ReadableTable};

use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Colour, MarkRow};
use crate::page::{self, Aid, Facts, PageKey, RecordShape, ViewId, stored_facts, stored_names};
use crate::revision::Revision;
use crate::time::Timestamp;

use super::super::contents::view_rows;
use super::super::link_rows::Stands;
use super::super::links::{Links, LinksToRead};
use super::super::packing::dictionary_key;
use super::super::shared::{PageInMemory, Shared};
use super::super::source_row::SourceRow;
use super::super::standing::Standing;
use super::super::tables::{DICTIONARIES, DROPPED, META, PAGES, VIEWS, meta};
use super::super::view_table::ViewTable;

type Key = &'static [u8];
type ToRead = redb::ReadOnlyTable<Key, Key>;

/// What an audit looks at: the file, and over it what the writer has staged and not yet written.
pub(in crate::disk) struct Look<'a, T> {
    pub(in crate::disk) shared: &'a Shared,
    pub(in crate::disk) now: Timestamp,
    /// No revision is above this.
    pub(in crate::disk) revision: Revision,
    pub(in crate::disk) pages: &'a T,
    pub(in crate::disk) dictionaries: &'a T,
    pub(in crate::disk) dropped: &'a T,
    pub(in crate::disk) links: &'a Links<'a, T>,
    pub(in crate::disk) views: &'a ViewTable,
    pub(in crate::disk) staged: &'a dyn Fn(&[u8]) -> Option<Option<PageInMemory>>,
    pub(in crate::disk) aids: RefCell<Aids>,
    /// Bytes of the pages that were read and inflated, and as many for each row as that takes: how long
    /// it has looked.
    pub(in crate::disk) looked: Cell<usize>,
}

/// To look a row up takes about as long as to inflate this.
const ROW_LOOKED: usize = 1 << 10;

/// Dictionaries and patterns of views that are not defined.
pub(in crate::disk) type Aids = HashMap<(ViewId, u32), Aid>;

/// So many are kept while a few hundred rows are looked at.
const AIDS_MAX: usize = 64;

/// Looks at the file in a read transaction.
pub(in crate::disk) fn look_to_read<R>(
    shared: &Shared,
    txn: &ReadTransaction,
    then: impl FnOnce(&Look<'_, ToRead>) -> Result<R>,
) -> Result<R> {
    let open = |table| txn.open_table(table).map_err(|cause| shared.file.storage_error(cause));
    let revision =
        open(META)?.get(meta::REVISION).map_err(|cause| shared.file.storage_error(cause))?;
    let revision = revision.and_then(|row| row.value().first_chunk().copied());
    let revision =
        revision.map_or(Revision::ZERO, |raw| Revision::from_raw(u64::from_le_bytes(raw)));
    let views = ViewTable::new(view_rows(&open(VIEWS)?)?, revision);
    let links = LinksToRead::to_read(&shared.file, txn)?;
    then(&Look {
        shared,
        now: shared.options.clock.now(),
        revision,
        pages: &open(PAGES)?,
        dictionaries: &open(DICTIONARIES)?,
        dropped: &open(DROPPED)?,
        links: &links,
        views: &views,
        staged: &|_| None,
        aids: RefCell::default(),
        looked: Cell::default(),
    })
}

/// A page as it stands.
pub(in crate::disk) enum PageStands {
    Absent,
    /// Why it cannot be read.
    Damaged(Error),
    /// Why another release has to be used.
    OfLaterFormat(String),
    Page(Standing),
}

impl<T: ReadableTable<Key, Key>> Look<'_, T> {
    /// Whether the rows of a view that is no more are still being removed.
    pub(super) fn is_going(&self, view: ViewId) -> Result<bool> {
        let found = self.dropped.get(view.0.to_be_bytes().as_slice());
        Ok(found.map_err(|cause| self.shared.file.storage_error(cause))?.is_some())
    }

    /// Whether a view is there, or was and its rows are on their way.
    pub(super) fn knows(&self, view: ViewId) -> Result<bool> {
        Ok(self.views.by_id(view).is_some() || self.is_going(view)?)
    }

    /// A source's row.
    pub(super) fn source(&self, node: &[u8]) -> Result<Stands<SourceRow>> {
        self.note_looked(ROW_LOOKED);
        self.links.audit_source(node)
    }

    fn note_looked(&self, bytes: usize) {
        self.looked.set(self.looked.get().saturating_add(bytes));
    }

    fn bytes(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.note_looked(ROW_LOOKED);
        let found = self.pages.get(key).map_err(|cause| self.shared.file.storage_error(cause))?;
        Ok(found.map(|row| row.value().to_vec()))
    }

    /// Whether something stands under a page's key, right or wrong.
    pub(super) fn has_page(&self, key: &[u8]) -> Result<bool> {
        match (self.staged)(key) {
            Some(staged) => Ok(staged.is_some()),
            None => Ok(self.bytes(key)?.is_some()),
        }
    }

    /// The page under a key. Its records are held against their type if the view is defined.
    pub(in crate::disk) fn page(&self, key: &[u8]) -> Result<PageStands> {
        if let Some(staged) = (self.staged)(key) {
            return Ok(match staged {
                Some(page) => PageStands::Page(Standing::InMemory(page)),
                None => PageStands::Absent,
            });
        }
        let Some(bytes) = self.bytes(key)? else { return Ok(PageStands::Absent) };
        if let Some(what) = page::later_format(&bytes, key) {
            return Ok(PageStands::OfLaterFormat(what));
        }
        let view = PageKey::split(key).map(|(view, ..)| view);
        let live = view.and_then(|view| self.shared.views.get(view));
        let failed = |cause: redb::StorageError| self.shared.file.storage_error(cause);
        let decoded = match (&live, stored_names(&bytes)) {
            (Some(live), _) => page::decode(&bytes, key, live.shape(), |id| {
                live.packing().aid(id, self.dictionaries, failed)
            }),
            (None, names) => {
                let layout = names.map_or(0, |(layout, _)| layout);
                page::decode(&bytes, key, &RecordShape::unknown(layout), |id| self.aid(view, id))
            }
        };
        self.note_looked(bytes.len());
        match decoded {
            Ok(page) => {
                self.note_looked(page.bytes());
                Ok(PageStands::Page(Standing::FromDisk(Box::new(page))))
            }
            Err(error) if error.kind() == ErrorKind::Damaged => Ok(PageStands::Damaged(error)),
            Err(error) => Err(error),
        }
    }

    fn aid(&self, view: Option<ViewId>, id: u32) -> Result<Option<Aid>> {
        let Some(view) = view else { return Ok(None) };
        if let Some(known) = self.aids.borrow().get(&(view, id)) {
            return Ok(Some(known.clone()));
        }
        let found = self.dictionaries.get(dictionary_key(view, id).as_slice());
        let found = found.map_err(|cause| self.shared.file.storage_error(cause))?;
        let Some(bytes) = found else { return Ok(None) };
        let aid = Aid::prepare(id, bytes.value(), 0)?;
        let mut aids = self.aids.borrow_mut();
        if aids.len() >= AIDS_MAX {
            aids.clear();
        }
        aids.insert((view, id), aid.clone());
        Ok(Some(aid))
    }

    /// The marks of a page.
    pub(in crate::disk) fn marks(&self, key: &[u8]) -> Result<Stands<MarkRow>> {
        self.note_looked(ROW_LOOKED);
        self.links.audit_marks(key)
    }

    /// Whether a page may hold records that changed after a revision, or are marked: told by what
    /// lies at hand, without inflating it.
    pub(super) fn may_have_moved(&self, key: &[u8], after: Revision) -> Result<bool> {
        if !matches!(self.marks(key)?, Stands::Absent) {
            return Ok(true);
        }
        let row = PageKey::split(key).and_then(|(view, ..)| self.views.by_id(view));
        let Some(row) = row else { return Ok(true) };
        let moved =
            |facts: &Facts| facts.changed > after || row.stamp.colour(facts) > Colour::Fresh;
        if let Some(staged) = (self.staged)(key) {
            return Ok(staged.is_some_and(|page| page.value().all_facts().iter().any(moved)));
        }
        let Some(bytes) = self.bytes(key)? else { return Ok(false) };
        Ok(stored_facts(&bytes).is_none_or(|facts| facts.iter().any(moved)))
    }
}
