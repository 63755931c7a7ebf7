//! The figures for people: a block for each work, the best engine first.

use std::fmt::Write;

use crate::engine::TIDETABLE;
use crate::figure::{Better, Figure};

/// A block of text for one work. The ratio says how many times better (above 1) or worse (below 1)
/// tidetable is than the engine of the row.
pub fn block(work: &str, figures: &[Figure]) -> String {
    let mut rows: Vec<&Figure> = figures.iter().filter(|figure| figure.work == work).collect();
    rows.sort_by(|a, b| {
        let order = a.spread.median.total_cmp(&b.spread.median);
        if a.better == Better::Less { order } else { order.reverse() }
    });
    let subject = rows.iter().find(|row| row.engine == TIDETABLE).map(|row| row.spread.median);
    let mut text = String::new();
    if let Some(row) = rows.first() {
        let better = if row.better == Better::Less { "less" } else { "more" };
        _ = writeln!(text, "{work}, {} ({better} is better)", row.unit);
    }
    for row in rows {
        let spread = row.spread;
        let ratio = match subject {
            Some(_) if row.engine == TIDETABLE => String::new(),
            Some(subject) => format!("{:>8.2}x", advantage(subject, spread.median, row.better)),
            None => String::new(),
        };
        let (least, most) = (number(spread.least), number(spread.most));
        let name = row.engine;
        _ = writeln!(
            text,
            "    {name:<18}{:>12}{ratio:>10}   {least} to {most}",
            number(spread.median)
        );
    }
    text
}

/// How many times better the first is than the second.
fn advantage(subject: f64, peer: f64, better: Better) -> f64 {
    match better {
        Better::Less => peer / subject,
        Better::More => subject / peer,
    }
}

/// Three or four digits, whatever the size.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 1_000.0 => format!("{value:.0}"),
        size if size >= 100.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spread::Spread;

    fn figure(engine: &'static str, median: f64) -> Figure {
        let spread = Spread { median, least: median, most: median };
        Figure {
            work: "bulk".to_owned(),
            engine,
            spread,
            unit: "M records/s",
            better: Better::More,
        }
    }

    #[test]
    fn the_best_stands_first_and_a_lost_row_says_so() {
        let text =
            block("bulk", &[figure("lmdb", 4.0), figure(TIDETABLE, 2.0), figure("sqlite", 1.0)]);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[1].contains("lmdb") && lines[1].contains("0.50x"), "{text}");
        assert!(lines[3].contains("sqlite") && lines[3].contains("2.00x"), "{text}");
    }
}
