//! The same answers without the store: every patio, every ten minutes, every house of the city.
//!
//! Nothing is looked up here by where it lies: no index, no lots, no dependencies. So what the views
//! hold is held against all that there is.

use std::collections::BTreeSet;
use std::fmt;
use std::thread;

use tidetable::{Bucket, Timestamp};

use crate::Outcome;
use crate::calendar::open_buckets;
use crate::city::{City, House, LEGAL_HEIGHT, Patio, SKYLINE};
use crate::polygon::Bounds;
use crate::records::{BestHour, Exposure, State, SunnyPatios};
use crate::report::count;
use crate::shadow::{Method, exposure};
use crate::views::whole_hours;
use crate::world::World;

/// What holding the exposures against the city came to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Compared {
    pub(crate) records: u64,
    /// Records that are fresh and not what the city says, and such as should not be there.
    pub(crate) wrong: u64,
    /// Records that are not there, and should be.
    pub(crate) missing: u64,
    /// Records that are there and not fresh.
    pub(crate) not_fresh: u64,
}

/// Computes every exposure of some ten minutes anew and holds the view's against it, on all cores.
pub(crate) fn compare(world: &World, buckets: &[Bucket]) -> tidetable::Result<Compared> {
    let city: &City = &world.city();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let share = buckets.len().div_ceil(cores).max(1);
    thread::scope(|scope| {
        let part = |buckets| scope.spawn(move || compare_part(world, city, buckets));
        let parts: Vec<_> = buckets.chunks(share).map(part).collect();
        let mut all = Compared::default();
        for part in parts {
            let part = part.join().expect("comparing does not panic")?;
            all.records += part.records;
            all.wrong += part.wrong;
            all.missing += part.missing;
            all.not_fresh += part.not_fresh;
        }
        Ok(all)
    })
}

/// The same for some exposures, by patio and the beginning of their ten minutes: all are read first,
/// as they are at this moment, and then computed.
pub(crate) fn compare_some(world: &World, which: &BTreeSet<(u32, Timestamp)>) -> Outcome<Compared> {
    let view = &world.views.exposure;
    let read = |(patio, begin): &(u32, Timestamp)| Ok((*patio, view.peek(patio, *begin)?));
    let records: Vec<_> = which.iter().map(read).collect::<tidetable::Result<_>>()?;
    let (city, mut compared) = (world.city(), Compared::default());
    for (patio, record) in records {
        let record = record.ok_or("a record is missing")?;
        let sun = world.method.sun(record.bucket());
        let expected = exposure(city.patio(patio), sun, city.houses())?;
        compared.note(record.is_fresh(), *record.archived() == expected);
    }
    Ok(compared)
}

fn compare_part(world: &World, city: &City, buckets: &[Bucket]) -> tidetable::Result<Compared> {
    let mut compared = Compared::default();
    let houses: Vec<(&House, Bounds)> =
        city.houses().map(|house| (house, house.footprint.bounds())).collect();
    for bucket in buckets {
        let expected = every_patio(city, world.method, *bucket, &houses);
        for (patio, expected) in (0..).zip(expected) {
            let record = world.views.exposure.peek(&patio, bucket.start())?;
            match (record, expected) {
                (Some(record), Some(expected)) => {
                    compared.records += 1;
                    compared.not_fresh += u64::from(!record.is_fresh());
                    let is_right = *record.archived() == expected;
                    compared.wrong += u64::from(record.is_fresh() && !is_right);
                }
                (None, Some(_)) => compared.missing += 1,
                (Some(_), None) => compared.wrong += 1,
                (None, None) => {}
            }
        }
    }
    Ok(compared)
}

/// By number; `None` for a patio that has no ground.
fn every_patio(
    city: &City,
    method: Method,
    bucket: Bucket,
    houses: &[(&House, Bounds)],
) -> Vec<Option<Exposure>> {
    let sun = method.sun(bucket);
    let shadows: Vec<Bounds> = if sun.elevation < SKYLINE {
        Vec::new()
    } else {
        let shadow = |(house, at): &(&House, Bounds)| at.swept(sun.shadow_of(house.height));
        houses.iter().map(shadow).collect()
    };
    let of_patio = |patio: &Patio| {
        let ground = patio.bounds();
        let near = shadows.iter().zip(houses).filter(|(shadow, _)| shadow.touches(&ground));
        exposure(patio, sun, near.map(|(_, (house, _))| *house)).ok()
    };
    city.patios.iter().map(of_patio).collect()
}

