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
use crate::graph::Origin;
use crate::page::SlotSet;

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

/// Remedies of one operation, bytes of the pages that they write, and bytes that it looks at: they bound
/// how long others wait behind it. What one page takes may be more than that, and is not divided.
const REMEDIES_AT_ONCE: usize = 512;
const BYTES_AT_ONCE: usize = 4 << 20;
const LOOKED_AT_ONCE: usize = 8 << 20;

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
    let marked_before = batch.links.staged_marks.len();
    let mut spent = Spent { remedies: 0, bytes: 0, looked: 0, marked_before };
    let mut mended = Vec::with_capacity(subjects.len());
    for subject in subjects {
        // One is gone through at least, or nothing would ever come of it.
        if !mended.is_empty() && spent.is_enough(batch) {
            break;
        }
        let Some(done) = mend(batch, subject, &mut spent)? else { break };
        mended.push(done);
    }
    Ok(mended)
}

/// What an operation has done so far.
struct Spent {
    remedies: usize,
    bytes: usize,
    looked: usize,
    /// Pages that others of its transaction have marked.
    marked_before: usize,
}

impl Spent {
    fn is_enough(&self, batch: &Batch<'_>) -> bool {
        self.remedies >= REMEDIES_AT_ONCE
            || self.bytes >= BYTES_AT_ONCE
            || self.looked >= LOOKED_AT_ONCE
            || batch.links.staged_marks.len().saturating_sub(self.marked_before) >= PAGES_MARKED_MAX
    }
}

/// Mends a subject; `None` if that goes on in the next operation.
fn mend(batch: &mut Batch<'_>, subject: &Subject, spent: &mut Spent) -> Result<Option<Mended>> {
    let (mut tried, mut lost) = (Vec::<Fault>::new(), false);
    loop {
        let (faults, looked) = look_again(batch, subject)?;
        spent.looked += looked;
        let next = next_of(&faults, &tried);
        if next.is_empty() {
            let left = faults.iter().map(|fault| (fault.kind, fault.table)).collect();
            return Ok(Some(Mended { left, lost }));
        }
        if spent.remedies > 0 && spent.is_enough(batch) {
            return Ok(None);
        }
        spent.remedies += next.len();
        tried.extend(next.iter().map(|fault| (*fault).clone()));
        if let (Subject::Page(key), Some(marks)) = (subject, all_marks(&next)) {
            remedies::mark_stale(batch, key, marks)?;
            harmless::make_harmless(batch)?;
            continue;
        }
        for fault in next {
            let done = remedies::apply(batch, subject, &fault.remedy)?;
            harmless::make_harmless(batch)?;
            spent.bytes += done.bytes;
            lost |= done.lost;
        }
    }
}

/// The first fault that has a remedy which was not tried, with those that do not concern each other:
/// edges, or marks, since why a record is stale does not hang on how others are marked.
fn next_of<'f>(faults: &'f [Fault], tried: &[Fault]) -> Vec<&'f Fault> {
    let untried = |fault: &&Fault| fault.remedy != Remedy::None && !tried.contains(fault);
    let mut next = faults.iter().filter(untried).peekable();
    let Some(first) = next.next() else { return Vec::new() };
    let is_edge = |fault: &Fault| matches!(fault.remedy, Remedy::SetEdge(..));
    let is_mark = |fault: &Fault| matches!(fault.remedy, Remedy::MarkStale(..));
    let alike =
        |fault: &&Fault| (is_edge(first) && is_edge(fault)) || (is_mark(first) && is_mark(fault));
    let with = next.take_while(alike);
    [first].into_iter().chain(with).take(REMEDIES_AT_ONCE).collect()
}

/// The marks that these faults need, if that is all: one walk finds the readers of all of them.
fn all_marks(faults: &[&Fault]) -> Option<Vec<(SlotSet, Origin)>> {
    let marks = faults.iter().map(|fault| match &fault.remedy {
        Remedy::MarkStale(slots, origin) => Some((*slots, origin.clone())),
        _ => None,
    });
    marks.collect()
}

fn table(name: &'static str) -> Bytes {
    TableDefinition::new(name)
}

/// What is wrong with a subject, as this transaction has it, and how much was looked at for that.
fn look_again(batch: &mut Batch<'_>, subject: &Subject) -> Result<(Vec<Fault>, usize)> {
    let row = match subject {
        Subject::Page(_) => Vec::new(),
        Subject::Row(name, key) => match standing_row(batch, name, key)? {
            Some(row) => row,
            None => return Ok((Vec::new(), 0)),
        },
    };
    look(batch, |look| Ok((check(look, subject, &row)?, look.looked.get())))
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
    let staged = |key: &[u8]| batch.pages.staged(key).map(|page| page.cloned());
    then(&Look {
        shared: batch.shared(),
        now: batch.shared().options.clock.now(),
        revision: batch.revision(),
        pages: batch.pages.table(),
        dictionaries: &dictionaries,
        dropped: &dropped,
        links: &batch.links,
        views: &batch.ledger.views,
        staged: &staged,
        aids: Default::default(),
        looked: Default::default(),
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
