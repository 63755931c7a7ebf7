//! Noting which days of a view's horizon were begun.

use redb::ReadableTable;

use crate::error::Result;
use crate::page::ViewId;

use super::super::batch::Batch;
use super::super::horizon_row::HorizonRow;
use super::super::tables::HORIZONS;

/// A day of a view's horizon for which a run is started.
pub(crate) struct BegunDay {
    pub(crate) view: ViewId,
    /// In words; days that were begun for another horizon are forgotten.
    pub(crate) horizon: String,
    pub(crate) day: i64,
    /// The first and the last day of the window by now: what lies outside is forgotten.
    pub(crate) ends: (i64, i64),
}

impl BegunDay {
    pub(super) fn note(&self, batch: &mut Batch<'_>) -> Result<()> {
        // Of a view that is no more nothing is noted.
        if batch.views().by_id(self.view).is_none() {
            return Ok(());
        }
        let horizons = batch.txn().open_table(HORIZONS);
        let mut horizons = batch.keep(horizons)?;
        let key = self.view.0.to_be_bytes();
        let found = horizons.get(key.as_slice()).map(|row| row.map(|row| row.value().to_vec()));
        let found = batch.keep(found)?.and_then(|bytes| HorizonRow::from_bytes(&bytes));
        let mut row = found.filter(|row| row.horizon == self.horizon).unwrap_or_default();
        row.horizon.clone_from(&self.horizon);
        row.begun.insert(self.day);
        let (first, last) = self.ends;
        row.begun.retain(|day| (first..=last).contains(day));
        let kept = horizons.insert(key.as_slice(), &*row.to_bytes()).map(drop);
        batch.keep(kept)
    }
}

/// Forgets the horizon of a view that is no more.
pub(super) fn forget_horizon(batch: &mut Batch<'_>, view: ViewId) -> Result<()> {
    let horizons = batch.txn().open_table(HORIZONS);
    let mut horizons = batch.keep(horizons)?;
    let removed = horizons.remove(view.0.to_be_bytes().as_slice()).map(drop);
    batch.keep(removed)
}
