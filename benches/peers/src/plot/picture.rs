//! Figures, sorted into what can be shown together: times, rates, bytes, percent.

use std::collections::BTreeMap;

use crate::figure::{Better, Figure};

use super::engine_style;
use super::scale::{short, time};

/// What one picture with a line for each work shows.
#[derive(Debug)]
pub(super) struct Picture {
    /// Of the file, without its ending.
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) x_label: &'static str,
    pub(super) logarithmic: bool,
    pub(super) format: fn(f64) -> String,
    /// Works in the order in which they were measured.
    pub(super) works: Vec<Work>,
}

#[derive(Debug)]
pub(super) struct Work {
    pub(super) name: String,
    /// Engine and value, in the order of the legend.
    pub(super) values: Vec<(&'static str, f64)>,
}

/// What a unit measures, and how many of the picture's own units one of it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Time,
    Rate,
    Bytes,
    Percent,
}

/// The pictures of what can be shown; a figure of a unit that is none of these is left out.
pub(super) fn all(figures: &[Figure]) -> Vec<Picture> {
    let mut kinds: BTreeMap<Kind, Vec<Work>> = BTreeMap::new();
    for figure in figures {
        let Some((kind, scale)) = kind_of(figure) else { continue };
        let works = kinds.entry(kind).or_default();
        let at = works.iter().position(|work| work.name == figure.work).unwrap_or_else(|| {
            works.push(Work { name: figure.work.clone(), values: Vec::new() });
            works.len() - 1
        });
        works[at].values.push((figure.engine, figure.spread.median * scale));
    }
    kinds.into_iter().map(|(kind, works)| kind.figure(works)).collect()
}

fn kind_of(figure: &Figure) -> Option<(Kind, f64)> {
    let unit = figure.unit;
    if unit == "%" {
        return Some((Kind::Percent, 1.0));
    }
    if let Some(what) = unit.strip_suffix("/s") {
        let scale = if what.starts_with("M ") { 1e6 } else { 1.0 };
        return Some((Kind::Rate, scale));
    }
    if figure.better == Better::More {
        return None;
    }
    // "ns", or "ns an operation".
    let scale = match unit.split([' ', '/']).next()? {
        "ns" => 1.0,
        "us" | "µs" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        "B" | "bytes" => return Some((Kind::Bytes, 1.0)),
        "KiB" => return Some((Kind::Bytes, 1024.0)),
        "MiB" => return Some((Kind::Bytes, 1024.0 * 1024.0)),
        _ => return None,
    };
    Some((Kind::Time, scale))
}

impl Kind {
    fn figure(self, mut works: Vec<Work>) -> Picture {
        for work in &mut works {
            work.values.sort_by_key(|(engine, _)| engine_style::rank(engine));
        }
        let (name, title, x_label) = match self {
            Self::Time => ("latency_by_work", "Time, by work", "less is better, logarithmic"),
            Self::Rate => {
                ("rate_by_work", "Done in a second, by work", "more is better, logarithmic")
            }
            Self::Bytes => ("bytes_by_work", "Bytes, by work", "less is better, logarithmic"),
            Self::Percent => {
                ("hit_ratio", "Hits on traces at equal memory", "percent, more is better")
            }
        };
        let format = if self == Self::Time { time } else { short };
        Picture { name, title, x_label, logarithmic: self != Self::Percent, format, works }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spread::Spread;

    fn figure(work: &str, engine: &'static str, value: f64, unit: &'static str) -> Figure {
        let better = if unit.ends_with("/s") { Better::More } else { Better::Less };
        Figure { work: work.into(), engine, spread: Spread::of(vec![value]), unit, better }
    }

    #[test]
    fn figures_of_one_kind_stand_in_one_picture_in_one_unit() {
        let figures = [
            figure("cold", "redb", 0.7, "us"),
            figure("hit", "moka", 234.0, "ns"),
            figure("hit", "tidetable", 25.0, "ns"),
            figure("bulk", "tidetable", 3.5, "M records/s"),
            figure("odd", "tidetable", 3.5, "apples"),
        ];
        let pictures = all(&figures);
        let names: Vec<_> = pictures.iter().map(|picture| picture.name).collect();
        assert_eq!(names, ["latency_by_work", "rate_by_work"]);
        let [cold, hit] = &pictures[0].works[..] else { panic!("{pictures:?}") };
        assert_eq!(cold.values, [("redb", 700.0)]);
        assert_eq!(hit.values[0], ("tidetable", 25.0), "it comes first in the legend");
        assert_eq!(pictures[1].works[0].values, [("tidetable", 3.5e6)]);
    }
}
