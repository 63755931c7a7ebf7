//! Holds a damaged file against what is promised of it.

use std::cell::Cell;
use std::sync::Arc;

use tidetable::{Error, ErrorKind, Marked, Missing, Record, RecordType, Result, Store, View};

use super::growth::{Known, options};
use super::town::{self, Living, SLOTS, Town, World, at, chart, page, plain, poster};
use crate::disk::{self, Disk};

/// What the file turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It did not open.
    Refused,
    /// Something in it could not be read, and was named.
    Named,
    /// All of it was right.
    Right,
}

/// What is done with a file after it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Everything is read, and the store tells of itself.
    Read,
    /// It is also written to, drained, and read again.
    Work,
    /// All of that twice: the store is closed and opened again between.
    WorkTwice,
}

type Held<T = ()> = std::result::Result<T, String>;

/// More pieces of background work than there can be in any of these files.
const WORK_MAX: usize = 100_000;
/// So many patios of a large file are looked at.
const PATIOS_SEEN: u32 = 12;
/// Somebody who was never there before.
const NEWCOMER: u32 = 70_000;

/// Opens the file, uses and closes it. `Err` says what was promised and is not so.
pub fn look(known: Known, file: disk::Image, usage: Use) -> Held<Outcome> {
    let disk = Disk::over(file).forgetting();
    let (outcome, after) = look_once(known, &disk, usage)?;
    match after.filter(|_| usage == Use::WorkTwice) {
        None => Ok(outcome),
        Some(after) => match look_once(after, &disk, usage)? {
            (Outcome::Refused, _) => Err("it was closed cleanly, and then did not open".into()),
            _ => Ok(outcome),
        },
    }
}

/// The same once, and what is known of the file afterwards if it was closed cleanly.
fn look_once(known: Known, disk: &Disk, usage: Use) -> Held<(Outcome, Option<Known>)> {
    let store = match Store::open_backend(disk.backend(), options()) {
        Ok(store) => store,
        Err(error) => match error.kind() {
            ErrorKind::Damaged | ErrorKind::Foreign => return Ok((Outcome::Refused, None)),
            _ => return Err(format!("opening: {error:?}")),
        },
    };
    let living = Arc::new(Living::new(&known.was));
    let town = Town::define(&store, &living);
    let look = Look {
        known,
        living,
        store,
        tried: Cell::new(known.was),
        announced: Cell::new(true),
        named: Cell::new(false),
    };
    match town {
        Ok(town) => look.at(&town, usage)?,
        Err(error) => look.error("defining the views", &error)?,
    }
    let closed = look.store.close();
    closed.as_ref().or_else(|error| look.error("closing", error).map(|()| &()))?;
    let named = look.named.get();
    let now = look.living.now();
    // What nobody knew to be old is as old as it was.
    let kept = if known.may_be_older { known.kept } else { now };
    let after = Known { kept, was: now, may_lack: known.may_lack || named, ..known };
    let outcome = if named { Outcome::Named } else { Outcome::Right };
    Ok((outcome, closed.is_ok().then_some(after).filter(|_| look.announced.get())))
}

/// A file while it is looked at.
struct Look {
    known: Known,
    living: Arc<Living>,
    store: Store,
    /// What the world would be like had everything been acknowledged that was tried.
    tried: Cell<World>,
    /// Whether it was.
    announced: Cell<bool>,
    /// Whether something could not be read, and that was said.
    named: Cell<bool>,
}

impl Look {
    fn at(&self, town: &Town, usage: Use) -> Held {
        self.everything(town, "as found", false)?;
        self.tells(town)?;
        if usage == Use::Read {
            return Ok(());
        }
        self.writes(town)?;
        self.gets(town)?;
        self.drains()?;
        self.everything(town, "after draining", true)
    }

