//! What is built next in the background, and why.

use std::collections::{HashMap, HashSet};

use crate::disk::{Shared, due_marks, due_wanted, levels, tries};
use crate::error::Result;
use crate::graph::SlotSet;
use crate::page::{PageKey, ViewId};
use crate::schedule::Heard;
use crate::sync::{Arc, Mutex};
use crate::time::Timestamp;

use super::rebuilders::{Rebuilder, Rebuilders};
use super::scan::Scan;
use super::work::Reason;

/// Chooses. The backlog lies in the file; what is kept here is where the looking has got to.
#[derive(Debug, Default)]
pub(super) struct Director {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Pages that some builder has in hand.
    in_hand: HashSet<Box<[u8]>>,
    wanted: Scan,
    /// View -> how far its marks were looked through.
    marked: HashMap<ViewId, Scan>,
    /// View -> how far its pages were looked through for what its stamps say.
    stamped: HashMap<ViewId, Scan>,
    /// The views upstream first, as of the bell.
    levels: Vec<ViewId>,
    levels_at: Option<Heard>,
}

/// What a builder is to do.
pub(super) enum Task {
    Page { reason: Reason, page: Box<[u8]>, slots: SlotSet, rebuilder: Arc<dyn Rebuilder> },
    Nothing { until: Option<Timestamp> },
}

/// Rows that are looked at in one transaction.
const LOOK: usize = 1024;

impl Director {
    /// The most urgent piece of work on pages. It is in the caller's hand until it is
    /// [`done`](Self::done).
    pub(super) fn next(&self, shared: &Shared, rebuilders: &Rebuilders) -> Result<Task> {
        // The clock is the application's: it is asked before any lock is taken.
        let now = shared.options.clock.now();
        let mut state = self.state.lock();
        let search = Search { shared, rebuilders, now, heard: shared.bell.heard() };
        let mut until = None;
        for reason in [
            Reason::Requested,
            Reason::ServedMarked,
            Reason::Marked,
            Reason::Stamped,
            Reason::Expiring,
        ] {
            let found = match reason {
                Reason::Requested => state.requested(&search, &mut until)?,
                Reason::ServedMarked => state.noticed(&search, reason)?,
                Reason::Marked => state.marked(&search, &mut until)?,
                Reason::Stamped => state.stamped(&search, &mut until)?,
                _ => state.noticed(&search, reason)?,
            };
            if let Some((page, slots, rebuilder)) = found {
                state.in_hand.insert(page.clone());
                return Ok(Task::Page { reason, page, slots, rebuilder });
            }
        }
        Ok(Task::Nothing { until })
    }

    /// A page is in nobody's hand any more.
    pub(super) fn done(&self, reason: Reason, page: &[u8]) {
        let mut state = self.state.lock();
        state.in_hand.remove(page);
        // What is left of it, and what others passed over because it was in hand, is looked at again.
        state.wanted.disturb();
        if let Some((view, ..)) = PageKey::split(page) {
            let scans = [(&mut state.marked).get_mut(&view)];
            scans.into_iter().flatten().for_each(Scan::disturb);
            if reason == Reason::Stamped
                && let Some(scan) = state.stamped.get_mut(&view)
            {
                scan.disturb();
            }
        }
    }
}

/// One search for work.
struct Search<'a> {
    shared: &'a Shared,
    rebuilders: &'a Rebuilders,
    now: Timestamp,
    heard: Heard,
}

type Found = Option<(Box<[u8]>, SlotSet, Arc<dyn Rebuilder>)>;

impl Search<'_> {
    /// A page with the view that builds it, if that is defined and held.
    fn buildable(&self, (page, slots): (Box<[u8]>, SlotSet)) -> Found {
        let (view, ..) = PageKey::split(&page)?;
        let rebuilder = self.rebuilders.find(view)?;
        Some((page, slots, rebuilder))
    }

    /// Those of the slots that do not rest and may be tried by now.
    fn may_be_tried(&self, page: &[u8], slots: SlotSet) -> Result<SlotSet> {
        let mut left = SlotSet::EMPTY;
        for slot in slots.iter() {
            if next_attempt(self.shared, page, slot)?.is_none_or(|at| at <= self.now) {
                left.insert(slot);
            }
        }
        Ok(left)
    }
}

impl State {
    fn requested(&mut self, search: &Search<'_>, until: &mut Option<Timestamp>) -> Result<Found> {
        let Self { wanted, in_hand, .. } = self;
        let passed = |page: &[u8]| {
            in_hand.contains(page)
                || PageKey::split(page)
                    .is_none_or(|(view, ..)| search.rebuilders.find(view).is_none())
        };
        let found = wanted.next(search.heard, search.now, passed, |from| {
            due_wanted(search.shared, from, search.now, LOOK)
        })?;
        sooner(until, wanted.earliest());
        Ok(found.and_then(|found| search.buildable(found)))
    }

    fn noticed(&mut self, search: &Search<'_>, reason: Reason) -> Result<Found> {
        let noticed = match reason {
            Reason::ServedMarked => &search.shared.served_marked,
            _ => &search.shared.expiring,
        };
        while let Some((page, slots)) = noticed.take(|page| self.in_hand.contains(page)) {
            let slots = search.may_be_tried(&page, slots)?;
            if !slots.is_empty()
                && let Some(found) = search.buildable((page, slots))
            {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn marked(&mut self, search: &Search<'_>, until: &mut Option<Timestamp>) -> Result<Found> {
        for view in self.upstream_first(search)? {
            let Some(rebuilder) = search.rebuilders.find(view) else { continue };
            let scan = self.marked.entry(view).or_default();
            let in_hand = &self.in_hand;
            let found = scan.next(
                search.heard,
                search.now,
                |page| in_hand.contains(page),
                |from| due_marks(search.shared, view, from, search.now, LOOK),
            )?;
            if let Some((page, slots)) = found {
                return Ok(Some((page, slots, rebuilder)));
            }
            sooner(until, scan.earliest());
        }
        Ok(None)
    }

    fn stamped(&mut self, search: &Search<'_>, until: &mut Option<Timestamp>) -> Result<Found> {
        for view in self.upstream_first(search)? {
            let Some(rebuilder) = search.rebuilders.find(view) else { continue };
            let Some(defined) = search.shared.view(view) else { continue };
            let swept = sweep_of(search.shared, &defined)?;
            let SweepState::At(cursor) = swept else { continue };
            let scan = self.stamped.entry(view).or_default();
            scan.begin_at(cursor);
            let in_hand = &self.in_hand;
            let found = scan.next(
                search.heard,
                search.now,
                |page| in_hand.contains(page),
                |from| due_stamped(search.shared, &defined, from, LOOK),
            )?;
            if let Some((page, slots)) = found {
                return Ok(Some((page, slots, rebuilder)));
            }
            sooner(until, scan.earliest());
        }
        Ok(None)
    }

    fn upstream_first(&mut self, search: &Search<'_>) -> Result<Vec<ViewId>> {
        if self.levels_at != Some(search.heard) {
            self.levels = levels(search.shared)?.into_iter().map(|(view, _)| view).collect();
            self.levels_at = Some(search.heard);
        }
        Ok(self.levels.clone())
    }
}

fn sooner(until: &mut Option<Timestamp>, other: Option<Timestamp>) {
    *until = [*until, other].into_iter().flatten().min();
}
