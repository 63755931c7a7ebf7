//! How much is left to do, and what failed.

use std::collections::BTreeMap;
use std::fmt;

use redb::ReadableTable;

use crate::error::{Error, ErrorKind, Result};
use crate::graph::{self, Tries};
use crate::page::{PageKey, Slot, SlotSet, SlotsByPage, ViewId};
use crate::time::Timestamp;

use super::super::contents::{known_views, view_rows};
use super::super::links::Links;
use super::super::shared::Shared;
use super::super::tables::{SWEEPS, VIEWS};
use super::super::view_row::ViewRow;
use super::failure::Failure;
use super::rows::{Backlog, open_if_there, split_record_key};
use super::sweep::is_swept;

/// How much is left to build in the background.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct BacklogCounts {
    /// Records that are marked, with those of which retention has left only the way to their
    /// readers.
    pub marked: u64,
    /// Buckets that were asked for, or failed, and have no mark; those that rest among them.
    pub wanted: u64,
    /// Of both, those that are not tried again by themselves.
    pub resting: u64,
    /// Views that were stamped and not yet swept to their end: how many of their records are not
    /// right is unknown.
    pub stamped: u64,
    /// When the first of the marks came.
    pub oldest_mark: Option<Timestamp>,
}

/// A line of a status page.
impl fmt::Display for BacklogCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { marked, wanted, resting, stamped, oldest_mark } = self;
        write!(f, "{marked} marked")?;
        if let Some(since) = oldest_mark {
            write!(f, " since {since}")?;
        }
        write!(
            f,
            ", {wanted} asked for, {stamped} views to be gone through; {resting} not tried again"
        )
    }
}

impl BacklogCounts {
    fn add(&mut self, count: impl Fn(&mut Self) -> &mut u64, tries: impl Iterator<Item = Tries>) {
        for tries in tries {
            *count(self) += 1;
            self.resting += u64::from(tries.rests());
        }
    }
}

/// What became of trying to build a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Try {
    pub(crate) tries: Tries,
    /// The last failure; it stays when the tries are forgotten, until the record is built.
    pub(crate) failure: Option<Failure>,
}

impl Try {
    /// Why it failed the last time.
    pub(crate) fn why(self) -> Error {
        let unknown = || Error::new(ErrorKind::Build, "it failed too often to be tried again");
        self.last_error().unwrap_or_else(unknown)
    }

    /// How it failed the last time, if it did.
    pub(crate) fn last_error(self) -> Option<Error> {
        self.failure.map(|Failure { kind, message, .. }| Error::new(kind, message))
    }
}

/// A failure, and of which record.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct NotedFailure {
    pub(crate) page: Box<[u8]>,
    pub(crate) slot: Slot,
    pub(crate) failure: Failure,
}

/// Without the bytes of the key: an entity may be a person, and debug output reaches logs.
impl fmt::Debug for NotedFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "slot {}: {:?}", self.slot.0, self.failure)
    }
}

/// How much is left to do in all views. Looks at every row of the backlog.
pub(crate) fn backlog(shared: &Shared) -> Result<BacklogCounts> {
    count(shared, &[], None, |_| true)
}

/// How much is left to do in a view. Looks at every row of its backlog.
pub(crate) fn backlog_of(shared: &Shared, view: ViewId) -> Result<BacklogCounts> {
    let (first, until) = PageKey::view_bounds(view);
    count(shared, &first, Some(&until), |row| row.id == view)
}

fn count(
    shared: &Shared,
    from: &[u8],
    until: Option<&[u8]>,
    concerns: impl Fn(&ViewRow) -> bool,
) -> Result<BacklogCounts> {
    shared.file.read(|txn| {
        let mut counts = BacklogCounts::default();
        Links::to_read(&shared.file, txn)?.marks_between(from, until, |row| {
            counts.add(|counts| &mut counts.marked, row.all_tries().map(|(_, tries)| tries));
            let since = row.causes.iter().map(|cause| cause.since);
            counts.oldest_mark = counts.oldest_mark.into_iter().chain(since).min();
        })?;
        Backlog::to_read(&shared.file, txn)?.wanted_between(from, until, |row| {
            counts.add(|counts| &mut counts.wanted, row.all_tries().map(|(_, tries)| tries));
        })?;
        let sweeps = open_if_there(&shared.file, txn, SWEEPS)?;
        let views = txn.open_table(VIEWS).map_err(|cause| shared.file.storage_error(cause))?;
        for (_, row) in view_rows(&views)?.iter().filter(|(_, row)| concerns(row)) {
            counts.stamped += u64::from(!is_swept(shared, sweeps.as_ref(), row)?);
        }
        Ok(counts)
    })
}

