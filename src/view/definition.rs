//! Defining a view.

use std::fmt;
use std::marker::PhantomData;

use crate::error::{BuildError, Result};
use crate::grid::{Bucket, Grid};
use crate::key::EntityKey;
use crate::page::RecordType;
use crate::rebuild::Engine;
use crate::schedule::{Breaker, Retry};
use crate::sync::Arc;
use crate::time::Span;

use super::context::BuildContext;
use super::core::{BuildFunction, Core};
use super::filling::Filling;
use super::handle::View;
use super::policy::{Marked, Missing};
use super::settings::{Settings, Types};

/// A view being defined: what [`Store::view`](crate::Store::view) returns.
///
/// Nothing is checked or written before [`build`](Self::build),
/// [`build_page`](Self::build_page) or [`without_build`](Self::without_build) ends the definition.
///
/// ```
/// use tidetable::{Grid, Marked, Span, Store};
///
/// let store = Store::in_memory()?;
/// let sun = store
///     .view::<u32, u64>("sun") // about patios, by number; its name and types are in the file
///     .version(1)
///     .grid(Grid::minutes(10).pages_by_day("Europe/Stockholm"))
///     .retain(Span::days(3))
///     .when_marked(Marked::ServeFor(Span::minutes(5)))
///     .build(|cx, &patio, bucket| {
///         cx.depends_on(("building", patio / 10));
///         Ok(u64::from(patio) + bucket.start().as_millis() as u64)
///     })?;
/// assert_eq!((sun.name(), sun.version()), ("sun", 1));
/// # Ok::<(), tidetable::Error>(())
/// ```
#[must_use = "a view is defined by its last call: build, build_page or without_build"]
pub struct ViewDefinition<E: ?Sized, R> {
    engine: Arc<Engine>,
    settings: Settings,
    pub(super) filling: Option<Filling<E>>,
    types: PhantomData<fn(&E) -> R>,
}

impl<E: EntityKey + ?Sized, R: RecordType> ViewDefinition<E, R> {
    pub(crate) fn new(engine: Arc<Engine>, name: &str) -> Self {
        Self { engine, settings: Settings::new(name), filling: None, types: PhantomData }
    }

    /// A table of values instead of a view.
    pub(crate) fn input(mut self) -> Result<View<E, R>> {
        self.settings.is_input = true;
        self.without_build()
    }

    /// How the view divides time. Default: [`Grid::timeless`], one bucket for all time.
    pub fn grid(mut self, grid: Grid) -> Self {
        self.settings.grid = grid;
        self
    }

    /// The algorithm's version. Raise it whenever the build function, the record type, the grid or
    /// the page length changes. Default: 1.
    ///
    /// With the same record type and grid, old records stay and say
    /// [`OldVersion`](crate::Freshness::OldVersion) until they are built anew; otherwise the view
    /// starts afresh and the old records go in the background.
    pub fn version(mut self, version: u32) -> Self {
        self.settings.version = version;
        self
    }

    /// How many buckets a page holds: 1 to 1,024.
    ///
    /// A page is read, compressed and kept in memory as one. Default: so many records as make about
    /// 8 KiB if each is only as large as its type, a whole day where that is near. A grid without
    /// time and one with pages by day have a length of their own: leave this out there.
    pub fn page_len(mut self, buckets: u32) -> Self {
        self.settings.page_len = Some(buckets);
        self
    }

    /// How long records are kept after their bucket has ended (without buckets: after they were
    /// built). The others are deleted in the background, every now and then
    /// ([`Options::retention_every`](crate::Options::retention_every)), or at once by
    /// [`View::apply_retention`]. Default: for ever.
    ///
    /// A build that reads a bucket of the view that is older than that, and has no record, is told
    /// that there is none: [`View::get`] fails, a range has a gap. So keep records longer than what
    /// is built from them is built anew, or seal that ([`seal_after`](Self::seal_after)).
    pub fn retain(mut self, span: Span) -> Self {
        self.settings.retain = Some(span);
        self
    }

