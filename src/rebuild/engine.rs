//! One opening of a store, as its handles share it.

use std::collections::HashMap;
use std::path::Path;

use crate::disk::file::{self, FileOptions, Opened, Opening};
use crate::disk::operations::{SettleIntents, SyncAll};
use crate::disk::{
    CONTENTS, Catalog, Definition, PageInMemory, Parts, Shared, StorageBackend, ViewState,
    WriterHandle, begin_life, has_intents, known_views, last_revision,
};
use crate::error::{Error, ErrorKind, Result};
use crate::options::Options;
use crate::page::ViewId;
use crate::sync::{Arc, Mutex, Weak, thread};

use super::builders::Builders;
use super::chain::refuse_inside_build;
use super::flights::Flights;
use super::rebuilders::Rebuilder;
use super::runs::Runs;
use super::workshop::Workshop;

/// What the handles of a store share: the last one to go closes it.
#[derive(Debug)]
pub(crate) struct Engine {
    workshop: Arc<Workshop>,
    builders: Builders,
    catalog: Catalog,
    /// The writer's.
    thread: Mutex<Option<thread::JoinHandle<()>>>,
}

impl Engine {
    /// Opens or creates the file at a path.
    pub(crate) fn open(path: &Path, options: Options) -> Result<Self> {
        options.validate()?;
        let opened = file::open(path, &file_options(&options), CONTENTS)?;
        Self::start(opened, options, Some(path)).map_err(|error| error.at_file(path))
    }

    /// Opens what a storage backend holds.
    pub(crate) fn open_backend(backend: Box<dyn StorageBackend>, options: Options) -> Result<Self> {
        options.validate()?;
        let opened = file::open_backend(backend, &file_options(&options), CONTENTS)?;
        Self::start(opened, options, None)
    }

    /// A store without a file.
    pub(crate) fn in_memory(options: Options) -> Result<Self> {
        options.validate()?;
        let opened = file::in_memory(&file_options(&options), CONTENTS)?;
        Self::start(opened, options, None)
    }

    fn start(opened: Opened, options: Options, path: Option<&Path>) -> Result<Self> {
        let seal = opened.seal.clone();
        Self::begin(opened, options, path).map_err(|error| seal.reason(error))
    }

    fn begin(opened: Opened, options: Options, path: Option<&Path>) -> Result<Self> {
        let Opened { database, seal, outcome, home } = opened;
        let rolled_back = outcome == Opening::RolledBack;
        let unclean = matches!(outcome, Opening::Verified | Opening::RolledBack);
        let revision = if options.read_only {
            last_revision(&database)?
        } else {
            begin_life(&database, unclean, rolled_back)?
        };
        // A reader can neither stamp the views of a file that was not closed cleanly nor announce
        // changes that were begun, so it calls nothing in it fresh.
        let begun_changes = has_intents(&database)?;
        let distrusted = options.read_only && (unclean || begun_changes);
        let distrusted = distrusted && !mutant!("readers_distrust_what_they_cannot_settle");
        let read_only = options.read_only;
        let path = path.map(Path::to_owned);
        let parts = Parts {
            options,
            path,
            database,
            seal,
            home,
            revision,
            distrusted,
            after_unclean_stop: unclean,
        };
        let shared = Arc::new(Shared::new(parts));
        let (writer, thread) = if read_only {
            (None, None)
        } else {
            let (writer, thread) = WriterHandle::start(&shared, revision)?;
            (Some(writer), Some(thread))
        };
        let engine = Self {
            workshop: Arc::new(Workshop::new(shared, writer)),
            builders: Builders::default(),
            catalog: Catalog::default(),
            thread: Mutex::new(thread),
        };
        if begun_changes && !read_only {
            engine.settle_intents()?;
        }
        if !read_only {
            engine.runs().take_up(engine.shared(), &engine.writer()?)?;
        }
        Ok(engine)
    }

    /// Starts the threads that build in the background.
    pub(crate) fn start_builders(&self) -> Result<()> {
        self.builders.start(&self.workshop)
    }

    /// Announces the changes that an earlier life began and did not end: they may have happened.
    fn settle_intents(&self) -> Result<()> {
        let now = self.shared().options.clock.now();
        self.writer()?.run(SettleIntents { now })
    }

    /// What builders and readers who build share.
    pub(crate) fn workshop(&self) -> &Arc<Workshop> {
        &self.workshop
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        self.workshop.shared()
    }

    pub(crate) fn flights(&self) -> &Flights<PageInMemory> {
        self.workshop.flights()
    }

