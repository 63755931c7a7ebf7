//! Sparing: evidence gathered outside the writer, accepted or refused in its transaction.

use crate::model::{Bounds, Fills, Model, Start};
use crate::models::topologies::{chain_with_cut_off, choice, diamond, switch};
use crate::rules::Rules;
use crate::small::Each;

const LITTLE: Bounds = Bounds::LITTLE;
const DESIGNED: Rules = Rules::DESIGNED;
const TWICE: Bounds = Bounds { start: Start::Settled, changes: Each([2, 0, 0]), ..LITTLE };
/// No walk marks anything: all is stamped, so a changed source leaves its readers suspect.
const STAMPED: Bounds = Bounds { walk_max: 0, ..TWICE };
const CHOICE: Bounds = Bounds { changes: Each([1, 1, 0]), builds: Each([1, 1, 1, 0]), ..STAMPED };
const SWITCH: Bounds = Bounds {
    changes: Each([1, 1, 1]),
    builds: Each([1, 1, 1, 0]),
    builds_take_marked: true,
    ..TWICE
};

pub fn models() -> Vec<Model> {
    vec![
        Model::new(
            "evidence: early cut-off",
            "What comes out alike spares.",
            chain_with_cut_off(2),
        )
        .within(Bounds { spares: 2, builds: Each([3, 2, 0, 0]), ..TWICE }),
        Model::new("evidence: cut-off, chain of 3", "Spared, and spares.", chain_with_cut_off(3))
            .within(Bounds { spares: 2, builds: Each([2, 1, 1, 0]), ..TWICE }),
        Model::new("evidence: under stamps", "All suspicion by stamps.", chain_with_cut_off(2))
            .within(Bounds { spares: 2, builds: Each([3, 2, 0, 0]), ..STAMPED }),
        Model::new("evidence: under stamps, diamond", "Two things to look at.", diamond())
            .within(Bounds { builds: Each([2, 2, 1, 0]), changes: Each([1, 0, 0]), ..STAMPED }),
        Model::new(
            "evidence: from the cache",
            "Looks at pages that lag behind.",
            chain_with_cut_off(2),
        )
        .within(Bounds { fills: Fills::Records, builds: Each([2, 1, 0, 0]), ..TWICE }),
        Model::new(
            "evidence: from the cache, under stamps",
            "The cache and the published stamps lag behind.",
            chain_with_cut_off(2),
        )
        .within(Bounds { fills: Fills::Records, builds: Each([2, 1, 0, 0]), ..STAMPED }),
        Model::new("evidence: what is read depends", "A record and its successor.", switch())
            .within(SWITCH),
        Model::new("evidence: under stamps, choice", "Suspect for another's sake.", choice())
            .within(CHOICE),
        Model::new(
            "evidence: from nothing, cached",
            "Fills, evictions, two spared.",
            chain_with_cut_off(2),
        )
        .within(Bounds {
            start: Start::Empty,
            fills: Fills::Records,
            evictions: 1,
            spares: 2,
            ..TWICE
        })
        .large(),
        Model::new(
            "evidence: chain of 3, stamped, bold",
            "Builds take marked records, and walks mark one.",
            chain_with_cut_off(3),
        )
        .within(Bounds { builds_take_marked: true, walk_max: 1, ..TWICE })
        .large(),
        Model::new(
            "evidence: changes since do not count",
            "What has changed since it was seen is no evidence.",
            chain_with_cut_off(2),
        )
        .within(STAMPED)
        .broken(
            Rules { evidence_checks_changes: false, ..DESIGNED },
            "What it looked at is built anew to another content before the writer decides; the \
                 walk from there ends in a stamp, so the record is suspect as before.",
        ),
        Model::new(
            "evidence: marks since do not count",
            "What is marked is no evidence.",
            chain_with_cut_off(2),
        )
        .within(TWICE)
        .broken(
            Rules { evidence_checks_marks: false, ..DESIGNED },
            "What it looked at is marked again before the writer decides.",
        ),
        Model::new(
            "evidence: memory is for flights only",
            "Evidence needs the writer's memory as flights do.",
            choice(),
        )
        .within(CHOICE)
        .broken(
            Rules { evidence_keeps_memory: false, ..DESIGNED },
            "A source was touched after it was looked at; no flight was under way that began \
                 before, so that was forgotten, and the walk had ended in a stamp.",
        ),
        Model::new(
            "evidence: for whichever record is there",
            "Evidence is for one record, not for its place.",
            switch(),
        )
        .within(SWITCH)
        .broken(
            Rules { evidence_checks_record: false, ..DESIGNED },
            "The record was built anew meanwhile and has read another thing, of which the \
                 evidence says nothing.",
        ),
    ]
}
