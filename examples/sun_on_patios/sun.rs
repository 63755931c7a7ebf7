//! Where the sun stands.
//!
//! The algorithm is NREL's: Ibrahim Reda and Afshin Andreas, "Solar Position Algorithm for Solar
//! Radiation Applications", NREL/TP-560-34302, revised January 2008. Its periodic terms below three
//! ten-thousandths of a degree are left out, which leaves it right to two thousandths of a degree
//! in the years 1990 to 2040: the tests hold it against the published example and against values of
//! the whole algorithm. Light is bent by the air as the report's equation 42 says.

use std::f64::consts::PI;

use tidetable::Timestamp;

use crate::polygon::Point;

/// A place on the Earth, and its air.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// Degrees north.
    pub(crate) latitude: f64,
    /// Degrees east.
    pub(crate) longitude: f64,
    /// The yearly mean of the air's pressure, in millibars.
    pub(crate) pressure: f64,
    /// The yearly mean of the temperature, in degrees Celsius.
    pub(crate) temperature: f64,
}

/// Where the sun stands in the sky, in degrees.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sun {
    /// Above the horizon, as the eye sees it through the air.
    pub(crate) elevation: f64,
    /// From north by way of east.
    pub(crate) azimuth: f64,
}

impl Sun {
    pub(crate) fn at(instant: Timestamp, place: Place) -> Self {
        let days = instant.as_millis() as f64 / DAY_MS - DAYS_TO_2000;
        let millennia = (days + EARTH_IS_LATE_S / 86400.0) / 365250.0;
        let centuries = millennia * 10.0;

        // The sun as seen from the Earth's middle: its longitude, and how far away it is.
        let longitude = series(&LONGITUDE, millennia) + PI;
        let distance = series(&DISTANCE, millennia);

        // How the Earth's axis nods, mostly after the moon.
        let node = (125.04452 - 1934.136261 * centuries).to_radians();
        let moon = (218.3165 + 481267.8813 * centuries).to_radians();
        let nod =
            (-17.20 * node.sin() - 1.32 * (2.0 * longitude).sin() - 0.23 * (2.0 * moon).sin()
                + 0.21 * (2.0 * node).sin())
                / 3600.0;
        let tilt = (9.20 * node.cos() + 0.57 * (2.0 * longitude).cos() + 0.10 * (2.0 * moon).cos()
            - 0.09 * (2.0 * node).cos())
            / 3600.0;
        let obliquity = (23.4392911 - 0.0130042 * centuries + tilt).to_radians();

        // Its light is eight minutes old.
        let aberration = 20.4898 / 3600.0 / distance;
        let apparent = longitude + (nod - aberration).to_radians();
        let ascension = (obliquity.cos() * apparent.sin()).atan2(apparent.cos());
        let declination = (obliquity.sin() * apparent.sin()).asin();

        let sidereal = 280.46061837 + 360.98564736629 * days + nod * obliquity.cos();
        let hour = (sidereal + place.longitude).to_radians() - ascension;
        let latitude = place.latitude.to_radians();
        let height = (latitude.sin() * declination.sin()
            + latitude.cos() * declination.cos() * hour.cos())
        .asin();
        let azimuth = hour
            .sin()
            .atan2(hour.cos() * latitude.sin() - declination.tan() * latitude.cos())
            .to_degrees();

        // Seen from the ground rather than from the Earth's middle it stands a little lower.
        let height = height.to_degrees() - 8.794 / 3600.0 / distance * height.cos();
        Self { elevation: height + refraction(height, place), azimuth: azimuth + 180.0 }
    }

    /// The way on the ground from a point so many metres up to its shadow.
    pub(crate) fn shadow_of(self, height: f64) -> Point {
        let length = height / self.elevation.to_radians().tan();
        let azimuth = self.azimuth.to_radians();
        Point { x: -azimuth.sin() * length, y: -azimuth.cos() * length }
    }
}

/// By how much the air lifts what stands so high. Nothing where the sun is well below the horizon.
fn refraction(elevation: f64, place: Place) -> f64 {
    if elevation < -1.0 {
        return 0.0;
    }
    let air = place.pressure / 1010.0 * 283.0 / (273.0 + place.temperature);
    let seen = elevation + 10.3 / (elevation + 5.11);
    air * 1.02 / (60.0 * seen.to_radians().tan())
}

const DAY_MS: f64 = 86400000.0;
/// From 1970-01-01 0 h to 2000-01-01 12 h.
const DAYS_TO_2000: f64 = 10957.5;
/// By how much the Earth's turning has fallen behind even time, in seconds. It changes by some
/// seconds in a decade, in which the sun moves by a ten-thousandth of a degree.
const EARTH_IS_LATE_S: f64 = 69.0;

/// A cos(B + C t), by the power of t, the millennia since 2000, with which the terms are multiplied.
type Series<'a> = [&'a [(f64, f64, f64)]];

fn series(series: &Series<'_>, millennia: f64) -> f64 {
    let sum = |terms: &[(f64, f64, f64)]| -> f64 {
        terms.iter().map(|(a, b, c)| a * (b + c * millennia).cos()).sum()
    };
    series.iter().rev().fold(0.0, |higher, terms| higher * millennia + sum(terms)) / 1e8
}

