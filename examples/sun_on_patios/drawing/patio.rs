//! A patio's day: how much of it is in the sun, ten minutes by ten minutes, and which part.

use tidetable::{Record, TimeRange, Timestamp};

use crate::Outcome;
use crate::calendar::{clock_time, long_date, open_hours};
use crate::city::{City, PLACE, Patio, SKYLINE};
use crate::polygon::{Bounds, Point};
use crate::records::{Exposure, State, unpack};
use crate::sun::Sun;
use crate::world::World;

use super::svg::{Anchor, Svg};
use super::{STATES, colour};

const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 640.0;
/// The chart's left, right, upper and lower edges.
const LEFT: f64 = 70.0;
const RIGHT: f64 = 930.0;
const TOP: f64 = 120.0;
const BOTTOM: f64 = 330.0;
/// The highest that the right axis shows, in degrees.
const HIGHEST: f64 = 60.0;
/// The plans below: how large they are, and how many metres that is.
const PLAN: f64 = 134.0;
const PLAN_METRES: f64 = 60.0;
const PLAN_TOP: f64 = 420.0;
/// Every so many ten minutes there is one, beginning with this.
const PLAN_EVERY: usize = 12;
const PLAN_FIRST: usize = 6;

/// Draws a patio's day from the records in the store.
pub(crate) fn patio_day(world: &World, number: u32, day: TimeRange) -> Outcome<String> {
    let timeline = world.views.exposure.range(&number, open_hours(day)?)?;
    let records: Vec<Record<Exposure>> = timeline.into_iter().map(|(_, record)| record).collect();
    let best = world.views.best_hour.get(&number, day.start())?;
    let city = world.city();
    let patio = city.patio(number);
    let mut svg = Svg::new(WIDTH, HEIGHT);

    let title = format!("The {} in the sun, {}", patio.name, long_date(day.start())?);
    svg.styled_text(
        (LEFT, 42.0),
        24.0,
        Anchor::Start,
        "fill=\"#222222\" font-weight=\"bold\"",
        &title,
    );
    let minutes = best.sunny_minutes.to_native();
    let begins = clock_time(Timestamp::from_millis(best.begins.to_native()))?;
    let facts = format!(
        "Patio {number}, {:.0} m² {}. Sunny for {} h {:02} min; the best hour begins at {begins} ({} %).",
        patio.area(),
        patio.site.word(),
        minutes / 60,
        minutes % 60,
        best.percent,
    );
    svg.text((LEFT, 68.0), 14.0, Anchor::Start, &facts);
    chart(&mut svg, &records)?;
    let plans = records.iter().skip(PLAN_FIRST).step_by(PLAN_EVERY);
    for (place, record) in plans.enumerate() {
        let left = LEFT + place as f64 * (RIGHT - LEFT - PLAN) / 5.0;
        plan(&mut svg, left, (&city, patio), record)?;
    }
    svg.text((LEFT, PLAN_TOP - 30.0), 13.0, Anchor::Start, "Which part of it, seen from above");
    svg.compass((RIGHT, PLAN_TOP - 28.0), 20.0, 20.0 * PLAN / PLAN_METRES);
    legend_of_plans(&mut svg);
    Ok(svg.finish())
}

fn chart(svg: &mut Svg, records: &[Record<Exposure>]) -> Outcome {
    let step = (RIGHT - LEFT) / records.len() as f64;
    let height = |share: f64| BOTTOM - (BOTTOM - TOP) * share;
    for (place, (state, words)) in STATES.into_iter().enumerate() {
        let x = LEFT + place as f64 * 178.0;
        svg.rectangle((x, 88.0), (12.0, 12.0), &format!("fill=\"{}\"", colour(state)));
        svg.text((x + 18.0, 98.5), 12.0, Anchor::Start, words);
    }
    svg.line((800.0, 94.0), (824.0, 94.0), "stroke=\"#b03a2e\" stroke-width=\"2\"");
    svg.text((830.0, 98.5), 12.0, Anchor::Start, "the sun's height");
    for part in 0..=4 {
        let share = f64::from(part) / 4.0;
        let y = height(share);
        svg.line((LEFT, y), (RIGHT, y), "stroke=\"#dddddd\" stroke-width=\"1\"");
        svg.text((LEFT - 8.0, y + 4.0), 12.0, Anchor::End, &format!("{:.0} %", share * 100.0));
        let degrees = format!("{:.0}°", share * HIGHEST);
        svg.styled_text((RIGHT + 8.0, y + 4.0), 12.0, Anchor::Start, "fill=\"#b03a2e\"", &degrees);
    }
    let mut sun = String::new();
    for (place, record) in records.iter().enumerate() {
        let x = LEFT + place as f64 * step;
        let state = State::from(record.state);
        let share = f64::from(record.percent) / 100.0;
        // What is dark has a mark on the ground, so that it is told from what is not known.
        let top = height(share).min(BOTTOM - 5.0);
        let style = format!("fill=\"{}\"", colour(state));
        svg.rectangle((x + 0.5, top), (step - 1.0, BOTTOM - top), &style);
        let elevation = f64::from(record.elevation.to_native()).max(0.0);
        sun.push_str(&format!("{:.1},{:.1} ", x + step / 2.0, height(elevation / HIGHEST)));
        if place % 6 == 0 {
            let time = clock_time(record.bucket().start())?;
            svg.line((x, BOTTOM), (x, BOTTOM + 5.0), "stroke=\"#333333\"");
            svg.text((x, BOTTOM + 20.0), 12.0, Anchor::Middle, &time);
        }
    }
    svg.add(format_args!(
        "<polyline points=\"{sun}\" fill=\"none\" stroke=\"#b03a2e\" stroke-width=\"2\"/>"
    ));
    svg.line((LEFT, BOTTOM), (RIGHT, BOTTOM), "stroke=\"#333333\"");
    let turned =
        |x: f64, turn: i32| format!("fill=\"#333333\" transform=\"rotate({turn} {x} 225)\"");
    svg.styled_text((22.0, 225.0), 13.0, Anchor::Middle, &turned(22.0, -90), "patio in the sun");
    svg.styled_text(
        (978.0, 225.0),
        13.0,
        Anchor::Middle,
        &turned(978.0, 90),
        "sun above the horizon",
    );
    Ok(())
}

