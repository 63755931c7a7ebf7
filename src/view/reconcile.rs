//! Finding out what changed while nobody said so.

use crate::disk::operations::{Reconcile, ReconcileGone, Reconciled};
use crate::error::Result;
use crate::graph::Node;
use crate::key::{Source, SourceKey};
use crate::rebuild::{Engine, refuse_inside_build};

use super::invalidated::Invalidated;

/// What comparing an application's versions with the file's came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct ReconcileReport {
    /// Sources that the application named.
    pub seen: u64,
    /// Of them, those that the file had another version of, or none.
    pub differed: u64,
    /// Sources that an earlier reconciliation had seen, or a record reads, and the application does
    /// not name.
    pub gone: u64,
    /// What announcing them marked.
    pub invalidated: Invalidated,
}

/// Sources compared in one transaction.
const SOURCES_AT_ONCE: usize = 16_384;

/// Compares versions. The iterator runs here, in the caller's thread.
pub(crate) fn reconcile<K: SourceKey>(
    engine: &Engine,
    kind: &str,
    versions: impl IntoIterator<Item = (K, u64)>,
) -> Result<ReconcileReport> {
    refuse_inside_build("a reconciliation")?;
    Node::kind(kind)?;
    let now = engine.shared().options.clock.now();
    let mut report = ReconcileReport::default();
    let mut versions = versions.into_iter();
    let mut generation = None;
    loop {
        let step: Result<Vec<(Node, u64)>> = versions
            .by_ref()
            .take(SOURCES_AT_ONCE)
            .map(|(key, version)| Ok((Node::source(&Source::new(kind, key)?), version)))
            .collect();
        let sources = step?;
        if sources.is_empty() && generation.is_some() {
            break;
        }
        report.seen += sources.len() as u64;
        // Asked for anew each time: who closes the store while the iterator runs waits for nobody.
        let reconciled = engine.writer()?.run(Reconcile { sources, generation, now })?;
        generation = Some(reconciled.generation);
        report.differed += reconciled.differed;
        report.invalidated.add(invalidated(engine, reconciled));
    }
    let mut cursor = None;
    while let Some(generation) = generation {
        let step = ReconcileGone { kind: kind.to_owned(), generation, cursor, now };
        let (reconciled, next) = engine.writer()?.run(step)?;
        report.gone += reconciled.differed;
        report.invalidated.add(invalidated(engine, reconciled));
        cursor = next;
        if cursor.is_none() {
            break;
        }
    }
    engine.sync()?;
    Ok(report)
}

fn invalidated(engine: &Engine, reconciled: Reconciled) -> Invalidated {
    Invalidated::new(engine, reconciled.marked, engine.shared().published())
}
