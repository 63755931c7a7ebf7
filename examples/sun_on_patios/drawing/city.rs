//! The city at an hour: houses, shadows, and how sunny each patio is.

use tidetable::Timestamp;

use crate::Outcome;
use crate::calendar::{clock_time, long_date};
use crate::city::{City, House};
use crate::polygon::{Convex, Point};
use crate::records::State;
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
        states.len(),
        city.lots.len(),
        sun.elevation,
        sun.azimuth,
    );
    svg.text((AT.x, 70.0), 15.0, Anchor::Start, &facts);
    let scale = map(&mut svg, &city, sun, &states);
    legend(&mut svg, &states);
    let metres = round_length(120.0 / scale);
    svg.compass((LEGEND + 190.0, 930.0), metres, metres * scale);
    Ok(svg.finish())
}

/// The map; how many pixels a metre has on it.
fn map(svg: &mut Svg, city: &City, sun: Sun, states: &[(State, u8)]) -> f64 {
    let (bounds, edge) = (city.bounds, 40.0);
    let size = bounds.most - bounds.least;
    let scale = (SIZE.x / (size.x + 2.0 * edge)).min(SIZE.y / (size.y + 2.0 * edge));
    let middle = (bounds.least + bounds.most) * 0.5;
    let on_map = |at: Point| {
        let way = (at - middle) * scale;
        (AT.x + SIZE.x / 2.0 + way.x, AT.y + SIZE.y / 2.0 - way.y)
    };
    svg.add(format_args!(
        "<clipPath id=\"map\"><rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/></clipPath>\
         <g clip-path=\"url(#map)\">",
        AT.x, AT.y, SIZE.x, SIZE.y
    ));
    svg.rectangle((AT.x, AT.y), (SIZE.x, SIZE.y), "fill=\"#f3efe6\"");
    if sun.elevation > 1.0 {
        let shadows: Vec<Convex> = city.houses().map(|house| house.shadow(sun)).collect();
        let shadows = shadows.iter().map(Convex::corners);
        svg.polygons(shadows, on_map, "fill=\"#c3cbd6\"");
    }
    let mut lower = 0.0;
    for (height, fill, _) in HEIGHTS {
        let is_so_high = |house: &&House| house.height > lower && house.height <= height;
        let houses = city.houses().filter(is_so_high).map(|house| house.footprint.corners());
        svg.polygons(houses, on_map, &format!("fill=\"{fill}\""));
        lower = height;
    }
    for (patio, (state, percent)) in city.patios.iter().zip(states) {
        let (x, y) = on_map(patio.centre);
        svg.add(format_args!(
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"5\" fill=\"{}\" stroke=\"#222222\" \
             stroke-width=\"0.8\"><title>{}: {percent} %</title></circle>",
            colour(*state),
            patio.name,
        ));
    }
    svg.add(format_args!("</g>"));
    svg.rectangle((AT.x, AT.y), (SIZE.x, SIZE.y), "fill=\"none\" stroke=\"#333333\"");
    scale
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
    power * if most >= 5.0 { 5.0 } else if most >= 2.0 { 2.0 } else { 1.0 }
}
