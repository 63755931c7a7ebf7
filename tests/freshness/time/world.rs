//! A world that changes without saying so: a number outside, a view that looks at it now and then,
//! and two views above that.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use tidetable::{Freshness, ManualClock, Options, Record, Span, Store, Timestamp, View};

use crate::common::disk::Disk;
use crate::common::record::patient;

/// The views are without time: any instant will do.
pub(crate) const NOW: Timestamp = Timestamp::EPOCH;
/// How long records of `below` count.
pub(crate) const HOUR: Span = Span::hours(1);

/// A number that changes and tells nobody.
#[derive(Clone, Debug, Default)]
pub(crate) struct Weather(Arc<AtomicU64>);

impl Weather {
    pub(crate) fn get(&self) -> u64 {
        self.0.load(SeqCst)
    }

    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, SeqCst);
    }
}

/// `below` looks at the weather and expires, `middle` reads its tens, `top` reads `middle`.
pub(crate) struct World {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: Store,
    pub(crate) weather: Weather,
    pub(crate) below: View<u32, u64>,
    pub(crate) middle: View<u32, u64>,
    pub(crate) top: View<u32, u64>,
}

impl World {
    /// With nothing in it.
    pub(crate) fn new() -> Self {
        Self::open(&Disk::default(), minute(0), &Weather::default())
    }

    /// Opens what a disk holds.
    pub(crate) fn open(disk: &Disk, now: Timestamp, weather: &Weather) -> Self {
        Self::open_as(disk, now, weather, patient())
    }

    pub(crate) fn open_as(
        disk: &Disk,
        now: Timestamp,
        weather: &Weather,
        options: Options,
    ) -> Self {
        let clock = Arc::new(ManualClock::new(now));
        let options = Options { clock: clock.clone(), ..options };
        let store = Store::open_backend(disk.backend(), options).unwrap();
        let seen = weather.clone();
        let below = store.view::<u32, u64>("below").fresh_for(HOUR).refresh_ahead(Span::ZERO);
        let below = below.build(move |_, _, _| Ok(seen.get())).unwrap();
        let read = below.clone();
        let middle = store.view::<u32, u64>("middle");
        let middle = middle.build(move |cx, id, _| Ok(cx.get(&read, id, NOW)?.to_native() / 10));
        let middle = middle.unwrap();
        let read = middle.clone();
        let top = store.view::<u32, u64>("top").build(move |cx, id, _| {
            cx.depends_on(("top", *id));
            Ok(cx.get(&read, id, NOW)?.to_native() + 1000)
        });
        Self { clock, store, weather: weather.clone(), below, middle, top: top.unwrap() }
    }

    /// Goes to the instant at which the record of `below` expires.
    pub(crate) fn go_to_expiry(&self, entity: u32) -> Timestamp {
        let at = until(&self.below, entity);
        self.clock.set(at);
        at
    }

    /// The colours of an entity's records, from below.
    pub(crate) fn colours(&self, entity: u32) -> [Freshness; 3] {
        [&self.below, &self.middle, &self.top].map(|view| colour(view, entity))
    }
}

/// So many minutes after the beginning.
pub(crate) fn minute(minute: i64) -> Timestamp {
    Timestamp::from_seconds((12 * 60 + minute) * 60)
}

/// The instant so many milliseconds before.
pub(crate) fn before(at: Timestamp, millis: i64) -> Timestamp {
    at.checked_sub(Span::millis(millis)).unwrap()
}

/// What there is, whatever is to be believed of it.
pub(crate) fn peek(view: &View<u32, u64>, entity: u32) -> Record<u64> {
    view.peek(&entity, NOW).unwrap().expect("there is a record")
}

/// What is to be believed of a record that is there.
pub(crate) fn colour(view: &View<u32, u64>, entity: u32) -> Freshness {
    peek(view, entity).freshness()
}

/// From when on a record is expired.
pub(crate) fn until(view: &View<u32, u64>, entity: u32) -> Timestamp {
    peek(view, entity).fresh_until().expect("it expires")
}

/// Reads a record, which has to be fresh.
pub(crate) fn value(view: &View<u32, u64>, entity: u32) -> u64 {
    let record = view.get(&entity, NOW).unwrap();
    assert_eq!(record.freshness(), Freshness::Fresh);
    record.to_native()
}

/// How many build functions have run to a record, and how many records were spared.
pub(crate) fn work(store: &Store) -> (u64, u64) {
    let metrics = store.metrics();
    (metrics.builds, metrics.records_spared)
}
