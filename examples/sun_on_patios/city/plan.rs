//! Laying a city out: blocks around a centre, lots along the streets, houses, patios.

use crate::polygon::{Bounds, Convex, Point};

use super::names::name;
use super::random::Random;
use super::{City, House, LEGAL_HEIGHT, Lot, Patio, Site};

/// A block, in metres: two rows of lots, back to back.
const BLOCK: Point = Point { x: 100.0, y: 56.0 };
const LOTS_A_ROW: usize = 5;
const STREET: f64 = 14.0;
/// Every so many blocks the street is an avenue.
const AVENUE_EVERY: i32 = 6;
const AVENUE_MORE: f64 = 14.0;
/// One block of so many is a square.
const SQUARE_ONE_OF: u64 = 24;
/// The streets do not run by the compass.
const TURNED: f64 = 0.23;
/// From a street to the chairs, so that a patio touches no lot but the one that it may lie in.
const KERB: f64 = 0.4;
/// How much rarer patios become towards the edge of the city.
const MIDDLE: f64 = 0.08;
/// The side of a district, in metres.
const DISTRICT: f64 = 600.0;

/// A city of so many lots with a house on each, and so many patios; the same for the same seed.
pub(crate) fn generate(seed: u64, buildings: u32, patios: u32) -> City {
    let mut random = Random::new(seed);
    let mut lots = Vec::new();
    let (mut pavements, mut squares) = (Vec::new(), Vec::new());
    let blocks = buildings as usize / (2 * LOTS_A_ROW) + 1;
    let radius = (buildings as f64 / 10.0 * (BLOCK.x + STREET) * (BLOCK.y + STREET)).sqrt() / 1.7;
    for corner in block_corners(2 * blocks + 50) {
        if lots.len() >= buildings as usize {
            break;
        }
        if random.next().is_multiple_of(SQUARE_ONE_OF) {
            squares.extend(square_sites(corner, &mut random));
            continue;
        }
        let out = (corner + BLOCK * 0.5).length() / radius;
        for (lot, site) in block(corner, out, &mut random) {
            lots.push(lot);
            pavements.push(site);
        }
    }
    lots.truncate(buildings as usize);
    pavements.truncate(buildings as usize);
    let mut sites = choose(pavements, squares, patios as usize, &mut random);
    sites.truncate(patios as usize);
    let middle = |ground: &[Convex]| {
        let bounds = Bounds::around(ground.iter().flat_map(|piece| piece.corners().to_vec()));
        (bounds.least + bounds.most) * 0.5
    };
    let patio = |(number, (site, ground)): (u32, (Site, Vec<Convex>))| {
        let centre = middle(&ground);
        Patio { name: name(number), site, district: district(centre), centre, ground }
    };
    City::new(lots, (0..).zip(sites).map(patio).collect())
}

/// The corners of blocks, those in the middle of the city first.
fn block_corners(many: usize) -> Vec<Point> {
    let side = (many as f64).sqrt() as i32 + 1;
    let along = |place: i32, block: f64| {
        let avenues = f64::from(place.div_euclid(AVENUE_EVERY)) * AVENUE_MORE;
        f64::from(place) * (block + STREET) + avenues
    };
    let corners = (-side..=side).flat_map(|column| {
        (-side..=side).map(move |row| Point { x: along(column, BLOCK.x), y: along(row, BLOCK.y) })
    });
    let mut corners: Vec<Point> = corners.collect();
    let out = |corner: &Point| (*corner + BLOCK * 0.5).length();
    corners.sort_by(|a, b| out(a).total_cmp(&out(b)));
    corners.truncate(many);
    corners
}

/// A rectangle by two of its corners, before the city is turned.
fn rectangle(a: Point, b: Point) -> Convex {
    let (sin, cos) = TURNED.sin_cos();
    let turned = |x: f64, y: f64| Point { x: x * cos - y * sin, y: x * sin + y * cos };
    Convex::hull(vec![turned(a.x, a.y), turned(b.x, a.y), turned(b.x, b.y), turned(a.x, b.y)])
}

/// The lots of a block, each with the ground of a patio that there may be. `out` is how far from the
/// middle of the city it is, from 0 to about 1.
fn block(corner: Point, out: f64, random: &mut Random) -> Vec<(Lot, (Site, Vec<Convex>))> {
    let mut lots = Vec::with_capacity(2 * LOTS_A_ROW);
    for front_is_south in [true, false] {
        let widths: Vec<f64> = (0..LOTS_A_ROW).map(|_| random.between(15.0, 25.0)).collect();
        let stretch = BLOCK.x / widths.iter().sum::<f64>();
        let mut left = 0.0;
        for width in widths {
            let width = width * stretch;
            // From a place along the street and a depth into the lot to the ground.
            let at = |along: f64, depth: f64| {
                let y = if front_is_south { depth } else { BLOCK.y - depth };
                corner + Point { x: left + along, y }
            };
            lots.push(lot(width, out, at, random));
            left += width;
        }
    }
    lots
}

