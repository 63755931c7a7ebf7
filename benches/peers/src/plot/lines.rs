//! Charts with lines: panels beside each other and below.

use super::chart::{Chart, Panel};
use super::engine_style::{self, Style};
use super::scale::{Scale, short};
use super::svg::{Anchor, Svg, width_of};

const COLUMNS: usize = 3;
const PANEL_WIDTH: f64 = 330.0;
const PANEL_HEIGHT: f64 = 270.0;
/// Around the frame of a panel: for its title, the numbers beside it and below it.
const LEFT: f64 = 66.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 46.0;
const RIGHT: f64 = 18.0;
const HEAD: f64 = 74.0;
const SMALL: u32 = 11;
const NORMAL: u32 = 12;

pub(super) fn draw(chart: &Chart) -> String {
    let columns = chart.panels.len().clamp(1, COLUMNS);
    let lines = chart.panels.len().div_ceil(columns);
    let width = (columns as f64 * PANEL_WIDTH).max(560.0);
    let keys = legend(chart);
    let head = HEAD + 20.0 * (rows_of_keys(&keys, width) - 1) as f64;
    let mut svg = Svg::new(width, head + lines as f64 * PANEL_HEIGHT, chart.title);
    svg.title((12.0, 26.0), 17, chart.title);
    draw_keys(&mut svg, &keys, width, 50.0);
    for (at, panel) in chart.panels.iter().enumerate() {
        let x = (at % columns) as f64 * PANEL_WIDTH;
        let y = head + (at / columns) as f64 * PANEL_HEIGHT;
        draw_panel(&mut svg, chart, panel, &keys, (x, y));
    }
    svg.finish()
}

/// Every curve's name, with its style: the same in all panels.
fn legend(chart: &Chart) -> Vec<(&str, Style)> {
    let mut names: Vec<&str> = Vec::new();
    for curve in chart.panels.iter().flat_map(|panel| &panel.curves) {
        if !names.contains(&curve.name.as_str()) {
            names.push(&curve.name);
        }
    }
    names.sort_by_key(|name| engine_style::rank(name));
    let styled = names.iter().enumerate();
    styled.map(|(place, name)| (*name, engine_style::of(name, place))).collect()
}

fn draw_panel(
    svg: &mut Svg,
    chart: &Chart,
    panel: &Panel,
    legend: &[(&str, Style)],
    (left, top): (f64, f64),
) {
    let frame = (left + LEFT, left + PANEL_WIDTH - RIGHT, top + TOP, top + PANEL_HEIGHT - BOTTOM);
    let (x0, x1, y0, y1) = frame;
    let points = || panel.curves.iter().flat_map(|curve| &curve.points);
    let xs = Scale::over(points().map(|point| point.0), chart.x.logarithmic).onto(x0, x1);
    let ys = Scale::over(points().map(|point| point.1), panel.y.logarithmic).onto(y1, y0);

    svg.title((left + 12.0, top + 16.0), 14, panel.title);
    svg.text((left + 12.0, top + 32.0), SMALL, Anchor::Start, panel.y.label);
    for tick in ys.ticks() {
        let y = ys.place(tick);
        svg.rule((x0, y), (x1, y), true);
        svg.text((x0 - 6.0, y + 4.0), SMALL, Anchor::End, &short(tick));
    }
    // What was measured is what is written, not round numbers between.
    let mut measured: Vec<f64> = points().map(|point| point.0).collect();
    measured.sort_by(f64::total_cmp);
    measured.dedup();
    for tick in measured.into_iter().filter(|x| xs.shows(*x)) {
        let x = xs.place(tick);
        svg.rule((x, y1), (x, y1 + 4.0), false);
        svg.text((x, y1 + 17.0), SMALL, Anchor::Middle, &short(tick));
    }
    svg.rule((x0, y1), (x1, y1), false);
    svg.text(((x0 + x1) / 2.0, y1 + 34.0), SMALL, Anchor::Middle, chart.x.label);

    // Ours last, so that it lies above the others.
    let mut curves: Vec<_> = panel.curves.iter().collect();
    curves.sort_by_key(|curve| std::cmp::Reverse(engine_style::rank(&curve.name)));
    for curve in curves {
        let Some((_, style)) = legend.iter().find(|(name, _)| *name == curve.name) else {
            continue;
        };
        let shown = curve.points.iter().filter(|(x, y)| xs.shows(*x) && ys.shows(*y));
        let places: Vec<_> = shown.clone().map(|(x, y)| (xs.place(*x), ys.place(*y))).collect();
        let width = if engine_style::rank(&curve.name) == 0 { 2.6 } else { 1.6 };
        svg.path(&places, style.colour, width);
        for (place, (x, y)) in places.iter().zip(shown) {
            let says = format!("{}: {} at {}", curve.name, short(*y), short(*x));
            svg.mark(*place, *style, 3.6, &says);
        }
    }
}

/// Names with their marks, from the left to the right and on the next line where they end.
pub(super) fn draw_keys(svg: &mut Svg, keys: &[(&str, Style)], width: f64, top: f64) {
    let (mut x, mut y) = (18.0, top);
    for (name, style) in keys {
        let wide = key_width(name);
        if x + wide > width && x > 18.0 {
            (x, y) = (18.0, y + 20.0);
        }
        svg.mark((x, y), *style, 5.0, name);
        svg.text((x + 11.0, y + 4.0), NORMAL, Anchor::Start, name);
        x += wide;
    }
}

pub(super) fn rows_of_keys(keys: &[(&str, Style)], width: f64) -> usize {
    let (mut x, mut rows) = (18.0, 1);
    for (name, _) in keys {
        let wide = key_width(name);
        if x + wide > width && x > 18.0 {
            (x, rows) = (18.0, rows + 1);
        }
        x += wide;
    }
    rows
}

fn key_width(name: &str) -> f64 {
    width_of(name, NORMAL) + 34.0
}
