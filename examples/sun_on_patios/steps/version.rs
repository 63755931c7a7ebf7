//! A better method: the old answers are served, and say that they are old, until the new ones are
//! there.

use std::cell::Cell;

use tidetable::{Freshness, Marked, Refresh};

use crate::Outcome;
use crate::calendar::{all_of, at, date_of, open_buckets};
use crate::health::Health;
use crate::progress::follow;
use crate::report::{Report, count};
use crate::scratch::{compare, compare_above};
use crate::shadow::Method;
use crate::world::World;

pub(crate) fn change_the_method(world: &mut World, report: &mut Report) -> Outcome {
    report.section("A better method rolls in");
    let metrics = world.store.metrics();
    world.change_method(Method::InTheMiddle)?;
    let (old, new) = (Method::AtTheStart.version(), Method::InTheMiddle.version());
    let lenient = world.views.exposure.when_marked(Marked::Serve);
    let noon = at(date_of(world.days[0].start())?, 12, 0)?;
    let record = lenient.get(&0, noon)?;
    let found = format!("{}, of version {}", record.freshness(), record.version());
    report.holds("an old answer says so", record.freshness() == Freshness::OldVersion, found);
    report.line("health", Health::of(world, &metrics)?.shown()?);

    let run = world.store.refresh(&Refresh::lacking().view("sun_exposure"))?;
    let (served_old, served_new, served_wrong) = (Cell::new(0_u64), Cell::new(0_u64), Cell::new(0_u64));
    let look = || {
        for record in lenient.get_many(0..world.patios(), noon) {
            let named = record.map(|record| (record.version(), record.freshness()));
            let count = match named {
                Ok((version, Freshness::OldVersion)) if version == old => &served_old,
                Ok((version, Freshness::Fresh)) if version == new => &served_new,
                _ => &served_wrong,
            };
            count.set(count.get() + 1);
        }
    };
    let status = follow(&run, |status| {
        look();
        2 * status.done >= status.total
    })?;
    let census = world.views.exposure.census()?;
    let versions: Vec<String> = census
        .versions
        .iter()
        .map(|(version, records)| format!("{} of version {version}", count(*records)))
        .collect();
    report.line("in the middle", versions.join(", "));
    if !status.state.has_ended() {
        follow(&run, |_| {
            look();
            false
        })?;
    }
    look();
    let (served_old, served_new) = (count(served_old.get()), count(served_new.get()));
    let served = format!("{served_old} old, {served_new} new, {} neither", served_wrong.get());
    report.holds("meanwhile all are served", served_wrong.get() == 0, served);
    world.settle()?;
    let compared = compare(world, &open_buckets(all_of(&world.days))?)?;
    report.holds("each is what the city says", compared.is_whole(), compared);
    let above = compare_above(world)?;
    report.holds("above, each is what they say", above.is_whole(), above);
    Ok(())
}
