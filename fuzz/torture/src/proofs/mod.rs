//! The proofs. Each file or folder begins with what it tries and what must hold.

mod faults;
mod flips;
mod fresh;
mod hostile;
mod kill;
mod limits;
mod power;
mod power_twice;
mod schedules;

use std::process::ExitCode;

use crate::proof::Proof;

/// In the order in which they run.
pub const PROOFS: &[Proof] = &[
    power::PROOF,
    power_twice::PROOF,
    faults::PROOF,
    flips::PROOF,
    hostile::PROOF,
    limits::PROOF,
    schedules::PROOF,
    fresh::PROOF,
    kill::PROOF,
];

/// Does a part of a proof that is a process of its own; it is told by words, the first of which names
/// the proof.
pub fn part(words: &[String]) -> ExitCode {
    match words {
        [proof, rest @ ..] if proof == kill::PROOF.name => kill::part(rest),
        _ => {
            eprintln!("{words:?}: no proof has such a part");
            ExitCode::from(2)
        }
    }
}
