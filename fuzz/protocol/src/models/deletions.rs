//! Retention: a record goes, and its readers stay as they are.

use crate::model::{Bounds, Fills, Model, Start};
use crate::models::topologies::chain;
use crate::rules::Rules;
use crate::small::Each;

const LITTLE: Bounds = Bounds::LITTLE;
const DESIGNED: Rules = Rules::DESIGNED;
const SETTLED: Bounds = Bounds { start: Start::Settled, retentions: 1, ..LITTLE };

pub fn models() -> Vec<Model> {
    vec![
        Model::new("retention: chain of 2", "From nothing, two changes.", chain(2))
            .within(Bounds { start: Start::Empty, changes: Each([2, 0, 0]), ..SETTLED }),
        Model::new("retention: chain of 3", "Walks pass through a tombstone.", chain(3))
            .within(Bounds { builds: Each([1, 1, 1, 0]), retentions: 2, ..SETTLED }),
        Model::new("retention: cached", "Tombstones are never served.", chain(2)).within(Bounds {
            fills: Fills::Records,
            evictions: 1,
            ..SETTLED
        }),
        Model::new(
            "retention: chain of 3, from nothing",
            "Walks pass through a tombstone, from nothing, two changes.",
            chain(3),
        )
        .within(Bounds { start: Start::Empty, changes: Each([2, 0, 0]), ..SETTLED })
        .large(),
        Model::new(
            "retention: leaves nothing",
            "A record that goes leaves the way to its readers.",
            chain(2),
        )
        .within(SETTLED)
        .broken(
            Rules { tombstones: false, ..DESIGNED },
            "A change of what the deleted record had read finds no way to who had read it.",
        ),
    ]
}
