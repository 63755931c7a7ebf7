//! Builds: one for each bucket, whoever asks; what fails fails alone; what came meanwhile stays.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier, Mutex, OnceLock, mpsc};
use std::thread;

use crate::common::still;
use tidetable::{ErrorKind, Freshness, Grid, Missing, Store, TimeRange, Timestamp, View};

fn minute(minute: i64) -> Timestamp {
    Timestamp::from_seconds(minute * 60)
}

fn minutes(range: Range<i64>) -> TimeRange {
    TimeRange::new(minute(range.start), minute(range.end))
}

/// The number of a bucket of one minute.
fn number(bucket: tidetable::Bucket) -> i64 {
    bucket.start().as_millis() / 60_000
}

/// A view whose build function reads the view itself.
type Itself = Arc<OnceLock<View<u32, u64>>>;

/// The running total of 0, 1, 2, ... over buckets of one minute.
fn running_total(store: &Store, builds: Arc<AtomicUsize>) -> View<u32, u64> {
    let itself = Itself::default();
    let captured = itself.clone();
    let definition = store.view("total").grid(Grid::minutes(1)).page_len(7);
    let view = definition.build(move |_, entity, bucket| {
        builds.fetch_add(1, SeqCst);
        let number = number(bucket);
        if number == 0 {
            return Ok(0);
        }
        let view = captured.get().expect("it is set before anything is read");
        Ok(view.get(entity, minute(number - 1))?.to_native() + number as u64)
    });
    itself.set(view.unwrap()).unwrap();
    itself.get().unwrap().clone()
}

fn assert_totals(view: &View<u32, u64>, entity: u32, until: i64) {
    let totals = view.when_missing(Missing::Miss).range(&entity, minutes(0..until)).unwrap();
    assert_eq!(totals.len(), until as usize);
    for (bucket, total) in totals.iter() {
        let number = number(bucket) as u64;
        assert_eq!(total.to_native(), number * (number + 1) / 2, "of bucket {number}");
    }
}

#[test]
fn a_thousand_threads_that_want_one_record_cause_one_build() {
    const THREADS: usize = 1000;
    let store = still::in_memory().unwrap();
    let asking = Arc::new(AtomicUsize::new(0));
    let seen = asking.clone();
    let view = store.view::<u32, u64>("one").build(move |_, _, _| {
        // Everybody is on the way before it is done.
        while seen.load(SeqCst) < THREADS {
            thread::yield_now();
        }
        Ok(7)
    });
    let view = view.unwrap();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            let reader = thread::Builder::new().stack_size(256 << 10);
            let read = || {
                asking.fetch_add(1, SeqCst);
                assert_eq!(view.get(&1, Timestamp::EPOCH).unwrap().to_native(), 7);
            };
            reader.spawn_scoped(scope, read).unwrap();
        }
    });
    assert_eq!(store.metrics().builds, 1);
}

#[test]
fn a_build_that_fails_or_panics_is_an_error_to_all_who_waited_and_to_nobody_later() {
    const READERS: usize = 8;
    for panics in [false, true] {
        let store = still::in_memory().unwrap();
        let (asking, fails) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(true)));
        let (seen, failing) = (asking.clone(), fails.clone());
        let definition = store.view::<str, u64>("fragile").grid(Grid::minutes(10));
        let view = definition.build(move |_, _, _| {
            while seen.load(SeqCst) < READERS {
                thread::yield_now();
            }
            match (failing.load(SeqCst), panics) {
                (true, true) => panic!("the tide is out"),
                (true, false) => Err("the tide is out".into()),
                (false, _) => Ok(7),
            }
        });
        let view = view.unwrap();
        thread::scope(|scope| {
            for _ in 0..READERS {
                scope.spawn(|| {
                    asking.fetch_add(1, SeqCst);
                    let error = view.get("a person", minute(10)).unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::Build);
                    let said = format!("{error} {error:?}");
                    for part in ["'fragile'", "1970-01-01T00:10:00Z..00:20", "the tide is out"] {
                        assert!(said.contains(part), "{said}");
                    }
                    assert!(!said.contains("person"), "{said}");
                    assert!(error.entity().is_some_and(|key| key.starts_with(b"a person")));
                    assert_eq!(error.build_cause().is_some(), !panics);
                });
            }
        });
        assert!(view.peek("a person", minute(10)).unwrap().is_none());
        assert_eq!(store.metrics().builds, 0);
        assert!(store.metrics().build_failures >= 1);
        fails.store(false, SeqCst);
        assert_eq!(view.get("a person", minute(10)).unwrap().to_native(), 7);
        store.sync().unwrap();
    }
}

