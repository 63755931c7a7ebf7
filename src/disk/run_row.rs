//! What the file says of a run: its head, the chunks of work that are not done yet, and what failed.
//!
//! Keys in the table of runs begin with the run's id (8 bytes, big endian) and a tag (1): [`HEAD`]
//! and nothing more for the head; [`CHUNK`] and the chunk's number (4, big endian); [`FAILURE`] and
//! the failure's number (4, big endian). So a run stands together, its head first and its chunks in
//! the order in which they are worked off.

use crate::error::{Error, ErrorKind, RESTORE, Result};
use crate::page::ViewId;
use crate::revision::Revision;
use crate::time::{TimeRange, Timestamp};

use super::error_row::{kind_of_number, kind_to_number};
use super::row::{RowReader, RowWriter};

pub(super) const HEAD: u8 = 0;
pub(super) const CHUNK: u8 = 1;
pub(super) const FAILURE: u8 = 2;

/// The most failures that a run lists; it counts them all.
pub(crate) const FAILURES_LISTED_MAX: u32 = 1000;

/// The key of a row of a run. The head has no number.
pub(super) fn row_key(run: u64, tag: u8, number: u32) -> Vec<u8> {
    let mut key = run.to_be_bytes().to_vec();
    key.push(tag);
    if tag != HEAD {
        key.extend_from_slice(&number.to_be_bytes());
    }
    key
}

/// Takes a key apart: run, tag, number.
pub(super) fn split_row_key(key: &[u8]) -> Option<(u64, u8, u32)> {
    let (run, rest) = key.split_first_chunk()?;
    let (tag, number) = rest.split_first()?;
    let number = match (*tag, number) {
        (HEAD, []) => 0,
        (CHUNK | FAILURE, number) => u32::from_be_bytes(number.try_into().ok()?),
        _ => return None,
    };
    Some((u64::from_be_bytes(*run), *tag, number))
}

/// What a run does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub enum RunKind {
    /// Builds what is missing or not fresh of some entities in a range.
    Precompute,
    /// Builds every record anew.
    RefreshAll,
    /// Builds the records anew that are not fresh.
    RefreshLacking,
    /// Fills a day of a view's [`Horizon`](crate::Horizon).
    Horizon,
}

/// Where a run stands, as the file has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RunStage {
    /// Its work is being written down. At the next opening it is removed.
    Spooling,
    Going,
    Paused,
    /// All of its work is done, whatever failed.
    Done,
    /// It met an error that was none of a record.
    Failed,
    Cancelled,
}

impl RunStage {
    /// Whether nothing more becomes of it.
    pub(crate) fn has_ended(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }
}

/// How many buckets a run has dealt with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RunCounts {
    /// All of them.
    pub(crate) done: u64,
    pub(crate) failed: u64,
    pub(crate) already_fresh: u64,
}

impl RunCounts {
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            done: self.done + other.done,
            failed: self.failed + other.failed,
            already_fresh: self.already_fresh + other.already_fresh,
        }
    }

    pub(crate) fn minus(self, other: Self) -> Self {
        Self {
            done: self.done.saturating_sub(other.done),
            failed: self.failed.saturating_sub(other.failed),
            already_fresh: self.already_fresh.saturating_sub(other.already_fresh),
        }
    }
}

/// The head of a run.
///
/// On disk, numbers little endian and texts behind their length (4): kind, stage (4 each), name,
/// start and end of the range (8 each), floor, revision, created, started, ended (8 each), total,
/// done, failed, already fresh (8 each), chunks left, failures listed (4 each), error, how many
/// views (4) and each of them (4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RunRow {
    pub(crate) kind: RunKind,
    pub(crate) stage: RunStage,
    pub(crate) name: String,
    /// Which buckets: those that start in it.
    pub(crate) range: TimeRange,
    /// Records that began before it are built anew.
    pub(crate) floor: Revision,
    /// When the row was last written.
    pub(crate) revision: Revision,
    pub(crate) created: Timestamp,
    pub(crate) started: Timestamp,
    pub(crate) ended: Timestamp,
    /// How many buckets it is about.
    pub(crate) total: u64,
    pub(crate) counts: RunCounts,
    pub(crate) chunks_left: u32,
    pub(crate) failures_listed: u32,
    /// Why it failed; nothing if it did not.
    pub(crate) error: String,
    pub(crate) views: Vec<ViewId>,
}

impl RunRow {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let instant = |instant: Timestamp| instant.as_millis().cast_unsigned();
        let row = RowWriter::default()
            .u32(number_of(&KINDS, self.kind))
            .u32(number_of(&STAGES, self.stage))
            .text(&self.name)
            .u64(instant(self.range.start()))
            .u64(instant(self.range.end()))
            .u64(self.floor.get())
            .u64(self.revision.get())
            .u64(instant(self.created))
            .u64(instant(self.started))
            .u64(instant(self.ended))
            .u64(self.total)
            .u64(self.counts.done)
            .u64(self.counts.failed)
            .u64(self.counts.already_fresh)
            .u32(self.chunks_left)
            .u32(self.failures_listed)
            .text(&self.error)
            .u32(u32::try_from(self.views.len()).expect("fewer views than ids"));
        self.views.iter().fold(row, |row, view| row.u32(view.0)).finish()
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut row = RowReader(bytes);
        Self::parse(&mut row).filter(|_| row.0.is_empty()).ok_or_else(|| unreadable("a run's head"))
    }

    fn parse(row: &mut RowReader<'_>) -> Option<Self> {
        Some(Self {
            kind: numbered(&KINDS, row.u32()?)?,
            stage: numbered(&STAGES, row.u32()?)?,
            name: row.text()?.to_owned(),
            range: {
                let start = instant(row)?;
                TimeRange::new(start, instant(row)?)
            },
            floor: Revision::from_raw(row.u64()?),
            revision: Revision::from_raw(row.u64()?),
            created: instant(row)?,
            started: instant(row)?,
            ended: instant(row)?,
            total: row.u64()?,
            counts: RunCounts { done: row.u64()?, failed: row.u64()?, already_fresh: row.u64()? },
            chunks_left: row.u32()?,
            failures_listed: row.u32()?,
            error: row.text()?.to_owned(),
            views: (0..row.u32()?).map(|_| row.u32().map(ViewId)).collect::<Option<_>>()?,
        })
    }
}

