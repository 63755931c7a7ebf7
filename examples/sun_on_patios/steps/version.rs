//! A better method: the old answers are served, and say that they are old, until the new ones are
//! there.

use std::thread;
use std::time::Instant;

use tidetable::{Freshness, Marked, Record, Timestamp};

use crate::Outcome;
use crate::calendar::{all_of, at, date_of, open_buckets};
use crate::health::Health;
use crate::progress::{TICK, bar, draw};
use crate::records::Exposure;
use crate::report::{Report, count};
use crate::scratch::{compare, compare_above};
use crate::shadow::Method;
use crate::world::World;

pub(crate) fn change_the_method(world: &mut World, report: &mut Report) -> Outcome {
    report.section("A better method rolls in");
    let began = Instant::now();
    world.change_method(Method::InTheMiddle)?;
    report.line("health", Health::of(world, None)?.shown()?);

    // The builders have begun by themselves; meanwhile guests are served what there is.
    let noon = at(date_of(world.days[0].start())?, 12, 0)?;
    let (mut served, mut middle) = (Served::default(), None);
    loop {
        served.look(world, noon)?;
        let census = world.views.exposure.census()?;
        let new = census.records - census.old_version;
        let is_last = census.old_version == 0;
        draw(&bar("version 2", new, census.records), is_last)?;
        if 2 * new >= census.records {
            middle.get_or_insert(census.versions);
        }
        if is_last {
            break;
        }
        thread::sleep(TICK);
    }
    let took = began.elapsed();
    let versions = middle.unwrap_or_default().into_iter();
    let versions = versions.map(|(version, records)| format!("{} of {version}", count(records)));
    report.line("about half-way, by version", versions.collect::<Vec<_>>().join(", "));
    let Served { old, new, wrong } = served;
    let found = format!("{} old, {} new, {wrong} neither, in {took:.1?}", count(old), count(new));
    report.holds("all are served, and say what", wrong == 0 && old > 0, found);

    world.settle()?;
    let compared = compare(world, &open_buckets(all_of(&world.days))?)?;
    report.holds("each is what the city says", compared.is_whole(), compared);
    let above = compare_above(world)?;
    report.holds("above, each is what they say", above.is_whole(), above);
    Ok(())
}

/// What guests were served who wait for nothing.
#[derive(Default)]
struct Served {
    /// Records of the old version that say so.
    old: u64,
    /// Fresh records of the new one.
    new: u64,
    /// Anything else.
    wrong: u64,
}

impl Served {
    fn look(&mut self, world: &World, instant: Timestamp) -> tidetable::Result<()> {
        let lenient = world.views.exposure.when_marked(Marked::Serve);
        let (old, new) = (Method::AtTheStart.version(), Method::InTheMiddle.version());
        for record in lenient.get_many(0..world.patios(), instant) {
            let record: Record<Exposure> = record?;
            match (record.version(), record.freshness()) {
                (version, Freshness::OldVersion) if version == old => self.old += 1,
                (version, Freshness::Fresh) if version == new => self.new += 1,
                _ => self.wrong += 1,
            }
        }
        Ok(())
    }
}
