//! Builds that read on threads of their own.

use std::thread;

use crate::common::still;
use tidetable::Freshness;

use super::world::{NOW, Outside, World, colour, read_all, value};

#[test]
fn threads_that_are_given_the_context_read_for_its_build() {
    let it = World::in_memory();
    let input = it.store.input::<u32, u64>("input").unwrap();
    let (read, set) = (it.direct.clone(), input.clone());
    let sum = it.store.view::<u32, u64>("sum").build(move |cx, _, _| {
        let parts: Vec<u64> = thread::scope(|scope| {
            let read = &read;
            let threads: Vec<_> = (0..4)
                .map(|part| {
                    let set = &set;
                    scope.spawn(move || match part {
                        0 => cx.input(set, &0).unwrap().map_or(0, |value| value.to_native()),
                        1 => {
                            cx.depends_on(("thread", 1));
                            0
                        }
                        part => cx.get(read, &part, NOW).unwrap().to_native(),
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        Ok(parts.iter().sum())
    });
    let sum = sum.unwrap();
    value(&sum, 1);
    assert!(input.set(&0, &9).unwrap());
    assert_eq!(colour(&sum, 1), Freshness::Stale);
    let announced = [
        (("thread", 1), Freshness::Stale),
        (("outside", 2), Freshness::Suspect),
        (("outside", 3), Freshness::Suspect),
    ];
    for (source, expected) in announced {
        value(&sum, 1);
        it.store.invalidate(source).unwrap();
        assert_eq!(colour(&sum, 1), expected, "{source:?}");
    }
    value(&sum, 1);
    it.store.invalidate(("outside", 1)).unwrap();
    assert_eq!(colour(&sum, 1), Freshness::Fresh, "what it did not read");
}

#[test]
fn what_a_nested_build_reads_on_a_thread_of_its_reader_is_its_own() {
    let it = World::in_memory();
    let read = it.direct.clone();
    let reader = it.store.view::<u32, u64>("reader").build(move |cx, id, _| {
        thread::scope(|scope| {
            let built = scope.spawn(|| {
                // Builds `direct` here, which declares a source of its own.
                let record = cx.get(&read, id, NOW).unwrap().to_native();
                cx.depends_on(("reader", *id));
                record
            });
            Ok(built.join().unwrap())
        })
    });
    let reader = reader.unwrap();
    value(&reader, 1);
    let report = it.store.invalidate(("outside", 1)).unwrap();
    assert_eq!((report.stale, report.suspect), (1, 1), "one reads it, the other reads that one");
    value(&reader, 1);
    let report = it.store.invalidate(("reader", 1)).unwrap();
    assert_eq!((report.stale, report.suspect), (1, 0));
}

#[test]
fn builds_of_many_threads_keep_what_they_read_apart() {
    const THREADS: u32 = 8;
    const ENTITIES: u32 = 16;
    let store = still::in_memory().unwrap();
    let runs = Outside::default();
    let counted = runs.clone();
    let view = store.view::<u32, u64>("v").build(move |cx, id, _| {
        counted.count();
        cx.depends_on(("first", *id));
        thread::yield_now();
        cx.depends_on(("second", *id));
        Ok(0)
    });
    let view = view.unwrap();
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let view = &view;
            scope.spawn(move || {
                read_all(view, (0..ENTITIES).map(|n| (n + thread) % ENTITIES));
            });
        }
    });
    assert_eq!(runs.get(), u64::from(ENTITIES));
    for entity in 0..ENTITIES {
        let kind = if entity % 2 == 0 { "first" } else { "second" };
        assert_eq!(store.invalidate((kind, entity)).unwrap().stale, 1);
    }
}

#[test]
fn what_readers_are_given_as_fresh_contains_all_that_was_announced_before_they_asked() {
    const ROUNDS: u64 = 300;
    const READERS: usize = 3;
    let it = World::in_memory();
    value(&it.above, 1);
    let announced = Outside::default();
    let outcomes: Vec<(u64, u64)> = thread::scope(|scope| {
        let readers: Vec<_> = (0..READERS)
            .map(|reader| {
                let (it, announced) = (&it, &announced);
                scope.spawn(move || {
                    let (mut fresh, mut others) = (0, 0);
                    let view = if reader % 2 == 0 { &it.above } else { &it.direct };
                    let offset = if reader % 2 == 0 { 1000 } else { 0 };
                    while announced.get() < ROUNDS {
                        let least = announced.get();
                        let asked = if fresh % 3 == 0 {
                            view.get(&1, NOW).unwrap()
                        } else {
                            view.peek(&1, NOW).unwrap().unwrap()
                        };
                        if asked.is_fresh() {
                            let number = asked.to_native() - offset;
                            assert!(number >= least, "{number} is older than {least}");
                            fresh += 1;
                        } else {
                            others += 1;
                            // Whatever it is called, a read that may build ends in its own build.
                            let built = view.get(&1, NOW).unwrap().to_native() - offset;
                            assert!(built >= least, "{built} is older than {least}");
                        }
                    }
                    (fresh, others)
                })
            })
            .collect();
        for number in 1..=ROUNDS {
            it.outside.set(number);
            if number % 2 == 0 {
                it.store.invalidate(("outside", 1)).unwrap();
            } else {
                it.direct.invalidate_all().unwrap();
            }
            announced.set(number);
        }
        readers.into_iter().map(|reader| reader.join().unwrap()).collect()
    });
    println!("fresh and not, by reader: {outcomes:?}");
    assert_eq!(value(&it.above, 1), 1000 + ROUNDS);
}
