//! When which view is cleaned of what is too old, and how far that has got.

use std::collections::HashMap;

use crate::disk::operations::{self, Delete};
use crate::disk::{Outlived, Scope, Shared, ViewState, WriterHandle, outlived_from};
use crate::error::Result;
use crate::page::ViewId;
use crate::sync::Arc;
use crate::time::{Span, Timestamp};

/// The turns of the views that keep their records for a time.
#[derive(Debug)]
pub(super) struct Retention {
    every: Span,
    opened: Timestamp,
    turns: HashMap<ViewId, Turn>,
}

#[derive(Debug)]
struct Turn {
    /// `None`: never, the clock's time ends before.
    due: Option<Timestamp>,
    /// What is deleted in this round, and where it goes on; `None` between two rounds.
    under_way: Option<(Timestamp, Box<[u8]>)>,
    in_hand: bool,
}

/// One step of cleaning a view.
#[derive(Debug)]
pub(super) struct Cleaning {
    pub(super) view: Arc<ViewState>,
    /// What ended before this goes.
    before: Timestamp,
    cursor: Option<Box<[u8]>>,
}

/// What one step has done.
#[derive(Debug)]
pub(super) struct Cleaned {
    pub(super) records: u64,
    /// Where the round goes on; `None` when it is done.
    cursor: Option<Box<[u8]>>,
}

impl Retention {
    pub(super) fn new(every: Span, opened: Timestamp) -> Self {
        Self { every, opened, turns: HashMap::new() }
    }

    /// The next step that is due, or when one is. It is in the caller's hand until it is
    /// [`done`](Self::done).
    pub(super) fn next(
        &mut self,
        views: Vec<Arc<ViewState>>,
        now: Timestamp,
    ) -> Result<Cleaning, Option<Timestamp>> {
        self.turns.retain(|id, _| views.iter().any(|view| view.id() == *id));
        let (first, latest) = (self.opened.checked_add(self.every), now.checked_add(self.every));
        let mut earliest = None;
        for view in views {
            let turn = self.turns.entry(view.id()).or_insert_with(|| Turn::at(first));
            // A clock that was set back puts nothing off for longer than the options say.
            turn.due = [turn.due, latest].into_iter().flatten().min();
            let Some(due) = turn.due.filter(|_| !turn.in_hand) else { continue };
            if now < due {
                earliest = [earliest, Some(due)].into_iter().flatten().min();
                continue;
            }
            // Nothing is too old where records are kept for longer than there has been time.
            let kept = view.retain().and_then(|span| now.checked_sub(span));
            let Some(kept) = kept else { continue };
            let (before, cursor) = match turn.under_way.take() {
                // The view may have been defined to keep more since the round began.
                Some((before, cursor)) => (before.min(kept), Some(cursor)),
                None => (kept, None),
            };
            turn.in_hand = true;
            return Ok(Cleaning { view, before, cursor });
        }
        Err(earliest)
    }

    /// A step is in nobody's hand any more. One that failed ends its round.
    pub(super) fn done(&mut self, step: &Cleaning, cleaned: Option<&Cleaned>, now: Timestamp) {
        let Some(turn) = self.turns.get_mut(&step.view.id()) else { return };
        turn.in_hand = false;
        turn.under_way = cleaned.and_then(|done| Some((step.before, done.cursor.clone()?)));
        if turn.under_way.is_none() {
            turn.due = now.checked_add(self.every);
        }
    }
}

impl Turn {
    fn at(due: Option<Timestamp>) -> Self {
        Self { due, under_way: None, in_hand: false }
    }
}

impl Cleaning {
    /// Looks through some pages, and deletes from the first of them that holds something too old. The
    /// looking is done here, so that a view in which nothing is too old costs the writer nothing.
    pub(super) fn run(&self, shared: &Shared, writer: &WriterHandle) -> Result<Cleaned> {
        let from = match outlived_from(shared, &self.view, self.before, self.cursor.as_deref())? {
            Outlived::From(page) => page,
            Outlived::NotBefore(next) => return Ok(Cleaned { records: 0, cursor: Some(next) }),
            Outlived::None => return Ok(Cleaned { records: 0, cursor: None }),
        };
        let deletion = Delete {
            view: self.view.clone(),
            scope: Scope::Before(self.before),
            reason: operations::Reason::Retention,
            now: shared.options.clock.now(),
            cursor: Some(from),
        };
        let part = writer.run(deletion)?;
        Ok(Cleaned { records: part.records, cursor: part.cursor })
    }
}
