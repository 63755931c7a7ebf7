//! Closing and opening in one process, with somebody in the middle of something.

use crate::model::{Bounds, Fills, Model, Start};
use crate::models::topologies::{chain, chain_with_cut_off, choice, with_own_leaf};
use crate::rules::Rules;
use crate::small::Each;
use crate::topology::Leaf;

const LITTLE: Bounds = Bounds::LITTLE;
const DESIGNED: Rules = Rules::DESIGNED;
const EMPTY: Bounds = Bounds { reopenings: 1, ..LITTLE };
const SETTLED: Bounds = Bounds { start: Start::Settled, ..EMPTY };
const CACHED: Bounds = Bounds { fills: Fills::Records, shortcuts: true, ..SETTLED };
const TWICE: Bounds = Bounds { changes: Each([2, 0, 0]), ..SETTLED };
/// All suspicion by stamps, of records that need not have read what has changed.
const STAMPED: Bounds =
    Bounds { walk_max: 0, changes: Each([1, 1, 0]), builds: Each([1, 1, 1, 0]), ..SETTLED };
const LOSSY: Bounds = Bounds { lossy_reopenings: 1, reopenings: 0, ..LITTLE };

/// Flights, fills and evidence of another life are taken for ones of this.
const ALIKE: Rules = Rules { lives_are_compared: false, ..DESIGNED };

pub fn models() -> Vec<Model> {
    vec![
        Model::new("lives: flights", "A build that lands in the next life.", chain(2))
            .within(Bounds { reopenings: 2, ..EMPTY }),
        Model::new("lives: fills", "A page read in the life before.", chain(2)).within(CACHED),
        Model::new("lives: evidence", "Gathered in the life before.", chain_with_cut_off(2))
            .within(TWICE),
        Model::new(
            "lives: evidence under stamps",
            "Of records that are suspect for another's sake.",
            choice(),
        )
        .within(STAMPED),
        Model::new(
            "lives: itself",
            "What was touched is forgotten.",
            with_own_leaf(Leaf::Itself(0), 2),
        )
        .within(EMPTY),
        Model::new(
            "lives: a view",
            "Revisions go on after a close.",
            with_own_leaf(Leaf::Code(0), 2),
        )
        .within(SETTLED),
        Model::new("lives: a failure", "Revisions are given out twice.", chain(2)).within(LOSSY),
        Model::new("lives: flights alike", "A flight belongs to its life.", chain(1))
            .within(EMPTY)
            .broken(
                ALIKE,
                "What was touched in the life before is forgotten, and its flight is stored fresh.",
            ),
        Model::new("lives: fills alike", "A ticket belongs to its life.", chain(1))
            .within(CACHED)
            .broken(
                ALIKE,
                "The new life has not counted what was published in the old one: the ticket holds.",
            ),
        Model::new("lives: evidence alike", "Evidence belongs to its life.", choice())
            .within(Bounds { builds: Each([0; 4]), ..STAMPED })
            .broken(
                ALIKE,
                "What it looked at was touched before the close, and that is forgotten.",
            ),
        Model::new(
            "lives: alike after a failure",
            "A flight belongs to its life, the more where history is lost.",
            chain(2),
        )
        .within(LOSSY)
        .broken(ALIKE, "Its S is above revisions that are given out a second time."),
        Model::new(
            "lives: revisions begin anew",
            "Revisions outlive a close.",
            with_own_leaf(Leaf::Code(0), 2),
        )
        .within(SETTLED)
        .broken(
            Rules { close_keeps_revision: false, ..DESIGNED },
            "The stamp of a new invalidation is below what records were stored with before.",
        ),
    ]
}
