//! How far a stamped view has been looked through.

use redb::{ReadableTable, WriteTransaction};

use crate::error::{Error, RESTORE, Result};
use crate::page::ViewId;
use crate::revision::Revision;

use super::super::row::{RowReader, RowWriter};
use super::super::shared::Shared;
use super::super::tables::SWEEPS;
use super::super::view_row::ViewRow;
use super::super::view_state::ViewState;
use super::rows::open_if_there;

/// The stamps that a sweep is for. When a view has others by now, it is swept anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SweepFor {
    stale_before: Revision,
    suspect_before: Revision,
    version: u32,
}

impl SweepFor {
    fn of(view: &ViewState) -> Self {
        let stamps = view.stamps();
        let (stale_before, suspect_before) = (stamps.stale_before(), stamps.suspect_before());
        Self { stale_before, suspect_before, version: view.version() }
    }

    /// As the view's row has them.
    fn of_row(row: &ViewRow) -> Self {
        let (stale_before, suspect_before) = (row.stale_before, row.suspect_before);
        Self { stale_before, suspect_before, version: row.version }
    }

    /// Whether no record of the view was ever stamped: one of an older version never is without.
    fn is_none(self) -> bool {
        self.stale_before.max(self.suspect_before) == Revision::ZERO
    }
}

/// How far a view has been swept for its stamps.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum SweepState {
    /// To its end: by the stamps alone no page of it is left to look at.
    Done,
    /// Go on from this key (inclusive), `None` is the first page, and note it under these stamps.
    At { stamps: SweepFor, cursor: Option<Box<[u8]>> },
}

/// Without the bytes of the key: an entity may be a person, and debug output reaches logs.
impl std::fmt::Debug for SweepState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Done => f.write_str("Done"),
            Self::At { stamps, cursor: None } => write!(f, "At({stamps:?}, the start)"),
            Self::At { stamps, cursor: Some(_) } => write!(f, "At({stamps:?}, a key)"),
        }
    }
}

const AT: u32 = 0;
const DONE: u32 = 1;

/// A row of the `sweeps` table. On disk: the stamps and the version that it is for (8, 8 and 4
/// bytes), whether the end was reached (4), and if not the key to go on from behind its length.
#[derive(Clone, PartialEq, Eq)]
struct SweepRow {
    stamps: SweepFor,
    /// `None`: the end was reached.
    cursor: Option<Box<[u8]>>,
}

impl SweepRow {
    fn to_bytes(&self) -> Vec<u8> {
        let row = RowWriter::default()
            .u64(self.stamps.stale_before.get())
            .u64(self.stamps.suspect_before.get())
            .u32(self.stamps.version);
        match &self.cursor {
            None => row.u32(DONE).finish(),
            Some(cursor) => row.u32(AT).bytes(cursor).finish(),
        }
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut row = RowReader(bytes);
        let stale_before = Revision::from_raw(row.u64()?);
        let suspect_before = Revision::from_raw(row.u64()?);
        let stamps = SweepFor { stale_before, suspect_before, version: row.u32()? };
        let cursor = match row.u32()? {
            DONE => None,
            AT => Some(row.bytes()?.into()),
            _ => return None,
        };
        row.0.is_empty().then_some(Self { stamps, cursor })
    }
}

/// How far a view has been swept.
pub(crate) fn sweep_of(shared: &Shared, view: &ViewState) -> Result<SweepState> {
    let stamps = SweepFor::of(view);
    let found = shared.read(|txn| {
        let Some(sweeps) = open_if_there(shared, txn, SWEEPS)? else { return Ok(None) };
        found(shared, &sweeps, view.id())
    })?;
    Ok(state(stamps, found))
}

/// The same by the view's row, within a read.
pub(super) fn is_swept(
    shared: &Shared,
    sweeps: Option<&impl ReadableTable<&'static [u8], &'static [u8]>>,
    row: &ViewRow,
) -> Result<bool> {
    let found = match sweeps {
        Some(sweeps) => found(shared, sweeps, row.id)?,
        None => None,
    };
    Ok(state(SweepFor::of_row(row), found) == SweepState::Done)
}

fn found(
    shared: &Shared,
    sweeps: &impl ReadableTable<&'static [u8], &'static [u8]>,
    view: ViewId,
) -> Result<Option<SweepRow>> {
    let key = view.0.to_be_bytes();
    let found = sweeps.get(key.as_slice()).map_err(|cause| shared.storage_error(cause))?;
    let Some(bytes) = found else { return Ok(None) };
    let row = SweepRow::from_bytes(bytes.value()).ok_or_else(|| {
        let what = format!("the note how far a view was swept is unreadable; {RESTORE}");
        shared.at_file(Error::damaged(what))
    })?;
    Ok(Some(row))
}

fn state(stamps: SweepFor, found: Option<SweepRow>) -> SweepState {
    match found {
        Some(row) if row.stamps == stamps => match row.cursor {
            None => SweepState::Done,
            cursor => SweepState::At { stamps, cursor },
        },
        _ if stamps.is_none() => SweepState::Done,
        _ => SweepState::At { stamps, cursor: None },
    }
}

/// Notes how far a view was swept for some stamps; `None` is to its end. Not if it has others now.
pub(in crate::disk) fn note_sweep(
    txn: &WriteTransaction,
    row: &ViewRow,
    stamps: SweepFor,
    cursor: Option<Box<[u8]>>,
) -> Result<(), redb::Error> {
    if SweepFor::of_row(row) != stamps {
        return Ok(());
    }
    let mut sweeps = txn.open_table(SWEEPS)?;
    let swept = SweepRow { stamps, cursor };
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
