//! Lists that are cut, and what is answered of what they leave out.

use std::sync::mpsc;
use std::thread;

use tidetable::{BuildError, Freshness, Grid, Marked, Missing, RunState, Store, Timestamp, View};

use super::place::{Held, Place, around, ensure, fault, hold};
use crate::round::Round;

fn at(hour: i64) -> Timestamp {
    Timestamp::from_seconds(hour * 3600)
}

/// So many announcements while a record is being built: the one that concerns it counts, wherever it
/// stands among them.
pub fn announcements(round: &Round<'_>) {
    for (count, exact) in around(1024) {
        for concerned in [None, Some(0), Some(count / 2), Some(count - 1)] {
            hold(
                round,
                format!("{count} announcements during a build, {concerned:?} of it"),
                || announced_while_built(count, concerned, exact),
            );
        }
    }
}

fn announced_while_built(count: usize, concerned: Option<usize>, exact: bool) -> Held {
    let place = Place::still()?;
    let store = place.open()?;
    let (asked, requests) = mpsc::channel::<mpsc::Sender<()>>();
    let view = store.view::<u32, u64>("long").build(move |_, entity, _| {
        if *entity == 0 {
            let (answer, done) = mpsc::channel();
            // Nobody answers a second run.
            if asked.send(answer).is_ok() {
                let _ = done.recv();
            }
        }
        Ok(u64::from(*entity))
    })?;
    let freshness = thread::scope(|scope| -> Held<Freshness> {
        let other = view.clone();
        let announcer = scope.spawn(move || -> Held {
            let answer = requests.recv()?;
            for number in 0..count {
                let entity = if concerned == Some(number) { 0 } else { number as u32 + 1 };
                other.invalidate(&entity)?;
            }
            drop(requests);
            answer.send(())?;
            Ok(())
        });
        let filled = view.fill(&0, at(0)..Timestamp::from_millis(1));
        announcer.join().map_err(|_| fault("the announcer panicked"))??;
        filled?.complete()?;
        let stored = view.when_marked(Marked::Serve).peek(&0, at(0))?;
        Ok(stored.ok_or_else(|| fault("nothing was stored"))?.freshness())
    })?;
    let fresh = freshness == Freshness::Fresh;
    ensure(concerned.is_none() || !fresh, || {
        "it is fresh, and was announced meanwhile".to_owned()
    })?;
    ensure(concerned.is_some() || fresh || !exact, || format!("it is {freshness:?} for nothing"))?;
    drop(view);
    store.close()?;
    Ok(())
}

/// A run lists a thousand failures and counts all; what an error says is kept to its end.
pub fn failures(round: &Round<'_>) {
    for (count, _) in around(1000) {
        hold(round, format!("{count} failures of a run"), || {
            let place = Place::still()?;
            let store = place.open()?;
            let define = |store: &Store| -> Held<View<u32, u64>> {
                let view = store.view::<u32, u64>("failing").without_breaker();
                Ok(view.build(|_, _, _| Err(BuildError::new("low water")))?)
            };
            let view = define(&store)?;
            let run = view.precompute(0..count as u32, at(0)..Timestamp::from_millis(1))?;
            let status = run.wait()?;
            ensure(status.failed == count as u64, || format!("{status:?}"))?;
            let id = run.id();
            drop((view, run));
            let store = place.reopen(store)?;
            let _view = define(&store)?;
            let run = store.run(id)?.ok_or_else(|| fault("the run is gone"))?;
            let listed = run.failures()?;
            ensure(listed.len() == count.min(1000), || format!("{} are listed", listed.len()))?;
            ensure(run.status().failed == count as u64, || {
                "another number after reopening".to_owned()
            })?;
            let told = listed.iter().all(|failed| failed.error.to_string().contains("low water"));
            ensure(told, || "a failure does not say why".to_owned())
        });
    }
    for (len, _) in around(2048).into_iter().chain(around(100_000)) {
        hold(round, format!("an error of {len} bytes"), || {
            let place = Place::still()?;
            let store = place.open()?;
            let define = |store: &Store| -> Held<View<u32, u64>> {
                let message = "ö".repeat(len / 2 - 8) + "the tide is out";
                Ok(store
                    .view::<u32, u64>("failing")
                    .build(move |_, _, _| Err(BuildError::new(&*message)))?)
            };
            let view = define(&store)?;
            let run = view.precompute([1], at(0)..Timestamp::from_millis(1))?;
            run.wait()?;
            let id = run.id();
            drop((view, run));
            let store = place.reopen(store)?;
            let _view = define(&store)?;
            let run = store.run(id)?.ok_or_else(|| fault("the run is gone"))?;
            let told =
                run.failures()?.first().map(|failed| failed.error.to_string()).unwrap_or_default();
            ensure(told.len() < 2200, || format!("{} bytes of it are kept", told.len()))?;
            ensure(told.contains("the tide is out"), || format!("its end is lost: {told}"))
        });
    }
}

