//! A store that is opened after a crash, and held against its history.

use std::sync::Arc;

use tidetable::{Error, ManualClock, Result, Run, RunState, Span};

use super::app::{App, World, beginning, entity, start_of, starts_of};
use super::history::{Held, History, Moment};
use super::recipes::{BUCKETS, ENTITIES, PLACES, Place, SPOTS};
use super::seen::{Seen, is_clear};
use super::truth::Truth;
use crate::disk::Disk;

/// More pieces than any workload has work for.
const PIECES_MAX: usize = 1_000;
/// Little of the file stays in memory below, enough of the pages above.
const MEMORY_BYTES: usize = 1 << 20;

/// A store that is opened after a crash, found to be in one of the states that it may be in.
pub struct Opened {
    disk: Disk,
    app: App,
    /// What this opening began with, and what was done in it.
    pub history: History,
}

/// An error of the engine, and not something that it should not have said.
pub fn said(error: Error) -> String {
    format!("{SAID}{:?}: {error}", error.kind())
}

/// How what the engine says of itself begins.
pub const SAID: &str = "the engine says: ";

impl Opened {
    /// Opens what is found on a disk that has seen so many changes of a history. `None` if the store
    /// was not whole by then and a clear error says so.
    pub fn find(before: &History, changes: usize, disk: &Disk) -> Held<Option<Self>> {
        let app = match Self::open(before, changes, disk) {
            Ok(app) => app,
            Err(error) if changes < before.born() && is_clear(error.kind()) => return Ok(None),
            Err(error) => return Err(said(error)),
        };
        Self::found(before, changes, disk, app).map(Some)
    }

    /// Opens a store later than anything that was done to it.
    pub fn open(before: &History, changes: usize, disk: &Disk) -> Result<App> {
        let clock = Arc::new(ManualClock::new(beginning()));
        let last = before.0[before.bounds(changes).last].now - beginning().as_millis();
        clock.advance(Span::millis(last + 500));
        App::open(disk, false, MEMORY_BYTES, &clock, &Arc::new(World::default()))
    }

    /// Looks which state was found.
    pub fn found(before: &History, changes: usize, disk: &Disk, mut app: App) -> Held<Self> {
        let defined = Seen::defined(&app).map_err(said)?;
        app.define(&defined).map_err(said)?;
        let seen = Seen::of(&app, defined).map_err(said)?;
        let moment = before.state(before.bounds(changes), &seen)?;
        let opened = moment.truth.clone().opened();
        app.become_as(&opened);
        let mut history = History::default();
        for (what, truth) in [("found", moment.truth.clone()), ("opened", opened)] {
            let mut moment = Moment::new(what.to_owned(), 0, app.now(), truth);
            moment.seen = Some(seen.clone());
            history.0.push(moment);
        }
        (history.0[0].kept_from, history.0[0].synced_from) = (Some(0), Some(0));
        let mut opened = Self { disk: disk.clone(), app, history };
        opened.keep();
        Ok(opened)
    }

    /// What was done last was acknowledged.
    fn keep(&mut self) {
        let last = self.history.0.last_mut().expect("it begins with what was found");
        last.kept_from = Some(self.disk.changes());
        last.synced_from = last.kept_from;
    }

    fn begin(&mut self, what: &str, truth: Truth) {
        let (begun, now) = (self.disk.changes(), self.app.now());
        self.history.0.push(Moment::new(what.to_owned(), begun, now, truth));
    }

    pub fn close(&mut self) -> Result<()> {
        let truth = self.history.now().truth.clone();
        let seen = self.history.now().seen.clone();
        self.begin("closed again", truth);
        self.app.store.close()?;
        self.keep();
        self.history.0.last_mut().expect("it was closed").seen = seen;
        Ok(())
    }

