//! How many pages an announcement marks one by one; where there are more, whole views are stamped, and
//! nobody is served any of them as fresh.

use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;

use tempfile::TempDir;
use tidetable::{Grid, Marked, Store, Timestamp, View};

use super::place::{Held, Place, ensure, fault, hold};
use crate::round::Round;

const MOST: u32 = 100_000;
const AT: Timestamp = Timestamp::EPOCH;

fn define(store: &Store) -> Held<View<u32, u64>> {
    let view = store.view::<u32, u64>("many").grid(Grid::hours(1)).page_len(1);
    Ok(view.build(|cx, entity, _| {
        cx.depends_on(("s", 1));
        Ok(u64::from(*entity))
    })?)
}

/// A store with so many pages that one is too many: made once for all rounds.
fn made() -> Held<PathBuf> {
    static MADE: Mutex<Option<TempDir>> = Mutex::new(None);
    let mut made = MADE.lock().map_err(|_| fault("making it failed before"))?;
    if made.is_none() {
        let folder = TempDir::new()?;
        let store = Store::open_with(folder.path().join("many.tide"), super::place::still())?;
        let view = define(&store)?;
        let run = view.precompute(0..=MOST, AT..Timestamp::from_millis(1))?;
        let status = run.wait()?;
        ensure(status.done == u64::from(MOST) + 1 && status.failed == 0, || format!("{status:?}"))?;
        store.close()?;
        *made = Some(folder);
    }
    Ok(made.as_ref().expect("it was made").path().join("many.tide"))
}

/// A copy with so many pages, announced as changed, and looked at record by record.
fn announced(pages: u32, announce: impl Fn(&Store, &View<u32, u64>) -> Held<(u64, usize)>) -> Held {
    let place = Place::still()?;
    fs::copy(made()?, place.file())?;
    let store = place.open()?;
    let view = define(&store)?;
    for entity in pages..=MOST {
        view.delete(&entity)?;
    }
    let (stale, stamped) = announce(&store, &view)?;
    if pages <= MOST {
        ensure(stale == u64::from(pages) && stamped == 0, || {
            format!("{stale} and {stamped} views")
        })?;
    } else {
        ensure(stamped == 1, || format!("{stale} are stale and {stamped} views are stamped"))?;
    }
    let none_is_fresh = |view: &View<u32, u64>| -> Held {
        let view = view.when_marked(Marked::Serve);
        for entity in 0..pages {
            let record =
                view.peek(&entity, AT)?.ok_or_else(|| fault(format!("{entity} is gone")))?;
            ensure(!record.is_fresh(), || format!("{entity} of {pages} is fresh"))?;
        }
        Ok(())
    };
    none_is_fresh(&view)?;
    drop(view);
    let store = place.reopen(store)?;
    let view = define(&store)?;
    none_is_fresh(&view)?;
    ensure(view.get(&(pages - 1), AT)?.is_fresh(), || "it is not built anew".to_owned())?;
    store.close()?;
    Ok(())
}

pub fn pages_marked(round: &Round<'_>) {
    for pages in [MOST - 1, MOST, MOST + 1] {
        hold(round, format!("a source that {pages} pages read"), || {
            announced(pages, |store, _| {
                let marked = store.invalidate(("s", 1))?;
                Ok((marked.stale, marked.stamped.len()))
            })
        });
    }
}

pub fn pages_in_scope(round: &Round<'_>) {
    for pages in [MOST - 1, MOST, MOST + 1] {
        hold(round, format!("an hour of {pages} pages"), || {
            announced(pages, |_, view| {
                let marked = view.invalidate_between(AT..Timestamp::from_seconds(3600))?;
                Ok((marked.stale, marked.stamped.len()))
            })
        });
    }
}
