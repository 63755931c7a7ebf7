//! The engine at full speed: threads that read in every way there is, that change what builds read
//! and announce it, that delete, invalidate, refresh and forget, with builders beside them; in memory
//! and in a file, with memory for all pages, for a few, and for none. At its end a store is closed,
//! every second time in the midst of it, and opened again.
//!
//! A source is changed before that is announced. Each record has in it the versions that its build
//! read, through any number of views. A read notes what was acknowledged before it began and what is
//! there after it ended. Where pages come from a disk in memory, changes are made in the midst of loads
//! of what they concern.
//!
//! What must hold:
//! - A record that says it is fresh has in it all that was acknowledged before the read began.
//! - No record has in it what is not there yet, is of another place, or is not whole.
//! - A read that builds what is not fresh returns nothing but what is fresh or says it was overtaken.
//! - When all is quiet everything is fresh and what it should be.
//! - What is held is the same after the store was closed and opened again.
//! - No call fails but for what others did meanwhile, and nothing waits for ever.
//!
//! Which thread comes when is the machine's to say: a round that is tried again does the same things
//! in another order.

#[path = "../../../../../tests/common/block_on.rs"]
mod block_on;
mod changes;
mod midst;
mod opening;
mod plan;
mod reader;
mod tally;
mod versions;
mod views;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

use crate::panics::caught;
use crate::proof::{Cores, Proof};
use crate::round::Round;

use changes::ANNOUNCERS;
use opening::{Held, Opening};
use plan::Plan;
use reader::Reader;
use tally::Counts;
use versions::Family;
use views::Families;

pub const PROOF: Proof = Proof {
    name: "fresh",
    about: "threads that read, change, build and evict at full speed: nothing stale is fresh",
    rounds: None,
    cores: Cores::All,
    share: 4,
    round,
};

/// What a round came to.
#[derive(Default)]
struct Sum {
    counts: Counts,
    changes: u64,
    held_up: u64,
    builds: u64,
    evictions: u64,
}

/// Fewer reads may be without a change, an eviction, or anything that is fresh: of a round that was
/// cut short.
const READS_THAT_TELL: u64 = 200_000;

fn round(round: &Round<'_>) {
    let (plan, began) = (Plan::of(round), Instant::now());
    let folder = tempfile::tempdir().expect("there is a folder for temporary files");
    let path = plan.in_file.then(|| folder.path().join("store"));
    let families: Families = Arc::new((0..plan.families).map(|_| Family::default()).collect());
    let (mut sum, mut held) = (Sum::default(), Vec::new());
    for life in 0..plan.openings {
        if round.is_over() {
            break;
        }
        match open(round, &plan, (life, path.as_deref()), &families) {
            Ok((opened, more)) => {
                sum.counts += opened.counts;
                sum.changes += opened.changes;
                sum.held_up += opened.held_up;
                sum.builds += opened.builds;
                sum.evictions += opened.evictions;
                held.extend(more);
            }
            Err(violations) => {
                violations.iter().for_each(|what| round.violation(what));
                return;
            }
        }
        held.iter().filter_map(|held: &Held| held().err()).for_each(|what| round.violation(&what));
    }
    let Sum { counts, changes, held_up, builds, evictions } = sum;
    let Counts { reads, hits, fresh, overtaken, marked } = counts;
    let share = |part: u64| 100.0 * part as f64 / reads.max(1) as f64;
    println!(
        "fresh, round {} ({plan}): {reads} reads in {:.1} s, of these {:.1} % hits, {:.1} % fresh, \
         {overtaken} overtaken, {marked} marked; {changes} changes, {held_up} of them within a load, \
         {builds} builds, {evictions} evictions",
        round.number,
        began.elapsed().as_secs_f64(),
        share(hits),
        share(fresh),
    );
    let nothing = fresh == 0 || changes == 0 || builds == 0 || marked == 0;
    let nothing = nothing || plan.memory_bytes > 0 && hits == 0 || plan.evicts() && evictions == 0;
    let nothing = nothing || plan.holds_up() && held_up == 0;
    if reads >= READS_THAT_TELL && nothing {
        round.violation(
            "nothing was fresh, changed, overtaken, built or evicted: that proves nothing",
        );
    }
}

type Opened = Result<(Sum, Vec<Held>), Vec<String>>;

/// One opening of the store, to its end.
fn open(
    round: &Round<'_>,
    plan: &Plan,
    (life, path): (u64, Option<&Path>),
    families: &Families,
) -> Opened {
    let failed = |error: tidetable::Error| vec![format!("the store does not open: {error}")];
    let opening = Opening::begin(plan, families, path).map_err(failed)?;
    opening.catch_up().map_err(failed)?;
    // The last one ends when nothing moves any more.
    let in_the_midst = life + 1 < plan.openings && plan.seed.is_multiple_of(2);
    thread::scope(|scope| {
        let opening = &opening;
        // Ends the others however a thread ends.
        let run = move |work: &dyn Fn()| {
            let done = caught(|| {
                work();
                Ok(())
            });
            done.unwrap_or_else(|what| opening.violation(what));
        };
        let random = move |thread| plan.random(life, 1 << 16 | thread);
        for number in 0..plan.readers {
            scope.spawn(move || run(&|| Reader::new(opening, plan, life, number).read(plan)));
        }
        for number in 0..ANNOUNCERS {
            scope.spawn(move || run(&|| changes::announce(opening, plan, (life, number))));
        }
        scope.spawn(move || run(&|| changes::meddle(opening, plan, random(ANNOUNCERS))));
        watch(round, plan, opening, in_the_midst);
    });
    if !in_the_midst {
        opening.is_right_when_it_is_quiet();
    }
    let [changes, held_up] = [&opening.changes, &opening.held_up].map(|count| count.load(Relaxed));
    let mut sum = Sum { changes, held_up, ..Sum::default() };
    opening.tallies.iter().for_each(|tally| sum.counts += tally.counts());
    let metrics = opening.store.metrics();
    (sum.builds, sum.evictions) = (metrics.builds, metrics.evictions);
    let closed = opening.store.close();
    closed.unwrap_or_else(|error| opening.violation(format!("the store does not close: {error}")));
    let violations = opening.violations();
    let held = std::mem::take(&mut *opening.held.lock().expect("nobody panics here"));
    if violations.is_empty() { Ok((sum, held)) } else { Err(violations) }
}

/// Counts what the readers of an opening do, until it is over.
fn watch(round: &Round<'_>, plan: &Plan, opening: &Opening, in_the_midst: bool) {
    let mut counted = 0;
    loop {
        let reads = opening.reads();
        round.count(reads - counted);
        counted = reads;
        if reads >= plan.reads || round.is_over() || opening.is_over() {
            break;
        }
        thread::sleep(Duration::from_millis(1));
    }
    if in_the_midst {
        let closed = opening.close_in_the_midst();
        closed.unwrap_or_else(|error| opening.violation(format!("it does not close: {error}")));
    }
    opening.end();
}
