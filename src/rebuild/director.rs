//! What is built next in the background, and why.

use std::collections::{HashMap, HashSet};

use crate::disk::{
    Due, Shared, SweepState, due_marks, due_stamped, due_wanted, levels, next_attempt, sweep_of,
};
use crate::error::Result;
use crate::graph::SlotSet;
use crate::page::{PageKey, ViewId};
use crate::schedule::{Heard, PageList};
use crate::sync::{Arc, Mutex};
use crate::time::Timestamp;

use super::rebuilders::{Rebuilder, Rebuilders};
use super::retention::{Cleaned, Cleaning, Retention};
use super::scan::Scan;
use super::warm_up::WarmUp;
use super::work::Reason;

/// Chooses. The backlog lies in the file; what is kept here is where the looking has got to.
#[derive(Debug)]
pub(super) struct Director {
    state: Mutex<State>,
    warm_up: WarmUp,
}

#[derive(Debug)]
struct State {
    retention: Retention,
    /// Whether the last piece of work was retention's: others have their turn then.
    retained: bool,
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
    Page {
        reason: Reason,
        page: Box<[u8]>,
        slots: SlotSet,
        rebuilder: Arc<dyn Rebuilder>,
    },
    /// Bring these pages into memory.
    Warm(Vec<Box<[u8]>>),
    Clean(Cleaning),
    Nothing {
        until: Option<Timestamp>,
    },
}

/// Rows that are looked at in one transaction.
const LOOK: usize = 1024;

impl Director {
    /// For an opening at this time; `hottest` are the pages that were used most before it.
    pub(super) fn new(shared: &Shared, hottest: PageList) -> Self {
        let options = &shared.options;
        let retention = Retention::new(options.retention_every, options.clock.now());
        Self { state: Mutex::new(State::new(retention)), warm_up: WarmUp::new(hottest) }
    }

    pub(super) fn warm_up(&self) -> &WarmUp {
        &self.warm_up
    }

    /// The most urgent piece of work. It is in the caller's hand until it is
    /// [`done`](Self::done) or [`cleaned`](Self::cleaned).
    pub(super) fn next(&self, shared: &Shared, rebuilders: &Rebuilders) -> Result<Task> {
        // The clock is the application's: it is asked before any lock is taken.
        let now = shared.options.clock.now();
        let mut state = self.state.lock();
        let search = Search { shared, rebuilders, now, heard: shared.bell.heard() };
        let mut until = None;
        let after_retention = std::mem::take(&mut state.retained);
        for reason in [
            Reason::Requested,
            Reason::WarmUp,
            Reason::ServedMarked,
            Reason::Retention,
            Reason::Marked,
            Reason::Stamped,
            Reason::Expiring,
        ] {
            let found = match reason {
                Reason::WarmUp => match self.warm_up.next(shared, search.heard) {
                    Some(pages) => return Ok(Task::Warm(pages)),
                    None => None,
                },
                Reason::Retention if after_retention => None,
                Reason::Retention => match state.expired(&search, &mut until) {
                    Some(step) => return Ok(Task::Clean(step)),
                    None => None,
                },
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
        if after_retention && let Some(step) = state.expired(&search, &mut until) {
            return Ok(Task::Clean(step));
        }
        Ok(Task::Nothing { until })
    }

    /// A step of retention is in nobody's hand any more; `cleaned` is what it did, unless it failed.
    pub(super) fn cleaned(&self, shared: &Shared, step: &Cleaning, cleaned: Option<&Cleaned>) {
        let now = shared.options.clock.now();
        self.state.lock().retention.done(step, cleaned, now);
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
    fn new(retention: Retention) -> Self {
        Self {
            retention,
            retained: false,
            in_hand: HashSet::new(),
            wanted: Scan::default(),
            marked: HashMap::new(),
            stamped: HashMap::new(),
            levels: Vec::new(),
            levels_at: None,
        }
    }

    fn expired(&mut self, search: &Search<'_>, until: &mut Option<Timestamp>) -> Option<Cleaning> {
        search.shared.check_writable().ok()?;
        match self.retention.next(search.shared.retaining(), search.now) {
            Ok(step) => {
                self.retained = true;
                Some(step)
            }
            Err(due) => {
                sooner(until, due);
                None
            }
        }
    }

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

#[cfg(test)]
mod tests {
    use crate::grid::{Grid, PageNumber};
    use crate::options::Options;
    use crate::page::Slot;
    use crate::rebuild::{Engine, Next};
    use crate::time::{ManualClock, Span, Timestamp};
    use crate::view::ViewDefinition;

    use super::*;

    #[test]
    fn retention_takes_turns_with_what_is_less_urgent() {
        let clock = Arc::new(ManualClock::new(Timestamp::EPOCH));
        let options = Options { clock: clock.clone(), builders: 0, ..Options::default() };
        let engine = Arc::new(Engine::in_memory(options).unwrap());
        let kept = ViewDefinition::<u32, u64>::new(engine.clone(), "kept").grid(Grid::minutes(1));
        let kept = kept.page_len(1).retain(Span::minutes(1)).without_build().unwrap();
        kept.put_many((0..1000).map(|id| (id, Timestamp::EPOCH, 7))).unwrap();
        let built = ViewDefinition::<u32, u64>::new(engine.clone(), "built");
        let _built = built.build(|_, _, _| Ok(1)).unwrap();
        let shared = engine.shared();
        let id = engine.view_id("built").unwrap();
        for entity in 0..3_u32 {
            let page = PageKey::new(id, &entity, PageNumber(0));
            shared.expiring.note(page.as_slice(), Slot(0));
        }
        clock.set(Timestamp::from_seconds(3600));
        let work = || match engine.workshop().work_one().unwrap() {
            Next::Worked(worked) => Some(worked.reason),
            Next::Nothing { .. } => None,
        };
        let reasons: Vec<_> = std::iter::from_fn(work).collect();
        let (retention, expiring) = (Reason::Retention, Reason::Expiring);
        assert_eq!(reasons[..5], [retention, expiring, retention, expiring, expiring]);
        assert_eq!(shared.metrics().records_expired, 1000);
        let Next::Nothing { until } = engine.workshop().work_one().unwrap() else { panic!() };
        assert_eq!(until, Some(Timestamp::from_seconds(70 * 60)));
    }
}
