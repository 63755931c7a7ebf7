//! Runs: large work with its progress in the file.
//!
//! [`spool`] writes the work of a run down, [`live`] is a run as this opening knows it, [`work`]
//! works a chunk of one off, [`run`] is the handle that applications hold.

mod live;
mod run;
mod spool;
mod status;
mod work;

use std::collections::BTreeMap;

use crate::disk::operations::{SweepRun, TurnRun};
use crate::disk::{RunRow, RunStage, Shared, WriterHandle, first_chunk, run_head, run_heads};
use crate::error::{Error, ErrorKind, Result};
use crate::sync::{Arc, Mutex};
use crate::time::Timestamp;

use super::engine::Engine;

use live::Live;
pub use run::Run;
pub(crate) use spool::Spool;
pub use status::{RunFailure, RunState, RunStatus, RunSummary};
pub(crate) use work::Piece;

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
                    self.add(Live::new(id, row, now));
                }
                _ if row.chunks_left > 0 && first_chunk(shared, id, 0)?.is_some() => {
                    sweep(writer, id, false)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn add(&self, live: Live) -> Arc<Live> {
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

    /// A piece of work of the oldest run that has one. It is in hand until it is worked off or
    /// dropped.
    pub(crate) fn next_piece(&self, engine: &Engine) -> Result<Option<Piece>> {
        let runs: Vec<_> = self.going.lock().runs.values().cloned().collect();
        for live in runs {
            if let Some(piece) = self.piece_of(engine, &live)? {
                return Ok(Some(piece));
            }
        }
        Ok(None)
    }

    /// Whether any run is to be worked off.
    pub(crate) fn any(&self) -> bool {
        self.going.lock().runs.values().any(|live| live.goes_on())
    }

    fn piece_of(&self, engine: &Engine, live: &Arc<Live>) -> Result<Option<Piece>> {
        let shared = engine.shared();
        let (mut from, mut laid_down) = live.next_chunk();
        while live.goes_on() {
            let (number, chunk) = match first_chunk(shared, live.id, from) {
                Ok(Some(found)) => found,
                Ok(None) if live.lacks_work(laid_down) => {
                    self.fail(engine, live, &Error::damaged("chunks of the run are missing"))?;
                    return Ok(None);
                }
                Ok(None) => return Ok(None),
                Err(error) if error.kind() == ErrorKind::Damaged => {
                    self.fail(engine, live, &error)?;
                    return Ok(None);
                }
                Err(error) => return Err(error),
            };
            if live.in_hand(number) {
                from = number + 1;
                continue;
            }
            let Some(rebuilder) = engine.rebuilder(chunk.view) else {
                // Not defined yet in this opening, or never again.
                if !engine.view_names()?.contains_key(&chunk.view) {
                    self.fail(engine, live, &gone())?;
                }
                return Ok(None);
            };
            if live.take(number, laid_down, shared.options.clock.now()) {
                let row = live.row();
                let (range, floor) = (row.range, row.floor);
                let live = live.clone();
                return Ok(Some(Piece::new(live, number, chunk, rebuilder, range, floor)));
            }
            (from, laid_down) = live.next_chunk();
        }
        Ok(None)
    }

    /// Ends a run by an error that is none of a record.
    fn fail(&self, engine: &Engine, live: &Live, error: &Error) -> Result<()> {
        self.turn(engine, live, RunStage::Failed, error.to_string())
    }

    fn turn(&self, engine: &Engine, live: &Live, stage: RunStage, error: String) -> Result<()> {
        let now = engine.shared().options.clock.now();
        let row = engine.writer()?.run(TurnRun { id: live.id, stage, error, now })?;
        self.show(engine, live, row)
    }

    /// Makes known what the file says of a run now.
    fn show(&self, engine: &Engine, live: &Live, row: RunRow) -> Result<()> {
        let ended = row.stage.has_ended();
        let left = row.chunks_left > 0;
        let known = if ended { self.going.lock().runs.remove(&live.id) } else { None };
        live.show(row);
        if known.is_none() {
            return Ok(());
        }
        let writer = engine.writer()?;
        if left {
            sweep(&writer, live.id, false)?;
        }
        prune(engine.shared(), &writer, ENDED_RUNS_KEPT).map(drop)
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

fn sweep(writer: &WriterHandle, id: u64, whole: bool) -> Result<()> {
    while writer.run(SweepRun { id, whole })? {}
    Ok(())
}

fn gone() -> Error {
    let message = "the view was deleted or laid out anew while a run had work of it left; begin \
                   another run";
    Error::new(ErrorKind::Definition, message)
}
