//! What can be read of a store without changing it.

use tidetable::{ErrorKind, Freshness, Result, RunState};

use super::app::{App, entity, start_of};
use super::recipes::{BUCKETS, ENTITIES, PLACES, SPOTS};

/// What can be read of a store without changing it.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// Of each view version and page length, if it is there.
    pub defined: [Option<(u32, u32)>; PLACES.len()],
    pub inputs: [Option<u32>; ENTITIES],
    pub records: [[Option<Found>; SPOTS]; PLACES.len()],
    /// In the order in which they were begun.
    pub runs: Vec<RunState>,
}

/// A record as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub value: Vec<u32>,
    pub built_at: i64,
    pub freshness: Freshness,
}

impl Seen {
    /// Of a store that was just created.
    pub fn nothing() -> Self {
        Self {
            defined: [None; PLACES.len()],
            inputs: [None; ENTITIES],
            records: [const { [const { None }; SPOTS] }; PLACES.len()],
            runs: Vec::new(),
        }
    }

    /// Which views there are: all that is known before they are defined.
    pub fn defined(app: &App) -> Result<[Option<(u32, u32)>; PLACES.len()]> {
        let mut defined = [None; PLACES.len()];
        for info in app.store.views()? {
            if let Some(place) = PLACES.into_iter().find(|place| place.name() == info.name) {
                defined[place as usize] = Some((info.version, info.page_len));
            }
        }
        Ok(defined)
    }

    /// Reads all that there is in the views that are defined.
    pub fn of(app: &App, defined: [Option<(u32, u32)>; PLACES.len()]) -> Result<Self> {
        let mut inputs = [None; ENTITIES];
        for (key, input) in inputs.iter_mut().enumerate() {
            *input = app.input().get(&(key as u8))?.map(|value| value.to_native());
        }
        let mut records = Self::nothing().records;
        for (place, view) in app.views() {
            for (at, found) in records[place as usize].iter_mut().enumerate().take(place.spots()) {
                let record = view.peek(&entity(at / BUCKETS), start_of(at % BUCKETS))?;
                *found = record.map(|record| Found {
                    value: record.iter().map(|word| word.to_native()).collect(),
                    built_at: record.built_at().as_millis(),
                    freshness: record.freshness(),
                });
            }
        }
        let mut runs = app.store.runs()?;
        runs.sort_by_key(tidetable::Run::id);
        let runs = runs.iter().map(|run| run.status().state).collect();
        Ok(Self { defined, inputs, records, runs })
    }
}

/// Whether an error is a clear one of a file that is not yet, or no more, a whole store.
pub fn is_clear(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Foreign | ErrorKind::Damaged)
}
