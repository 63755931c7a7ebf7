//! One build for each bucket: who leads it, who waits for it, and who would wait for ever.

use std::collections::HashMap;

use crate::error::{Error, ErrorKind, Result};
use crate::sync::{Arc, Condvar, Mutex, thread_number};

use super::name::BuildName;
use super::unlanded::land_finished;

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
    name: BuildName,
    /// The thread that builds it.
    leader: u64,
    landed: Mutex<Option<Result<T>>>,
    landing: Condvar,
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
        let mut landed_mine = false;
        let flight = loop {
            let mut table = self.table.lock();
            let Some(flight) = table.flights.get(&key).cloned() else {
                let flight = Arc::new(Flight {
                    name,
                    leader: me,
                    landed: Mutex::new(None),
                    landing: Condvar::new(),
                });
                table.flights.insert(key.clone(), flight.clone());
                return Ok(Joined::Lead(Lead { flights: self.clone(), key, flight, done: false }));
            };
            if !landed_mine {
                // What this thread has finished may be what it, or the leader, is about to wait
                // for. Never under the lock: it waits for the writer.
                drop(table);
                land_finished();
                landed_mine = true;
                continue;
            }
            // Under the same lock as the wait is entered: of two threads that close a cycle, the
            // second sees the first.
            if let Some(cycle) = table.cycle(me, &flight) {
                return Err(cycle_error(&cycle));
            }
            table.waiting.insert(me, flight.clone());
            break flight;
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
    fn cycle(&self, me: u64, flight: &Arc<Flight<T>>) -> Option<Vec<BuildName>> {
        let mut names = vec![flight.name.clone()];
        let mut leader = flight.leader;
        while leader != me {
            // Whoever waited for a flight that has landed waits no more, though it may not have
            // woken up yet to say so.
            let next = self.waiting.get(&leader).filter(|next| next.landed.lock().is_none())?;
            names.push(next.name.clone());
            leader = next.leader;
        }
        Some(names)
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
        let mut landed = self.landed.lock();
        loop {
            match &*landed {
                Some(outcome) => return outcome.clone(),
                None => self.landing.wait(&mut landed),
            }
        }
    }
}

impl<T: Clone> Lead<T> {
    /// Gives everybody the outcome. Whoever asks from now on finds the record stored, or leads a
    /// build anew.
    pub(crate) fn land(mut self, outcome: Result<T>) {
        self.finish(outcome);
    }

    fn finish(&mut self, outcome: Result<T>) {
        self.done = true;
        self.flights.table.lock().flights.remove(&self.key);
        *self.flight.landed.lock() = Some(outcome);
        self.flight.landing.notify_all();
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
