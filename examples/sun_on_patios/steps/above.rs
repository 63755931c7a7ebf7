//! What is built from the exposures: the best hour of each patio, the sunny patios of each district.

use std::cmp::Reverse;

use tidetable::Timestamp;

use crate::Outcome;
use crate::calendar::{all_of, clock_time};
use crate::city::district_name;
use crate::report::{Report, count};
use crate::scratch::{compare_above, districts};
use crate::views::{patios_of, whole_hours};
use crate::world::World;

/// How many are shown.
const SHOWN: usize = 5;

pub(crate) fn look_from_above(world: &World, report: &mut Report) -> Outcome {
    report.section("The best hours, and where to go");
    let views = &world.views;
    let best = views.best_hour.precompute(0..world.patios(), all_of(&world.days))?.wait()?;
    let mut hours = 0;
    for day in &world.days {
        let run = views.sunny_patios.precompute(districts(world), whole_hours(*day)?)?;
        hours += run.wait()?.done;
    }
    let built = format!("{} patios' days, {} districts' hours", count(best.done), count(hours));
    report.line("built", built);

    let mut patios = Vec::new();
    for patio in 0..world.patios() {
        patios.push((patio, views.best_hour.get(&patio, world.days[0].start())?));
    }
    patios.sort_by_key(|(_, best)| Reverse(best.sunny_minutes.to_native()));
    for (patio, best) in patios.iter().take(SHOWN) {
        let minutes = best.sunny_minutes.to_native();
        let begins = clock_time(Timestamp::from_millis(best.begins.to_native()))?;
        let city = world.city();
        let patio = city.patio(*patio);
        let sun = format!("{} h {:02} min of sun", minutes / 60, minutes % 60);
        let sun = format!("{sun}, best from {begins} ({} %), {}", best.percent, patio.site.word());
        report.line(&format!("the {}", patio.name), sun);
    }

    let hours: Vec<Timestamp> = views
        .sunny_patios
        .grid()
        .buckets(whole_hours(world.days[0])?)
        .map(|hour| hour.map(|hour| hour.start()))
        .collect::<tidetable::Result<_>>()?;
    let heads: Vec<String> = hours.iter().map(|hour| clock_time(*hour)).collect::<Outcome<_>>()?;
    report.line("sunny patios by hour", heads.join("  "));
    let mut largest: Vec<u16> = districts(world).into_iter().collect();
    largest.sort_by_key(|district| Reverse(patios_of(&world.city, *district).len()));
    for district in largest.iter().take(SHOWN) {
        let timeline = views.sunny_patios.range(district, whole_hours(world.days[0])?)?;
        let sunny = timeline.iter().map(|(_, hour)| format!("{:>5}", hour.sunny.to_native()));
        let sunny: Vec<String> = sunny.collect();
        let patios = patios_of(&world.city, *district).len();
        let name = format!("district {}, {patios} patios", district_name(*district));
        report.line(&name, sunny.join("  "));
    }
    let compared = compare_above(world)?;
    report.holds("each is what the exposures say", compared.is_whole(), compared);
    Ok(())
}
