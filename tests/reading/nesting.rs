//! Builds that read what is to be built first: however deep, from whichever thread.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier, OnceLock, mpsc};
use std::thread;

use crate::common::cases::each;
use crate::common::still;
use tidetable::{
    Bucket, BuildContext, BuildError, Error, ErrorKind, Grid, Missing, Options, Store, TimeRange,
    Timestamp, View,
};

fn minute(minute: i64) -> Timestamp {
    Timestamp::from_seconds(minute * 60)
}

fn minutes(from: i64, until: i64) -> TimeRange {
    TimeRange::new(minute(from), minute(until))
}

/// The number of a bucket of one minute.
fn number(bucket: Bucket) -> i64 {
    bucket.start().as_millis() / 60_000
}

/// A view over minutes whose build function is given the view itself.
fn recursive<F>(store: &Store, build: F) -> View<u32, u64>
where
    F: Fn(&BuildContext, &View<u32, u64>, u32, i64) -> Result<u64, BuildError>
        + Send
        + Sync
        + 'static,
{
    let itself = Arc::new(OnceLock::new());
    let captured: Arc<OnceLock<View<u32, u64>>> = itself.clone();
    let definition = store.view("recursive").grid(Grid::minutes(1)).page_len(60);
    let view = definition.build(move |cx, &entity, bucket| {
        let view = captured.get().expect("it is set before anything is read");
        build(cx, view, entity, number(bucket))
    });
    itself.set(view.unwrap()).unwrap();
    itself.get().unwrap().clone()
}

/// The running total of 0, 1, 2, ..., and how often the build function ran.
fn running_total(store: &Store) -> (View<u32, u64>, Arc<AtomicUsize>) {
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = runs.clone();
    let view = recursive(store, move |_, view, entity, number| {
        counted.fetch_add(1, SeqCst);
        if number == 0 {
            return Ok(0);
        }
        Ok(view.get(&entity, minute(number - 1))?.to_native() + number as u64)
    });
    (view, runs)
}

fn total(number: i64) -> u64 {
    let number = number as u64;
    number * (number + 1) / 2
}

fn assert_totals(view: &View<u32, u64>, until: i64) {
    let totals = view.when_missing(Missing::Miss).range(&1, minutes(0, until)).unwrap();
    assert_eq!(totals.len(), until as usize);
    for (bucket, found) in totals.iter() {
        assert_eq!(found.to_native(), total(number(bucket)), "of {bucket}");
    }
}

/// The error of a read, in all its words.
fn told(error: &Error) -> String {
    assert_eq!(error.kind(), ErrorKind::Build);
    let told = format!("{error:?}");
    assert!(!told.contains("too deep: what it asks for"), "an inner matter came out: {told}");
    told
}

const DEEP: i64 = 10_000;

#[test]
fn a_cold_total_over_ten_thousand_buckets_is_built_by_one_read_of_the_last() {
    let store = still::in_memory().unwrap();
    let (view, runs) = running_total(&store);
    // As much stack as a thread commonly has, whatever the test's own has.
    let reader = thread::Builder::new().stack_size(2 << 20);
    thread::scope(|scope| {
        let read = || assert_eq!(view.get(&1, minute(DEEP)).unwrap().to_native(), total(DEEP));
        reader.spawn_scoped(scope, read).unwrap().join().unwrap();
    });
    assert_totals(&view, DEEP);
    assert_eq!(store.metrics().builds, DEEP as u64 + 1);
    assert_eq!(store.metrics().build_failures, 0);
    assert!(runs.load(SeqCst) <= 2 * DEEP as usize + 2, "{} runs", runs.load(SeqCst));
}

#[test]
fn a_cold_total_needs_no_memory_for_what_it_passes() {
    let options = Options { memory_bytes: 1 << 20, ..still::options() };
    let store = Store::in_memory_with(options).unwrap();
    let ((view, _), deep) = (running_total(&store), DEEP / each() as i64);
    assert_eq!(view.get(&1, minute(deep)).unwrap().to_native(), total(deep));
    assert_totals(&view, deep);
}

#[test]
fn a_cold_total_is_filled_from_its_end() {
    let store = still::in_memory().unwrap();
    let (view, _) = running_total(&store);
    let filled = view.fill(&1, minutes(990, 1000)).unwrap();
    assert_eq!((filled.built, filled.already_fresh), (10, 0));
    filled.complete().unwrap();
    assert_totals(&view, 1000);
}

