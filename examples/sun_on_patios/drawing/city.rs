//! The city at an hour: houses, shadows, and how sunny each patio is.

use tidetable::Timestamp;

use crate::Outcome;
use crate::calendar::{clock_time, long_date};
use crate::city::{City, House};
use crate::polygon::{Bounds, Convex, Point};
use crate::records::State;
use crate::report::count;
use crate::sun::Sun;
use crate::world::World;

use super::svg::{Anchor, Svg};
use super::{STATES, colour};

const WIDTH: f64 = 1200.0;
const HEIGHT: f64 = 1000.0;
/// The map's upper left corner, and its size.
const AT: Point = Point { x: 30.0, y: 90.0 };
const SIZE: Point = Point { x: 900.0, y: 880.0 };
/// Where the legend begins.
const LEGEND: f64 = 955.0;
/// The map of the middle: its upper left corner, and its size.
const INSET: Point = Point { x: 955.0, y: 450.0 };
const INSET_SIZE: Point = Point { x: 225.0, y: 480.0 };
/// From so many pixels a metre on patios are drawn as they are, rather than as dots.
const CLOSE: f64 = 0.6;
/// Houses up to this height, in metres, in this colour.
const HEIGHTS: [(f64, &str, &str); 5] = [
    (8.0, "#cfc6ba", "up to 8 m"),
    (14.0, "#b3a698", "8 to 14 m"),
    (20.0, "#93857a", "14 to 20 m"),
    (30.0, "#6f6259", "20 to 30 m"),
    (f64::INFINITY, "#40352f", "higher"),
];

/// Draws the city at an instant from the records in the store.
pub(crate) fn city_hour(world: &World, instant: Timestamp) -> Outcome<String> {
    let city = world.city();
    let mut svg = Svg::new(WIDTH, HEIGHT);
    let mut states = Vec::new();
    let mut sun = None;
    for record in world.views.exposure.get_many(0..world.patios(), instant) {
        let record = record?;
        states.push((State::from(record.state), record.percent));
        sun = Some(Sun {
            elevation: record.elevation.to_native().into(),
            azimuth: record.azimuth.to_native().into(),
        });
    }
    let sun = sun.ok_or("the city has no patio")?;
    let title = format!("The city's patios at {}, {}", clock_time(instant)?, long_date(instant)?);
    let bold = "fill=\"#222222\" font-weight=\"bold\"";
    svg.styled_text((AT.x, 42.0), 26.0, Anchor::Start, bold, &title);
    let facts = format!(
        "{} patios among {} houses. The sun stands {:.1}° high, {:.1}° from north by way of east.",
        count(states.len() as u64),
        count(city.lots.len() as u64),
        sun.elevation,
        sun.azimuth,
    );
    svg.text((AT.x, 70.0), 15.0, Anchor::Start, &facts);
    let whole = Map::of_all(&city);
    let middle = Map { at: INSET, size: INSET_SIZE, middle: Point { x: 0.0, y: 0.0 }, scale: 0.9 };
    whole.draw(&mut svg, &city, sun, &states);
    whole.frame(&mut svg, &middle);
    legend(&mut svg, &states);
    let (x, y) = (INSET.x, INSET.y - 12.0);
    svg.styled_text((x, y), 14.0, Anchor::Start, bold, "The middle of the city");
    middle.draw(&mut svg, &city, sun, &states);
    svg.compass(
        (INSET.x + INSET_SIZE.x, INSET.y + INSET_SIZE.y + 42.0),
        100.0,
        100.0 * middle.scale,
    );
    let metres = round_length(120.0 / whole.scale);
    svg.compass((AT.x + SIZE.x, 80.0), metres, metres * whole.scale);
    Ok(svg.finish())
}

/// A part of the picture that shows a part of the city.
struct Map {
    /// Its upper left corner, and its size, in pixels.
    at: Point,
    size: Point,
    /// What is in the middle of it, in metres.
    middle: Point,
    /// How many pixels a metre has.
    scale: f64,
}

impl Map {
    fn of_all(city: &City) -> Self {
        let (bounds, edge) = (city.bounds, 40.0);
        let size = bounds.most - bounds.least;
        let scale = (SIZE.x / (size.x + 2.0 * edge)).min(SIZE.y / (size.y + 2.0 * edge));
        Self { at: AT, size: SIZE, middle: (bounds.least + bounds.most) * 0.5, scale }
    }

    fn place(&self, at: Point) -> (f64, f64) {
        let way = (at - self.middle) * self.scale;
        (self.at.x + self.size.x / 2.0 + way.x, self.at.y + self.size.y / 2.0 - way.y)
    }

