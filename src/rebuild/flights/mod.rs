//! One build for each bucket: who leads it, who waits for it, and who would wait for ever.

mod key;
#[cfg(test)]
#[cfg(not(loom))]
mod tests;
mod watched;

use std::collections::HashMap;

use crate::error::{Error, ErrorKind, Result};
use crate::revision::Life;
use crate::sync::{Arc, Condvar, Mutex, unique_number};

use super::circle::{Step, Waiting, circle};
use super::name::BuildName;

pub(crate) use key::FlightKey;
use watched::Watched;
pub(crate) use watched::{Progress, Watcher};

/// The builds under way. `T` is what everyone who wanted the record gets.
#[derive(Debug)]
pub(crate) struct Flights<T> {
    life: Life,
    /// Shared with the leads, which take their flights out of it.
    table: Arc<Mutex<Table<T>>>,
}

#[derive(Debug)]
struct Table<T> {
    /// What is being built -> its flight.
    flights: HashMap<FlightKey, Arc<Flight<T>>>,
    /// A wait's number -> what waits there for what.
    waiting: HashMap<u64, Wait<T>>,
    watched: Watched,
}

/// Somebody waits.
#[derive(Debug)]
struct Wait<T> {
    /// The builds that go no further meanwhile, outermost first. Empty for a reader outside any.
    path: Vec<Step>,
    flight: Arc<Flight<T>>,
}

#[derive(Debug)]
struct Flight<T> {
    /// Its number, which no other flight ever has, and what it builds.
    step: Step,
    state: Mutex<State<T>>,
    changed: Condvar,
    progress: Arc<Progress>,
}

/// How far a flight is.
enum State<T> {
    /// User code runs, or is about to.
    Building,
    /// The record is made and waits for others to be stored with it. Whoever cannot wait for that
    /// stores it at once.
    Built(Arc<dyn Unstored>),
    Landed(Result<T>),
    /// Given up for now, and no outcome: something deeper is built first.
    Unwound,
}

/// Records that are made and not yet stored.
pub(crate) trait Unstored: Send + Sync {
    /// Stores them, waits for the commit and lands their flights; on any thread.
    fn land(&self);
}

/// What joining came to.
#[derive(Debug)]
pub(crate) enum Joined<T: Clone> {
    /// Nobody builds it: the caller does.
    Lead(Lead<T>),
    /// Somebody built it meanwhile; this is what they got.
    Landed(Result<T>),
}

/// The duty to build. Dropping it without landing (a panic outside the build function) fails those
/// who wait rather than leave them waiting.
#[derive(Debug)]
pub(crate) struct Lead<T: Clone> {
    table: Arc<Mutex<Table<T>>>,
    key: FlightKey,
    flight: Arc<Flight<T>>,
    done: bool,
}

impl<T> Default for Flights<T> {
    fn default() -> Self {
        Self::new(Life::begin())
    }
}

impl<T> Flights<T> {
    /// The flights of one opening of a store.
    pub(crate) fn new(life: Life) -> Self {
        let (flights, waiting) = (HashMap::new(), HashMap::new());
        let table = Table { flights, waiting, watched: Watched::default() };
        Self { life, table: Arc::new(Mutex::new(table)) }
    }
}

impl<T: Clone> Flights<T> {
    /// Leads the build of `key`, or waits for whoever does. `path` names the builds that this read
    /// is for, outermost first.
    ///
    /// A wait that could never end, because what is built there waits in turn for one of them, is an
    /// error that names the circle. Of a flight that is unwound nobody hears: its place is free.
    pub(crate) fn join(
        &self,
        key: &FlightKey,
        name: &BuildName,
        path: impl Fn() -> Vec<Step>,
    ) -> Result<Joined<T>> {
        loop {
            let (wait, flight) = {
                let mut table = self.table.lock();
                // Of all stores in the process: a build may read from several.
                let number = unique_number();
                let flight = table.flights.get(key).filter(|_| !mutant!("one_leads")).cloned();
                let Some(flight) = flight else {
                    let step = Step { flight: number, life: self.life, name: name.clone() };
                    let flight = Arc::new(Flight::begin(step));
                    table.flights.insert(key.clone(), flight.clone());
                    let (table, key) = (self.table.clone(), key.clone());
                    return Ok(Joined::Lead(Lead { table, key, flight, done: false }));
                };
                let path = path();
                // Under the same lock as the wait is entered: of two threads that close a circle,
                // the second sees the first.
                if let Some(circle) = table.circle(&path, &flight) {
                    return Err(circle_error(&circle));
                }
                table.waiting.insert(number, Wait { path, flight: flight.clone() });
                (number, flight)
            };
            let outcome = flight.wait();
            let waited = self.table.lock().waiting.remove(&wait);
            drop(waited);
            if let Some(outcome) = outcome {
                return Ok(Joined::Landed(outcome));
            }
        }
    }

    /// Tells somebody, once, when the build that is under way has landed. `false` where none is, or
    /// where what is made only waits to be stored: then there is nothing to be told of.
    pub(crate) fn watch_building(&self, key: &FlightKey, watcher: &Arc<dyn Watcher>) -> bool {
        let mut table = self.table.lock();
        let building = table.flights.get(key).is_some_and(|flight| flight.is_building());
        if building {
            table.watched.add(key, watcher);
        }
        building
    }

    /// Tells somebody, once, when the next build of a record has landed, whoever begins it.
    pub(crate) fn watch(&self, key: &FlightKey, watcher: &Arc<dyn Watcher>) {
        self.table.lock().watched.add(key, watcher);
    }

