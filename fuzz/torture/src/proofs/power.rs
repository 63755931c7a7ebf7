//! Power is cut anywhere.
//!
//! A round works with a store on a disk in memory, from the creation of its file on: puts, builds,
//! invalidations of all kinds, inputs, changes that are noted, reconciliations, runs, deletions,
//! retention, other versions, syncs, closing and opening. Then power is cut after each call on the
//! disk; a case is an image that the disk may hold (`cuts`), opened and held against the history:
//!
//! 1. it opens; until the store was whole a clear error may say so instead;
//! 2. what is found is a state between the last operation that was acknowledged and the last one that
//!    was begun: inputs, puts, runs, deletions and definitions are exactly those of that state;
//! 3. a record that says it is fresh is what a build makes of what was announced by then, and reads
//!    nothing that is not fresh;
//! 4. records that were built are those of that state too: none from before it is back;
//! 5. after all work is done and all is read, everything is fresh and right, also when the store is
//!    closed and opened once more. This costs ten times the rest, so it is done for some of the images.

use crate::cuts::{self, Choice, Cut, EVERY};
use crate::disk::{Disk, Image, Random};
use crate::proof::{Cores, Proof};
use crate::round::{Round, mix};
use crate::workload::{Held, History, Opened, Step, Work, said};

pub const PROOF: Proof = Proof {
    name: "power",
    about: "power is cut after each call on the disk, which keeps any of what was not synced",
    rounds: None,
    cores: Cores::One,
    share: 8,
    round,
};

/// One in so many images is drained by builders; one in a few of the others by reads alone.
pub const WORKED_OFF: u64 = 32;
const READ: u64 = 8;

fn round(round: &Round<'_>) {
    let mut random = round.random();
    let work = match worked(&mut random) {
        Ok(work) => work,
        Err(fault) => return round.violation(&fault),
    };
    let (history, calls) = (&work.history, work.disk.calls());
    let key =
        |cut: &mut Cut| mix(cut.image.fingerprint()) ^ history.bounds(cut.changes).kept as u64;
    let choice = choice(round.number, history);
    cuts::all((Image::default(), &calls), choice, &mut random, key, |cut| {
        let seed = mix(cut.image.clone().fingerprint());
        round
            .case(|| holds(history, cut, seed).map_err(|fault| format!("{}: {fault}", cut.name())));
        !round.is_over()
    });
}

/// A round in eight tries every image of its workload, from the creation of the file on. The others
/// try some, so that there are more workloads, and none of those that all workloads begin with.
pub fn choice(round: u64, history: &History) -> Choice {
    match round % 8 {
        7 => EVERY,
        _ => Choice { from: history.defined(), one_in: 8 },
    }
}

/// Works with a store of its own, and closes it.
pub fn worked(random: &mut Random) -> Held<Work> {
    let mut steps = Vec::new();
    let mut work = || {
        let mut work = Work::create(Disk::default(), memory_bytes(random))?;
        work.define()?;
        for _ in 0..10 + random.below(30) {
            steps.push(Step::random(random));
            work.step(steps[steps.len() - 1])?;
        }
        work.close()?;
        Ok::<_, tidetable::Error>(work)
    };
    work().map_err(|error| format!("the engine says: {error}, in the last of {steps:?}"))
}

/// None, little, or enough.
pub fn memory_bytes(random: &mut Random) -> usize {
    [0, 1 << 20, 8 << 20][random.below(3) as usize]
}

fn holds(history: &History, cut: &Cut, seed: u64) -> Held {
    let disk = Disk::over(cut.image.clone()).forgetting();
    let Some(mut opened) = Opened::find(history, cut.changes, &disk)? else { return Ok(()) };
    if seed.is_multiple_of(WORKED_OFF) {
        opened.work_off()?;
    }
    match seed.is_multiple_of(READ) {
        true => opened.drain(0),
        false => opened.close().map_err(said),
    }
}