/// A bucket that a run could not build.
///
/// On disk: view (4), key of the entity, page number (8), slot (4), kind of error (4), message;
/// numbers little endian, bytes behind their length (4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FailureRow {
    pub(crate) view: ViewId,
    pub(crate) entity: Box<[u8]>,
    pub(crate) page: i64,
    pub(crate) slot: u32,
    pub(crate) kind: ErrorKind,
    pub(crate) message: String,
}

impl FailureRow {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        RowWriter::default()
            .u32(self.view.0)
            .bytes(&self.entity)
            .u64(self.page.cast_unsigned())
            .u32(self.slot)
            .u32(kind_to_number(self.kind))
            .text(&self.message)
            .finish()
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut row = RowReader(bytes);
        let parsed = Self::parse(&mut row).filter(|_| row.0.is_empty());
        parsed.ok_or_else(|| unreadable("a run's failure"))
    }

    fn parse(row: &mut RowReader<'_>) -> Option<Self> {
        Some(Self {
            view: ViewId(row.u32()?),
            entity: row.bytes()?.into(),
            page: row.u64()?.cast_signed(),
            slot: row.u32()?,
            kind: kind_of_number(row.u32()?),
            message: row.text()?.to_owned(),
        })
    }
}

pub(super) fn unreadable(what: &str) -> Error {
    Error::damaged(format!("{what} is unreadable; {RESTORE}"))
}

fn instant(row: &mut RowReader<'_>) -> Option<Timestamp> {
    Some(Timestamp::from_millis(row.u64()?.cast_signed()))
}

/// On disk a word is its place here: they are only ever added to.
const KINDS: [RunKind; 4] =
    [RunKind::Precompute, RunKind::RefreshAll, RunKind::RefreshLacking, RunKind::Horizon];
const STAGES: [RunStage; 6] = [
    RunStage::Spooling,
    RunStage::Going,
    RunStage::Paused,
    RunStage::Done,
    RunStage::Failed,
    RunStage::Cancelled,
];
fn number_of<T: PartialEq>(words: &[T], word: T) -> u32 {
    let place = words.iter().position(|known| *known == word);
    u32::try_from(place.expect("every word is in its list")).expect("the lists are short")
}

fn numbered<T: Copy>(words: &[T], number: u32) -> Option<T> {
    words.get(number as usize).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> RunRow {
        RunRow {
            kind: RunKind::RefreshLacking,
            stage: RunStage::Cancelled,
            name: "sun".into(),
            range: TimeRange::new(Timestamp::MIN, Timestamp::MAX),
            floor: Revision::from_raw(1),
            revision: Revision::from_raw(2),
            created: Timestamp::from_millis(-3),
            started: Timestamp::from_millis(4),
            ended: Timestamp::from_millis(5),
            total: 6,
            counts: RunCounts { done: 7, failed: 8, already_fresh: 9 },
            chunks_left: 10,
            failures_listed: 11,
            error: "no".into(),
            views: vec![ViewId(12), ViewId(13)],
        }
    }

    #[test]
    fn a_head_survives_its_bytes_and_no_other_bytes_are_one() {
        let bytes = head().to_bytes();
        assert_eq!(RunRow::from_bytes(&bytes).unwrap(), head());
        for cut in 0..bytes.len() {
            assert!(RunRow::from_bytes(&bytes[..cut]).is_err());
        }
        assert!(RunRow::from_bytes(&[&*bytes, &[0]].concat()).is_err());
        let mut foreign = bytes;
        foreign[4] = 200;
        assert_eq!(RunRow::from_bytes(&foreign).unwrap_err().kind(), ErrorKind::Damaged);
    }

    #[test]
    fn a_failure_survives_its_bytes_and_no_other_bytes_are_one() {
        for kind in [ErrorKind::Build, ErrorKind::Busy, ErrorKind::System] {
            let row = FailureRow {
                view: ViewId(1),
                entity: b"patio".as_slice().into(),
                page: -2,
                slot: 3,
                kind,
                message: "no sun".into(),
            };
            let bytes = row.to_bytes();
            assert_eq!(FailureRow::from_bytes(&bytes).unwrap(), row);
            for cut in 0..bytes.len() {
                assert!(FailureRow::from_bytes(&bytes[..cut]).is_err());
            }
        }
    }

    #[test]
    fn the_rows_of_a_run_stand_together_and_in_order() {
        let keys = [
            row_key(1, HEAD, 0),
            row_key(1, CHUNK, 0),
            row_key(1, CHUNK, 256),
            row_key(1, FAILURE, 0),
            row_key(2, HEAD, 0),
        ];
        assert!(keys.is_sorted());
        for (key, parts) in
            keys.iter().zip([(1, 0, 0), (1, 1, 0), (1, 1, 256), (1, 2, 0), (2, 0, 0)])
        {
            assert_eq!(split_row_key(key), Some(parts));
        }
        assert_eq!(split_row_key(b"short"), None);
        assert_eq!(split_row_key(&[&*keys[0], &[1]].concat()), None);
    }
}
