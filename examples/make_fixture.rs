//! Writes a file of the present format for `tests/files/format.rs` to open ever after:
//! `cargo run --example make_fixture -- tests/fixtures/format-1.tide`.
//!
//! A format gets its fixture once, when it is frozen; a file that is committed is never written
//! anew, since it stands for the files that are out there.

use std::sync::Arc;

use tidetable::{ManualClock, Options, Store};

#[path = "../tests/fixtures/content.rs"]
mod content;

use content::{DAYS, FILLED_AT, KEPT_CHARTS, OLD_PATIO, PARKS, PATIOS, WRITTEN_AT};

/// Enough small pages that a dictionary is trained, and some that use it.
const CHARTS: i64 = 70;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args_os().nth(1).ok_or("say where: make_fixture PATH")?;
    if std::fs::exists(&path)? {
        return Err("there is a file of that name already".into());
    }
    let clock = Arc::new(ManualClock::new(FILLED_AT));
    let options = Options { clock: clock.clone(), ..Options::default() };
    let store = Store::open_with(&path, options)?;

    content::exposures(&store, 1)?.fill(&OLD_PATIO, content::stretch())?.complete()?;
    clock.set(WRITTEN_AT);
    let exposures = content::exposures(&store, 2)?;
    for patio in PATIOS {
        exposures.fill(&patio, content::stretch())?.complete()?;
    }

    let visits = content::visits(&store)?;
    let all = PARKS.iter().flat_map(|park| (0..DAYS).map(move |day| (*park, day)));
    visits.put_many(
        all.map(|(park, day)| (park, content::midday(day), content::visited(park, day))),
    )?;

    let charts = content::charts(&store)?;
    for number in -CHARTS / 2..CHARTS / 2 {
        charts.put(&content::chart_key(number), WRITTEN_AT, &content::chart(number))?;
    }
    for number in (-CHARTS / 2..CHARTS / 2).filter(|number| !KEPT_CHARTS.contains(number)) {
        charts.delete(&content::chart_key(number))?;
    }
    store.close()?;
    Ok(())
}
