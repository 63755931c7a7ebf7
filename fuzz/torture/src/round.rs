//! A round of a proof: where its cases are tried and counted.

use std::cell::Cell;

use crate::disk::Random;
use crate::journal::Place;
use crate::panics::caught;
use crate::run::Run;

/// A round of a proof.
pub struct Round<'a> {
    pub number: u64,
    run: &'a Run,
    place: Place<'a>,
    /// The case that comes next.
    next: Cell<u64>,
}

impl<'a> Round<'a> {
    pub fn new(run: &'a Run, number: u64, place: Place<'a>) -> Self {
        Self { number, run, place, next: Cell::new(0) }
    }

    /// Numbers of this round's own: rounds of near numbers have nothing in common.
    pub fn random(&self) -> Random {
        Random(self.seed() | 1)
    }

    /// What decides everything that happens in the round.
    pub fn seed(&self) -> u64 {
        mix(mix(self.run.seed()) ^ self.number)
    }

    /// Tries a case. A panic in it is a violation too. Cases that nobody asked for are passed over,
    /// and what a case needs is best made within it.
    pub fn case(&self, hold: impl FnOnce() -> Result<(), String>) {
        let case = self.next.replace(self.next.get() + 1);
        if !self.run.wants_case(case) || self.is_over() {
            return;
        }
        self.place.begins(self.number, case);
        if let Err(what) = caught(hold) {
            self.run.violation(self.number, Some(case), &what);
        }
        self.run.count(1);
    }

    /// Counts cases that were held against the promise elsewhere, too many to come one by one.
    pub fn count(&self, cases: u64) {
        self.run.count(cases);
    }

    /// Notes that something counted by `count` did not hold.
    pub fn violation(&self, what: &str) {
        self.run.violation(self.number, None, what);
    }

    /// Whether what takes long may be tried: in a run of a minute or more, and where it is asked for by
    /// the round's number.
    pub fn has_time(&self) -> bool {
        self.run.has_time()
    }

    /// Whether the time is over, or enough was tried: what is left of the round may be left out.
    pub fn is_over(&self) -> bool {
        self.run.is_over()
    }
}

/// The mixing of splitmix64: one bit changes half of all.
pub fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}
