//! What is told of a run.

use std::fmt;

use crate::disk::{RunCounts, RunKind, RunRow, RunStage};
use crate::time::{Span, TimeRange, Timestamp};

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[non_exhaustive]
pub enum RunState {
    /// Nothing of it was begun in this opening.
    Scheduled,
    /// It is being worked off.
    Running,
    /// Somebody paused it; it goes on when it is resumed.
    Paused,
    /// All of it was done.
    Completed,
    /// All of it was done, and some buckets failed.
    Partial,
    /// It met an error that was none of a record.
    Failed,
    /// Somebody cancelled it.
    Cancelled,
}

impl RunState {
    /// Whether nothing more becomes of it.
    #[must_use]
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Completed | Self::Partial | Self::Failed | Self::Cancelled)
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    pub(super) fn of(row: &RunRow, begun: bool) -> Self {
        match row.stage {
            RunStage::Spooling => Self::Scheduled,
            RunStage::Going if begun => Self::Running,
            RunStage::Going => Self::Scheduled,
            RunStage::Paused => Self::Paused,
            RunStage::Done if row.counts.failed > 0 => Self::Partial,
            RunStage::Done => Self::Completed,
            RunStage::Failed => Self::Failed,
            RunStage::Cancelled => Self::Cancelled,
        }
    }
}

impl fmt::Display for RunState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A run at one moment. It counts buckets.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct RunStatus {
    /// Its number, which no other run of the file ever has; later runs have higher ones.
    pub id: u64,
    /// The view that it is about, or what it does.
    pub name: String,
    /// What it does.
    pub kind: RunKind,
    /// Where it stands.
    pub state: RunState,
    /// Which buckets it is about: those that start in this; all time where that says nothing.
    pub range: TimeRange,
    /// How many buckets it is about.
    pub total: u64,
    /// How many of them are dealt with: built, failed, or fresh already.
    pub done: u64,
    /// How many of those failed. The others were built all the same.
    pub failed: u64,
    /// How many of those were fresh already, or found right without a build.
    pub already_fresh: u64,
    /// Buckets dealt with in a second, since it was begun in this opening; `None` as long as the
    /// store's clock has not moved, and once it has ended.
    pub per_second: Option<f64>,
    /// When it will end if it goes on at that rate.
    pub expected_end: Option<Timestamp>,
    /// The key of the entity that was begun last, as [`Error::entity`](crate::Error::entity) has it;
    /// `None` while nothing is in hand.
    pub entity: Option<Vec<u8>>,
    /// When its work began to be written down.
    pub created: Timestamp,
    /// When that was done and it could be worked off.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Why it failed.
    pub error: Option<String>,
}

/// A line of a status page, without the entity in hand.
impl fmt::Display for RunStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, name, state, done, total, failed, expected_end, error, .. } = self;
        write!(f, "run {id} of {name} is {state}: {done} of {total} done, {failed} failed")?;
        if let Some(end) = expected_end {
            write!(f, ", expected to end at {end}")?;
        }
        match error {
            Some(error) => write!(f, "; {error}"),
            None => Ok(()),
        }
    }
}

impl RunStatus {
    /// What the file alone says of a run.
    pub(super) fn of(id: u64, row: &RunRow, begun: bool, counts: RunCounts) -> Self {
        let state = RunState::of(row, begun);
        Self {
            id,
            name: row.name.clone(),
            kind: row.kind,
            state,
            range: row.range,
            total: row.total,
            done: counts.done.min(row.total),
            failed: counts.failed,
            already_fresh: counts.already_fresh,
            per_second: None,
            expected_end: None,
            entity: None,
            created: row.created,
            started: row.started,
            ended: state.has_ended().then_some(row.ended),
            error: (!row.error.is_empty()).then(|| row.error.clone()),
        }
    }

    /// The same with how fast it goes: so many buckets since an instant.
    pub(super) fn at_rate(mut self, done: u64, since: Timestamp, now: Timestamp) -> Self {
        let millis = now.since(since).as_millis();
        if self.state == RunState::Running && millis > 0 && done > 0 {
            let left = self.total.saturating_sub(self.done);
            self.per_second = Some(done as f64 * 1000.0 / millis as f64);
            let millis_left = (left as f64 * millis as f64 / done as f64) as i64;
            self.expected_end = now.checked_add(Span::millis(millis_left));
        }
        self
    }
}

/// A run that has ended, in short.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct RunSummary {
    /// Its number, for [`Store::run`](crate::Store::run).
    pub id: u64,
    /// How it ended.
    pub state: RunState,
    /// When it ended.
    pub ended: Timestamp,
    /// How long that was after it could be worked off.
    pub took: Span,
    /// How many buckets failed.
    pub failed: u64,
}

impl RunSummary {
    /// `None` of one that has not ended.
    pub(crate) fn of(id: u64, row: &RunRow) -> Option<Self> {
        row.stage.has_ended().then(|| Self {
            id,
            state: RunState::of(row, true),
            ended: row.ended,
            took: row.ended.since(row.started),
            failed: row.counts.failed,
        })
    }
}
