//! How a life of the file begins.

use redb::{Database, ReadableTable, WriteTransaction};

use crate::error::Result;
use crate::revision::Revision;

use super::backlog::settle_begun;
use super::contents::{explain_any, last_revision, view_rows};
use super::tables::{self, DROPPED, DROPPED_GOING, META, VIEWS, meta};
use super::view_row::ViewRow;

/// Begins a life of the file: counted, so that an inspector can tell how often it was opened.
/// Where history may be missing, every view is stamped stale in the same transaction: no record may
/// be called fresh by revisions that were given out twice.
///
/// After an unclean stop the clock goes on far ahead: revisions that were given out and lost with
/// unsynced commits never come again, wherever the application may have kept one. A record that was
/// being built then rests, if that was noted.
pub(crate) fn begin_life(
    database: &Database,
    unclean: bool,
    rolled_back: bool,
) -> Result<Revision> {
    let last = last_revision(database)?;
    let mut txn = database.begin_write().map_err(explain_any)?;
    txn.set_two_phase_commit(true);
    let any_lost = (unclean || rolled_back) && !mutant!("lost_revisions_never_come_again");
    let revision = if any_lost { last.far_ahead() } else { last };
    {
        let mut table = txn.open_table(META).map_err(explain_any)?;
        let life = table
            .get(meta::LIFE)
            .map_err(explain_any)?
            .and_then(|row| row.value().first_chunk().map(|bytes| u64::from_le_bytes(*bytes)))
            .unwrap_or(0);
        table.insert(meta::LIFE, (life + 1).to_le_bytes().as_slice()).map_err(explain_any)?;
        let revision = revision.get().to_le_bytes();
        table.insert(meta::REVISION, revision.as_slice()).map_err(explain_any)?;
    }
    tables::create_all(&txn).map_err(explain_any)?;
    forget_reservations(&txn)?;
    settle_begun(&txn, unclean || rolled_back, revision).map_err(explain_any)?;
    if rolled_back && !mutant!("rolled_back_is_not_believed") {
        let mut views = txn.open_table(VIEWS).map_err(explain_any)?;
        for (name, row) in view_rows(&views)? {
            let stamped = ViewRow { stamp: row.stamp.stale_at(revision), ..row };
            views.insert(name.as_bytes(), &*stamped.to_bytes()).map_err(explain_any)?;
        }
    }
    txn.commit().map_err(explain_any)?;
    Ok(revision)
}

/// Nobody will claim the ids that were reserved in an earlier life.
fn forget_reservations(txn: &WriteTransaction) -> Result<()> {
    let mut dropped = txn.open_table(DROPPED).map_err(explain_any)?;
    let mut reserved = Vec::new();
    for entry in dropped.iter().map_err(explain_any)? {
        let (id, state) = entry.map_err(explain_any)?;
        if state.value() != DROPPED_GOING {
            reserved.push(id.value().to_vec());
        }
    }
    for id in reserved {
        dropped.insert(&*id, DROPPED_GOING).map_err(explain_any)?;
    }
    Ok(())
}
