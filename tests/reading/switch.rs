//! Views whose stored records are not used.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use crate::common::still;
use tidetable::{Grid, ManualClock, Options, Span, Store, TimeRange, Timestamp, View};

fn minute(minute: i64) -> Timestamp {
    Timestamp::from_seconds(minute * 60)
}

/// Each record is how many were built before it.
fn counting(store: &Store) -> (View<u32, u64>, Arc<AtomicU64>) {
    let built = Arc::new(AtomicU64::new(0));
    let count = built.clone();
    let definition = store.view::<u32, u64>("counted").grid(Grid::minutes(1)).page_len(10);
    let definition = definition.seal_after(Span::hours(1));
    let view = definition.build(move |_, _, _| Ok(count.fetch_add(1, SeqCst))).unwrap();
    (view, built)
}

fn store_at(now: Timestamp) -> Store {
    let clock = Arc::new(ManualClock::new(now));
    Store::in_memory_with(Options { clock, ..still::options() }).unwrap()
}

#[test]
fn while_a_view_is_switched_off_every_read_builds_and_afterwards_none_does() {
    let store = store_at(minute(30));
    let (view, built) = counting(&store);
    let other = view.clone();
    let read = || view.get(&1, minute(3)).unwrap().to_native();
    assert_eq!((read(), read()), (0, 0));
    other.set_precomputed(false);
    assert!(!view.is_precomputed());
    assert_eq!((read(), read()), (1, 2));
    let range = TimeRange::new(minute(8), minute(12));
    let range = || view.range(&1, range).unwrap().iter().map(|(_, r)| r.to_native()).sum::<u64>();
    assert_eq!((range(), range()), (3 + 4 + 5 + 6, 7 + 8 + 9 + 10));
    assert_eq!(view.get_many([1, 2], minute(3)).len(), 2);
    assert_eq!(built.load(SeqCst), 13);
    assert_eq!(view.peek(&1, minute(3)).unwrap().unwrap().to_native(), 11, "it was stored");
    other.set_precomputed(true);
    assert_eq!((read(), read()), (11, 11));
}

#[test]
fn history_is_served_as_it_is_also_while_the_view_is_switched_off() {
    let store = store_at(minute(120));
    let (view, built) = counting(&store);
    view.get(&1, minute(3)).unwrap();
    view.set_precomputed(false);
    assert_eq!(view.get(&1, minute(3)).unwrap().to_native(), 0);
    view.range(&1, TimeRange::new(minute(3), minute(4))).unwrap();
    assert_eq!(built.load(SeqCst), 1);
}

#[test]
fn a_build_reads_what_is_stored_of_a_view_that_is_switched_off() {
    let store = store_at(minute(30));
    let (view, built) = counting(&store);
    view.get(&1, minute(3)).unwrap();
    view.set_precomputed(false);
    let above = store.view::<u32, u64>("above");
    let below = view.clone();
    let above = above.build(move |_, id, _| Ok(below.get(id, minute(3))?.to_native())).unwrap();
    above.get(&1, minute(3)).unwrap();
    assert_eq!(built.load(SeqCst), 1);
}