#[test]
fn a_bucket_that_panics_leaves_the_rest_of_its_fill() {
    let store = still::in_memory().unwrap();
    let view = store.view::<u32, u64>("fill").grid(Grid::minutes(1)).page_len(4);
    let view = view.build(|_, _, bucket| match number(bucket) {
        5 => panic!("not this one"),
        number => Ok(number as u64),
    });
    let view = view.unwrap();
    let filled = view.fill(&1, minutes(0..10)).unwrap();
    assert_eq!((filled.built, filled.already_fresh, filled.failed.len()), (9, 0, 1));
    assert_eq!(filled.failed[0].bucket.start(), minute(5));
    assert_eq!(filled.failed[0].error.kind(), ErrorKind::Build);
    assert_eq!(filled.complete().unwrap_err().kind(), ErrorKind::Build);
    for number in 0..10 {
        assert_eq!(view.peek(&1, minute(number)).unwrap().is_some(), number != 5);
    }
    let again = view.fill(&1, minutes(0..10)).unwrap();
    assert_eq!((again.built, again.already_fresh, again.failed.len()), (0, 9, 1));
}

#[test]
fn a_record_that_needs_itself_is_told_so() {
    let store = still::in_memory().unwrap();
    let itself = Itself::default();
    let captured = itself.clone();
    let view = store.view::<u32, u64>("ouroboros").build(move |_, entity, _| {
        Ok(captured.get().expect("it is set").get(entity, Timestamp::EPOCH)?.to_native())
    });
    itself.set(view.unwrap()).unwrap();
    let error = itself.get().unwrap().get(&1, Timestamp::EPOCH).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Build);
    assert!(format!("{error:?}").contains("circle"), "{error:?}");
    let error = itself.get().unwrap().fill(&1, minutes(0..1)).unwrap().complete().unwrap_err();
    assert!(format!("{error:?}").contains("circle"), "{error:?}");
}

#[test]
fn two_threads_whose_records_need_each_other_are_told_so() {
    let store = still::in_memory().unwrap();
    let itself = Itself::default();
    let (captured, both_build) = (itself.clone(), Barrier::new(2));
    let view = store.view::<u32, u64>("circle").build(move |_, entity, _| {
        both_build.wait();
        let other = captured.get().expect("it is set").get(&(1 - entity), Timestamp::EPOCH)?;
        Ok(other.to_native())
    });
    itself.set(view.unwrap()).unwrap();
    let view = itself.get().unwrap();
    let read = |entity: u32| format!("{:?}", view.get(&entity, Timestamp::EPOCH).unwrap_err());
    let said = thread::scope(|scope| {
        let other = scope.spawn(|| read(1));
        [read(0), other.join().unwrap()]
    });
    assert!(said.iter().all(|said| said.contains("circle: circle timeless ->")), "{said:?}");
}

#[test]
fn a_running_total_is_filled_in_order_by_one() {
    let store = still::in_memory().unwrap();
    let builds = Arc::new(AtomicUsize::new(0));
    let view = running_total(&store, builds.clone());
    view.fill(&1, minutes(0..300)).unwrap().complete().unwrap();
    assert_totals(&view, 1, 300);
    assert_eq!(builds.load(SeqCst), 300);
}

#[test]
fn a_running_total_is_filled_by_several_at_once() {
    let store = still::in_memory().unwrap();
    let builds = Arc::new(AtomicUsize::new(0));
    let view = running_total(&store, builds.clone());
    for entity in 0..20 {
        let together = Barrier::new(3);
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    together.wait();
                    view.fill(&entity, minutes(0..60)).unwrap().complete().unwrap();
                });
            }
        });
        assert_totals(&view, entity, 60);
    }
    assert_eq!(builds.load(SeqCst), 20 * 60);
}

