//! The figures for machines.

use std::fs;
use std::io;
use std::path::Path;

use serde::Serialize;

use crate::figure::{Better, Figure};

/// A row of `peers.json`: these five and no more.
#[derive(Serialize)]
struct Row<'a> {
    work: &'a str,
    engine: &'a str,
    value: f64,
    unit: &'a str,
    better: Better,
}

/// Writes the figures into a file.
pub fn write(file: &Path, figures: &[Figure]) -> io::Result<()> {
    let rows: Vec<Row<'_>> = figures.iter().map(row).collect();
    fs::write(file, serde_json::to_string_pretty(&rows)? + "\n")
}

fn row(figure: &Figure) -> Row<'_> {
    let Figure { work, engine, spread, unit, better } = figure;
    Row { work, engine, value: spread.median, unit, better: *better }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spread::Spread;

    #[test]
    fn a_row_has_five_keys() {
        let spread = Spread { median: 25.5, least: 25.0, most: 30.0 };
        let work = "hit_1t".to_owned();
        let figure = Figure { work, engine: "moka", spread, unit: "ns", better: Better::Less };
        let text = serde_json::to_string(&row(&figure)).unwrap();
        let expected =
            r#"{"work":"hit_1t","engine":"moka","value":25.5,"unit":"ns","better":"less"}"#;
        assert_eq!(text, expected);
    }
}