    /// Defines the views that the crash has left out, each in a commit of its own.
    fn define(&mut self) -> Result<()> {
        for place in PLACES {
            let mut truth = self.history.now().truth.clone();
            if truth.defined[place as usize].is_none() {
                truth.defined[place as usize] = Some((1, 1));
                let defined = truth.defined;
                self.begin(&format!("define {} again", place.name()), truth);
                self.app.define(&defined)?;
                self.keep();
            }
        }
        Ok(())
    }

    /// Reads everything, and does some of the work in the background before that.
    pub fn recover(&mut self, pieces: usize) -> Result<()> {
        self.define()?;
        let truth = self.history.now().truth.clone();
        self.begin("worked", truth);
        for _ in 0..pieces {
            if !self.app.work()? {
                break;
            }
        }
        self.look()?;
        self.put_again()?;
        let truth = self.history.now().truth.clone();
        self.begin("read", truth);
        self.read_all()?;
        self.look()
    }

    fn look(&mut self) -> Result<()> {
        let seen = Seen::of(&self.app, self.history.now().truth.defined)?;
        self.history.0.last_mut().expect("it begins with what was found").seen = Some(seen);
        Ok(())
    }

    /// Does all the work there is and reads all that can be read: everything is fresh and right then,
    /// and still is after closing and opening once more.
    pub fn drain(&mut self, pieces: usize) -> Held {
        self.recover(pieces).map_err(said)?;
        self.whole()?;
        self.close().map_err(said)?;
        let (clock, world) = (self.app.clock.clone(), self.app.world.clone());
        self.app = App::open(&self.disk, false, MEMORY_BYTES, &clock, &world).map_err(said)?;
        self.app.define(&self.history.now().truth.defined).map_err(said)?;
        self.whole().map_err(|fault| format!("opened once more: {fault}"))?;
        self.app.store.close().map_err(said)
    }

    /// Drains it by background work alone as far as that goes: all runs end.
    pub fn work_off(&mut self) -> Held {
        self.define().map_err(said)?;
        for run in self.app.store.runs().map_err(said)? {
            if run.status().state == RunState::Paused {
                run.resume().map_err(said)?;
            }
        }
        for _ in 0..PIECES_MAX {
            if !self.app.work().map_err(said)? {
                let runs = self.app.store.runs().map_err(said)?;
                let mut states = runs.iter().map(Run::status);
                return match states.find(|status| !status.state.has_ended()) {
                    None => Ok(()),
                    Some(status) => Err(format!("all work is done, but a run is {status:?}")),
                };
            }
        }
        Err(format!("there is work after {PIECES_MAX} pieces"))
    }

    fn whole(&self) -> Held {
        let moment = self.history.now();
        let seen = Seen::of(&self.app, moment.truth.defined).map_err(said)?;
        moment.is_whole(&seen)
    }

    /// What nobody can build again is put again where it is marked.
    fn put_again(&mut self) -> Result<()> {
        let view = self.app.view(Place::Put).clone();
        for at in 0..SPOTS {
            let mut truth = self.history.now().truth.clone();
            let Some(put) = &mut truth.put[at] else { continue };
            let (of, start) = (entity(at / BUCKETS), start_of(at % BUCKETS));
            if view.peek(&of, start)?.is_some_and(|record| !record.is_fresh()) {
                (put.is_right, put.source) = (true, None);
                let value = vec![put.value];
                self.begin(&format!("put {at} again"), truth);
                view.put(&of, start, &value)?;
                self.keep();
            }
        }
        Ok(())
    }

    fn read_all(&self) -> Result<()> {
        for place in PLACES.into_iter().filter(|place| *place != Place::Put) {
            let view = self.app.view(place);
            if place.is_timeless() {
                view.get(&entity(0), start_of(0))?;
                continue;
            }
            for of in 0..ENTITIES {
                view.range(&entity(of), starts_of(0..BUCKETS))?;
                // A range leaves out what retention keeps no more.
                for bucket in (0..BUCKETS).filter(|_| place == Place::Given) {
                    view.get(&entity(of), start_of(bucket))?;
                }
            }
        }
        Ok(())
    }
}