#[test]
fn nothing_is_written_inside_a_build() {
    let store = still::in_memory().unwrap();
    let other = store.view::<u32, u64>("other").without_build().unwrap();
    other.put(&1, Timestamp::EPOCH, &1).unwrap();
    let refused = Arc::new(Mutex::new(Vec::new()));
    let (inside, noted, target) = (store.clone(), refused.clone(), other.clone());
    let view = store.view::<u32, u64>("meddler").build(move |_, _, _| {
        let (store, other, at) = (&inside, &target, Timestamp::EPOCH);
        *noted.lock().unwrap() = vec![
            other.put(&1, at, &2).err(),
            other.put_many([(1, at, 2)]).err(),
            other.delete(&1).err(),
            other.delete_range(&1, minutes(-1..1)).err(),
            other.delete_before(Timestamp::MAX).err(),
            other.clear().err(),
            store.delete_view("other").err(),
            store.view::<u32, u64>("new").without_build().err(),
            store.sync().err(),
            store.close().err(),
        ];
        Ok(other.get(&1, at)?.to_native())
    });
    assert_eq!(view.unwrap().get(&1, Timestamp::EPOCH).unwrap().to_native(), 1);
    for (at, error) in refused.lock().unwrap().iter().enumerate() {
        let error = error.as_ref().unwrap_or_else(|| panic!("write {at} was not refused"));
        assert_eq!(error.kind(), ErrorKind::Input, "write {at}: {error}");
        assert!(error.to_string().contains("meddler"), "write {at}: {error}");
    }
    assert_eq!(other.peek(&1, Timestamp::EPOCH).unwrap().unwrap().to_native(), 1);
    assert_eq!(store.views().unwrap().len(), 2);
}

/// A view whose build says that it has begun and then waits until it may go on.
fn halting(store: &Store) -> (View<u32, u64>, mpsc::Receiver<()>, mpsc::Sender<()>) {
    let (begin, begun) = mpsc::channel();
    let (go, may_go) = mpsc::channel();
    let may_go = Mutex::new(may_go);
    let view = store.view("halting").grid(Grid::minutes(1)).build(move |_, _, _| {
        begin.send(())?;
        may_go.lock().unwrap().recv()?;
        Ok(1)
    });
    (view.unwrap(), begun, go)
}

/// A way to delete, and what it deleted.
type Deletion = fn(&View<u32, u64>) -> tidetable::Result<u64>;

const DELETIONS: [Deletion; 4] = [
    |view| view.delete(&1),
    |view| view.delete_range(&1, minutes(0..1)),
    |view| view.delete_before(minute(1)),
    View::clear,
];

#[test]
fn a_record_deleted_while_it_is_filled_stays_deleted() {
    for (at, delete) in DELETIONS.into_iter().enumerate() {
        let store = still::in_memory().unwrap();
        let (view, begun, go) = halting(&store);
        thread::scope(|scope| {
            let filler = scope.spawn(|| view.fill(&1, minutes(0..1)).map(drop));
            begun.recv().unwrap();
            delete(&view).unwrap();
            go.send(()).unwrap();
            filler.join().unwrap().unwrap();
        });
        assert!(view.peek(&1, minute(0)).unwrap().is_none(), "deletion {at} was undone");
    }
}

#[test]
fn a_reader_whose_record_was_deleted_while_it_was_built_gets_one_built_afterwards() {
    for (at, delete) in DELETIONS.into_iter().enumerate() {
        let store = still::in_memory().unwrap();
        let (view, begun, go) = halting(&store);
        thread::scope(|scope| {
            let reader = scope.spawn(|| view.get(&1, minute(0)).unwrap().to_native());
            begun.recv().unwrap();
            delete(&view).unwrap();
            go.send(()).unwrap();
            // What was built before the deletion was not stored: the build runs again.
            begun.recv().unwrap();
            assert!(view.peek(&1, minute(0)).unwrap().is_none(), "deletion {at} was undone");
            go.send(()).unwrap();
            assert_eq!(reader.join().unwrap(), 1);
        });
    }
}

#[test]
fn a_record_beside_what_is_deleted_meanwhile_is_stored() {
    let deletions: [Deletion; 3] = [
        |view| view.delete(&2),
        |view| view.delete_range(&1, minutes(1..9)),
        |view| view.delete_before(minute(0)),
    ];
    for delete in deletions {
        let store = still::in_memory().unwrap();
        let (view, begun, go) = halting(&store);
        thread::scope(|scope| {
            let reader = scope.spawn(|| view.get(&1, minute(0)).unwrap().to_native());
            begun.recv().unwrap();
            delete(&view).unwrap();
            go.send(()).unwrap();
            assert_eq!(reader.join().unwrap(), 1);
        });
        assert!(view.peek(&1, minute(0)).unwrap().is_some());
    }
}

