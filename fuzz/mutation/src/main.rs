//! Breaks tidetable in each of some thousand places, in one build, and sees which test notices.
//!
//! ```text
//! cargo run --release --manifest-path fuzz/mutation/Cargo.toml -- 'src/cache/**' 'src/page/**'
//! cargo run --release --manifest-path fuzz/mutation/Cargo.toml -- --tests changes,files 'src/disk/colour.rs'
//! ```
//!
//! # What is done
//! `cargo mutants --list` names what can be broken. The crate is copied, and each mutant written into
//! the copy behind a number; a body becomes an early return, an operator or a guard stands beside what
//! was there, an arm that is deleted is never taken. What the compiler refuses is left out. Every test
//! is run by itself, to see by which mutants it comes; then each mutant against the tests that come by
//! it, the quickest first, until one fails.
//!
//! # What is left out
//! What is worked out while the crate is compiled, operators of a chain of `let`, bodies of a type
//! without a name, and what does not compile. It says of each that it is left out, and why.
//!
//! # How it ends
//! With a table, folder by folder. It fails where a mutant lives that `survivors.md` does not list with
//! a reason, where that lists one which is not there, and where none was tried.
//!
//! # How to read it
//!
//! | file | what is in it |
//! |---|---|
//! | `mutant` | what cargo-mutants lists |
//! | `place` | where a file can be changed |
//! | `written` | a file with all its mutants in it |
//! | `copy` | the copy of the crate |
//! | `compiler` | building it, and what its errors are about |
//! | `suite` | the tests, and what each comes by |
//! | `fate` | one mutant, tried |
//! | `known` | the survivors that have a reason |
//! | `report` | what came of it |

mod args;
mod compiler;
mod copy;
mod crew;
mod fate;
mod known;
mod mutant;
mod place;
mod report;
mod suite;
mod written;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use args::Args;
use copy::Copy;
use fate::Fate;
use known::Known;
use report::Report;
use suite::Suite;

fn main() -> ExitCode {
    let tried = args::read(env::args().skip(1)).and_then(|args| match args {
        Some(args) => run(&args),
        None => {
            print!("{}", args::HELP);
            Ok(true)
        }
    });
    match tried {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}

/// Whether all holds: something was tried, and whoever lives has a reason.
fn run(args: &Args) -> Result<bool, String> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = own.join("../..").canonicalize().map_err(|cause| format!("the crate: {cause}"))?;
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| own.join("target"), PathBuf::from);
    let folder = target.join("mutation");
    let list = own.join("survivors.md");
    let text = fs::read_to_string(&list).map_err(|cause| format!("{}: {cause}", list.display()))?;
    let known = Known::read(&text)?;

    let mutants = mutant::listed(&root, &args.files)?;
    let copy = Copy::build(&root, &folder, &mutants, &args.tests)?;
    let suite = Suite::run(&copy.programs, &args.filter, &copy.root, &folder)?;
    println!("{} tests, each run by itself", suite.tests.len());
    for name in &suite.failing {
        println!("fails though nothing is broken, and is not asked: {name}");
    }

    let is_asked_for = |number: &u32| {
        let name = &mutants[*number as usize].name;
        name.contains(&args.only) && (!args.known || known.has(name))
    };
    let built = (0..mutants.len() as u32).filter(|number| !copy.left_out.contains_key(number));
    let numbers: Vec<u32> = built.filter(is_asked_for).collect();
    let fates = crew::each(&numbers, |_, number| {
        let mutant = &mutants[*number as usize];
        let fate = fate::of(*number, mutant, &suite, args.time);
        if let Fate::Alive { .. } = fate {
            eprintln!("alive: {}", mutant.name);
        }
        (*number, fate)
    });
    let report =
        Report { mutants: &mutants, fates: &fates, left_out: &copy.left_out, known: &known };
    print!("{report}");

    let mut files: Vec<&str> = mutants.iter().map(|mutant| mutant.file.as_str()).collect();
    files.dedup();
    let names: Vec<&str> = mutants.iter().map(|mutant| mutant.name.as_str()).collect();
    let gone: Vec<&str> = known.gone(&files, &names).collect();
    gone.iter().for_each(|name| println!("listed as a survivor, and not there: {name}"));
    let unexplained = report.unexplained();
    println!("{} mutants tried, {unexplained} alive without a reason", fates.len());
    Ok(!fates.is_empty() && unexplained == 0 && gone.is_empty())
}
