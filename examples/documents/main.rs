//! Documents that take a fifth of a second to make, asked for by people who cannot wait: each is known
//! by a hash of all that it depends on, made once in the background, and kept.
//!
//! ```text
//! cargo run --release --example documents
//! ```
//!
//! plays what a day brings, checks each document and holds what it took against what is asked.
//! `service` is the part to copy; `room` stands for a slow function of your own.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]
#![allow(unreachable_pub, reason = "nobody is outside of a program")]

#[path = "../common/clock.rs"]
mod clock;
mod demo;
#[path = "../common/figures.rs"]
mod figures;
mod measured;
mod room;
mod service;

use std::process::ExitCode;
use std::time::Duration;

use demo::Scale;

const HELP: &str = "\
Documents made in the background and kept by what they are made of: a demonstration that checks itself.

  documents [--work-ms N] [--pending N] [--json PATH] [--check]

  --work-ms N   how long one takes in the mean (200); of those that are asked for at once a tenth
  --pending N   how many are asked for at once (10000)
  --json PATH   exports what was measured to a file instead of showing it
  --check       fails also where it is slower than asked
";

fn main() -> ExitCode {
    let (scale, check) = match parse(std::env::args().skip(1)) {
        Ok(parsed) => parsed,
        Err(complaint) => {
            eprint!("{complaint}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    let folder = match tempfile::tempdir() {
        Ok(folder) => folder,
        Err(error) => {
            eprintln!("no folder for the documents: {error}");
            return ExitCode::FAILURE;
        }
    };
    match demo::run(&folder.path().join("documents.tide"), &scale) {
        Ok(reached) if reached || !check => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn parse(mut given: impl Iterator<Item = String>) -> Result<(Scale, bool), String> {
    let mut scale = Scale { work: Duration::from_millis(200), pending: 10_000, json: None };
    let mut check = false;
    while let Some(argument) = given.next() {
        let mut value = || given.next().ok_or(format!("{argument} what?"));
        match &*argument {
            "--work-ms" => scale.work = Duration::from_millis(number(&value()?)?.max(10).into()),
            "--pending" => scale.pending = number(&value()?)?.max(100),
            "--json" => scale.json = Some(value()?.into()),
            "--check" => check = true,
            _ => return Err(format!("{argument}: not understood")),
        }
    }
    Ok((scale, check))
}

fn number(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| format!("{text}: no number"))
}
