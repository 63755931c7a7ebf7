//! What guests ask.

use std::time::{Duration, Instant};

use tidetable::{Layer, Record, Span, TimeRange, Timeline, Timestamp};

use crate::Outcome;
use crate::calendar::{at, clock_time, date_of};
use crate::city::Random;
use crate::health::Health;
use crate::records::{Exposure, State};
use crate::report::{Report, count, percent, quantile};
use crate::world::World;

/// How far from the instant that was asked for a record may begin.
const TOLERANCE: Span = Span::minutes(5);
/// How often guests ask in a day.
const QUESTIONS: u32 = 200_000;

pub(crate) fn look_up(world: &mut World, report: &mut Report) -> Outcome {
    report.section("Guests ask");
    let date = date_of(world.days[0].start())?;
    let exposure = &world.views.exposure;

    let patio = world.views.most_varied(world.patios(), world.days[0])?;
    let one = exposure.get(&patio, at(date, 13, 20)?)?;
    report.line(&format!("the {} at 13:20", world.city().patio(patio).name), shown(&one));
    // Asked by the minute: the nearest ten minutes, if they are near.
    let asked = [(12, 4), (12, 5), (12, 6), (7, 54), (7, 55), (20, 5), (20, 6)];
    let mut found = Vec::new();
    for (hour, minute) in asked {
        let record = exposure.nearest(&patio, at(date, hour, minute)?, TOLERANCE)?;
        found.push(record.map_or(Ok("none".to_owned()), |it| clock_time(it.bucket().start()))?);
    }
    let expected = ["12:00", "12:00", "12:10", "none", "08:00", "20:00", "none"];
    let words = "asked at 12:04 12:05 12:06 07:54 07:55 20:05 20:06";
    report.holds("the nearest within 5 min", found == expected, words);
    report.line("", format!("      found at {}", found.join("  ").replace("none", "none ")));

    let hours = TimeRange::new(at(date, 9, 0)?, at(date, 19, 0)?);
    let timeline = every(Span::minutes(60), &exposure.range(&patio, hours)?);
    report.line("the same by the hour", timeline.join(", "));

    let began = Instant::now();
    let many = exposure.get_many(0..world.patios(), at(date, 13, 0)?);
    let took = began.elapsed();
    let mut sunny = 0;
    for record in &many {
        sunny +=
            u32::from(State::from(record.as_ref().map_err(Clone::clone)?.state) == State::Sunny);
    }
    report.line("all patios at 13:00", format!("{sunny} of {} sunny, in {took:.1?}", many.len()));

    read_from_the_file(world, report)?;
    read_all_day(world, report)
}

/// Reads a record of each patio in an opening in which nothing is in memory yet.
fn read_from_the_file(world: &mut World, report: &mut Report) -> Outcome {
    world.restart(false)?;
    let noon = at(date_of(world.days[1].start())?, 12, 0)?;
    let mut times = Vec::new();
    for patio in 0..world.patios() {
        let (record, took) = timed(|| world.views.exposure.get(&patio, noon))?;
        if record.layer() != Layer::File {
            report.holds("it comes from the file", false, format!("{record:?}"));
        }
        times.push(took);
    }
    times.sort();
    let (median, worst) = (quantile(&times, 0.5), quantile(&times, 1.0));
    let found =
        format!("half in {median:.1?}, the slowest in {worst:.1?} (from the system's cache)");
    report.line("from the file", found);
    report.floor_of_time("the slowest read from disk: 100 ms", worst, Duration::from_millis(100));
    Ok(())
}

/// Has guests ask all day: mostly about popular patios, about all hours of today and tomorrow.
fn read_all_day(world: &World, report: &mut Report) -> Outcome {
    let (before, mut random) = (world.store.metrics(), Random::new(42));
    let patios = f64::from(world.patios());
    let mut times = Vec::with_capacity(QUESTIONS as usize);
    let mut built = 0;
    for _ in 0..QUESTIONS {
        // Zipf's law: the tenth is asked for a tenth as often as the first.
        let patio = (patios.powf(random.share()) - 1.0) as u32;
        let day = world.days[usize::from(random.percent(30))];
        let minutes = (random.share() * 720.0) as i64;
        let opens = at(date_of(day.start())?, 8, 0)?;
        let instant = opens + Span::minutes(minutes);
        let (record, took) = timed(|| world.views.exposure.get(&patio, instant))?;
        match record.layer() {
            Layer::Memory => times.push(took),
            Layer::Build => built += 1,
            _ => {}
        }
    }
    times.sort();
    let (median, rare) = (quantile(&times, 0.5), quantile(&times, 0.99));
    let health = Health::of(world, Some(&before))?;
    let hit_rate = health.hit_rate.unwrap_or(0.0);
    let asked = format!("{} questions, {} from memory", count(QUESTIONS), percent(hit_rate));
    report.line("a day's guests", asked);
    report.line("from memory", format!("half in {median:.1?}, 99 of 100 in {rare:.1?}"));
    report.holds("nobody waits for a build", built == 0, format!("{built} did"));
    report.floor_of_share("looks that hit memory: 85 %", hit_rate, 0.85);
    report.floor_of_time("99 of 100 reads from memory: 5 ms", rare, Duration::from_millis(5));
    Ok(())
}

fn timed<T, E>(run: impl FnOnce() -> Result<T, E>) -> Result<(T, Duration), E> {
    let began = Instant::now();
    let outcome = run()?;
    Ok((outcome, began.elapsed()))
}

/// A record every so often, as `10:00 45 %`.
fn every(step: Span, timeline: &Timeline<Exposure>) -> Vec<String> {
    let is_due = |start: Timestamp| start.as_millis() % step.as_millis() == 0;
    let due = timeline.iter().filter(|(bucket, _)| is_due(bucket.start()));
    due.map(|(bucket, it)| {
        let time = clock_time(bucket.start()).unwrap_or_default();
        format!("{time} {} %", it.percent)
    })
    .collect()
}

fn shown(record: &Record<Exposure>) -> String {
    let state = State::from(record.state);
    format!(
        "{state}, {} % ({:.1} m²), sure to {} %, shadows of houses: {}; {}, version {}, built in {:?}",
        record.percent,
        record.sunlit_area.to_native(),
        record.confidence,
        record.houses.to_native(),
        record.freshness(),
        record.version(),
        record.build_time(),
    )
}
