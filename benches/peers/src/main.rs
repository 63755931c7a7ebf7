//! tidetable beside its peers: the same work on the same records, one table.
//!
//! ```sh
//! cargo run --release -p peers                        # all works, less than twenty minutes
//! cargo run --release -p peers -- --quick             # the same in two
//! cargo run --release -p peers -- --only hit_*,bulk --engines tidetable,lmdb
//! cargo run --release -p peers --features rocksdb     # RocksDB too, which builds for long
//! ```
//!
//! # What is measured
//! Each file under `work/` begins with what is done there, to whom, and what is counted. The records
//! (`record.rs`, `sun.rs`) are 96 bytes on how sunny a terrace is, a day of 144 for each entity, worked
//! out by the sun's geometry; memory caches hold them as structs by `(u32, i64)`, files as the bytes of
//! their archive under twelve bytes of key, and what an application writes by hand as JSON. What is
//! asked for is drawn once by Zipf's law (`zipf.rs`) and is the same for all.
//!
//! # How
//! - Each engine is set up as its authors advise; every setting, and why, stands in its file under
//!   `engine/`. tidetable is used through what it makes public alone.
//! - What each engine answers is compared with what was stored, record by record, before it is timed.
//! - A read finds a record, looks at fields of it and lets go of it.
//! - A read is a request by itself, which sees all that was acknowledged before it: no engine answers from
//!   a transaction that was begun earlier.
//! - Rounds go in turns over the engines, each begun by another (`rounds.rs`). The table has the median
//!   and the least and most; the ratio is how many times better tidetable is than the engine of the
//!   row, below one where it is worse.
//! - A write counts when it is durable; bulk loads end with one sync on every engine.
//!
//! Figures go to `target/peers/peers.json` as a list of work, engine, value, unit and which is better.
//! Files are made under the same folder, so `--out` says which disk is measured. A check that fails
//! ends the program with an error.

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