fn lot(
    width: f64,
    out: f64,
    at: impl Fn(f64, f64) -> Point,
    random: &mut Random,
) -> (Lot, (Site, Vec<Convex>)) {
    let lot_depth = BLOCK.y / 2.0;
    // Towards the edge of the city houses are lower, and stand by themselves.
    let storeys = (6.0 - 4.0 * out + random.between(-1.0, 1.5)).max(1.0).floor();
    let tower = out < 0.5 && random.percent(1);
    let height = if tower { random.between(34.0, 46.0) } else { storeys * 3.1 };
    let height = (height + random.between(1.0, 3.5)).min(LEGAL_HEIGHT);
    let gap = if out > 0.6 { random.between(1.5, 4.0) } else { 0.0 };
    let depth = random.between(10.0, 13.0);
    let front = rectangle(at(gap, 0.0), at(width - gap, depth));
    let mut houses = vec![House { footprint: front, height }];
    let wing = random.percent(35);
    if wing {
        let footprint = rectangle(at(gap, depth), at(gap + 5.5, depth + random.between(4.0, 10.0)));
        houses.push(House { footprint, height: (height - 3.0).max(2.8) });
    }
    let outline = rectangle(at(0.0, 0.0), at(width, lot_depth));
    let yard = rectangle(at(width - 2.6, lot_depth - 2.6), at(width - 2.2, lot_depth - 2.2));
    let yard = yard.corners()[0];

    let site = if random.percent(30) {
        let (left, back) = (gap + 6.5, lot_depth - 4.0);
        let near = back - random.between(4.0, 8.0);
        (Site::Courtyard, vec![rectangle(at(left, near), at(width - 1.5, back))])
    } else {
        let long = random.between(5.0, (width - 1.0).min(12.0));
        let left = random.between(0.5, width - long);
        let deep = KERB + random.between(2.0, 3.5);
        (Site::Pavement, vec![rectangle(at(left, -deep), at(left + long, -KERB))])
    };
    (Lot { outline, yard, houses }, site)
}

/// Four patios on a square, one in each corner; some of them around it.
fn square_sites(corner: Point, random: &mut Random) -> Vec<(Site, Vec<Convex>)> {
    let site = |(right, up): (bool, bool)| {
        let at = |x: f64, y: f64| Point {
            x: corner.x + if right { BLOCK.x - x } else { x },
            y: corner.y + if up { BLOCK.y - y } else { y },
        };
        let (x, y) = (random.between(2.0, 6.0), random.between(2.0, 5.0));
        let (long, deep) = (random.between(9.0, 18.0), random.between(4.0, 6.0));
        let mut ground = vec![rectangle(at(x, y), at(x + long, y + deep))];
        if random.percent(40) {
            ground
                .push(rectangle(at(x, y + deep), at(x + 4.0, y + deep + random.between(3.0, 7.0))));
        }
        (Site::Square, ground)
    };
    [(false, false), (true, false), (false, true), (true, true)].into_iter().map(site).collect()
}

/// Up to a third of the patios on squares, the others at houses, more of them in the middle.
fn choose(
    houses: Vec<(Site, Vec<Convex>)>,
    mut squares: Vec<(Site, Vec<Convex>)>,
    many: usize,
    random: &mut Random,
) -> Vec<(Site, Vec<Convex>)> {
    random.shuffle(&mut squares);
    squares.truncate(many / 3);
    let count = houses.len() as f64;
    let mut ranked: Vec<(f64, (Site, Vec<Convex>))> = (0..)
        .zip(houses)
        .map(|(place, site)| (MIDDLE * f64::from(place) / count + random.share(), site))
        .collect();
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut sites = squares;
    sites.extend(ranked.into_iter().map(|(_, site)| site));
    sites.truncate(many);
    random.shuffle(&mut sites);
    sites
}

/// The number of the district around a point: fifty columns of fifty.
fn district(at: Point) -> u16 {
    let cell = |metres: f64| ((metres / DISTRICT).floor() + 25.0).clamp(0.0, 49.0) as u16;
    cell(at.y) * 50 + cell(at.x)
}

/// What a district is called: how far it lies from the middle of the city.
pub(crate) fn district_name(district: u16) -> String {
    let (row, column) = (i32::from(district / 50) - 25, i32::from(district % 50) - 25);
    let part = |way: i32, low: &str, high: &str| match way {
        ..0 => format!("{low}{}", -way),
        _ => format!("{high}{}", way + 1),
    };
    format!("{} {}", part(row, "S", "N"), part(column, "W", "E"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_city_has_what_was_ordered_and_is_the_same_for_the_same_seed() {
        let (one, same) = (generate(3, 1400, 90), generate(3, 1400, 90));
        assert_eq!((one.lots.len(), one.patios.len()), (1400, 90));
        let grounds = |city: &City| -> Vec<Vec<Convex>> {
            city.patios.iter().map(|patio| patio.ground.clone()).collect()
        };
        assert_eq!(grounds(&one), grounds(&same));
        assert_ne!(grounds(&one), grounds(&generate(4, 1400, 90)));
        for (sites, word) in [(Site::Square, "squares"), (Site::Courtyard, "courtyards")] {
            assert!(one.patios.iter().any(|patio| patio.site == sites), "no {word}");
        }
    }

    #[test]
    fn houses_stand_on_their_lots_and_patios_under_no_roof() {
        let city = generate(7, 500, 200);
        for lot in &city.lots {
            for house in &lot.houses {
                let on_the_lot = house.footprint.without(&lot.outline).map(|left| left.len());
                assert_eq!(on_the_lot, Some(0));
                assert!(house.height > 2.0 && house.height <= LEGAL_HEIGHT);
            }
        }
        for patio in &city.patios {
            for piece in &patio.ground {
                assert!(piece.area() > 4.0, "{}: {}", patio.name, piece.area());
                assert!(city.houses().all(|house| piece.without(&house.footprint).is_none()));
            }
        }
    }
}
