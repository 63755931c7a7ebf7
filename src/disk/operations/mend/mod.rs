//! Mending what an audit found.
//!
//! One remedy at a time: what is wrong is looked at, mended, and looked at anew, so that no remedy is
//! applied to what another has made of it. Each of them is whole in itself: what it leaves is not worse
//! than what it found. So an operation may end behind any of them, and does when it has done enough.
//! Rows of the graph that cannot be read and are met on the way count as not there, and are made
//! [`harmless`] before the operation is over.

mod harmless;
mod remedies;

use redb::{ReadableTable, TableDefinition};

use crate::error::Result;

use super::super::batch::Batch;
use super::super::committed::Committed;
use super::super::marking::PAGES_MARKED_MAX;
use super::super::operation::{Operation, Speed};
use super::super::tables::{Bytes, DICTIONARIES, DROPPED};
use super::super::verify::{Fault, Look, Mended, Remedy, Subject, check};

/// Looks again at what an audit found, and mends what is still wrong with it: as many of the subjects,
/// from the first on, as one operation may.
pub(crate) struct Mend {
    pub(crate) subjects: Vec<Subject>,
}

/// Remedies of one operation, and bytes of the pages that they write: it bounds how long others wait
/// behind it.
const REMEDIES_AT_ONCE: usize = 512;
const BYTES_AT_ONCE: usize = 4 << 20;

impl Operation for Mend {
    /// Of each subject that was gone through what became of it.
    type Applied = Vec<Mended>;
    type Answer = Vec<Mended>;

    fn speed(&self) -> Speed {
        Speed::Synced
    }

    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<Vec<Mended>> {
        batch.links.tolerance.begin();
        let mended = mend_some(batch, &self.subjects);
        batch.links.tolerance.end();
        // What was mended so far may not be without the rest.
        mended.map_err(|error| batch.void(error))
    }

    fn answer(self, mended: Vec<Mended>, _: &Committed) -> Vec<Mended> {
        mended
    }
}

fn mend_some(batch: &mut Batch<'_>, subjects: &[Subject]) -> Result<Vec<Mended>> {
    let mut spent = Spent { remedies: 0, bytes: 0, marked_before: batch.links.staged_marks.len() };
    let mut mended = Vec::with_capacity(subjects.len());
    for subject in subjects {
        let Some(done) = mend(batch, subject, &mut spent)? else { break };
        mended.push(done);
    }
    Ok(mended)
}

/// What an operation has done so far.
struct Spent {
    remedies: usize,
    bytes: usize,
    /// Pages that others of its transaction have marked.
    marked_before: usize,
}

impl Spent {
    fn is_enough(&self, batch: &Batch<'_>) -> bool {
        self.remedies >= REMEDIES_AT_ONCE
            || self.bytes >= BYTES_AT_ONCE
            || batch.links.staged_marks.len().saturating_sub(self.marked_before) >= PAGES_MARKED_MAX
    }
}

/// Mends a subject; `None` if that goes on in the next operation.
fn mend(batch: &mut Batch<'_>, subject: &Subject, spent: &mut Spent) -> Result<Option<Mended>> {
    let (mut tried, mut lost) = (Vec::<Fault>::new(), false);
    loop {
        let faults = look_again(batch, subject)?;
        let next = next_of(&faults, &tried);
        if next.is_empty() {
            let left = faults.iter().map(|fault| (fault.kind, fault.table)).collect();
            return Ok(Some(Mended { left, lost }));
        }
        if spent.is_enough(batch) {
            return Ok(None);
        }
        for fault in next {
            let done = remedies::apply(batch, subject, &fault.remedy)?;
            harmless::make_harmless(batch)?;
            spent.remedies += 1;
            spent.bytes += done.bytes;
            lost |= done.lost;
            tried.push(fault.clone());
        }
    }
}

/// The first fault that has a remedy which was not tried, with those that do not concern each other.
fn next_of<'f>(faults: &'f [Fault], tried: &[Fault]) -> Vec<&'f Fault> {
    let untried = |fault: &&Fault| fault.remedy != Remedy::None && !tried.contains(fault);
    let mut next = faults.iter().filter(untried).peekable();
    let Some(first) = next.next() else { return Vec::new() };
    let is_edge = |fault: &Fault| matches!(fault.remedy, Remedy::SetEdge(..));
    let with = next.take_while(|fault| is_edge(first) && is_edge(fault));
    [first].into_iter().chain(with).take(REMEDIES_AT_ONCE).collect()
}

fn table(name: &'static str) -> Bytes {
    TableDefinition::new(name)
}

/// What is wrong with a subject, as this transaction has it.
fn look_again(batch: &mut Batch<'_>, subject: &Subject) -> Result<Vec<Fault>> {
    let row = match subject {
        Subject::Page(_) => Vec::new(),
        Subject::Row(name, key) => match standing_row(batch, name, key)? {
            Some(row) => row,
            None => return Ok(Vec::new()),
        },
    };
    look(batch, |look| check(look, subject, &row))
}

type Table<'t> = redb::Table<'t, &'static [u8], &'static [u8]>;

/// Looks at the tables as this transaction has them.
fn look<'t, R>(
    batch: &mut Batch<'t>,
    then: impl FnOnce(&Look<'_, Table<'t>>) -> Result<R>,
) -> Result<R> {
    let txn = batch.txn();
    let (dictionaries, dropped) = (txn.open_table(DICTIONARIES), txn.open_table(DROPPED));
    let (dictionaries, dropped) = (batch.keep(dictionaries)?, batch.keep(dropped)?);
    let staged = |key: &[u8]| batch.staged(key).map(|page| page.cloned());
    then(&Look {
        shared: batch.shared(),
        now: batch.shared().options.clock.now(),
        revision: batch.revision(),
        pages: batch.page_table(),
        dictionaries: &dictionaries,
        dropped: &dropped,
        links: &batch.links,
        views: &batch.ledger.views,
        staged: &staged,
        aids: Default::default(),
    })
}

/// A row as this transaction has it.
fn standing_row(batch: &mut Batch<'_>, name: &'static str, key: &[u8]) -> Result<Option<Vec<u8>>> {
    if let Some(row) = batch.links.standing(name, key)? {
        return Ok(row);
    }
    if let Some(row) = batch.backlog.standing(name, key)? {
        return Ok(row);
    }
    let open = batch.txn().open_table(table(name));
    let open = batch.keep(open)?;
    let found = open.get(key).map(|row| row.map(|row| row.value().to_vec()));
    batch.keep(found)
}
