//! An embedded storage engine for precomputed answers.
//!
//! A tide table is printed because nobody wants to work out the moon's pull while mooring. This
//! crate does the same for slow functions of a thing and a time: say once how an answer is made, and
//! read. Answers are built when they are first wanted (or ahead of that), stored in one file, cached
//! in memory, and read in place.
//!
//! This page goes from the ideas to the names, in reading order. What people do with it has pages of
//! its own in the [`guide`]. How the engine works inside is told in ARCHITECTURE.md beside the source.
//!
//! # Store and view
//! A *store* is one open file with its cache and its writer. A *view* is a named way of making
//! records: what they are about, what they hold, how time is divided, and a function.
//!
//! ```
//! use tidetable::{Grid, Store, Timestamp};
//!
//! let store = Store::in_memory()?; // or Store::open("city.tide")
//! let doubled = store
//!     .view::<u32, u64>("doubled")
//!     .grid(Grid::hours(1))
//!     .build(|_, &number, _| Ok(u64::from(number) * 2))?;
//!
//! let record = doubled.get(&21, Timestamp::now())?; // built now, read from now on
//! assert_eq!(record.to_native(), 42);
//! # Ok::<(), tidetable::Error>(())
//! ```
//!
//! [`Store`] and [`View`] are handles: cheap to clone, shared between threads. Every run of the
//! program defines its views anew, since functions are not in the file; records of earlier runs are
//! found by the view's name. One process has a file open to write; with [`Options::read_only`]
//! several may have it open to read while nobody writes.
//!
//! # Entities
//! An *entity* is what a record is about. Its type is any [`EntityKey`](key::EntityKey): integers, text,
//! bytes, `bool`, tuples such as `(String, u32)`, or a type of your own made of these. The key goes into
//! the file, so its type must not change under a version of a view. [`View::entities`] lists them.
//!
//! ```
//! # use tidetable::{Store, Timestamp};
//! # let store = Store::in_memory()?;
//! let towns = store.view::<str, u64>("towns").build(|_, name, _| Ok(name.len() as u64))?;
//! assert_eq!(towns.get("Visby", Timestamp::EPOCH)?.to_native(), 5);
//! # Ok::<(), tidetable::Error>(())
//! ```
//!
//! # Time
//! A [`Grid`] divides time into *buckets*: half-open intervals that abut, so that every instant lies
//! in exactly one. A view has one record for each entity and bucket. Grids are of one width
//! ([`Grid::minutes`]), of a calendar in a time zone ([`Grid::daily`]), or without time
//! ([`Grid::timeless`], the default), where any instant finds the one record.
//!
//! ```
//! use tidetable::{DailyWindow, Grid, Span, Timestamp, local_day};
//!
//! // The clocks of Stockholm were set forward that night: the day has 23 hours.
//! let noon = Timestamp::from_seconds(1_774_778_400);
//! let day = Grid::daily("Europe/Stockholm").bucket_at(noon)?;
//! assert_eq!(day.end().since(day.start()), Span::hours(23));
//!
//! let open = DailyWindow::through("08:00", "20:00", "Europe/Stockholm")?;
//! let today = local_day("Europe/Stockholm", noon)?;
//! assert_eq!(open.buckets(&Grid::minutes(10), today).count(), 73);
//! # Ok::<(), tidetable::Error>(())
//! ```
//!
//! [`Timestamp`] is milliseconds since 1970 in UTC, with conversions from [`std::time::SystemTime`]
//! and jiff. A range of time means the buckets that *start* in it.
//!
//! # Records
//! A record is a value of a type that derives rkyv's `Archive` and `Serialize`. A [`Record`] in hand
//! dereferences to the archived form: the same fields, numbers with a fixed byte order
//! (`to_native` gives the number; of a record that is one, `record.to_native()` or `*record * 2.0`),
//! vectors as slices. Nothing is decoded, so reading a field of a record of ten megabytes costs what
//! reading one of ten bytes does.
//!
//! ```
//! use tidetable::{Layer, Store, Timestamp};
//!
//! #[derive(rkyv::Archive, rkyv::Serialize)]
//! struct Exposure {
//!     percent: u8,
//!     elevation: f32,
//! }
//!
//! let store = Store::in_memory()?;
//! let exposure = store.view::<u32, Exposure>("exposure");
//! let exposure = exposure.build(|_, _, _| Ok(Exposure { percent: 80, elevation: 51.5 }))?;
//! let record = exposure.get(&7, Timestamp::now())?;
//! assert_eq!(record.percent, 80);
//! assert_eq!(record.elevation.to_native(), 51.5);
//! assert_eq!(record.layer(), Layer::Build);
//! # Ok::<(), tidetable::Error>(())
//! ```
//!
//! A record keeps its page in memory and nothing else: no lock, no transaction. It may be kept, and
//! sent to other threads. *Present but empty* differs from *not built*: [`View::peek`] answers
//! `None` for the latter only.
//!
//! # Pages
//! Consecutive buckets of an entity stand together in a *page*, which is read, checked, compressed
//! and cached as one. So a day of ten-minute buckets costs hardly more than one record:
//!
//! ```
//! # use tidetable::{Grid, Store, Timestamp, local_day};
//! # let store = Store::in_memory()?;
//! # let noon = Timestamp::from_seconds(1_782_036_000);
//! let view = store
//!     .view::<u32, u64>("minutes")
//!     .grid(Grid::minutes(10).pages_by_day("Europe/Stockholm"))
//!     .build(|_, _, bucket| Ok(bucket.start().as_millis() as u64 / 60_000))?;
//! let today = local_day("Europe/Stockholm", noon)?;
//! let timeline = view.range(&7, today)?; // builds what is missing
//! assert_eq!(timeline.len(), 144);
//! assert!(timeline.is_fresh());
//! # Ok::<(), tidetable::Error>(())
//! ```
//!
//! How long a page is can be chosen, and hardly ever need be: see [`guide::choosing`].
//!
//! # Builds
//! The function given to [`ViewDefinition::build`] makes one record. It runs in the thread of
//! whoever reads, holding no lock. Of many callers who want one missing record, one builds it and
//! the others wait and share what came of it, failure included.
//!
//! A build is a function of its entity, its bucket and the data it reads. It takes "now" from its
//! bucket, never from a clock. It may read other views (and earlier buckets of its own), through
//! its context or through handles that it captured, which is the same; records that need each other
//! in a circle are an error that names the circle. Writing inside a build is refused. (A function that
//! holds a handle on its own view, or two that hold each other's, keep themselves alive: the file stays
//! open until [`Store::close`]. A handle on the store, or on a view below, does not do that.)
//!
//! ```
//! # use tidetable::{Grid, Store, Timestamp};
//! # let store = Store::in_memory()?;
//! # let noon = Timestamp::from_seconds(1_782_036_000);
//! let hours = store.view::<u32, u64>("hours").grid(Grid::hours(1));
//! let hours = hours.build(|_, _, _| Ok(3))?;
//! let source = hours.clone();
//! let days = store.view::<u32, u64>("days").grid(Grid::daily("UTC"));
//! let days = days.build(move |cx, id, day| {
//!     let hours = cx.range(&source, id, day.range())?;
//!     Ok(hours.iter().map(|(_, hits)| hits.to_native()).sum())
//! })?;
//! assert_eq!(days.get(&1, noon)?.to_native(), 72);
//! # Ok::<(), tidetable::Error>(())
//! ```
//!
//! Records may need others one behind the other, up to 100,000 deep: a running total reads its own
//! view's bucket before. Where builds nest too deep for the stack, a read inside one of them fails,
//! what it asked for is built first, and then the builds around it run *again*, whatever they
//! returned. So pass a read's error on, do not repeat the read, and let a build have no effect but
//! its record. A range that is filled in order of time nests little and runs each build once.
//!
//! A build function that reads from threads of its own gives them its context and reads through
//! that: [`BuildContext::get`], [`BuildContext::range`]. **What such a thread reads through a handle
//! alone is not noted**: the record does not learn of its changes, writes there are not refused, and
//! a circle through it waits for ever.
//!
//! [`ViewDefinition::build_page`] makes the records of several buckets at once, where they share
//! work. [`View::fill`] builds a range ahead of its readers, in the calling thread.
//!
//! # What a record was built from
//! A build says which *sources* it reads: things outside the engine, each a kind and a key. What it
//! reads through views and [`Input`]s is noted by itself. When a source changes, say so, and from
//! then on nobody is served what was built from it as fresh, through any number of views:
//!
//! ```
//! # use std::sync::Arc;
//! # use std::sync::atomic::{AtomicU64, Ordering};
//! # use tidetable::{Store, Timestamp};
//! # const NOW: Timestamp = Timestamp::EPOCH;
//! # let store = Store::in_memory()?;
//! # let height = Arc::new(AtomicU64::new(10));
//! # let heights = height.clone();
//! let shadow = store.view::<u32, u64>("shadow").build(move |cx, &patio, _| {
//!     cx.depends_on(("building", patio + 1));
//!     Ok(heights.load(Ordering::SeqCst) * 2)
//! })?;
//! let of = shadow.clone();
//! let dark = store
//!     .view::<u32, bool>("dark")
//!     .build(move |cx, patio, _| Ok(*cx.get(&of, patio, NOW)? > 25))?;
//! assert!(!*dark.get(&7, NOW)?);
//!
//! height.store(15, Ordering::SeqCst); // the data first,
//! let report = store.invalidate(("building", 8))?; // then the word
//! assert_eq!((report.stale, report.suspect), (1, 1));
//! assert!(*dark.get(&7, NOW)?); // nobody is served the old shadow
//! # Ok::<(), tidetable::Error>(())
//! ```
//!
//! Records built from the source itself are *stale*; records built from those are *suspect*: before
//! one of them is built again, what it read is made fresh and compared, and if it came out as it was
//! the record is *spared*. So a change that does not matter stops where it stops mattering. A record
//! that has read an absence (a `peek` or an `input` of nothing, a range with a gap) or a whole view is
//! not spared: it is built again.
//!
//! Both are *marks*: notes in the file beside each page of records that a change reaches, which go as
//! the records are built or spared. Where a change concerns a view as a whole
//! ([`View::invalidate_all`], a higher version, and then each view that reads it) or reaches more than
//! 100,000 pages, the view is *stamped* instead: one note says of all records that it has by now that
//! they are stale, or suspect. To a reader and to the builders that is the same. Only reports differ:
//! they count what was marked, and name what was [stamped](Invalidated::stamped), since nobody has
//! looked at its records. [`View::census`] does, and counts all.
//!
//! What counts as read: sources ([`BuildContext::depends_on`]), whole kinds of them, records of this
//! store and their absence, all records of a view ([`BuildContext::scan`]), inputs. Other stores,
//! files and services are outside: declare them. (Neither counts what [`View::census`] and
//! [`View::explain`] say.) A record keeps up to 4,096 dependencies; of more it
//! keeps coarser ones (all of an entity, a view, a kind), and may be built more often than needed.
//!
//! | to announce | call |
//! |---|---|
//! | a source has changed | [`Store::invalidate`] |
//! | many things, at once | [`Changes`] with [`Store::invalidate_all`] |
//! | any source of a kind | [`Store::invalidate_kind`] |
//! | records themselves | [`View::invalidate`] and its kin: by range, prefix, time; all |
//! | a change that must not be forgotten in a crash | [`Store::change`] |
//! | whatever happened while the program was away | [`Store::reconcile`] |
//! | nothing: the data lives in the store | [`Input`] |
//!
//! [`Store::preview`] says what an announcement would mark, and [`View::explain`] why a record is as
//! it is.
//!
//! Where a record's data is, and who says that it changed:
//!
//! | the data | a build reads it by | its changes are told by |
//! |---|---|---|
//! | is outside: a database, files | its own means, and [`BuildContext::depends_on`] | the calls above |
//! | is small, and the program sets it | [`BuildContext::input`] of an [`Input`] | itself |
//! | is put, record by record | [`BuildContext::get`] of a view without a build | itself |
//! | is built by another view | [`BuildContext::get`] of that view | itself |
//!
//! # Freshness
//! Every record says what may be believed of it: [`Record::freshness`]. [`Freshness::Fresh`] means
//! that it contains every change that was announced before the read began, whichever way it came.
//! Everything else is named:
//!
//! - [`Stale`](Freshness::Stale): something it was built from has changed, or it was invalidated;
//! - [`Suspect`](Freshness::Suspect): something further up has changed;
//! - [`Overtaken`](Freshness::Overtaken): it was built for this read, and something it needs moved
//!   meanwhile;
//! - [`OldVersion`](Freshness::OldVersion): an older version of the view built it;
//! - [`Expired`](Freshness::Expired): the time for which it counts is over;
//! - [`Sealed`](Freshness::Sealed): it is history and stays as it is ([`ViewDefinition::seal_after`]).
//!
//! In a file that was opened to read only and had not been closed cleanly nothing is fresh. Two reads
//! need not share one instant, and nothing is promised of announcements still under way.
//!
//! This stands on two things that the application does: its builds declare what they read and are
//! functions of that, and its data changes *before* it is announced.
//!
//! # Versions
//! The version of a view stands for its algorithm. Raise it whenever the build function, the record
//! type, the grid or the page length changes:
//!
//! ```
//! use tidetable::{Freshness, Marked, Store, Timestamp};
//!
//! let store = Store::in_memory()?;
//! let first = store.view::<u32, u64>("n").build(|_, &n, _| Ok(u64::from(n) * 2))?;
//! first.get(&4, Timestamp::EPOCH)?;
//!
//! let second = store.view::<u32, u64>("n").version(2);
//! let second = second.build(|_, &n, _| Ok(u64::from(n) * 20))?;
//! let old = second.when_marked(Marked::Serve).get(&4, Timestamp::EPOCH)?;
//! assert_eq!((old.to_native(), old.freshness()), (8, Freshness::OldVersion));
//! assert_eq!(second.get(&4, Timestamp::EPOCH)?.to_native(), 80);
//! # Ok::<(), tidetable::Error>(())
//! ```
//!
//! | what differs from the file | the same version | a higher version |
//! |---|---|---|
//! | nothing, or the function | goes on (unnoticed) | old records are `OldVersion` |
//! | page length | refused | pages are laid out anew, old records are `OldVersion` |
//! | grid, record or entity type | refused | starts empty, old records go in the background |
//!
//! A *lower* version than the file's is refused: a newer program has been at it.
//!
//! Whether the record type is the same is told by a *fingerprint*: the names of the type and of its
//! type parameters, and the size and alignment of its archived form. It does not see inside: two
//! fields of one size that change places, an `f32` that becomes a `u32`, or a type of the same name
//! in another module, look the same to it and would be read as what they are not. Raise the version
//! with every change of a record type.
//!
//! Starting empty loses what was *put*: nothing can build it again. Read it out under the old
//! definition first, or define the new one under another name.
//!
//! # Policies
//! What a read does when there is nothing ([`Missing`]: `Build`, or `Miss`) or nothing fresh
//! ([`Marked`]: `Rebuild`, `Serve`, `ServeFor`) is set on the view and can be set on a handle for some
//! reads. By default they build, so that every answer is fresh and some take as long as a build.
//!
//! ```
//! # use tidetable::{ErrorKind, Missing, Store, Timestamp};
//! # let store = Store::in_memory()?;
//! let view = store.view::<u32, u64>("slow").build(|_, _, _| Ok(1))?;
//! let hurried = view.when_missing(Missing::Miss);
//! let missed = hurried.get(&7, Timestamp::EPOCH).unwrap_err();
//! assert_eq!(missed.kind(), ErrorKind::Absent);
//! view.get(&7, Timestamp::EPOCH)?;
//! assert!(hurried.get(&7, Timestamp::EPOCH)?.is_fresh());
//! # Ok::<(), tidetable::Error>(())
//! ```
//!
//! # Deadlines
//! A read without a deadline builds in its own thread. One with a deadline leaves the build to the
//! store's *builders* and takes what there is when its time is up: the record that is not fresh and
//! says so, or [`ErrorKind::Busy`]. The build goes on. For futures there is [`View::get_async`]; what
//! else an async program has to know is in [`guide::async_programs`].
//!
//! ```
//! # use std::time::Duration;
//! # use tidetable::{Marked, Store, Timestamp};
//! # let store = Store::in_memory()?;
//! let view = store.view::<u32, u64>("slow").build(|_, _, _| Ok(1))?;
//! let hurried = view.within(Duration::from_millis(20)); // or what there is
//! # let hurried = view.within(Duration::from_secs(60));
//! assert_eq!(hurried.get(&7, Timestamp::EPOCH)?.to_native(), 1);
//!
//! // Never wait for what is there: served as it is, built anew behind.
//! let lenient = view.when_marked(Marked::Serve);
//! # lenient.get(&7, Timestamp::EPOCH)?;
//! # Ok::<(), tidetable::Error>(())
//! ```
//!
//! # In the background
//! Builders ([`Options::builders`], one by default) make fresh by themselves what was announced as
//! changed, upstream first; before that what readers were served although it was not fresh, and
//! first of all what somebody waits for. What is left to do is in the file: a crash or a restart
//! loses none of it, and [`Store::backlog`] counts it. Views are built as far as they are defined and
//! somebody holds a handle on them. With no builders, [`Store::build_next`] does one piece of work and
//! says what it was.
//!
//! ```
//! # use tidetable::{Grid, Span, Store, TimeRange, Timestamp};
//! # let store = Store::in_memory()?;
//! # let monday = TimeRange::new(Timestamp::EPOCH, Timestamp::from_seconds(86_400));
//! let sun = store.view::<u32, u64>("sun").grid(Grid::minutes(10)).build(|_, &patio, bucket| {
//!     Ok(u64::from(patio) + bucket.start().as_millis() as u64)
//! })?;
//!
//! // A *run*: large work with progress, checkpoints and a list of what failed. It is in the file
//! // when this returns, and goes on after a restart.
//! let run = sun.precompute(0..100, monday)?;
//! let status = run.wait()?;
//! assert_eq!((status.done, status.failed), (14_400, 0));
//!
//! // One record, without waiting for it; the request outlives a restart too.
//! let pending = sun.request(&7, monday.end())?;
//! println!("{:?}", pending.state()?); // waiting, building with its progress, completed, failed
//! let record = pending.wait()?;
//! # Ok::<(), tidetable::Error>(())
//! ```
//!
//! | to have built | call |
//! |---|---|
//! | a range of many entities | [`View::precompute`] |
//! | a range of one entity, in this thread | [`View::fill`], then [`complete`](report::Filled::complete) |
//! | one record, soon | [`View::request`], [`View::request_many`] |
//! | all again, or what is not fresh | [`Store::refresh`] |
//! | all of it until it is fresh | [`Store::refresh`] of [`Refresh::lacking`], then [`Run::wait`] |
//! | the same hours of the days to come, by itself | [`ViewDefinition::horizon`] |
//! | nothing: what is marked is built anyway | |
//!
//! - **Failing builds** are tried again in the background, later and later, as the view's [`Retry`]
//!   says; then the record *rests* until it is asked for or announced again. [`Store::failures`]
//!   lists them. (What fails in a run is in [`Run::failures`] instead, and tried once.) Readers try
//!   by themselves. A record that was being built when the process died rests too, since it may be
//!   what killed it.
//! - **A view that keeps failing** is held back for a while by its [`Breaker`]: readers get the old
//!   records, which say what they are.
//! - **Too many builds**: beyond [`Options::builds_max`] a reader gets the old record or `Busy` at
//!   once.
//! - **Slow builds** ([`ViewDefinition::build_deadline`]) are told of, and a builder that hangs in one
//!   is replaced; a thread cannot be stopped.
//!
//! Work that nobody waits for takes no more than [`Options::background_share`] of a builder's time,
//! and less right after an opening. At an opening, the pages that were used most before come back into
//! memory ([`Options::warm_up`]); what retention no longer keeps goes by itself
//! ([`Options::retention_every`]).
//!
//! # Records that expire
//! Where changes are not announced (a forecast, a price), records count for so long:
//! [`ViewDefinition::fresh_for`]. Then they are [`Expired`](Freshness::Expired), and so is what was
//! built from them; what comes out as it was spares its readers. Records that are read are built
//! anew shortly before they expire.
//!
//! ```
//! # use tidetable::{Span, Store, Timestamp};
//! # let store = Store::in_memory()?;
//! # fn ask(_: &str) -> Result<f64, std::io::Error> { Ok(11.2) }
//! let price = store.view::<str, f64>("price").fresh_for(Span::minutes(10));
//! let price = price.build(|_, currency, _| Ok(ask(currency)?))?;
//! let record = price.get("SEK", Timestamp::EPOCH)?;
//! println!("{} until {:?}", *record, record.fresh_until());
//! # Ok::<(), tidetable::Error>(())
//! ```
//!
//! # Watching it
//! [`Store::metrics`] is a snapshot of counters and latencies (p50, p95, p99), per view and in total,
//! cheap enough to keep on; it serializes with serde. [`Options::observer`] is told of each
//! [`Event`]: built, failed, gave up, slow, a run's end, a damaged page; with the feature `tracing`
//! the same goes to `tracing`. [`Store::status`] counts what each view holds. [`guide::status_page`]
//! puts it together: what an operator looks at, and when to worry.
//!
//! # Writing and durability
//! What can be built again is committed when the read that built it returns, and synced a little
//! later: after [`Options::unsynced_age_max`] or [`Options::unsynced_bytes_max`], together with the
//! next synced write, or by [`Store::sync`]. What cannot is synced before its call returns:
//! [`View::put`], [`View::put_many`] (all of it, or none), deletions, definitions, invalidations.
//! What belongs together (a value and the request for what is made of it, say) goes into one
//! [`Store::writes`]: all of it or none, for one sync.
//! After a crash, or an end of the process without a close, the file holds everything up to some
//! point that is no earlier than the last sync: the last second's builds may be missing, and of a
//! record whose rebuild is lost the mark is back.
//!
//! [`Store::close`] syncs, seals the file and reports; dropping the last handle does the same and
//! cannot report. A file that was not closed is verified by the next opening, in time proportional
//! to its size ([`Options::progress`] is told how far it is). After a write or sync fails nothing
//! more is written in that opening: what is cached is served on, writes answer
//! [`ErrorKind::Reopen`].
//!
//! # Errors
//! There is one [`Error`]. Its [`kind`](Error::kind) says what to do about it, its message names the
//! view, the bucket and the file; the entity, which may be a person, is a field and never in the
//! message.
//!
//! ```
//! # use tidetable::{ErrorKind, Store, Timestamp};
//! # let store = Store::in_memory()?;
//! let view = store.view::<str, u64>("number").build(|_, it, _| Ok(it.parse()?))?;
//! let error = view.get("seven", Timestamp::EPOCH).unwrap_err();
//! assert_eq!(error.kind(), ErrorKind::Build);
//! let cause = error.build_cause().expect("it is what the function returned");
//! assert!(cause.is::<std::num::ParseIntError>());
//! assert!(!error.to_string().contains("seven"));
//! # Ok::<(), tidetable::Error>(())
//! ```
//!
//! A failed build does not keep the next read from building again, unless the view's [`Breaker`] is
//! open. Failures in a row open it, whichever records they are of, and hold back the whole view. So what
//! does not exist is no failure: let the record say so, or define the view
//! [`without_breaker`](ViewDefinition::without_breaker).
//!
//! ```
//! # use tidetable::{Store, Timestamp};
//! # let store = Store::in_memory()?;
//! # fn balance_of(customer: u64) -> Option<i64> { (customer < 100).then_some(25) }
//! let balance = store
//!     .view::<u64, Option<i64>>("balance")
//!     .build(|_, &customer, _| Ok(balance_of(customer)))?; // none, and no error
//! assert!(balance.get(&404, Timestamp::EPOCH)?.is_none());
//! # Ok::<(), tidetable::Error>(())
//! ```
//!
//! Every call that reaches the file may meet *the file's errors*: [`Reopen`](ErrorKind::Reopen) after a
//! close, a fork or a failed write, [`Damaged`](ErrorKind::Damaged), [`System`](ErrorKind::System), and
//! [`Definition`](ErrorKind::Definition) on a handle whose view was defined anew or deleted since.
//!
//! # Memory
//! [`Options::memory_bytes`] bounds the pages in memory, the file's own cache (an eighth, at most
//! 64 MiB) and its checksums (8 bytes for each 4 KiB of file). Pages that are asked for often stay;
//! a scan does not flush them. What [`Record`]s and [`Timeline`]s keep alive is charged until the
//! last of them drops; when they hold all of the budget, further pages are served uncached, and
//! nothing fails. A good budget holds the pages that are read within some minutes:
//! [`Store::metrics`] tells `loads` (reads that went to the file) and `evictions`.
//!
//! # When something goes wrong with the file
//! A file that was not closed is verified by its next opening and goes on. A page that fails its
//! checks counts as missing and is built again. What is worse answers [`ErrorKind::Damaged`]:
//! [`Store::repair`] brings over what is readable, or a [`Store::backup`] takes the file's place.
//! [`Store::verify`] looks through a store in use. What to do when: [`guide::damage`].
//!
//! # From here
//! [`guide`] has a page for each common use, with programs, and one for those who come from moka,
//! cron and SQLite, Redis, materialized views or salsa. [`guide::testing`] tests with the clock in
//! hand.