#[test]
fn two_threads_that_begin_a_total_at_different_ends_both_get_it() {
    for round in (0..4).step_by(each()) {
        let store = still::in_memory().unwrap();
        let (view, _) = running_total(&store);
        let together = Barrier::new(3);
        thread::scope(|scope| {
            for last in [2000, 1000 + round * 7, 500 - round * 13] {
                let (view, together) = (&view, &together);
                scope.spawn(move || {
                    together.wait();
                    assert_eq!(view.get(&1, minute(last)).unwrap().to_native(), total(last));
                });
            }
        });
        assert_totals(&view, 2001);
        assert_eq!(store.metrics().builds, 2001, "a record was built twice");
    }
}

#[test]
fn what_a_build_returns_that_is_unwound_is_not_stored() {
    let store = still::in_memory().unwrap();
    let unwound = Arc::new(AtomicUsize::new(0));
    let counted = unwound.clone();
    let view = recursive(&store, move |_, view, entity, number| {
        if number == 0 {
            return Ok(0);
        }
        let before = view.get(&entity, minute(number - 1)).map(|record| record.to_native());
        match before {
            Ok(before) => Ok(before + number as u64),
            Err(_) if counted.fetch_add(1, SeqCst).is_multiple_of(2) => Ok(666_666_666),
            Err(_) => panic!("it cannot go on"),
        }
    });
    assert_eq!(view.get(&1, minute(1000)).unwrap().to_native(), total(1000));
    assert_totals(&view, 1001);
    assert!(unwound.load(SeqCst) > 500);
    assert_eq!(store.metrics().build_failures, 0);
}

#[test]
fn a_range_at_the_limit_is_built_before_those_who_read_it() {
    let store = still::in_memory().unwrap();
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = runs.clone();
    // Each record is the sum of up to 20 before it, plus one.
    let view = recursive(&store, move |_, view, entity, number| {
        counted.fetch_add(1, SeqCst);
        let before = view.range(&entity, minutes((number - 20).max(0), number))?;
        Ok(before.iter().fold(1, |sum: u64, (_, one)| sum.wrapping_add(one.to_native())))
    });
    let mut expected = vec![1_u64];
    for number in 1..500_usize {
        let before = &expected[number.saturating_sub(20)..];
        expected.push(before.iter().fold(1, |sum, one| sum.wrapping_add(*one)));
    }
    for last in [1, 19, 499] {
        assert_eq!(view.get(&1, minute(last)).unwrap().to_native(), expected[last as usize]);
    }
    assert_eq!(store.metrics().builds, 500);
}

#[test]
fn pages_built_whole_nest_as_deep() {
    let store = still::in_memory().unwrap();
    let itself: Arc<OnceLock<View<u32, u64>>> = Arc::default();
    let captured = itself.clone();
    let definition = store.view("pages").grid(Grid::minutes(1)).page_len(4);
    let view = definition.build_page(move |_, entity, buckets| {
        let (view, first) = (captured.get().expect("it is set"), number(buckets[0]));
        let mut sum = match first {
            0 => 0,
            first => view.get(entity, minute(first - 1))?.to_native(),
        };
        let next = |bucket: &Bucket| {
            sum += number(*bucket) as u64;
            sum
        };
        Ok(buckets.iter().map(next).collect())
    });
    itself.set(view.unwrap()).unwrap();
    let view = itself.get().unwrap();
    assert_eq!(view.get(&1, minute(2000)).unwrap().to_native(), total(2000));
    assert_totals(view, 2001);
    view.fill(&2, minutes(996, 1000)).unwrap().complete().unwrap();
    assert_eq!(view.peek(&2, minute(999)).unwrap().unwrap().to_native(), total(999));
}

/// A view in which each of `len` buckets needs the one before it, and the first the last.
fn circle(store: &Store, len: i64) -> View<u32, u64> {
    recursive(store, move |_, view, entity, number| {
        Ok(view.get(&entity, minute((number + len - 1) % len))?.to_native())
    })
}

#[test]
fn a_circle_of_any_length_is_named() {
    for len in [1, 2, 3, 63, 64, 65, 100, 1000] {
        let store = still::in_memory().unwrap();
        let view = circle(&store, len);
        let error = view.get(&1, minute(len - 1)).unwrap_err();
        let told = told(&error);
        assert!(told.contains("need each other in a circle: recursive 1970"), "{len}: {told}");
        if len == 3 {
            let around = "recursive 1970-01-01T00:02:00Z..00:03 -> \
                          recursive 1970-01-01T00:01:00Z..00:02 -> \
                          recursive 1970-01-01T00:00:00Z..00:01 -> \
                          recursive 1970-01-01T00:02:00Z..00:03;";
            assert!(told.contains(around), "{told}");
        }
        if len > 16 {
            assert!(told.contains(&format!("({} more)", len - 16)), "{len}: {told}");
        }
        assert!(told.len() < 3_000, "{} bytes", told.len());
        assert!(view.when_missing(Missing::Miss).range(&1, minutes(0, len)).unwrap().is_empty());
    }
}

