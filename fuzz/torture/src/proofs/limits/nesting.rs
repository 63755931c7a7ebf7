//! How deep builds nest, and how often one is run again because something moved.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, OnceLock, mpsc};
use std::thread;

use tidetable::{ErrorKind, Freshness, Grid, Store, Timestamp, View};

use super::place::{Held, Place, ensure, hold, refused_as};
use crate::round::Round;

type Totals = View<u32, u64>;

fn at(second: i64) -> Timestamp {
    Timestamp::from_seconds(second)
}

/// Each bucket is one more than that before it; the first is the sum of `wide` records of another view.
fn chain(store: &Store, wide: i64) -> Held<(Totals, Arc<AtomicU64>)> {
    let runs = Arc::new(AtomicU64::new(0));
    let (counted, itself) = (runs.clone(), Arc::new(OnceLock::<Totals>::new()));
    let captured = itself.clone();
    let below = store.view::<u32, u64>("below").grid(Grid::seconds(1)).build(|_, _, _| Ok(1))?;
    let view = store.view::<u32, u64>("chain").grid(Grid::seconds(1)).build(
        move |cx, entity, bucket| {
            counted.fetch_add(1, SeqCst);
            let second = bucket.start().as_millis() / 1000;
            if second == 0 {
                let below = cx.range(&below, entity, at(0)..at(wide))?;
                return Ok(below.iter().map(|(_, record)| record.to_native()).sum());
            }
            let view = captured.get().expect("it is set before anything is read");
            Ok(cx.get(view, entity, at(second - 1))?.to_native() + 1)
        },
    )?;
    itself.set(view.clone()).map_err(|_| super::place::fault("it was set"))?;
    Ok((view, runs))
}

/// Up to 64 builds stand on the stack; with more each is run again, and all comes out the same.
pub fn depth(round: &Round<'_>) {
    for deep in [1, 2, 62, 63, 64, 65, 66, 127, 128, 129, 4096] {
        for wide in [0, 1, 255, 256, 257] {
            hold(round, format!("{deep} builds above {wide}"), || {
                let place = Place::still()?;
                let store = place.open()?;
                let (view, runs) = chain(&store, wide)?;
                let expected = (wide + deep - 1) as u64;
                let read = || view.get(&1, at(deep - 1)).map(|record| record.to_native());
                // On as much stack as a thread commonly has.
                let on_a_thread = thread::Builder::new().stack_size(2 << 20);
                let found = thread::scope(|scope| {
                    on_a_thread
                        .spawn_scoped(scope, read)?
                        .join()
                        .map_err(|_| std::io::Error::other("the reader panicked"))
                })??;
                ensure(found == expected, || format!("{found}, not {expected}"))?;
                let (runs, builds) = (runs.load(SeqCst), store.metrics().builds);
                ensure(deep > 63 || runs == deep as u64, || {
                    format!("{runs} runs of a flat chain")
                })?;
                // One unwinding brings down 256 records: for more there is another.
                let times = if wide > 256 { 3 } else { 2 };
                ensure(runs <= times * deep as u64 + 2, || format!("{runs} runs"))?;
                ensure(builds == (deep + wide) as u64, || format!("{builds} builds were stored"))?;
                drop(view);
                store.close()?;
                drop(store);
                let store = place.open()?;
                let (view, runs) = chain(&store, wide)?;
                ensure(view.get(&1, at(deep - 1))?.to_native() == expected, || {
                    "another".to_owned()
                })?;
                ensure(runs.load(SeqCst) == 0, || "it was built again".to_owned())?;
                store.close()?;
                Ok(())
            });
        }
    }
}

/// A hundred thousand one behind the other are built; far more are refused with a chain's two ends.
pub fn records_deep(round: &Round<'_>) {
    const MOST: i64 = 100_000;
    if !round.has_time() {
        println!(
            "limits: chains of {MOST} records are left to runs of a minute or more, and --round 1"
        );
        return;
    }
    for (deep, may) in [(MOST - 1, true), (MOST, true), (MOST + 65, false)] {
        hold(round, format!("a chain of {deep}"), || {
            let place = Place::still()?;
            let store = place.open()?;
            let (view, _) = chain(&store, 1)?;
            let read = view.get(&1, at(deep - 1)).map(|record| record.to_native());
            if may {
                let found = read?;
                ensure(found == deep as u64, || format!("{found}"))?;
                let stored = view.range(&1, at(0)..at(deep))?;
                ensure(stored.len() as i64 == deep && stored.is_fresh(), || "gaps".to_owned())?;
            } else {
                refused_as(ErrorKind::Build, read, &["100000", "in pieces"])?;
                // As the words say: from its end, in pieces.
                for end in (1..=deep / 50_000).map(|piece| piece * 50_000).chain([deep]) {
                    let found = view.get(&1, at(end - 1))?.to_native();
                    ensure(found == end as u64, || format!("{found} in pieces"))?;
                }
            }
            store.close()?;
            Ok(())
        });
    }
}

/// A build whose source is announced each time that it runs ends all the same, and says what it is.
pub fn overtaken(round: &Round<'_>) {
    for announcements in [0, 1, 2, 3, 4, 1000] {
        hold(round, format!("announced during {announcements} builds"), || {
            let place = Place::still()?;
            let store = place.open()?;
            let (asked, requests) = mpsc::channel::<mpsc::Sender<()>>();
            let runs = Arc::new(AtomicU64::new(0));
            let counted = runs.clone();
            let view = store.view::<u32, u64>("moving").build(move |cx, _, _| {
                cx.depends_on(("s", 1));
                let run = counted.fetch_add(1, SeqCst) + 1;
                if run <= announcements {
                    let (answer, done) = mpsc::channel();
                    asked.send(answer)?;
                    done.recv()?;
                }
                Ok(run)
            })?;
            let other = store.clone();
            let (freshness, value) = thread::scope(|scope| -> Held<_> {
                scope.spawn(move || {
                    for answer in requests {
                        let _ = other.invalidate(("s", 1));
                        let _ = answer.send(());
                    }
                });
                let record = view.get(&1, Timestamp::EPOCH)?;
                let seen = (record.freshness(), record.to_native());
                // The build function goes with its view, and the thread with that.
                drop((record, view));
                store.delete_view("moving")?;
                Ok(seen)
            })?;
            let runs = runs.load(SeqCst);
            ensure(value == runs && runs <= 3, || format!("{runs} runs for one read"))?;
            let moved = runs <= announcements;
            let said = if moved { Freshness::Overtaken } else { Freshness::Fresh };
            ensure(freshness == said, || format!("{freshness:?} after {runs} runs"))?;
            store.close()?;
            Ok(())
        });
    }
}
