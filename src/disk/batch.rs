//! One write transaction in the making.

use std::collections::{BTreeMap, HashMap};

use redb::{ReadableTable, Table, WriteTransaction};

use crate::cache::CacheKey;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::MarkRow;
use crate::page::{self, Aid, Page, PageKey, Pattern, StoredBody};
use crate::revision::Revision;
use crate::sync::Arc;

use super::backlog::Backlog;
use super::ledger::Ledger;
use super::links::Links;
use super::live_stamp::LiveStamp;
use super::packing::dictionary_key;
use super::shared::{PageInMemory, Shared};
use super::standing::Standing;
use super::tables::{self, PAGES, VIEWS};
use super::view_row::ViewRow;
use super::view_state::ViewState;
use super::view_table::ViewTable;

/// Operations staged one after the other, to be committed together.
///
/// Pages are gathered first and written at the end, each once, in key order: a thousand buckets of
/// one page cost one page.
pub(crate) struct Batch<'t> {
    shared: &'t Shared,
    txn: &'t WriteTransaction,
    pub(super) ledger: &'t mut Ledger,
    pages: Table<'t, &'static [u8], &'static [u8]>,
    pub(super) links: Links<'t, Table<'t, &'static [u8], &'static [u8]>>,
    pub(super) backlog: Backlog<'t, Table<'t, &'static [u8], &'static [u8]>>,
    revision: Revision,
    /// The patterns that the file has, by their places, as far as pages written here named one;
    /// `None` where what it has cannot be used.
    patterns: HashMap<[u8; 8], Option<Pattern>>,
    /// Page key -> what will stand there.
    staged: BTreeMap<Box<[u8]>, Staged>,
    /// Whether an operation has written what must not be lost.
    must_sync: bool,
    /// Whether records that had no mark have one now.
    pub(super) newly_marked: bool,
    /// Whether pages were left behind that no view refers to.
    sweeps: bool,
    /// The first failure of the file below: the whole transaction is void.
    fault: Option<Error>,
}

/// A page that will be written, or removed.
pub(crate) struct Staged {
    view: Arc<ViewState>,
    /// `None`: the page goes.
    page: Option<PageInMemory>,
    /// Its body as compressed outside, if it still is that.
    body: Option<StoredBody>,
    /// Whether somebody waits to read it: it is worth a place in memory.
    wanted: bool,
}

impl<'t> Batch<'t> {
    pub(crate) fn new(
        shared: &'t Shared,
        txn: &'t WriteTransaction,
        ledger: &'t mut Ledger,
        last: Revision,
    ) -> Result<Self> {
        let pages = txn.open_table(PAGES).map_err(|e| shared.file.storage_error(e))?;
        Ok(Self {
            shared,
            txn,
            ledger,
            pages,
            links: Links::to_write(&shared.file, txn)?,
            backlog: Backlog::to_write(&shared.file, txn)?,
            revision: last,
            patterns: HashMap::new(),
            staged: BTreeMap::new(),
            must_sync: false,
            newly_marked: false,
            sweeps: false,
            fault: None,
        })
    }

    /// Moves the clock on: the next operation begins.
    pub(crate) fn step(&mut self) {
        self.revision = self.revision.next();
    }

    /// The revision of the operation being applied.
    pub(crate) fn revision(&self) -> Revision {
        self.revision
    }