    /// Takes back a watch that was not told.
    pub(crate) fn unwatch(&self, key: &FlightKey, watcher: &Arc<dyn Watcher>) {
        let gone = self.table.lock().watched.remove(key, watcher);
        drop(gone);
    }

    /// Tells those who watch a record that there is news of it, though no build landed.
    pub(crate) fn tell(&self, key: &FlightKey) {
        let told = self.table.lock().watched.take(key);
        told.iter().for_each(|watcher| watcher.landed());
    }

    /// The same of everything that is watched among pages whose key begins so.
    pub(crate) fn tell_all(&self, pages: &[u8]) {
        let told = self.table.lock().watched.take_where(|key| key.page.starts_with(pages));
        told.iter().for_each(|watcher| watcher.landed());
    }

    /// The same of each of these that is watched.
    pub(crate) fn tell_each(&self, keys: impl IntoIterator<Item = FlightKey>) {
        let told = self.table.lock().watched.take_each(keys);
        told.iter().for_each(|watcher| watcher.landed());
    }

    /// How far the build under way says that it is; `None` where none is.
    pub(crate) fn progress(&self, key: &FlightKey) -> Option<f32> {
        self.table.lock().flights.get(key).map(|flight| flight.progress.share())
    }

    /// How many builds are under way.
    #[cfg(test)]
    pub(crate) fn under_way(&self) -> usize {
        self.table.lock().flights.len()
    }
}

impl<T> Table<T> {
    /// The builds that lead from `flight` to the end of `path` and so back to `flight`, if some do.
    ///
    /// Only a flight whose record is still being made keeps anybody waiting: any other lands without
    /// its leader. (A thread may not have woken up yet to say that it waits no more.)
    fn circle(&self, path: &[Step], flight: &Flight<T>) -> Option<Vec<BuildName>> {
        if path.is_empty() || !flight.is_building() || mutant!("circles_are_found") {
            return None;
        }
        let waiting: Vec<Waiting<'_>> = self
            .waiting
            .values()
            .filter(|wait| !wait.path.is_empty() && wait.flight.is_building())
            .map(|wait| Waiting { path: &wait.path, flight: wait.flight.step.flight })
            .collect();
        circle(flight.step.flight, path, &waiting)
    }
}

/// The most names of a circle that an error shows.
const NAMES_MAX: usize = 16;

fn circle_error(circle: &[BuildName]) -> Error {
    let mut names: Vec<String> = circle.iter().take(NAMES_MAX).map(ToString::to_string).collect();
    if circle.len() > NAMES_MAX {
        names.push(format!("({} more)", circle.len() - NAMES_MAX));
    }
    Error::circle(format_args!("{} -> {}", names.join(" -> "), names[0]))
}

impl<T> Flight<T> {
    fn begin(step: Step) -> Self {
        let state = Mutex::new(State::Building);
        Self { step, state, changed: Condvar::new(), progress: Arc::new(Progress::default()) }
    }

    fn is_building(&self) -> bool {
        matches!(*self.state.lock(), State::Building)
    }
}

impl<T: Clone> Flight<T> {
    /// The outcome; `None` where there will be none.
    fn wait(&self) -> Option<Result<T>> {
        let mut landed_it = false;
        let mut state = self.state.lock();
        loop {
            match &*state {
                State::Landed(outcome) => return Some(outcome.clone()),
                State::Unwound => return None,
                State::Built(unstored) if !landed_it => {
                    let unstored = unstored.clone();
                    // Never under the lock: it waits for the writer.
                    drop(state);
                    unstored.land();
                    landed_it = true;
                    state = self.state.lock();
                }
                // Built: some other thread is landing it.
                State::Building | State::Built(_) => self.changed.wait(&mut state),
            }
        }
    }

    fn turn(&self, state: State<T>) {
        let before = std::mem::replace(&mut *self.state.lock(), state);
        self.changed.notify_all();
        drop(before);
    }
}

impl<T: Clone> Lead<T> {
    /// The record is made; it is stored when others are, or when somebody asks for it.
    pub(crate) fn built(&self, unstored: Arc<dyn Unstored>) {
        self.flight.turn(State::Built(unstored));
    }

    /// Gives everybody the outcome. Whoever asks from now on finds the record stored, or leads a
    /// build anew.
    pub(crate) fn land(mut self, outcome: Result<T>) {
        self.finish(State::Landed(outcome));
    }

    /// Gives the build up without an outcome. Whoever waits tries again.
    pub(crate) fn unwound(mut self) {
        self.finish(State::Unwound);
    }

    /// Where the build says how far it is.
    pub(crate) fn progress(&self) -> Arc<Progress> {
        self.flight.progress.clone()
    }

    /// The flight as a step on the way of what its build reads.
    pub(crate) fn step(&self) -> Step {
        self.flight.step.clone()
    }

    fn finish(&mut self, state: State<T>) {
        self.done = true;
        let told = {
            let mut table = self.table.lock();
            table.flights.remove(&self.key);
            if mutant!("watchers_are_told") { Vec::new() } else { table.watched.take(&self.key) }
        };
        self.flight.turn(state);
        told.iter().for_each(|watcher| watcher.landed());
    }
}

impl<T> std::fmt::Debug for State<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Building => "Building",
            Self::Built(_) => "Built",
            Self::Landed(_) => "Landed",
            Self::Unwound => "Unwound",
        })
    }
}

impl<T: Clone> Drop for Lead<T> {
    fn drop(&mut self) {
        if !self.done && !mutant!("lost_leads_land") {
            let lost = Error::new(ErrorKind::Build, "the build was given up");
            self.finish(State::Landed(Err(lost)));
        }
    }
}
