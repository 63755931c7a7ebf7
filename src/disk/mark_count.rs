//! Counting what is marked of a view.

use crate::error::{Error, RESTORE, Result};
use crate::graph::MarkRow;
use crate::page::{PageKey, ViewId};
use crate::time::Timestamp;

use super::shared::Shared;
use super::tables::MARKS;

/// Rows looked at in one transaction.
const ROWS_AT_ONCE: usize = 4096;

/// How many records of a view have a mark of their own, and when the first of those marks came.
pub(crate) fn marks_of_view(shared: &Shared, view: ViewId) -> Result<(u64, Option<Timestamp>)> {
    let (mut from, until) = PageKey::view_bounds(view);
    let (mut marked, mut oldest) = (0, None);
    loop {
        let last = shared.read(|txn| {
            let marks = txn.open_table(MARKS).map_err(|cause| shared.storage_error(cause))?;
            let rows = marks.range(&*from..&*until).map_err(|cause| shared.storage_error(cause))?;
            let mut last = None;
            for (looked_at, row) in rows.enumerate() {
                let (key, row) = row.map_err(|cause| shared.storage_error(cause))?;
                let Some(row) = MarkRow::from_bytes(row.value()) else {
                    let message = format!("a page's row of marks is unreadable; {RESTORE}");
                    return Err(shared.at_file(Error::damaged(message)));
                };
                marked += u64::from(row.marked().len());
                let first = row.causes.iter().map(|cause| cause.since).min();
                oldest = match (oldest, first) {
                    (Some(oldest), Some(first)) => Some(first.min(oldest)),
                    (oldest, first) => oldest.or(first),
                };
                if looked_at + 1 == ROWS_AT_ONCE {
                    last = Some(key.value().to_vec());
                    break;
                }
            }
            Ok(last)
        })?;
        let Some(last) = last else { return Ok((marked, oldest)) };
        from = last;
        from.push(0);
    }
}
