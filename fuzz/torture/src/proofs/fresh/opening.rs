//! One opening of the store of a round, and what its threads share.

use std::fmt::Display;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use tidetable::{ErrorKind, ManualClock, Options, Record, Result, Span, Store};

use super::midst::HeldUp;
use super::plan::Plan;
use super::tally::Tally;
use super::versions::{FIELDS, Versions};
use super::views::{BUCKETS, Claim, ENTITIES, FORGOTTEN, Families, INPUT_FIELD, KEPT, KINDS};
use super::views::{Source, Views, all, at, bucket_of, family, place};

/// What was read before, and is held until the store is closed and opened again.
pub type Held = Box<dyn Fn() -> Result<(), String> + Send>;

/// One opening.
pub struct Opening {
    pub families: Families,
    pub store: Store,
    pub views: Views,
    pub clock: Arc<ManualClock>,
    /// Of each reader.
    pub tallies: Vec<Tally>,
    /// Announcements that were answered.
    pub changes: AtomicU64,
    /// Loads in whose midst one was made.
    pub held_up: AtomicU64,
    /// The family that is changed now: readers come to it.
    pub changing: AtomicU64,
    /// Of each family, for the value of its input is set and announced at once: two who set it could
    /// overtake each other.
    pub setting: Vec<Mutex<()>>,
    pub held: Mutex<Vec<Held>>,
    wrong: Mutex<Vec<String>>,
    over: AtomicBool,
    closing: AtomicBool,
}

/// Why a thread ends before its work is done.
pub struct Ended;

impl Opening {
    /// Opens the store and announces all that may have changed while it was closed.
    pub fn begin(plan: &Plan, families: &Families, path: Option<&Path>) -> Result<Self> {
        let clock = Arc::new(ManualClock::new(at(0)));
        let options = Options {
            builders: plan.builders,
            memory_bytes: plan.memory_bytes,
            background_ramp: Span::ZERO,
            clock: clock.clone(),
            ..Options::default()
        };
        let store = match path {
            Some(path) => Store::open_with(path, options)?,
            None if plan.holds_up() => Store::open_backend(Box::new(HeldUp::new()), options)?,
            None => Store::in_memory_with(options)?,
        };
        let views = Views::define(&store, families, plan.long_tails)?;
        let opening = Self {
            families: families.clone(),
            store,
            views,
            clock,
            tallies: (0..plan.readers).map(|_| Tally::default()).collect(),
            changes: AtomicU64::new(0),
            held_up: AtomicU64::new(0),
            changing: AtomicU64::new(0),
            setting: families.iter().map(|_| Mutex::default()).collect(),
            held: Mutex::default(),
            wrong: Mutex::default(),
            over: AtomicBool::new(false),
            closing: AtomicBool::new(false),
        };
        Ok(opening)
    }

    /// Announces all that has changed and was not acknowledged: the store ended in the midst of it.
    pub fn catch_up(&self) -> Result<()> {
        let there: Vec<_> = self.families.iter().map(|family| family.there()).collect();
        for kind in KINDS {
            drop(self.store.invalidate_kind(kind)?);
        }
        for (number, there) in there.iter().enumerate() {
            self.views.input.set(&(number as u64), &there.field(INPUT_FIELD))?;
            (0..FIELDS).for_each(|field| self.families[number].acknowledge(*there, field));
        }
        Ok(())
    }

    pub fn is_over(&self) -> bool {
        self.over.load(Relaxed)
    }

    pub fn end(&self) {
        self.over.store(true, SeqCst);
    }

    /// Closes the store while all threads go on.
    pub fn close_in_the_midst(&self) -> Result<()> {
        self.closing.store(true, SeqCst);
        self.store.close()
    }

    /// Notes a violation, which ends the opening.
    pub fn violation(&self, what: impl Display) {
        self.wrong.lock().expect("nobody panics here").push(what.to_string());
        self.end();
    }

    pub fn violations(&self) -> Vec<String> {
        std::mem::take(&mut self.wrong.lock().expect("nobody panics here"))
    }

    /// What came of a call, if it could be. It may fail for what others do meanwhile.
    pub fn given<T>(&self, result: Result<T>) -> Result<Option<T>, Ended> {
        let error = match result {
            Ok(given) => return Ok(Some(given)),
            Err(error) => error,
        };
        if self.closing.load(SeqCst) {
            return Err(Ended);
        }
        let deleted = || error.to_string().contains("deleted while");
        match error.kind() {
            ErrorKind::Absent | ErrorKind::Busy => Ok(None),
            _ if deleted() => Ok(None),
            _ => {
                self.violation(format!("an error that nothing explains: {error}"));
                Err(Ended)
            }
        }
    }

    /// How many reads there were.
    pub fn reads(&self) -> u64 {
        self.tallies.iter().map(Tally::reads).sum()
    }

    /// When nothing moves any more everything is fresh, and what it should be.
    pub fn is_right_when_it_is_quiet(&self) {
        let views = &self.views;
        let held = self.is_right(&views.left).and_then(|()| self.is_right(&views.right));
        let held = held.and_then(|()| self.is_right(&views.near));
        let held = held.and_then(|()| self.is_right(&views.far));
        let held = held.and_then(|()| self.is_right(&views.kept));
        if let Err(what) = held.and_then(|()| self.is_right(&views.over)) {
            self.violation(what);
        }
    }

    fn is_right<R: Claim>(&self, source: &Source<R>) -> Result<(), String> {
        for entity in 0..ENTITIES {
            let there = self.families[family(&self.families, entity)].there();
            let timeline = source.view.range(&entity, all()).map_err(|error| error.to_string())?;
            if timeline.len() as u64 != BUCKETS && !source.may_be_short {
                return Err(format!("{:?} has gaps when all is quiet", source.view));
            }
            for (bucket, record) in timeline {
                let bucket = bucket_of(bucket.start());
                let is_right = record.is_fresh()
                    && R::place(&record) == place(source.number, entity, bucket)
                    && R::is_whole(&record)
                    && match R::versions(&record) {
                        Versions::WITHOUT => source.may_lack && bucket < FORGOTTEN,
                        versions => versions == there.masked(source.contains),
                    };
                if !is_right {
                    return Err(wrong(source, "when all is quiet", there, &record));
                }
            }
        }
        Ok(())
    }

    /// Moves the clock on, as far as records are to be given up.
    pub fn forget(&self, bucket: u64) {
        let bucket = at(bucket).checked_add(KEPT).expect("near the epoch");
        self.clock.set(bucket.max(tidetable::Clock::now(&*self.clock)));
    }
}

/// Tells of a record.
pub fn wrong<R: Claim>(
    source: &Source<R>,
    how: &str,
    least: Versions,
    record: &Record<R>,
) -> String {
    let versions = R::versions(record.archived());
    let fields =
        |versions: Versions| [0, 1, 2].map(|field| versions.masked(source.contains).field(field));
    format!(
        "{how}: {:?} says of place {:#x} that it is {} with {:?}; {:?} was acknowledged; {record:?}",
        source.view,
        R::place(record.archived()),
        record.freshness(),
        fields(versions),
        fields(least),
    )
}
