//! Where the sun stands and what it does to a terrace: plain geometry, the same in every run.

use crate::record::Exposure;

/// Where the city is: Gothenburg.
const LATITUDE: f64 = 57.7;
const LONGITUDE: f64 = 11.97;
/// The houses around a terrace, each hiding a part of the sky.
const HOUSES: usize = 5;
const SEATS_MAX: u64 = 256;
const BUCKET_SECONDS: i64 = 600;

/// Where the sun stands through a day: the same for every terrace of the city.
pub struct Day {
    began: i64,
    buckets: Vec<(f64, f64)>,
    hours: Vec<(f64, f64)>,
}

impl Day {
    /// The day of so many buckets that begins then, in milliseconds.
    pub fn new(start: i64, buckets: u32) -> Self {
        let began = start / 1_000;
        let middle = |slot| sun(began + i64::from(slot) * BUCKET_SECONDS + BUCKET_SECONDS / 2);
        let hours = (0..24).map(|hour| sun(began + hour * 3_600));
        Self { began, buckets: (0..buckets).map(middle).collect(), hours: hours.collect() }
    }

    /// An entity's records of the day.
    pub fn exposures(&self, entity: u32) -> impl Iterator<Item = Exposure> + '_ {
        let terrace = Terrace::of(entity);
        let shines = |at: &(f64, f64)| terrace.lit(at.0, at.1) > 0.5;
        let first = self.hours.iter().position(shines).unwrap_or(0);
        let last = self.hours.iter().rposition(shines).unwrap_or(0);
        let times = [first, last].map(|hour| self.began + hour as i64 * 3_600);
        let starts = (0..).map(|slot| self.began + slot * BUCKET_SECONDS);
        self.buckets.iter().zip(starts).map(move |(sun, at)| terrace.exposure(*sun, at, times))
    }
}

struct House {
    number: u32,
    from: f64,
    wide: f64,
    distance: f64,
    height: f64,
}

impl House {
    fn hides(&self, elevation: f64) -> bool {
        (self.height / self.distance).atan().to_degrees() > elevation
    }
}

struct Terrace {
    area: f64,
    albedo: f64,
    open_sky: f64,
    seats: u64,
    houses: [House; HOUSES],
}

