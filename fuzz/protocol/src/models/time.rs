//! Time: what changes silently is seen anew at every tick, by whatever was built from it.

use crate::model::{Bounds, Fills, Model, Start};
use crate::models::topologies::{silent_chain, silent_choice, silent_members, silent_twice};
use crate::rules::Rules;
use crate::small::Each;

const LITTLE: Bounds = Bounds::LITTLE;
const DESIGNED: Rules = Rules::DESIGNED;
const TICKS: Bounds =
    Bounds { start: Start::Settled, changes: Each([2, 0, 0]), ticks: 2, spares: 2, ..LITTLE };
const CHOICE: Bounds = Bounds {
    changes: Each([1, 1, 0]),
    ticks: 1,
    builds: Each([1, 1, 1, 0]),
    needless_builds: 1,
    spares: 1,
    ..TICKS
};

pub fn models() -> Vec<Model> {
    let mut models = sound();
    models.extend(broken());
    models
}

fn sound() -> Vec<Model> {
    vec![
        Model::new("time: chain of 2", "Expired, built, spared.", silent_chain(2)).within(TICKS),
        Model::new("time: chain of 3", "Expiry is inherited twice.", silent_chain(3))
            .within(Bounds { builds: Each([2, 1, 1, 0]), ..TICKS }),
        Model::new("time: chain of 2, bold", "Builds take what is expired.", silent_chain(2))
            .within(Bounds { builds_take_marked: true, ..TICKS }),
        Model::new("time: chain of 2, cached", "Pages that lag behind.", silent_chain(2)).within(
            Bounds { fills: Fills::Records, evictions: 1, builds: Each([2, 1, 0, 0]), ..TICKS },
        ),
        Model::new("time: choice", "What is read expires or does not.", silent_choice())
            .within(CHOICE),
        Model::new("time: choice, bold", "And builds take what is marked.", silent_choice())
            .within(Bounds { builds_take_marked: true, ..CHOICE }),
        Model::new("time: a time of its own", "Own and inherited.", silent_twice())
            .within(Bounds { changes: Each([1, 1, 0]), ..TICKS }),
        Model::new("time: a whole view", "It expires with the first of it.", silent_members())
            .within(Bounds { builds: Each([2, 2, 1, 0]), ..TICKS }),
        Model::new("time: chain of 2, a crash", "Time goes on.", silent_chain(2)).within(Bounds {
            crashes: 1,
            builds: Each([2, 1, 0, 0]),
            ..TICKS
        }),
        Model::new("time: choice, two builds", "Each may be built again.", silent_choice())
            .within(Bounds { builds: Each([2, 2, 1, 0]), ..CHOICE })
            .large(),
        Model::new(
            "time: times when read count, too",
            "That what was read counted less long then need not be kept: it has been found right \
                 since.",
            silent_choice(),
        )
        .within(CHOICE)
        .under(Rules { times_when_read: true, ..DESIGNED }),
    ]
}

fn broken() -> Vec<Model> {
    vec![
        Model::new("time: own time alone", "Readers expire, too.", silent_chain(2))
            .within(TICKS)
            .broken(
                Rules { times_at_store: false, ..DESIGNED },
                "What was built from a record stays fresh when that expires.",
            ),
        Model::new("time: as when it was read", "Times may shorten since.", silent_choice())
            .within(CHOICE)
            .broken(
                Rules { times_at_store: false, times_when_read: true, ..DESIGNED },
                "What it has read did not expire then; it was announced and built anew to the same \
                 content, of something that does.",
            ),
        Model::new("time: spared by its own time", "Renewed by what renews it.", silent_chain(2))
            .within(TICKS)
            .broken(
                Rules { sparing_takes_times: false, ..DESIGNED },
                "A record that was spared once is fresh for ever.",
            ),
        Model::new("time: evidence takes what is expired", "It asks first.", silent_chain(2))
            .within(TICKS)
            .broken(
                Rules { expired_is_no_evidence: false, sparing_takes_times: false, ..DESIGNED },
                "What it looks at is as it was, because nobody has looked again.",
            ),
        Model::new("time: own time is spared", "Its own time has no evidence.", silent_twice())
            .within(Bounds { changes: Each([1, 1, 0]), ..TICKS })
            .broken(
                Rules { sparing_keeps_own_time: false, ..DESIGNED },
                "What it read is as it was, and what it looked at itself is not.",
            ),
    ]
}
