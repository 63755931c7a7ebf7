//! Retention that works by itself.

use std::sync::Arc;

use crate::common::disk::Disk;
use crate::common::record::{Cell, at, cell, grid};
use crate::common::still;
use tidetable::report::{Reason, Worked};
use tidetable::{ManualClock, Options, Span, Store, View};

struct Kept {
    store: Store,
    clock: Arc<ManualClock>,
    view: View<u32, Cell>,
}

fn open(disk: &Disk, minute: i64, more: Options) -> (Store, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(at(minute)));
    let store = Store::open_backend(disk.backend(), Options { clock: clock.clone(), ..more });
    (store.unwrap(), clock)
}

/// A view without a build function whose records are kept for so long.
fn define(store: &Store, minutes: i64) -> View<u32, Cell> {
    let view = store.view("kept").grid(grid()).page_len(4);
    view.retain(Span::minutes(minutes)).without_build().unwrap()
}

impl Kept {
    /// With minutes 0 to 7 of some entities, kept for five minutes.
    fn of(entities: u32) -> Self {
        let (store, clock) = open(&Disk::default(), 0, still::options());
        let view = define(&store, 5);
        for id in 0..entities {
            view.put_many((0..8).map(|minute| (id, at(minute), cell(id, minute, 1)))).unwrap();
        }
        Self { store, clock, view }
    }

    fn next(&self) -> Option<(Reason, u64)> {
        let worked: Option<Worked> = self.store.build_next().unwrap();
        worked.map(|worked| (worked.reason, worked.retired))
    }

    /// Works until there is nothing to do. How many pieces that were and how many records went.
    fn work(&self) -> (usize, u64) {
        let pieces: Vec<_> = std::iter::from_fn(|| self.next()).collect();
        assert!(pieces.iter().all(|(reason, _)| *reason == Reason::Retention));
        (pieces.len(), pieces.iter().map(|(_, retired)| retired).sum())
    }
}

#[test]
fn what_is_too_old_goes_by_itself_every_now_and_then_and_first_a_while_after_the_opening() {
    let it = Kept::of(1);
    it.clock.set(at(9));
    assert_eq!(it.next(), None, "the opening is not ten minutes ago");
    it.clock.set(at(10));
    assert_eq!(it.next(), Some((Reason::Retention, 5)));
    assert_eq!(it.work().1, 0);
    assert!(it.view.peek(&0, at(4)).unwrap().is_none());
    assert!(it.view.peek(&0, at(5)).unwrap().is_some());
    it.clock.set(at(19));
    assert_eq!(it.next(), None);
    it.clock.set(at(20));
    assert_eq!(it.work().1, 3);
    assert_eq!(it.store.metrics().records_retired, 8);
}

#[test]
fn a_round_without_anything_too_old_writes_nothing() {
    let it = Kept::of(300);
    let before = it.store.metrics();
    it.clock.set(at(10));
    assert_eq!(it.view.apply_retention().unwrap(), 300 * 5);
    let commits = it.store.metrics().commits;
    assert!(commits > before.commits);
    let (pieces, retired) = it.work();
    assert_eq!((pieces, retired), (2, 0), "300 pages, some hundred in a piece");
    assert_eq!(it.store.metrics().commits, commits);
}

#[test]
fn a_large_view_is_cleaned_piece_by_piece() {
    let it = Kept::of(1000);
    it.clock.set(at(10));
    assert!(it.next().is_some_and(|(_, retired)| (1..5000).contains(&retired)));
    let (pieces, retired) = it.work();
    assert!(pieces >= 3, "{pieces}");
    assert_eq!(it.store.metrics().records_retired, 5000);
    assert!(retired < 5000);
}

#[test]
fn a_view_defined_to_keep_more_loses_no_more_than_that() {
    let it = Kept::of(1000);
    it.clock.set(at(12));
    let (_, first) = it.next().unwrap();
    let view = define(&it.store, 9);
    let rest = it.work().1;
    assert!(it.view.peek(&999, at(3)).is_err(), "the definition with less has ended");
    assert!(view.peek(&999, at(2)).unwrap().is_none());
    assert!(view.peek(&999, at(3)).unwrap().is_some());
    assert!(first % 7 == 0 && rest == (1000 - first / 7) * 3, "{first} and {rest}");
}

#[test]
fn a_clock_that_was_set_back_does_not_end_the_cleaning() {
    let it = Kept::of(1);
    it.clock.set(at(1_000_000));
    assert_eq!(it.work().1, 8);
    it.clock.set(at(20));
    it.view.put(&0, at(3), &cell(0, 3, 1)).unwrap();
    assert_eq!(it.next(), None);
    it.clock.set(at(31));
    assert_eq!(it.work().1, 1);
}

#[test]
fn nothing_is_cleaned_in_a_store_opened_to_read_or_where_a_view_was_deleted() {
    let disk = Disk::default();
    let (store, _) = open(&disk, 0, still::options());
    define(&store, 5).put(&0, at(3), &cell(0, 3, 1)).unwrap();
    store.close().unwrap();
    let (store, clock) = open(&disk, 0, Options { read_only: true, ..still::options() });
    let view = define(&store, 5);
    clock.set(at(100));
    while let Some(worked) = store.build_next().unwrap() {
        assert_ne!(worked.reason, Reason::Retention);
    }
    drop((view, store));

    let it = Kept::of(1);
    it.clock.set(at(10));
    assert!(it.store.delete_view("kept").unwrap());
    assert_eq!(it.next(), None);
}

#[test]
fn a_large_view_that_was_deleted_goes_between_what_others_have_written() {
    let pages = |store: &Store| {
        let inventory = store.inventory().unwrap();
        inventory.tables.iter().find(|table| table.name == "pages").unwrap().rows
    };
    let it = Kept::of(1500);
    let other = it.store.view("other").grid(grid()).page_len(4).without_build().unwrap();
    assert_eq!(pages(&it.store), 2 * 1500);
    it.store.delete_view("kept").unwrap();
    // More transactions than one that always comes back can have it wait for each of its parts.
    for turn in 0..100 {
        other.put(&1, at(0), &cell(1, 0, turn)).unwrap();
    }
    assert_eq!(pages(&it.store), 1);
    assert_eq!(it.store.inventory().unwrap().views_going, 0);
}

#[test]
fn builders_clean_by_themselves() {
    let every = Options { retention_every: Span::millis(1), ..Options::default() };
    let store = Store::in_memory_with(every).unwrap();
    let view = define(&store, 5);
    view.put(&0, at(3), &cell(0, 3, 1)).unwrap();
    while store.metrics().records_retired < 1 {
        std::thread::yield_now();
    }
    assert!(view.peek(&0, at(3)).unwrap().is_none());
}