    /// The way to the writer, unless the store is closed or may not be written.
    pub(crate) fn writer(&self) -> Result<WriterHandle> {
        self.workshop.writer()
    }

    /// Defines a view.
    pub(crate) fn define(&self, definition: Definition) -> Result<Arc<ViewState>> {
        refuse_inside_build("defining a view")?;
        let writer = if self.shared().options.read_only { None } else { Some(self.writer()?) };
        let defined = self.catalog.define(self.shared(), writer.as_ref(), definition);
        drop(writer);
        // Who waits for a record of a definition that has ended waits in vain.
        self.flights().tell_all(&[]);
        defined
    }

    /// The names of the views that the file knows.
    pub(crate) fn view_names(&self) -> Result<HashMap<ViewId, String>> {
        let rows = known_views(self.shared())?.into_iter();
        Ok(rows.map(|(name, row)| (row.id, name)).collect())
    }

    /// The id of a view that the file knows.
    pub(crate) fn view_id(&self, name: &str) -> Result<ViewId> {
        let names = self.view_names()?;
        let found = names.into_iter().find(|(_, known)| known == name);
        found.map(|(id, _)| id).ok_or_else(|| {
            let message = "the file knows no such view; define it first, or look at `Store::views`";
            Error::new(ErrorKind::Absent, message).at_view(name)
        })
    }

    /// The runs that have not ended.
    pub(crate) fn runs(&self) -> &Runs {
        self.workshop.runs()
    }

    pub(crate) fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Makes a view known to those who build by key.
    pub(crate) fn add_rebuilder(&self, view: &Arc<ViewState>, rebuilder: Weak<dyn Rebuilder>) {
        self.workshop.rebuilders().add(view, rebuilder);
        // What was left of it when it was last defined can be done now.
        self.shared().bell.ring();
    }

    /// The view of that number, if it builds and somebody holds a handle on it.
    pub(crate) fn rebuilder(&self, view: ViewId) -> Option<Arc<dyn Rebuilder>> {
        self.workshop.rebuilder(view)
    }

    /// Makes everything committed so far durable.
    pub(crate) fn sync(&self) -> Result<()> {
        refuse_inside_build("waiting for a sync")?;
        self.writer()?.run(SyncAll)?;
        self.shared().events.tell_late();
        Ok(())
    }

    /// Ends this opening: what is queued is committed, everything synced, the file sealed.
    pub(crate) fn close(&self) -> Result<()> {
        refuse_inside_build("closing the store")?;
        self.shared().file.home().check()?;
        let ended = self.end();
        self.shared().events.tell_late();
        ended
    }

    fn end(&self) -> Result<()> {
        // Builders finish what they have in hand; what they build is stored.
        self.workshop.close();
        self.builders.join(&self.workshop);
        // The writer ends when the last way to it is gone; calls under way keep theirs until they
        // are answered.
        drop(self.workshop.take_writer());
        // Held until the writer has ended: of two that close at once, the second waits here and does
        // not take the file from under it. The writer never asks for this lock.
        let mut thread = self.thread.lock();
        if let Some(thread) = thread.take() {
            // It catches the panics of what it calls; one of its own is a defect, not a reason to
            // leave the file open.
            let _ = thread.join();
        }
        let shared = self.shared();
        let Some(database) = shared.file.take() else {
            return Ok(());
        };
        shared.cache.retire_all();
        // Who still waits for a build that nobody will make finds the store closed.
        self.flights().tell_all(&[]);
        let closed = file::close(database, shared.file.seal(), *shared.file.home());
        match shared.file.latched() {
            Some(latched) => Err(latched),
            None => closed.map_err(|error| shared.file.at_file(error)),
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if self.shared().file.home().is_home() {
            // Errors have been latched and shown to those who wrote; `close` reports them.
            let _ = self.end();
            self.shared().events.tell_late();
        } else {
            // A forked child: the file and its lock are the parent's, the writer's thread does not
            // exist here, and any lock may have been held by a thread that does not either. What
            // must not be dropped is leaked.
            std::mem::forget(self.workshop.clone());
            std::mem::forget(std::mem::take(&mut self.builders));
            std::mem::forget(self.thread.get_mut().take());
        }
    }
}

fn file_options(options: &Options) -> FileOptions {
    FileOptions {
        create: options.create,
        read_only: options.read_only,
        redb_cache_bytes: options.file_cache_bytes(),
        on_repair: options.progress.clone(),
    }
}
