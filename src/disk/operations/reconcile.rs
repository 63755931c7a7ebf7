//! The application's versions of its sources, held against those the file has.

use crate::error::Result;
use crate::graph::{Node, kind_edge_bounds};
use crate::time::Timestamp;

use super::super::batch::Batch;
use super::super::committed::Committed;
use super::super::marking::Marked;
use super::super::operation::{Operation, Speed};
use super::super::source_row::SourceRow;
use super::invalidate::{Changed, announce};

/// Compares some sources of a kind with the file and announces what differs or is new.
pub(crate) struct Reconcile {
    /// The sources with the application's own versions.
    pub(crate) sources: Vec<(Node, u64)>,
    /// The same number for all steps of one reconciliation, and greater than in any before; the
    /// first step is given none and answers it.
    pub(crate) generation: Option<u64>,
    pub(crate) now: Timestamp,
}

/// What a step of a reconciliation came to.
#[derive(Debug)]
pub(crate) struct Reconciled {
    pub(crate) generation: u64,
    /// Sources that differed, or are new, or gone.
    pub(crate) differed: u64,
    pub(crate) marked: Marked,
}

impl Operation for Reconcile {
    type Applied = Reconciled;
    type Answer = Reconciled;

    fn speed(&self) -> Speed {
        // The caller syncs once, after the last step.
        Speed::Derived
    }

    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<Reconciled> {
        // No other operation of this file has this revision.
        let generation = self.generation.unwrap_or_else(|| batch.revision().get());
        let mut changes = Vec::new();
        let mut kept = Vec::with_capacity(self.sources.len());
        for (source, version) in self.sources.drain(..) {
            let row = batch.links.source(source.as_slice())?;
            if row.is_none_or(|row| row.version != Some(version)) {
                changes.push(Changed::Source(source.clone(), Some(version)));
            }
            kept.push((source, version));
        }
        let marked = announce(batch, &changes, self.now)?;
        for (source, version) in kept {
            batch.note_changed(&source, |row| {
                row.version = Some(version);
                // A later reconciliation may be under way: what it has seen stays seen.
                row.generation = match row.generation {
                    SourceRow::GONE => generation,
                    seen => seen.max(generation),
                };
            })?;
        }
        Ok(Reconciled { generation, differed: changes.len() as u64, marked })
    }

    fn answer(self, reconciled: Reconciled, _: &Committed) -> Reconciled {
        reconciled
    }
}

/// Announces the sources of a kind that a reconciliation has not seen, and forgets them: they are
/// gone.
pub(crate) struct ReconcileGone {
    pub(crate) kind: String,
    pub(crate) generation: u64,
    /// Where to go on; `None` at the start.
    pub(crate) cursor: Option<Box<[u8]>>,
    pub(crate) now: Timestamp,
}

/// Rows looked at in one transaction.
const ROWS_AT_ONCE: usize = 16_384;

impl Operation for ReconcileGone {
    /// With where to go on; `None` when all is done.
    type Applied = (Reconciled, Option<Box<[u8]>>);
    type Answer = (Reconciled, Option<Box<[u8]>>);

    fn speed(&self) -> Speed {
        Speed::Derived
    }

    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<Self::Applied> {
        // Rows and edges of sources begin alike.
        let (first, until) = kind_edge_bounds(&self.kind);
        let from = self.cursor.as_deref().unwrap_or(&first);
        let (gone, next) = batch.links.unseen(from, &until, self.generation, ROWS_AT_ONCE)?;
        let changes: Vec<Changed> =
            gone.iter().map(|node| Changed::Source(node.clone(), None)).collect();
        let marked = announce(batch, &changes, self.now)?;
        for node in &gone {
            if batch.links.has_readers(node.as_slice())? {
                // When it went is what its readers are judged by, and that it has gone is told once.
                batch.note_changed(node, |row| row.generation = SourceRow::GONE)?;
            } else {
                batch.links.remove_source(node.as_slice());
            }
        }
        let generation = self.generation;
        Ok((Reconciled { generation, differed: gone.len() as u64, marked }, next))
    }

    fn answer(self, applied: Self::Applied, _: &Committed) -> Self::Answer {
        applied
    }
}
