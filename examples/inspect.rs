//! Looks into a tidetable file, without the program that wrote it.
//!
//! ```text
//! cargo run --example inspect -- city.tide
//! ```

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::process::ExitCode;

use tidetable::report::{Inventory, RunStatus, VerifyReport};
use tidetable::{Options, Store};

const HELP: &str = "\
Looks into a tidetable file, without the program that wrote it. Nothing is changed.

  inspect FILE [--json] [--no-verify]

FILE is one that no program has open to write: it is refused otherwise. Of a store in use, look into a
copy that its program makes with `Store::backup`.

  --json       the same as data, for other programs
  --no-verify  without going through the file whether all of it fits together

What it shows:
  tables   what the file holds and how much of it each takes
  views    their records (built or put), and how many of them are marked suspect or stale: what is marked
           is built again by the program as it is read, or in the background
  verify   whether pages have their checksums, and whether marks and dependencies fit each other; ends
           with code 1 if they do not. `Store::verify_and_repair` mends what it can, and `Store::repair`
           brings over what is readable of a file that cannot be opened
";

#[derive(serde::Serialize)]
struct Inspected {
    #[serde(flatten)]
    inventory: Inventory,
    runs: Vec<RunStatus>,
    verify: Option<VerifyReport>,
}

fn main() -> ExitCode {
    let (mut file, mut json, mut verify) = (None, false, true);
    for argument in std::env::args().skip(1) {
        match &*argument {
            "--json" => json = true,
            "--no-verify" => verify = false,
            "--help" | "-h" => {
                print!("{HELP}");
                return ExitCode::SUCCESS;
            }
            _ if argument.starts_with('-') || file.is_some() => {
                eprint!("{argument}: not understood\n\n{HELP}");
                return ExitCode::from(2);
            }
            _ => file = Some(argument),
        }
    }
    let Some(file) = file else {
        eprint!("which file?\n\n{HELP}");
        return ExitCode::from(2);
    };
    match inspect(&file, verify) {
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
        Ok(inspected) => {
            let in_order = inspected.verify.as_ref().is_none_or(VerifyReport::is_clean);
            if json {
                let text = serde_json::to_string_pretty(&inspected).expect("it is plain data");
                println!("{text}");
            } else {
                show(&inspected);
            }
            ExitCode::from(u8::from(!in_order))
        }
    }
}

fn inspect(file: &str, verify: bool) -> tidetable::Result<Inspected> {
    let options = Options { read_only: true, builders: 0, ..Options::default() };
    let store = Store::open_with(file, options)?;
    Ok(Inspected {
        inventory: store.inventory()?,
        runs: store.runs()?.iter().map(tidetable::Run::status).collect(),
        verify: verify.then(|| store.verify()).transpose()?,
    })
}

fn show(Inspected { inventory, runs, verify }: &Inspected) {
    let closed = match inventory.closed_cleanly {
        true => "closed cleanly, its seal holds",
        false => "not closed cleanly: all of it was verified to open it",
    };
    println!(
        "store {}, format {}, {} bytes, {closed}",
        inventory.store_id,
        inventory.format,
        inventory.file_bytes.unwrap_or_default()
    );
    println!(
        "revision {}, opened {} times to write, {} changes begun and not ended, {} views going",
        inventory.revision, inventory.lives, inventory.intents, inventory.views_going
    );
    println!("\n{:<13} {:>12} {:>14} {:>14}", "table", "rows", "bytes", "in the file");
    for table in &inventory.tables {
        println!(
            "{:<13} {:>12} {:>14} {:>14}",
            table.name, table.rows, table.bytes, table.file_bytes
        );
    }
    for view in &inventory.views {
        println!(
            "\nview '{}', version {}, grid '{}', pages of {}",
            view.name, view.version, view.grid, view.page_len
        );
        println!(
            "  {} records ({} put) in {} pages of {} bytes in all; {} left by retention",
            view.records, view.put, view.pages, view.bytes, view.tombstones
        );
        println!(
            "  {} stale, {} suspect, {} of an older version or marked with the view",
            view.stale, view.suspect, view.stamped
        );
        if let Some(since) = view.oldest_mark {
            println!("  the oldest mark is of {since}");
        }
        println!("  {} dictionaries, {} patterns", view.dictionaries, view.patterns);
        if !view.read_by.is_empty() {
            println!("  read by {}", view.read_by.join(", "));
        }
        if view.damaged_pages > 0 {
            println!("  {} pages are damaged", view.damaged_pages);
        }
    }
    for (kind, count) in &inventory.sources {
        println!("\nsources of kind '{kind}': {count} are known");
    }
    for run in runs {
        println!(
            "\nrun {} of '{}': {:?}, {} of {}",
            run.id, run.name, run.state, run.done, run.total
        );
    }
    if let Some(report) = verify {
        println!("\nverify: {report}");
    }
}
