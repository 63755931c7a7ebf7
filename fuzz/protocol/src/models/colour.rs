//! Colour at store: decided from what the build observed, in the transaction that stores it.

use crate::model::{Bounds, Fills, Model, Start};
use crate::models::topologies::{chain, chain_that_returns, choice, diamond, over_a_put};
use crate::rules::{Rules, Seen};
use crate::small::Each;

const LITTLE: Bounds = Bounds::LITTLE;
const DESIGNED: Rules = Rules::DESIGNED;

/// Builds take marked records, too: more can go wrong, and a waiting build is one of these.
const BOLD: Bounds = Bounds { builds_take_marked: true, ..LITTLE };
const SETTLED: Bounds = Bounds { start: Start::Settled, ..BOLD };
const TWICE: Bounds = Bounds { changes: Each([2, 0, 0]), ..SETTLED };
const CHOICE: Bounds = Bounds { changes: Each([1, 1, 0]), builds: Each([1, 1, 1, 0]), ..SETTLED };
/// Record 0 is written by the application.
const PUTS: Bounds = Bounds { fills: Fills::Records, builds_take_marked: false, ..TWICE };

pub fn models() -> Vec<Model> {
    let mut models = sound();
    models.extend(broken());
    models
}

fn sound() -> Vec<Model> {
    vec![
        Model::new("colour: chain of 2", "From nothing, two changes.", chain(2))
            .within(Bounds { changes: Each([2, 0, 0]), ..BOLD }),
        Model::new("colour: chain of 3", "Settled, two changes.", chain(3))
            .within(Bounds { builds: Each([2, 1, 1, 0]), ..TWICE }),
        Model::new(
            "colour: content that returns",
            "C tells contents apart that look alike.",
            chain_that_returns(2),
        )
        .within(Bounds { builds: Each([3, 2, 0, 0]), needless_builds: 1, ..TWICE }),
        Model::new("colour: diamond", "Two ways from one source.", diamond()).within(Bounds {
            builds: Each([1, 1, 2, 0]),
            needless_builds: 1,
            ..SETTLED
        }),
        Model::new("colour: what is read depends", "Dependencies come and go.", choice())
            .within(Bounds { builds: Each([1, 2, 1, 0]), needless_builds: 1, ..CHOICE }),
        Model::new(
            "colour: cached puts, seen before",
            "The engine's order of looks.",
            over_a_put(2),
        )
        .within(PUTS)
        .under(Rules { seen: Seen::Before, ..DESIGNED }),
        Model::new(
            "colour: marks when read do not count",
            "That what was read was marked then need not be kept: if it is neither marked nor \
             changed now, it has been found right as it was.",
            choice(),
        )
        .within(Bounds { builds: Each([1, 2, 1, 0]), ..CHOICE })
        .under(Rules { marks_count_when_read: false, ..DESIGNED }),
        Model::new("colour: chain of 3, from nothing", "Needless builds, too.", chain(3))
            .within(Bounds { needless_builds: 2, ..BOLD })
            .large(),
        Model::new(
            "colour: diamond, from nothing",
            "Two ways from one source, two builds of each.",
            diamond(),
        )
        .within(BOLD)
        .large(),
        Model::new(
            "colour: what is read depends, from nothing",
            "Dependencies come and go, needless builds, too.",
            choice(),
        )
        .within(Bounds { changes: Each([1, 1, 0]), needless_builds: 2, ..BOLD })
        .large(),
        Model::new(
            "colour: content that returns, cached",
            "Fills, and two spared.",
            chain_that_returns(2),
        )
        .within(Bounds { fills: Fills::Records, spares: 2, ..TWICE })
        .large(),
    ]
}

fn broken() -> Vec<Model> {
    vec![
        Model::new(
            "colour: changes are not compared",
            "What a build has read is compared with what is there when it is stored.",
            chain(2),
        )
        .within(TWICE)
        .broken(
            Rules { changes_are_compared: false, ..DESIGNED },
            "A build that has read old data stores it as fresh after the change was announced.",
        ),
        Model::new(
            "colour: marks at store do not count",
            "What a build has read may be marked before its record is stored.",
            chain(2),
        )
        .within(TWICE)
        .broken(
            Rules { marks_count_at_store: false, ..DESIGNED },
            "A record read while it was fresh and marked since is not yet another, but will be.",
        ),
        Model::new(
            "colour: seen is taken after the look",
            "What counts as seen is noted before the look.",
            over_a_put(2),
        )
        .within(PUTS)
        .broken(
            Rules { seen: Seen::After, ..DESIGNED },
            "What is published between the look and the note counts as seen, and was not.",
        ),
        Model::new(
            "colour: stored marked does not walk",
            "Who turns from fresh to marked tells its readers, also by being stored.",
            choice(),
        )
        .within(Bounds { needless_builds: 1, ..CHOICE })
        .broken(
            Rules { stored_marked_walks: false, ..DESIGNED },
            "A record that was fresh is stored marked, because it reads something else now; its \
                 readers are fresh, and the next walk ends at it.",
        ),
    ]
}
