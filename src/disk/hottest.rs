//! Which pages were used most, as the file remembers it: a hint for the next opening.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crate::error::Result;
use crate::schedule::PageList;

use super::batch::Batch;
use super::open_file::OpenFile;
use super::row::{RowReader, RowWriter};
use super::shared::Shared;
use super::tables::{META, meta};

/// How often they are noted at most, besides at the end.
const NOTE_EVERY: Duration = Duration::from_secs(60);

/// The pages that were used most before the file was opened, those used most first. What cannot be
/// read is none.
pub(crate) fn hottest_before(shared: &Shared) -> PageList {
    let row = noted(&shared.file).ok().flatten();
    row.map(|row| from_bytes(&row)).unwrap_or_default()
}

/// When they are noted: together with what is committed anyway, and at the end.
#[derive(Debug)]
pub(super) struct Noting {
    /// `None`: it never is.
    due: Option<Instant>,
}

impl Noting {
    pub(super) fn new(shared: &Shared, opened: Instant) -> Self {
        Self { due: shared.options.warm_up.then_some(opened).and_then(next) }
    }

    /// Notes them in a transaction that something else has begun, if it is time.
    pub(super) fn ride_along(&mut self, batch: &mut Batch<'_>, now: Instant) -> Result<()> {
        if !self.is_due(now) {
            return Ok(());
        }
        match hottest(batch.shared()) {
            Some(row) => batch.note_hottest(&row),
            None => Ok(()),
        }
    }

    fn is_due(&mut self, now: Instant) -> bool {
        let due = self.due.is_some_and(|due| due <= now);
        if due {
            self.due = next(now);
        }
        due
    }

    /// Makes it time, if the file has others than are right now.
    pub(super) fn is_due_at_end(&mut self, shared: &Shared) -> bool {
        if self.due.is_none() {
            return false;
        }
        let Some(row) = hottest(shared) else { return false };
        // One that cannot be read is left to others to complain of.
        let due = noted(&shared.file).is_ok_and(|noted| noted.is_none_or(|noted| noted != row));
        if due {
            self.due = Some(Instant::now());
        }
        due
    }
}

fn next(now: Instant) -> Option<Instant> {
    now.checked_add(NOTE_EVERY)
}

/// The row as it should be; `None` if no page was used, which says nothing of the next opening.
fn hottest(shared: &Shared) -> Option<Vec<u8>> {
    let mut list = PageList::default();
    for page in shared.cache.hottest(PageList::PAGES_MAX) {
        if !list.push(&page) {
            break;
        }
    }
    (!list.is_empty()).then(|| to_bytes(&list))
}

/// The row as the file has it. A panic of redb's is for others to meet: a hint is not worth one.
fn noted(file: &OpenFile) -> Result<Option<Vec<u8>>> {
    let read = || {
        file.read(|txn| {
            let table = txn.open_table(META).map_err(|cause| file.storage_error(cause))?;
            let row = table.get(meta::WARM).map_err(|cause| file.storage_error(cause))?;
            Ok(row.map(|row| row.value().to_vec()))
        })
    };
    catch_unwind(AssertUnwindSafe(read)).unwrap_or(Ok(None))
}

fn to_bytes(list: &PageList) -> Vec<u8> {
    list.iter().fold(RowWriter::default(), RowWriter::bytes).finish()
}

/// As much of it as can be read.
fn from_bytes(row: &[u8]) -> PageList {
    let (mut row, mut list) = (RowReader(row), PageList::default());
    while let Some(page) = row.bytes() {
        if !list.push(page) {
            break;
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(list: &PageList) -> Vec<&[u8]> {
        list.iter().collect()
    }

    #[test]
    fn they_are_noted_once_a_minute_at_most_and_never_where_nothing_is_warmed() {
        let opened = Instant::now();
        let after = |seconds| opened + Duration::from_secs(seconds);
        let mut noting = Noting { due: next(opened) };
        let due = [0, 59, 60, 61, 119, 120, 500, 559, 560].map(|at| noting.is_due(after(at)));
        assert_eq!(due, [false, false, true, false, false, true, true, false, true]);
        assert!(!Noting { due: None }.is_due(after(1000)));
    }

    #[test]
    fn a_list_survives_its_bytes() {
        let mut list = PageList::default();
        assert!(list.push(b"second") && list.push(b"") && list.push(b"first"));
        let read = from_bytes(&to_bytes(&list));
        assert_eq!(pages(&read), pages(&list));
    }

    #[test]
    fn foreign_bytes_are_a_list_within_its_bounds() {
        let mut list = PageList::default();
        assert!(list.push(b"one") && list.push(b"two"));
        let bytes = to_bytes(&list);
        for cut in 0..bytes.len() {
            assert!(pages(&from_bytes(&bytes[..cut])).len() <= 1);
        }
        assert!(from_bytes(&[0xFF; 99]).is_empty());
        assert_eq!(pages(&from_bytes(&[0; 1 << 20])).len(), PageList::PAGES_MAX);
        let long = RowWriter::default().bytes(&[1; 300 << 10]).bytes(b"x").finish();
        assert!(from_bytes(&long).is_empty());
    }
}