    /// Seals buckets so long after their end: a record in one is history, never marked and never
    /// built again, and says [`Sealed`](crate::Freshness::Sealed). For views whose sources are cleaned up
    /// themselves, so that a rebuild cannot turn history into emptiness. A bucket that has no record
    /// is still built when somebody asks. What was announced before a bucket was sealed and was not
    /// built in by then stays out of it. Default: never.
    ///
    /// Costs each read of the view a look at the clock. To what was built from them, sealed records
    /// are constants. Views without buckets have no end to count from and are never sealed.
    pub fn seal_after(mut self, span: Span) -> Self {
        self.settings.seal_after = Some(span);
        self
    }

    /// For views of what changes without being announced: so long after its build began a record is
    /// [`Expired`](crate::Freshness::Expired), and then what [`when_marked`](Self::when_marked) says is
    /// done. So is what was built from it; that is only looked over, and not built again where this
    /// record comes out as it was. Default: records stay fresh until something is announced.
    ///
    /// It is shortened by up to a tenth, a little other for each page, so that what was built together
    /// is not built together again. Only buckets that are not over expire: a record that would expire
    /// after its bucket's end never does ([`expire_past`](Self::expire_past) changes that), one that
    /// expired before and is built anew after it is the last of its bucket. Records that are put
    /// expire too; a sealed one does not. What stands in the file keeps the time that it was stored
    /// with.
    ///
    /// Costs each read of a record that expires a look at the clock. A clock that is set back makes
    /// records count so much longer.
    pub fn fresh_for(mut self, span: Span) -> Self {
        self.settings.fresh_for = Some(span);
        self
    }

    /// With [`fresh_for`](Self::fresh_for): records of buckets that are over expire too, again and
    /// again. For what is corrected afterwards.
    pub fn expire_past(mut self) -> Self {
        self.settings.expire_past = true;
        self
    }

    /// With [`fresh_for`](Self::fresh_for): a record that is read within this span before it expires is
    /// built anew behind the reader's back. At most half the time for which records are fresh;
    /// [`Span::ZERO`] for never. Default: a tenth of it.
    pub fn refresh_ahead(mut self, span: Span) -> Self {
        self.settings.refresh_ahead = Some(span);
        self
    }

    /// zstd's level for pages, -7 (fast) to 19 (small), not 0. Default: 1.
    ///
    /// It matters for text and for records of several lengths, and below 1 text is hardly squeezed.
    /// Numbers in records of one length are stored as columns, beside what other entities have at the
    /// same time; up to level 1 zstd is then asked only where they pack badly.
    pub fn zstd_level(mut self, level: i32) -> Self {
        self.settings.zstd_level = Some(level);
        self
    }

    /// Pages are stored as they are: for records that are compressed already.
    pub fn uncompressed(mut self) -> Self {
        self.settings.zstd_level = None;
        self
    }

    /// What reads do when there is no record. Default: [`Missing::Build`].
    pub fn when_missing(mut self, missing: Missing) -> Self {
        self.settings.policy.missing = missing;
        self
    }

    /// What reads do when the record is not fresh. Default: [`Marked::Rebuild`].
    pub fn when_marked(mut self, marked: Marked) -> Self {
        self.settings.policy.marked = marked;
        self
    }

