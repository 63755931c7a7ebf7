//! The models, by subject. In each file the protocol as designed comes first, and then what happens
//! without one of its rules.

mod cache;
mod colour;
mod crashes;
mod deletions;
mod evidence;
mod lives;
mod memory;
mod ranges;
mod time;
mod topologies;
mod walks;

use crate::model::Model;

/// All of them, in reading order.
pub fn all() -> Vec<Model> {
    let subjects = [
        colour::models(),
        walks::models(),
        evidence::models(),
        ranges::models(),
        deletions::models(),
        memory::models(),
        cache::models(),
        crashes::models(),
        lives::models(),
        time::models(),
    ];
    subjects.into_iter().flatten().collect()
}
