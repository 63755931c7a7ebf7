//! What readers, builders and the writer of one opening share.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};

use redb::{Database, ReadOnlyTable, ReadTransaction, ReadableDatabase};

use crate::cache::{Budget, Cache, CacheKey, Resident, Weighed};
use crate::error::{Error, ErrorKind, Result};
use crate::events::{Event, Events};
use crate::grid::Bucket;
use crate::metrics::{Counters, Metrics};
use crate::options::Options;
use crate::page::{Page, PageKey, ViewId};
use crate::revision::{Life, Revision};
use crate::schedule::{Admission, Bell, Noticed, Overdue};
use crate::sync::{Arc, AtomicU64, Mutex, Ordering, RwLock};

use super::file::{HomeProcess, SealState, explain};
use super::latest::Latest;
use super::tables::{MARKS, PAGES};
use super::view_state::ViewState;

impl Weighed for Page {
    fn bytes(&self) -> usize {
        Page::bytes(self)
    }
}

/// A page as the cache holds it.
pub(crate) type PageInMemory = Arc<Resident<Page>>;

/// One opening of a file.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) cache: Cache<Page>,
    pub(crate) counters: Counters,
    pub(crate) events: Events,
    pub(crate) options: Options,
    /// The readers that build.
    pub(crate) readers: Admission,
    /// The builds under way that have a deadline.
    pub(crate) overdue: Overdue,
    /// Where the file is; `None` for one in memory or on a backend of the caller's.
    path: Option<PathBuf>,
    /// Gone once the store is closed. Readers hold the lock for one read; nobody waits under it for
    /// anything but the disk.
    database: RwLock<Option<Database>>,
    /// What loads look at. Gone before the database is.
    latest: Latest<Snapshot>,
    seal: Arc<SealState>,
    home: HomeProcess,
    published: AtomicU64,
    /// Why nothing may be written any more in this opening.
    latch: Mutex<Option<Error>>,
    /// The last build that took too long.
    slow: Mutex<Option<Error>>,
    /// The last page that failed its checks, for whoever asks.
    damage: Mutex<Option<Error>>,
    /// The last record that was built to other bytes for no reason that it declared.
    unexplained: Mutex<Option<Error>>,
    /// Nothing read from this file counts as fresh: history may be missing.
    distrusted: bool,
    /// Whether the opening before this one did not end by closing the file.
    pub(crate) after_unclean_stop: bool,
    /// Views of a store open to read that read what has changed.
    distrusted_views: Mutex<BTreeSet<ViewId>>,
    /// Id -> the view's live definition: what a page of another view is read by.
    views: RwLock<HashMap<ViewId, Arc<ViewState>>>,
    /// Rung when there is something for the builders to do.
    pub(crate) bell: Bell,
    /// What readers were served although it was not fresh.
    pub(crate) served_marked: Noticed,
    /// What readers were served shortly before it expires.
    pub(crate) expiring: Noticed,
}

/// A read transaction, with the tables that every load asks.
pub(super) struct Snapshot {
    pub(super) pages: ReadOnlyTable<&'static [u8], &'static [u8]>,
    pub(super) marks: ReadOnlyTable<&'static [u8], &'static [u8]>,
    pub(super) txn: ReadTransaction,
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Snapshot")
    }
}

/// Pages that readers had a look at and that wait to be built: more are known by their marks.
const NOTICED_MAX: usize = 1024;

/// The parts that an opening starts from.
pub(crate) struct Parts {
    pub(crate) options: Options,
    pub(crate) path: Option<PathBuf>,
    pub(crate) database: Database,
    pub(crate) seal: Arc<SealState>,
    pub(crate) home: HomeProcess,
    pub(crate) revision: Revision,
    pub(crate) distrusted: bool,
    pub(crate) after_unclean_stop: bool,
}

impl Shared {
    pub(crate) fn new(parts: Parts) -> Self {
        // The sums of the sealed file and redb's own cache come out of the same budget.
        let reserved = parts.options.file_cache_bytes() + parts.seal.bytes();
        let pages = parts.options.memory_bytes.saturating_sub(reserved);
        Self {
            cache: Cache::new(Budget::new(pages), Life::begin()),
            counters: Counters::default(),
            events: Events::new(parts.options.observer.clone()),
            options: parts.options,
            readers: Admission::default(),
            overdue: Overdue::default(),
            path: parts.path,
            database: RwLock::new(Some(parts.database)),
            latest: Latest::new(),
            seal: parts.seal,
            home: parts.home,
            published: AtomicU64::new(parts.revision.get()),
            latch: Mutex::new(None),
            slow: Mutex::new(None),
            damage: Mutex::new(None),
            unexplained: Mutex::new(None),
            distrusted: parts.distrusted,
            after_unclean_stop: parts.after_unclean_stop,
            distrusted_views: Mutex::default(),
            views: RwLock::default(),
            bell: Bell::default(),
            served_marked: Noticed::new(NOTICED_MAX),
            expiring: Noticed::new(NOTICED_MAX),
        }
    }

