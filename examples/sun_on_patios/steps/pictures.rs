//! Drawing a patio's day, and the city at an hour.

use std::env;
use std::fs;
use std::path::PathBuf;

use crate::Outcome;
use crate::calendar::{at, date_of};
use crate::drawing;
use crate::report::{Report, count};
use crate::world::World;

/// The hour at which the city is drawn.
const HOUR: i8 = 15;

pub(crate) fn draw(world: &World, report: &mut Report) -> Outcome {
    report.section("Pictures");
    let folder = folder()?;
    fs::create_dir_all(&folder)?;
    let instant = at(date_of(world.days[0].start())?, HOUR, 0)?;
    let patio = world.views.most_varied(world.patios(), world.days[0])?;
    let pictures = [
        ("patio_day.svg", drawing::patio_day(world, patio, world.days[0])?),
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

/// Beside what was compiled: `target/sun_on_patios`.
fn folder() -> Outcome<PathBuf> {
    let program = env::current_exe()?;
    let target = program.ancestors().nth(3).ok_or("the program is not in a target directory")?;
    Ok(target.join("sun_on_patios"))
}