#[test]
fn a_circle_far_below_the_first_read_is_named() {
    let store = still::in_memory().unwrap();
    let view = recursive(&store, |_, view, entity, number| {
        let before = if number == 0 { 150 } else { number - 1 };
        Ok(view.get(&entity, minute(before))?.to_native())
    });
    let told = told(&view.get(&1, minute(1000)).unwrap_err());
    assert!(told.contains("need each other in a circle") && told.contains("(135 more)"), "{told}");
}

#[test]
fn a_circle_that_two_threads_enter_at_once_is_named_to_both() {
    for round in 0..20 {
        let store = still::in_memory().unwrap();
        let view = circle(&store, 300);
        let together = Barrier::new(2);
        thread::scope(|scope| {
            for first in [10 * round, 299] {
                let (view, together) = (&view, &together);
                scope.spawn(move || {
                    together.wait();
                    let told = told(&view.get(&1, minute(first)).unwrap_err());
                    assert!(told.contains("in a circle"), "{told}");
                });
            }
        });
    }
}

/// Runs on a thread of its own and gives what came of it.
fn elsewhere<T: Send>(run: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| scope.spawn(run).join().unwrap())
}

#[test]
fn a_circle_closed_through_a_thread_with_the_context_is_named() {
    for len in [1, 2, 100] {
        let store = still::in_memory().unwrap();
        let view = recursive(&store, move |cx, view, entity, number| {
            let before = minute((number + len - 1) % len);
            Ok(elsewhere(|| cx.get(view, &entity, before))?.to_native())
        });
        let told = told(&view.get(&1, minute(0)).unwrap_err());
        assert!(told.contains("in a circle: recursive"), "{len}: {told}");
    }
}

#[test]
fn a_total_through_threads_with_the_context_is_as_deep() {
    let store = still::in_memory().unwrap();
    let view = recursive(&store, |cx, view, entity, number| {
        if number == 0 {
            return Ok(0);
        }
        let before = elsewhere(|| {
            assert!(cx.peek(view, &entity, minute(number)).unwrap().is_none());
            cx.get(view, &entity, minute(number - 1))
        });
        Ok(before?.to_native() + number as u64)
    });
    assert_eq!(view.get(&1, minute(300)).unwrap().to_native(), total(300));
    assert_eq!(store.metrics().builds, 301);
}

#[test]
fn threads_of_one_build_may_need_what_the_other_builds() {
    let store = still::in_memory().unwrap();
    let both = Arc::new(Barrier::new(2));
    // 0 reads 1 and 2 at once, on two threads; 1 reads 2, while that is being built.
    let view = recursive(&store, move |cx, view, entity, number| match number {
        0 => {
            let read = |number| move || cx.get(view, &entity, minute(number));
            let (one, two) = thread::scope(|scope| {
                let (one, two) = (scope.spawn(read(1)), scope.spawn(read(2)));
                (one.join().unwrap(), two.join().unwrap())
            });
            Ok(one?.to_native() + two?.to_native())
        }
        1 => {
            both.wait();
            Ok(view.get(&entity, minute(2))?.to_native() + 10)
        }
        _ => {
            both.wait();
            Ok(1)
        }
    });
    assert_eq!(view.get(&1, minute(0)).unwrap().to_native(), 12);
    assert_eq!(store.metrics().builds, 3);
}

#[test]
fn a_build_on_a_thread_with_the_context_may_not_write() {
    let store = still::in_memory().unwrap();
    let view = recursive(&store, |cx, view, entity, number| {
        if number == 1 {
            return Ok(elsewhere(|| cx.get(view, &entity, minute(0)))?.to_native());
        }
        let refused = view.put(&entity, minute(5), &1).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Input);
        Ok(7)
    });
    assert_eq!(view.get(&1, minute(1)).unwrap().to_native(), 7);
}

