//! Runs at work: [`spool`] writes the work of one down, [`horizon`] that of the days that
//! views are to keep filled, [`piece`] works a chunk of it off, [`convoy`] many pieces in one
//! commit, [`run`] is the handle that applications hold.

mod convoy;
mod horizon;
mod piece;
mod run;
mod spool;

use crate::disk::operations::TurnRun;
use crate::disk::{RunStage, Shared, first_chunk, levels};
use crate::error::{Error, ErrorKind, Result};
use crate::page::ViewId;
use crate::sync::Arc;

use super::runs::{Live, Runs};
use super::work::{Reason, Worked};
use super::workshop::{Next, Workshop};

pub(crate) use horizon::fill_horizon;
pub(crate) use piece::Piece;
pub use run::Run;
pub(crate) use spool::Spool;

impl Runs {
    /// A piece of work of the oldest run that has one; those that fill a day that is over by now come
    /// last. It is in hand until it is worked off or dropped.
    pub(crate) fn next_piece(&self, workshop: &Workshop) -> Result<Option<Piece>> {
        let now = workshop.shared().options.clock.now();
        let mut runs = self.all();
        runs.sort_by_key(|live| live.is_belated(now));
        for live in runs {
            if let Some(piece) = self.piece_of(workshop, &live)? {
                return Ok(Some(piece));
            }
        }
        Ok(None)
    }

    fn piece_of(&self, workshop: &Workshop, live: &Arc<Live>) -> Result<Option<Piece>> {
        let shared = workshop.shared();
        if live.rests_until(shared.options.clock.now()).is_some() {
            return Ok(None);
        }
        let (mut from, mut laid_down) = live.next_chunk();
        while live.goes_on() {
            let (number, chunk) = match first_chunk(shared, live.id, from) {
                Ok(Some(found)) => found,
                Ok(None) if live.lacks_work(laid_down) => {
                    self.fail(workshop, live, &Error::damaged("chunks of the run are missing"))?;
                    return Ok(None);
                }
                Ok(None) => return Ok(None),
                Err(error) if error.kind() == ErrorKind::Damaged => {
                    self.fail(workshop, live, &error)?;
                    return Ok(None);
                }
                Err(error) => return Err(error),
            };
            if live.in_hand(number) {
                from = number + 1;
                continue;
            }
            let Some(rebuilder) = workshop.rebuilder(chunk.view) else {
                // Not defined yet in this opening, or never again.
                if !is_known(shared, chunk.view)? {
                    self.fail(workshop, live, &gone())?;
                }
                return Ok(None);
            };
            if let Some(cautiously) = live.take(number, laid_down, shared.options.clock.now()) {
                return Ok(Some(Piece::new(live.clone(), number, chunk, rebuilder, cautiously)));
            }
            (from, laid_down) = live.next_chunk();
        }
        Ok(None)
    }

    /// Ends a run by an error that is none of a record.
    fn fail(&self, workshop: &Workshop, live: &Live, error: &Error) -> Result<()> {
        self.turn(workshop, live, RunStage::Failed, error.to_string())
    }

    fn turn(&self, workshop: &Workshop, live: &Live, stage: RunStage, error: String) -> Result<()> {
        let now = workshop.shared().options.clock.now();
        let writer = workshop.writer()?;
        let row = writer.run(TurnRun { id: live.id, stage, error, now })?;
        let ended = self.show(workshop.shared(), &writer, live, row)?;
        drop(writer);
        if ended {
            Self::tell_ended(workshop.shared(), live);
        }
        Ok(())
    }
}

impl Workshop {
    /// Works a piece of a run off on the calling thread, if there is one; else, when a run that rests
    /// goes on.
    pub(super) fn work_on_a_run(&self) -> Result<Next> {
        let Some(piece) = self.runs().next_piece(self)? else {
            let now = self.shared().options.clock.now();
            return Ok(Next::Nothing { until: self.runs().earliest(now) });
        };
        let view = self.shared().views.get(piece.view()).map(|view| view.name().to_string());
        let live = piece.live().clone();
        let built = self.runs().work(self, piece)?;
        self.shared().counters.background_builds.add(built);
        let is_awaited = live.is_awaited();
        Ok(Next::Worked(Worked { view, built, is_awaited, ..Worked::other(Reason::Run) }))
    }
}

/// Whether the file knows a view.
fn is_known(shared: &Shared, view: ViewId) -> Result<bool> {
    Ok(levels(shared)?.iter().any(|(known, _)| *known == view))
}

fn gone() -> Error {
    let message = "the view was deleted or laid out anew while a run had work of it left; begin \
                   another run";
    Error::new(ErrorKind::Definition, message)
}
