//! What readers, builders and the writer of one opening share.

use std::path::PathBuf;

use redb::Database;

use crate::cache::{Budget, Cache, CacheKey, Resident, Weighed};
use crate::error::Error;
use crate::events::{Event, Events};
use crate::metrics::{Counters, Metrics};
use crate::options::Options;
use crate::page::Page;
use crate::revision::{Life, Revision};
use crate::schedule::{Admission, Bell, Noticed, Overdue};
use crate::sync::{Arc, AtomicU64, Ordering};

use super::file::{HomeProcess, SealState};
use super::last_error::LastError;
use super::live_views::LiveViews;
use super::open_file::OpenFile;

impl Weighed for Page {
    fn bytes(&self) -> usize {
        Page::bytes(self)
    }
}

/// A page as the cache holds it.
pub(crate) type PageInMemory = Arc<Resident<Page>>;

/// One opening of a file: its parts, and what concerns several of them.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) cache: Cache<Page>,
    pub(crate) counters: Counters,
    pub(crate) events: Events,
    pub(crate) options: Options,
    pub(crate) file: OpenFile,
    pub(crate) views: LiveViews,
    published: AtomicU64,
    /// Whether the opening before this one did not end by closing the file.
    pub(crate) after_unclean_stop: bool,
    /// The readers that build.
    pub(crate) readers: Admission,
    /// The builds under way that have a deadline.
    pub(crate) overdue: Overdue,
    /// Rung when there is something for the builders to do.
    pub(crate) bell: Bell,
    /// What readers were served although it was not fresh.
    pub(crate) served_marked: Noticed,
    /// What readers were served shortly before it expires.
    pub(crate) expiring: Noticed,
    /// The last page that failed its checks.
    pub(crate) last_damage: LastError,
    /// The last build that took longer than its view says that one should.
    pub(crate) last_slow: LastError,
    /// The last record that was built to other bytes for no reason that it declared.
    pub(crate) last_unexplained: LastError,
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
        let Parts { options, path, database, seal, home, .. } = parts;
        // The sums of the sealed file and redb's own cache come out of the same budget.
        let reserved = options.file_cache_bytes() + seal.bytes();
        let pages = options.memory_bytes.saturating_sub(reserved);
        Self {
            cache: Cache::new(Budget::new(pages), Life::begin()),
            counters: Counters::default(),
            events: Events::new(options.observer.clone()),
            file: OpenFile::new(path, database, seal, home, options.read_only),
            options,
            views: LiveViews::new(parts.distrusted),
            published: AtomicU64::new(parts.revision.get()),
            after_unclean_stop: parts.after_unclean_stop,
            readers: Admission::default(),
            overdue: Overdue::default(),
            bell: Bell::default(),
            served_marked: Noticed::new(NOTICED_MAX),
            expiring: Noticed::new(NOTICED_MAX),
            last_damage: LastError::default(),
            last_slow: LastError::default(),
            last_unexplained: LastError::default(),
        }
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

    /// A page with its charge on the budget.
    pub(crate) fn in_memory(&self, key: &[u8], page: Page) -> PageInMemory {
        let slots = page.slots() as usize;
        Arc::new(Resident::new(self.cache.budget(), CacheKey::new(key), page, slots))
    }

    /// Whether the page under a key is in memory. Counts as no use of it.
    pub(super) fn is_cached(&self, key: &[u8]) -> bool {
        self.cache.peek(CacheKey::new(key)).is_some()
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
        self.last_damage.note(error.clone());
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
