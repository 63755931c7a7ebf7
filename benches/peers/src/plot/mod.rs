//! The figures as pictures: SVG, written by hand.
//!
//! Everything is drawn in colours that are told apart on a light and on a dark page, by those who see
//! few colours too (after M. Okabe and K. Ito), and each engine has a mark of its own besides. Scales
//! are logarithmic wherever engines lie orders of magnitude apart; there a point says what a bar,
//! which would begin at an arbitrary place, does not.

mod chart;
mod dots;
mod engine_style;
mod lines;
mod picture;
mod scale;
mod svg;

use std::fs;
use std::io;
use std::path::Path;

use crate::figure::Figure;

pub use chart::{Axis, Chart, Curve, Panel};

/// Writes a picture for each kind of figure, and one for each chart, as `out/NAME.svg`. Tells which.
pub fn draw(figures: &[Figure], charts: &[Chart], out: &Path) -> io::Result<Vec<String>> {
    let pictures = picture::all(figures).into_iter();
    let dots = pictures.map(|picture| (picture.name, dots::draw(&picture)));
    let lines = charts.iter().map(|chart| (chart.name, lines::draw(chart)));
    let mut written = Vec::new();
    for (name, picture) in dots.chain(lines) {
        let name = format!("{name}.svg");
        fs::write(out.join(&name), picture)?;
        written.push(name);
    }
    Ok(written)
}