#![cfg_attr(
    loom,
    allow(
        dead_code,
        unused_imports,
        reason = "the model checker builds the kernels and no user of them"
    )
)]

// Floor 0: words that everything else is said in.
#[macro_use]
mod mutant;
#[cfg(all(test, not(loom)))]
mod corpus;
mod error;
mod sync;

#[cfg(not(loom))]
mod freshness;
mod revision;
mod time;

pub mod key;
#[cfg(not(loom))]
mod metrics;

// Floor 1: kernels that know neither file nor view, and start no thread.
mod grid;
#[cfg(not(loom))]
mod page;

mod graph;

mod schedule;

mod cache;

#[cfg(not(loom))]
mod events;
#[cfg(not(loom))]
mod options;

// Floor 2: the file, the builds, and who builds in the background.
#[cfg(not(loom))]
mod disk;
mod rebuild;

// Floor 3: the public face.
#[cfg(not(loom))]
mod view;

#[cfg(not(loom))]
mod store;

pub use error::{BuildError, Error, ErrorKind, Result};
#[cfg(not(loom))]
pub use events::{Event, Observer};
#[cfg(not(loom))]
pub use freshness::{Freshness, Layer};
pub use grid::{Bucket, DailyWindow, Grid, local_day};
#[cfg(not(loom))]
pub use options::Options;
#[cfg(not(loom))]
pub use page::{PAGE_BYTES_MAX, PAGE_LEN_MAX, RecordType};
#[cfg(not(loom))]
pub use rebuild::{Run, RunState};
pub use revision::Revision;
#[cfg(not(loom))]
pub use schedule::Horizon;
pub use schedule::{Breaker, BreakerState, Retry};
#[cfg(not(loom))]
pub use store::Store;
pub use time::{Clock, ManualClock, Span, SystemClock, TimeRange, Timestamp};
#[cfg(not(loom))]
pub use view::{
    BegunChange, BuildContext, Changes, Entities, GetAsync, Input, Invalidated, Marked, Missing,
    Pending, PendingState, Record, Refresh, Timeline, TimelineIter, View, ViewDefinition, Writes,
};