impl Terrace {
    fn of(entity: u32) -> Self {
        let mut noise = Noise(u64::from(entity).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let houses = std::array::from_fn(|nth| House {
            number: entity.wrapping_mul(3).wrapping_add(nth as u32) + 1,
            from: nth as f64 * 360.0 / HOUSES as f64 + noise.up_to(30.0),
            wide: 25.0 + noise.up_to(40.0),
            distance: 8.0 + noise.up_to(40.0),
            height: 6.0 + noise.up_to(18.0),
        });
        Self {
            area: 20.0 + noise.up_to(180.0),
            albedo: 0.1 + noise.up_to(0.3),
            open_sky: 0.4 + noise.up_to(0.5),
            seats: 12 + noise.up_to(SEATS_MAX as f64 - 12.0) as u64,
            houses,
        }
    }

    fn house_towards(&self, azimuth: f64) -> Option<&House> {
        self.houses.iter().find(|house| (azimuth - house.from).rem_euclid(360.0) < house.wide)
    }

    /// The share of it that is lit: the shadow's edge moves over it as the sun climbs over a roof.
    fn lit(&self, azimuth: f64, elevation: f64) -> f64 {
        if elevation <= 0.0 {
            return 0.0;
        }
        let Some(house) = self.house_towards(azimuth) else { return 1.0 };
        let shadow = house.height / elevation.to_radians().tan();
        (1.0 - (shadow - house.distance).max(0.0) / self.area.sqrt()).clamp(0.0, 1.0)
    }

    /// Seats in rows from the wall: the sun reaches the far ones first, in the morning from the left.
    fn seats_lit(&self, lit: f64, azimuth: f64) -> [u64; 4] {
        let count = (self.seats as f64 * lit).round() as u64;
        let from = if azimuth < 180.0 { 0 } else { self.seats - count };
        let mut seats = [0; 4];
        (from..from + count).for_each(|seat| seats[(seat / 64) as usize] |= 1 << (seat % 64));
        seats
    }

    fn exposure(
        &self,
        (azimuth, elevation): (f64, f64),
        at: i64,
        [since, until]: [i64; 2],
    ) -> Exposure {
        let lit = self.lit(azimuth, elevation);
        let sine = elevation.to_radians().sin().max(0.0);
        // Air takes the more the longer the way through it.
        let beam = if sine > 0.0 { 1_098.0 * sine * (-0.057 / sine).exp() } else { 0.0 };
        let hides = |house: &&House| elevation > 0.0 && house.hides(elevation);
        let house = self.house_towards(azimuth).filter(hides);
        let change = if lit > 0.0 { until } else { since };
        Exposure {
            seats: self.seats_lit(lit, azimuth),
            lit_since: since,
            lit_until: until,
            azimuth: azimuth as f32,
            elevation: elevation as f32,
            direct: (beam * lit) as f32,
            diffuse: (beam * 0.13 * self.open_sky) as f32,
            reflected: (beam * self.albedo * (1.0 - lit)) as f32,
            lit_area: (self.area * lit) as f32,
            uv_index: (11.0 * sine.powf(1.4) * lit.max(0.2)) as f32,
            obstruction: house.map_or(0, |house| house.number),
            obstruction_distance: house.map_or(0.0, |house| house.distance as f32),
            obstruction_height: house.map_or(0.0, |house| house.height as f32),
            felt_celsius: (14.0 + 9.0 * sine + 4.0 * lit) as f32,
            minutes_to_change: ((change - at).max(0) / 60).min(1_440) as u16,
            percent: (lit * 100.0).round() as u8,
            confidence: (70.0 + 29.0 * sine) as u8,
        }
    }
}

/// The sun's azimuth and elevation in degrees, good to about one of them.
fn sun(at: i64) -> (f64, f64) {
    let days = at as f64 / 86_400.0 - 10_957.5;
    let anomaly = (357.529 + 0.985_600_28 * days).to_radians();
    let longitude =
        280.459 + 0.985_647_36 * days + 1.915 * anomaly.sin() + 0.02 * (2.0 * anomaly).sin();
    let (longitude, tilt) = (longitude.to_radians(), 23.437_f64.to_radians());
    let declination = (tilt.sin() * longitude.sin()).asin();
    let ascension = (tilt.cos() * longitude.sin()).atan2(longitude.cos());
    let sidereal = (280.460_6 + 360.985_647_4 * days + LONGITUDE).to_radians();
    let hour = sidereal - ascension;
    let latitude = LATITUDE.to_radians();
    let height =
        latitude.sin() * declination.sin() + latitude.cos() * declination.cos() * hour.cos();
    let azimuth =
        hour.sin().atan2(hour.cos() * latitude.sin() - declination.tan() * latitude.cos());
    ((azimuth.to_degrees() + 180.0).rem_euclid(360.0), height.asin().to_degrees())
}

/// A small generator (xorshift), so that terraces differ and runs do not.
struct Noise(u64);

impl Noise {
    fn up_to(&mut self, most: f64) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64 * most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sun_stands_in_the_south_at_noon_and_below_the_horizon_at_midnight() {
        // 2026-06-21, 11:15 UTC: noon by the sun in Gothenburg.
        let (azimuth, elevation) = sun(1_782_000_000 + 11 * 3_600 + 15 * 60);
        assert!((azimuth - 180.0).abs() < 5.0, "{azimuth}");
        assert!((elevation - 55.7).abs() < 1.0, "{elevation}");
        assert!(sun(1_782_000_000 + 23 * 3_600 + 15 * 60).1 < 0.0);
    }
}
