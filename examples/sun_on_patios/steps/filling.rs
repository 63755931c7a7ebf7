//! Filling the days to come, with a stop in the middle and a patio that fails.

use std::collections::BTreeSet;
use std::mem;
use std::thread;
use std::time::{Duration, Instant};

use tidetable::key::EntityKey;
use tidetable::report::RunKind;
use tidetable::{Run, RunState, Store};

use crate::Outcome;
use crate::calendar::{BUCKETS_A_DAY, all_of, open_buckets, short_date};
use crate::health::{Health, Verdict};
use crate::progress::follow;
use crate::report::{Report, count, percent};
use crate::scratch::compare;
use crate::world::World;

/// The demand: so many records in so long.
const DEMANDED: f64 = 100.0 * 72.0;
const DEMANDED_IN: Duration = Duration::from_mins(45);

pub(crate) fn fill(world: &mut World, report: &mut Report) -> Outcome {
    report.section("Three days, ahead of the guests");
    let health = Health::of(world, None)?;
    report.line("health of an empty guide", health.shown()?);

    // The builders have begun by themselves: the view has a horizon.
    let began = Instant::now();
    let runs = runs_of_days(&world.store, world.days.len())?;
    let all: u64 = runs.iter().map(|run| run.status().total).sum();
    let mut done = 0;
    for run in &runs {
        done += follow(run, |status| 2 * (done + status.done) >= all)?.done;
        if 2 * done >= all {
            break;
        }
    }
    let (stopped, built_before) = (world.store.clone(), began.elapsed());
    world.restart(true)?;
    let before = stopped.metrics();
    report.line("stopped in the middle", format!("{} of {} were built", count(done), count(all)));

    // The same runs, found in the file, go on where they were.
    let again = Instant::now();
    let ids: Vec<u64> = runs.iter().map(Run::id).collect();
    let mut failed = 0;
    let mut failing = BTreeSet::new();
    for id in ids {
        let run = world.store.run(id)?.ok_or("a run was lost")?;
        let has_ended = run.status().state.has_ended();
        let status = if has_ended { run.status() } else { follow(&run, |_| false)? };
        failed += status.failed;
        for failure in run.failures()? {
            let mut key = failure.error.entity().ok_or("a record fails without an entity")?;
            failing.insert(u32::decode(&mut key).ok_or("an entity that is no patio")?);
        }
        let state = if status.failed > 0 { RunState::Partial } else { RunState::Completed };
        if (status.state, status.done) != (state, status.total) {
            report.holds("the run has done all", false, format!("{status:?}"));
        }
    }
    let (built, took) =
        (before.builds + world.store.metrics().builds, built_before + again.elapsed());
    let expected = world.days.len() as u64 * BUCKETS_A_DAY * u64::from(world.patios() - 1);
    let found = format!("{} built, {} expected", count(built), count(expected));
    report.holds("each was built once", built == expected, found);
    let name = world.city().patio(world.lost).name.clone();
    let lost = format!("{failed} times ten minutes of the {name}, whose survey is lost");
    report.holds("one patio fails, no other", failing == BTreeSet::from([world.lost]), lost);
    for day in world.views.exposure.completeness()? {
        let (ratio, date) = (day.present_ratio(), short_date(day.day.start())?);
        let present = format!("{} of {}", count(day.present), count(day.expected));
        report.line(&format!("complete on {date}"), format!("{} ({present})", percent(ratio)));
    }
    let health = Health::of(world, None)?;
    report.line("health of a full guide", health.shown()?);
    report.floor_of_share("complete on each day: 95 %", health.completeness, 0.95);
    report.floor_of_share(
        "builds that succeed: 99 %",
        built as f64 / (built + failed) as f64,
        0.99,
    );
    let rate = built as f64 / took.as_secs_f64();
    let speed = format!("{took:.1?}, {} records/s on {} cores", count(rate as u64), cores());
    report.line("building took", speed);
    let demanded = Duration::from_secs_f64(DEMANDED / rate);
    report.floor_of_time("100 patios for 72 buckets: 45 min", demanded, DEMANDED_IN);
    Ok(())
}

/// Gives back the survey that was lost, and fills what was left out.
pub(crate) fn find_the_survey(world: &mut World, report: &mut Report) -> Outcome {
    report.section("The lost survey is found");
    let (lost, survey) = (world.lost, mem::take(&mut world.survey));
    world.city_to_change().patios[lost as usize].ground = survey;
    // Nothing was built from it: this tells the builders to look again.
    let before = world.store.metrics().builds;
    world.store.invalidate(("patio", lost))?;
    for run in world.views.exposure.fill_horizon()? {
        run.wait()?;
    }
    let built = world.store.metrics().builds - before;
    let expected = world.days.len() as u64 * BUCKETS_A_DAY;
    let found = format!("{built} of {expected}, all else was passed over");
    report.holds("what was left out is built", built == expected, found);
    let health = Health::of(world, None)?;
    report.holds("the guide is healthy", health.verdict() == Verdict::Healthy, health.shown()?);
    let compared = compare(world, &open_buckets(all_of(&world.days))?)?;
    report.holds("each is what the city says", compared.is_whole(), compared);
    Ok(())
}

/// The runs that fill the days, the first day first. The builders begin them as soon as the view is
/// defined, one after the other.
fn runs_of_days(store: &Store, days: usize) -> tidetable::Result<Vec<Run>> {
    loop {
        let mut runs = store.runs()?;
        runs.retain(|run| run.status().kind == RunKind::Horizon);
        if runs.len() >= days {
            runs.sort_by_key(|run| run.status().range.start());
            return Ok(runs);
        }
        thread::sleep(Duration::from_millis(1));
    }
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}
