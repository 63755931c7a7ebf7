//! Changes that cannot be forgotten: noted before they begin, announced when they are over.

use redb::ReadableTable;

use crate::error::{Error, RESTORE, Result};
use crate::graph::Node;
use crate::revision::Revision;
use crate::time::Timestamp;

use super::super::batch::Batch;
use super::super::committed::Committed;
use super::super::intent_row::intent_sources;
use super::super::marking::Marked;
use super::super::operation::{Operation, Speed};
use super::super::row::RowWriter;
use super::super::tables::INTENTS;
use super::invalidate::{Changed, announce};

/// Notes that the application is about to change these. The answer names the intent.
pub(crate) struct BeginChange {
    pub(crate) sources: Vec<Node>,
}

impl Operation for BeginChange {
    type Applied = u64;
    type Answer = u64;

    fn speed(&self) -> Speed {
        Speed::Synced
    }

    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<u64> {
        // No other operation of this file has this revision.
        let id = batch.revision().get();
        let count = u32::try_from(self.sources.len()).unwrap_or(u32::MAX);
        let row = RowWriter::default().u32(count);
        let row = self.sources.iter().fold(row, |row, source| row.bytes(source.as_slice()));
        let intents = batch.txn().open_table(INTENTS);
        let mut intents = batch.keep(intents)?;
        let kept = intents.insert(id.to_be_bytes().as_slice(), &*row.finish()).map(drop);
        batch.keep(kept)?;
        Ok(id)
    }

    fn answer(self, id: u64, _: &Committed) -> u64 {
        id
    }
}

/// Announces a change that was noted, and forgets the note.
pub(crate) struct EndChange {
    pub(crate) intent: u64,
    pub(crate) sources: Vec<Node>,
    pub(crate) now: Timestamp,
}

impl Operation for EndChange {
    type Applied = Marked;
    type Answer = (Marked, Revision);

    fn speed(&self) -> Speed {
        Speed::Synced
    }

    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<Marked> {
        let marked = announce(batch, &as_changes(std::mem::take(&mut self.sources)), self.now)?;
        let intents = batch.txn().open_table(INTENTS);
        let mut intents = batch.keep(intents)?;
        let removed = intents.remove(self.intent.to_be_bytes().as_slice()).map(drop);
        batch.keep(removed)?;
        Ok(marked)
    }

    fn answer(self, marked: Marked, committed: &Committed) -> Self::Answer {
        (marked, committed.revision())
    }
}

/// Announces whatever was begun in an earlier life and not ended.
pub(crate) struct SettleIntents {
    pub(crate) now: Timestamp,
}

impl Operation for SettleIntents {
    type Applied = ();
    type Answer = ();

    fn speed(&self) -> Speed {
        Speed::Synced
    }

    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<()> {
        let intents = batch.txn().open_table(INTENTS);
        let mut intents = batch.keep(intents)?;
        let rows = intents.iter().and_then(|rows| {
            rows.map(|row| row.map(|(id, row)| (id.value().to_vec(), row.value().to_vec())))
                .collect::<Result<Vec<_>, _>>()
        });
        let rows = batch.keep(rows)?;
        for (id, row) in rows.iter().filter(|_| !mutant!("left_intents_are_announced")) {
            let sources = intent_sources(row).ok_or_else(|| {
                Error::damaged(format!("a change that was begun is unreadable; {RESTORE}"))
            })?;
            announce(batch, &as_changes(sources), self.now)?;
            let removed = intents.remove(&**id).map(drop);
            batch.keep(removed)?;
        }
        Ok(())
    }

    fn answer(self, (): (), _: &Committed) {}
}

fn as_changes(sources: Vec<Node>) -> Vec<Changed> {
    let change = |node: Node| match node.kind_of_source() {
        Some(_) => Changed::Source(node, None),
        None => Changed::Kind(node),
    };
    sources.into_iter().map(change).collect()
}
