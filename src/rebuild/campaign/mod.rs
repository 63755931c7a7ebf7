//! Runs at work: [`spool`] writes the work of one down, [`piece`] works a chunk of it off, [`run`] is
//! the handle that applications hold.

mod piece;
mod run;
mod spool;

use crate::disk::operations::TurnRun;
use crate::disk::{RunStage, first_chunk};
use crate::error::{Error, ErrorKind, Result};
use crate::sync::Arc;

use super::engine::Engine;
use super::runs::{Live, Runs};

pub(crate) use piece::Piece;
pub use run::Run;
pub(crate) use spool::Spool;

impl Runs {
    /// A piece of work of the oldest run that has one. It is in hand until it is worked off or
    /// dropped.
    pub(crate) fn next_piece(&self, engine: &Engine) -> Result<Option<Piece>> {
        for live in self.all() {
            if let Some(piece) = self.piece_of(engine, &live)? {
                return Ok(Some(piece));
            }
        }
        Ok(None)
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
        let writer = engine.writer()?;
        let row = writer.run(TurnRun { id: live.id, stage, error, now })?;
        self.show(engine.shared(), &writer, live, row)
    }
}

fn gone() -> Error {
    let message = "the view was deleted or laid out anew while a run had work of it left; begin \
                   another run";
    Error::new(ErrorKind::Definition, message)
}
