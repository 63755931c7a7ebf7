//! Convex polygons on the ground.

use std::ops::{Add, Mul, Sub};

/// A point, or the way from one to another: metres to the east and to the north.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    pub(crate) x: f64,
    pub(crate) y: f64,
}

impl Point {
    fn cross(self, other: Self) -> f64 {
        self.x * other.y - self.y * other.x
    }

    pub(crate) fn length(self) -> f64 {
        self.x.hypot(self.y)
    }
}

impl Add for Point {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { x: self.x + other.x, y: self.y + other.y }
    }
}

impl Sub for Point {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self { x: self.x - other.x, y: self.y - other.y }
    }
}

impl Mul<f64> for Point {
    type Output = Self;

    fn mul(self, by: f64) -> Self {
        Self { x: self.x * by, y: self.y * by }
    }
}

/// An upright rectangle that holds something.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) least: Point,
    pub(crate) most: Point,
}

impl Bounds {
    /// Around points; turned inside out, so that it touches nothing, around none.
    pub(crate) fn around(points: impl IntoIterator<Item = Point>) -> Self {
        let nothing = Self {
            least: Point { x: f64::INFINITY, y: f64::INFINITY },
            most: Point { x: f64::NEG_INFINITY, y: f64::NEG_INFINITY },
        };
        points.into_iter().fold(nothing, |Self { least, most }, point| Self {
            least: Point { x: least.x.min(point.x), y: least.y.min(point.y) },
            most: Point { x: most.x.max(point.x), y: most.y.max(point.y) },
        })
    }

    /// Around this and the same moved along a way, and all in between.
    pub(crate) fn swept(self, way: Point) -> Self {
        Self::around([self.least, self.most, self.least + way, self.most + way])
    }

    pub(crate) fn touches(&self, other: &Self) -> bool {
        self.least.x <= other.most.x
            && other.least.x <= self.most.x
            && self.least.y <= other.most.y
            && other.least.y <= self.most.y
    }
}

/// A convex polygon: its corners, the inside on the left of each edge.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Convex(Vec<Point>);

/// What is smaller than a square centimetre is no area.
const CRUMB: f64 = 1e-4;

impl Convex {
    /// The smallest that holds all points: Andrew's monotone chain.
    pub(crate) fn hull(mut points: Vec<Point>) -> Self {
        points.sort_by(|a, b| a.x.total_cmp(&b.x).then(a.y.total_cmp(&b.y)));
        let mut ring: Vec<Point> = Vec::with_capacity(points.len() + 1);
        let mut chain = |points: &mut dyn Iterator<Item = &Point>| {
            let begun = ring.len();
            for &point in points {
                while let [.., a, b] = ring[begun..]
                    && (b - a).cross(point - b) <= 0.0
                {
                    ring.pop();
                }
                ring.push(point);
            }
            // It is the first of the next chain.
            ring.pop();
        };
        chain(&mut points.iter());
        chain(&mut points.iter().rev());
        Self(ring)
    }

    pub(crate) fn corners(&self) -> &[Point] {
        &self.0
    }

    pub(crate) fn bounds(&self) -> Bounds {
        Bounds::around(self.0.iter().copied())
    }

