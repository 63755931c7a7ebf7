//! Pictures with a line for each work and a mark on it for each engine.

use super::engine_style::{self, Style};

use super::lines::{draw_keys, rows_of_keys};
use super::picture::{Picture, Work};
use super::scale::Scale;
use super::svg::{Anchor, Svg, width_of};

const WIDTH: f64 = 920.0;
const LINE: f64 = 30.0;
const RIGHT: f64 = 30.0;
const SMALL: u32 = 11;
const NORMAL: u32 = 12;

pub(super) fn draw(picture: &Picture) -> String {
    let keys = keys(picture);
    let head = 84.0 + 20.0 * (rows_of_keys(&keys, WIDTH) - 1) as f64;
    let names = picture.works.iter().map(|work| width_of(&work.name, NORMAL));
    let left = names.fold(80.0, f64::max) + 28.0;
    let bottom = head + LINE * picture.works.len() as f64;
    let values = picture.works.iter().flat_map(|work| &work.values).map(|(_, value)| *value);
    let scale = Scale::over(values, picture.logarithmic).onto(left, WIDTH - RIGHT);

    let mut svg = Svg::new(WIDTH, bottom + 56.0, picture.title);
    svg.title((12.0, 26.0), 17, picture.title);
    draw_keys(&mut svg, &keys, WIDTH, 50.0);
    for tick in scale.ticks() {
        let x = scale.place(tick);
        svg.rule((x, head - 8.0), (x, bottom), true);
        svg.text((x, bottom + 18.0), SMALL, Anchor::Middle, &(picture.format)(tick));
    }
    svg.rule((left, bottom), (WIDTH - RIGHT, bottom), false);
    let middle = (left + WIDTH - RIGHT) / 2.0;
    svg.text((middle, bottom + 40.0), SMALL, Anchor::Middle, picture.x_label);
    for (at, work) in picture.works.iter().enumerate() {
        let y = head + LINE * (at as f64 + 0.5);
        draw_work(&mut svg, picture, work, scale, (left, y));
    }
    svg.finish()
}

/// The engines that the picture shows, as the legend has them.
fn keys(picture: &Picture) -> Vec<(&str, Style)> {
    let mut engines: Vec<&str> = Vec::new();
    for (engine, _) in picture.works.iter().flat_map(|work| &work.values) {
        if !engines.contains(engine) {
            engines.push(engine);
        }
    }
    engines.sort_by_key(|engine| engine_style::rank(engine));
    let styled = engines.into_iter().enumerate();
    styled.map(|(place, engine)| (engine, engine_style::of(engine, place))).collect()
}

fn draw_work(svg: &mut Svg, picture: &Picture, work: &Work, scale: Scale, (left, y): (f64, f64)) {
    svg.text((left - 14.0, y + 4.0), NORMAL, Anchor::End, &work.name);
    let shown: Vec<_> = work.values.iter().filter(|(_, value)| scale.shows(*value)).collect();
    let places = shown.iter().map(|(_, value)| scale.place(*value));
    let ends = places.fold((f64::INFINITY, 0.0), |(a, b), x| (x.min(a), x.max(b)));
    if ends.0 < ends.1 {
        svg.rule((ends.0, y), (ends.1, y), false);
    }
    // Ours last, so that it lies above the others.
    for (place, (engine, value)) in shown.iter().enumerate().rev() {
        let style = engine_style::of(engine, place);
        let size = if place == 0 && engine_style::rank(engine) == 0 { 6.5 } else { 5.0 };
        let says = format!("{engine}: {}", (picture.format)(*value));
        svg.mark((scale.place(*value), y), style, size, &says);
    }
}
