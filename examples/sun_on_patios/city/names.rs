//! What patios are called.

const FIRST: [&str; 24] = [
    "Amber", "Blue", "Brass", "Copper", "Crooked", "Early", "Empty", "Gilded", "Green", "Harbour",
    "Honest", "Lazy", "Little", "Lucky", "Old", "Quiet", "Red", "Salty", "Silver", "Sleepy",
    "Tall", "Velvet", "White", "Windy",
];
const SECOND: [&str; 24] = [
    "Anchor", "Baker", "Barrel", "Bell", "Cat", "Dolphin", "Fiddle", "Garden", "Gull", "Hare",
    "Heron", "Kettle", "Ladle", "Lantern", "Linden", "Mill", "Oyster", "Pear", "Plough", "Rook",
    "Rose", "Spoon", "Tiger", "Whale",
];

/// The name of a patio: the first 576 are all different, and a number tells the others apart.
pub(super) fn name(patio: u32) -> String {
    let patio = patio as usize;
    let (names, round) = (FIRST.len() * SECOND.len(), patio / (FIRST.len() * SECOND.len()));
    // A step without a divisor in common with the number of names goes through all of them.
    let place = patio * 235 % names;
    let name = format!("{} {}", FIRST[place / SECOND.len()], SECOND[place % SECOND.len()]);
    if round == 0 { name } else { format!("{name} {}", round + 1) }
}
