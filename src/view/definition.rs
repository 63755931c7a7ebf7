//! Defining a view.

use std::any::TypeId;
use std::fmt;
use std::marker::PhantomData;
use std::ops::RangeInclusive;

use crate::disk::Definition;
use crate::error::{BuildError, Error, Result};
use crate::grid::{Bucket, Grid};
use crate::key::EntityKey;
use crate::page::{Layout, PAGE_LEN_MAX, RecordShape, RecordType};
use crate::rebuild::Engine;
use crate::schedule::{Breaker, Conduct, Expiry, Retry};
use crate::sync::Arc;
use crate::time::Span;

use super::context::BuildContext;
use super::core::{BuildFunction, Core};
use super::filling::Filling;
use super::handle::View;
use super::policy::{Marked, Missing, Policy};

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
    name: String,
    version: u32,
    grid: Grid,
    page_len: Option<u32>,
    retain: Option<Span>,
    zstd_level: Option<i32>,
    seal_after: Option<Span>,
    conduct: Conduct,
    fresh_for: Option<Span>,
    expire_past: bool,
    refresh_ahead: Option<Span>,
    policy: Policy,
    pub(super) filling: Option<Filling<E>>,
    is_input: bool,
    types: PhantomData<fn(&E) -> R>,
}

/// The fastest that still squeezes text; pages are small and read often.
const ZSTD_LEVEL_DEFAULT: i32 = 1;
const ZSTD_LEVELS: RangeInclusive<i32> = -7..=19;
const NAME_BYTES_MAX: usize = 255;
/// What a page should hold: large enough to compress and to serve a timeline at once, small enough
/// to be cheap to load for one record.
const PAGE_BYTES_AIM: usize = 8 << 10;

impl<E: EntityKey + ?Sized, R: RecordType> ViewDefinition<E, R> {
    pub(crate) fn new(engine: Arc<Engine>, name: &str) -> Self {
        Self {
            engine,
            name: name.to_owned(),
            version: 1,
            grid: Grid::timeless(),
            page_len: None,
            retain: None,
            zstd_level: Some(ZSTD_LEVEL_DEFAULT),
            seal_after: None,
            conduct: Conduct::default(),
            fresh_for: None,
            expire_past: false,
            refresh_ahead: None,
            policy: Policy::default(),
            filling: None,
            is_input: false,
            types: PhantomData,
        }
    }

    /// A table of values instead of a view.
    pub(crate) fn input(mut self) -> Result<View<E, R>> {
        self.is_input = true;
        self.without_build()
    }

    /// How the view divides time. Default: [`Grid::timeless`], one bucket for all time.
    pub fn grid(mut self, grid: Grid) -> Self {
        self.grid = grid;
        self
    }

    /// The algorithm's version. Raise it whenever the build function, the record type, the grid or
    /// the page length changes. Default: 1.
    ///
    /// With the same record type and grid, old records stay and say
    /// [`OldVersion`](crate::Freshness::OldVersion) until they are built anew; otherwise the view
    /// starts afresh and the old records go in the background.
    pub fn version(mut self, version: u32) -> Self {
        self.version = version;
        self
    }

    /// How many buckets a page holds: 1 to 1,024.
    ///
    /// A page is read, compressed and kept in memory as one. Default: so many records as make about
    /// 8 KiB if each is only as large as its type, a whole day where that is near. A grid without
    /// time and one with pages by day have a length of their own: leave this out there.
    pub fn page_len(mut self, buckets: u32) -> Self {
        self.page_len = Some(buckets);
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
        self.retain = Some(span);
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
        self.seal_after = Some(span);
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
        self.fresh_for = Some(span);
        self
    }

    /// With [`fresh_for`](Self::fresh_for): records of buckets that are over expire too, again and
    /// again. For what is corrected afterwards.
    pub fn expire_past(mut self) -> Self {
        self.expire_past = true;
        self
    }

