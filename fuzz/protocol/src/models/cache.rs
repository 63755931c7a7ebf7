//! The cache and those who read through it: fills, shortcuts, and readers that wait.

use crate::model::{Bounds, Fills, Model, Start};
use crate::models::topologies::{chain, chain_with_cut_off, two_sources, with_own_leaf};
use crate::rules::{Answer, Rules};
use crate::small::Each;
use crate::topology::Leaf;

const LITTLE: Bounds = Bounds::LITTLE;
const DESIGNED: Rules = Rules::DESIGNED;
const CACHED: Bounds =
    Bounds { start: Start::Settled, fills: Fills::Records, evictions: 1, ..LITTLE };
const WAITING: Bounds = Bounds { waiting_readers: 1, changes: Each([1, 1, 0]), ..LITTLE };

pub fn models() -> Vec<Model> {
    vec![
        Model::new(
            "cache: one record, all that happens",
            "Every move of the cache, and a crash.",
            chain(1),
        )
        .within(Bounds {
            start: Start::Empty,
            changes: Each([2, 0, 0]),
            builds: Each([3; 4]),
            needless_builds: 2,
            evictions: 2,
            crashes: 1,
            shortcuts: true,
            ..CACHED
        }),
        Model::new("cache: chain of 2", "Pages that lag behind.", chain(2)).within(CACHED),
        Model::new("cache: readers that wait", "Overtaken ones say so.", two_sources())
            .within(Bounds { waiting_readers: 2, builds: Each([3; 4]), ..WAITING }),
        Model::new("cache: readers that wait, chain", "For records over records.", chain(2))
            .within(Bounds { changes: Each([1, 0, 0]), builds: Each([2, 2, 0, 0]), ..WAITING }),
        Model::new(
            "cache: cut-off, from nothing",
            "Two changes, the first of which comes to nothing.",
            chain_with_cut_off(2),
        )
        .within(Bounds { start: Start::Empty, changes: Each([2, 0, 0]), ..CACHED })
        .large(),
        Model::new(
            "cache: itself, from nothing",
            "A record that is invalidated itself, and its reader.",
            with_own_leaf(Leaf::Itself(0), 2),
        )
        .within(Bounds { start: Start::Empty, changes: Each([2, 0, 0]), ..CACHED })
        .large(),
        Model::new("cache: no tickets", "A fill that was overtaken installs nothing.", chain(1))
            .within(CACHED)
            .broken(
                Rules { tickets: false, ..DESIGNED },
                "A page that was read before an invalidation enters the cache after it.",
            ),
        Model::new(
            "cache: no retired flag",
            "A page that has left the cache is believed by nobody.",
            chain(1),
        )
        .within(Bounds { shortcuts: true, ..CACHED })
        .broken(
            Rules { retired_flag: false, ..DESIGNED },
            "The page is evicted, so its marks are raised nowhere, and a thread goes on with it.",
        ),
        Model::new(
            "cache: a flight is fresh because new",
            "A flight that is joined may have begun too early.",
            two_sources(),
        )
        .within(WAITING)
        .broken(
            Rules { answer: Answer::Always, ..DESIGNED },
            "The flight had read before the announcement that the reader must see.",
        ),
        Model::new(
            "cache: a flight is fresh if begun after",
            "A flight of one's own may be overtaken.",
            two_sources(),
        )
        .within(WAITING)
        .broken(
            Rules { answer: Answer::IfBegunAfter, ..DESIGNED },
            "It has read one source before a change and the other after a later one: no \
                 moment has seen both.",
        ),
    ]
}