/// Where a house of the legal height, on all of a lot, would reach: the patios, and when.
pub(crate) fn reach(
    city: &City,
    lot: u32,
    method: Method,
    buckets: &[Bucket],
) -> BTreeSet<(u32, Timestamp)> {
    let outline = &city.lot(lot).outline;
    let mut reached = BTreeSet::new();
    for bucket in buckets {
        let sun = method.sun(*bucket);
        if sun.elevation < SKYLINE {
            continue;
        }
        let shadow = outline.swept(sun.shadow_of(LEGAL_HEIGHT));
        for (number, patio) in (0..).zip(&city.patios) {
            if patio.ground.iter().any(|piece| shadow.touches(piece)) {
                reached.insert((number, bucket.start()));
            }
        }
    }
    reached
}

/// Computes what stands above the exposures anew, from those as they are in the store, and holds the
/// two views against it.
pub(crate) fn compare_above(world: &World) -> Outcome<Compared> {
    let (views, mut compared) = (&world.views, Compared::default());
    for day in &world.days {
        let begins: Vec<Timestamp> =
            open_buckets(*day)?.into_iter().map(|bucket| bucket.start()).collect();
        // Patio -> how much of it is in the sun, and whether it is sunny, at each of them.
        let mut light: Vec<Vec<(u32, bool)>> = Vec::new();
        for patio in 0..world.patios() {
            let at = |begin: &Timestamp| -> Outcome<(u32, bool)> {
                let record = views.exposure.peek(&patio, *begin)?.ok_or("a record is missing")?;
                Ok((record.percent.into(), record.state == State::Sunny))
            };
            light.push(begins.iter().map(at).collect::<Outcome<_>>()?);
        }
        for (patio, light) in (0..).zip(&light) {
            let record = views.best_hour.get(&patio, day.start())?;
            compared.note(record.is_fresh(), *record.archived() == best_hour(&begins, light));
        }
        for district in districts(world) {
            let of_district =
                |(patio, _): &(usize, _)| world.city().patios[*patio].district == district;
            let light: Vec<_> =
                light.iter().enumerate().filter(of_district).map(|(_, light)| light).collect();
            for (first, record) in &views.sunny_patios.range(&district, whole_hours(*day)?)? {
                let hour = begins.iter().position(|begin| *begin == first.start());
                let hour = hour.ok_or("an hour begins at no ten minutes")?;
                let sunny = light.iter().filter(|light| {
                    light[hour..hour + 6].iter().filter(|(_, sunny)| *sunny).count() >= 3
                });
                let (patios, sunny) = (light.len() as u16, sunny.count() as u16);
                compared.note(true, *record == SunnyPatios { patios, sunny });
            }
        }
    }
    Ok(compared)
}

fn best_hour(begins: &[Timestamp], light: &[(u32, bool)]) -> BestHour {
    let mut best = (0, 0);
    for hour in 0..light.len() - 5 {
        let sum: u32 = light[hour..hour + 6].iter().map(|(percent, _)| percent).sum();
        if hour == 0 || sum > best.1 {
            best = (hour, sum);
        }
    }
    let sunny = light.iter().filter(|(_, sunny)| *sunny).count();
    BestHour {
        begins: begins[best.0].as_millis(),
        percent: (best.1 / 6) as u8,
        sunny_minutes: 10 * sunny as u16,
    }
}

/// The districts that have patios.
pub(crate) fn districts(world: &World) -> BTreeSet<u16> {
    world.city().patios.iter().map(|patio| patio.district).collect()
}

impl Compared {
    fn note(&mut self, is_fresh: bool, is_right: bool) {
        self.records += 1;
        self.not_fresh += u64::from(!is_fresh);
        self.wrong += u64::from(is_fresh && !is_right);
    }

    /// Whether everything is there, fresh and right.
    pub(crate) fn is_whole(&self) -> bool {
        self.records > 0 && self.wrong + self.missing + self.not_fresh == 0
    }
}

impl fmt::Display for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { records, wrong, missing, not_fresh } = *self;
        let records = count(records);
        write!(f, "{records} records, {wrong} wrong, {missing} missing, {not_fresh} not fresh")
    }
}
