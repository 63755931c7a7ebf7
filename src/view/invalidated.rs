//! What an invalidation came to.

use std::fmt;

use crate::disk::Marked;
use crate::page::ViewId;
use crate::rebuild::Engine;
use crate::revision::Revision;

/// What an invalidation came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Invalidated {
    /// The revision from which on nobody is served what changed as fresh.
    pub revision: Revision,
    /// Records that are stale now and were not: what they were built from has changed.
    pub stale: u64,
    /// Records that are suspect now and were not: something further up has changed.
    pub suspect: u64,
    /// Of both, those whose page was in memory.
    pub in_memory: u64,
    /// Views that were [stamped](crate#what-a-record-was-built-from) as a whole, by name. Their records
    /// are in none of the counts; [`View::census`](crate::View::census) counts them.
    pub stamped: Vec<String>,
}

impl Invalidated {
    pub(super) fn new(engine: &Engine, marked: Marked, revision: Revision) -> Self {
        let Marked { stale, suspect, in_memory, stamped, .. } = marked;
        let named = if stamped.is_empty() { None } else { engine.view_names().ok() };
        let name = |id: &ViewId| {
            // It is announced, also where its name cannot be read any more.
            let known = named.as_ref().and_then(|names| names.get(id)).cloned();
            known.unwrap_or_else(|| format!("view {}", id.0))
        };
        Self { revision, stale, suspect, in_memory, stamped: stamped.iter().map(name).collect() }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.revision = self.revision.max(other.revision);
        self.stale += other.stale;
        self.suspect += other.suspect;
        self.in_memory += other.in_memory;
        for name in other.stamped {
            if !self.stamped.contains(&name) {
                self.stamped.push(name);
            }
        }
    }
}

impl fmt::Display for Invalidated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { revision, stale, suspect, stamped, .. } = self;
        write!(f, "{revision}: {stale} records stale, {suspect} suspect")?;
        if !stamped.is_empty() {
            write!(f, "; stamped {}", stamped.join(", "))?;
        }
        Ok(())
    }
}
