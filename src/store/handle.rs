//! The handle of an open file.

use std::fmt;
use std::path::Path;

use crate::disk::StorageBackend;
use crate::disk::operations::DropView;
use crate::error::{Error, Result};
use crate::key::{EntityKey, IntoSource, SourceKey};
use crate::metrics::Metrics;
use crate::options::Options;
use crate::page::RecordType;
use crate::rebuild::{Engine, refuse_inside_build};
use crate::revision::Revision;
use crate::sync::Arc;
use crate::view::{
    self, BegunChange, Changes, Input, Invalidated, ReconcileReport, ViewDefinition, ViewInfo,
    ViewStatus, Writes,
};

/// One open file with its cache and its writer.
///
/// Handles are cheap to clone. The store closes when [`close`](Self::close) is called or when the
/// last handle to it or to one of its views is dropped. An
/// [`Entities`](crate::Entities) keeps it open as a view does; a [`Record`](crate::Record) and a
/// [`Timeline`](crate::Timeline) do not. A builder that is at work when the last handle is dropped
/// keeps the file open a moment longer: who opens it again calls [`close`](Self::close) first, which
/// waits.
///
/// - To open: [`open`](Self::open), [`open_with`](Self::open_with), [`in_memory`](Self::in_memory).
/// - To define: [`view`](Self::view), [`input`](Self::input).
/// - To say what has changed: [`invalidate`](Self::invalidate), [`change`](Self::change),
///   [`reconcile`](Self::reconcile).
/// - To write several things at once: [`writes`](Self::writes).
/// - To have all built anew: [`refresh`](Self::refresh), [`run`](Self::run).
/// - To look after it: [`metrics`](Self::metrics), [`backlog`](Self::backlog),
///   [`failures`](Self::failures), [`status`](Self::status).
/// - To look after the file: [`sync`](Self::sync), [`close`](Self::close),
///   [`backup`](Self::backup), [`verify`](Self::verify), [`repair`](Self::repair).
#[derive(Clone)]
pub struct Store(pub(super) Arc<Engine>);

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.shared().file.path() {
            Some(path) => write!(f, "Store({})", path.display()),
            None => f.write_str("Store(without a file)"),
        }
    }
}

