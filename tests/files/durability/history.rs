//! What was done to a store, and which of its states a reader may find after a crash.

use std::collections::BTreeMap;

use crate::common::still;
use tidetable::{Options, Result, Store, View};

use crate::common::disk::Disk;
use crate::common::record::{Cell, buckets, grid};

/// What a reader can see of a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Name -> version and page length.
    pub(crate) views: BTreeMap<String, (u32, u32)>,
    /// View, entity, bucket -> the value, and the version that it was stored by.
    pub(crate) cells: BTreeMap<(String, u32, i64), (u64, u32)>,
}

/// A state that the store was in or was about to be in.
#[derive(Clone, Debug)]
struct Step {
    state: Seen,
    /// How many changes the disk had seen when the operation that leads here began.
    begun: usize,
    /// How many it had seen when the operation was acknowledged; `None` if it never was, or if
    /// being acknowledged does not mean being synced.
    kept_from: Option<usize>,
}

/// The states of a store in order, as its operations were asked for and acknowledged.
#[derive(Debug)]
pub(crate) struct History {
    disk: Disk,
    steps: Vec<Step>,
}

/// Whether an operation's acknowledgement promises that it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    Synced,
    UntilLater,
}

/// All entities and buckets that these tests write lie below.
pub(crate) const ENTITIES: u32 = 6;
pub(crate) const BUCKETS: i64 = 24;

impl History {
    /// Of a store that is whole on this disk in this state.
    pub(crate) fn new(disk: &Disk, state: Seen) -> Self {
        let kept_from = Some(disk.changes());
        let steps = vec![Step { state, begun: disk.changes(), kept_from }];
        Self { disk: disk.clone(), steps }
    }

    /// The state after the last operation.
    pub(crate) fn now(&self) -> Seen {
        self.steps.last().expect("a history has a first state").state.clone()
    }

    /// Runs an operation that goes through some states, one after the other.
    pub(crate) fn run<T>(
        &mut self,
        kept: Kept,
        states: Vec<Seen>,
        operation: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let begun = self.disk.changes();
        self.steps.extend(states.into_iter().map(|state| Step { state, begun, kept_from: None }));
        let answer = operation()?;
        if kept == Kept::Synced {
            let last = self.steps.last_mut().expect("a history has a first state");
            last.kept_from = Some(self.disk.changes());
        }
        Ok(answer)
    }

    /// Holds what was found after a number of changes against what may be found then. Says why not.
    pub(crate) fn check(&self, changes: usize, found: &Seen) -> std::result::Result<(), String> {
        let kept = |step: &Step| step.kept_from.is_some_and(|from| from <= changes);
        let first = self.steps.iter().rposition(kept).expect("the store was whole by then");
        let last = self.steps.iter().rposition(|step| step.begun <= changes).expect("as above");
        if self.steps[first..=last].iter().any(|step| step.state == *found) {
            return Ok(());
        }
        Err(format!(
            "found {found:?}\nwhich is none of the states {first} to {last}, the first being {:?}",
            self.steps[first].state
        ))
    }
}

/// Everything in a store, by reading it. Panics at a record that is not where it belongs.
pub(crate) fn see(store: &Store) -> Result<Seen> {
    let mut seen = Seen::default();
    for info in store.views()? {
        let (version, page_len) = (info.version, info.page_len);
        let view: View<u32, Cell> = store
            .view(&info.name)
            .grid(grid())
            .version(version)
            .page_len(page_len)
            .without_build()?;
        for entity in 0..ENTITIES {
            for (bucket, record) in view.range(&entity, buckets(0..BUCKETS))? {
                assert_eq!(at_of(&record.archived().bucket), bucket.start());
                assert_eq!(record.entity, entity, "a record stands with another entity");
                // A crash may cost what was not acknowledged, never the trust in what is there.
                let trusted = record.is_fresh() || record.version() < version;
                assert!(trusted, "{record:?} in version {version}");
                let key = (info.name.clone(), entity, record.bucket.to_native());
                seen.cells.insert(key, (record.value.to_native(), record.version()));
            }
        }
        seen.views.insert(info.name, (version, page_len));
    }
    Ok(seen)
}

fn at_of(bucket: &rkyv::rend::i64_le) -> tidetable::Timestamp {
    crate::common::record::at(bucket.to_native())
}

/// What is in the store that bytes hold, if they hold one.
pub(crate) fn see_bytes(bytes: Vec<u8>) -> Result<Seen> {
    let options = Options { create: false, memory_bytes: 8 << 20, ..still::options() };
    let store = Store::open_backend(Disk::holding(bytes).backend(), options)?;
    let seen = see(&store)?;
    store.close()?;
    Ok(seen)
}
