//! Who leads, who waits, and whether everybody who waits is woken up.
//!
//! That nobody waits for ever is asserted nowhere: a model that stands still fails. A panic is
//! modelled by what it comes to, a lead that is dropped; the modelled threads are one thread to the
//! standard library, and all of them would count as panicking.

use crate::error::Result;
use crate::grid::Grid;
use crate::rebuild::circle::Step;
use crate::rebuild::flights::Flights;
use crate::rebuild::{BuildName, FlightKey, Joined, Lead, Unstored};
use crate::sync::{Arc, AtomicBool, AtomicU64, Mutex, Ordering, thread};
use crate::time::Timestamp;

/// What threads share. Flights give their own number. The rest only looks on, and orders nothing.
#[derive(Default)]
struct World {
    flights: Flights<u64>,
    /// Whether somebody builds.
    building: AtomicBool,
    /// The last flight that has landed for sure.
    landed: AtomicU64,
}

fn key(view: &str) -> FlightKey {
    FlightKey { page: view.as_bytes().into(), slot: Some(0) }
}

fn name(view: &str) -> BuildName {
    let bucket = Grid::timeless().bucket_at(Timestamp::EPOCH).unwrap();
    BuildName { view: Arc::from_std(view.into()), bucket }
}

impl World {
    /// A world in which the present thread leads already.
    fn led() -> (Arc<Self>, Lead<u64>) {
        let world = Arc::new(Self::default());
        let Joined::Lead(lead) = world.join() else { panic!("nobody else leads") };
        (world, lead)
    }

    fn join(&self) -> Joined<u64> {
        self.flights.join(&key("a"), &name("a"), Vec::new).expect("no circle outside builds")
    }

    fn build(&self, lead: &Lead<u64>) -> u64 {
        assert!(!self.building.swap(true, Ordering::Relaxed), "two build at once");
        let made = lead.step().flight;
        self.building.store(false, Ordering::Relaxed);
        made
    }

    fn land(&self, lead: Lead<u64>) -> u64 {
        let made = self.build(&lead);
        lead.land(Ok(made));
        self.landed.fetch_max(made, Ordering::Relaxed);
        made
    }

    /// What a reader gets who finds nothing stored.
    fn read(&self) -> Result<u64> {
        let landed = self.landed.load(Ordering::Relaxed);
        match self.join() {
            Joined::Lead(lead) => Ok(self.land(lead)),
            Joined::Landed(outcome) => outcome.inspect(|&made| {
                assert!(made > landed, "{made} had landed before the read began");
            }),
        }
    }
}

/// What two readers get, while this thread does something.
fn read_twice_during(world: &Arc<World>, then: impl FnOnce(&World)) -> [Result<u64>; 2] {
    let readers = [(); 2].map(|()| {
        let world = Arc::clone(world);
        thread::spawn(move || world.read())
    });
    then(world);
    let read = readers.map(|reader| reader.join().unwrap());
    assert_eq!(world.flights.under_way(), 0);
    read
}

#[test]
fn readers_who_come_at_any_time_lead_one_at_a_time_or_are_given_what_was_built_for_them() {
    loom::model(|| {
        let read = read_twice_during(&Arc::new(World::default()), |world| {
            world.read().unwrap();
        });
        assert!(read.iter().all(Result::is_ok));
    });
}

#[test]
fn two_who_wait_get_what_their_leader_lands() {
    loom::model(|| {
        let (world, lead) = World::led();
        let read = read_twice_during(&world, |world| _ = world.land(lead));
        assert!(read.iter().all(Result::is_ok));
    });
}

#[test]
fn those_who_wait_for_a_leader_that_is_lost_are_told() {
    loom::model(|| {
        let (world, lead) = World::led();
        let read = read_twice_during(&world, |world| {
            world.build(&lead);
            drop(lead);
        });
        let told = |outcome: &Result<u64>| match outcome {
            // A flight of the readers' own.
            Ok(made) => *made > 1,
            Err(error) => error.to_string().contains("given up"),
        };
        assert!(read.iter().all(told), "{read:?}");
    });
}

