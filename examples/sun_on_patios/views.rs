//! The three views: the sun on each patio, the best hour of its day, and how many patios of a
//! district are sunny.

use tidetable::{
    BuildError, DailyWindow, Grid, Horizon, Result, Retry, Span, Store, TimeRange, Timeline, View,
};

use crate::calendar::{DAYS_AHEAD, grid, open, open_hours};
use crate::city::{SKYLINE, SharedCity, ZONE};
use crate::records::{BestHour, Exposure, State, SunnyPatios};
use crate::shadow::{Method, exposure};

/// The views, as one opening of the store has them.
#[derive(Clone)]
pub(crate) struct Views {
    /// By patio and ten minutes.
    pub(crate) exposure: View<u32, Exposure>,
    /// By patio and day.
    pub(crate) best_hour: View<u32, BestHour>,
    /// By district and hour.
    pub(crate) sunny_patios: View<u16, SunnyPatios>,
}

impl Views {
    pub(crate) fn define(store: &Store, city: &SharedCity, method: Method) -> Result<Self> {
        let exposure = define_exposure(store, city, method, open()?)?;
        let best_hour = define_best_hour(store, &exposure)?;
        let sunny_patios = define_sunny_patios(store, city, &exposure)?;
        Ok(Self { exposure, best_hour, sunny_patios })
    }

    /// The patio that has most of everything in a day: it is longest in the sun, in part of it and in
    /// the shade.
    pub(crate) fn most_varied(&self, patios: u32, day: TimeRange) -> Result<u32> {
        let mut best = (0, 0);
        for patio in 0..patios {
            let light = self.exposure.range(&patio, open_hours(day)?)?;
            let many = |state| light.iter().filter(|(_, it)| it.state == state).count();
            let least = many(State::Sunny).min(many(State::Partial)).min(many(State::Shaded));
            best = best.max((least, patio));
        }
        Ok(best.1)
    }
}

fn define_exposure(
    store: &Store,
    city: &SharedCity,
    method: Method,
    open: DailyWindow,
) -> Result<View<u32, Exposure>> {
    let patios = city.read().expect("nobody panics with the city in hand").patios.len() as u32;
    let city = city.clone();
    store
        .view("sun_exposure")
        .grid(grid())
        .version(method.version())
        .retain(Span::days(3))
        .horizon(Horizon::days(open, 0..=DAYS_AHEAD), move || 0..patios)
        // A survey that is lost is not found by looking again, and is no reason to hold others back.
        .retry(Retry { attempts: 1, ..Retry::default() })
        .without_breaker()
        .build(move |cx, &number, bucket| {
            let city = city.read().expect("nobody panics with the city in hand");
            cx.depends_on(("patio", number));
            let (patio, sun) = (city.patio(number), method.sun(bucket));
            let lots =
                if sun.elevation < SKYLINE { Vec::new() } else { city.lots_towards(sun, patio) };
            lots.iter().for_each(|lot| cx.depends_on(("lot", *lot)));
            let houses = lots.iter().flat_map(|lot| &city.lot(*lot).houses);
            Ok(exposure(patio, sun, houses)?)
        })
}

/// Six times ten minutes.
const HOUR: usize = 6;

fn define_best_hour(store: &Store, exposure: &View<u32, Exposure>) -> Result<View<u32, BestHour>> {
    let exposure = exposure.clone();
    let definition = store.view("best_hour").grid(Grid::daily(ZONE)).retain(Span::days(3));
    definition.without_breaker().build(move |cx, patio, day| {
        let timeline = cx.range(&exposure, patio, open_hours(day.range())?)?;
        let light: Vec<_> = timeline.iter().map(|(bucket, it)| (bucket.start(), it)).collect();
        let sunny = light.iter().filter(|(_, it)| it.state == State::Sunny).count();
        let sum = |hour: &[(_, &<Exposure as rkyv::Archive>::Archived)]| -> u32 {
            hour.iter().map(|(_, it)| u32::from(it.percent)).sum()
        };
        // Of hours that are equally good the first.
        let best = light.windows(HOUR).rev().max_by_key(|hour| sum(hour));
        let best = best.ok_or_else(|| BuildError::new("the day has no hour"))?;
        Ok(BestHour {
            begins: best[0].0.as_millis(),
            percent: (sum(best) / HOUR as u32) as u8,
            sunny_minutes: 10 * sunny as u16,
        })
    })
}

fn define_sunny_patios(
    store: &Store,
    city: &SharedCity,
    exposure: &View<u32, Exposure>,
) -> Result<View<u16, SunnyPatios>> {
    let (city, exposure) = (city.clone(), exposure.clone());
    let definition = store.view("sunny_patios").grid(Grid::hourly(ZONE)).retain(Span::days(3));
    definition.without_breaker().build(move |cx, &district, hour| {
        cx.depends_on(("district", district));
        let patios = patios_of(&city, district);
        let mut sunny = 0;
        for patio in &patios {
            sunny += u16::from(is_sunny(&cx.range(&exposure, patio, hour.range())?));
        }
        Ok(SunnyPatios { patios: patios.len() as u16, sunny })
    })
}

/// The patios of a district, by number.
pub(crate) fn patios_of(city: &SharedCity, district: u16) -> Vec<u32> {
    let city = city.read().expect("nobody panics with the city in hand");
    let patios = (0..).zip(&city.patios).filter(|(_, patio)| patio.district == district);
    patios.map(|(number, _)| number).collect()
}

fn is_sunny(hour: &Timeline<Exposure>) -> bool {
    let sunny = hour.iter().filter(|(_, it)| it.state == State::Sunny).count();
    2 * sunny >= hour.len()
}

/// The hours of a day that the horizon fills: `20:00` has only its first ten minutes.
pub(crate) fn whole_hours(day: TimeRange) -> Result<TimeRange> {
    let open = open_hours(day)?;
    let last = open.end() - Span::minutes(10);
    Ok(TimeRange::new(open.start(), last))
}