#[test]
fn what_has_no_end_is_an_error_that_names_the_limit() {
    let store = still::in_memory().unwrap();
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = runs.clone();
    let view = recursive(&store, move |_, view, entity, number| {
        counted.fetch_add(1, SeqCst);
        Ok(view.get(&entity, minute(number - 1))?.to_native())
    });
    let told = told(&view.get(&1, minute(0)).unwrap_err());
    assert!(told.contains("more than 100000 deep"), "{told}");
    assert!(told.contains("from recursive 1970-01-01T00:00:00Z"), "{told}");
    assert!(told.contains("down to recursive 1969-10-2"), "{told}");
    assert!(runs.load(SeqCst) <= 100_064, "{} runs", runs.load(SeqCst));
}

#[test]
fn a_panic_or_failure_deep_down_reaches_the_reader_and_nothing_is_stored() {
    for panics in [true, false] {
        let store = still::in_memory().unwrap();
        let down = Arc::new(AtomicBool::new(true));
        let is_down = down.clone();
        let view = recursive(&store, move |_, view, entity, number| match number {
            10 if is_down.load(SeqCst) && panics => panic!("the tide is out"),
            10 if is_down.load(SeqCst) => Err(BuildError::new("the tide is out")),
            0 => Ok(0),
            _ => Ok(view.get(&entity, minute(number - 1))?.to_native() + number as u64),
        });
        let error = view.get(&1, minute(2000)).unwrap_err();
        assert!(told(&error).contains("the tide is out"), "{error:?}");
        assert!(view.when_missing(Missing::Miss).range(&1, minutes(0, 2001)).unwrap().is_empty());
        down.store(false, SeqCst);
        assert_eq!(view.get(&1, minute(2000)).unwrap().to_native(), total(2000));
    }
}

#[test]
fn a_failure_that_thousands_of_builds_pass_on_takes_no_more_stack_for_it() {
    let store = still::in_memory().unwrap();
    let view = recursive(&store, move |_, view, entity, number| match number {
        0 => Err(BuildError::new("the tide is out")),
        _ => Ok(view.get(&entity, minute(number - 1))?.to_native()),
    });
    // Each error that holds another is dropped within the drop of that one.
    let reader = thread::Builder::new().stack_size(1 << 20);
    thread::scope(|scope| {
        let read = || {
            let told = told(&view.get(&1, minute(30_000)).unwrap_err());
            assert!(told.ends_with("the tide is out") && told.len() < 3_000, "{told}");
        };
        reader.spawn_scoped(scope, read).unwrap().join().unwrap();
    });
}

#[test]
fn a_build_may_do_without_what_failed_deep_down() {
    let store = still::in_memory().unwrap();
    // Every hundredth fails; those who need it begin anew.
    let view = recursive(&store, |_, view, entity, number| match number {
        0 => Ok(0),
        _ if number % 100 == 0 => Err(BuildError::new("the tide is out")),
        _ => {
            let before = view.get(&entity, minute(number - 1));
            Ok(before.map_or(0, |record| record.to_native()) + 1)
        }
    });
    assert_eq!(view.get(&1, minute(999)).unwrap().to_native(), 99);
    assert_eq!(view.get(&1, minute(450)).unwrap().to_native(), 50);
}

#[test]
fn whoever_waits_for_a_flight_that_is_unwound_gets_the_right_record() {
    let store = still::in_memory().unwrap();
    let (begin, begun) = mpsc::channel();
    let (go, may_go) = mpsc::channel::<()>();
    let halt = std::sync::Mutex::new(Some((begin, may_go)));
    let view = recursive(&store, move |_, view, entity, number| {
        if number == 0 {
            return Ok(0);
        }
        // The deepest that runs before the first unwinding.
        if number == 200 - 63
            && let Some((begin, may_go)) = halt.lock().unwrap().take()
        {
            begin.send(()).unwrap();
            may_go.recv().unwrap();
        }
        Ok(view.get(&entity, minute(number - 1))?.to_native() + number as u64)
    });
    let asking = Barrier::new(9);
    thread::scope(|scope| {
        scope.spawn(|| assert_eq!(view.get(&1, minute(200)).unwrap().to_native(), total(200)));
        begun.recv().unwrap();
        for number in 137..145 {
            let (view, asking) = (&view, &asking);
            scope.spawn(move || {
                asking.wait();
                assert_eq!(view.get(&1, minute(number)).unwrap().to_native(), total(number));
            });
        }
        asking.wait();
        go.send(()).unwrap();
    });
    assert_totals(&view, 201);
    assert_eq!(store.metrics().builds, 201);
}

