//! Marking walks, and the stamps that stand for what a walk does not reach.

use crate::model::{Bounds, Fills, Model, Start};
use crate::models::topologies::{chain, chain_with_cut_off, diamond, over_a_put, with_own_leaf};
use crate::rules::Rules;
use crate::small::Each;
use crate::topology::Leaf;

const LITTLE: Bounds = Bounds::LITTLE;
const DESIGNED: Rules = Rules::DESIGNED;
const SETTLED: Bounds = Bounds { start: Start::Settled, ..LITTLE };
const CACHED: Bounds = Bounds { fills: Fills::Records, evictions: 1, ..SETTLED };
const VIEW: Leaf = Leaf::Code(0);

/// A walk that marks one record and stamps the rest.
const SHORT: Bounds = Bounds {
    walk_max: 1,
    changes: Each([2, 0, 0]),
    builds: Each([2, 1, 1, 0]),
    builds_take_marked: true,
    ..SETTLED
};

pub fn models() -> Vec<Model> {
    vec![
        Model::new(
            "walks: a whole view",
            "Stamps and a record downstream.",
            with_own_leaf(VIEW, 2),
        )
        .within(CACHED),
        Model::new("walks: a put", "What the application writes has readers.", over_a_put(3))
            .within(CACHED),
        Model::new("walks: overflow in a chain", "One is marked, the rest stamped.", chain(3))
            .within(SHORT),
        Model::new(
            "walks: overflow at once",
            "Nothing is marked, all stamped.",
            chain_with_cut_off(2),
        )
        .within(Bounds { walk_max: 0, builds: Each([2, 2, 0, 0]), ..SHORT }),
        Model::new("walks: overflow in a diamond", "A direct reader is stamped.", diamond())
            .within(Bounds { changes: Each([1, 0, 0]), builds: Each([1, 1, 2, 0]), ..SHORT }),
        Model::new("walks: overflow, cached", "Stamps are published after pages.", chain(2))
            .within(Bounds { walk_max: 0, fills: Fills::Records, evictions: 1, ..SETTLED }),
        Model::new("walks: overflow, crash", "Stamps, and records that are lost.", chain(3))
            .within(Bounds { changes: Each([1, 0, 0]), crashes: 1, ..SHORT }),
        Model::new(
            "walks: overflow, from nothing",
            "One is marked, the rest stamped, from nothing.",
            chain(3),
        )
        .within(Bounds { start: Start::Empty, builds: Each([2; 4]), ..SHORT })
        .large(),
        Model::new(
            "walks: a change does not",
            "A change of content walks, whoever makes it.",
            over_a_put(2),
        )
        .within(SETTLED)
        .broken(
            Rules { changes_walk: false, ..DESIGNED },
            "A put is no mark: nobody else tells its readers.",
        ),
        Model::new(
            "walks: a stamp stays in its view",
            "A stamp on a view reaches those who read the view.",
            with_own_leaf(VIEW, 2),
        )
        .within(SETTLED)
        .broken(
            Rules { stamps_reach_readers: false, ..DESIGNED },
            "The records of other views that read it are called fresh.",
        ),
        Model::new(
            "walks: overflow is forgotten",
            "What a walk does not reach is stamped.",
            chain(3),
        )
        .within(SHORT)
        .broken(
            Rules { overflow_stamps: false, ..DESIGNED },
            "Whoever the walk did not reach is called fresh.",
        ),
        Model::new(
            "walks: one revision a commit",
            "Operations of one commit come one after the other, too.",
            with_own_leaf(VIEW, 2),
        )
        .within(Bounds { pairs: true, ..LITTLE })
        .broken(
            Rules { revision_an_operation: false, ..DESIGNED },
            "A record stored in the same commit as the stamp has a V that is not below it.",
        ),
    ]
}
