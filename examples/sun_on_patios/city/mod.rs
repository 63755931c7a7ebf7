//! A city: its lots, the houses on them, and the patios.
//!
//! All ground on which somebody may build belongs to a lot. So a patio's light depends on lots
//! rather than on houses: where a lot is empty today, there may be a house tomorrow.

mod cells;
mod names;
mod plan;
mod random;

use std::sync::{Arc, RwLock};

use crate::polygon::{Bounds, Convex, Point};
use crate::sun::{Place, Sun};

use cells::Cells;
pub(crate) use plan::{district_name, generate};
pub(crate) use random::Random;

/// Where the city is: by the sea, at the latitude of Gothenburg.
pub(crate) const PLACE: Place =
    Place { latitude: 57.70887, longitude: 11.97456, pressure: 1010.0, temperature: 8.0 };
/// By whose clocks it lives.
pub(crate) const ZONE: &str = "Europe/Stockholm";

/// No house may be higher than this, in metres: the law of the city.
pub(crate) const LEGAL_HEIGHT: f64 = 48.0;
/// Where the sun is lower than this, in degrees, it is behind the hills around.
pub(crate) const SKYLINE: f64 = 5.0;

/// A city that changes while builds read it.
pub(crate) type SharedCity = Arc<RwLock<City>>;

pub(crate) struct City {
    /// By number.
    pub(crate) lots: Vec<Lot>,
    /// By number.
    pub(crate) patios: Vec<Patio>,
    /// Which lots are near.
    cells: Cells,
    pub(crate) bounds: Bounds,
}

/// A piece of ground that may be built on.
pub(crate) struct Lot {
    pub(crate) outline: Convex,
    /// Where nothing stands yet, behind the house.
    pub(crate) yard: Point,
    pub(crate) houses: Vec<House>,
}

/// A prism.
pub(crate) struct House {
    pub(crate) footprint: Convex,
    /// In metres.
    pub(crate) height: f64,
}

impl House {
    /// What it covers of the ground and keeps the light from.
    pub(crate) fn shadow(&self, sun: Sun) -> Convex {
        self.footprint.swept(sun.shadow_of(self.height))
    }
}

/// Where guests sit.
pub(crate) struct Patio {
    pub(crate) name: String,
    pub(crate) site: Site,
    pub(crate) district: u16,
    pub(crate) centre: Point,
    /// Its ground in convex pieces that do not overlap. None: the survey was lost.
    pub(crate) ground: Vec<Convex>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Site {
    Pavement,
    Courtyard,
    Square,
}

impl Site {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Pavement => "on the pavement",
            Self::Courtyard => "in a courtyard",
            Self::Square => "on a square",
        }
    }
}

impl Patio {
    pub(crate) fn bounds(&self) -> Bounds {
        Bounds::around(self.ground.iter().flat_map(|piece| piece.corners().iter().copied()))
    }

    /// In square metres.
    pub(crate) fn area(&self) -> f64 {
        self.ground.iter().map(Convex::area).sum()
    }
}

impl City {
    fn new(lots: Vec<Lot>, patios: Vec<Patio>) -> Self {
        let cells = Cells::new(lots.iter().map(|lot| lot.outline.bounds()));
        let corners = lots.iter().flat_map(|lot| lot.outline.corners().iter().copied());
        let bounds = Bounds::around(corners);
        Self { lots, patios, cells, bounds }
    }

    pub(crate) fn lot(&self, lot: u32) -> &Lot {
        &self.lots[lot as usize]
    }

    pub(crate) fn patio(&self, patio: u32) -> &Patio {
        &self.patios[patio as usize]
    }

    pub(crate) fn houses(&self) -> impl Iterator<Item = &House> {
        self.lots.iter().flat_map(|lot| &lot.houses)
    }

    /// The lots, by number, from which a house of the legal height could take a patio's sun: those
    /// that a walk from the patio towards the sun meets before such a roof would be below the light.
    pub(crate) fn lots_towards(&self, sun: Sun, patio: &Patio) -> Vec<u32> {
        let towards = sun.shadow_of(LEGAL_HEIGHT) * -1.0;
        let walks: Vec<_> = patio.ground.iter().map(|piece| piece.swept(towards)).collect();
        let mut lots = self.cells.near(patio.bounds().swept(towards));
        lots.retain(|lot| walks.iter().any(|walk| walk.touches(&self.lot(*lot).outline)));
        lots
    }

    /// The lots around some ground.
    pub(crate) fn lots_near(&self, bounds: Bounds) -> impl Iterator<Item = &Lot> {
        self.cells.near(bounds).into_iter().map(|lot| self.lot(lot))
    }
}
