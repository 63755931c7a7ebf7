//! Pages as a write transaction will leave them.

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap};

use redb::{ReadableTable, Table, WriteTransaction};

use crate::cache::CacheKey;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::MarkRow;
use crate::page::{self, Aid, Page, PageKey, Pattern, StoredBody};
use crate::sync::Arc;

use super::in_order::put_in_order;
use super::packing::dictionary_key;
use super::shared::{PageInMemory, Shared};
use super::standing::Standing;
use super::tables::{self, PAGES};
use super::view_state::ViewState;

/// The pages of the file, and over them what a transaction has staged.
///
/// Pages are gathered first and written at the end, each once, in key order: a thousand buckets of
/// one page cost one page.
pub(crate) struct StagedPages<'t> {
    shared: &'t Shared,
    txn: &'t WriteTransaction,
    table: Table<'t, &'static [u8], &'static [u8]>,
    /// The patterns that the file has, by their places, as far as pages written here named one;
    /// `None` where what it has cannot be used.
    patterns: HashMap<[u8; 8], Option<Pattern>>,
    /// Page key -> what will stand there.
    staged: BTreeMap<Box<[u8]>, Staged>,
    /// The first failure of the file below.
    fault: OnceCell<Error>,
}

/// A page that will be written, or removed.
struct Staged {
    view: Arc<ViewState>,
    /// `None`: the page goes.
    page: Option<PageInMemory>,
    /// Its body as compressed outside, if it still is that.
    body: Option<Arc<StoredBody>>,
    /// Whether somebody waits to read it: it is worth a place in memory.
    wanted: bool,
}

/// Pages are encoded ahead of their writing until they take so much.
const GATHERED_BYTES: usize = 1 << 20;

impl<'t> StagedPages<'t> {
    pub(super) fn new(shared: &'t Shared, txn: &'t WriteTransaction) -> Result<Self> {
        let table = txn.open_table(PAGES).map_err(|e| shared.file.storage_error(e))?;
        let (patterns, staged) = (HashMap::new(), BTreeMap::new());
        Ok(Self { shared, txn, table, patterns, staged, fault: OnceCell::new() })
    }

    /// The failure of the file below that voids everything, if there was one.
    pub(super) fn fault(&self) -> Option<&Error> {
        self.fault.get()
    }

    fn keep<T>(&self, result: Result<T, impl Into<redb::Error>>) -> Result<T> {
        result.map_err(|cause| {
            let error = self.shared.file.storage_error(cause);
            self.fault.get_or_init(|| error).clone()
        })
    }

    /// Removes a page that nothing is staged for and nobody has in memory.
    pub(super) fn remove(&mut self, key: &[u8]) -> Result<()> {
        let removed = self.table.remove(key).map(drop);
        self.keep(removed)
    }

    /// The page under a key, staged changes included. A page that fails its checks counts as
    /// missing: it is reported, and replaced by what is stored now.
    pub(crate) fn standing(&self, view: &ViewState, key: &[u8]) -> Result<Option<Standing>> {
        if let Some(staged) = self.staged.get(key) {
            return Ok(staged.page.clone().map(Standing::InMemory));
        }
        // Only this thread publishes, so what the cache holds is what the file holds.
        if let Some(resident) = self.shared.cache.peek(CacheKey::new(key)) {
            return Ok(Some(Standing::InMemory(resident)));
        }
        let found = self.table.get(key).map(|found| found.map(|guard| guard.value().to_vec()));
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
                Err(self.fault.get_or_init(|| error).clone())
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
    pub(super) fn table(&self) -> &Table<'t, &'static [u8], &'static [u8]> {
        &self.table
    }

    /// Stages a page under a key; `None` removes what stands there.
    pub(crate) fn stage(
        &mut self,
        view: &Arc<ViewState>,
        key: &[u8],
        page: Option<Page>,
        body: Option<Arc<StoredBody>>,
        wanted: bool,
    ) {
        let page = page.map(|page| self.shared.in_memory(key, page));
        let wanted = wanted || self.staged.get(key).is_some_and(|staged| staged.wanted);
        self.staged.insert(key.into(), Staged { view: view.clone(), page, body, wanted });
    }

    /// Keys of pages on disk or staged from `from` (inclusive) to before `until`, at most `most`.
    pub(crate) fn keys(&self, from: &[u8], until: &[u8], most: usize) -> Result<Vec<Box<[u8]>>> {
        let mut keys = std::collections::BTreeSet::new();
        let listed = self.table.range(from..until).and_then(|range| {
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

    /// Writes what was staged, each page once, in the order of their keys. What readers are to see of it,
    /// and how many bytes it took.
    pub(super) fn write(&mut self) -> Result<(Vec<Change>, usize)> {
        let staged = std::mem::take(&mut self.staged);
        let (mut changes, mut rows) = (Vec::with_capacity(staged.len()), Vec::new());
        let (mut gathered, mut written) = (0, 0);
        for (key, staged) in staged {
            if gathered >= GATHERED_BYTES {
                let put = put_in_order(&mut self.table, &std::mem::take(&mut rows));
                self.keep(put)?;
                gathered = 0;
            }
            let what = match &staged.page {
                Some(page) => {
                    let bytes = self.encode(&staged, page.value(), &key)?;
                    gathered += bytes.len();
                    written += bytes.len();
                    rows.push((key.clone(), bytes));
                    What::Replaced { page: page.clone(), wanted: staged.wanted }
                }
                None => {
                    self.remove(&key)?;
                    What::Removed
                }
            };
            changes.push(Change { key, what });
        }
        let put = put_in_order(&mut self.table, &rows);
        self.keep(put)?;
        Ok((changes, written))
    }

    /// A page's bytes for the file, which has the pattern that they name, if any, from here on.
    fn encode(&mut self, staged: &Staged, page: &Page, key: &[u8]) -> Result<Vec<u8>> {
        let view = &staged.view;
        let made_here;
        let mut body = match &staged.body {
            Some(body) => &**body,
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
}

/// Which pattern the file has.
enum InFile {
    This,
    /// `None` where what it has cannot be used.
    Another(Option<Pattern>),
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
