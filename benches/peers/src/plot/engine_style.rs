//! How each engine looks, in every picture.

/// A colour and a mark, so that those who see few colours can tell two engines apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Style {
    pub(super) colour: &'static str,
    pub(super) mark: Mark,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Disc,
    Square,
    Diamond,
    TriangleUp,
    TriangleDown,
    Cross,
}

const VERMILION: &str = "#D55E00";
const BLUE: &str = "#0072B2";
const SKY: &str = "#56B4E9";
const GREEN: &str = "#009E73";
const ORANGE: &str = "#E69F00";
const PURPLE: &str = "#CC79A7";
const GREY: &str = "#8C8C8C";

const ENGINES: [(&str, Style); 11] = [
    ("tidetable", style(VERMILION, Mark::Disc)),
    ("quick_cache", style(BLUE, Mark::Square)),
    ("moka", style(SKY, Mark::Diamond)),
    ("foyer", style(GREEN, Mark::TriangleUp)),
    ("redb", style(PURPLE, Mark::TriangleDown)),
    ("lmdb", style(ORANGE, Mark::Square)),
    ("fjall", style(GREEN, Mark::Cross)),
    ("sqlite", style(BLUE, Mark::Diamond)),
    ("rocksdb", style(GREY, Mark::Square)),
    ("salsa", style(SKY, Mark::TriangleDown)),
    ("moka_sqlite_json", style(GREY, Mark::Cross)),
];

const fn style(colour: &'static str, mark: Mark) -> Style {
    Style { colour, mark }
}

/// The style of an engine. A name that is none, as of a work, takes one by its place in the picture.
pub(super) fn of(name: &str, place: usize) -> Style {
    let known = ENGINES.iter().find(|(engine, _)| *engine == name);
    known.unwrap_or(&ENGINES[place % ENGINES.len()]).1
}

/// Engines in the order of the legend; others after them, as they come.
pub(super) fn rank(name: &str) -> usize {
    ENGINES.iter().position(|(engine, _)| *engine == name).unwrap_or(ENGINES.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_engines_look_alike() {
        for (at, (name, style)) in ENGINES.iter().enumerate() {
            let alike = ENGINES[..at].iter().find(|(_, other)| other == style);
            assert!(alike.is_none(), "{name} looks as {alike:?}");
        }
    }
}