    /// The live definition of the view that a page belongs to.
    pub(crate) fn view(&self, id: ViewId) -> Option<Arc<ViewState>> {
        self.views.read().get(&id).cloned()
    }

    /// A definition that readers are about to get: from here on its pages can be read by their key.
    pub(super) fn enlist(&self, view: &Arc<ViewState>) {
        self.views.write().insert(view.id(), view.clone());
        // There may be something to do for it.
        self.bell.ring();
    }

    /// The views that keep their records for a time only.
    pub(crate) fn retaining(&self) -> Vec<Arc<ViewState>> {
        self.views.read().values().filter(|view| view.retain().is_some()).cloned().collect()
    }

    /// Nobody reads pages of this view any more.
    pub(super) fn dismiss(&self, id: ViewId) {
        self.views.write().remove(&id);
    }

    /// The revision that readers may rely on.
    pub(crate) fn published(&self) -> Revision {
        Revision::from_raw(self.published.load(Ordering::Acquire))
    }

    /// Has the cache show a commit, and readers rely on its revision after that: who sees the revision
    /// sees all that came with it. Called by the writer alone.
    pub(super) fn publish(&self, revision: Revision, show: impl FnOnce(&Cache<Page>)) {
        let publish = || self.published.store(revision.get(), Ordering::Release);
        if mutant!("marks_come_before_published") {
            publish();
        }
        show(&self.cache);
        publish();
    }

    /// Whether nothing of a view may be called fresh.
    pub(crate) fn is_distrusted(&self, view: ViewId) -> bool {
        self.distrusted || self.distrusted_views.lock().contains(&view)
    }

    /// Nothing of these views is fresh in this opening, which cannot stamp them, whether they are
    /// defined already or will be.
    pub(super) fn distrust_readers(&self, views: BTreeSet<ViewId>) {
        views.iter().filter_map(|view| self.view(*view)).for_each(|view| {
            view.live_stamp().distrust_all();
        });
        self.distrusted_views.lock().extend(views);
    }

    /// A page with its charge on the budget.
    pub(crate) fn in_memory(&self, key: &[u8], page: Page) -> PageInMemory {
        let slots = page.slots() as usize;
        Arc::new(Resident::new(self.cache.budget(), CacheKey::new(key), page, slots))
    }

    /// Whether the page under a key is in memory. Counts as no use of it.
    pub(super) fn is_cached(&self, key: &[u8]) -> bool {
        self.cache.peek(CacheKey::new(key)).is_some()
    }

    /// Runs one read of the file.
    pub(crate) fn read<T>(&self, body: impl FnOnce(&ReadTransaction) -> Result<T>) -> Result<T> {
        self.home.check()?;
        let database = self.database.read();
        let database = database.as_ref().ok_or_else(closed)?;
        let txn = database.begin_read().map_err(|cause| self.storage_error(cause))?;
        body(&txn).map_err(|error| self.reason(error))
    }

    /// Looks at pages and marks as the last commit left them, or a later one: as one transaction, that
    /// sees everything that was published before this call.
    pub(super) fn look<T>(&self, body: impl FnOnce(&Snapshot) -> Result<T>) -> Result<T> {
        self.home.check()?;
        let database = self.database.read();
        let database = database.as_ref().ok_or_else(closed)?;
        let snapshot = self.latest.get(|| {
            let failed = |cause: redb::Error| self.storage_error(cause);
            let txn = database.begin_read().map_err(|cause| failed(cause.into()))?;
            let open = |table| txn.open_table(table).map_err(|cause| failed(cause.into()));
            Ok(Snapshot { pages: open(PAGES)?, marks: open(MARKS)?, txn })
        })?;
        body(&snapshot).map_err(|error| self.reason(error))
    }

    /// Behind each commit, and before anything of it is published: later looks see it.
    pub(super) fn committed(&self) {
        self.latest.pass();
    }

    /// Lends the database to the writer for one transaction.
    pub(super) fn with_database<T>(&self, body: impl FnOnce(&Database) -> Result<T>) -> Result<T> {
        let database = self.database.read();
        body(database.as_ref().ok_or_else(closed)?)
    }

    /// Takes the database out: whoever comes later finds the store closed.
    pub(crate) fn take_database(&self) -> Option<Database> {
        let mut database = self.database.write();
        if self.home.is_home() {
            self.latest.pass();
        }
        database.take()
    }

