//! tidetable beside its peers: the same work on the same records, one table.
//!
//! `cargo run --release -p peers -- --help`

mod args;
mod bench;
mod child;
mod clock;
mod data;
mod engine;
mod figure;
mod json;
mod key;
mod million;
mod pin;
mod record;
mod rounds;
mod shelf;
mod spread;
mod sun;
mod table;
mod work;
mod zipf;

use std::env;
use std::process::ExitCode;

use args::{Args, Asked};
use bench::Bench;

fn main() -> ExitCode {
    match args::read(env::args_os().skip(1)) {
        Ok(Asked::Help) => {
            print!("{}", args::HELP);
            ExitCode::SUCCESS
        }
        Ok(Asked::Measure(args)) => measure(args),
        Ok(Asked::Child(words)) => {
            child::run(&words).map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS)
        }
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}

fn measure(args: Args) -> ExitCode {
    let mut bench = Bench::new(args);
    for family in work::FAMILIES {
        if bench.args.wants_any(family.works) {
            (family.measure)(&mut bench);
        }
    }
    let file = bench.args.out.join("peers.json");
    match json::write(&file, &bench.figures) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", file.display());
            ExitCode::FAILURE
        }
    }
}
