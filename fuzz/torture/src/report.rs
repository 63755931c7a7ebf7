//! One proof after the other, and a line for each.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::args::Args;
use crate::child;
use crate::outcome::{self, Outcome};
use crate::proof::Proof;
use crate::proofs::PROOFS;

/// Runs the proofs that are asked for. What one leaves of its time the later ones have.
pub fn prove(args: &Args) -> ExitCode {
    let wanted: Vec<&Proof> = PROOFS.iter().filter(|proof| args.wants(proof)).collect();
    let until = Instant::now() + args.time;
    let mut outcomes = Vec::new();
    println!("{:<18} {:>14} {:>11} {:>9} {:>14}", "proof", "cases", "violations", "s", "cases/s");
    for (number, proof) in wanted.iter().enumerate() {
        let shares = wanted[number..].iter().map(|proof| proof.share).sum::<u32>();
        let left = until.saturating_duration_since(Instant::now()) * proof.share / shares.max(1);
        match child::prove(proof, left.max(TIME_LEAST), args) {
            Ok(outcome) => {
                println!("{}", line(&outcome));
                outcomes.push(outcome);
            }
            Err(cause) => {
                eprintln!("{}: {cause}", proof.name);
                return ExitCode::from(2);
            }
        }
    }
    if let Some(file) = &args.json
        && let Err(cause) = outcome::write(file, &outcomes)
    {
        eprintln!("{}: {cause}", file.display());
        return ExitCode::from(2);
    }
    println!("seed {}", args.seed);
    match outcomes.iter().all(Outcome::stands) && !outcomes.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// However few seconds there are, each proof has one.
const TIME_LEAST: Duration = Duration::from_secs(1);

fn line(outcome: &Outcome) -> String {
    let Outcome { proof, cases, violations, seconds, .. } = outcome;
    let rate = outcome.rate();
    let none = if *cases == 0 { "  nothing was tried" } else { "" };
    format!("{proof:<18} {cases:>14} {violations:>11} {seconds:>9.1} {rate:>14.0}{none}")
}