#[cfg(not(loom))]
pub mod guide;

/// What is told about a store, its views and its work: plain data that calls return, to be printed,
/// kept or sent as JSON.
#[cfg(not(loom))]
pub mod report {
    pub use crate::disk::{
        BacklogCounts, BackupReport, Finding, FindingKind, Inventory, Loss, RepairReport, RunKind,
        TableSize, Verified, VerifyReport, ViewContents,
    };
    pub use crate::metrics::{Latencies, Latency, Metrics, ViewMetrics};
    pub use crate::options::Progress;
    pub use crate::rebuild::{FailedBuild, Reason, RunStatus, RunSummary, Worked};
    pub use crate::view::{
        Census, Completeness, ExplainedBuild, ExplainedCause, ExplainedRead, Explanation, Failure,
        Filled, ReconcileReport, RecordName, ViewInfo, ViewStatus, Warming, WriteReport,
    };
}

/// Parts that a proof puts in the place of the operating system's.
#[cfg(not(loom))]
pub mod proof {
    pub use crate::disk::{BackendError, StorageBackend};

    #[doc(hidden)]
    pub use crate::page::proof as pages;
}

/// What fuzz targets reach: a kernel runs on bytes and panics where something does not hold.
#[cfg(all(fuzzing, not(loom)))]
#[doc(hidden)]
pub mod fuzzing {
    pub use crate::graph::{rows_hold, walk_holds};
    pub use crate::grid::grid_holds;
    pub use crate::page::{built_page_holds, page_holds, spoilt_page_holds};
}

// The README's program runs with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
