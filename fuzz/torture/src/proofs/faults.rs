//! Every call on the disk fails in turn.
//!
//! A round works with a store as `power` does, shortly, and counts the calls on its disk: reads,
//! writes, lengths, syncs, locks, closing. A case does the same again with one of them failing, once or
//! from there on for good: as a device that fails, a disk that is full, a file that ends early, a sync
//! that lost what was written, a system without locks. What must hold:
//!
//! 1. the operation in which it happened says so, clearly, or what it says is true all the same;
//! 2. nothing panics, nothing hangs, and nothing more is acknowledged in that opening;
//! 3. opened again, on the disk as it is and on one that lost all that was not synced, the store is in a
//!    state as after a power cut, and all goes on: everything can be made fresh and right.
//!
//! Every other round does so to a recovery: what is worked with is what a power cut has left.

use tidetable::{Error, ErrorKind};

use super::power::{memory_bytes, worked};
use crate::cuts;
use crate::disk::{Disk, Failing, Image, Random, Reason};
use crate::proof::{Cores, Proof};
use crate::round::{Round, mix};
use crate::workload::{Held, History, Opened, SAID, Step, Work, said};

pub const PROOF: Proof = Proof {
    name: "faults",
    about: "each call on the disk fails, once and for good, at work and in recovery",
    rounds: None,
    cores: Cores::One,
    share: 4,
    round,
};

const REASONS: [Reason; 5] =
    [Reason::Eio, Reason::Enospc, Reason::ShortRead, Reason::LostWrites, Reason::NoLocks];

fn round(round: &Round<'_>) {
    let mut random = round.random();
    match round.number % 2 {
        0 => at_work(round, &mut random),
        _ => in_recovery(round, &mut random),
    }
}

/// Tries the ways in which a call of these may fail: in a round of eight all of them, in the others
/// some, so that there are more workloads.
fn each(round: &Round<'_>, disk: &Disk, random: &mut Random, hold: impl Fn(Failing) -> Held) {
    let one_in = if round.number / 2 % 8 == 7 { 1 } else { 16 };
    for from in 0..disk.asked() {
        for reason in REASONS.into_iter().filter(|reason| disk.may_fail(from, *reason)) {
            for for_good in [false, true] {
                let failing = Failing { from, for_good, reason };
                if random.below(one_in) == 0 {
                    round.case(|| hold(failing).map_err(|fault| format!("{failing:?}: {fault}")));
                }
            }
        }
        if round.is_over() {
            return;
        }
    }
}

fn at_work(round: &Round<'_>, random: &mut Random) {
    let memory_bytes = memory_bytes(random);
    let steps: Vec<Step> = (0..4 + random.below(8)).map(|_| Step::random(random)).collect();
    let clean = Session::run(&steps, memory_bytes, None);
    if let Err(error) = clean.outcome {
        return round.violation(&format!("without any fault: {error}, in {steps:?}"));
    }
    each(round, &clean.disk, random, |failing| {
        let session = Session::run(&steps, memory_bytes, Some(failing));
        session.check().map_err(|fault| format!("{fault}, in {steps:?}"))
    });
}

/// One store from its creation to its end, up to the first error.
struct Session {
    disk: Disk,
    work: Option<Work>,
    outcome: Result<(), Error>,
}

impl Session {
    fn run(steps: &[Step], memory_bytes: usize, failing: Option<Failing>) -> Self {
        let disk = Disk::default();
        if let Some(failing) = failing {
            disk.fail(failing);
        }
        let mut work = None;
        let outcome = Work::create(disk.clone(), memory_bytes).and_then(|begun| {
            let work = work.insert(begun);
            work.define()?;
            steps.iter().try_for_each(|step| work.step(*step))?;
            work.close()
        });
        Self { disk, work, outcome }
    }

