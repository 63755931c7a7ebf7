//! tidetable beside its peers: the same work on the same records, one table.
//!
//! `cargo run --release -p peers -- --help`

mod args;
mod bench;
mod clock;
mod data;
mod engine;
mod figure;
mod json;
mod key;
mod plot;
mod record;
mod rounds;
mod series;
mod shelf;
mod spread;
mod sun;
mod table;
mod trace;
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
        Ok(Asked::Child(_)) => ExitCode::FAILURE,
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
    let charts = series::measure(&mut bench);
    let out = &bench.args.out;
    let written = json::write(&out.join("peers.json"), &bench.figures)
        .and_then(|()| plot::draw(&bench.figures, &charts, out));
    match written {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", out.display());
            ExitCode::FAILURE
        }
    }
}