    /// Reads all records without building any.
    fn everything(&self, town: &Town, when: &str, drained: bool) -> Held {
        let size = self.known.size;
        for patio in self.patios(size.patios) {
            self.records(&town.light, patio, (when, drained), |found, slot, world| {
                let right = town::light(patio, slot, world);
                found.iter().zip(right).all(|(found, right)| found.to_native() == right)
            })?;
        }
        for patio in self.patios(size.patios / 2) {
            self.records(&town.mean, patio, (when, drained), |found, slot, world| {
                found.to_native() == town::mean(patio, slot, world)
            })?;
            self.records(&town.texts, patio, (when, drained), |found, slot, world| {
                found.as_str() == town::text(patio, slot, world)
            })?;
        }
        for patio in self.patios(size.patios / 3) {
            self.records(&town.posters, patio, (when, drained), |found, slot, world| {
                *found == poster(patio, slot, world)
            })?;
            self.records(&town.plain, patio, (when, drained), |found, slot, _| {
                found.to_native() == plain(patio, slot)
            })?;
        }
        for number in self.patios(size.charts) {
            let found = town.charts.peek(&number, at(0));
            self.judge(found, (when, drained), |found, _| found.as_str() == chart(number))?;
        }
        for patio in 0..4 {
            let found = town.heights.get(&patio);
            self.judge(found, (when, drained), |found, world| {
                found.to_native() == world.heights[patio as usize]
            })?;
        }
        if drained && self.known.kept != self.known.was {
            let requested = size.requested();
            let found = town.light.peek(&requested, at(2));
            self.judge(found, ("asked for", true), |found, world| {
                found[7].to_native() == town::light(requested, 2, world)[7]
            })?;
            for patio in size.promised() {
                self.records(&town.light, patio, ("of the run", true), |found, slot, world| {
                    found[7].to_native() == town::light(patio, slot, world)[7]
                })?;
            }
        }
        Ok(())
    }

    /// Some of so many patios, all of few.
    fn patios(&self, of: u32) -> impl Iterator<Item = u32> + use<> {
        (0..of).step_by((of / PATIOS_SEEN).max(1) as usize)
    }

    /// The records of a page, one by one and as a timeline.
    fn records<R: RecordType>(
        &self,
        view: &View<u32, R>,
        patio: u32,
        (when, drained): (&str, bool),
        right: impl Fn(&R::Archived, i64, &World) -> bool,
    ) -> Held {
        let place = format!("{} of {patio}, {when}", view.name());
        for slot in 0..SLOTS {
            let found = view.peek(&patio, at(slot));
            self.judge(found, (&place, drained), |found, world| right(found, slot, world))?;
        }
        let view = view.when_missing(Missing::Miss).when_marked(Marked::Serve);
        match view.range(&patio, page()) {
            Err(error) => self.error(&place, &error)?,
            Ok(timeline) => {
                if timeline.len() < SLOTS as usize {
                    self.lacks(&place)?;
                }
                for (bucket, record) in timeline {
                    let slot = bucket.start().as_millis() / 600_000;
                    self.judge(Ok(Some(record)), (&place, drained), |found, world| {
                        right(found, slot, world)
                    })?;
                }
            }
        }
        match view.explain(&patio, at(0)) {
            Err(error) => self.error(&place, &error),
            Ok(_) => Ok(()),
        }
    }

    /// What is found is right, or was until what came later marked it.
    fn judge<R: RecordType>(
        &self,
        found: Result<Option<Record<R>>>,
        (place, drained): (&str, bool),
        right: impl Fn(&R::Archived, &World) -> bool,
    ) -> Held {
        let record = match found {
            Err(error) => return self.error(place, &error),
            Ok(None) => return self.lacks(place),
            Ok(Some(record)) => record,
        };
        let was_right = |world: &World| right(record.archived(), world);
        let (now, tried) = (self.living.now(), self.tried.get());
        let is_right = was_right(&now);
        let is_old = was_right(&self.known.was) || was_right(&tried);
        if !(is_right || is_old || was_right(&self.known.kept)) {
            return Err(format!("{place}: a wrong record in {:?}", record.bucket()));
        }
        // Nothing that was put is marked by any of this but by a doubt about all of the file.
        if record.was_put() && !record.is_fresh() {
            self.named.set(true);
        }
        let counts = !self.known.may_be_older;
        if counts && record.is_fresh() && !is_right && (self.announced.get() || !is_old) {
            return Err(format!("{place}: stale, and called fresh in {:?}", record.bucket()));
        }
        if drained && !record.is_fresh() && !self.named.get() {
            return Err(format!("{place}: {} in {:?}", record.freshness(), record.bucket()));
        }
        Ok(())
    }