    /// With [`fresh_for`](Self::fresh_for): a record that is read within this span before it expires is
    /// built anew behind the reader's back. At most half the time for which records are fresh;
    /// [`Span::ZERO`] for never. Default: a tenth of it.
    pub fn refresh_ahead(mut self, span: Span) -> Self {
        self.refresh_ahead = Some(span);
        self
    }

    /// zstd's level for pages, -7 (fast) to 19 (small), not 0. Default: 1.
    ///
    /// It matters for text and for records of several lengths, and below 1 text is hardly squeezed.
    /// Numbers in records of one length are stored as columns, beside what other entities have at the
    /// same time; up to level 1 zstd is then asked only where they pack badly.
    pub fn zstd_level(mut self, level: i32) -> Self {
        self.zstd_level = Some(level);
        self
    }

    /// Pages are stored as they are: for records that are compressed already.
    pub fn uncompressed(mut self) -> Self {
        self.zstd_level = None;
        self
    }

    /// What reads do when there is no record. Default: [`Missing::Build`].
    pub fn when_missing(mut self, missing: Missing) -> Self {
        self.policy.missing = missing;
        self
    }

    /// What reads do when the record is not fresh. Default: [`Marked::Rebuild`].
    pub fn when_marked(mut self, marked: Marked) -> Self {
        self.policy.marked = marked;
        self
    }

    /// When the background tries a record again whose build failed. Default: five tries, at first
    /// a second apart; see [`Retry`].
    ///
    /// This and what follows, up to [`builds_max`](Self::builds_max), may differ from one definition of
    /// a view to the next: all its handles go by the latest.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.conduct.retry = retry;
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
        self.conduct.breaker = Some(breaker);
        self
    }

    /// The view builds however often that fails: for builds that fail for some records for good
    /// reason, side by side, and cost little.
    pub fn without_breaker(mut self) -> Self {
        self.conduct.breaker = None;
        self
    }

    /// How long one run of the build function should take at most, by the system's clock. One that takes
    /// longer is not stopped, since nothing could stop it, but counted
    /// ([`Metrics::builds_slow`](crate::report::Metrics::builds_slow)) and reported
    /// ([`Store::last_slow`](crate::Store::last_slow)). Default: any time.
    pub fn build_deadline(mut self, deadline: Span) -> Self {
        self.conduct.build_deadline = Some(deadline);
        self
    }

    /// How many readers may build records of the view at once: at least 1. Beyond it as with
    /// [`Options::builds_max`](crate::Options::builds_max), which holds besides. Default: any number.
    pub fn builds_max(mut self, builds: usize) -> Self {
        self.conduct.builds_max = Some(builds);
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
        let named = |error: Error| error.at_view(&self.name);
        let puts = matches!(build, BuildFunction::None);
        check_name(&self.name)?;
        self.grid.validate().map_err(named)?;
        let shape = RecordShape::of::<R>();
        let page_len = self.checked_page_len(&shape).map_err(named)?;
        self.check_numbers().map_err(named)?;
        self.check_times().map_err(named)?;
        if let Some(filling) = &self.filling {
            filling.check(puts, &self.grid).map_err(named)?;
        }
        let expiry = self.expiry();
        let definition = Definition {
            name: self.name.into(),
            version: self.version,
            layout: Layout::of::<R, E::Owned>(),
            shape,
            record_type: TypeId::of::<R>(),
            entity_type: TypeId::of::<EntityType<E>>(),
            is_input: self.is_input,
            by_page: matches!(build, BuildFunction::Page(_)),
            grid: self.grid,
            page_len,
            level: self.zstd_level,
            seal_after: self.seal_after,
            conduct: self.conduct,
            expiry,
            retain: self.retain,
        };
        Ok(View::new(Core::new(self.engine, definition, build, self.filling)?, self.policy))
    }

    fn expiry(&self) -> Option<Expiry> {
        let expiry = Expiry::new(self.fresh_for?);
        let ahead = self.refresh_ahead.unwrap_or(expiry.ahead);
        Some(Expiry { past_too: self.expire_past, ahead, ..expiry })
    }

    fn check_times(&self) -> Result<()> {
        let Some(fresh_for) = self.fresh_for else {
            if self.expire_past || self.refresh_ahead.is_some() {
                let message = "expire_past and refresh_ahead say more of fresh_for; give that too";
                return Err(Error::input(message));
            }
            return Ok(());
        };
        if fresh_for <= Span::ZERO {
            return Err(Error::input(format!(
                "fresh_for is {fresh_for}; it must be longer than that"
            )));
        }
        let most = Span::millis(fresh_for.as_millis() / 2);
        match self.refresh_ahead.filter(|ahead| *ahead > most) {
            None => Ok(()),
            Some(ahead) => Err(Error::input(format!(
                "refresh_ahead is {ahead}; it may be at most {most}, half of fresh_for"
            ))),
        }
    }

    fn check_numbers(&self) -> Result<()> {
        // 0 is another word for a level that a later zstd may choose anew.
        let is_level = |level: &i32| ZSTD_LEVELS.contains(level) && *level != 0;
        if let Some(level) = self.zstd_level.filter(|level| !is_level(level)) {
            let message = format!("zstd_level is {level}; it may be -7 to -1 or 1 to 19");
            return Err(Error::input(message));
        }
        self.conduct.validate()?;
        let retained = [
            ("retain", self.retain),
            ("seal_after", self.seal_after),
            ("refresh_ahead", self.refresh_ahead),
            (
                "ServeFor",
                match self.policy.marked {
                    Marked::ServeFor(span) => Some(span),
                    Marked::Rebuild | Marked::Serve => None,
                },
            ),
        ];
        match retained.into_iter().find(|(_, span)| span.is_some_and(|span| span < Span::ZERO)) {
            Some((name, Some(span))) => {
                Err(Error::input(format!("{name} is {span}; it cannot be negative")))
            }
            _ => Ok(()),
        }
    }

    fn checked_page_len(&self, shape: &RecordShape) -> Result<u32> {
        let demanded = self.grid.fixed_page_len();
        let page_len = match (self.page_len, demanded) {
            (Some(asked), Some(demanded)) if asked != demanded => {
                return Err(Error::input(format!(
                    "page_len is {asked}, but a page of the grid '{}' holds {demanded}; leave \
                     page_len out",
                    self.grid
                )));
            }
            (Some(asked), _) => asked,
            (None, Some(demanded)) => demanded,
            (None, None) => default_page_len(&self.grid, shape),
        };
        if !(1..=PAGE_LEN_MAX).contains(&page_len) {
            return Err(Error::input(format!(
                "a page would hold {page_len} buckets; it may hold 1 to {PAGE_LEN_MAX}"
            )));
        }
        Ok(page_len)
    }
}