/// What became of trying to build the record in a slot; `None` if it is neither marked nor wanted.
pub(crate) fn tries(shared: &Shared, page: &[u8], slot: Slot) -> Result<Option<Try>> {
    shared.file.read(|txn| {
        let backlog = Backlog::to_read(&shared.file, txn)?;
        let marks = Links::to_read(&shared.file, txn)?.marks(page)?;
        let tries = match marks.and_then(|marks| marks.tries(slot)) {
            None => backlog.wanted(page)?.and_then(|row| row.tries(slot)),
            marked => marked,
        };
        let Some(tries) = tries else { return Ok(None) };
        Ok(Some(Try { tries, failure: backlog.failure(page, slot)? }))
    })
}

/// How often those slots of a page were tried that are marked or wanted.
pub(crate) fn tries_in(shared: &Shared, page: &[u8], slots: SlotSet) -> Result<Vec<Tries>> {
    shared.file.read(|txn| {
        let wanted = Backlog::to_read(&shared.file, txn)?.wanted(page)?;
        let marks = Links::to_read(&shared.file, txn)?.marks(page)?;
        let marked = |slot| marks.as_ref().and_then(|row| row.tries(slot));
        let tries = |slot| marked(slot).or_else(|| wanted.as_ref()?.tries(slot));
        Ok(slots.iter().filter_map(tries).collect())
    })
}

/// Of records that somebody asks for, those that have to be written down. One that was asked for and not
/// tried since need not be: its row of what is wanted came with a sync. One that is only marked has to be,
/// since a mark may be lost in a crash together with its record.
pub(crate) fn to_be_asked_for(shared: &Shared, pages: SlotsByPage) -> Result<SlotsByPage> {
    shared.file.read(|txn| {
        let backlog = Backlog::to_read(&shared.file, txn)?;
        let links = Links::to_read(&shared.file, txn)?;
        let mut left = SlotsByPage::with_capacity(pages.len());
        for (page, mut slots) in pages {
            if let Some(wanted) = backlog.wanted(&page)? {
                let marks = links.marks(&page)?.unwrap_or_default();
                let untried = |slot: &Slot| {
                    let tries = [wanted.tries(*slot), marks.tries(*slot)];
                    tries[0].is_some() && tries.iter().flatten().all(|it| *it == Tries::NONE)
                };
                slots = slots.minus(slots.iter().filter(untried).collect());
            }
            if !slots.is_empty() {
                left.push((page, slots));
            }
        }
        Ok(left)
    })
}

/// The last failures of records that are still not built, the latest first, at most `most`. Looks
/// at every failure.
pub(crate) fn last_failures(shared: &Shared, most: usize) -> Result<Vec<NotedFailure>> {
    shared.file.read(|txn| {
        let backlog = Backlog::to_read(&shared.file, txn)?;
        let mut last: Vec<NotedFailure> = Vec::new();
        let Some(failures) = backlog.failures_table() else { return Ok(last) };
        for entry in backlog.keep(failures.iter())? {
            let (key, row) = backlog.keep(entry)?;
            let Some((page, slot)) = split_record_key(key.value()) else { continue };
            let failure = backlog.parse_failure(row.value())?;
            let place = last.partition_point(|before| before.failure.at >= failure.at);
            if place < most {
                last.insert(place, NotedFailure { page: page.into(), slot, failure });
                last.truncate(most);
            }
        }
        Ok(last)
    })
}

/// The views of the file, each with how far it lies from those that read none; what others are built
/// from comes before them.
pub(crate) fn levels(shared: &Shared) -> Result<Vec<(ViewId, u32)>> {
    let rows = known_views(shared)?.into_iter();
    let readers: BTreeMap<_, _> = rows.map(|(_, row)| (row.id, row.readers)).collect();
    Ok(graph::levels(&readers))
}
