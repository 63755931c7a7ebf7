//! The whole engine under schedules that are drawn.
//!
//! Tried: a store in memory with its writer, builders, readers, evictions and those who announce, delete
//! and close, all of them tasks of shuttle. Each lock, atomic, channel and wait of the engine is a step at
//! which another task may go on; which does is drawn at random or by PCT, which keeps to priorities and
//! changes them at a few places. A wait with an end may end at once, whatever the clock says.
//!
//! What must hold: a record that is called fresh holds every change that was acknowledged before the read
//! began; no record holds one that was not begun when the read ended; when all is quiet each record can be
//! had fresh, with what the sources are; nobody waits for ever; nothing panics.
//!
//! What it leaves out: orders of memory weaker than sequential (loom has those, for the kernels), redb's
//! own locks (it runs as it is, and takes no step), and the file.
//!
//! A cfg is a build of its own: the proof builds this program anew with `--cfg shuttle` and starts it for
//! each round. A case is a schedule. Those of a round share the program that is scheduled and go on from
//! one another, so what fails is replayed with its round.

#[cfg(shuttle)]
mod draw;
#[cfg(not(shuttle))]
mod start;
#[cfg(shuttle)]
mod world;

use std::process::ExitCode;

use crate::proof::{Cores, Proof};

pub const PROOF: Proof = Proof {
    name: "schedules",
    about: "the whole engine under a scheduler that draws",
    rounds: None,
    cores: Cores::One,
    share: 4,
    #[cfg(not(shuttle))]
    round: start::round,
    #[cfg(shuttle)]
    round: |_| panic!("this build is what the proof starts"),
};

/// The round itself, in the build that can be scheduled.
#[cfg(shuttle)]
pub fn part(words: &[String]) -> ExitCode {
    draw::part(words)
}

#[cfg(not(shuttle))]
pub fn part(words: &[String]) -> ExitCode {
    eprintln!("{words:?}: this is the build that cannot be scheduled");
    ExitCode::from(2)
}