/// Stands for the entity type, sized or not, where a type that can be named is needed.
struct EntityType<E: ?Sized>(PhantomData<fn(&E)>);

fn check_name(name: &str) -> Result<()> {
    let fault = if name.is_empty() {
        "is empty".to_owned()
    } else if name.contains('\0') {
        "contains a NUL".to_owned()
    } else if name.len() > NAME_BYTES_MAX {
        format!("has {} bytes", name.len())
    } else {
        return Ok(());
    };
    Err(Error::input(format!(
        "the name of a view {fault}; it may have 1 to {NAME_BYTES_MAX} bytes and no NUL"
    )))
}

fn default_page_len(grid: &Grid, shape: &RecordShape) -> u32 {
    // What a slot costs beside its record is about sixteen bytes.
    let aim = (PAGE_BYTES_AIM / (shape.size() + 16)).clamp(1, 512);
    let aim = u32::try_from(aim).expect("it was clamped");
    let whole_day = grid.buckets_of_a_day().filter(|day| (aim / 4..=aim * 2).contains(day));
    let unit = grid.page_len_unit();
    whole_day.unwrap_or(aim).next_multiple_of(unit)
}

impl<E: ?Sized, R> fmt::Debug for ViewDefinition<E, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ViewDefinition")
            .field("name", &self.name)
            .field("version", &self.version)
            .field("grid", &self.grid)
            .field("page_len", &self.page_len)
            .finish_non_exhaustive()
    }
}
