//! What the file says of a view's horizon: which of its days a run was begun for.

use std::collections::BTreeSet;

use crate::error::Result;
use crate::page::ViewId;

use super::backlog::open_if_there;
use super::row::{RowReader, RowWriter};
use super::run_row::unreadable;
use super::shared::Shared;
use super::tables::HORIZONS;

/// Days for which a run was begun. That the run goes on is its own affair.
///
/// On disk: the horizon in words, behind its length (4), how many days (4), and the number of each
/// (8); numbers little endian.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HorizonRow {
    /// Another horizon begins anew.
    pub(crate) horizon: String,
    /// Counted from 1970-01-01.
    pub(crate) begun: BTreeSet<i64>,
}

impl HorizonRow {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let days = u32::try_from(self.begun.len()).expect("a horizon is a few years at most");
        let row = RowWriter::default().text(&self.horizon).u32(days);
        self.begun.iter().fold(row, |row, day| row.u64(day.cast_unsigned())).finish()
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut row = RowReader(bytes);
        let horizon = row.text()?.to_owned();
        let days = row.u32()?;
        let begun = (0..days).map(|_| row.u64().map(u64::cast_signed)).collect::<Option<_>>()?;
        row.0.is_empty().then_some(Self { horizon, begun })
    }
}

/// The row of a view. One that cannot be read is reported and counts as none: its days are gone
/// through again.
pub(crate) fn horizon_row(shared: &Shared, view: ViewId) -> Result<HorizonRow> {
    shared.file.read(|txn| {
        let Some(horizons) = open_if_there(&shared.file, txn, HORIZONS)? else {
            return Ok(HorizonRow::default());
        };
        let found = horizons.get(view.0.to_be_bytes().as_slice());
        let Some(row) = found.map_err(|cause| shared.file.storage_error(cause))? else {
            return Ok(HorizonRow::default());
        };
        Ok(HorizonRow::from_bytes(row.value()).unwrap_or_else(|| {
            shared.report_damage(&unreadable("a view's horizon"));
            HorizonRow::default()
        }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_survives_its_bytes_and_no_other_bytes_are_one() {
        let row = HorizonRow { horizon: "by day".into(), begun: [-1, 0, 20_000].into() };
        let bytes = row.to_bytes();
        assert_eq!(HorizonRow::from_bytes(&bytes), Some(row));
        for cut in 0..bytes.len() {
            assert_eq!(HorizonRow::from_bytes(&bytes[..cut]), None);
        }
        assert_eq!(HorizonRow::from_bytes(&[&*bytes, &[0]].concat()), None);
    }
}