    /// When the background tries a record again whose build failed. Default: five tries, at first
    /// a second apart; see [`Retry`].
    ///
    /// This and what follows, up to [`builds_max`](Self::builds_max), may differ from one definition of
    /// a view to the next: all its handles go by the latest.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.settings.conduct.retry = retry;
        self
    }

    /// When the view stops building for a while because its builds fail one after the other. Default:
    /// after eight, for a second at first; see [`Breaker`].
    ///
    /// While it does, a read is served the record that is there, whatever its colour (it says so), and
    /// where there is none the error is [`Busy`](crate::ErrorKind::Busy), with the last failure and
    /// the time from which on to try again. A build that reads the view is told so as well, and a fill
    /// lists it for each bucket. [`View::breaker_state`] tells how it stands.
    pub fn breaker(mut self, breaker: Breaker) -> Self {
        self.settings.conduct.breaker = Some(breaker);
        self
    }

    /// The view builds however often that fails: for builds that fail for some records for good
    /// reason, side by side, and cost little.
    pub fn without_breaker(mut self) -> Self {
        self.settings.conduct.breaker = None;
        self
    }

    /// How long one run of the build function should take at most, by the system's clock. One that takes
    /// longer is not stopped, since nothing could stop it, but counted
    /// ([`Metrics::builds_slow`](crate::report::Metrics::builds_slow)) and reported
    /// ([`Store::last_slow`](crate::Store::last_slow)). Default: any time.
    pub fn build_deadline(mut self, deadline: Span) -> Self {
        self.settings.conduct.build_deadline = Some(deadline);
        self
    }

    /// How many readers may build records of the view at once: at least 1. Beyond it as with
    /// [`Options::builds_max`](crate::Options::builds_max), which holds besides. Default: any number.
    pub fn builds_max(mut self, builds: usize) -> Self {
        self.settings.conduct.builds_max = Some(builds);
        self
    }

    /// Ends the definition with a function that makes the record of one bucket.
    ///
    /// It runs in the thread of a reader, without any lock, and may itself read through other handles;
    /// where that nests deep, it runs [more than once](crate#builds) for a record. It must be a function
    /// of its entity and bucket and of what it reads. What does not exist is [no failure](crate#errors).
    ///
    /// It lives as long as a handle on the view does. One that holds a handle on its own view (or two
    /// views that hold each other's) keeps itself alive, and the file open, until
    /// [`Store::close`](crate::Store::close). Handles on the store and on other views do not.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) for a name, grid, page length or level out of
    /// range; [`ErrorKind::Definition`](crate::ErrorKind::Definition) if the file knows the view
    /// otherwise. The message names the remedy.
    pub fn build<F>(self, build: F) -> Result<View<E, R>>
    where
        F: Fn(&BuildContext, &E, Bucket) -> Result<R, BuildError> + Send + Sync + 'static,
    {
        self.finish(BuildFunction::Bucket(Box::new(build)))
    }

    /// Ends the definition with a function that makes several records of one page at once: those of
    /// the given buckets, in their order. For work that buckets share.
    ///
    /// # Errors
    /// As [`build`](Self::build).
    pub fn build_page<F>(self, build: F) -> Result<View<E, R>>
    where
        F: Fn(&BuildContext, &E, &[Bucket]) -> Result<Vec<R>, BuildError> + Send + Sync + 'static,
    {
        self.finish(BuildFunction::Page(Box::new(build)))
    }

    /// Ends the definition of a view whose records are all put.
    ///
    /// # Errors
    /// As [`build`](Self::build).
    pub fn without_build(self) -> Result<View<E, R>> {
        self.finish(BuildFunction::None)
    }

    fn finish(self, build: BuildFunction<E, R>) -> Result<View<E, R>> {
        let Self { engine, settings, filling, .. } = self;
        let policy = settings.policy;
        let horizon = filling.as_ref().map(|filling| &filling.horizon);
        let definition = settings.define(Types::of::<E, R>(), build.makes(), horizon)?;
        Ok(View::new(Core::new(engine, definition, build, filling)?, policy))
    }
}

impl<E: ?Sized, R> fmt::Debug for ViewDefinition<E, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ViewDefinition")
            .field("name", &self.settings.name)
            .field("version", &self.settings.version)
            .field("grid", &self.settings.grid)
            .field("page_len", &self.settings.page_len)
            .finish_non_exhaustive()
    }
}
