//! What the views hold.

use std::fmt;

use crate::polygon::{Convex, Point};
use crate::sun::Sun;

/// How the sun falls on a patio.
///
/// It says nothing of when it was computed, how long that took, by which version and until when it is
/// kept: the store knows that of each record. So a record that is computed again from the same things
/// has the same bytes, and what was built from it need not be built again.
#[derive(Clone, Debug, PartialEq, rkyv::Archive, rkyv::Serialize)]
#[rkyv(compare(PartialEq))]
pub(crate) struct Exposure {
    /// How much of the patio is in the sun.
    pub(crate) percent: u8,
    pub(crate) state: State,
    /// How sure that is, in percent: a shadow's edge is as uncertain as the height of the roof.
    pub(crate) confidence: u8,
    /// How many houses throw a shadow on it.
    pub(crate) houses: u16,
    /// In square metres.
    pub(crate) sunlit_area: f32,
    /// The sun's, in degrees.
    pub(crate) elevation: f32,
    pub(crate) azimuth: f32,
    /// What is in the sun: see [`pack`].
    pub(crate) sunlit: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, rkyv::Archive, rkyv::Serialize)]
#[rkyv(compare(PartialEq), derive(Clone, Copy))]
pub(crate) enum State {
    /// At least 70 % of it is in the sun.
    Sunny,
    /// At least 10 % of it.
    Partial,
    Shaded,
    /// The sun is behind the hills, or has set.
    NoSun,
}

impl State {
    pub(crate) fn of(percent: u8) -> Self {
        match percent {
            70.. => Self::Sunny,
            10.. => Self::Partial,
            _ => Self::Shaded,
        }
    }
}

impl From<ArchivedState> for State {
    fn from(archived: ArchivedState) -> Self {
        match archived {
            ArchivedState::Sunny => Self::Sunny,
            ArchivedState::Partial => Self::Partial,
            ArchivedState::Shaded => Self::Shaded,
            ArchivedState::NoSun => Self::NoSun,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Sunny => "sunny",
            Self::Partial => "partial",
            Self::Shaded => "shaded",
            Self::NoSun => "no sun",
        })
    }
}

impl Exposure {
    /// While there is no sun to be had.
    pub(crate) fn without_sun(sun: Sun) -> Self {
        Self {
            percent: 0,
            state: State::NoSun,
            confidence: 100,
            houses: 0,
            sunlit_area: 0.0,
            elevation: sun.elevation as f32,
            azimuth: sun.azimuth as f32,
            sunlit: Vec::new(),
        }
    }
}

/// The best hour of a patio's day.
#[derive(Clone, Debug, PartialEq, rkyv::Archive, rkyv::Serialize)]
#[rkyv(compare(PartialEq))]
pub(crate) struct BestHour {
    /// When it begins, in milliseconds since 1970.
    pub(crate) begins: i64,
    /// How much of the patio is in the sun in that hour, on average.
    pub(crate) percent: u8,
    /// How long it is sunny in all, in minutes.
    pub(crate) sunny_minutes: u16,
}

/// How many patios of a district are sunny in an hour.
#[derive(Clone, Debug, PartialEq, rkyv::Archive, rkyv::Serialize)]
#[rkyv(compare(PartialEq))]
pub(crate) struct SunnyPatios {
    pub(crate) patios: u16,
    /// Those of them that are sunny for half of the hour or longer.
    pub(crate) sunny: u16,
}

/// Polygons as bytes: of each the number of its corners, then those, in centimetres to the east and
/// to the north of `corner`.
pub(crate) fn pack(pieces: &[Convex], corner: Point) -> Vec<u8> {
    let mut bytes = Vec::new();
    for piece in pieces {
        bytes.push(piece.corners().len() as u8);
        for at in piece.corners().iter().map(|at| *at - corner) {
            // A patio is smaller than 650 metres.
            bytes.extend(((at.x * 100.0).round() as u16).to_le_bytes());
            bytes.extend(((at.y * 100.0).round() as u16).to_le_bytes());
        }
    }
    bytes
}

/// The corners of the polygons that [`pack`] made bytes of.
pub(crate) fn unpack(mut bytes: &[u8], corner: Point) -> Vec<Vec<Point>> {
    let mut pieces = Vec::new();
    while let Some((corners, rest)) = bytes.split_first() {
        let (piece, rest) = rest.split_at(usize::from(*corners) * 4);
        let metres = |low: u8, high: u8| f64::from(u16::from_le_bytes([low, high])) / 100.0;
        let point = |at: &[u8]| corner + Point { x: metres(at[0], at[1]), y: metres(at[2], at[3]) };
        pieces.push(piece.chunks_exact(4).map(point).collect());
        bytes = rest;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_is_unpacked_to_the_centimetre() {
        let corner = Point { x: -250.0, y: 990.5 };
        let at = |x, y| corner + Point { x, y };
        let pieces = [
            Convex::hull(vec![at(0.0, 0.0), at(12.345, 0.0), at(7.0, 4.004)]),
            Convex::hull(vec![at(2.0, 5.0), at(9.0, 5.0), at(9.0, 8.0), at(2.0, 8.0)]),
        ];
        let unpacked = unpack(&pack(&pieces, corner), corner);
        assert_eq!(unpacked.iter().map(Vec::len).collect::<Vec<_>>(), [3, 4]);
        let packed = pieces.iter().flat_map(Convex::corners);
        for (was, is) in packed.zip(unpacked.iter().flatten()) {
            assert!((*was - *is).length() < 0.008, "{was:?} {is:?}");
        }
    }
}
