//! Those who are told of builds that others make.

use crate::rebuild::circle::Step;
use crate::rebuild::flights::Flights;
use crate::rebuild::{BuildName, FlightKey, Joined, Lead, Watcher};
use crate::schedule::Answer;
use crate::sync::{Arc, AtomicBool, AtomicUsize, Mutex, Ordering, thread};
use crate::time::Timestamp;

use crate::grid::Grid;

fn key() -> FlightKey {
    FlightKey { page: (*b"a").into(), slot: Some(0) }
}

fn lead(flights: &Flights<u64>) -> Lead<u64> {
    let bucket = Grid::timeless().bucket_at(Timestamp::EPOCH).unwrap();
    let name = BuildName { view: Arc::from_std("a".into()), bucket };
    match flights.join(&key(), &name, Vec::<Step>::new).expect("no circle outside builds") {
        Joined::Lead(lead) => lead,
        Joined::Landed(_) => panic!("nobody else leads"),
    }
}

/// An `Arc` of loom's never becomes one of a trait.
struct Shared<T>(Arc<T>);

impl<T: Watcher> Watcher for Shared<T> {
    fn landed(&self) {
        self.0.landed();
    }
}

fn watcher<T: Watcher + 'static>(of: &Arc<T>) -> Arc<dyn Watcher> {
    Arc::from_std(std::sync::Arc::new(Shared(of.clone())))
}

/// A request: it ends when somebody finds the record stored.
struct Pending {
    flights: Flights<u64>,
    stored: AtomicBool,
    outcome: Answer<()>,
    /// Itself, as watchers are known.
    itself: Mutex<Option<Arc<dyn Watcher>>>,
}

impl Pending {
    fn look(&self) {
        let Some(itself) = self.itself.lock().clone() else { return };
        self.flights.watch(&key(), &itself);
        if self.stored.load(Ordering::Relaxed) {
            self.flights.unwatch(&key(), &itself);
            self.outcome.give(());
        }
    }
}

impl Watcher for Pending {
    fn landed(&self) {
        self.look();
    }
}

#[test]
fn who_watches_before_looking_hears_of_whatever_lands_afterwards() {
    loom::model(|| {
        let pending = Arc::new(Pending {
            flights: Flights::default(),
            stored: AtomicBool::new(false),
            outcome: Answer::default(),
            itself: Mutex::new(None),
        });
        *pending.itself.lock() = Some(watcher(&pending));
        let builder = {
            let pending = pending.clone();
            thread::spawn(move || {
                // One that fails, and one that does not.
                drop(lead(&pending.flights));
                let lead = lead(&pending.flights);
                pending.stored.store(true, Ordering::Relaxed);
                lead.land(Ok(1));
            })
        };
        pending.look();
        pending.outcome.wait(None).expect("no deadline comes");
        builder.join().unwrap();
        // What is left of it is watched by nobody.
        pending.flights.tell_all(&[]);
        let itself = pending.itself.lock().take();
        drop(itself);
    });
}

/// An order that waits for a build of somebody else's.
#[derive(Default)]
struct Order(AtomicUsize);

impl Watcher for Order {
    fn landed(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn an_order_is_worked_at_now_or_placed_again_once() {
    loom::model(|| {
        let (flights, order) = (Arc::new(Flights::default()), Arc::new(Order::default()));
        let lead = lead(&flights);
        let other = {
            let flights = flights.clone();
            // Something else is said of the record meanwhile.
            thread::spawn(move || flights.tell(&key()))
        };
        let builder = {
            let (flights, itself) = (flights.clone(), watcher(&order));
            thread::spawn(move || flights.watch_building(&key(), &itself))
        };
        lead.land(Ok(1));
        other.join().unwrap();
        let waits = builder.join().unwrap();
        assert_eq!(order.0.load(Ordering::Relaxed), usize::from(waits));
    });
}
