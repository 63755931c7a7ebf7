//! What an application says has changed.

use crate::disk::operations::{Changed, Invalidate};
use crate::disk::preview;
use crate::error::Result;
use crate::graph::Node;
use crate::key::{IntoSource, Source};
use crate::rebuild::{Engine, refuse_inside_build};

use super::invalidated::Invalidated;

/// Several changes, announced at one revision in one transaction.
///
/// ```
/// use tidetable::{Changes, Store};
///
/// let store = Store::in_memory()?;
/// let moved = Changes::new().source(("building", 7)).source(("building", 8)).kind("weather");
/// let would = store.preview(&moved)?; // marks nothing
/// let report = store.invalidate_all(&moved)?;
/// assert_eq!(report.stale, would.stale);
/// # Ok::<(), tidetable::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is announced before the changes are given to a store"]
pub struct Changes {
    changes: Result<Vec<Change>>,
}

/// One of them. Views are known by name: the store finds them when it is told.
#[derive(Clone, Debug)]
enum Change {
    Node(Changed),
    View(String),
}

impl Default for Changes {
    fn default() -> Self {
        Self { changes: Ok(Vec::new()) }
    }
}

impl Changes {
    /// Nothing has changed yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn and(mut self, change: Result<Change>) -> Self {
        match (&mut self.changes, change) {
            (Ok(changes), Ok(change)) => changes.push(change),
            (Ok(_), Err(error)) => self.changes = Err(error),
            // The first fault stays.
            (Err(_), _) => {}
        }
        self
    }

    /// A source has changed. One that cannot be (a kind that is empty, a key over the limit) is
    /// reported when the changes are announced.
    pub fn source(self, source: impl IntoSource) -> Self {
        let source = source.into_source();
        self.and(source.map(|source| Change::Node(Changed::Source(Node::source(&source), None))))
    }

    /// A source has changed, to this version by the application's own count. Records that were built
    /// from just this version are right already and stay as they are.
    pub fn source_at(self, source: impl IntoSource, version: u64) -> Self {
        let source = source.into_source();
        let changed = |source: Source| Changed::Source(Node::source(&source), Some(version));
        self.and(source.map(|source| Change::Node(changed(source))))
    }

    /// All sources of a kind may have changed.
    pub fn kind(self, kind: &str) -> Self {
        self.and(Node::kind(kind).map(|node| Change::Node(Changed::Kind(node))))
    }

    /// All records of a view, whatever they were built from.
    pub fn view(self, name: &str) -> Self {
        self.and(Ok(Change::View(name.to_owned())))
    }

    /// Some records of a view.
    pub(super) fn records(self, changed: Result<Changed>) -> Self {
        self.and(changed.map(Change::Node))
    }

    /// These and others.
    pub(super) fn with(self, others: &Self) -> Self {
        match &others.changes {
            Ok(changes) => changes.iter().cloned().fold(self, |all, change| all.and(Ok(change))),
            Err(error) => self.and(Err(error.clone())),
        }
    }

    pub(super) fn resolve(&self, engine: &Engine) -> Result<Vec<Changed>> {
        let resolve = |change: &Change| match change {
            Change::Node(changed) => Ok(changed.clone()),
            Change::View(name) => engine.view_id(name).map(Changed::View),
        };
        self.changes.as_ref().map_err(Clone::clone)?.iter().map(resolve).collect()
    }

    /// Announces them.
    pub(crate) fn announce(&self, engine: &Engine) -> Result<Invalidated> {
        refuse_inside_build("an invalidation")?;
        let changes = self.resolve(engine)?;
        let now = engine.shared().options.clock.now();
        let (marked, revision) = engine.writer()?.run(Invalidate { changes, now })?;
        engine.shared().events.tell_late();
        Ok(Invalidated::new(engine, marked, revision))
    }

    /// What announcing them would mark.
    pub(crate) fn preview(&self, engine: &Engine) -> Result<Invalidated> {
        let shared = engine.shared();
        let changes = self.resolve(engine)?;
        let marked = preview(shared, &changes, shared.options.clock.now())?;
        Ok(Invalidated::new(engine, marked, shared.published()))
    }
}
