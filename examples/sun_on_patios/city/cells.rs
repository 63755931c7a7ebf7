//! What lies where, in squares of one size.

use std::ops::RangeInclusive;

use crate::polygon::{Bounds, Point};

/// Finds what is near, by squares that it reaches into.
pub(super) struct Cells {
    corner: Point,
    columns: usize,
    rows: usize,
    /// Cell -> the numbers of what reaches into it, in order.
    cells: Vec<Vec<u32>>,
    /// Number -> where it lies.
    bounds: Vec<Bounds>,
}

/// The side of a square, in metres: about as large as what lies in it, so that few are looked at.
const SIDE: f64 = 40.0;

impl Cells {
    /// Of things that are numbered as they come.
    pub(super) fn new(bounds: impl Iterator<Item = Bounds>) -> Self {
        let bounds: Vec<Bounds> = bounds.collect();
        let all = Bounds::around(bounds.iter().flat_map(|bounds| [bounds.least, bounds.most]));
        let many = |length: f64| (length / SIDE) as usize + 1;
        let (columns, rows) = (many(all.most.x - all.least.x), many(all.most.y - all.least.y));
        let cells = vec![Vec::new(); columns * rows];
        let mut index = Self { corner: all.least, columns, rows, cells, bounds };
        for (number, bounds) in (0..).zip(index.bounds.clone()) {
            for cell in index.touched(bounds).collect::<Vec<_>>() {
                index.cells[cell].push(number);
            }
        }
        index
    }

    /// The numbers, in order, of what may touch something within bounds.
    pub(super) fn near(&self, bounds: Bounds) -> Vec<u32> {
        let cells = self.touched(bounds).flat_map(|cell| &self.cells[cell]).copied();
        let mut near: Vec<u32> =
            cells.filter(|number| self.bounds[*number as usize].touches(&bounds)).collect();
        near.sort_unstable();
        near.dedup();
        near
    }

    fn touched(&self, bounds: Bounds) -> impl Iterator<Item = usize> + use<> {
        let span = |least: f64, most: f64, many: usize| -> RangeInclusive<usize> {
            // Below zero the cast stops at zero.
            let (first, last) = ((least / SIDE).floor() as usize, (most / SIDE).floor());
            if last < 0.0 {
                RangeInclusive::new(1, 0)
            } else {
                first..=(last as usize).min(many - 1)
            }
        };
        let (least, most) = (bounds.least - self.corner, bounds.most - self.corner);
        let (columns, x) = (self.columns, span(least.x, most.x, self.columns));
        let y = span(least.y, most.y, self.rows);
        y.flat_map(move |row| x.clone().map(move |column| row * columns + column))
    }
}
