//! A proof that runs: its rounds, on all cores, until the time is over or enough was tried.

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use crate::args::{Args, Child};
use crate::journal::Journal;
use crate::outcome::{self, Outcome};
use crate::panics;
use crate::proof::{Cores, Proof};
use crate::proofs::PROOFS;
use crate::round::Round;

/// A proof that runs.
pub struct Run {
    proof: &'static Proof,
    args: Args,
    began: Instant,
    cases: AtomicU64,
    violations: AtomicU64,
    /// So that two violations do not mix their lines.
    told: Mutex<()>,
    over: AtomicBool,
}

/// More are counted and not told.
const TOLD_MAX: u64 = 10;
/// After so many it is known that something does not hold.
const VIOLATIONS_MAX: u64 = 1_000;

/// Runs the one proof that is named, in this process.
pub fn run(child: &Child) -> ExitCode {
    let proof = PROOFS.iter().find(|proof| child.args.wants(proof)).expect("one is named");
    let journal = match Journal::create(&child.journal) {
        Ok(journal) => journal,
        Err(cause) => {
            eprintln!("{}: {cause}", child.journal.display());
            return ExitCode::from(2);
        }
    };
    panics::remember();
    let run = Run::new(proof, child.args.clone());
    run.rounds(&journal);
    let outcome = run.outcome();
    let stands = outcome.stands();
    match &child.args.json {
        Some(file) if outcome::write(file, &[outcome]).is_err() => ExitCode::from(2),
        _ if stands => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

impl Run {
    fn new(proof: &'static Proof, args: Args) -> Self {
        Self {
            proof,
            args,
            began: Instant::now(),
            cases: AtomicU64::new(0),
            violations: AtomicU64::new(0),
            told: Mutex::new(()),
            over: AtomicBool::new(false),
        }
    }

    fn rounds(&self, journal: &Journal) {
        let next = AtomicU64::new(self.args.round.unwrap_or(self.args.from));
        let end = match self.args.round {
            Some(round) => round + 1,
            None => self.proof.rounds.unwrap_or(u64::MAX),
        };
        let work = |worker| {
            while !self.is_over() {
                let number = next.fetch_add(1, Relaxed);
                if number >= end {
                    break;
                }
                let place = journal.place(worker);
                place.begins(number, 0);
                let round = Round::new(self, number, place);
                let whole = || {
                    (self.proof.round)(&round);
                    Ok(())
                };
                if let Err(what) = panics::caught(whole) {
                    self.violation(number, None, &format!("the round itself: {what}"));
                }
            }
        };
        let workers = match self.proof.cores {
            Cores::All => 1,
            Cores::One => thread::available_parallelism().map_or(1, |cores| cores.get() as u64),
        };
        thread::scope(|scope| {
            (0..workers).for_each(|worker| {
                scope.spawn(move || work(worker));
            });
        });
        // The last of each worker may have been cut short.
        let whole = next.into_inner().saturating_sub(workers);
        if self.args.round.is_none() && self.has_time() && whole < end {
            println!(
                "{}: to go on after it, --from {}",
                self.proof.name,
                whole.max(self.args.from)
            );
        }
    }

    pub fn seed(&self) -> u64 {
        self.args.seed
    }

    pub fn wants_case(&self, case: u64) -> bool {
        self.args.case.is_none_or(|wanted| wanted == case)
    }

    pub fn count(&self, cases: u64) {
        let cases = self.cases.fetch_add(cases, Relaxed) + cases;
        if self.args.cases.is_some_and(|enough| cases >= enough) {
            self.over.store(true, Relaxed);
        }
    }

    /// Whether the time is over, or enough was tried. What is replayed has all the time it needs.
    pub fn is_over(&self) -> bool {
        let timed = self.args.cases.is_none() && self.args.round.is_none();
        self.over.load(Relaxed) || (timed && self.began.elapsed() >= self.args.time)
    }

    /// Whether a round may take long.
    pub fn has_time(&self) -> bool {
        self.args.round.is_some() || self.args.time >= Duration::from_secs(60)
    }

    pub fn violation(&self, round: u64, case: Option<u64>, what: &str) {
        let _told = self.told.lock();
        let number = self.violations.fetch_add(1, Relaxed);
        if number < TOLD_MAX {
            println!("{}: {what}", self.proof.name);
            println!("  again: {}", replay(self.proof.name, self.args.seed, round, case));
        }
        if number + 1 >= VIOLATIONS_MAX {
            self.over.store(true, Relaxed);
        }
    }

    fn outcome(&self) -> Outcome {
        Outcome {
            proof: self.proof.name.to_owned(),
            cases: self.cases.load(Relaxed),
            violations: self.violations.load(Relaxed),
            seconds: self.began.elapsed().as_secs_f64(),
            seed: self.args.seed,
        }
    }
}

/// The command that tries a case again.
pub fn replay(proof: &str, seed: u64, round: u64, case: Option<u64>) -> String {
    let case = case.map(|case| format!(" --case {case}")).unwrap_or_default();
    format!("cargo run --release -p torture -- --only {proof} --seed {seed} --round {round}{case}")
}
