//! The shortest complete program, the same as the README's: define, read, fill, announce, run ahead.

#![expect(clippy::print_stdout, reason = "a program that shows what it does")]

use tidetable::{Grid, Layer, Span, Store, Timestamp};

/// How the sun falls on a patio.
#[derive(rkyv::Archive, rkyv::Serialize)]
struct Exposure {
    percent: u8,
    sunlit: Vec<u8>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::temp_dir().join(format!("city-{}.tide", std::process::id()));
    let store = Store::open(&path)?;
    let exposure = store
        .view::<u32, Exposure>("sun_exposure") // about patios, by number
        .grid(Grid::minutes(10)) // a record for every ten minutes
        .version(1) // raised when the algorithm changes, or the record's type
        .retain(Span::days(3))
        .build(|cx, &patio, bucket| {
            cx.depends_on(("building", patio / 10)); // whatever it reads outside the store
            Ok(shadow(patio, bucket.start()))
        })?;

    let noon: Timestamp = "2026-06-21T12:00:00+02:00".parse()?;
    let record = exposure.get(&7, noon)?; // built, stored, cached
    println!("{} % sun, {}", record.percent, record.freshness());
    assert_eq!(exposure.get(&7, noon)?.layer(), Layer::Memory); // from now on read

    let day = tidetable::local_day("Europe/Stockholm", noon)?;
    exposure.fill(&7, day)?.complete()?; // the rest of the day, ahead of its readers
    for (bucket, record) in exposure.range(&7, day)?.iter() {
        println!("{bucket}: {} %", record.percent);
    }

    store.invalidate(("building", 0))?; // durable: nobody is served the old shadow as fresh
    assert!(exposure.get(&7, noon)?.is_fresh()); // built anew; by itself if nobody asks

    let run = exposure.precompute(0..100, day)?; // in the background, with progress, over restarts
    println!("{} of {} records", run.wait()?.done, run.status().total);

    store.close()?; // synced and sealed; the next opening finds it all
    std::fs::remove_file(path)?;
    Ok(())
}

/// Stands for a slow computation over the buildings around.
fn shadow(patio: u32, at: Timestamp) -> Exposure {
    let percent = (at.as_millis() / 600_000 * i64::from(patio) % 100) as u8;
    Exposure { percent, sunlit: vec![percent; 16] }
}
