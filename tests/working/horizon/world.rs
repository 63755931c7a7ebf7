//! Patios in Stockholm, in a store in which one piece of work is done at a time.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use crate::common::disk::Disk;
use crate::common::still;
use tidetable::report::Worked;
use tidetable::{
    DailyWindow, Error, Event, Grid, Horizon, ManualClock, Observer, Options, Retry, Span, Store,
    TimeRange, Timestamp, View, ViewDefinition, local_day,
};

pub(crate) const STOCKHOLM: &str = "Europe/Stockholm";

/// An instant as people write it: "2026-03-27T12:00Z".
pub(crate) fn at(instant: &str) -> Timestamp {
    instant.parse::<jiff::Timestamp>().unwrap().into()
}

/// The local day of an instant.
pub(crate) fn day(instant: &str) -> TimeRange {
    local_day(STOCKHOLM, at(instant)).unwrap()
}

pub(crate) fn open() -> DailyWindow {
    DailyWindow::through("08:00", "20:00", STOCKHOLM).unwrap()
}

pub(crate) fn three_days() -> Horizon {
    Horizon::days(open(), 0..=2)
}

pub(crate) fn grid() -> Grid {
    Grid::minutes(10)
}

/// When the buckets of a day's hours start.
pub(crate) fn starts(day: TimeRange) -> Vec<Timestamp> {
    open().buckets(&grid(), day).map(|bucket| bucket.unwrap().start()).collect()
}

/// What was built, in order: patio, start of the bucket.
pub(crate) type Built = Vec<(u32, Timestamp)>;

#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Observer for Told {
    fn event(&self, event: &Event<'_>) {
        if let Event::HorizonFailed { .. } = event {
            self.0.lock().unwrap().push(event.to_string());
        }
    }
}

pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) built: Arc<Mutex<Built>>,
    /// The patios whose builds fail.
    pub(crate) failing: Arc<Mutex<BTreeSet<u32>>>,
    told: Arc<Told>,
    pub(crate) disk: Disk,
}

impl World {
    pub(crate) fn new(now: &str) -> Self {
        Self::on(Disk::default(), now)
    }

    /// The same with what a disk holds.
    pub(crate) fn on(disk: Disk, now: &str) -> Self {
        let clock = Arc::new(ManualClock::new(at(now)));
        let told = Arc::new(Told::default());
        let store = open_store(&disk, &clock, &told);
        let (built, failing) = Default::default();
        Self { store, clock, built, failing, told, disk }
    }

    /// Closes the store and opens it again.
    pub(crate) fn reopen(self) -> Self {
        self.store.close().unwrap();
        let store = open_store(&self.disk, &self.clock, &self.told);
        Self { store, ..self }
    }

    /// A view of which nothing is said of days yet.
    pub(crate) fn definition(&self, name: &str) -> ViewDefinition<u32, u64> {
        let retry = Retry { attempts: 3, first: Span::seconds(10), most: Span::seconds(100) };
        self.store.view(name).grid(grid()).retry(retry).without_breaker()
    }

    pub(crate) fn build(&self, definition: ViewDefinition<u32, u64>) -> View<u32, u64> {
        let (built, failing) = (self.built.clone(), self.failing.clone());
        let view = definition.build(move |cx, patio, bucket| {
            cx.depends_on(("cloud", *patio));
            if failing.lock().unwrap().contains(patio) {
                return Err("told to fail".into());
            }
            built.lock().unwrap().push((*patio, bucket.start()));
            Ok(u64::from(*patio))
        });
        view.unwrap()
    }

    /// A view that keeps these days filled for so many patios.
    pub(crate) fn sun(&self, horizon: Horizon, patios: u32) -> View<u32, u64> {
        self.build(self.definition("sun").horizon(horizon, move || 0..patios))
    }

    pub(crate) fn next(&self) -> Option<Worked> {
        self.store.build_next().unwrap()
    }

    /// Does all the work there is; what was built.
    pub(crate) fn all(&self) -> Built {
        self.built.lock().unwrap().clear();
        while self.next().is_some() {}
        std::mem::take(&mut *self.built.lock().unwrap())
    }

    /// The same, and what failed.
    pub(crate) fn failed(&self) -> Vec<Error> {
        std::iter::from_fn(|| self.next()).flat_map(|worked| worked.failed).collect()
    }

    pub(crate) fn set(&self, now: &str) {
        self.clock.set(at(now));
    }

    /// What was told of horizons that could not be begun.
    pub(crate) fn told(&self) -> Vec<String> {
        std::mem::take(&mut *self.told.0.lock().unwrap())
    }
}

fn open_store(disk: &Disk, clock: &Arc<ManualClock>, told: &Arc<Told>) -> Store {
    let options =
        Options { clock: clock.clone(), observer: Some(told.clone()), ..still::options() };
    Store::open_backend(disk.backend(), options).unwrap()
}

/// Each of some patios in each of some buckets, patio by patio.
pub(crate) fn each(patios: std::ops::Range<u32>, starts: &[Timestamp]) -> Built {
    patios.flat_map(|patio| starts.iter().map(move |start| (patio, *start))).collect()
}
