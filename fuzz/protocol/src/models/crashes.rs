//! Power that is lost: what was acknowledged is kept, and what was begun is not forgotten.

use crate::model::{Bounds, Model, Start};
use crate::models::topologies::{chain, chain_with_cut_off, diamond};
use crate::rules::Rules;
use crate::small::Each;

const LITTLE: Bounds = Bounds::LITTLE;
const DESIGNED: Rules = Rules::DESIGNED;
const CRASH: Bounds = Bounds { crashes: 1, ..LITTLE };
const SETTLED: Bounds = Bounds { start: Start::Settled, ..CRASH };
const INTENTS: Bounds = Bounds { intents: true, ..SETTLED };

pub fn models() -> Vec<Model> {
    vec![
        Model::new(
            "crash: pairs in a commit",
            "Revisions are given out twice.",
            chain_with_cut_off(2),
        )
        .within(Bounds { pairs: true, changes: Each([2, 0, 0]), ..CRASH }),
        Model::new("crash: two in a row", "What is built is lost.", chain(2))
            .within(Bounds { crashes: 2, ..CRASH }),
        Model::new("crash: diamond", "Half of it is lost.", diamond())
            .within(Bounds { builds: Each([2, 1, 2, 0]), ..SETTLED }),
        Model::new("crash: intents", "Two changes, which may overlap; two crashes.", chain(2))
            .within(Bounds { changes: Each([2, 0, 0]), crashes: 2, ..INTENTS }),
        Model::new("crash: diamond, from nothing", "Half of it is lost, from nothing.", diamond())
            .within(CRASH)
            .large(),
        Model::new(
            "crash: invalidations are not synced",
            "What was acknowledged is kept.",
            chain(1),
        )
        .within(SETTLED)
        .broken(
            Rules { synced_invalidations: false, ..DESIGNED },
            "The call has returned, and the mark is gone.",
        ),
        Model::new(
            "crash: intents are not synced",
            "An intent that was acknowledged is kept.",
            chain(1),
        )
        .within(INTENTS)
        .broken(
            Rules { synced_intents: false, ..DESIGNED },
            "The data is changed, and nothing is left that says it was going to be.",
        ),
        Model::new(
            "crash: left-over intents do not count",
            "Who has begun a change may never come to end it.",
            chain(1),
        )
        .within(INTENTS)
        .broken(
            Rules { left_intents_count: false, ..DESIGNED },
            "The application changed its data and never came to say so.",
        ),
        Model::new("crash: one intent a source", "Each change has an intent of its own.", chain(1))
            .within(Bounds { changes: Each([2, 0, 0]), ..INTENTS })
            .broken(
                Rules { intent_a_change: false, ..DESIGNED },
                "The change that ends first takes the other's intent with it.",
            ),
    ]
}
