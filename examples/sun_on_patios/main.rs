//! How sunny is each patio of a city, at any time, today and the next two days?
//!
//! A city is generated, with some thousand houses and some hundred patios. How much of a patio is in
//! the sun in ten minutes of a day is a matter of where the sun stands and of the shadows of the houses
//! around: slow to compute, quick to read, and right until somebody builds. The program goes through
//! the life of such a guide, holds every answer against one that is computed without the store, and
//! prints how far the demands on it are exceeded:
//!
//! ```sh
//! cargo run --release --example sun_on_patios -- --patios 500 --buildings 10000
//! ```
//!
//! Start reading at `views`: what a record is made of, and what it declares to depend on.

#![expect(clippy::print_stdout, reason = "a program that shows what it does")]

mod arguments;
mod calendar;
mod city;
mod drawing;
mod health;
mod polygon;
mod progress;
mod records;
mod report;
mod scratch;
mod shadow;
mod steps;
mod sun;
mod views;
mod world;

use std::error::Error;
use std::process::ExitCode;
use std::time::Instant;

use arguments::Arguments;
use report::Report;
use world::World;

/// What a step comes to.
pub(crate) type Outcome<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<ExitCode> {
    let began = Instant::now();
    let (arguments, folder) = (Arguments::read(), tempfile::tempdir()?);
    let mut report = Report::default();
    let mut world = World::found(&arguments, folder.path())?;
    steps::look_around(&world, arguments.seed, &mut report)?;
    steps::fill(&mut world, &mut report)?;
    steps::find_the_survey(&mut world, &mut report)?;
    steps::look_up(&mut world, &mut report)?;
    steps::look_from_above(&world, &mut report)?;
    steps::let_a_house_grow(&world, &mut report)?;
    steps::build_a_shed(&world, &mut report)?;
    steps::change_the_method(&mut world, &mut report)?;
    steps::draw(&world, &mut report)?;
    steps::pass_midnight(&world, &mut report)?;
    world.store.close()?;
    let all_is_well = report.conclude(arguments.check);
    println!("It took {:.1?}.", began.elapsed());
    Ok(if all_is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
