//! The city with its store.

use std::mem;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread;

use tidetable::report::RunStatus;
use tidetable::{Options, Refresh, Span, Store, TimeRange};

use crate::arguments::Arguments;
use crate::calendar::{CityClock, at, days_from};
use crate::city::{City, SharedCity, generate};
use crate::polygon::Convex;
use crate::shadow::Method;
use crate::views::Views;

/// The city with its store.
pub(crate) struct World {
    pub(crate) city: SharedCity,
    /// The patio whose survey is not to be found, and what is in it.
    pub(crate) lost: u32,
    pub(crate) survey: Vec<Convex>,
    pub(crate) clock: Arc<CityClock>,
    pub(crate) method: Method,
    /// Today and the days ahead, as they were when it began.
    pub(crate) days: Vec<TimeRange>,
    pub(crate) path: PathBuf,
    pub(crate) store: Store,
    pub(crate) views: Views,
}

impl World {
    /// Generates the city and opens an empty store in `folder`, at midnight.
    pub(crate) fn found(arguments: &Arguments, folder: &Path) -> crate::Outcome<Self> {
        let Arguments { patios, buildings, seed, date, .. } = *arguments;
        let mut city = generate(seed, buildings, patios);
        let lost = patios / 3;
        let survey = mem::take(&mut city.patios[lost as usize].ground);
        let city = Arc::new(RwLock::new(city));
        let midnight = at(date, 0, 0)?;
        let clock = Arc::new(CityClock::showing(midnight));
        let method = Method::AtTheStart;
        let path = folder.join("city.tide");
        let (store, views) = open(&path, options(&clock), &city, method)?;
        let days = days_from(midnight)?;
        Ok(Self { city, lost, survey, clock, method, days, path, store, views })
    }

    /// Closes the store and opens it again, as a program that is started anew. With `warm_up` what was
    /// read most comes back into memory by itself.
    pub(crate) fn restart(&mut self, warm_up: bool) -> tidetable::Result<()> {
        self.store.close()?;
        let options = Options { warm_up, ..options(&self.clock) };
        (self.store, self.views) = open(&self.path, options, &self.city, self.method)?;
        Ok(())
    }

    /// Defines the views with another method, in the same opening.
    pub(crate) fn change_method(&mut self, method: Method) -> tidetable::Result<()> {
        self.method = method;
        self.views = Views::define(&self.store, &self.city, method)?;
        Ok(())
    }

    pub(crate) fn city(&self) -> RwLockReadGuard<'_, City> {
        self.city.read().expect("nobody panics with the city in hand")
    }

    pub(crate) fn city_to_change(&self) -> RwLockWriteGuard<'_, City> {
        self.city.write().expect("nobody panics with the city in hand")
    }

    pub(crate) fn patios(&self) -> u32 {
        self.city().patios.len() as u32
    }

    /// Waits until everything that is there is fresh.
    pub(crate) fn settle(&self) -> tidetable::Result<RunStatus> {
        self.store.refresh(&Refresh::lacking())?.wait()
    }
}

fn options(clock: &Arc<CityClock>) -> Options {
    Options {
        clock: clock.clone(),
        builders: thread::available_parallelism().map_or(1, |cores| cores.get().min(64)),
        // This program has nothing better to do than to build, from the start.
        background_ramp: Span::ZERO,
        ..Options::default()
    }
}

fn open(
    path: &Path,
    options: Options,
    city: &SharedCity,
    method: Method,
) -> tidetable::Result<(Store, Views)> {
    let store = Store::open_with(path, options)?;
    let views = Views::define(&store, city, method)?;
    Ok((store, views))
}
