//! The main job, each step with its time: open, define a view, fill, read, announce a change, read
//! again, delete, reopen.

#![expect(clippy::print_stdout, reason = "a program that shows what it does")]

use std::time::Instant;

use tidetable::{Grid, Layer, Span, Store, TimeRange, Timestamp};

/// How the sun falls on a patio: what a shadow computation over the buildings around would give.
#[derive(rkyv::Archive, rkyv::Serialize)]
struct Exposure {
    percent: u8,
    elevation: f32,
    sunlit: Vec<u8>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("city.tide");
    let noon = "2026-06-21T10:00:00Z".parse::<jiff::Timestamp>()?.into();

    let store = timed("open a new store", || Store::open(&path))?;
    let exposure = timed("define a view", || define(&store))?;

    let day = tidetable::local_day("Europe/Stockholm", noon)?;
    let patios = 0..100u32;
    let filled = timed("fill a day for 100 patios", || fill(&exposure, patios.clone(), day))?;
    println!("{:>34} {filled} records", "");

    let record = timed("read a record", || exposure.get(&7, noon))?;
    println!(
        "{:>34} {} % sun, {}, from {:?}",
        "",
        record.percent,
        record.freshness(),
        record.layer()
    );
    let timeline = timed("read a whole day", || exposure.range(&7, day))?;
    println!("{:>34} {} buckets", "", timeline.len());

    let changed = timed("a building grows: say so", || store.invalidate(("building", 0)))?;
    println!("{:>34} {} records are stale", "", changed.stale);
    let record = timed("read what it shades: built anew", || exposure.get(&7, noon))?;
    assert!(record.is_fresh());
    let morrow = TimeRange::new(day.end(), day.end().checked_add(Span::days(1)).expect("in time"));
    let run = timed("ask for the next day", || exposure.precompute(patios.clone(), morrow))?;
    let status = timed("wait for that run", || run.wait())?;
    println!("{:>34} {} records, {} failed", "", status.done, status.failed);
    let pending = timed("ask for one record more", || exposure.request(&7, morrow.end()))?;
    timed("wait for it", || pending.wait())?;

    let deleted = timed("delete a patio", || exposure.delete(&7))?;
    println!("{:>34} {deleted} records", "");
    assert!(exposure.peek(&7, noon)?.is_none());
    let record = timed("read it again: built on demand", || exposure.get(&7, noon))?;
    assert_eq!(record.layer(), Layer::Build);

    timed("close", || store.close())?;
    let store = timed("open again", || Store::open(&path))?;
    let exposure = define(&store)?;
    let record = timed("read from the file", || exposure.get(&18, noon))?;
    assert_eq!(record.layer(), Layer::File);
    println!("{:>34} {} % sun, built in {:?}", "", record.percent, record.build_time());
    let again = timed("read from memory", || exposure.get(&18, noon))?;
    assert_eq!(again.layer(), Layer::Memory);
    store.close()?;
    Ok(())
}

fn define(store: &Store) -> tidetable::Result<tidetable::View<u32, Exposure>> {
    store.view("sun_exposure").grid(Grid::minutes(10)).version(1).retain(Span::days(3)).build(
        |cx, &patio, bucket| {
            // Whatever it reads outside the store: here the one building that shades ten patios.
            cx.depends_on(("building", patio / 10));
            Ok(shadow(patio, bucket.start()))
        },
    )
}

fn fill(
    exposure: &tidetable::View<u32, Exposure>,
    patios: std::ops::Range<u32>,
    day: TimeRange,
) -> tidetable::Result<u64> {
    patios.map(|patio| Ok(exposure.fill(&patio, day)?.complete()?.built)).sum()
}

/// Stands for something slow.
fn shadow(patio: u32, at: Timestamp) -> Exposure {
    let hour = (at.as_millis() / 3_600_000 % 24) as f32;
    let elevation = 55.0 - (hour - 11.0).abs() * 6.0;
    let percent = (elevation.max(0.0) as u32 * (patio % 10 + 1) / 5).min(100) as u8;
    Exposure { percent, elevation, sunlit: vec![percent; 16] }
}

fn timed<T, E>(step: &str, run: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    let started = Instant::now();
    let outcome = run();
    println!("{step:<32} {:>12.1?}", started.elapsed());
    outcome
}
