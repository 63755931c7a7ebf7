//! What city it is, and which days.

use crate::Outcome;
use crate::calendar::{BUCKETS_A_DAY, clock_time, long_date, open_buckets};
use crate::city::{City, PLACE, SKYLINE, Site};
use crate::report::{Report, count};
use crate::shadow::Method;
use crate::sun::Sun;
use crate::world::World;

pub(crate) fn look_around(world: &World, seed: u64, report: &mut Report) -> Outcome {
    report.section("The city");
    let city = world.city();
    let size = city.bounds.most - city.bounds.least;
    let kilometres = format!("{:.1} by {:.1} km, by seed {seed}", size.x / 1e3, size.y / 1e3);
    report.line("size", kilometres);
    report.line("houses", houses(&city));
    report.line("patios", patios(&city));
    for day in &world.days {
        let buckets = open_buckets(*day)?;
        let (first, last) = (buckets.first().ok_or("no hours")?, buckets.last().ok_or("no hours")?);
        let light = |instant| Sun::at(instant, PLACE).elevation;
        let lit = buckets.iter().filter(|bucket| light(bucket.start()) >= SKYLINE);
        let highest = buckets.iter().map(|bucket| light(bucket.start())).fold(f64::MIN, f64::max);
        let hours = format!(
            "{} to {} by the clock, {} in UTC, sun above the hills in {} of {}, highest {highest:.1}°",
            clock_time(first.start())?,
            clock_time(last.start())?,
            first.start(),
            lit.count(),
            buckets.len(),
        );
        report.line(&long_date(day.start())?, hours);
        let what = "the day has 73 times ten minutes";
        if buckets.len() as u64 != BUCKETS_A_DAY {
            report.holds(what, false, buckets.len());
        }
    }
    let noon = open_buckets(world.days[0])?[30];
    let sun = Method::AtTheStart.sun(noon);
    let position = format!("{:.3}° high, {:.3}° from north", sun.elevation, sun.azimuth);
    report.line(&format!("the sun at {}", clock_time(noon.start())?), position);
    Ok(())
}

fn houses(city: &City) -> String {
    let mut heights: Vec<f64> = city.houses().map(|house| house.height).collect();
    heights.sort_by(f64::total_cmp);
    let (median, highest) = (heights[heights.len() / 2], heights[heights.len() - 1]);
    let (lots, prisms) = (count(city.lots.len() as u64), count(heights.len() as u64));
    format!("{lots}, of {prisms} prisms, the median {median:.1} m high, the highest {highest:.1} m")
}

fn patios(city: &City) -> String {
    let many = |site: Site| {
        let there = city.patios.iter().filter(|patio| patio.site == site).count();
        format!("{there} {}", site.word())
    };
    let sites = [Site::Pavement, Site::Courtyard, Site::Square].map(many).join(", ");
    format!("{}: {sites}", count(city.patios.len() as u64))
}
