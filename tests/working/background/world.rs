//! A store in which one piece of work is done at a time, and views that can be told to fail.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};

use crate::common::still;
use tidetable::report::Reason;
use tidetable::{Grid, ManualClock, Options, Retry, Span, Store, Timestamp, View, ViewDefinition};

/// What a test sees of a piece of work: why, of which view, which minutes, how many failed.
pub(crate) type Done = (Reason, String, Vec<i64>, usize);

pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) clock: Arc<ManualClock>,
    /// The entities whose builds fail.
    pub(crate) failing: Arc<Mutex<BTreeSet<u32>>>,
}

pub(crate) fn minute(minute: i64) -> Timestamp {
    Timestamp::from_seconds(minute * 60)
}

impl World {
    pub(crate) fn new() -> Self {
        let clock = Arc::new(ManualClock::new(minute(1000)));
        let options = Options { clock: clock.clone(), ..still::options() };
        let store = Store::in_memory_with(options).unwrap();
        Self { store, clock, failing: Arc::default() }
    }

    pub(crate) fn open(path: &Path) -> Self {
        let clock = Arc::new(ManualClock::new(minute(1000)));
        let options = Options { clock: clock.clone(), ..still::options() };
        let store = Store::open_with(path, options).unwrap();
        Self { store, clock, failing: Arc::default() }
    }

    fn definition(&self, name: &str) -> ViewDefinition<u32, u64> {
        let retry = Retry { attempts: 3, first: Span::seconds(10), most: Span::seconds(100) };
        let definition = self.store.view(name).grid(Grid::minutes(1)).page_len(10);
        definition.retry(retry).without_breaker()
    }

    /// A view that reads a source named after the view, of its entity.
    pub(crate) fn view(&self, name: &'static str) -> View<u32, u64> {
        let failing = self.failing.clone();
        let view = self.definition(name).build(move |cx, id, bucket| {
            cx.depends_on((name, *id));
            if failing.lock().unwrap().contains(id) {
                return Err("told to fail".into());
            }
            Ok(bucket.start().as_millis() as u64)
        });
        view.unwrap()
    }

    /// A view that adds up what others hold of the same entity and minute.
    pub(crate) fn sum(&self, name: &str, of: &[&View<u32, u64>]) -> View<u32, u64> {
        let of: Vec<_> = of.iter().map(|view| (*view).clone()).collect();
        let view = self.definition(name).build(move |_, id, bucket| {
            let mut sum = 0;
            for view in &of {
                sum += view.get(id, bucket.start())?.to_native();
            }
            Ok(sum)
        });
        view.unwrap()
    }

    /// Does one piece of work.
    pub(crate) fn next(&self) -> Option<Done> {
        let worked = self.store.build_next().unwrap()?;
        let minutes = worked.buckets.iter().map(|b| b.start().as_millis() / 60_000).collect();
        Some((worked.reason, worked.view.unwrap_or_default(), minutes, worked.failed.len()))
    }

    /// Does all the work there is, and says what it was.
    pub(crate) fn all(&self) -> Vec<Done> {
        std::iter::from_fn(|| self.next()).take(1000).collect()
    }

    pub(crate) fn pass(&self, span: Span) {
        self.clock.advance(span);
    }
}

/// One piece of work in which nothing failed.
pub(crate) fn done(reason: Reason, view: &str, minutes: &[i64]) -> Done {
    (reason, view.to_owned(), minutes.to_vec(), 0)
}
