//! What the writer remembers of what was touched since the oldest flight or evidence began.

use crate::model::{Bounds, Model};
use crate::models::topologies::{range, two_sources, with_own_leaf};
use crate::rules::{Forgotten, Rules};
use crate::small::Each;
use crate::topology::{Leaf, Topology};

const LITTLE: Bounds = Bounds::LITTLE;
const DESIGNED: Rules = Rules::DESIGNED;
const ONE: Bounds = Bounds { changes: Each([1, 1, 0]), touched_max: 1, ..LITTLE };

/// A record that may be invalidated itself, and those that read it.
fn itself(records: u8) -> Topology {
    with_own_leaf(Leaf::Itself(0), records)
}

pub fn models() -> Vec<Model> {
    vec![
        Model::new("memory: a record invalidated itself", "Also while it is absent.", itself(2))
            .within(Bounds { changes: Each([2, 0, 0]), builds_take_marked: true, ..LITTLE }),
        Model::new("memory: one thing is remembered", "The floor rises.", two_sources())
            .within(Bounds { changes: Each([2, 2, 0]), builds: Each([3; 4]), ..ONE }),
        Model::new("memory: one thing, two records", "The other's is forgotten.", range(2))
            .within(ONE),
        Model::new("memory: nothing is remembered", "Everything is forgotten.", range(3))
            .within(Bounds { touched_max: 0, changes: Each([1, 0, 0]), ..ONE }),
        Model::new(
            "memory: not of the record itself",
            "What is invalidated while it is built is remembered.",
            itself(1),
        )
        .within(LITTLE)
        .broken(
            Rules { self_touch: false, ..DESIGNED },
            "It was invalidated while it was built for the first time: no mark says so.",
        ),
        Model::new(
            "memory: what is forgotten never was",
            "What is forgotten may have been anything.",
            range(2),
        )
        .within(ONE)
        .broken(
            Rules { forgotten: Forgotten::Ignored, ..DESIGNED },
            "A flight older than the floor is stored fresh, over a change that was forgotten.",
        ),
        Model::new(
            "memory: what is forgotten is suspect",
            "What is forgotten may have been anything, so nothing spares from it.",
            range(2),
        )
        .within(ONE)
        .broken(
            Rules { forgotten: Forgotten::Suspect, ..DESIGNED },
            "V is that of the store: the forgotten change lies below it, so the record is spared.",
        ),
    ]
}
