//! A grid for people.

use crate::time::{Span, Timestamp};

/// Puts a grid's description, as it is kept in the file, into words.
pub(crate) fn grid_in_words(described: &str) -> String {
    let mut parts = described.split(' ');
    let shape = parts.next().unwrap_or_default();
    let value = |name: &str| {
        parts
            .clone()
            .find_map(|part| part.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')))
    };
    let millis = |name| value(name).and_then(|number| number.parse::<i64>().ok());
    if let Some(zone) = value("zone") {
        return format!("{shape}s of {zone}");
    }
    let Some(width) = millis("width") else { return described.to_owned() };
    let mut words = format!("buckets of {}", Span::millis(width));
    if let Some(origin) = millis("origin").filter(|origin| *origin != 0) {
        words.push_str(&format!(", counted from {}", Timestamp::from_millis(origin)));
    }
    if let Some(zone) = value("day_zone") {
        words.push_str(&format!(", in pages by day of {zone}"));
    }
    words
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::super::Grid;
    use crate::time::Timestamp;

    #[test]
    fn every_shape_of_a_grid_has_words() {
        let by_day = Grid::minutes(10).pages_by_day("Europe/Stockholm");
        for (grid, words) in [
            (Grid::hours(1), "buckets of 1 h"),
            (by_day, "buckets of 10 min, in pages by day of Europe/Stockholm"),
            (
                Grid::hours(6).origin(Timestamp::from_seconds(3600)),
                "buckets of 6 h, counted from 1970-01-01T01:00:00Z",
            ),
            (Grid::weekly("UTC"), "weeks of UTC"),
            (Grid::timeless(), "timeless"),
        ] {
            assert_eq!(grid.to_string(), words);
        }
    }
}