#[test]
fn a_record_put_while_it_is_built_is_the_one_that_stays() {
    let store = still::in_memory().unwrap();
    let (view, begun, go) = halting(&store);
    thread::scope(|scope| {
        let reader = scope.spawn(|| view.get(&1, minute(0)).unwrap().to_native());
        begun.recv().unwrap();
        view.put(&1, minute(0), &2).unwrap();
        go.send(()).unwrap();
        assert_eq!(reader.join().unwrap(), 2);
    });
    let standing = view.peek(&1, minute(0)).unwrap().unwrap();
    assert!(standing.to_native() == 2 && standing.was_put());
    assert_eq!(store.metrics().records_superseded, 1);
}

#[test]
fn a_reader_of_what_a_fill_has_made_waits_for_no_other_bucket() {
    let store = still::in_memory().unwrap();
    let (begin, begun) = mpsc::channel();
    let (go, may_go) = mpsc::channel::<()>();
    let may_go = Mutex::new(may_go);
    let builds = AtomicUsize::new(0);
    let view =
        store.view::<u32, u64>("halting").grid(Grid::minutes(1)).build(move |_, _, bucket| {
            builds.fetch_add(1, SeqCst);
            if bucket.start() == minute(1) {
                begin.send(()).unwrap();
                may_go.lock().unwrap().recv()?;
            }
            Ok(builds.load(SeqCst) as u64)
        });
    let view = view.unwrap();
    thread::scope(|scope| {
        let filler = scope.spawn(|| view.fill(&1, minutes(0..3)).unwrap().complete().unwrap());
        begun.recv().unwrap();
        // Minute 0 is made, minute 1 is being built: this read stores the one and leaves the other.
        let made = view.get(&1, minute(0));
        go.send(()).unwrap();
        assert_eq!(made.unwrap().to_native(), 1);
        assert_eq!(filler.join().unwrap(), 3);
    });
    assert_eq!(store.metrics().builds, 3);
}

#[test]
fn what_was_stored_and_then_deleted_is_not_served_by_the_fill_that_made_it() {
    let store = still::in_memory().unwrap();
    let (begin, begun) = mpsc::channel();
    let (go, may_go) = mpsc::channel::<()>();
    let may_go = Mutex::new(may_go);
    let source = Arc::new(AtomicUsize::new(1));
    let read = source.clone();
    let grid = Grid::minutes(1);
    let view =
        store.view::<u32, u64>("halting").grid(grid).page_len(4).build(move |_, _, bucket| {
            let seen = read.load(SeqCst);
            if bucket.start() == minute(4) {
                begin.send(()).unwrap();
                may_go.lock().unwrap().recv()?;
            }
            Ok(seen as u64)
        });
    let view = view.unwrap();
    thread::scope(|scope| {
        let filler = scope.spawn(|| view.fill(&1, minutes(0..8)).map(drop));
        // The first page is with the writer, its flights still open.
        begun.recv().unwrap();
        store.sync().unwrap();
        source.store(2, SeqCst);
        view.delete_range(&1, minutes(0..4)).unwrap();
        let record = view.get(&1, minute(0));
        go.send(()).unwrap();
        filler.join().unwrap().unwrap();
        let record = record.unwrap();
        assert!(record.is_fresh() && record.to_native() == 2, "{record:?}");
    });
}

#[test]
fn a_record_built_from_what_was_replaced_meanwhile_is_not_fresh() {
    let store = still::in_memory().unwrap();
    let put = store.view::<u32, u64>("put").without_build().unwrap();
    put.put(&1, Timestamp::EPOCH, &1).unwrap();
    let (read, builds) = (put.clone(), Arc::new(AtomicUsize::new(0)));
    let count = builds.clone();
    let view = store.view::<u32, u64>("view").build(move |cx, id, _| {
        let seen = cx.get(&read, id, Timestamp::EPOCH)?.to_native();
        if count.fetch_add(1, SeqCst) == 0 {
            let put = read.clone();
            thread::spawn(move || put.put(&1, Timestamp::EPOCH, &2).unwrap()).join().unwrap();
        }
        Ok(seen)
    });
    let view = view.unwrap();
    // Nothing had read it before: what the build saw of it is all there is to go by.
    view.fill(&1, minutes(0..1)).unwrap().complete().unwrap();
    let standing = view.peek(&1, Timestamp::EPOCH).unwrap().unwrap();
    assert_eq!((standing.to_native(), standing.freshness()), (1, Freshness::Stale));
    assert_eq!(view.get(&1, Timestamp::EPOCH).unwrap().to_native(), 2);
    assert_eq!(builds.load(SeqCst), 2);
}