#[test]
fn a_thread_with_the_context_that_keeps_its_failure_to_itself_spoils_nothing() {
    let store = still::in_memory().unwrap();
    let view = recursive(&store, |cx, view, entity, number| {
        if number == 0 {
            return Ok(0);
        }
        let before = elsewhere(|| {
            let before = cx.get(view, &entity, minute(number - 1));
            before.map_or(666_666_666, |record| record.to_native())
        });
        Ok(before + number as u64)
    });
    assert_eq!(view.get(&1, minute(200)).unwrap().to_native(), total(200));
}

#[test]
fn a_long_range_at_the_limit_is_built_in_pieces() {
    const LEAVES: i64 = 600;
    let store = still::in_memory().unwrap();
    let leaves = store.view::<u32, u64>("leaves").grid(Grid::minutes(1)).build(|_, _, _| Ok(1));
    let leaves = leaves.unwrap();
    let view = recursive(&store, move |_, view, entity, number| match number {
        0 => Ok(leaves.range(&entity, minutes(0, LEAVES))?.len() as u64),
        _ => Ok(view.get(&entity, minute(number - 1))?.to_native()),
    });
    // The 64th build is the one that reads the range.
    assert_eq!(view.get(&1, minute(63)).unwrap().to_native(), LEAVES as u64);
    assert_eq!(store.metrics().builds, LEAVES as u64 + 64);
}

/// Some of the numbers before one, always the same.
fn needs(seed: u64, number: i64) -> Vec<i64> {
    let mut random = (seed << 32) ^ (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = |below: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % below) as i64
    };
    let near = (number - 1 - next(3)).max(0);
    (0..next(3)).map(|_| next(number as u64)).chain([near]).collect()
}

#[test]
fn a_tangle_of_records_is_built_once_and_right_by_many_threads() {
    const RECORDS: i64 = 600;
    for seed in 1..=4 {
        println!("seed {seed}");
        let mut expected = vec![1_u64];
        for number in 1..RECORDS {
            let sum = |sum: u64, before: i64| sum.wrapping_mul(3) + expected[before as usize];
            expected.push(needs(seed, number).into_iter().fold(1, |a, b| sum(a, b) % 1_000_003));
        }
        let store = still::in_memory().unwrap();
        let view = recursive(&store, move |cx, view, entity, number| {
            let mut sum = 1_u64;
            let needs = if number == 0 { Vec::new() } else { needs(seed, number) };
            let read = |before: i64| cx.get(view, &entity, minute(before));
            let records: Vec<_> = if number % 5 == 0 {
                thread::scope(|scope| {
                    let readers = needs.into_iter().map(|before| scope.spawn(move || read(before)));
                    let readers: Vec<_> = readers.collect();
                    readers.into_iter().map(|reader| reader.join().unwrap()).collect()
                })
            } else {
                needs.into_iter().map(read).collect()
            };
            for record in records {
                sum = (sum.wrapping_mul(3) + record?.to_native()) % 1_000_003;
            }
            Ok(sum)
        });
        let together = Barrier::new(4);
        thread::scope(|scope| {
            for reader in 0..4 {
                let (view, together, expected) = (&view, &together, &expected);
                scope.spawn(move || {
                    together.wait();
                    for step in 0..20 {
                        let number = RECORDS - 1 - (reader * 37 + step * 29) % RECORDS;
                        let record = view.get(&1, minute(number)).unwrap();
                        assert_eq!(record.to_native(), expected[number as usize], "of {number}");
                    }
                });
            }
        });
        assert!(store.metrics().builds <= RECORDS as u64, "seed {seed}: a record was built twice");
    }
}

#[test]
fn what_a_build_function_returned_comes_out_of_however_many_that_needed_it() {
    #[derive(Debug, PartialEq, Eq)]
    struct NoTariff(u32);
    impl std::fmt::Display for NoTariff {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "no tariff {}", self.0)
        }
    }
    impl std::error::Error for NoTariff {}

    let store = still::in_memory().unwrap();
    let mut view =
        store.view::<u32, u64>("prices").build(|_, id, _| Err(NoTariff(*id).into())).unwrap();
    for name in ["hours", "days", "months"] {
        let read = view.clone();
        let above = store.view::<u32, u64>(name);
        view = above
            .build(move |cx, id, _| Ok(cx.get(&read, id, Timestamp::EPOCH)?.to_native()))
            .unwrap();
    }
    let error = view.get(&7, Timestamp::EPOCH).unwrap_err();
    let cause = error.build_cause().unwrap();
    assert_eq!(cause.downcast_ref(), Some(&NoTariff(7)), "{error}");
}
