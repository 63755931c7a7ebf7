//! The ranking tables of a statistics site: 67 of them, made anew after each collection of data, and
//! the same for every visitor until the next.
//!
//! ```text
//! cargo run --release --example ranking_tables
//! ```
//!
//! plays half a day of the site, checks each answer and holds what it took against what is asked.
//! `site` is the part to copy; `ranking` stands for a slow function of your own.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]
#![allow(unreachable_pub, reason = "nobody is outside of a program")]

#[path = "../common/clock.rs"]
mod clock;
mod demo;
#[path = "../common/figures.rs"]
mod figures;
mod ranking;
mod registry;
mod scratch;
mod site;
mod status;
mod world;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use tidetable::{SystemClock, Timestamp};

use site::Site;
use status::{Refreshed, Status};
use world::World;

const HELP: &str = "\
The ranking tables of a statistics site, precomputed after each collection of data.

  ranking_tables [--check]                  a demonstration that checks itself
  ranking_tables --file PATH COMMAND        the site, over a file that stays

Commands:
  collect         collects data now, and refreshes all tables that depend on it
  --all           computes every table anew
  --key KEY       computes one table anew
  --if-stale      computes the tables that are missing or not fresh
  show KEY        shows a table; with --live one that is computed now
  status          how the tables stand and the last refreshes, as JSON

  --players N     how many players the game has (20000)
  --seed N        another game (1)
  --check         the demonstration also fails where it is slower than asked
";

struct Arguments {
    file: Option<PathBuf>,
    command: Option<Command>,
    world: World,
    check: bool,
    live: bool,
}

enum Command {
    Collect,
    All,
    Key(String),
    IfStale,
    Show(String),
    Status,
}

fn main() -> ExitCode {
    let arguments = match parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(complaint) => {
            eprint!("{complaint}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match run(arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn parse(mut given: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let world = World { seed: 1, players: 20_000 };
    let mut arguments = Arguments { file: None, command: None, world, check: false, live: false };
    while let Some(argument) = given.next() {
        let mut value = || given.next().ok_or(format!("{argument} what?"));
        let command = match &*argument {
            "--file" => {
                arguments.file = Some(value()?.into());
                continue;
            }
            "--players" => {
                arguments.world.players = number(&value()?)?.max(100);
                continue;
            }
            "--seed" => {
                arguments.world.seed = u64::from(number(&value()?)?);
                continue;
            }
            "--check" => {
                arguments.check = true;
                continue;
            }
            "--live" => {
                arguments.live = true;
                continue;
            }
            "collect" => Command::Collect,
            "--all" => Command::All,
            "--key" => Command::Key(value()?),
            "--if-stale" => Command::IfStale,
            "show" => Command::Show(value()?),
            "status" => Command::Status,
            _ => return Err(format!("{argument}: not understood")),
        };
        if arguments.command.replace(command).is_some() {
            return Err("one command at a time".to_owned());
        }
    }
    match (&arguments.file, &arguments.command) {
        (None, Some(_)) => Err("over which file? say --file PATH".to_owned()),
        (Some(_), None) => Err("which command?".to_owned()),
        _ => Ok(arguments),
    }
}

fn number(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| format!("{text}: no number"))
}

/// Returns whether all went as it should.
fn run(Arguments { file, command, world, check, live }: Arguments) -> Result<bool, Box<dyn Error>> {
    let (Some(file), Some(command)) = (file, command) else {
        let folder = tempfile::tempdir()?;
        let reached = demo::run(&folder.path().join("tables.tide"), world)?;
        return Ok(reached || !check);
    };
    let site = Site::open(&file, Arc::new(SystemClock))?;
    let succeeded = act(&site, &file, command, &world, live)?;
    site.store.close()?;
    Ok(succeeded)
}

fn act(
    site: &Site,
    file: &Path,
    command: Command,
    world: &World,
    live: bool,
) -> Result<bool, Box<dyn Error>> {
    let run = match command {
        Command::Collect => {
            site.collect(&world.collect(Timestamp::now()))?;
            site.refresh_stale()?
        }
        Command::All => site.refresh_all()?,
        Command::Key(name) if site.registry.iter().all(|spec| spec.name != name) => {
            return Err(format!("there is no table {name}; `status` lists them").into());
        }
        Command::Key(name) => site.refresh_one(&name)?,
        Command::IfStale => site.refresh_stale()?,
        Command::Show(name) => {
            site.use_precomputed(!live);
            show(site, &name)?;
            return Ok(true);
        }
        Command::Status => {
            let status = Status::of(site, Timestamp::now())?;
            println!("{}", serde_json::to_string_pretty(&status)?);
            return Ok(true);
        }
    };
    println!("{}: {}", file.display(), Refreshed::of(&run));
    Ok(run.failed == 0)
}

fn show(site: &Site, name: &str) -> Result<(), Box<dyn Error>> {
    let answer = site.read(name)?;
    let table = &answer.table;
    let served = format!("{:?}", answer.served).to_lowercase();
    let collected_at = Timestamp::from_millis(table.collected_at.to_native());
    println!("{name}, {} entrants, as of {collected_at}", table.entrants);
    println!("{served}, {}, {} ms old\n", table.freshness(), answer.age.as_millis());
    for row in table.rows.iter().take(10) {
        println!("{:>4}  {:>8}  {:>10}", row.rank, row.id, row.value);
    }
    Ok(())
}