    pub(crate) fn shared(&self) -> &'t Shared {
        self.shared
    }

    pub(crate) fn txn(&self) -> &'t WriteTransaction {
        self.txn
    }

    /// The failure that voids the transaction, if there was one.
    pub(crate) fn fault(&self) -> Option<&Error> {
        self.fault.as_ref().or_else(|| self.links.fault()).or_else(|| self.backlog.fault())
    }

    /// Says why nothing of the transaction can be right: the first reason stays.
    pub(crate) fn void(&mut self, error: Error) -> Error {
        self.fault.get_or_insert(error).clone()
    }

    /// The rows of all views, as this transaction will leave them.
    pub(crate) fn views(&mut self) -> &mut ViewTable {
        &mut self.ledger.views
    }

    /// Keeps a failure of the file below: from here on nothing of this transaction can be right.
    pub(crate) fn keep<T>(&mut self, result: Result<T, impl Into<redb::Error>>) -> Result<T> {
        result.map_err(|cause| {
            let error = self.shared.file.storage_error(cause);
            self.fault.get_or_insert(error).clone()
        })
    }

    /// The page under a key, staged changes included. A page that fails its checks counts as
    /// missing: it is reported, and replaced by what is stored now.
    pub(crate) fn standing(&mut self, view: &ViewState, key: &[u8]) -> Result<Option<Standing>> {
        if let Some(staged) = self.staged.get(key) {
            return Ok(staged.page.clone().map(Standing::InMemory));
        }
        // Only this thread publishes, so what the cache holds is what the file holds.
        if let Some(resident) = self.shared.cache.peek(CacheKey::new(key)) {
            return Ok(Some(Standing::InMemory(resident)));
        }
        let found = self.pages.get(key).map(|found| found.map(|guard| guard.value().to_vec()));
        let Some(bytes) = self.keep(found)? else {
            return Ok(None);
        };
        let decoded = page::decode(&bytes, key, view.shape(), |id| {
            let table = self.txn.open_table(tables::DICTIONARIES);
            let table = table.map_err(|e| self.shared.file.storage_error(e))?;
            view.packing().aid(id, &table, |e| self.shared.file.storage_error(e))
        });
        match decoded {
            Ok(page) => Ok(Some(Standing::FromDisk(Box::new(page)))),
            // Not the page's fault: a dictionary or pattern could not be read, and nothing after it
            // will be.
            Err(error) if error.kind() != ErrorKind::Damaged => {
                Err(self.fault.get_or_insert(error).clone())
            }
            Err(error) => {
                let error = self.shared.file.at_file(error.at_view(view.name()));
                self.shared.report_damage_late(error);
                Ok(None)
            }
        }
    }

    /// What was staged under a key, if anything was; inside, `None` where the page goes.
    pub(super) fn staged(&self, key: &[u8]) -> Option<Option<&PageInMemory>> {
        self.staged.get(key).map(|staged| staged.page.as_ref())
    }

    /// The table of pages, without what was staged.
    pub(super) fn page_table(&self) -> &Table<'t, &'static [u8], &'static [u8]> {
        &self.pages
    }

    /// Stages a page under a key; `None` removes what stands there.
    pub(crate) fn stage(
        &mut self,
        view: &Arc<ViewState>,
        key: &[u8],
        page: Option<Page>,
        body: Option<StoredBody>,
        wanted: bool,
    ) {
        let page = page.map(|page| self.shared.in_memory(key, page));
        let wanted = wanted || self.staged.get(key).is_some_and(|staged| staged.wanted);
        self.staged.insert(key.into(), Staged { view: view.clone(), page, body, wanted });
    }

    /// Keys of pages on disk or staged from `from` (inclusive) to before `until`, at most `most`.
    pub(crate) fn keys(
        &mut self,
        from: &[u8],
        until: &[u8],
        most: usize,
    ) -> Result<Vec<Box<[u8]>>> {
        let mut keys = std::collections::BTreeSet::new();
        let listed = self.pages.range(from..until).and_then(|range| {
            range
                .take(most)
                .map(|entry| entry.map(|(key, _)| Box::<[u8]>::from(key.value())))
                .collect::<Result<Vec<_>, _>>()
        });
        keys.extend(self.keep(listed)?);
        let staged = self
            .staged
            .range::<[u8], _>((std::ops::Bound::Included(from), std::ops::Bound::Excluded(until)));
        keys.extend(staged.map(|(key, _)| key.clone()));
        Ok(keys.into_iter().take(most).collect())
    }

    /// Says that something was written that must not be lost.
    pub(crate) fn must_sync(&mut self) {
        self.must_sync = true;
    }

    /// Says that pages are left behind that no view refers to.
    pub(crate) fn expect_sweep(&mut self) {
        self.sweeps = true;
    }

    /// Removes a page that no view refers to any more, with all that is known of it; it is in
    /// nobody's memory.
    pub(crate) fn sweep(&mut self, key: &[u8]) -> Result<()> {
        self.links.forget(key)?;
        let removed = self.pages.remove(key).map(drop);
        self.keep(removed)
    }

    /// Notes which pages are used most.
    pub(super) fn note_hottest(&mut self, row: &[u8]) -> Result<()> {
        let table = self.txn.open_table(tables::META);
        let mut table = self.keep(table)?;
        let noted = table.insert(tables::meta::WARM, row).map(drop);
        self.keep(noted)
    }

    /// Writes what was staged.
    pub(crate) fn finish(mut self) -> Result<Written> {
        let mut written = 0;
        let mut changes = Vec::with_capacity(self.staged.len());
        for (key, staged) in std::mem::take(&mut self.staged) {
            let result = match &staged.page {
                Some(resident) => {
                    let bytes = self.encode(&staged, resident.value(), &key)?;
                    written += bytes.len();
                    self.pages.insert(&*key, &*bytes).map(drop)
                }
                None => self.pages.remove(&*key).map(drop),
            };
            self.keep(result)?;
            let what = match staged.page {
                Some(page) => What::Replaced { page, wanted: staged.wanted },
                None => What::Removed,
            };
            changes.push(Change { key, what });
        }
        let marked = self.write_marks(&mut changes)?;
        let stamps = self.write_views()?;
        let meta = self.txn.open_table(tables::META);
        let mut meta = self.keep(meta)?;
        let revision = self.revision.get().to_le_bytes();
        let kept = meta.insert(tables::meta::REVISION, revision.as_slice()).map(drop);
        self.keep(kept)?;
        let (last, sweeps, must_sync) = (self.revision, self.sweeps, self.must_sync);
        let (bytes, newly_marked) = (written + marked, self.newly_marked);
        Ok(Written { changes, stamps, bytes, last, sweeps, must_sync, newly_marked })
    }

    /// A page's bytes for the file, which has the pattern that they name, if any, from here on.
    fn encode(&mut self, staged: &Staged, page: &Page, key: &[u8]) -> Result<Vec<u8>> {
        let view = &staged.view;
        let made_here;
        let mut body = match &staged.body {
            Some(body) => body,
            None => {
                made_here = view.packing().store_body(page, key);
                &made_here
            }
        };
        let beside_another;
        if let Some(pattern) = body.pattern()
            && let InFile::Another(other) = self.keep_pattern(view, key, pattern)?
        {
            beside_another = view.packing().store_body_beside(page, other.as_ref());
            body = &beside_another;
        }
        Ok(page::encode(page, body, key, view.shape()))
    }

    /// Sees to it that the file has a pattern, unless it has another in its place: of an earlier
    /// opening, or of this one, before it was forgotten. Then pages are packed beside that one.
    fn keep_pattern(&mut self, view: &ViewState, key: &[u8], pattern: &Pattern) -> Result<InFile> {
        let place = dictionary_key(view.id(), pattern.id());
        let in_file = match self.patterns.get(&place) {
            Some(in_file) => in_file.clone(),
            None => self.pattern_in_file(&place, pattern)?,
        };
        if in_file.as_ref().is_some_and(|in_file| in_file.is(pattern)) {
            return Ok(InFile::This);
        }
        if let Some((_, _, number)) = PageKey::split(key) {
            view.packing().patterns().found(number, in_file.clone());
        }
        Ok(InFile::Another(in_file))
    }

    /// The pattern that stands in its place, after this one was put there if none did; `None` if what
    /// stands there cannot be used.
    fn pattern_in_file(&mut self, place: &[u8; 8], pattern: &Pattern) -> Result<Option<Pattern>> {
        let table = self.txn.open_table(tables::DICTIONARIES);
        let mut table = self.keep(table)?;
        let found = table.get(place.as_slice()).map(|row| row.map(|row| row.value().to_vec()));
        let in_file = match self.keep(found)? {
            None => {
                let kept = table.insert(place.as_slice(), pattern.row()).map(drop);
                self.keep(kept)?;
                Some(pattern.clone())
            }
            Some(row) if row == pattern.row() => Some(pattern.clone()),
            Some(row) => Aid::prepare(pattern.id(), &row, 0).and_then(Aid::into_pattern).ok(),
        };
        self.patterns.insert(*place, in_file.clone());
        Ok(in_file)
    }

    /// Writes the marks that have changed. A page that is replaced has its marks before anybody
    /// sees it; others are changes of their own.
    fn write_marks(&mut self, changes: &mut Vec<Change>) -> Result<usize> {
        let marked = self.links.write_marks()?;
        let written = marked.keys().map(|key| key.len() + size_of::<MarkRow>()).sum();
        let mut replaced = Vec::with_capacity(changes.len());
        for change in &*changes {
            if let What::Replaced { page, .. } = &change.what {
                let row = match marked.get(&change.key) {
                    Some(row) => Some(row.clone()),
                    None => self.links.marks(&change.key)?,
                };
                if let Some(row) = row {
                    page.marks().raise(row.stale().words(), row.suspect().words());
                }
            }
            replaced.push(change.key.clone());
        }
        for (key, row) in marked {
            if replaced.binary_search(&key).is_err() {
                changes.push(Change { key, what: What::Marked(row) });
            }
        }
        Ok(written)
    }

    fn write_views(&mut self) -> Result<Vec<(Arc<LiveStamp>, ViewRow)>> {
        let dirty = self.ledger.views.take_dirty();
        if dirty.is_empty() {
            return Ok(Vec::new());
        }
        let views = self.txn.open_table(VIEWS);
        let mut views = self.keep(views)?;
        let mut stamps = Vec::new();
        for (name, kept) in dirty {
            let written = match kept {
                Some((row, own)) => {
                    let written = views.insert(name.as_bytes(), &*row.to_bytes()).map(drop);
                    stamps.push((own, row));
                    written
                }
                None => views.remove(name.as_bytes()).map(drop),
            };
            self.keep(written)?;
        }
        Ok(stamps)
    }
}

/// Which pattern the file has.
enum InFile {
    This,
    /// `None` where what it has cannot be used.
    Another(Option<Pattern>),
}

/// What a batch wrote, before it is committed.
pub(crate) struct Written {
    pub(crate) changes: Vec<Change>,
    /// Views whose row has changed, with what their readers look at.
    pub(crate) stamps: Vec<(Arc<LiveStamp>, ViewRow)>,
    pub(crate) bytes: usize,
    /// The revision of the last operation.
    pub(crate) last: Revision,
    /// Whether pages were left behind that no view refers to.
    pub(crate) sweeps: bool,
    /// Whether something was written that must not be lost.
    pub(crate) must_sync: bool,
    /// Whether records that had no mark have one now.
    pub(crate) newly_marked: bool,
}

/// A page as the readers shall see it from the commit on.
pub(crate) struct Change {
    pub(crate) key: Box<[u8]>,
    pub(crate) what: What,
}

pub(crate) enum What {
    Replaced { page: PageInMemory, wanted: bool },
    Removed,
    Marked(MarkRow),
}
