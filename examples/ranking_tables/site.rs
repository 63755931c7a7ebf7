//! The site's store: collections go in, tables come out. This is the part to copy.

use std::path::Path;
use std::sync::Arc;

use tidetable::report::RunStatus;
use tidetable::{
    BuildContext, BuildError, Clock, Input, Layer, Marked, Options, Record, Span, Store, TimeRange,
    Timestamp, View,
};

use crate::ranking::{Table, rank};
use crate::registry::{Period, TableSpec, registry};
use crate::world::Snapshot;

/// So old a table may be served; then a reader has it computed for himself.
pub const AGE_MAX: Span = Span::minutes(15);

pub struct Site {
    pub store: Store,
    pub tables: View<str, Table>,
    pub registry: Arc<[TableSpec]>,
    /// The same tables, for readers who take what is there.
    as_they_are: View<str, Table>,
    /// When it was collected -> what was. It never changes.
    snapshots: Input<i64, Snapshot>,
    /// What tables are made from -> when that was collected: the latest, and one for each period.
    moments: Input<str, i64>,
    clock: Arc<dyn Clock>,
}

const LATEST: &str = "latest";

/// The tables have no buckets of time: any instant finds the one record, this range the one bucket.
const ANY_TIME: Timestamp = Timestamp::EPOCH;
fn always() -> TimeRange {
    TimeRange::ALWAYS
}

impl Site {
    pub fn open(file: &Path, clock: Arc<dyn Clock>) -> tidetable::Result<Self> {
        // Without builders in the background only refreshes and readers build, so that the log of the
        // refreshes says all that was done.
        let options = Options { builders: 0, clock: clock.clone(), ..Options::default() };
        let store = Store::open_with(file, options)?;
        let snapshots = store.input("snapshots")?;
        let moments = store.input("moments")?;
        let registry: Arc<[TableSpec]> = registry().into();
        let sources = Sources { snapshots: snapshots.clone(), moments: moments.clone() };
        let specs = registry.clone();
        let tables = store
            .view::<str, Table>("tables")
            .fresh_for(AGE_MAX)
            .without_breaker() // a table that fails says nothing about the next one
            .build(move |cx, name, _| {
                let spec = specs.iter().find(|spec| spec.name == name);
                sources.table(cx, spec.ok_or_else(|| BuildError::new("there is no such table"))?)
            })?;
        let as_they_are = tables.when_marked(Marked::Serve);
        Ok(Self { store, tables, registry, as_they_are, snapshots, moments, clock })
    }

    /// Takes a collection in. From the moment that this returns no table is fresh that was made without
    /// it: the inputs are part of the store, and announce themselves.
    pub fn collect(&self, snapshot: &Snapshot) -> tidetable::Result<()> {
        let (at, previous) = (snapshot.collected_at, self.collected_at()?);
        let mut moments = vec![(LATEST, at)];
        for period in Period::ALL {
            if begins_between(period, previous, at)? {
                moments.push((period.name(), previous.unwrap_or(at)));
            }
        }
        // Nobody reads the snapshot before the moments name it, all of them in one transaction.
        self.snapshots.set(&at, snapshot)?;
        self.moments.set_many(moments)?;
        self.forget_snapshots()
    }

    /// When the last collection was made, in milliseconds.
    pub fn collected_at(&self) -> tidetable::Result<Option<i64>> {
        Ok(self.moments.get(LATEST)?.map(|at| at.to_native()))
    }

    /// Removes the collections that no moment names any more.
    fn forget_snapshots(&self) -> tidetable::Result<()> {
        let mut named = Vec::new();
        for moment in self.moments.keys() {
            named.extend(self.moments.get(&moment?)?.map(|at| at.to_native()));
        }
        for collected_at in self.snapshots.keys() {
            let collected_at = collected_at?;
            if !named.contains(&collected_at) {
                self.snapshots.remove(&collected_at)?;
            }
        }
        Ok(())
    }

    /// Computes every table that is missing or not fresh: after a collection, all that depend on it.
    pub fn refresh_stale(&self) -> tidetable::Result<RunStatus> {
        let names = self.registry.iter().map(|spec| &*spec.name);
        self.tables.precompute(names, always())?.wait()
    }

    /// Computes every table anew.
    pub fn refresh_all(&self) -> tidetable::Result<RunStatus> {
        self.tables.invalidate_all()?;
        self.refresh_stale()
    }

    /// Computes one table anew.
    pub fn refresh_one(&self, name: &str) -> tidetable::Result<RunStatus> {
        self.tables.invalidate(name)?;
        self.tables.precompute([name], always())?.wait()
    }

    /// Always answers, if the table was ever computed: with what is there as long as that is young,
    /// else with one computed now, and if that fails with the old one. The answer says which it is.
    pub fn read(&self, name: &str) -> tidetable::Result<Answer> {
        let young = |table: &Record<Table>| table.age(self.clock.now()) <= AGE_MAX;
        let read = match self.as_they_are.get(name, ANY_TIME) {
            Ok(table) if !young(&table) => self.tables.get(name, ANY_TIME),
            read => read,
        };
        let table = match read {
            Ok(table) => table,
            Err(error) => self.tables.peek(name, ANY_TIME)?.ok_or(error)?,
        };
        let served = match table.layer() {
            Layer::Build => Served::Live,
            _ if young(&table) => Served::Hit,
            _ => Served::Old,
        };
        Ok(Answer { served, age: table.age(self.clock.now()), table })
    }

    /// What is there of a table. Computes nothing.
    pub fn peek(&self, name: &str) -> tidetable::Result<Option<Record<Table>>> {
        self.tables.peek(name, ANY_TIME)
    }

    /// The one switch: while it is off every reader has his table computed.
    pub fn use_precomputed(&self, on: bool) {
        self.tables.set_precomputed(on);
    }
}

/// What a reader is given.
pub struct Answer {
    pub table: Record<Table>,
    pub served: Served,
    pub age: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    /// Precomputed, and young enough.
    Hit,
    /// Computed for this reader, or for one who came at the same time.
    Live,
    /// Too old, but it could not be computed.
    Old,
}

/// What tables are made from.
struct Sources {
    snapshots: Input<i64, Snapshot>,
    moments: Input<str, i64>,
}

impl Sources {
    /// What it reads on the way is noted, so that the next collection makes the table stale.
    fn table(&self, cx: &BuildContext, spec: &TableSpec) -> Result<Table, BuildError> {
        let latest = self.snapshot(cx, LATEST)?;
        let base = match spec.period {
            Period::Ever => None,
            period => Some(self.snapshot(cx, period.name())?),
        };
        rank(spec, base.as_ref().map(Record::archived), &latest)
    }

    fn snapshot(&self, cx: &BuildContext, moment: &str) -> Result<Record<Snapshot>, BuildError> {
        let none = || BuildError::new("nothing was collected yet");
        let collected_at = cx.input(&self.moments, moment)?.ok_or_else(none)?.to_native();
        cx.input(&self.snapshots, &collected_at)?.ok_or_else(none)
    }
}

/// Whether a period began after the previous collection and up to this one: then the gains in it count
/// from the previous one.
fn begins_between(period: Period, previous: Option<i64>, at: i64) -> tidetable::Result<bool> {
    let Some(previous) = previous else { return Ok(period != Period::Ever) };
    let start = |millis| Ok(period.grid().bucket_at(Timestamp::from_millis(millis))?.start());
    Ok(start(previous)? != start(at)?)
}
