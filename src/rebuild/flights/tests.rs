//! Who leads, who waits, who is told.

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
        let waiters: Vec<_> = (0..8).map(|_| scope.spawn(|| join(&flights, "a", &[]))).collect();
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
        assert!(error.to_string().contains("a timeless -> b timeless -> a timeless"), "{error}");
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

/// Counts what it is told.
#[derive(Default)]
struct Told(crate::sync::AtomicUsize);

impl Watcher for Told {
    fn landed(&self) {
        self.0.fetch_add(1, crate::sync::Ordering::SeqCst);
    }
}

#[test]
fn who_watches_a_record_is_told_once_when_its_build_has_landed() {
    let flights = Flights::default();
    let told = Arc::new(Told::default());
    let watcher: Arc<dyn Watcher> = told.clone();
    let times = || told.0.load(crate::sync::Ordering::SeqCst);
    assert!(!flights.watch_building(&key("a"), &watcher), "nobody builds it");
    let first = lead(&flights, "a");
    assert!(flights.watch_building(&key("a"), &watcher));
    assert_eq!(times(), 0);
    first.land(Ok(1));
    assert_eq!(times(), 1);
    lead(&flights, "a").land(Ok(1));
    assert_eq!(times(), 1, "it was told");
    flights.watch(&key("a"), &watcher);
    lead(&flights, "b").land(Ok(1));
    assert_eq!(times(), 1, "that was another");
    flights.unwatch(&key("a"), &watcher);
    lead(&flights, "a").unwound();
    assert_eq!(times(), 1, "it watches no more");
    flights.watch(&key("a"), &watcher);
    flights.tell(&key("a"));
    assert_eq!(times(), 2);
}

#[test]
fn a_flight_shows_how_far_its_build_says_that_it_is() {
    let flights = Flights::default();
    assert_eq!(flights.progress(&key("a")), None);
    let lead = lead(&flights, "a");
    assert_eq!(flights.progress(&key("a")), Some(0.0));
    lead.progress().report(0.5);
    assert_eq!(flights.progress(&key("a")), Some(0.5));
}
