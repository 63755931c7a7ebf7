//! Looking for work: a few rows at a time, from a key on.

use redb::{ReadOnlyTable, ReadTransaction};

use crate::cache::CacheKey;
use crate::error::{Error, ErrorKind, RESTORE, Result};
use crate::graph::{Colour, MarkRow, Tries};
use crate::page::{self, Facts, Page, PageKey, Slot, SlotSet, ViewId};
use crate::revision::Revision;
use crate::time::Timestamp;

use super::super::shared::Shared;
use super::super::standing::Standing;
use super::super::tables::{DICTIONARIES, MARKS, PAGES};
use super::super::view_state::ViewState;
use super::rows::Backlog;

/// What a look found.
#[derive(Default)]
pub(crate) struct Due {
    /// A page's key, and which of its slots are to be built.
    pub(crate) found: Option<(Box<[u8]>, SlotSet)>,
    /// The key to go on from; `None`: the end was reached.
    pub(crate) next: Option<Box<[u8]>>,
    /// When the first of those is due that were passed over because it is too early.
    pub(crate) earliest: Option<Timestamp>,
}

/// Without the bytes of keys: an entity may be a person, and debug output reaches logs.
impl std::fmt::Debug for Due {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let slots = self.found.as_ref().map(|(_, slots)| slots);
        write!(f, "Due({slots:?}, {}, {:?})", self.next.is_some(), self.earliest)
    }
}

type Key = &'static [u8];
type Table = ReadOnlyTable<Key, Key>;

/// The first page of a view from `from` (inclusive; `None` is its first) that has marked records to
/// be built by now, in at most `look` rows of marks. What is sealed is left out, and what retention
/// has left of a record: there is nothing to build.
pub(crate) fn due_marks(
    shared: &Shared,
    view: ViewId,
    from: Option<&[u8]>,
    now: Timestamp,
    look: usize,
) -> Result<Due> {
    let Some(view) = live(shared, view) else { return Ok(Due::default()) };
    shared.file.read(|txn| {
        let file = File::open(shared, txn)?;
        let (first, until) = PageKey::view_bounds(view.id());
        file.look(&file.marks, from.unwrap_or(&first), &until, look, |key, row, earliest| {
            let row = file.parse_marks(row)?;
            let due = file.due(key, row.all_tries(), &view, now, earliest)?;
            let due = due.minus(view.sealed(key, now));
            if due.is_empty() {
                return Ok(due);
            }
            let Some(page) = file.page(&view, key)? else { return Ok(SlotSet::EMPTY) };
            Ok(due.iter().filter(|slot| page.holds(*slot)).collect())
        })
    })
}

/// The first page from `from` (inclusive; `None` is the first of all) that has slots which were asked
/// for and are to be built by now, in at most `look` rows. Views without a definition are passed
/// over.
pub(crate) fn due_wanted(
    shared: &Shared,
    from: Option<&[u8]>,
    now: Timestamp,
    look: usize,
) -> Result<Due> {
    shared.file.read(|txn| {
        let file = File::open(shared, txn)?;
        let wanted = file.backlog.wanted_table();
        let (mut next, mut left) = (file.first(wanted, from.unwrap_or_default())?, look);
        let (mut found, mut earliest) = (None, None);
        while let Some(key) = next.take_if(|_| left > 0 && found.is_none()) {
            let Some((id, ..)) = PageKey::split(&key) else {
                let what = format!("something is wanted of what is no page; {RESTORE}");
                return Err(shared.file.at_file(Error::damaged(what)));
            };
            let until = PageKey::view_bounds(id).1;
            if let Some(view) = live(shared, id) {
                let due = file.look(wanted, &key, &until, left, |key, row, earliest| {
                    left -= 1;
                    let row = file.backlog.parse_wanted(row)?;
                    file.due(key, row.all_tries(), &view, now, earliest)
                })?;
                earliest = earlier(earliest, due.earliest);
                (found, next) = (due.found, due.next);
            } else {
                left -= 1;
            }
            if next.is_none() {
                // Something may be wanted of views behind it.
                next = file.first(wanted, &until)?;
            }
        }
        Ok(Due { found, next, earliest })
    })
}

/// The first page of a view from `from` (inclusive; `None` is its first) that has records which are
/// not right by the view's stamp, in at most `look` pages. What is marked or wanted is
/// left out: it is found there. So is what is sealed.
pub(crate) fn due_stamped(
    shared: &Shared,
    view: &ViewState,
    from: Option<&[u8]>,
    now: Timestamp,
    look: usize,
) -> Result<Due> {
    if view.check().is_err() {
        return Ok(Due::default());
    }
    shared.file.read(|txn| {
        let file = File::open(shared, txn)?;
        let (first, until) = PageKey::view_bounds(view.id());
        let from = from.unwrap_or(&first);
        file.look(&file.pages, from, &until, look, |key, bytes, _| {
            // Without a check of anything: what is damaged is not built from here in any case.
            let facts = page::stored_facts(bytes).unwrap_or_default();
            let stamp = view.stamp();
            let is_stamped = |facts: &Facts| stamp.colour(facts) > Colour::Fresh;
            if !facts.iter().any(is_stamped) {
                return Ok(SlotSet::EMPTY);
            }
            let Some(page) = file.page(view, key)? else { return Ok(SlotSet::EMPTY) };
            let stamped = page.present().filter(|slot| is_stamped(page.facts(*slot)));
            let stamped = stamped.collect::<SlotSet>().minus(view.sealed(key, now));
            if stamped.is_empty() {
                return Ok(stamped);
            }
            let marks = file.marks.get(key).map_err(|cause| shared.file.storage_error(cause))?;
            let marks = marks.map(|row| file.parse_marks(row.value())).transpose()?;
            let wanted = file.backlog.wanted(key)?.unwrap_or_default().wanted();
            Ok(stamped.minus(marks.unwrap_or_default().marked()).minus(wanted))
        })
    })
}

