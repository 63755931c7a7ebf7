//! Pieces of a run that one worker has in hand at once.

use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};
use crate::page::ViewId;
use crate::rebuild::runs::{Live, Runs};
use crate::rebuild::workshop::Workshop;
use crate::schedule::BreakerState;
use crate::sync::Arc;
use crate::time::Timestamp;

use super::piece::{Piece, Went};
use super::{gone, is_known};

/// The most pieces of a convoy.
const PIECES_MAX: usize = 256;
/// It takes no more of them after this long: there may be something more urgent.
const LONG: Duration = Duration::from_millis(250);

impl Runs {
    /// Works off a piece, on the calling thread, and others of its run behind it as long as that is
    /// quick: what was built of one is stored while the next is being built, and the file is told of
    /// all of them together. A record that cannot be built is counted and hurts nobody; an error of the
    /// file ends the run, and one of this opening alone is returned: the run goes on later. How many
    /// records were built.
    pub(crate) fn work(&self, workshop: &Workshop, piece: Piece) -> Result<u64> {
        let (live, view) = (piece.live().clone(), piece.view());
        let (mut pieces, went) = self.work_on(workshop, piece);
        if pieces.iter().any(Piece::left_gaps) {
            // Wanted from now on, and nobody has looked there since.
            workshop.shared().bell.ring();
        }
        let counts: Vec<_> = pieces.iter().map(Piece::counts).collect();
        // Also after an error: what was built before it is there.
        pieces.retain(|piece| !piece.is_as_it_was());
        let finished = self.finish(workshop, &live, pieces);
        let outcome = match went {
            Ok(Went::On) => finished,
            Ok(Went::Away) => {
                live.rest_until(turned_away_until(workshop, view));
                finished
            }
            Err(error) => self.after(workshop, &live, view, error),
        };
        live.report(workshop.shared().options.clock.now());
        let built = |counts: &crate::disk::RunCounts| {
            counts.done.saturating_sub(counts.failed + counts.already_fresh)
        };
        outcome.map(|()| counts.iter().map(built).sum())
    }

    /// The pieces as far as they were worked off, and how the last of them went. All that was built
    /// is stored.
    fn work_on(&self, workshop: &Workshop, mut piece: Piece) -> (Vec<Piece>, Result<Went>) {
        let (live, began) = (piece.live().clone(), Instant::now());
        let mut shift = piece.rebuilder().clone().begin_shift();
        let mut went = piece.work(workshop, &mut *shift);
        let mut pieces = vec![piece];
        while let Ok(Went::On) = went
            && began.elapsed() < LONG
            && let Some(next) = self.next_behind(workshop, &live, &pieces)
        {
            pieces.push(next);
            let next = pieces.last_mut().expect("it was pushed");
            went = next.work(workshop, &mut *shift);
        }
        let stored = shift.finish().and_then(|refused| {
            let refuse = |piece: &mut Piece| {
                refused.iter().try_for_each(|refused| piece.refuse(workshop, refused))
            };
            pieces.iter_mut().try_for_each(refuse)
        });
        match stored {
            Ok(()) => (pieces, went),
            Err(error) => {
                pieces.into_iter().for_each(Piece::forget);
                (Vec::new(), Err(error))
            }
        }
    }

    /// Another piece to work off in the same shift, if nobody waits for anything else. Without builders
    /// each is a turn of its own, of whoever works.
    fn next_behind(
        &self,
        workshop: &Workshop,
        live: &Arc<Live>,
        pieces: &[Piece],
    ) -> Option<Piece> {
        let first = pieces.first()?;
        let alone = first.is_cautious() || workshop.shared().options.builders == 0;
        let is_full = pieces.len() == PIECES_MAX;
        if alone || is_full || workshop.is_paused() || workshop.orders_waiting() > 0 {
            return None;
        }
        // What fails here is met again by whoever asks for a piece next.
        let next = self.piece_of(workshop, live).ok()??;
        let alike = !next.is_cautious() && Arc::ptr_eq(next.rebuilder(), first.rebuilder());
        alike.then_some(next)
    }

    /// Tells the file what was done, and what is left of the pieces if that is not all.
    fn finish(&self, workshop: &Workshop, live: &Live, mut pieces: Vec<Piece>) -> Result<()> {
        // All of them before the first is waited for: they are one commit.
        let told: Result<Vec<_>> = pieces.iter_mut().map(|piece| piece.submit(workshop)).collect();
        let mut ended = false;
        for (piece, told) in pieces.into_iter().zip(told?) {
            let row = told.wait()?;
            piece.lay_down(row.clone());
            ended |= self.show(workshop.shared(), &workshop.writer()?, live, row)?;
        }
        if ended {
            Self::tell_ended(workshop.shared(), live);
        }
        Ok(())
    }

    fn after(&self, workshop: &Workshop, live: &Live, view: ViewId, error: Error) -> Result<()> {
        match error.kind() {
            ErrorKind::Reopen | ErrorKind::Busy => Err(error),
            ErrorKind::Definition => {
                // Defined anew, with the same layout: the new definition goes on.
                if is_known(workshop.shared(), view)? {
                    return Err(error);
                }
                self.fail(workshop, live, &gone())
            }
            _ => self.fail(workshop, live, &error),
        }
    }
}

/// Until when builds of a view are turned away, about.
fn turned_away_until(workshop: &Workshop, view: ViewId) -> Timestamp {
    let now = workshop.shared().options.clock.now();
    let Some(view) = workshop.shared().views.get(view) else { return now };
    match view.governor().breaker_state(now) {
        BreakerState::Open { until, .. } => until,
        _ => {
            let rest = view.governor().conduct().breaker.unwrap_or_default().rest;
            now + rest
        }
    }
}