/// The Earth's longitude as seen from the sun, in units of 10^-8 radians: L0, L1, L2 of table A4.2.
const LONGITUDE: [&[(f64, f64, f64)]; 3] = [
    &[
        (175347046.0, 0.0, 0.0),
        (3341656.0, 4.6692568, 6283.07585),
        (34894.0, 4.6261, 12566.1517),
        (3497.0, 2.7441, 5753.3849),
        (3418.0, 2.8289, 3.5231),
        (3136.0, 3.6277, 77713.7715),
        (2676.0, 4.4181, 7860.4194),
        (2343.0, 6.1352, 3930.2097),
        (1324.0, 0.7425, 11506.7698),
        (1273.0, 2.0371, 529.691),
        (1199.0, 1.1096, 1577.3435),
        (990.0, 5.233, 5884.927),
        (902.0, 2.045, 26.298),
        (857.0, 3.508, 398.149),
        (780.0, 1.179, 5223.694),
        (753.0, 2.533, 5507.553),
        (505.0, 4.583, 18849.228),
    ],
    &[(628331966747.0, 0.0, 0.0), (206059.0, 2.678235, 6283.07585), (4303.0, 2.6351, 12566.1517)],
    &[(52919.0, 0.0, 0.0), (8720.0, 1.0721, 6283.0758)],
];

/// How far the Earth is from the sun, in units of 10^-8 of the mean: R0 of table A4.2.
const DISTANCE: [&[(f64, f64, f64)]; 1] = [&[
    (100013989.0, 0.0, 0.0),
    (1670700.0, 3.0984635, 6283.07585),
    (13956.0, 3.05525, 12566.1517),
]];

#[cfg(test)]
mod tests {
    use super::*;

    /// Degrees by which a value may differ from a reference.
    const TOLERANCE: f64 = 0.01;

    fn at(instant: &str) -> Timestamp {
        instant.parse().unwrap()
    }

    #[test]
    fn the_sun_stands_where_the_published_example_has_it() {
        // Reda and Andreas, appendix A.5.
        let golden =
            Place { latitude: 39.742476, longitude: -105.1786, pressure: 820.0, temperature: 11.0 };
        let sun = Sun::at(at("2003-10-17T12:30:30-07:00"), golden);
        assert!((90.0 - sun.elevation - 50.11162).abs() < TOLERANCE, "{sun:?}");
        assert!((sun.azimuth - 194.34024).abs() < TOLERANCE, "{sun:?}");
        // It is much nearer than it has to be.
        assert!((90.0 - sun.elevation - 50.11162).abs() < 0.001, "{sun:?}");
        assert!((sun.azimuth - 194.34024).abs() < 0.001, "{sun:?}");
    }

    #[test]
    fn the_sun_stands_where_the_whole_algorithm_has_it() {
        // Instant, latitude, longitude, and what pvlib 0.16.1's `spa_python` gives for 1010 mbar
        // and 10 degrees: elevation as seen, azimuth.
        let references = [
            ("1992-10-13T00:00:00Z", 57.70887, 11.97456, -38.6684, 19.6942),
            ("2026-03-28T07:00:00Z", 57.70887, 11.97456, 16.0700, 110.5834),
            ("2026-03-29T11:10:00Z", 57.70887, 11.97456, 35.7738, 177.8944),
            ("2026-06-21T11:13:00Z", 57.70887, 11.97456, 55.7388, 179.6284),
            ("2026-06-21T18:00:00Z", 57.70887, 11.97456, 13.8598, 292.2166),
            ("2026-12-21T09:30:00Z", 57.70887, 11.97456, 6.3282, 157.0175),
            ("2035-09-23T06:00:00Z", 64.1466, -21.9426, -8.6283, 71.8105),
            ("2040-02-29T20:00:00Z", -33.8688, 151.2093, 2.8767, 97.2662),
            ("2024-03-20T15:00:00Z", 0.0, -30.0, 76.8199, 270.8591),
            ("1985-07-04T19:45:00Z", 40.7128, -74.006, 51.1974, 255.3432),
        ];
        for (instant, latitude, longitude, elevation, azimuth) in references {
            let place = Place { latitude, longitude, pressure: 1010.0, temperature: 10.0 };
            let sun = Sun::at(at(instant), place);
            assert!((sun.elevation - elevation).abs() < TOLERANCE, "{instant}: {sun:?}");
            assert!((sun.azimuth - azimuth).abs() < TOLERANCE, "{instant}: {sun:?}");
        }
    }

    #[test]
    fn a_shadow_falls_away_from_the_sun_and_grows_as_it_sinks() {
        let shadow = Sun { elevation: 45.0, azimuth: 90.0 }.shadow_of(10.0);
        assert!((shadow.x + 10.0).abs() < 1e-9 && shadow.y.abs() < 1e-9, "{shadow:?}");
        let shadow = Sun { elevation: 5.0, azimuth: 180.0 }.shadow_of(10.0);
        assert!(shadow.y > 114.0 && shadow.x.abs() < 1e-9, "{shadow:?}");
    }
}