/// What is asked to be brought into memory waits in a list; what does not fit is said, and read from the
/// file as ever.
pub fn warming(round: &Round<'_>) {
    for (count, whole) in around(4096) {
        hold(round, format!("{count} pages to warm"), || {
            let place = Place::still()?;
            let store = place.open()?;
            let define = |store: &Store| store.view::<u32, u32>("warm").without_build();
            define(&store)?.put_many((0..count as u32).map(|entity| (entity, at(0), entity)))?;
            let store = place.reopen(store)?;
            let view = define(&store)?;
            let asked = view.warm(0..count as u32, at(0)..at(1))?;
            ensure(asked.complete == whole, || format!("{asked:?}"))?;
            ensure(asked.taken == count.min(4096) as u64, || format!("{asked:?}"))?;
            while store.build_next()?.is_some() {}
            for entity in 0..count as u32 {
                ensure(view.get(&entity, at(0))?.to_native() == entity, || format!("{entity}"))?;
            }
            Ok(())
        });
    }
    for count in [200, 255, 256, 257, 300_usize] {
        hold(round, format!("{count} pages with long keys to warm"), || {
            let place = Place::still()?;
            let store = place.open()?;
            let view = store.view::<[u8; 1000], u32>("warm").without_build()?;
            let key = |entity: usize| std::array::from_fn(|at| (entity >> (at % 16)) as u8);
            view.put_many((0..count).map(|entity| (key(entity), at(0), entity as u32)))?;
            drop(view);
            let store = place.reopen(store)?;
            let view = store.view::<[u8; 1000], u32>("warm").without_build()?;
            let asked = view.warm((0..count).map(key), at(0)..at(1))?;
            let bytes = asked.taken as usize * 1000;
            ensure(bytes <= 256 << 10, || format!("{asked:?}"))?;
            ensure(asked.complete == (asked.taken == count as u64), || format!("{asked:?}"))?;
            ensure(count > 250 || asked.complete, || format!("{asked:?} though there is room"))?;
            while store.build_next()?.is_some() {}
            for entity in 0..count {
                ensure(view.get(&key(entity), at(0))?.to_native() == entity as u32, || {
                    format!("{entity}")
                })?;
            }
            Ok(())
        });
    }
}

/// An explanation names a hundred readers and says how many pages there are, and follows a chain of
/// causes so far.
pub fn explanations(round: &Round<'_>) {
    for (count, _) in around(100) {
        hold(round, format!("{count} readers"), || {
            let place = Place::still()?;
            let store = place.open()?;
            let below = store.view::<u32, u64>("below").build(|_, _, _| Ok(1))?;
            let source = below.clone();
            let view = store.view::<u32, u64>("reader");
            let view = view.build(move |cx, _, _| Ok(cx.get(&source, &1, at(0))?.to_native()))?;
            for entity in 0..count as u32 {
                view.get(&entity, at(0))?;
            }
            let explained = below.explain(&1, at(0))?;
            ensure(explained.readers.len() == count.min(100), || {
                format!("{}", explained.readers.len())
            })?;
            let pages = explained.reader_pages;
            ensure(pages == count as u64, || format!("{pages} pages of readers"))?;
            below.put(&1, at(0), &2)?;
            let stale = view.when_marked(Marked::Serve).peek(&(count as u32 - 1), at(0))?;
            ensure(stale.is_some_and(|record| !record.is_fresh()), || "the last reader".to_owned())
        });
    }
    for (count, _) in around(64) {
        hold(round, format!("a chain of {count} causes"), || {
            let place = Place::still()?;
            let store = place.open()?;
            let mut views: Vec<View<u32, u64>> = Vec::new();
            for number in 0..=count {
                let view = store.view::<u32, u64>(&format!("view {number}"));
                let below = views.last().cloned();
                views.push(view.build(move |cx, entity, _| match &below {
                    Some(below) => Ok(cx.get(below, entity, at(0))?.to_native() + 1),
                    None => {
                        cx.depends_on(("s", 1));
                        Ok(1)
                    }
                })?);
                views[number].get(&1, at(0))?;
            }
            store.invalidate(("s", 1))?;
            let top = &views[count];
            let causes = top.explain(&1, at(0))?.causes;
            ensure((1..=64 + 1).contains(&causes.len()), || format!("{} causes", causes.len()))?;
            ensure(top.get(&1, at(0))?.to_native() == count as u64 + 1, || {
                "built wrongly".to_owned()
            })
        });
    }
}

/// A run's work is written down in pieces: however it falls into them, each record is built once, also
/// when the store is opened anew between them.
pub fn runs(round: &Round<'_>) {
    let shapes =
        [(255, 1), (256, 1), (257, 1), (1, 4095), (1, 4096), (1, 4097), (2, 4096), (5, 1024)];
    for (entities, hours) in shapes {
        for page_len in [1, 24] {
            hold(
                round,
                format!("{entities} entities by {hours} hours in pages of {page_len}"),
                || {
                    let place = Place::still()?;
                    let define = |store: &Store| {
                        let view =
                            store.view::<u32, i64>("long").grid(Grid::hours(1)).page_len(page_len);
                        view.build(|_, _, bucket| Ok(bucket.start().as_millis()))
                    };
                    let store = place.open()?;
                    let run = define(&store)?.precompute(0..entities, at(0)..at(hours))?;
                    let (id, total) = (run.id(), i64::from(entities) * hours);
                    ensure(run.status().total == total as u64, || format!("{:?}", run.status()))?;
                    drop(run);
                    // Some of it, and then the rest in another opening.
                    store.build_next()?;
                    let begun = store.metrics().builds;
                    let store = place.reopen(store)?;
                    let view = define(&store)?;
                    let run = store.run(id)?.ok_or_else(|| fault("the run is gone"))?;
                    let status = run.wait()?;
                    ensure(status.state == RunState::Completed, || format!("{status:?}"))?;
                    ensure((status.done, status.failed) == (total as u64, 0), || {
                        format!("{status:?}")
                    })?;
                    let builds = begun + store.metrics().builds;
                    ensure(builds == total as u64, || {
                        format!("{builds} builds for {total} records")
                    })?;
                    for entity in [0, entities - 1] {
                        let range =
                            view.when_missing(Missing::Miss).range(&entity, at(0)..at(hours))?;
                        ensure(range.len() as i64 == hours, || "a gap".to_owned())?;
                    }
                    drop((view, run));
                    store.close()?;
                    Ok(())
                },
            );
        }
    }
}
