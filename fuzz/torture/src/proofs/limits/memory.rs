//! Budgets from nothing up, a queue of one, and commits as large as they get.

use std::thread;

use tidetable::{Grid, Options, Store, Timestamp, View};

use super::place::{Held, Place, ensure, fault, hold, still};
use super::records::of_bytes;
use crate::round::Round;

const AT: Timestamp = Timestamp::EPOCH;
/// Of the page of one record.
const RECORD: usize = 4 << 10;

fn define(store: &Store) -> Held<View<u32, Vec<u8>>> {
    let view = store.view::<u32, Vec<u8>>("blobs").uncompressed();
    Ok(view.build(|cx, entity, _| {
        cx.depends_on(("s", *entity));
        Ok(of_bytes(RECORD, (*entity).into()))
    })?)
}

/// No memory at all, less than a page has, just one page, and those around which the cache is laid out
/// otherwise. What handles hold is beyond it, and everything is read all the same.
pub fn budgets(round: &Round<'_>) {
    let page = RECORD + 16;
    // An eighth is the file's own.
    let whole = [page - 1, page, page + 1].map(|bytes| bytes * 8 / 7);
    let around = [65 << 10, 8 << 20, 16 << 20].into_iter().flat_map(|at| [at - 1, at, at + 1]);
    for memory_bytes in [0, 1].into_iter().chain(whole).chain(around) {
        for held in [false, true] {
            hold(round, format!("a budget of {memory_bytes}, handles held: {held}"), || {
                let place = Place::with(Options { memory_bytes, ..still() })?;
                let store = place.open()?;
                let view = define(&store)?;
                for entity in 0..200 {
                    view.get(&entity, AT)?;
                }
                drop(view);
                let store = place.reopen(store)?;
                let view = define(&store)?;
                let mut hand = Vec::new();
                for entity in (0..200).chain(0..200) {
                    let record = view.get(&entity, AT)?;
                    let same = record.as_slice() == of_bytes(RECORD, entity.into());
                    ensure(same && record.is_fresh(), || format!("{entity} came back otherwise"))?;
                    hand.extend(Some(record).filter(|_| held));
                }
                store.invalidate(("s", 7))?;
                let again = view.get(&7, AT)?;
                ensure(again.is_fresh(), || "it was not built anew".to_owned())?;
                drop(again);
                let resident = store.metrics().bytes_resident;
                let bound = memory_bytes as u64;
                ensure(held || resident <= bound, || format!("{resident} bytes of {bound}"))?;
                let same = |(at, record): (usize, &tidetable::Record<Vec<u8>>)| {
                    record.as_slice() == of_bytes(RECORD, at as u64 % 200)
                };
                ensure(hand.iter().enumerate().all(same), || "a held record changed".to_owned())
            });
        }
    }
}

/// Many who write and many who read, through a queue that holds one of each.
pub fn a_queue_of_one(round: &Round<'_>) {
    for (queue_len, builders) in [(1, 0), (1, 1), (2, 2)] {
        hold(round, format!("a queue of {queue_len} and {builders} builders"), || {
            let place = Place::with(Options { queue_len, builders, ..Options::default() })?;
            let store = place.open()?;
            let view = define(&store)?;
            thread::scope(|scope| {
                let work = |thread: u32| {
                    let (view, store) = (&view, &store);
                    move || -> Held {
                        for number in 0..12 {
                            view.put(&(1000 * thread + number), AT, &vec![thread as u8; 9])?;
                            view.get(&(1000 * thread + 500 + number), AT)?;
                            store.invalidate(("s", number))?;
                        }
                        Ok(())
                    }
                };
                let threads: Vec<_> = (1..9).map(|thread| scope.spawn(work(thread))).collect();
                threads
                    .into_iter()
                    .try_for_each(|thread| thread.join().map_err(|_| fault("a thread panicked"))?)
            })?;
            drop(view);
            let store = place.reopen(store)?;
            let view = define(&store)?;
            for (thread, number) in (1..9).flat_map(|thread| (0..12).map(move |n| (thread, n))) {
                let put = view.get(&(1000 * thread + number), AT)?;
                ensure(put.as_slice() == [thread as u8; 9], || format!("{thread}, {number}"))?;
            }
            drop(view);
            store.close()?;
            Ok(())
        });
    }
}

/// So many records, and so many bytes, are one commit, however many the writer takes at a time.
pub fn one_commit(round: &Round<'_>) {
    for count in [4095, 4096, 4097, 20_000] {
        hold(round, format!("{count} records at once"), || {
            let place = Place::still()?;
            let store = place.open()?;
            let define = |store: &Store| {
                store.view::<u32, u32>("small").grid(Grid::hours(1)).without_build()
            };
            let before = store.revision();
            let view = define(&store)?;
            let defined = store.revision();
            let given = view.put_many((0..count).map(|entity| (entity, AT, entity)))?;
            ensure(given == u64::from(count), || format!("{given}"))?;
            ensure(before < defined && defined < store.revision(), || "no step".to_owned())?;
            drop(view);
            let store = place.reopen(store)?;
            let view = define(&store)?;
            ensure(view.entities().count() as u32 == count, || "others came back".to_owned())?;
            for entity in [0, count / 2, count - 1] {
                ensure(view.get(&entity, AT)?.to_native() == entity, || format!("{entity}"))?;
            }
            Ok(())
        });
    }
    for bytes in [(16 << 20) - 4, 16 << 20, (16 << 20) + 4, 40 << 20] {
        hold(round, format!("{bytes} bytes at once"), || {
            let place = Place::still()?;
            let store = place.open()?;
            let part = bytes / 4 / 4 * 4;
            let parts = [part, part, part, bytes - 3 * part];
            let records = (0..4_u32).map(|entity| of_bytes(parts[entity as usize], entity.into()));
            let records: Vec<_> = (0..).map(|entity: u32| (entity, AT)).zip(records).collect();
            let given = records.iter().map(|((entity, at), record)| (*entity, *at, record));
            define(&store)?.put_many(given)?;
            let store = place.reopen(store)?;
            let view = define(&store)?;
            for ((entity, at), record) in &records {
                ensure(view.get(entity, *at)?.as_slice() == record.as_slice(), || {
                    format!("{entity}")
                })?;
            }
            Ok(())
        });
    }
}
