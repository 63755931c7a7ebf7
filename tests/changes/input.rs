//! Inputs: values that builds read and the application sets.

use crate::common::still;
use tidetable::{ErrorKind, Freshness, Input, Store, View};

use crate::common::disk::Disk;
use crate::common::record::patient;

use super::world::{NOW, after_a_crash, colour, read_only, value, work};

/// An input, and two views that read it.
struct Rates {
    store: Store,
    rates: Input<u32, u64>,
    tenfold: View<u32, u64>,
    hundredfold: View<u32, u64>,
}

impl Rates {
    fn of(store: Store) -> Self {
        let rates = store.input::<u32, u64>("rates").unwrap();
        let times = |name: &str, factor: u64| {
            let read = rates.clone();
            let view = store.view::<u32, u64>(name).build(move |cx, id, _| {
                Ok(cx.input(&read, id)?.map_or(0, |rate| rate.to_native() * factor))
            });
            view.unwrap()
        };
        let (tenfold, hundredfold) = (times("tenfold", 10), times("hundredfold", 100));
        Self { store, rates, tenfold, hundredfold }
    }

    fn in_memory() -> Self {
        Self::of(still::in_memory().unwrap())
    }

    fn open(disk: &Disk) -> Self {
        Self::of(Store::open_backend(disk.backend(), patient()).unwrap())
    }

    fn colours(&self, entity: u32) -> (Freshness, Freshness) {
        (colour(&self.tenfold, entity), colour(&self.hundredfold, entity))
    }

    fn values(&self, entity: u32) -> (u64, u64) {
        (value(&self.tenfold, entity), value(&self.hundredfold, entity))
    }
}

const FRESH: (Freshness, Freshness) = (Freshness::Fresh, Freshness::Fresh);
const STALE: (Freshness, Freshness) = (Freshness::Stale, Freshness::Stale);

#[test]
fn setting_another_value_marks_those_who_read_it_and_setting_the_same_does_not() {
    let it = Rates::in_memory();
    assert!(it.rates.set(&1, &5).unwrap());
    assert_eq!((it.values(1), it.values(2)), ((50, 500), (0, 0)));
    assert!(!it.rates.set(&1, &5).unwrap());
    assert_eq!(it.colours(1), FRESH);
    assert!(it.rates.set(&1, &6).unwrap());
    assert_eq!((it.colours(1), it.colours(2)), (STALE, FRESH));
    assert_eq!(it.values(1), (60, 600));
}

#[test]
fn a_key_that_was_read_before_it_had_a_value_marks_its_readers_when_it_gets_one() {
    let it = Rates::in_memory();
    assert_eq!(it.values(1), (0, 0));
    it.rates.set(&2, &5).unwrap();
    assert_eq!(it.colours(1), FRESH);
    it.rates.set(&1, &5).unwrap();
    assert_eq!(it.colours(1), STALE);
    assert_eq!(it.values(1), (50, 500));
}

#[test]
fn removing_a_value_marks_its_readers_and_removing_none_does_not() {
    let it = Rates::in_memory();
    it.rates.set(&1, &5).unwrap();
    it.values(1);
    assert!(it.rates.remove(&1).unwrap());
    assert_eq!(it.colours(1), STALE);
    assert_eq!(it.values(1), (0, 0));
    assert!(!it.rates.remove(&1).unwrap());
    assert_eq!(it.colours(1), FRESH);
    assert!(it.rates.get(&1).unwrap().is_none());
    assert!(it.rates.set(&1, &5).unwrap());
    assert_eq!((it.colours(1), it.values(1)), (STALE, (50, 500)));
}

#[test]
fn many_values_are_removed_and_their_readers_are_marked() {
    let it = Rates::in_memory();
    it.rates.set_many([(1, 5), (2, 6)]).unwrap();
    assert_eq!((it.values(1), it.values(2)), ((50, 500), (60, 600)));
    assert_eq!(it.rates.remove_many([1, 2, 3]).unwrap(), 2);
    assert_eq!(it.colours(1), (Freshness::Stale, Freshness::Stale));
    assert_eq!((it.values(1), it.values(2)), ((0, 0), (0, 0)));
    assert_eq!(it.rates.keys().count(), 0);
}

#[test]
fn many_values_are_set_at_one_revision_with_one_sync() {
    let it = Rates::in_memory();
    it.rates.set(&1, &10).unwrap();
    for key in 1..=3 {
        it.values(key);
    }
    let (syncs, revision) = (it.store.metrics().syncs, it.store.revision());
    let set = it.rates.set_many([(1, 10), (2, 20), (3, 30), (3, 31)]).unwrap();
    assert_eq!(set, 2, "one of them was the same, and of two for one key the last counts");
    assert_eq!(it.store.metrics().syncs, syncs + 1);
    assert_eq!(it.store.revision().get(), revision.get() + 1);
    assert_eq!((it.colours(1), it.colours(2), it.colours(3)), (FRESH, STALE, STALE));
    assert_eq!(it.values(3), (310, 3100));
    let keys: Vec<u32> = it.rates.keys().map(Result::unwrap).collect();
    assert_eq!(keys, [1, 2, 3]);
}

