//! How the sun falls on a patio among houses.

use std::fmt;

use tidetable::{Bucket, Span};

use crate::city::{House, PLACE, Patio, SKYLINE};
use crate::polygon::Convex;
use crate::records::{Exposure, State, pack};
use crate::sun::Sun;

/// How an exposure is computed. Its number is the version of the view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    /// By the sun at the beginning of the ten minutes.
    AtTheStart,
    /// By the sun in their middle, which is never more than five minutes wrong.
    InTheMiddle,
}

impl Method {
    pub(crate) fn version(self) -> u32 {
        match self {
            Self::AtTheStart => 1,
            Self::InTheMiddle => 2,
        }
    }

    pub(crate) fn sun(self, bucket: Bucket) -> Sun {
        let later = match self {
            Self::AtTheStart => Span::ZERO,
            Self::InTheMiddle => Span::minutes(5),
        };
        Sun::at(bucket.start() + later, PLACE)
    }
}

/// Nobody knows where the patio is.
#[derive(Debug)]
pub(crate) struct NoSurvey;

impl fmt::Display for NoSurvey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the survey of the patio has no ground")
    }
}

impl std::error::Error for NoSurvey {}

/// How the sun falls on a patio, with those houses around it that may matter, in the order of their
/// lots.
pub(crate) fn exposure<'a>(
    patio: &Patio,
    sun: Sun,
    houses: impl Iterator<Item = &'a House>,
) -> Result<Exposure, NoSurvey> {
    let area = patio.area();
    if area <= 0.0 {
        return Err(NoSurvey);
    }
    if sun.elevation < SKYLINE {
        return Ok(Exposure::without_sun(sun));
    }
    let bounds = patio.bounds();
    let mut sunlit = patio.ground.clone();
    let mut throwing = 0;
    for house in houses {
        let shadow_bounds = house.footprint.bounds().swept(sun.shadow_of(house.height));
        if !shadow_bounds.touches(&bounds) {
            continue;
        }
        let shadow = house.shadow(sun);
        if patio.ground.iter().any(|piece| piece.without(&shadow).is_some()) {
            throwing += 1;
            sunlit = without(sunlit, &shadow);
        }
    }
    // (A sum of nothing would be minus zero.)
    let sunlit_area = sunlit.iter().map(Convex::area).fold(0.0, |sum, area| sum + area);
    let percent = (sunlit_area / area * 100.0).round().min(100.0) as u8;
    Ok(Exposure {
        percent,
        state: State::of(percent),
        confidence: confidence(area, percent, sun),
        houses: throwing,
        sunlit_area: sunlit_area as f32,
        elevation: sun.elevation as f32,
        azimuth: sun.azimuth as f32,
        sunlit: pack(&sunlit, bounds.least),
    })
}

fn without(pieces: Vec<Convex>, shadow: &Convex) -> Vec<Convex> {
    let mut left = Vec::with_capacity(pieces.len() + 1);
    for piece in pieces {
        match piece.without(shadow) {
            None => left.push(piece),
            Some(parts) => left.extend(parts),
        }
    }
    left
}

/// Roofs are known to half a metre, which moves the edge of a shadow the more the lower the sun is. It
/// matters little where the patio is all in the sun, or all in the shade.
fn confidence(area: f64, percent: u8, sun: Sun) -> u8 {
    let moved = sun.shadow_of(ROOF_ERROR).length() / area.sqrt();
    let edge = if (1..100).contains(&percent) { 1.0 } else { 0.3 };
    (100.0 * (1.0 - (moved * edge).min(0.9))).round() as u8
}

/// In metres.
const ROOF_ERROR: f64 = 0.5;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::city::generate;
    use crate::polygon::{Bounds, Point};
    use crate::records::unpack;

    /// Whether a house stands between a point on the ground and the sun: a walk towards the light,
    /// in which it rises by twenty centimetres a step.
    fn is_shaded(at: Point, sun: Sun, houses: &[&House]) -> bool {
        let (step, rise) = (sun.shadow_of(0.2) * -1.0, 0.2);
        (0..240).any(|steps| {
            let (at, height) = (at + step * f64::from(steps), rise * f64::from(steps));
            houses
                .iter()
                .any(|house| height <= house.height && holds(house.footprint.corners(), at))
        })
    }

    fn holds(corners: &[Point], at: Point) -> bool {
        let next = corners.iter().cycle().skip(1);
        corners.iter().zip(next).all(|(a, b)| {
            let (edge, to) = (*b - *a, at - *a);
            edge.x * to.y - edge.y * to.x >= 0.0
        })
    }

    #[test]
    fn the_sunlit_ground_is_where_a_walk_towards_the_sun_meets_no_house() {
        let city = generate(11, 80, 40);
        let houses: Vec<&House> = city.houses().collect();
        let azimuths = [95.0, 140.0, 187.0, 230.0, 261.0];
        let (mut sampled, mut partial) = (0, 0);
        for (patio, azimuth) in city.patios.iter().zip(azimuths.into_iter().cycle()) {
            let sun = Sun { elevation: 32.0, azimuth };
            let exposure = exposure(patio, sun, city.houses()).unwrap();
            let pieces = unpack(&exposure.sunlit, patio.bounds().least);
            partial += u32::from((1..100).contains(&exposure.percent));
            let Bounds { least, most } = patio.bounds();
            for place in 0..64 {
                let share = |place: u32| (f64::from(place) + 0.5) / 8.0;
                let size = most - least;
                let at = Point { x: size.x * share(place % 8), y: size.y * share(place / 8) };
                let at = least + at;
                if !patio.ground.iter().any(|piece| holds(piece.corners(), at)) {
                    continue;
                }
                sampled += 1;
                let lit = pieces.iter().any(|piece| holds(piece, at));
                if lit == is_shaded(at, sun, &houses) {
                    // At the very edge of a shadow either may be right.
                    let near = [(0.3, 0.0), (-0.3, 0.0), (0.0, 0.3), (0.0, -0.3)];
                    let mut near = near.iter().map(|(x, y)| at + Point { x: *x, y: *y });
                    let is_edge = near.any(|at| is_shaded(at, sun, &houses) != lit);
                    assert!(is_edge, "{} at {at:?}, sun {azimuth}", patio.name);
                }
            }
        }
        assert!(sampled > 600 && partial > 3, "{sampled} points, {partial} patios partly lit");
    }

    #[test]
    fn below_the_skyline_there_is_no_sun_and_without_ground_no_answer() {
        let mut city = generate(11, 20, 1);
        let sun = Sun { elevation: 4.9, azimuth: 90.0 };
        let low = exposure(city.patio(0), sun, city.houses()).unwrap();
        assert_eq!((low.state, low.percent), (State::NoSun, 0));
        city.patios[0].ground.clear();
        assert!(exposure(city.patio(0), sun, city.houses()).is_err());
    }
}
