//! Midnight passes: a new day is filled, and in the end the old ones go.

use tidetable::{RunState, Span, local_day};

use crate::Outcome;
use crate::calendar::{all_of, long_date, open, open_hours, short_date};
use crate::city::ZONE;
use crate::health::{Health, Verdict};
use crate::progress::follow;
use crate::report::Report;
use crate::world::World;

pub(crate) fn pass_midnight(world: &World, report: &mut Report) -> Outcome {
    report.section("Midnight");
    let exposure = &world.views.exposure;
    let midnight = world.days[0].end();
    world.clock.set(midnight);
    report.line("it is", long_date(midnight)?);
    // Builders that sleep till midnight do not see that the clock is set: say that it is time.
    for run in exposure.fill_horizon()? {
        if run.status().range.start() > world.days[2].end() {
            follow(&run, |_| false)?;
        } else {
            run.wait()?;
        }
    }
    let health = Health::of(world, None)?;
    report.holds("the guide is healthy", health.verdict() == Verdict::Healthy, health.shown()?);

    // Somebody plans a day too far, and thinks better of it.
    let far = local_day(ZONE, midnight + Span::days(7))?;
    let run = exposure.precompute(0..world.patios(), open_hours(far)?)?;
    run.cancel()?;
    let status = run.wait()?;
    let found =
        format!("{} is {}, {} were built", short_date(far.start())?, status.state, status.done);
    // A small city's may be done before it is called off.
    let is_off = status.state == RunState::Cancelled || status.done == status.total;
    report.holds("a run can be called off", is_off, found);

    // After three days the first day's records have had their time.
    world.clock.set(midnight + Span::days(3));
    exposure.apply_retention()?;
    let two_days = all_of(&world.days[..2]);
    let days = exposure.completeness_of(0..world.patios(), &open()?, two_days)?;
    let (gone, left) = (days[0].present, days[1].present);
    let found =
        format!("of {} records {gone} are left, and {left} of the next day", days[0].expected);
    report.holds("three days later they are gone", gone == 0 && left == days[1].expected, found);
    Ok(())
}