    /// Something is missing: then somebody has said why.
    fn lacks(&self, place: &str) -> Held {
        match self.store.last_damage() {
            Some(damage) => self.error(place, &damage),
            None if self.may_lack() => Ok(()),
            None => Err(format!("{place}: it is missing, and nothing was said of it")),
        }
    }

    fn may_lack(&self) -> bool {
        self.known.may_lack || self.known.may_be_older || self.named.get()
    }

    /// An error is one that damage explains.
    fn error(&self, place: &str, error: &Error) -> Held {
        let text = error.to_string();
        let explained = match error.kind() {
            ErrorKind::Damaged | ErrorKind::Reopen => true,
            ErrorKind::Build => {
                text.contains("damaged") || text.contains("does not match its seal")
            }
            _ => false,
        };
        self.named.set(true);
        match explained && !text.is_empty() {
            true => Ok(()),
            false => Err(format!("{place}: {error:?}")),
        }
    }

    /// What the store tells of itself.
    fn tells(&self, town: &Town) -> Held {
        self.told("views", self.store.views(), |views| views.len() == 7)?;
        self.told("status", self.store.status(), |status| status.len() == 7)?;
        self.told("backlog", self.store.backlog(), |_| true)?;
        self.told("failures", self.store.failures(10), |failures| !failures.is_empty())?;
        self.told("runs", self.store.runs(), |runs| !runs.is_empty())?;
        self.told("entities", town.plain.entities().collect::<Result<Vec<_>>>(), |entities| {
            entities.len() >= self.known.size.patios as usize / 3
        })
    }

    fn told<T>(&self, what: &str, told: Result<T>, all: impl Fn(&T) -> bool) -> Held {
        match told {
            Err(error) => self.error(what, &error),
            Ok(told) if all(&told) || self.may_lack() => Ok(()),
            Ok(_) => Err(format!("{what}: not all of it, and nothing was said of it")),
        }
    }

    /// Changes of each kind. What is refused may have come about or not.
    fn writes(&self, town: &Town) -> Held {
        self.living.rebuild(0);
        self.wrote("invalidating", self.store.invalidate(("building", 0)))?;
        let height = self.known.was.heights[3] + 5;
        let set = town.heights.set(&3, &height);
        self.tried.set({
            let mut tried = self.living.now();
            tried.heights[3] = height;
            tried
        });
        if set.is_ok() {
            self.living.raise(3, height);
        }
        self.wrote("setting an input", set)?;
        let put = town.plain.put(&NEWCOMER, at(0), &plain(NEWCOMER, 0));
        let was_put = put.is_ok();
        self.wrote("putting", put)?;
        if was_put {
            let found = town.plain.peek(&NEWCOMER, at(0));
            self.judge(found, ("just put", false), |found, _| {
                found.to_native() == plain(NEWCOMER, 0)
            })?;
        }
        self.wrote("syncing", self.store.sync())
    }

    fn wrote<T>(&self, what: &str, wrote: Result<T>) -> Held {
        wrote.map(|_| ()).or_else(|error| {
            self.announced.set(false);
            self.error(what, &error)
        })
    }

    /// Reads that build what is marked or missing.
    fn gets(&self, town: &Town) -> Held {
        for patio in self.patios(self.known.size.patios / 2) {
            let found = town.mean.get(&patio, at(1)).map(Some);
            self.judge(found, ("got, mean", true), |found, world| {
                found.to_native() == town::mean(patio, 1, world)
            })?;
            let found = town.texts.get(&patio, at(1)).map(Some);
            self.judge(found, ("got, text", true), |found, world| {
                found.as_str() == town::text(patio, 1, world)
            })?;
        }
        Ok(())
    }

    fn drains(&self) -> Held {
        for _ in 0..WORK_MAX {
            let worked = match self.store.build_next() {
                Ok(None) => return Ok(()),
                Err(error) => return self.error("draining", &error),
                Ok(Some(worked)) => worked,
            };
            for error in worked.failed {
                if !error.to_string().contains("unspeakable") {
                    self.error("building in the background", &error)?;
                }
            }
        }
        Err("draining does not end".into())
    }
}
