//! How far a stamped view has been looked through.

use redb::{ReadableTable, WriteTransaction};

use crate::error::{Error, RESTORE, Result};
use crate::page::ViewId;
use crate::revision::Revision;

use super::super::open_file::OpenFile;
use super::super::row::{RowReader, RowWriter};
use super::super::shared::Shared;
use super::super::stamp::Stamp;
use super::super::tables::SWEEPS;
use super::super::view_row::ViewRow;
use super::super::view_state::ViewState;
use super::rows::open_if_there;

/// How far a view has been swept for its stamp. When it has another by now, it is swept anew.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum SweepState {
    /// To its end: by the stamp alone no page of it is left to look at.
    Done,
    /// Go on from this key (inclusive), `None` is the first page, and note it under this stamp.
    At { stamp: Stamp, cursor: Option<Box<[u8]>> },
}

/// Without the bytes of the key: an entity may be a person, and debug output reaches logs.
impl std::fmt::Debug for SweepState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Done => f.write_str("Done"),
            Self::At { stamp, cursor: None } => write!(f, "At({stamp:?}, the start)"),
            Self::At { stamp, cursor: Some(_) } => write!(f, "At({stamp:?}, a key)"),
        }
    }
}

const AT: u32 = 0;
const DONE: u32 = 1;

/// A row of the `sweeps` table. On disk: the stamp that it is for (8, 8 and 4 bytes),
/// whether the end was reached (4), and if not the key to go on from behind its length.
#[derive(Clone, PartialEq, Eq)]
struct SweepRow {
    stamp: Stamp,
    /// `None`: the end was reached.
    cursor: Option<Box<[u8]>>,
}

impl SweepRow {
    fn to_bytes(&self) -> Vec<u8> {
        let row = RowWriter::default()
            .u64(self.stamp.stale_before.get())
            .u64(self.stamp.suspect_before.get())
            .u32(self.stamp.version);
        match &self.cursor {
            None => row.u32(DONE).finish(),
            Some(cursor) => row.u32(AT).bytes(cursor).finish(),
        }
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut row = RowReader(bytes);
        let stale_before = Revision::from_raw(row.u64()?);
        let suspect_before = Revision::from_raw(row.u64()?);
        let stamp = Stamp { stale_before, suspect_before, version: row.u32()? };
        let cursor = match row.u32()? {
            DONE => None,
            AT => Some(row.bytes()?.into()),
            _ => return None,
        };
        row.0.is_empty().then_some(Self { stamp, cursor })
    }
}

/// How far a view has been swept.
pub(crate) fn sweep_of(shared: &Shared, view: &ViewState) -> Result<SweepState> {
    let found = shared.file.read(|txn| {
        let Some(sweeps) = open_if_there(&shared.file, txn, SWEEPS)? else { return Ok(None) };
        found(&shared.file, &sweeps, view.id())
    })?;
    Ok(state(view.stamp(), found))
}

/// The same by the view's row, within a read.
pub(super) fn is_swept(
    shared: &Shared,
    sweeps: Option<&impl ReadableTable<&'static [u8], &'static [u8]>>,
    row: &ViewRow,
) -> Result<bool> {
    let found = match sweeps {
        Some(sweeps) => found(&shared.file, sweeps, row.id)?,
        None => None,
    };
    Ok(state(row.stamp, found) == SweepState::Done)
}

fn found(
    file: &OpenFile,
    sweeps: &impl ReadableTable<&'static [u8], &'static [u8]>,
    view: ViewId,
) -> Result<Option<SweepRow>> {
    let key = view.0.to_be_bytes();
    let found = sweeps.get(key.as_slice()).map_err(|cause| file.storage_error(cause))?;
    let Some(bytes) = found else { return Ok(None) };
    let row = SweepRow::from_bytes(bytes.value()).ok_or_else(|| {
        let what = format!("the note how far a view was swept is unreadable; {RESTORE}");
        file.at_file(Error::damaged(what))
    })?;
    Ok(Some(row))
}

fn state(stamp: Stamp, found: Option<SweepRow>) -> SweepState {
    match found {
        Some(row) if row.stamp == stamp => match row.cursor {
            None => SweepState::Done,
            cursor => SweepState::At { stamp, cursor },
        },
        // Records of an older version are never without a stamp that was raised.
        _ if stamp.raised() == Revision::ZERO => SweepState::Done,
        _ => SweepState::At { stamp, cursor: None },
    }
}

/// Notes how far a view was swept for a stamp; `None` is to its end. Not if it has another now.
pub(in crate::disk) fn note_sweep(
    txn: &WriteTransaction,
    row: &ViewRow,
    stamp: Stamp,
    cursor: Option<Box<[u8]>>,
) -> Result<(), redb::Error> {
    if row.stamp != stamp {
        return Ok(());
    }
    let mut sweeps = txn.open_table(SWEEPS)?;
    let swept = SweepRow { stamp, cursor };
    sweeps.insert(row.id.0.to_be_bytes().as_slice(), &*swept.to_bytes())?;
    Ok(())
}

/// Forgets how far a view was swept that is no more.
pub(in crate::disk) fn swept_no_more(
    txn: &WriteTransaction,
    view: ViewId,
) -> Result<(), redb::Error> {
    txn.open_table(SWEEPS)?.remove(view.0.to_be_bytes().as_slice())?;
    Ok(())
}
