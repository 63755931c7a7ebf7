//! One build for each bucket: who leads it, who waits for it, and who would wait for ever.

use std::collections::HashMap;

use crate::error::{Error, ErrorKind, Result};
use crate::revision::Life;
use crate::sync::{Arc, Condvar, Mutex, unique_number};

use super::circle::{Step, Waiting, circle};
use super::name::BuildName;

/// What is being built.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FlightKey {
    /// The key of the page.
    pub(crate) page: Box<[u8]>,
    /// The bucket's slot; `None` for a view whose pages are built whole.
    pub(crate) slot: Option<u32>,
}

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
        let table = Table { flights: HashMap::new(), waiting: HashMap::new() };
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
                let Some(flight) = table.flights.get(key).cloned() else {
                    let step = Step { flight: number, life: self.life, name: name.clone() };
                    let state = Mutex::new(State::Building);
                    let flight = Arc::new(Flight { step, state, changed: Condvar::new() });
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

    /// How many builds are under way.
    #[cfg(test)]
    pub(super) fn under_way(&self) -> usize {
        self.table.lock().flights.len()
    }
}

impl<T> Table<T> {
    /// The builds that lead from `flight` to the end of `path` and so back to `flight`, if some do.
    ///
    /// Only a flight whose record is still being made keeps anybody waiting: any other lands without
    /// its leader. (A thread may not have woken up yet to say that it waits no more.)
    fn circle(&self, path: &[Step], flight: &Flight<T>) -> Option<Vec<BuildName>> {
        if path.is_empty() || !flight.is_building() {
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
    let (chain, first) = (names.join(" -> "), &names[0]);
    Error::new(
        ErrorKind::Build,
        format!(
            "records need each other in a circle: {chain} -> {first}; none of them can be built"
        ),
    )
}

impl<T> Flight<T> {
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

    /// The flight as a step on the way of what its build reads.
    pub(crate) fn step(&self) -> Step {
        self.flight.step.clone()
    }

    fn finish(&mut self, state: State<T>) {
        self.done = true;
        self.table.lock().flights.remove(&self.key);
        self.flight.turn(state);
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
        if !self.done {
            let lost = Error::new(ErrorKind::Build, "the build was given up");
            self.finish(State::Landed(Err(lost)));
        }
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use crate::grid::Grid;
    use crate::sync::channel;
    use crate::sync::thread;
    use crate::time::Timestamp;

    fn key(name: &str) -> FlightKey {
        FlightKey { page: name.as_bytes().into(), slot: Some(0) }
    }

    fn name(view: &str) -> BuildName {
        let bucket = Grid::timeless().bucket_at(Timestamp::EPOCH).unwrap();
        BuildName { view: view.into(), bucket }
    }

    fn lead(flights: &Flights<u32>, view: &str) -> Lead<u32> {
        match join(flights, view, &[]).unwrap() {
            Joined::Lead(lead) => lead,
            Joined::Landed(_) => panic!("somebody else leads {view}"),
        }
    }

    /// Joins inside the builds that `within` leads, outermost first.
    fn join(flights: &Flights<u32>, view: &str, within: &[&Lead<u32>]) -> Result<Joined<u32>> {
        flights.join(&key(view), &name(view), || within.iter().map(|lead| lead.step()).collect())
    }

    #[test]
    fn all_who_want_a_record_share_one_flight() {
        let flights = Flights::default();
        let first = lead(&flights, "a");
        thread::scope(|scope| {
            let waiters: Vec<_> =
                (0..8).map(|_| scope.spawn(|| join(&flights, "a", &[]))).collect();
            while flights.table.lock().waiting.len() < 8 {
                thread::yield_now();
            }
            first.land(Ok(7));
            for waiter in waiters {
                assert!(matches!(waiter.join().unwrap(), Ok(Joined::Landed(Ok(7)))));
            }
        });
        assert_eq!(flights.under_way(), 0);
    }

    #[test]
    fn a_record_that_needs_itself_is_a_circle_of_one() {
        let flights = Flights::default();
        let lead = lead(&flights, "a");
        let error = join(&flights, "a", &[&lead]).unwrap_err();
        assert!(error.to_string().contains("a timeless -> a timeless"), "{error}");
    }

    #[test]
    fn two_threads_that_need_each_others_record_are_told() {
        let flights = Flights::default();
        let (ready, a_is_led) = channel::bounded(1);
        let mine = lead(&flights, "b");
        thread::scope(|scope| {
            scope.spawn(|| {
                let mine = lead(&flights, "a");
                ready.send(()).unwrap();
                let got = join(&flights, "b", &[&mine]).unwrap();
                assert!(matches!(got, Joined::Landed(Ok(1))));
                mine.land(Ok(2));
            });
            a_is_led.recv().unwrap();
            while flights.table.lock().waiting.is_empty() {
                thread::yield_now();
            }
            let error = join(&flights, "a", &[&mine]).unwrap_err();
            assert!(
                error.to_string().contains("a timeless -> b timeless -> a timeless"),
                "{error}"
            );
            mine.land(Ok(1));
        });
    }

    /// Lands one flight when it is asked to.
    struct One(Mutex<Option<Lead<u32>>>);

    impl Unstored for One {
        fn land(&self) {
            let lead = self.0.lock().take();
            if let Some(lead) = lead {
                lead.land(Ok(7));
            }
        }
    }

    #[test]
    fn a_record_that_is_made_is_landed_by_whoever_waits_for_it() {
        let flights = Flights::default();
        let one = Arc::new(One(Mutex::new(Some(lead(&flights, "a")))));
        one.0.lock().as_ref().unwrap().built(one.clone());
        // Its own leader too: what is made is no circle.
        let leader = || vec![one.0.lock().as_ref().unwrap().step()];
        assert!(matches!(flights.join(&key("a"), &name("a"), leader), Ok(Joined::Landed(Ok(7)))));
        assert_eq!(flights.under_way(), 0);
    }

    #[test]
    fn a_thread_that_waits_already_lands_the_record_when_it_is_made() {
        let flights = Flights::default();
        let one = Arc::new(One(Mutex::new(Some(lead(&flights, "a")))));
        thread::scope(|scope| {
            let waiter = scope.spawn(|| join(&flights, "a", &[]));
            while flights.table.lock().waiting.is_empty() {
                thread::yield_now();
            }
            let made = one.clone();
            if let Some(lead) = &*one.0.lock() {
                lead.built(made);
            }
            assert!(matches!(waiter.join().unwrap(), Ok(Joined::Landed(Ok(7)))));
        });
    }

    #[test]
    fn whoever_waits_for_a_flight_that_is_unwound_leads_anew() {
        let flights = Flights::default();
        let first = lead(&flights, "a");
        thread::scope(|scope| {
            let waiter = scope.spawn(|| join(&flights, "a", &[]));
            while flights.table.lock().waiting.is_empty() {
                thread::yield_now();
            }
            first.unwound();
            let Joined::Lead(second) = waiter.join().unwrap().unwrap() else {
                panic!("there was no outcome");
            };
            second.land(Ok(7));
        });
        assert_eq!(flights.under_way(), 0);
    }

    #[test]
    fn a_leader_that_is_lost_fails_those_who_wait() {
        let flights = Flights::<u32>::default();
        thread::scope(|scope| {
            let lead = lead(&flights, "a");
            let waiter = scope.spawn(|| join(&flights, "a", &[]));
            while flights.table.lock().waiting.is_empty() {
                thread::yield_now();
            }
            drop(lead);
            assert!(matches!(waiter.join().unwrap(), Ok(Joined::Landed(Err(_)))));
        });
        assert_eq!(flights.under_way(), 0);
    }
}