#[test]
fn those_who_wait_for_a_flight_that_is_unwound_try_again() {
    loom::model(|| {
        let (world, lead) = World::led();
        let read = read_twice_during(&world, |world| {
            world.build(&lead);
            lead.unwound();
        });
        assert!(
            read.iter().all(|outcome| outcome.as_ref().is_ok_and(|&made| made > 1)),
            "{read:?}"
        );
    });
}

/// A record that is made and not yet stored.
struct Made(Mutex<Option<(Lead<u64>, u64)>>);

impl Made {
    fn land(&self) {
        let made = self.0.lock().take();
        if let Some((lead, made)) = made {
            lead.land(Ok(made));
        }
    }
}

/// An `Arc` of loom's never becomes one of a trait.
struct Shared(Arc<Made>);

impl Unstored for Shared {
    fn land(&self) {
        self.0.land();
    }
}

impl World {
    /// Makes the record of a flight, and tells those who wait that it is made.
    fn make(&self, lead: Lead<u64>) -> Arc<Made> {
        let number = self.build(&lead);
        let made = Arc::new(Made(Mutex::new(Some((lead, number)))));
        let shared = Shared(Arc::clone(&made));
        if let Some((lead, _)) = &*made.0.lock() {
            lead.built(Arc::from_std(std::sync::Arc::new(shared)));
        }
        made
    }
}

#[test]
fn a_record_that_is_made_is_landed_by_those_who_wait() {
    loom::model(|| {
        let (world, lead) = World::led();
        let read = read_twice_during(&world, |world| drop(world.make(lead)));
        assert!(read.iter().all(Result::is_ok));
    });
}

#[test]
fn a_record_that_is_made_reaches_those_who_wait_whoever_lands_it() {
    loom::model(|| {
        let (world, lead) = World::led();
        let read = read_twice_during(&world, |world| world.make(lead).land());
        assert!(read.iter().all(Result::is_ok));
    });
}

/// Builds a record that needs another: `Some` is what the other was, `None` where the circle was
/// found here.
fn build_within(flights: &Flights<u64>, view: &str, needs: &str) -> Option<Result<u64>> {
    let value = |view: &str| u64::from(view.as_bytes()[0]);
    let lead = match flights.join(&key(view), &name(view), Vec::new).expect("no circle yet") {
        Joined::Lead(lead) => lead,
        // By whoever needs it.
        Joined::Landed(outcome) => {
            assert_eq!(outcome.unwrap(), value(view));
            return Some(Ok(value(needs)));
        }
    };
    let path = || -> Vec<Step> { vec![lead.step()] };
    let (needed, told) = match flights.join(&key(needs), &name(needs), path) {
        Ok(Joined::Lead(needed)) => {
            needed.land(Ok(value(needs)));
            (Ok(value(needs)), None)
        }
        Ok(Joined::Landed(outcome)) => (outcome, None),
        Err(circle) => (Err(circle.clone()), Some(circle)),
    };
    lead.land(needed.clone().map(|_| value(view)));
    told.is_none().then_some(needed)
}

#[test]
fn of_two_builds_that_need_each_other_one_is_told_and_no_value_goes_astray() {
    loom::model(|| {
        let flights = Arc::new(Flights::default());
        let other = {
            let flights = Arc::clone(&flights);
            thread::spawn(move || build_within(&flights, "b", "a"))
        };
        let needed = [build_within(&flights, "a", "b"), other.join().unwrap()];
        assert!(needed.iter().any(Option::is_some), "both were told");
        for (needed, view) in needed.into_iter().zip([b'b', b'a']) {
            if let Some(Ok(value)) = needed {
                assert_eq!(value, u64::from(view));
            }
        }
        assert_eq!(flights.under_way(), 0);
    });
}