    fn check(self) -> Held {
        let Self { disk, work, outcome } = self;
        match &outcome {
            Err(error) => is_clear(error)?,
            // A call that can fail may be one fewer: what the writer takes together is not fixed.
            Ok(()) if disk.failures().is_empty() => {}
            Ok(()) => return Err("it failed, and no operation said so".to_owned()),
        }
        let Some(work) = work else { return again(&History::of_nothing(), &disk) };
        if let Err(error) = outcome {
            // What failed may have been done or not: nothing may build on either.
            let store = &work.app.store;
            let refused = [store.invalidate(("source", 99)).map(drop), store.sync()];
            if let Some(taken) = refused.iter().position(Result::is_ok) {
                return Err(format!("after {error} it takes operation {taken}"));
            }
            // What it comes to is seen in the file; that it ends is what matters.
            drop(store.close());
        }
        again(&work.history, &disk)
    }
}

fn in_recovery(round: &Round<'_>, random: &mut Random) {
    let work = match worked(random) {
        Ok(work) => work,
        Err(fault) => return round.violation(&fault),
    };
    let calls = work.disk.calls();
    let chosen = random.below(calls.len() as u64) as usize;
    let mut images = Vec::new();
    let key = |cut: &mut cuts::Cut| mix(cut.image.fingerprint());
    let choice = cuts::Choice { from: chosen, one_in: 8 };
    cuts::all((Image::default(), &calls), choice, random, key, |cut| {
        images.push((cut.changes, cut.image.clone()));
        images.len() < 4
    });
    for (changes, image) in images {
        let run = |failing: Option<Failing>| {
            let disk = Disk::over(image.clone());
            if let Some(failing) = failing {
                disk.fail(failing);
            }
            recover(&work.history, changes, disk)
        };
        match run(None) {
            Err(fault) => round.violation(&fault),
            Ok((disk, _)) => each(round, &disk, random, |failing| {
                let (disk, history) = run(Some(failing))?;
                match &history {
                    Some(history) => again(history, &disk),
                    None => again_at(&work.history, changes, &disk),
                }
            }),
        }
    }
}

/// Opens, makes fresh and closes what a power cut has left; and what was found and done then, if it
/// could be opened.
fn recover(history: &History, changes: usize, disk: Disk) -> Held<(Disk, Option<History>)> {
    let app = match Opened::open(history, changes, &disk) {
        Ok(app) => app,
        Err(error) if changes >= history.born() => {
            is_clear(&error)?;
            return Ok((disk, None));
        }
        Err(_) => return Ok((disk, None)),
    };
    let store = app.store.clone();
    let found = Opened::found(history, changes, &disk, app);
    let mut opened = match found {
        Ok(opened) => opened,
        // What could not be read is not what is there.
        Err(fault) if !disk.failures().is_empty() && fault.starts_with(SAID) => {
            drop(store.close());
            return Ok((disk, None));
        }
        Err(fault) => return Err(fault),
    };
    let recovered = opened.recover(2).and_then(|()| opened.close());
    match recovered {
        Err(error) if disk.failures().is_empty() => return Err(said(error)),
        Err(error) => {
            is_clear(&error)?;
            drop(store.close());
        }
        Ok(()) if disk.failures().is_empty() => {}
        Ok(()) => return Err("it failed, and no operation said so".to_owned()),
    }
    Ok((disk, Some(opened.history)))
}

/// A fault of the disk is named as one of the system, as damage, or as the end of the opening.
fn is_clear(error: &Error) -> Held {
    let kinds = [ErrorKind::System, ErrorKind::Reopen, ErrorKind::Damaged, ErrorKind::Build];
    match kinds.contains(&error.kind()) {
        true => Ok(()),
        false => Err(format!("a fault of the disk is said to be {:?}: {error}", error.kind())),
    }
}

/// Opens the disk as it is, and one that lost all that was not synced.
fn again(history: &History, disk: &Disk) -> Held {
    again_at(history, disk.changes(), disk)
}

fn again_at(history: &History, changes: usize, disk: &Disk) -> Held {
    for (name, image) in [("as it is", disk.image()), ("as it was synced", disk.synced())] {
        let next = Disk::over(image).forgetting();
        let held = || match Opened::find(history, changes, &next)? {
            Some(mut opened) => opened.drain(2),
            None => Ok(()),
        };
        held().map_err(|fault| format!("the disk {name}: {fault}"))?;
    }
    Ok(())
}
