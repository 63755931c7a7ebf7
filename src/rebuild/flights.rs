//! One build for each bucket: who leads it, who waits for it, and who would wait for ever.

use std::collections::HashMap;

use crate::error::{Error, ErrorKind, Result};
use crate::sync::{Arc, Condvar, Mutex, thread_number};

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
    table: Mutex<Table<T>>,
}

#[derive(Debug)]
struct Table<T> {
    /// What is being built -> its flight.
    flights: HashMap<FlightKey, Arc<Flight<T>>>,
    /// Waiting thread -> the flight it waits for. A thread waits for one at a time.
    waiting: HashMap<u64, Arc<Flight<T>>>,
}

#[derive(Debug)]
struct Flight<T> {
    /// What it builds, for people.
    name: BuildName,
    /// The thread that builds it.
    leader: u64,
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
    flights: Arc<Flights<T>>,
    key: FlightKey,
    flight: Arc<Flight<T>>,
    done: bool,
}

impl<T> Default for Flights<T> {
    fn default() -> Self {
        Self { table: Mutex::new(Table { flights: HashMap::new(), waiting: HashMap::new() }) }
    }
}

impl<T: Clone> Flights<T> {
    /// Leads the build of `key`, or waits for whoever does.
    ///
    /// A wait that could never end, because the leader waits in turn for what this thread builds,
    /// is an error that names the cycle.
    pub(crate) fn join(self: &Arc<Self>, key: FlightKey, name: BuildName) -> Result<Joined<T>> {
        let me = thread_number();
        let flight = {
            let mut table = self.table.lock();
            let Some(flight) = table.flights.get(&key).cloned() else {
                let state = Mutex::new(State::Building);
                let flight = Arc::new(Flight { name, leader: me, state, changed: Condvar::new() });
                table.flights.insert(key.clone(), flight.clone());
                return Ok(Joined::Lead(Lead { flights: self.clone(), key, flight, done: false }));
            };
            // Under the same lock as the wait is entered: of two threads that close a cycle, the
            // second sees the first.
            if let Some(cycle) = table.cycle(me, &flight) {
                return Err(cycle_error(&cycle));
            }
            table.waiting.insert(me, flight.clone());
            flight
        };
        let outcome = flight.wait();
        self.table.lock().waiting.remove(&me);
        Ok(Joined::Landed(outcome))
    }

    /// How many builds are under way.
    #[cfg(test)]
    fn under_way(&self) -> usize {
        self.table.lock().flights.len()
    }
}

impl<T> Table<T> {
    /// The flights that lead from `flight` back to `me`, if they do.
    ///
    /// Only a flight whose record is still being made keeps anybody waiting: any other lands without
    /// its leader. (A thread may not have woken up yet to say that it waits no more.)
    fn cycle(&self, me: u64, flight: &Arc<Flight<T>>) -> Option<Vec<BuildName>> {
        let building = |flight: &Flight<T>| matches!(*flight.state.lock(), State::Building);
        let mut names = Vec::new();
        let mut next = flight;
        loop {
            if !building(next) {
                return None;
            }
            names.push(next.name.clone());
            if next.leader == me {
                return Some(names);
            }
            next = self.waiting.get(&next.leader)?;
        }
    }
}

fn cycle_error(cycle: &[BuildName]) -> Error {
    let names: Vec<String> = cycle.iter().map(ToString::to_string).collect();
    let (chain, first) = (names.join(" -> "), &names[0]);
    Error::new(
        ErrorKind::Build,
        format!(
            "records need each other in a circle: {chain} -> {first}; none of them can be built"
        ),
    )
}

impl<T: Clone> Flight<T> {
    fn wait(&self) -> Result<T> {
        let mut landed_it = false;
        let mut state = self.state.lock();
        loop {
            match &*state {
                State::Landed(outcome) => return outcome.clone(),
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
        self.finish(outcome);
    }

    fn finish(&mut self, outcome: Result<T>) {
        self.done = true;
        self.flights.table.lock().flights.remove(&self.key);
        self.flight.turn(State::Landed(outcome));
    }
}

impl<T> std::fmt::Debug for State<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Building => "Building",
            Self::Built(_) => "Built",
            Self::Landed(_) => "Landed",
        })
    }
}

impl<T: Clone> Drop for Lead<T> {
    fn drop(&mut self) {
        if !self.done {
            self.finish(Err(Error::new(ErrorKind::Build, "the build was given up")));
        }
    }
}

#[cfg(test)]
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

    fn lead(flights: &Arc<Flights<u32>>, view: &str) -> Lead<u32> {
        match flights.join(key(view), name(view)).unwrap() {
            Joined::Lead(lead) => lead,
            Joined::Landed(_) => panic!("somebody else leads {view}"),
        }
    }

    #[test]
    fn all_who_want_a_record_share_one_flight() {
        let flights = Arc::new(Flights::default());
        let first = lead(&flights, "a");
        thread::scope(|scope| {
            let waiters: Vec<_> =
                (0..8).map(|_| scope.spawn(|| flights.join(key("a"), name("a")))).collect();
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
    fn a_record_that_needs_itself_is_a_cycle_of_one() {
        let flights = Arc::new(Flights::default());
        let _lead = lead(&flights, "a");
        let error = flights.join(key("a"), name("a")).unwrap_err();
        assert!(error.to_string().contains("a timeless -> a timeless"), "{error}");
    }

    #[test]
    fn two_threads_that_need_each_others_record_are_told() {
        let flights = Arc::new(Flights::default());
        let (ready, a_is_led) = channel::bounded(1);
        let mine = lead(&flights, "b");
        thread::scope(|scope| {
            scope.spawn(|| {
                let mine = lead(&flights, "a");
                ready.send(()).unwrap();
                let got = flights.join(key("b"), name("b")).unwrap();
                assert!(matches!(got, Joined::Landed(Ok(1))));
                mine.land(Ok(2));
            });
            a_is_led.recv().unwrap();
            while flights.table.lock().waiting.is_empty() {
                thread::yield_now();
            }
            let error = flights.join(key("a"), name("a")).unwrap_err();
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
        let flights = Arc::new(Flights::default());
        let one = Arc::new(One(Mutex::new(Some(lead(&flights, "a")))));
        one.0.lock().as_ref().unwrap().built(one.clone());
        // Its own leader too: what is made is no circle.
        assert!(matches!(flights.join(key("a"), name("a")), Ok(Joined::Landed(Ok(7)))));
        assert_eq!(flights.under_way(), 0);
    }

    #[test]
    fn a_thread_that_waits_already_lands_the_record_when_it_is_made() {
        let flights = Arc::new(Flights::default());
        let one = Arc::new(One(Mutex::new(Some(lead(&flights, "a")))));
        thread::scope(|scope| {
            let waiter = scope.spawn(|| flights.join(key("a"), name("a")));
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
    fn a_leader_that_is_lost_fails_those_who_wait() {
        let flights = Arc::new(Flights::<u32>::default());
        thread::scope(|scope| {
            let lead = lead(&flights, "a");
            let waiter = scope.spawn(|| flights.join(key("a"), name("a")));
            while flights.table.lock().waiting.is_empty() {
                thread::yield_now();
            }
            drop(lead);
            assert!(matches!(waiter.join().unwrap(), Ok(Joined::Landed(Err(_)))));
        });
        assert_eq!(flights.under_way(), 0);
    }
}
