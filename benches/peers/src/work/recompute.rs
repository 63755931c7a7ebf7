//! One thing outside changes, and one record that was built from it is read: what an application
//! waits for between the change and the answer.
//!
//! `recompute_one`: tidetable announces durably (a sync) and builds in the reader; salsa sets an input
//! and asks for the function of it, in memory. `recompute_one_in_memory` is without a file on either
//! side.

use std::hint::black_box;

use salsa::Setter;

use crate::bench::Bench;
use crate::clock::nanos;
use crate::engine::{Engine as _, Sources, TIDETABLE, Tidetable, building, store_options};
use crate::figure::Better;
use crate::key::Key;
use crate::rounds::{Contender, alternate};

pub const WORKS: &[&str] = &["recompute_one", "recompute_one_in_memory"];

const DEPENDENCIES: u32 = 10;

pub fn measure(bench: &mut Bench) {
    bench.drop_shelf();
    for work in WORKS {
        if !bench.args.wants(work) {
            continue;
        }
        bench.tell(work);
        let (shared, rounds) = (&*bench, bench.rounds());
        let mut contenders = Vec::new();
        if bench.args.runs(TIDETABLE) {
            let tide = store(shared, *work == "recompute_one");
            let operations = bench.either(100, 400);
            contenders
                .push(Contender::new(TIDETABLE, move || recompute(shared, &tide, operations)));
        }
        if bench.args.runs("salsa") {
            contenders.push(Contender::new("salsa", salsa(shared)));
        }
        let spreads = alternate(rounds, contenders);
        bench.report(work, "us", Better::Less, spreads);
    }
}

/// Without builders: the reader builds.
fn store(bench: &Bench, with_file: bool) -> Tidetable {
    let options = tidetable::Options { builders: 0, ..store_options(bench.memory()) };
    let sources = Sources::Buildings(DEPENDENCIES);
    let tide = if with_file {
        Tidetable::open(&bench.fresh_folder("recompute"), options, sources)
    } else {
        Tidetable::in_memory(options, sources)
    };
    tide.precompute(&bench.data);
    tide
}

/// Microseconds from the announcement to the fresh record.
fn recompute(bench: &Bench, tide: &Tidetable, operations: u32) -> f64 {
    tide.refresh();
    let mut took = 0.0;
    tide.read(&mut |reader| {
        took = nanos(|| {
            for nth in 0..operations {
                let entity = nth % bench.data.entities();
                tide.store.invalidate(building(entity, 3, DEPENDENCIES)).expect("an invalidation");
                black_box(reader.get(Key::at(entity, 60)).expect("a record"));
            }
        });
    });
    took / f64::from(operations) / 1e3
}

#[salsa::input]
struct Height {
    #[returns(copy)]
    of: u64,
}

#[salsa::tracked(returns(copy))]
fn shade(db: &dyn salsa::Database, heights: Heights) -> u64 {
    heights.all(db).iter().fold(0, |sum, height| sum.wrapping_mul(31).wrapping_add(height.of(db)))
}

/// What one derived value reads: as many inputs as a record of tidetable's has sources.
#[salsa::input]
struct Heights {
    #[returns(ref)]
    all: Vec<Height>,
}

/// As many derived values as there are entities.
fn salsa(bench: &Bench) -> impl FnMut() -> f64 + use<> {
    const OPERATIONS: usize = 20_000;
    let mut db = salsa::DatabaseImpl::default();
    let groups: Vec<Heights> = (0..bench.data.entities())
        .map(|entity| {
            let heights =
                (0..DEPENDENCIES).map(|nth| Height::new(&db, u64::from(entity * 10 + nth)));
            Heights::new(&db, heights.collect())
        })
        .collect();
    let inputs: Vec<Height> = groups.iter().map(|group| group.all(&db)[3]).collect();
    groups.iter().for_each(|group| _ = black_box(shade(&db, *group)));
    let mut value = 1_000_000;
    move || {
        let took = nanos(|| {
            for nth in 0..OPERATIONS {
                value += 1;
                let entity = nth % groups.len();
                inputs[entity].set_of(&mut db).to(value);
                black_box(shade(&db, groups[entity]));
            }
        });
        took / OPERATIONS as f64 / 1e3
    }
}
