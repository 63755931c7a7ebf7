//! Drawing a patio's day, and the city at an hour.

use std::env;
use std::fs;
use std::path::PathBuf;

use crate::Outcome;
use crate::calendar::{at, date_of, open_hours};
use crate::drawing;
use crate::records::ArchivedState;
use crate::report::{Report, count};
use crate::world::World;

/// The hour at which the city is drawn.
const HOUR: i8 = 15;

pub(crate) fn draw(world: &World, report: &mut Report) -> Outcome {
    report.section("Pictures");
    let folder = folder()?;
    fs::create_dir_all(&folder)?;
    let instant = at(date_of(world.days[0].start())?, HOUR, 0)?;
    let pictures = [
        ("patio_day.svg", drawing::patio_day(world, most_varied(world)?, world.days[0])?),
        ("city_hour.svg", drawing::city_hour(world, instant)?),
    ];
    for (name, picture) in pictures {
        let path = folder.join(name);
        fs::write(&path, &picture)?;
        let kilobytes = count(picture.len() as u64 / 1024);
        report.line(name, format!("{} ({kilobytes} KiB)", path.display()));
    }
    Ok(())
}

/// The patio that has most of everything: it is as long in the sun as in part of it and in the shade.
fn most_varied(world: &World) -> tidetable::Result<u32> {
    let mut best = (0, 0);
    for patio in 0..world.patios() {
        let day = world.views.exposure.range(&patio, open_hours(world.days[0])?)?;
        let many = |state: fn(&ArchivedState) -> bool| {
            day.iter().filter(|(_, it)| state(&it.state)).count()
        };
        let least = many(|state| matches!(state, ArchivedState::Sunny))
            .min(many(|state| matches!(state, ArchivedState::Partial)))
            .min(many(|state| matches!(state, ArchivedState::Shaded)));
        best = best.max((least, patio));
    }
    Ok(best.1)
}

/// Beside what was compiled: `target/sun_on_patios`.
fn folder() -> Outcome<PathBuf> {
    let program = env::current_exe()?;
    let target = program.ancestors().nth(3).ok_or("the program is not in a target directory")?;
    Ok(target.join("sun_on_patios"))
}
