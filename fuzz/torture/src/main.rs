//! What tidetable promises, tried against power cuts, flipped bits, failing disks, kills and crowds.
//!
//! ```sh
//! cargo run --release -p torture                              # all proofs, two minutes
//! cargo run --release -p torture -- --seconds 3600 --seed 7   # for longer, other cases
//! cargo run --release -p torture -- --only power,flips        # these proofs alone
//! cargo run --release -p torture -- --cases 100000            # so many cases of each, however long
//! ```
//!
//! # What a proof is
//! A proof goes in rounds, and a round consists of cases; each case holds what the engine does against
//! what it has promised. What happens in a round is decided by the seed and the round's number, so a
//! case that fails is tried again by itself: the command for it is printed. (`kill` and `fresh` run
//! threads and processes at full speed: there a round is repeated and its order of events is not.)
//! `proofs/` has a file or folder for each, which begins with what is tried and what must hold.
//!
//! # How it ends
//! Each proof runs in a process of its own, so that one which dies or hangs is a violation like any
//! other and the rest go on. The program fails where a single case did, and where a proof tried none.
//! `--json FILE` writes a list of proof, cases, violations, seconds and seed.

mod allocations;
mod args;
mod child;
mod cuts;
#[path = "../../../tests/common/disk.rs"]
#[allow(dead_code, reason = "the tests of the crate use other parts of it")]
mod disk;
mod journal;
mod outcome;
mod panics;
mod proof;
mod proofs;
mod report;
mod round;
mod run;
mod workload;

use std::env;
use std::process::ExitCode;

use args::Asked;

fn main() -> ExitCode {
    match args::read(env::args_os().skip(1)) {
        Ok(Asked::Help) => {
            print!("{}", args::help());
            ExitCode::SUCCESS
        }
        Ok(Asked::Prove(args)) => report::prove(&args),
        Ok(Asked::Child(child)) => run::run(&child),
        Ok(Asked::Part(words)) => proofs::part(&words),
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}