fn plan(
    svg: &mut Svg,
    left: f64,
    (city, patio): (&City, &Patio),
    record: &Record<Exposure>,
) -> Outcome {
    let scale = PLAN / PLAN_METRES;
    let map = |at: Point| {
        let way = at - patio.centre;
        (left + PLAN / 2.0 + way.x * scale, PLAN_TOP + PLAN / 2.0 - way.y * scale)
    };
    let clip = format!("plan{left:.0}");
    svg.add(format_args!(
        "<clipPath id=\"{clip}\"><rect x=\"{left:.1}\" y=\"{PLAN_TOP}\" width=\"{PLAN}\" \
         height=\"{PLAN}\"/></clipPath><g clip-path=\"url(#{clip})\">"
    ));
    svg.rectangle((left, PLAN_TOP), (PLAN, PLAN), "fill=\"#f3efe6\"");
    let instant = record.bucket().start();
    let sun = Sun {
        elevation: record.elevation.to_native().into(),
        azimuth: record.azimuth.to_native().into(),
    };
    let half = Point { x: PLAN_METRES / 2.0, y: PLAN_METRES / 2.0 };
    let seen = Bounds { least: patio.centre - half, most: patio.centre + half };
    let has_sun = sun.elevation >= SKYLINE;
    if has_sun {
        let around = seen.swept(sun.shadow_of(crate::city::LEGAL_HEIGHT) * -1.0);
        let houses = city.lots_near(around).flat_map(|lot| &lot.houses);
        let shadows: Vec<_> = houses.map(|house| house.shadow(sun)).collect();
        let shadows = shadows.iter().map(|shadow| shadow.corners());
        svg.polygons(shadows, map, "fill=\"#aab6c6\"");
    } else {
        svg.rectangle((left, PLAN_TOP), (PLAN, PLAN), "fill=\"#aab6c6\"");
    }
    let ground = || patio.ground.iter().map(|piece| piece.corners());
    svg.polygons(ground(), map, &format!("fill=\"{}\"", colour(State::Shaded)));
    let sunlit = unpack(&record.sunlit, patio.bounds().least);
    let style = format!("fill=\"{0}\" stroke=\"{0}\" stroke-width=\"0.4\"", colour(State::Sunny));
    svg.polygons(sunlit.iter().map(Vec::as_slice), map, &style);
    svg.polygons(ground(), map, "fill=\"none\" stroke=\"#333333\" stroke-width=\"1\"");
    let houses: Vec<_> = city.lots_near(seen).flat_map(|lot| &lot.houses).collect();
    let footprints = houses.iter().map(|house| house.footprint.corners());
    svg.polygons(footprints, map, "fill=\"#6b5d52\" stroke=\"#f3efe6\" stroke-width=\"0.6\"");
    if has_sun {
        ray(svg, (left, PLAN_TOP), Sun::at(instant, PLACE));
    }
    svg.add(format_args!("</g>"));
    svg.rectangle((left, PLAN_TOP), (PLAN, PLAN), "fill=\"none\" stroke=\"#333333\"");
    let below = format!("{}, {} %", clock_time(instant)?, record.percent);
    svg.text((left + PLAN / 2.0, PLAN_TOP + PLAN + 18.0), 13.0, Anchor::Middle, &below);
    Ok(())
}

/// Where the light comes from: a sun on the edge of a plan.
fn ray(svg: &mut Svg, (left, top): (f64, f64), sun: Sun) {
    let azimuth = sun.azimuth.to_radians();
    let (x, y) = (azimuth.sin(), -azimuth.cos());
    let far = (PLAN / 2.0 - 10.0) / x.abs().max(y.abs());
    let (x, y) = (left + PLAN / 2.0 + x * far, top + PLAN / 2.0 + y * far);
    svg.add(format_args!(
        "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"6\" fill=\"#ffd94a\" stroke=\"#b03a2e\"/>"
    ));
}

fn legend_of_plans(svg: &mut Svg) {
    let y = PLAN_TOP + PLAN + 40.0;
    let entries = [
        ("fill=\"#f2a900\"", "patio in the sun"),
        ("fill=\"#7d93ad\"", "patio in the shade"),
        ("fill=\"#aab6c6\"", "shadow"),
        ("fill=\"#6b5d52\"", "house"),
    ];
    for (place, (style, words)) in entries.into_iter().enumerate() {
        let x = LEFT + place as f64 * 165.0;
        svg.rectangle((x, y), (12.0, 12.0), style);
        svg.text((x + 18.0, y + 10.5), 12.0, Anchor::Start, words);
    }
    svg.add(format_args!(
        "<circle cx=\"736\" cy=\"{:.1}\" r=\"6\" fill=\"#ffd94a\" stroke=\"#b03a2e\"/>",
        y + 6.0
    ));
    svg.text((748.0, y + 10.5), 12.0, Anchor::Start, "where the sun stands");
}
