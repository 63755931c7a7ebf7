//! What somebody who misspelt a zone may have meant.

/// The names most like `asked`, best first: at most three, and none that is like it only by chance.
pub(super) fn nearest<'a>(asked: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let asked = asked.to_lowercase();
    // A name of any length can be asked for; the work for it must stay small.
    if asked.chars().count() > LENGTH_MAX {
        return Vec::new();
    }
    let allowed = 1 + asked.chars().count() / 5;
    let mut near: Vec<(usize, &str)> = names
        .map(|name| (distance(&asked, name), name))
        .filter(|&(distance, _)| distance <= allowed)
        .collect();
    near.sort_unstable();
    near.into_iter().take(3).map(|(_, name)| name.to_owned()).collect()
}

/// No zone's name comes near this length.
const LENGTH_MAX: usize = 64;

/// How far `asked` is from the whole name or, for those who name only the city, from its last part.
fn distance(asked: &str, name: &str) -> usize {
    let name = name.to_lowercase();
    let city = name.rsplit('/').next().unwrap_or(&name);
    edits(asked, &name).min(edits(&asked.replace(' ', "_"), city))
}

/// How many letters have to be put in, taken out or changed to make one word of the other.
fn edits(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, &wanted) in other.iter().enumerate() {
            let changed = diagonal + usize::from(letter != wanted);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_zone_a_bare_city_and_a_wrong_case_find_the_zone() {
        let zones = ["Europe/Stockholm", "Europe/Oslo", "America/New_York", "UTC"];
        let near = |asked| nearest(asked, zones.into_iter());
        assert_eq!(near("Europe/Stokholm"), ["Europe/Stockholm"]);
        assert_eq!(near("stockholm"), ["Europe/Stockholm"]);
        assert_eq!(near("New York"), ["America/New_York"]);
        assert!(near("Atlantis/Centre").is_empty());
        assert!(near("").is_empty());
        assert!(near(&"x".repeat(100_000)).is_empty());
    }

    #[test]
    fn edits_count_letters() {
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!(edits("", "abc"), 3);
        assert_eq!(edits("abc", "abc"), 0);
    }
}