/// A view that can be built in this opening, as far as the file's part knows.
fn live(shared: &Shared, view: ViewId) -> Option<crate::sync::Arc<ViewState>> {
    shared.views.get(view).filter(|view| view.check().is_ok())
}

fn earlier(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    a.into_iter().chain(b).min()
}

/// The tables that a look needs, in one transaction.
struct File<'s, 't> {
    shared: &'s Shared,
    txn: &'t ReadTransaction,
    pages: Table,
    marks: Table,
    backlog: Backlog<'s, Table>,
}

impl<'s, 't> File<'s, 't> {
    fn open(shared: &'s Shared, txn: &'t ReadTransaction) -> Result<Self> {
        let open = |table| txn.open_table(table).map_err(|cause| shared.file.storage_error(cause));
        let backlog = Backlog::to_read(&shared.file, txn)?;
        Ok(Self { shared, txn, pages: open(PAGES)?, marks: open(MARKS)?, backlog })
    }

    /// The first key of a table from here on.
    fn first(&self, table: &Table, from: &[u8]) -> Result<Option<Box<[u8]>>> {
        let first = table.range(from..).and_then(|mut rows| rows.next().transpose());
        let first = first.map_err(|cause| self.shared.file.storage_error(cause))?;
        Ok(first.map(|(key, _)| key.value().into()))
    }

    /// Looks at rows of a table until `judge` finds slots in one.
    fn look(
        &self,
        table: &Table,
        from: &[u8],
        until: &[u8],
        look: usize,
        mut judge: impl FnMut(&[u8], &[u8], &mut Option<Timestamp>) -> Result<SlotSet>,
    ) -> Result<Due> {
        let failed = |cause| self.shared.file.storage_error(cause);
        let mut due = Due::default();
        // A cursor of another view is none of this one.
        let until = until.max(from);
        for (looked, entry) in table.range(from..until).map_err(failed)?.enumerate() {
            let (key, row) = entry.map_err(failed)?;
            let key = key.value();
            if looked >= look || due.found.is_some() {
                due.next = Some(key.into());
                break;
            }
            let slots = judge(key, row.value(), &mut due.earliest)?;
            if !slots.is_empty() {
                due.found = Some((key.into(), slots));
            }
        }
        Ok(due)
    }

    /// Of slots that were tried so often, those that are due. One that failed before the view was
    /// stamped is: it may succeed now.
    fn due(
        &self,
        page: &[u8],
        tried: impl Iterator<Item = (Slot, Tries)>,
        view: &ViewState,
        now: Timestamp,
        earliest: &mut Option<Timestamp>,
    ) -> Result<SlotSet> {
        let (due, later): (Vec<_>, Vec<_>) = tried.partition(|(_, tries)| tries.is_due(now));
        let mut due: SlotSet = due.into_iter().map(|(slot, _)| slot).collect();
        if later.is_empty() {
            return Ok(due);
        }
        let revived = match view.stamp().raised() {
            Revision::ZERO => SlotSet::EMPTY,
            stamped => self.backlog.failed_before(page, stamped)?,
        };
        for (slot, tries) in later {
            if revived.contains(slot) {
                due.insert(slot);
            } else if !tries.rests() {
                *earliest = earlier(*earliest, Some(tries.next_attempt));
            }
        }
        Ok(due)
    }

    fn parse_marks(&self, row: &[u8]) -> Result<MarkRow> {
        MarkRow::from_bytes(row).ok_or_else(|| {
            let what = format!("a page's row of marks is unreadable; {RESTORE}");
            self.shared.file.at_file(Error::damaged(what))
        })
    }

    /// A page, from memory or from the file. One that is damaged counts as missing.
    fn page(&self, view: &ViewState, key: &[u8]) -> Result<Option<Standing>> {
        if let Some(resident) = self.shared.cache.peek(CacheKey::new(key)) {
            return Ok(Some(Standing::InMemory(resident)));
        }
        let failed = |cause: redb::Error| self.shared.file.storage_error(cause);
        let Some(bytes) = self.pages.get(key).map_err(|cause| failed(cause.into()))? else {
            return Ok(None);
        };
        let decoded: Result<Page> = page::decode(bytes.value(), key, view.shape(), |id| {
            let table = self.txn.open_table(DICTIONARIES).map_err(|cause| failed(cause.into()))?;
            view.packing().aid(id, &table, |cause| failed(cause.into()))
        });
        match decoded {
            Ok(page) => Ok(Some(Standing::FromDisk(Box::new(page)))),
            Err(error) if error.kind() == ErrorKind::Damaged => Ok(None),
            Err(error) => Err(error),
        }
    }
}
