//! Memory stays within its budget, whatever is read, written and held.

use crate::common::still;
use tidetable::{Layer, Options, Store, Timestamp, View};

const BUDGET: usize = 1 << 20;
const RECORD: usize = 4 << 10;
/// Ten times the budget.
const ENTITIES: u32 = (10 * BUDGET / RECORD) as u32;

fn store() -> Store {
    Store::in_memory_with(Options { memory_bytes: BUDGET, ..still::options() }).unwrap()
}

fn blob(entity: u32) -> Vec<u8> {
    vec![entity as u8; RECORD]
}

fn blobs(store: &Store, name: &str) -> View<u32, Vec<u8>> {
    store.view(name).uncompressed().without_build().unwrap()
}

fn put(view: &View<u32, Vec<u8>>, entities: std::ops::Range<u32>) {
    let records = entities.map(|entity| (entity, Timestamp::EPOCH, blob(entity)));
    view.put_many(records).unwrap();
}

fn filled(store: &Store) -> View<u32, Vec<u8>> {
    let view = blobs(store, "blobs");
    for first in (0..ENTITIES).step_by(512) {
        put(&view, first..(first + 512).min(ENTITIES));
    }
    // What the writer still had in hand is behind it now.
    store.sync().unwrap();
    view
}

#[test]
fn a_store_of_ten_times_its_budget_stays_within_it() {
    let store = store();
    let view = filled(&store);
    for round in 0..2 {
        for entity in 0..ENTITIES {
            assert_eq!(*view.get(&entity, Timestamp::EPOCH).unwrap(), blob(entity)[..]);
            let resident = store.metrics().bytes_resident;
            assert!(resident <= BUDGET as u64, "{resident} bytes after {entity} in round {round}");
        }
    }
    let metrics = store.metrics();
    assert!(metrics.evictions > 0 && metrics.bytes_resident > BUDGET as u64 / 2, "{metrics:?}");
}

#[test]
fn handles_beyond_the_budget_are_charged_and_hinder_no_read() {
    let store = store();
    let view = filled(&store);
    let held: Vec<_> =
        (0..ENTITIES / 4).map(|entity| view.get(&entity, Timestamp::EPOCH).unwrap()).collect();
    let resident = store.metrics().bytes_resident;
    assert!(resident as usize >= held.len() * RECORD, "{resident} bytes for {}", held.len());
    for entity in 0..ENTITIES {
        assert_eq!(*view.get(&entity, Timestamp::EPOCH).unwrap(), blob(entity)[..]);
    }
    put(&view, ENTITIES..ENTITIES + 9);
    assert!(held.iter().zip(0..).all(|(record, entity)| **record == blob(entity)[..]));
    drop(held);
    store.sync().unwrap();
    view.get(&1, Timestamp::EPOCH).unwrap();
    let resident = store.metrics().bytes_resident;
    assert!(resident <= BUDGET as u64, "{resident} bytes after the handles were dropped");
}

/// A read that misses looks into memory twice, before and after it decided to go to the file. That is
/// one use of the page, or three misses would outweigh four reads of which three were hits.
#[test]
fn what_was_asked_for_three_times_does_not_push_out_what_was_asked_for_four_times() {
    let store = store();
    let view = blobs(&store, "blobs");
    put(&view, 0..ENTITIES);
    store.sync().unwrap();
    let layer = |entity: u32| view.get(&entity, Timestamp::EPOCH).unwrap().layer();
    let fitting = (BUDGET / 2 / RECORD) as u32;
    for _ in 0..4 {
        (0..fitting).for_each(|entity| _ = layer(entity));
    }
    for _ in 0..3 {
        (fitting..3 * fitting).for_each(|entity| _ = layer(entity));
    }
    let hits = (0..fitting).filter(|entity| layer(*entity) == Layer::Memory).count();
    assert!(hits as u32 > fitting * 9 / 10, "{hits} of {fitting} were still in memory");
}

/// The share of reads from memory of a steady reader, in thousandths, while others do `work`.
fn steady_reader(work: impl Fn(&Store, u32)) -> u64 {
    let store = store();
    let view = blobs(&store, "steady");
    let entities = (BUDGET / 4 / RECORD) as u32;
    put(&view, 0..entities);
    let read = || -> u64 {
        let layers =
            (0..entities).map(|entity| view.get(&entity, Timestamp::EPOCH).unwrap().layer());
        layers.filter(|layer| *layer == Layer::Memory).count() as u64
    };
    (0..8).for_each(|_| _ = read());
    assert_eq!(read(), u64::from(entities), "nobody else: everything is a hit");
    let rounds = 40;
    let hits: u64 = (0..rounds)
        .map(|round| {
            work(&store, round);
            read()
        })
        .sum();
    hits * 1000 / u64::from(rounds * entities)
}

#[test]
fn a_steady_reader_keeps_its_hits_while_ten_times_the_budget_is_put() {
    let batch = ENTITIES / 40;
    let hits = steady_reader(|store, round| {
        put(&blobs(store, "other"), round * batch..(round + 1) * batch);
    });
    assert!(hits >= 980, "{hits} of a thousand reads were hits");
}

#[test]
fn a_steady_reader_keeps_its_hits_while_ten_times_the_budget_is_built() {
    let batch = ENTITIES / 40;
    for fills in [true, false] {
        let hits = steady_reader(|store, round| {
            let view = store.view::<u32, Vec<u8>>("other").uncompressed();
            let view = view.build(|_, entity, _| Ok(blob(*entity))).unwrap();
            for entity in round * batch..(round + 1) * batch {
                if fills {
                    let moment = Timestamp::EPOCH..Timestamp::from_millis(1);
                    view.fill(&entity, moment).unwrap().complete().unwrap();
                } else {
                    view.get(&entity, Timestamp::EPOCH).unwrap();
                }
            }
        });
        assert!(hits >= 980, "{hits} of a thousand reads were hits; fills: {fills}");
    }
}