impl Store {
    /// Opens the file at a path with the default [`Options`], creating it if there is none.
    ///
    /// # Errors
    /// [`Busy`](crate::ErrorKind::Busy) if it is open elsewhere;
    /// [`Foreign`](crate::ErrorKind::Foreign) if it is empty, somebody else's or of another format
    /// (it is not touched); [`System`](crate::ErrorKind::System) with the operating system's reason;
    /// [`Damaged`](crate::ErrorKind::Damaged) if its bytes are not what was written.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path, Options::default())
    }

    /// Opens the file at a path.
    ///
    /// A file that was not closed cleanly is verified first, which reads all of it: 0.6 s
    /// a GiB were measured with the file in the page cache. [`Options::progress`] is told how far it is.
    ///
    /// # Errors
    /// As [`open`](Self::open), and [`Input`](crate::ErrorKind::Input) for an option out of range.
    pub fn open_with(path: impl AsRef<Path>, options: Options) -> Result<Self> {
        Self::begin(Engine::open(path.as_ref(), options)?)
    }

    /// A store without a file, for tests: everything is as with one, and gone at the end.
    ///
    /// # Errors
    /// None that a machine with some free memory meets.
    pub fn in_memory() -> Result<Self> {
        Self::in_memory_with(Options::default())
    }

    /// A store without a file, with options.
    ///
    /// # Errors
    /// [`Input`](crate::ErrorKind::Input) for an option out of range.
    pub fn in_memory_with(options: Options) -> Result<Self> {
        Self::begin(Engine::in_memory(options)?)
    }

    /// Opens what a storage backend holds: for proofs that record, cut or spoil what reaches the
    /// disk. See [`proof`](crate::proof).
    ///
    /// # Errors
    /// As [`open_with`](Self::open_with).
    pub fn open_backend(backend: Box<dyn StorageBackend>, options: Options) -> Result<Self> {
        Self::begin(Engine::open_backend(backend, options)?)
    }

    fn begin(engine: Engine) -> Result<Self> {
        engine.start_builders()?;
        Ok(Self(Arc::new(engine)))
    }

    /// Begins to define a view: `E` says what it is about, `R` what a record holds.
    ///
    /// A view is defined once in each run of a program, before it is read. Defining it again in the
    /// same way gives another handle on it, which builds with its own function: two that differ under one
    /// version are a mistake that nobody notices.
    pub fn view<E: EntityKey + ?Sized, R: RecordType>(&self, name: &str) -> ViewDefinition<E, R> {
        ViewDefinition::new(self.0.clone(), name)
    }

    /// A table of values that builds read and the application sets. As a view's, its name and types
    /// are in the file; it has no version, so where its type changes define the new one under another
    /// name beside the old one, copy the values over, and [delete](Self::delete_view) the old one.
    ///
    /// # Errors
    /// As [`ViewDefinition::build`].
    pub fn input<K: EntityKey + ?Sized, V: RecordType>(&self, name: &str) -> Result<Input<K, V>> {
        self.view(name).input().map(Input::new)
    }

    /// Says that a source has changed. Durable when this returns; from then on nobody is served what
    /// was built from it before as fresh, through any number of views, on any thread.
    ///
    /// Change the data first, then call this. Costs a sync (callers at the same time share one) and
    /// about a microsecond for each record that it marks. One that nobody has read, or that is misspelt,
    /// marks nothing: the [report](Invalidated) counts.
    ///
    /// ```
    /// # use tidetable::{Store, Timestamp};
    /// # let store = Store::in_memory()?;
    /// let shadow = store.view::<u32, u64>("shadow").build(|cx, patio, _| {
    ///     cx.depends_on(("building", *patio));
    ///     Ok(7)
    /// })?;
    /// shadow.get(&12, Timestamp::EPOCH)?;
    /// assert_eq!(store.invalidate(("building", 12))?.stale, 1);
    /// # Ok::<(), tidetable::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Input`](crate::ErrorKind::Input) for a source that cannot be, inside a build and in a store
    /// opened to read only; and [the file's errors](crate#errors).
    pub fn invalidate(&self, source: impl IntoSource) -> Result<Invalidated> {
        self.invalidate_all(&Changes::new().source(source))
    }

    /// Says that many things have changed: one transaction, one sync, one revision.
    ///
    /// # Errors
    /// As [`invalidate`](Self::invalidate), and [`Absent`](crate::ErrorKind::Absent) for a view that
    /// the file does not know. Nothing is announced then.
    pub fn invalidate_all(&self, changes: &Changes) -> Result<Invalidated> {
        changes.announce(&self.0)
    }

    /// Says that any source of a kind may have changed.
    ///
    /// # Errors
    /// As [`invalidate`](Self::invalidate).
    pub fn invalidate_kind(&self, kind: &str) -> Result<Invalidated> {
        self.invalidate_all(&Changes::new().kind(kind))
    }

    /// What [`invalidate_all`](Self::invalidate_all) would mark now. Marks nothing.
    ///
    /// # Errors
    /// As [`invalidate_all`](Self::invalidate_all), but it may be called inside a build and in a
    /// store opened to read only.
    pub fn preview(&self, changes: &Changes) -> Result<Invalidated> {
        changes.preview(&self.0)
    }

    /// Changes the application's own data in such a way that it cannot be forgotten: that `source`
    /// is about to change is noted in the file first, then `change` runs, then the source is
    /// announced as changed, whether `change` succeeded, failed or panicked. If the process dies in
    /// between, the next opening announces it. Costs two syncs.
    ///
    /// ```
    /// # use tidetable::Store;
    /// # let store = Store::in_memory()?;
    /// # let mut heights = std::collections::HashMap::new();
    /// store.change(("building", 7), || heights.insert(7, 31.5))?;
    /// # Ok::<(), tidetable::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`invalidate`](Self::invalidate). An error means either that `change` did not run (the
    /// note could not be made) or that it ran and the announcement waits for the next opening.
    pub fn change<T>(&self, source: impl IntoSource, change: impl FnOnce() -> T) -> Result<T> {
        self.change_many([source], change)
    }

    /// [`change`](Self::change) for several sources at once.
    ///
    /// # Errors
    /// As [`change`](Self::change).
    pub fn change_many<T>(
        &self,
        sources: impl IntoIterator<Item = impl IntoSource>,
        change: impl FnOnce() -> T,
    ) -> Result<T> {
        let sources: Result<Vec<_>> = sources.into_iter().map(IntoSource::into_source).collect();
        view::change(&self.0, &sources?, change)
    }

    /// [`change`](Self::change) where a closure will not do: a commit that is awaited, or one that others
    /// make. What is begun is over when it is [announced](BegunChange::announce), which says what it
    /// marked, or dropped. Both ends cost a sync: on an executor see
    /// [async programs](crate::guide::async_programs).
    ///
    /// ```
    /// # use tidetable::Store;
    /// # let store = Store::in_memory()?;
    /// # async fn commit() {}
    /// # let future = async {
    /// let change = store.begin_change(("building", 7))?;
    /// commit().await;
    /// let report = change.announce()?;
    /// # Ok::<_, tidetable::Error>(report)
    /// # };
    /// # use std::task::{Context, Poll, Waker};
    /// # let mut future = std::pin::pin!(future);
    /// # let Poll::Ready(report) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
    /// #     panic!("it waits for nothing");
    /// # };
    /// # assert_eq!(report?.stale, 0);
    /// # Ok::<(), tidetable::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`invalidate`](Self::invalidate).
    pub fn begin_change(&self, source: impl IntoSource) -> Result<BegunChange> {
        self.begin_change_many([source])
    }

    /// [`begin_change`](Self::begin_change) for several sources at once.
    ///
    /// # Errors
    /// As [`begin_change`](Self::begin_change).
    pub fn begin_change_many(
        &self,
        sources: impl IntoIterator<Item = impl IntoSource>,
    ) -> Result<BegunChange> {
        let sources: Result<Vec<_>> = sources.into_iter().map(IntoSource::into_source).collect();
        BegunChange::begin(&self.0, &sources?)
    }

    /// Begins several writes that are committed together: values of [inputs](Input), records that are
    /// put, announcements, requests. See [`Writes`].
    pub fn writes(&self) -> Writes<'_> {
        Writes::new(&self.0)
    }

    /// Compares the application's versions of all its sources of a kind with those that the file
    /// has, and announces what differs, what is new and what is gone. For an application that cannot
    /// tell what changed while it was away.
    ///
    /// The iterator runs in this thread, at its own pace; memory stays bounded however many sources
    /// it names. What is gone (an earlier call named it, or a record reads it, and this one does not)
    /// is decided after its end: if it panics nothing counts as gone. One that is empty says that
    /// all are.
    ///
    /// # Errors
    /// As [`invalidate`](Self::invalidate). What was compared before an error is announced.
    pub fn reconcile<K: SourceKey>(
        &self,
        kind: &str,
        versions: impl IntoIterator<Item = (K, u64)>,
    ) -> Result<ReconcileReport> {
        view::reconcile(&self.0, kind, versions)
    }

    /// Deletes a view with all its records, durably: its name is free at once, its pages go in the
    /// background. Handles on it end. Returns whether there was one.
    ///
    /// # Errors
    /// [`Input`](crate::ErrorKind::Input) inside a build and in a store opened to read only; and
    /// [the file's errors](crate#errors).
    pub fn delete_view(&self, name: &str) -> Result<bool> {
        refuse_inside_build("deleting a view")?;
        let now = self.0.shared().options.clock.now();
        let writer = self.0.writer()?;
        let deleted = self
            .0
            .catalog()
            .delete(self.0.shared(), name, || writer.run(DropView { name: name.to_owned(), now }));
        drop(writer);
        // Who waits for a record of it waits in vain.
        self.0.flights().tell_all(&[]);
        deleted
    }

    /// The views that the file knows, defined in this run or not, by name.
    ///
    /// # Errors
    /// [The file's errors](crate#errors).
    pub fn views(&self) -> Result<Vec<ViewInfo>> {
        view::views(&self.0)
    }

    /// The same with how they stand, counted. Looks at every page of each view that is defined in
    /// this opening, and at every page that is marked: minutes of a file that is large.
    ///
    /// # Errors
    /// [The file's errors](crate#errors).
    pub fn status(&self) -> Result<Vec<ViewStatus>> {
        view::statuses(&self.0)
    }

    /// Makes durable what is committed: built records too, which otherwise are synced a little
    /// later. Where all of it is durable already the disk is not asked.
    ///
    /// # Errors
    /// [`Reopen`](crate::ErrorKind::Reopen) if a sync failed, now or earlier;
    /// [`Input`](crate::ErrorKind::Input) inside a build and in a store opened to read only.
    pub fn sync(&self) -> Result<()> {
        self.0.sync()
    }

    /// Closes the store: commits what is queued, syncs, seals the file. All handles end; records in
    /// hand stay readable. Closing twice is no error.
    ///
    /// # Errors
    /// The first failure that this opening met, or why the file could not be sealed. What was
    /// synced is there all the same; the next opening verifies the file. And
    /// [`Input`](crate::ErrorKind::Input) inside a build: then the store stays open.
    pub fn close(&self) -> Result<()> {
        self.0.close()
    }

    /// What the store has done so far, counted.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        let orders_waiting = self.0.workshop().orders_waiting() as u64;
        Metrics { orders_waiting, ..self.0.shared().metrics() }
    }

    /// The revision that readers may rely on now.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.0.shared().published()
    }

    /// Panics if the structures in memory do not hold together.
    #[cfg(fuzzing)]
    #[doc(hidden)]
    pub fn assert_holds(&self) {
        self.0.shared().cache.validate();
    }

    /// The last record that was built to other bytes than before though nothing that it declares to
    /// read had changed, if one was: its build function is not a function of what it declares.
    ///
    /// Found where a record is built again without a change, which is seldom; that nothing was found
    /// proves nothing.
    #[must_use]
    pub fn last_unexplained(&self) -> Option<Error> {
        self.0.shared().last_unexplained.get()
    }

    /// The last build that took longer than its view's
    /// [`build_deadline`](crate::ViewDefinition::build_deadline), if one did.
    #[must_use]
    pub fn last_slow(&self) -> Option<Error> {
        self.0.shared().last_slow.get()
    }

    /// The last page that failed its checks and counts as missing, if one did.
    #[must_use]
    pub fn last_damage(&self) -> Option<Error> {
        self.0.shared().last_damage.get()
    }
}