    fn edges(&self) -> impl Iterator<Item = (Point, Point)> + '_ {
        self.0.iter().copied().zip(self.0.iter().copied().cycle().skip(1))
    }

    /// In square metres.
    pub(crate) fn area(&self) -> f64 {
        self.edges().map(|(a, b)| a.cross(b)).sum::<f64>() / 2.0
    }

    /// All that it covers while it is moved along a way: the shadow of a prism, where the way is that
    /// of its roof's.
    pub(crate) fn swept(&self, way: Point) -> Self {
        let moved = self.0.iter().map(|&corner| corner + way);
        Self::hull(self.0.iter().copied().chain(moved).collect())
    }

    /// Whether they have a point in common: no edge of either has all of the other on its right.
    pub(crate) fn touches(&self, other: &Self) -> bool {
        let apart = |one: &Self, other: &Self| {
            one.edges().any(|(a, b)| other.0.iter().all(|&corner| (b - a).cross(corner - a) < 0.0))
        };
        !apart(self, other) && !apart(other, self)
    }

    /// What is left of it without `hole`, in convex pieces; `None` where the two have no area in
    /// common.
    ///
    /// One edge of the hole after the other cuts off what lies beyond it. What remains in the end is
    /// the area in common.
    pub(crate) fn without(&self, hole: &Self) -> Option<Vec<Self>> {
        let mut inside = self.clone();
        let mut outside = Vec::new();
        for edge in hole.edges() {
            let beyond = inside.beside(edge, |left| left <= 0.0);
            inside = inside.beside(edge, |left| left >= 0.0);
            if inside.area() < CRUMB {
                return None;
            }
            if beyond.area() >= CRUMB {
                outside.push(beyond);
            }
        }
        Some(outside)
    }

    /// The part on one side of a line: on which, says `keeps` of how far a point lies to the left.
    fn beside(&self, (from, to): (Point, Point), keeps: impl Fn(f64) -> bool) -> Self {
        let left = |point: Point| (to - from).cross(point - from);
        let mut ring = Vec::with_capacity(self.0.len() + 1);
        for (a, b) in self.edges() {
            let (at_a, at_b) = (left(a), left(b));
            if keeps(at_a) {
                ring.push(a);
            }
            if (at_a < 0.0 && at_b > 0.0) || (at_a > 0.0 && at_b < 0.0) {
                ring.push(a + (b - a) * (at_a / (at_a - at_b)));
            }
        }
        Self(ring)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rectangle(x: f64, y: f64, width: f64, height: f64) -> Convex {
        let corner = |x, y| Point { x, y };
        Convex::hull(vec![
            corner(x, y),
            corner(x + width, y),
            corner(x, y + height),
            corner(x + width, y + height),
            corner(x + width / 2.0, y + height / 2.0),
        ])
    }

    fn area(pieces: &[Convex]) -> f64 {
        pieces.iter().map(Convex::area).sum()
    }

    #[test]
    fn a_hull_leaves_out_what_is_inside_and_on_its_edges() {
        let hull = rectangle(1.0, 2.0, 4.0, 3.0);
        assert_eq!((hull.corners().len(), hull.area()), (4, 12.0));
        let swept = hull.swept(Point { x: 10.0, y: 10.0 });
        assert_eq!(swept.corners().len(), 6);
        assert!((swept.area() - (12.0 + 10.0 * 3.0 + 10.0 * 4.0)).abs() < 1e-9);
    }

    #[test]
    fn a_hole_in_the_middle_leaves_a_frame_and_one_beside_leaves_it_whole() {
        let patio = rectangle(0.0, 0.0, 10.0, 6.0);
        let frame = patio.without(&rectangle(2.0, 2.0, 3.0, 1.0)).unwrap();
        assert!((area(&frame) - 57.0).abs() < 1e-9);
        assert_eq!(
            patio.without(&rectangle(10.0, 0.0, 5.0, 6.0)),
            None,
            "they share an edge alone"
        );
        assert_eq!(patio.without(&rectangle(11.0, 0.0, 5.0, 6.0)), None);
        assert_eq!(patio.without(&rectangle(-1.0, -1.0, 12.0, 8.0)), Some(Vec::new()));
        assert!(patio.touches(&rectangle(10.0, 0.0, 5.0, 6.0)));
        assert!(!patio.touches(&rectangle(10.1, 0.0, 5.0, 6.0)));
    }

    #[test]
    fn one_hole_after_the_other_leaves_what_no_hole_covers() {
        let patio = rectangle(0.0, 0.0, 8.0, 8.0);
        let holes = [
            rectangle(1.0, 1.0, 2.0, 2.0).swept(Point { x: 4.0, y: 3.0 }),
            rectangle(5.0, -2.0, 2.0, 4.0).swept(Point { x: -3.0, y: 1.0 }),
            rectangle(-3.0, 6.0, 5.0, 5.0),
        ];
        let mut pieces = vec![patio];
        for hole in &holes {
            let left = |piece: Convex| piece.without(hole).unwrap_or_else(|| vec![piece]);
            pieces = pieces.into_iter().flat_map(left).collect();
        }
        let step = 0.02;
        let on_the_right =
            |polygon: &Convex, at: Point| polygon.edges().any(|(a, b)| (b - a).cross(at - a) < 0.0);
        let sampled = (0..400 * 400).filter(|sample| {
            let (x, y) = (f64::from(sample % 400) + 0.5, f64::from(sample / 400) + 0.5);
            holes.iter().all(|hole| on_the_right(hole, Point { x, y } * step))
        });
        let sampled = sampled.count() as f64 * step * step;
        assert!((area(&pieces) - sampled).abs() < 0.05, "{} and {sampled}", area(&pieces));
    }
}
