//! A model of the marking protocol of tidetable, and a checker that visits every state of it.
//!
//! The engine promises that a record which is called *fresh* is true, while builds read old data,
//! pages lag behind the file, records come and go, and power is lost. What keeps that promise are a
//! few rules about three revisions (S, V, C), marks and stamps. They are small enough to be checked
//! whole: here they are written once more, without threads, bytes and clocks, and every order in
//! which things can happen is tried.
//!
//! ```text
//! cargo run --release                 every small model: a minute or so
//! cargo run --release -- --all        the large ones, too: some minutes, 3.5 GB
//! cargo run --release -- evidence     those whose name contains a word, with traces
//! ```
//!
//! It ends in failure where a sound model breaks the contract, where a broken one does not, and
//! where no model ran. **Who changes a rule of the protocol changes it here first.**
//!
//! # What is modelled
//!
//! An application with up to three leaves (sources, whole views, single records, records that it
//! puts itself), up to four records over them, and
//!
//! - the writer: one commit after the other, of one operation or two; marking walks and stamps;
//!   colour at store; what it remembers of what was touched; publication page by page, then the
//!   published revision, then the answers;
//! - a build of each record at a time, which reads step by step from the cache or the file;
//! - evidence, gathered step by step outside the writer to spare one suspect record;
//! - the cache: a fill with its ticket, evictions, a thread's shortcut; a reader that waits for a
//!   flight;
//! - deletion by the user and by retention; ranges and whole views, in which absence is read;
//! - the clock, and records that expire because what they look at changes without being announced;
//! - intents, crashes (which take what is not synced), closing and opening in one process.
//!
//! # What must hold
//!
//! In every state, whoever looks into the cache, the file, a shortcut, or returns from a flight with
//! a record that is called fresh must hold a value that a build could give: with every leaf at a
//! version between the last whose announcement has returned (of a leaf that is never announced: the
//! one at the last tick) and the one that there is, at one moment since the read began. And marks are closed: who has read what is marked is marked.
//!
//! # What is not modelled
//!
//! Bytes, pages of more than one record, compression, budgets; who is woken when; retries and
//! retention's clock; records that count for more than one tick; that `Rebuild` ends; levels and the order of rebuilds; two flights of
//! one record; that evidence may be cheaper than a build; sets of dependencies so large that they
//! are made coarser (though coarse nodes are there); nested and re-entrant builds. A record stored
//! anew always replaces the old one here: to keep the newer of two can only keep one that was checked
//! as well.
//!
//! A model is bounded: so many changes, builds, crashes. What is *sound* is so within its bounds, and
//! all faults found so far needed few.
//!
//! # How to read it
//!
//! | file | what is in it |
//! |---|---|
//! | `topology` | leaves, records, build functions; `models/topologies` has those that are used |
//! | `rules` | the rules, each with a switch that breaks it |
//! | `state` | everything that a state consists of |
//! | `look` | how readers, builds and the writer see marks and stamps |
//! | `colour` | what the writer decides from observations: colour at store, and sparing |
//! | `time` | the clock's tick |
//! | `operations`, `walk` | what the writer does in a transaction |
//! | `steps/` | what can happen next, an actor a file |
//! | `contract` | what must hold |
//! | `search`, `rank`, `fingerprint` | how every state is visited once |
//! | `models/` | the models, by subject |
//!
//! # How to read a trace
//!
//! A trace is a shortest way to a state that breaks the contract, a line a step; `trace` tells it
//! with the revisions that an engine would give out. A model may begin *settled*: record 0 stored by
//! revision 1, record 1 by revision 2, and so on, all fresh. The last line says who calls what
//! fresh, and for each leaf the version that had to be seen and the one that there is:
//!
//! ```text
//!   1  application changes leaf 0 to 1
//!   2  commit: invalidate leaf 0, revision 3
//!   3  raise the published revision, answer 3
//!      => record 1 = 0 is called fresh by the file; versions acknowledged [1, 0, 0], there [1, 0, 0]
//! ```
//!
//! The invalidation has returned, and record 1 still says what followed from version 0.

mod colour;
mod contract;
mod fingerprint;
mod look;
mod model;
mod models;
mod operations;
mod rank;
mod rules;
mod search;
mod small;
mod state;
mod steps;
mod time;
mod topology;
mod trace;
mod walk;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use model::{Expected, Model, Size};
use search::{Found, Outcome};

fn main() -> ExitCode {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    let all = asked.iter().any(|word| word == "--all");
    let names: Vec<&String> = asked.iter().filter(|word| !word.starts_with("--")).collect();
    let mut models = models::all();
    if names.is_empty() {
        models.retain(|model| all || model.size == Size::Small);
    } else {
        models.retain(|model| names.iter().any(|name| model.name.contains(name.as_str())));
    }
    let traced = !names.is_empty();
    // The large ones take all the memory that there is for it, so one at a time.
    let workers = if all { 1 } else { thread::available_parallelism().map_or(1, usize::from) };
    let wrong = run(&models, workers, traced);
    println!("\n{} models, {wrong} not as expected", models.len());
    if models.is_empty() {
        println!("no model ran");
    }
    if wrong == 0 && !models.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs them side by side and tells of them in order; returns how many were not as expected.
fn run(models: &[Model], workers: usize, traced: bool) -> usize {
    let next = AtomicUsize::new(0);
    let (sender, outcomes) = mpsc::channel();
    let mut wrong = 0;
    thread::scope(|scope| {
        for _ in 0..workers.min(models.len()) {
            let (next, sender) = (&next, sender.clone());
            scope.spawn(move || {
                while let Some(number) = Some(next.fetch_add(1, Ordering::Relaxed))
                    && let Some(model) = models.get(number)
                {
                    let sent = sender.send((number, search::search(model)));
                    sent.expect("the receiver lives until all are done");
                }
            });
        }
        drop(sender);
        let (mut waiting, mut told) = (BTreeMap::new(), 0);
        for (number, outcome) in outcomes {
            waiting.insert(number, outcome);
            while let Some(outcome) = waiting.remove(&told) {
                wrong += usize::from(!tell(&models[told], &outcome, traced));
                told += 1;
            }
        }
    });
    wrong
}

/// Says what was found; returns whether it was expected.
fn tell(model: &Model, outcome: &Outcome, traced: bool) -> bool {
    let (found, right) = match (&outcome.found, model.expected) {
        (Found::Sound, expected) => ("sound", expected == Expected::Sound),
        (Found::Capped, expected) => ("sound so far", expected == Expected::Sound),
        (Found::Violation { .. }, expected) => ("VIOLATION", expected != Expected::Sound),
    };
    let expected = if model.expected == Expected::Sound { "sound" } else { "violation" };
    println!(
        "{}{:<52} expected {expected:<9} found {found:<12} {:>9} states {:>10} transitions {:>6.1} s",
        if right { "  " } else { "! " },
        model.name,
        outcome.states,
        outcome.transitions,
        outcome.time.as_secs_f64(),
    );
    if traced {
        println!("       {}", model.shows);
        if let Expected::Violation(why) = model.expected {
            println!("       {why}");
        }
    }
    if let Found::Violation { fault, path } = &outcome.found
        && (traced || !right)
    {
        print!("{}", trace::told(model, path, fault));
    }
    right
}