    /// Refuses writes in a forked child, in a store opened to read, and after a failed sync.
    pub(crate) fn check_writable(&self) -> Result<()> {
        self.home.check()?;
        if self.options.read_only {
            let refusal = Error::new(
                ErrorKind::Input,
                "the store was opened to read only; open it without `read_only` to write",
            );
            return Err(self.at_file(refusal));
        }
        match &*self.latch.lock() {
            None => Ok(()),
            Some(cause) => Err(cause.clone()),
        }
    }

    /// From here on nothing is written in this opening. The first cause stays.
    pub(super) fn latch(&self, cause: &Error) {
        let mut latch = self.latch.lock();
        if latch.is_none() {
            let message = format!(
                "writing has stopped because a write or sync failed ({cause}); its outcome is \
                 unknown until the store is closed and opened again"
            );
            let latched = Error::new(ErrorKind::Reopen, message).caused_by(cause.clone());
            *latch = Some(self.at_file(latched));
        }
    }

    /// The error that stopped writing, if one did.
    pub(crate) fn latched(&self) -> Option<Error> {
        self.latch.lock().clone()
    }

    /// An error of redb's as one of ours: with the first fault that the file's backend met, which
    /// redb forgets, and the file's name.
    pub(crate) fn storage_error(&self, cause: impl Into<redb::Error>) -> Error {
        self.at_file(explain(cause, &self.seal))
    }

    /// Why a call failed, where it is the file's fault: with the file's name.
    fn reason(&self, error: Error) -> Error {
        match self.first_fault() {
            Some(_) => self.at_file(self.seal.reason(error)),
            None => error,
        }
    }

    /// The first fault that the file's backend met, if any.
    pub(super) fn first_fault(&self) -> Option<Error> {
        self.seal.first_error().map(|error| self.at_file(error))
    }

    /// Notes a page that failed its checks, and tells of it.
    pub(crate) fn report_damage(&self, error: &Error) {
        self.note_damage(error);
        self.events.tell(&Event::PageDamaged { error });
    }

    /// The same in the writer's thread: it is told of by whoever waits for an answer of the writer.
    pub(super) fn report_damage_late(&self, error: Error) {
        self.note_damage(&error);
        self.events.keep_damage(error);
    }

    fn note_damage(&self, error: &Error) {
        self.counters.pages_damaged.add(1);
        *self.damage.lock() = Some(error.clone());
    }

    /// Notes a record that was built to other bytes, for no reason that it declared.
    pub(super) fn report_unexplained(
        &self,
        view: &ViewState,
        key: &PageKey,
        bucket: Option<Bucket>,
    ) {
        view.counters().builds_unexplained.add(1);
        let message = "the record was built to other bytes than before, though nothing that it \
                       declares to read has changed: its build function reads something more \
                       (declare it with `depends_on`), or takes the time or chances";
        let mut error = Error::new(ErrorKind::Build, message).at_view(view.name());
        if let Some(bucket) = bucket {
            error = error.at_bucket(bucket);
        }
        *self.unexplained.lock() = Some(error.at_entity(key.entity_of_page()));
    }

    /// Notes a build that took longer than its view says that one should.
    pub(crate) fn report_slow(&self, error: Error) {
        *self.slow.lock() = Some(error);
    }

    /// The last build that took too long.
    pub(crate) fn last_slow(&self) -> Option<Error> {
        self.slow.lock().clone()
    }

    /// The last record that was built to other bytes for no reason that it declared.
    pub(crate) fn last_unexplained(&self) -> Option<Error> {
        self.unexplained.lock().clone()
    }

    /// The last page that failed its checks.
    pub(crate) fn last_damage(&self) -> Option<Error> {
        self.damage.lock().clone()
    }

    /// Where the file is, if there is one.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Names the file in an error.
    pub(crate) fn at_file(&self, error: Error) -> Error {
        match &self.path {
            Some(path) => error.at_file(path),
            None => error,
        }
    }

    pub(crate) fn home(&self) -> &HomeProcess {
        &self.home
    }

    pub(crate) fn seal(&self) -> &SealState {
        &self.seal
    }

    /// The counters, with what the cache and the events know.
    pub(crate) fn metrics(&self) -> Metrics {
        let cache = self.cache.stats();
        let noticed = self.served_marked.len() + self.expiring.len();
        Metrics {
            pages_noticed: noticed as u64,
            pages_resident: cache.residents as u64,
            bytes_resident: self.cache.budget().used_bytes() as u64,
            evictions: cache.evicted,
            events_dropped: self.events.dropped(),
            ..self.counters.snapshot()
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // A forked child ends no transaction of its parent's: a lock may be held there for ever.
        if !self.home.is_home() {
            self.latest.forget();
        }
    }
}

/// What every call gets once the store is closed.
pub(crate) fn closed() -> Error {
    Error::new(ErrorKind::Reopen, "the store is closed; open it again")
}