#[test]
fn values_and_their_readers_are_there_after_reopening() {
    let disk = Disk::default();
    let it = Rates::open(&disk);
    it.rates.set(&1, &5).unwrap();
    it.values(1);
    it.store.close().unwrap();
    let it = Rates::open(&disk);
    assert_eq!(it.rates.get(&1).unwrap().unwrap().to_native(), 5);
    assert_eq!(it.colours(1), FRESH);
    let before = work(&it.store);
    assert_eq!(it.values(1), (50, 500));
    assert_eq!(work(&it.store), before, "nothing was built");
    assert!(!it.rates.set(&1, &5).unwrap(), "bytes are compared with those in the file");
    assert_eq!(it.colours(1), FRESH);
    it.rates.set(&1, &6).unwrap();
    assert_eq!(it.colours(1), STALE);
}

#[test]
fn a_value_that_was_set_survives_a_crash_and_its_readers_are_marked() {
    let disk = Disk::default();
    let it = Rates::open(&disk);
    it.rates.set(&1, &5).unwrap();
    it.values(1);
    it.store.sync().unwrap();
    it.rates.set(&1, &6).unwrap();
    let after_set = after_a_crash(&disk);
    it.values(1);
    it.rates.remove(&1).unwrap();
    let after_removal = after_a_crash(&disk);
    it.store.close().unwrap();

    let next = Rates::open(&after_set);
    assert_eq!(next.rates.get(&1).unwrap().unwrap().to_native(), 6);
    assert_eq!(next.colours(1), STALE);
    assert_eq!(next.values(1), (60, 600));
    let next = Rates::open(&after_removal);
    assert!(next.rates.get(&1).unwrap().is_none());
    assert_eq!(next.colours(1), STALE);
    assert_eq!(next.values(1), (0, 0));
}

#[test]
fn a_value_set_while_it_is_read_makes_what_was_built_from_it_stale() {
    let store = still::in_memory().unwrap();
    let rates = store.input::<u32, u64>("rates").unwrap();
    rates.set(&1, &5).unwrap();
    let (read, runs) = (rates.clone(), super::world::Outside::default());
    let view = store.view::<u32, u64>("v").build(move |cx, id, _| {
        let rate = cx.input(&read, id)?.unwrap().to_native();
        if runs.count() == 0 {
            let setting = read.clone();
            std::thread::spawn(move || setting.set(&1, &6).unwrap()).join().unwrap();
        }
        Ok(rate)
    });
    let view = view.unwrap();
    let first = view.get(&1, NOW).unwrap();
    assert_eq!((first.to_native(), first.freshness()), (5, Freshness::Overtaken));
    assert_eq!(value(&view, 1), 6);
}

#[test]
fn an_input_is_set_neither_inside_a_build_nor_in_a_store_that_is_only_read() {
    let disk = Disk::default();
    let it = Rates::open(&disk);
    it.rates.set(&1, &5).unwrap();
    let setting = it.rates.clone();
    let view = it.store.view::<u32, u64>("sets").build(move |_, id, _| {
        setting.set(id, &7)?;
        Ok(0)
    });
    let error = view.unwrap().get(&1, NOW).unwrap_err();
    assert!(error.to_string().contains("inside a build"), "{error}");
    assert_eq!(it.rates.get(&1).unwrap().unwrap().to_native(), 5);
    it.store.close().unwrap();
    let it = Rates::of(Store::open_backend(disk.backend(), read_only()).unwrap());
    assert_eq!(it.rates.set(&1, &7).unwrap_err().kind(), ErrorKind::Input);
    assert_eq!(it.rates.remove(&1).unwrap_err().kind(), ErrorKind::Input);
    assert_eq!(it.rates.get(&1).unwrap().unwrap().to_native(), 5);
}

#[test]
fn all_values_whose_keys_begin_so_are_removed_and_no_others() {
    let store = still::in_memory().unwrap();
    let meters = store.input::<(u32, u32), u64>("meters").unwrap();
    meters.set_many([((1, 1), 1), ((1, 2), 2), ((2, 1), 3)]).unwrap();
    assert_eq!(meters.remove_prefix(&(1,)).unwrap(), 2);
    let left: Vec<_> = meters.keys().map(Result::unwrap).collect();
    assert_eq!(left, [(2, 1)]);
}
