//! A small world: a number outside the store, a view that reads it, and a view above that.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tidetable::{Freshness, Options, Store, Timestamp, View};

use crate::common::disk::{Cut, Disk, Images};
use crate::common::record::patient;

/// The views are without time: any instant will do.
pub(crate) const NOW: Timestamp = Timestamp::EPOCH;

/// A number that the application owns, outside the store.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outside(Arc<AtomicU64>);

impl Outside {
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Ordering::SeqCst);
    }

    /// Adds one, and says how many there were.
    pub(crate) fn count(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst)
    }
}

/// `direct` reads the number and says so, `above` reads `direct`.
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) outside: Outside,
    pub(crate) direct: View<u32, u64>,
    pub(crate) above: View<u32, u64>,
}

impl World {
    /// Defines the views in a store.
    pub(crate) fn of(store: Store, outside: &Outside) -> Self {
        let seen = outside.clone();
        let direct = store
            .view::<u32, u64>("direct")
            .build(move |cx, id, _| {
                cx.depends_on(("outside", *id));
                Ok(seen.get())
            })
            .unwrap();
        let read = direct.clone();
        let above = store
            .view::<u32, u64>("above")
            .build(move |cx, id, _| Ok(cx.get(&read, id, NOW)?.to_native() + 1000))
            .unwrap();
        Self { store, outside: outside.clone(), direct, above }
    }

    pub(crate) fn in_memory() -> Self {
        // Without a timer that syncs meanwhile: commits and syncs are counted.
        Self::of(Store::in_memory_with(patient()).unwrap(), &Outside::default())
    }

    /// Opens what a disk holds.
    pub(crate) fn open(disk: &Disk, outside: &Outside) -> Self {
        Self::of(Store::open_backend(disk.backend(), patient()).unwrap(), outside)
    }

    /// The colours of an entity's two records.
    pub(crate) fn colours(&self, entity: u32) -> (Freshness, Freshness) {
        (colour(&self.direct, entity), colour(&self.above, entity))
    }
}

/// Reads a record, which has to be fresh.
pub(crate) fn value(view: &View<u32, u64>, entity: u32) -> u64 {
    let record = view.get(&entity, NOW).unwrap();
    assert_eq!(record.freshness(), Freshness::Fresh);
    record.to_native()
}

/// Reads the records of some entities, which have to be fresh.
pub(crate) fn read_all(view: &View<u32, u64>, entities: impl IntoIterator<Item = u32>) {
    for entity in entities {
        value(view, entity);
    }
}

/// What is to be believed of a record that is there.
pub(crate) fn colour(view: &View<u32, u64>, entity: u32) -> Freshness {
    view.peek(&entity, NOW).unwrap().expect("there is a record").freshness()
}

/// What is left of a disk that began empty when power is cut now: all that was synced.
pub(crate) fn after_a_crash(disk: &Disk) -> Disk {
    let calls = disk.calls();
    Disk::holding(Images::new(Vec::new(), &calls).after(calls.len(), Cut::Unsynced))
}

pub(crate) fn read_only() -> Options {
    Options { create: false, read_only: true, ..patient() }
}

/// How many build functions have run to a record, and how many records were spared.
pub(crate) fn work(store: &Store) -> (u64, u64) {
    let metrics = store.metrics();
    (metrics.builds, metrics.records_spared)
}
