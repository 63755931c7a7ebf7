//! The runs of an opening: large work with its progress in the file.

mod live;
mod status;

use std::collections::BTreeMap;

use crate::disk::operations::SweepRun;
use crate::disk::{RunRow, RunStage, Shared, WriterHandle, first_chunk, run_head, run_heads};
use crate::error::Result;
use crate::events::Event;
use crate::sync::{Arc, Mutex};
use crate::time::Timestamp;

pub(super) use live::{Awaited, Live, Waiting};
pub use status::{RunState, RunStatus, RunSummary};

/// Ended runs that are kept when another ends.
const ENDED_RUNS_KEPT: usize = 100;

/// The runs of an opening that have not ended.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    going: Mutex<Going>,
}

#[derive(Debug, Default)]
struct Going {
    /// Id -> run; the oldest is worked off first.
    runs: BTreeMap<u64, Arc<Live>>,
    closed: bool,
}

impl Runs {
    /// Takes up the runs that an earlier life began. What is left of those that were never started
    /// or have ended is removed.
    pub(crate) fn take_up(&self, shared: &Shared, writer: &WriterHandle) -> Result<()> {
        let now = shared.options.clock.now();
        for (id, row) in run_heads(shared)? {
            match row.stage {
                RunStage::Spooling => sweep(writer, id, true)?,
                RunStage::Going | RunStage::Paused => {
                    let live = Live::new(id, row, now);
                    if shared.after_unclean_stop {
                        live.be_cautious();
                    }
                    self.add(live);
                }
                _ if row.chunks_left > 0 && first_chunk(shared, id, 0)?.is_some() => {
                    sweep(writer, id, false)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A run that has been started.
    pub(super) fn add(&self, live: Live) -> Arc<Live> {
        let live = Arc::new(live);
        let mut going = self.going.lock();
        if going.closed {
            drop(going);
            live.close();
        } else if !live.has_ended() {
            going.runs.insert(live.id, live.clone());
        }
        live
    }

    /// The oldest first.
    pub(super) fn all(&self) -> Vec<Arc<Live>> {
        self.going.lock().runs.values().cloned().collect()
    }

    /// When the first of those that rest goes on.
    pub(super) fn earliest(&self, now: Timestamp) -> Option<Timestamp> {
        self.all().iter().filter_map(|live| live.rests_until(now)).min()
    }

    /// Makes known what the file says of a run now. One that has ended is cleared away by the first
    /// who finds it so, who is answered `true`.
    pub(super) fn show(
        &self,
        shared: &Shared,
        writer: &WriterHandle,
        live: &Live,
        row: RunRow,
    ) -> Result<bool> {
        let (ended, left) = (row.stage.has_ended(), row.chunks_left > 0);
        live.show(row);
        let known = if ended { self.going.lock().runs.remove(&live.id) } else { None };
        if known.is_none() {
            return Ok(false);
        }
        if left {
            sweep(writer, live.id, false)?;
        }
        prune(shared, writer, ENDED_RUNS_KEPT).map(|_| true)
    }

    /// Counts and tells that a run has ended. No way to the writer is held here: this runs the
    /// application's code.
    pub(super) fn tell_ended(shared: &Shared, live: &Live) {
        shared.counters.runs_finished.add(1);
        let status = live.status(shared.options.clock.now());
        shared.events.tell(&Event::RunFinished {
            run: status.id,
            state: status.state.word(),
            built: status.done.saturating_sub(status.failed + status.already_fresh),
            failed: status.failed,
        });
    }

    /// Those who wait for runs are told that the store is closed.
    pub(crate) fn close(&self) {
        let runs = {
            let mut going = self.going.lock();
            going.closed = true;
            std::mem::take(&mut going.runs)
        };
        runs.values().for_each(|live| live.close());
    }

    /// A run that the file knows and whose work is written down.
    pub(crate) fn find(&self, shared: &Shared, id: u64) -> Result<Option<Arc<Live>>> {
        if let Some(live) = self.going.lock().runs.get(&id) {
            return Ok(Some(live.clone()));
        }
        let now = shared.options.clock.now();
        let row = run_head(shared, id)?.filter(|row| row.stage != RunStage::Spooling);
        Ok(row.map(|row| self.known(id, row, now)))
    }

    /// All of them, the newest first.
    pub(crate) fn list(&self, shared: &Shared) -> Result<Vec<Arc<Live>>> {
        let now = shared.options.clock.now();
        let mut heads = run_heads(shared)?;
        heads.retain(|(_, row)| row.stage != RunStage::Spooling);
        heads.reverse();
        Ok(heads.into_iter().map(|(id, row)| self.known(id, row, now)).collect())
    }

    /// The run as this opening knows it already, or as the file has it.
    fn known(&self, id: u64, row: RunRow, now: Timestamp) -> Arc<Live> {
        let known = self.going.lock().runs.get(&id).cloned();
        known.unwrap_or_else(|| Arc::new(Live::new(id, row, now)))
    }
}

/// Removes the ended runs beyond so many. Returns how many those were.
pub(crate) fn prune(shared: &Shared, writer: &WriterHandle, keep: usize) -> Result<u64> {
    let mut ended = run_heads(shared)?;
    ended.retain(|(_, row)| row.stage.has_ended());
    let beyond = ended.len().saturating_sub(keep);
    for (id, _) in ended.into_iter().take(beyond) {
        sweep(writer, id, true)?;
    }
    Ok(beyond as u64)
}

/// Removes what is left of a run's work, or all that is known of it.
pub(super) fn sweep(writer: &WriterHandle, id: u64, whole: bool) -> Result<()> {
    while writer.run(SweepRun { id, whole })? {}
    Ok(())
}