    /// What it shows of the city, in metres.
    fn shown(&self) -> Bounds {
        let half = self.size * (0.5 / self.scale);
        Bounds { least: self.middle - half, most: self.middle + half }
    }

    /// The outline of what another shows.
    fn frame(&self, svg: &mut Svg, other: &Self) {
        let shown = other.shown();
        let (left, bottom) = self.place(shown.least);
        let (right, top) = self.place(shown.most);
        let style = "fill=\"none\" stroke=\"#b03a2e\" stroke-width=\"1.5\"";
        svg.rectangle((left, top), (right - left, bottom - top), style);
    }

    fn draw(&self, svg: &mut Svg, city: &City, sun: Sun, states: &[(State, u8)]) {
        let (at, size, shown) = ((self.at.x, self.at.y), (self.size.x, self.size.y), self.shown());
        let clip = format!("map{:.0}", self.at.x);
        svg.add(format_args!(
            "<clipPath id=\"{clip}\"><rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/></clipPath>\
             <g clip-path=\"url(#{clip})\">",
            at.0, at.1, size.0, size.1
        ));
        svg.rectangle(at, size, "fill=\"#f3efe6\"");
        let is_near = |shape: &Convex| shape.bounds().touches(&shown);
        if sun.elevation > 1.0 {
            let shadows = city.houses().map(|house| house.shadow(sun)).filter(is_near);
            let shadows: Vec<Convex> = shadows.collect();
            let shadows = shadows.iter().map(Convex::corners);
            svg.polygons(shadows, |at| self.place(at), "fill=\"#c3cbd6\"");
        }
        let mut lower = 0.0;
        for (height, fill, _) in HEIGHTS {
            let is_so_high = |house: &&House| house.height > lower && house.height <= height;
            let houses = city.houses().filter(is_so_high).map(|house| &house.footprint);
            let houses = houses.filter(|footprint| is_near(footprint)).map(Convex::corners);
            svg.polygons(houses, |at| self.place(at), &format!("fill=\"{fill}\""));
            lower = height;
        }
        for (patio, (state, percent)) in city.patios.iter().zip(states) {
            if !patio.bounds().touches(&shown) {
                continue;
            }
            let style =
                format!("fill=\"{}\" stroke=\"#222222\" stroke-width=\"0.8\"", colour(*state));
            if self.scale > CLOSE {
                let ground = patio.ground.iter().map(Convex::corners);
                svg.polygons(ground, |at| self.place(at), &style);
                continue;
            }
            let (x, y) = self.place(patio.centre);
            svg.add(format_args!(
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4.5\" {style}>\
                 <title>{}: {percent} %</title></circle>",
                patio.name,
            ));
        }
        svg.add(format_args!("</g>"));
        svg.rectangle(at, size, "fill=\"none\" stroke=\"#333333\"");
    }
}

fn legend(svg: &mut Svg, states: &[(State, u8)]) {
    let heading = |svg: &mut Svg, y: f64, text: &str| {
        let style = "fill=\"#222222\" font-weight=\"bold\"";
        svg.styled_text((LEGEND, y), 14.0, Anchor::Start, style, text);
    };
    heading(svg, 110.0, "Patio in the sun");
    let mut y = 134.0;
    for (state, words) in STATES {
        let many = states.iter().filter(|(it, _)| *it == state).count();
        svg.add(format_args!(
            "<circle cx=\"{}\" cy=\"{:.1}\" r=\"6\" fill=\"{}\" stroke=\"#222222\" stroke-width=\"0.8\"/>",
            LEGEND + 8.0,
            y - 4.5,
            colour(state)
        ));
        svg.text((LEGEND + 24.0, y), 13.0, Anchor::Start, words);
        svg.text((WIDTH - 20.0, y), 13.0, Anchor::End, &many.to_string());
        y += 24.0;
    }
    y += 20.0;
    heading(svg, y, "Houses by height");
    for (_, fill, words) in HEIGHTS {
        y += 24.0;
        svg.rectangle((LEGEND + 2.0, y - 11.0), (13.0, 13.0), &format!("fill=\"{fill}\""));
        svg.text((LEGEND + 24.0, y), 13.0, Anchor::Start, words);
    }
    y += 24.0;
    svg.rectangle((LEGEND + 2.0, y - 11.0), (13.0, 13.0), "fill=\"#c3cbd6\"");
    svg.text((LEGEND + 24.0, y), 13.0, Anchor::Start, "their shadows");
}

/// The largest of 1, 2, 5, 10, 20, ... that is not longer.
fn round_length(metres: f64) -> f64 {
    let power = 10_f64.powf(metres.log10().floor());
    let most = metres / power;
    power
        * if most >= 5.0 {
            5.0
        } else if most >= 2.0 {
            2.0
        } else {
            1.0
        }
}
