//! A view whose builds are counted and fail on demand.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use crate::common::still;
use tidetable::{Options, Result, Span, Store, View};

use crate::common::record::{WIDTH_MS, grid};

/// What was built, how often, and what fails.
#[derive(Clone, Default)]
pub(crate) struct Sun(Arc<Mutex<Inside>>);

#[derive(Default)]
struct Inside {
    /// Entity, bucket -> builds that succeeded.
    built: BTreeMap<(u32, i64), u64>,
    failing: BTreeSet<u32>,
}

impl Sun {
    pub(crate) fn fail(&self, entities: impl IntoIterator<Item = u32>) {
        self.0.lock().unwrap().failing = entities.into_iter().collect();
    }

    /// How many records were built, and how often the one that was built most.
    pub(crate) fn built(&self) -> (usize, u64) {
        let inside = self.0.lock().unwrap();
        (inside.built.len(), inside.built.values().copied().max().unwrap_or(0))
    }

    pub(crate) fn builds(&self) -> u64 {
        self.0.lock().unwrap().built.values().sum()
    }

    pub(crate) fn define(&self, store: &Store, name: &str) -> Result<View<u32, u64>> {
        let inside = self.0.clone();
        store.view(name).grid(grid()).page_len(4).without_breaker().build(
            move |cx, &entity, bucket| {
                cx.depends_on(("cloud", entity));
                let bucket = bucket.start().as_millis() / WIDTH_MS;
                let mut inside = inside.lock().unwrap();
                if inside.failing.contains(&entity) {
                    return Err(format!("no sun in {bucket}").into());
                }
                *inside.built.entry((entity, bucket)).or_default() += 1;
                Ok(u64::from(entity) * 1000 + bucket as u64)
            },
        )
    }
}

/// Nobody works in the background: what is done is done by who waits.
pub(crate) fn still() -> Options {
    Options { builders: 0, unsynced_age_max: Span::hours(1), ..still::options() }
}

pub(crate) fn store() -> Store {
    Store::in_memory_with(still()).unwrap()
}
