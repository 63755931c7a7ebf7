//! Builds that a process may not survive, noted before they begin.

use redb::{ReadableTable, WriteTransaction};

use crate::error::{Error, ErrorKind, Result};
use crate::graph::{MarkRow, Tries, WantedRow};
use crate::page::Slot;
use crate::revision::Revision;
use crate::time::Timestamp;

use super::super::tables::{BEGUN, FAILURES, MARKS, WANTED};
use super::failure::Failure;
use super::rows::{record_key, split_record_key};

/// Forgets what was noted as begun in an earlier life. After an unclean stop each of these may be
/// the build that ended the process: it rests until it is asked for or invalidated.
pub(in crate::disk) fn settle_begun(
    txn: &WriteTransaction,
    unclean: bool,
    revision: Revision,
) -> Result<(), redb::Error> {
    let mut begun = txn.open_table(BEGUN)?;
    let rows = begun.iter()?.map(|entry| {
        entry.map(|(key, at)| (key.value().to_vec(), at.value().first_chunk().copied()))
    });
    let rows: Vec<(Vec<u8>, Option<[u8; 8]>)> = rows.collect::<Result<_, _>>()?;
    for (key, at) in rows {
        begun.remove(&*key)?;
        if let Some((page, slot)) = split_record_key(&key).filter(|_| unclean) {
            let at = Timestamp::from_millis(i64::from_le_bytes(at.unwrap_or_default()));
            rest(txn, page, slot, at, revision)?;
        }
    }
    Ok(())
}

/// Lets a record rest. What cannot be read is left alone: it is found damaged where it is needed.
fn rest(
    txn: &WriteTransaction,
    page: &[u8],
    slot: Slot,
    at: Timestamp,
    begun: Revision,
) -> Result<(), redb::Error> {
    let again = |before: Option<Tries>| {
        let attempts = before.map_or(0, |tries| tries.attempts).saturating_add(1);
        Tries { attempts, next_attempt: Timestamp::MAX }
    };
    let (mut marks, mut wanted) = (txn.open_table(MARKS)?, txn.open_table(WANTED)?);
    let marked = marks.get(page)?.map(|row| MarkRow::from_bytes(row.value()));
    let tries = match marked {
        Some(None) => return Ok(()),
        Some(Some(mut row)) if row.tries(slot).is_some() => {
            let tries = again(row.tries(slot));
            row.set_tries(slot, tries);
            marks.insert(page, &*row.to_bytes())?;
            tries
        }
        Some(Some(_)) | None => {
            let row = wanted.get(page)?.map(|row| WantedRow::from_bytes(row.value()));
            let Some(mut row) = row.unwrap_or_else(|| Some(WantedRow::default())) else {
                return Ok(());
            };
            let tries = again(row.tries(slot));
            row.set_tries(slot, tries);
            wanted.insert(page, &*row.to_bytes())?;
            tries
        }
    };
    let error = Error::new(
        ErrorKind::Build,
        "the process ended while this record was being built; it is not tried again until it is \
         asked for or invalidated",
    );
    let failure = Failure::new(&error, tries.attempts, begun, at);
    txn.open_table(FAILURES)?.insert(&*record_key(page, slot), &*failure.to_bytes())?;
    Ok(())
}
