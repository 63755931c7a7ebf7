//! What is built next in the background, and why.

use std::collections::{HashMap, HashSet};

use crate::disk::operations::NoteSweep;
use crate::disk::{Shared, due_marks, due_wanted, levels, tries};
use crate::error::Result;
use crate::page::{PageKey, SlotSet, ViewId};
use crate::schedule::{BreakerState, Heard, PageList};
use crate::sync::{Arc, Mutex};
use crate::time::Timestamp;

use super::caution::Caution;
use super::rebuilders::{Rebuilder, Rebuilders};
use super::retention::{Cleaned, Cleaning, Retention};
use super::scan::Scan;
use super::sweeping::{Sweeping, Swept};
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
    /// View -> how far its pages were looked through for what its stamp says.
    stamped: HashMap<ViewId, Sweeping>,
    /// View -> before when nothing of it is tried: its breaker is trying a build of somebody else's.
    turned_away: HashMap<ViewId, Timestamp>,
    /// The views upstream first, as of the bell.
    levels: Vec<ViewId>,
    levels_at: Option<Heard>,
    caution: Caution,
}

/// What a builder is to do.
pub(super) enum Task {
    Page(PageWork),
    /// To be written down; nothing is built for it.
    Note(NoteSweep),
    /// Bring these pages into memory.
    Warm(Vec<Box<[u8]>>),
    Clean(Cleaning),
    Nothing {
        until: Option<Timestamp>,
    },
}

/// Records of one page that are to be made fresh.
pub(super) struct PageWork {
    pub(super) reason: Reason,
    pub(super) page: Box<[u8]>,
    pub(super) slots: SlotSet,
    pub(super) rebuilder: Arc<dyn Rebuilder>,
    /// What is built is to be noted before it begins: it may be what ended the process.
    pub(super) cautiously: bool,
}

/// Rows that are looked at in one transaction.
const LOOK: usize = 1024;

impl Director {
    /// For an opening at this time, cautious after an unclean stop with each view until all there is
    /// to do for it is done; `hottest` are the pages that were used most before it.
    pub(super) fn new(shared: &Shared, hottest: PageList) -> Self {
        let options = &shared.options;
        let retention = Retention::new(options.retention_every, options.clock.now());
        let state = State::new(retention, Caution::new(shared.after_unclean_stop));
        Self { state: Mutex::new(state), warm_up: WarmUp::new(hottest) }
    }

    pub(super) fn warm_up(&self) -> &WarmUp {
        &self.warm_up
    }

    /// The most urgent piece of work that comes before runs. It is in the caller's hand until it is
    /// [`done`](Self::done) or [`cleaned`](Self::cleaned).
    pub(super) fn next(&self, shared: &Shared, rebuilders: &Rebuilders) -> Result<Task> {
        self.look(shared, rebuilders, |state, search| {
            state.begin_to_look(search)?;
            if let Some(found) = state.requested(search)? {
                return Ok(Some(Task::Page(state.take(found))));
            }
            if let Some(pages) = self.warm_up.next(shared, search.heard) {
                return Ok(Some(Task::Warm(pages)));
            }
            if let Some(found) = state.noticed(search, Reason::ServedMarked)? {
                return Ok(Some(Task::Page(state.take(found))));
            }
            if !state.retained
                && let Some(step) = state.outlived(search)
            {
                return Ok(Some(Task::Clean(step)));
            }
            if let Some(note) = state.note(shared)? {
                return Ok(Some(Task::Note(note)));
            }
            let found = state.backlog(search)?;
            Ok(found.map(|found| Task::Page(state.take(found))))
        })
    }

    /// The same of what comes after runs.
    pub(super) fn last(&self, shared: &Shared, rebuilders: &Rebuilders) -> Result<Task> {
        self.look(shared, rebuilders, |state, search| {
            if let Some(found) = state.noticed(search, Reason::Expiring)? {
                return Ok(Some(Task::Page(state.take(found))));
            }
            if let Some(step) = state.outlived(search) {
                return Ok(Some(Task::Clean(step)));
            }
            if let Some(note) = state.note(shared)? {
                return Ok(Some(Task::Note(note)));
            }
            // All that could be built has been, and the process is still there.
            if state.in_hand.is_empty() {
                state.caution.trust(search.heard, |view| search.builds(view).is_some());
            }
            Ok(None)
        })
    }

    fn look(
        &self,
        shared: &Shared,
        rebuilders: &Rebuilders,
        find: impl FnOnce(&mut State, &mut Search<'_>) -> Result<Option<Task>>,
    ) -> Result<Task> {
        // The clock is the application's: it is asked before any lock is taken.
        let now = shared.options.clock.now();
        // Let go of after the lock: the last handle on the store may be among them, and who drops
        // that waits for all builders.
        let mut held = Vec::new();
        let mut state = self.state.lock();
        if state.caution.is_in_hand() {
            return Ok(Task::Nothing { until: None });
        }
        state.turned_away.retain(|_, until| *until > now);
        let (turned_away, heard) = (&state.turned_away.clone(), shared.bell.heard());
        let until = None;
        let mut search =
            Search { shared, rebuilders, held: &mut held, turned_away, now, heard, until };
        let found = find(&mut state, &mut search)?;
        Ok(found.unwrap_or(Task::Nothing { until: search.until }))
    }

    /// Nothing of a view is to be tried before this.
    pub(super) fn turned_away(&self, view: ViewId, until: Timestamp) {
        self.state.lock().turned_away.insert(view, until);
    }

    /// A step of retention is in nobody's hand any more; `cleaned` is what it did, unless it failed.
    pub(super) fn cleaned(&self, shared: &Shared, step: &Cleaning, cleaned: Option<&Cleaned>) {
        let now = shared.options.clock.now();
        self.state.lock().retention.done(step, cleaned, now);
    }

    /// A builder hangs in a build. If that was begun with caution others need not wait for it.
    pub(super) fn give_up_waiting(&self) {
        self.state.lock().caution.give_up();
    }

    /// A page is in nobody's hand any more; `left` says that some of it was not even tried.
    pub(super) fn done(&self, reason: Reason, page: &[u8], left: bool) {
        let mut state = self.state.lock();
        state.in_hand.remove(page);
        state.caution.done(page);
        // What is left of it, and what others passed over because it was in hand, is looked at again.
        state.wanted.disturb();
        let Some((view, ..)) = PageKey::split(page) else { return };
        if let Some(scan) = state.marked.get_mut(&view) {
            scan.disturb();
        }
        if reason == Reason::Stamped
            && let Some(sweeping) = state.stamped.get_mut(&view)
        {
            sweeping.done(page, left);
        }
    }
}

/// One search for work.
struct Search<'a> {
    shared: &'a Shared,
    rebuilders: &'a Rebuilders,
    /// The views that were looked at.
    held: &'a mut Vec<Arc<dyn Rebuilder>>,
    /// View -> before when nothing of it is tried.
    turned_away: &'a HashMap<ViewId, Timestamp>,
    now: Timestamp,
    heard: Heard,
    /// When the first of what was passed over is due.
    until: Option<Timestamp>,
}

struct Found {
    reason: Reason,
    page: Box<[u8]>,
    slots: SlotSet,
    rebuilder: Arc<dyn Rebuilder>,
}

impl Search<'_> {
    /// The view, if it is defined and held, and its breaker lets it build.
    fn builds(&mut self, view: ViewId) -> Option<Arc<dyn Rebuilder>> {
        // Of a file that is open to read only nothing is built.
        self.shared.file.check_writable().ok()?;
        let rebuilder = self.find(view)?;
        if let Some(until) = self.rests_until(view) {
            self.sooner(Some(until));
            return None;
        }
        Some(rebuilder)
    }

    fn find(&mut self, view: ViewId) -> Option<Arc<dyn Rebuilder>> {
        let rebuilder = self.rebuilders.find(view)?;
        if self.held.last().is_none_or(|last| !Arc::ptr_eq(last, &rebuilder)) {
            self.held.push(rebuilder.clone());
        }
        Some(rebuilder)
    }

    /// Before when nothing of a view is built.
    fn rests_until(&self, view: ViewId) -> Option<Timestamp> {
        let defined = self.shared.views.get(view)?;
        match defined.governor().breaker_state(self.now) {
            BreakerState::Open { until, .. } => Some(until),
            _ => self.turned_away.get(&view).copied().filter(|at| *at > self.now),
        }
    }

    fn sooner(&mut self, other: Option<Timestamp>) {
        self.until = [self.until, other].into_iter().flatten().min();
    }

    /// Those of the slots that do not rest and may be tried by now.
    fn may_be_tried(&self, page: &[u8], slots: SlotSet) -> Result<SlotSet> {
        let mut left = SlotSet::EMPTY;
        for slot in slots.iter() {
            if tries(self.shared, page, slot)?.is_none_or(|it| it.tries.is_due(self.now)) {
                left.insert(slot);
            }
        }
        Ok(left)
    }
}

impl State {
    fn new(retention: Retention, caution: Caution) -> Self {
        Self {
            retention,
            retained: false,
            in_hand: HashSet::new(),
            wanted: Scan::default(),
            marked: HashMap::new(),
            stamped: HashMap::new(),
            turned_away: HashMap::new(),
            levels: Vec::new(),
            levels_at: None,
            caution,
        }
    }

    /// From here on it is in the hand of whoever asked for work.
    fn take(&mut self, Found { reason, page, slots, rebuilder }: Found) -> PageWork {
        self.retained = false;
        self.in_hand.insert(page.clone());
        let cautiously = self.caution.take(&page);
        PageWork { reason, page, slots, rebuilder, cautiously }
    }

    fn outlived(&mut self, search: &mut Search<'_>) -> Option<Cleaning> {
        search.shared.file.check_writable().ok()?;
        match self.retention.next(search.shared.views.retaining(), search.now) {
            Ok(step) => {
                self.retained = true;
                Some(step)
            }
            Err(due) => {
                search.sooner(due);
                None
            }
        }
    }

    /// What is marked and what is stamped.
    fn backlog(&mut self, search: &mut Search<'_>) -> Result<Option<Found>> {
        // Looked up once for both.
        let upstream_first = self.upstream_first(search)?;
        for view in &upstream_first {
            if let Some(found) = self.marked(search, *view)? {
                return Ok(Some(found));
            }
        }
        for view in &upstream_first {
            if let Some(found) = self.stamped(search, *view)? {
                return Ok(Some(found));
            }
        }
        self.caution.searched(search.heard);
        Ok(None)
    }

    fn requested(&mut self, search: &mut Search<'_>) -> Result<Option<Found>> {
        let (shared, now, heard) = (search.shared, search.now, search.heard);
        loop {
            let in_hand = &self.in_hand;
            let found = self.wanted.next(
                heard,
                now,
                |page| in_hand.contains(page),
                |from| due_wanted(shared, from, now, LOOK),
            )?;
            search.sooner(self.wanted.earliest());
            let Some((page, slots)) = found else { return Ok(None) };
            let view = PageKey::split(&page).map(|(view, ..)| view);
            if let Some(rebuilder) = view.and_then(|view| search.builds(view)) {
                let reason = Reason::Requested;
                return Ok(Some(Found { reason, page, slots, rebuilder }));
            }
            self.wanted.pass_over(view.and_then(|view| search.rests_until(view)));
        }
    }

    fn noticed(&mut self, search: &mut Search<'_>, reason: Reason) -> Result<Option<Found>> {
        let noticed = match reason {
            Reason::ServedMarked => &search.shared.served_marked,
            _ => &search.shared.expiring,
        };
        while let Some((page, slots)) = noticed.take(|page| self.in_hand.contains(page)) {
            let slots = search.may_be_tried(&page, slots)?;
            let view = PageKey::split(&page).map(|(view, ..)| view);
            if !slots.is_empty()
                && let Some(rebuilder) = view.and_then(|view| search.builds(view))
            {
                return Ok(Some(Found { reason, page, slots, rebuilder }));
            }
        }
        Ok(None)
    }

    fn marked(&mut self, search: &mut Search<'_>, view: ViewId) -> Result<Option<Found>> {
        let Some(rebuilder) = search.builds(view) else { return Ok(None) };
        let (shared, now) = (search.shared, search.now);
        let scan = self.marked.entry(view).or_default();
        let in_hand = &self.in_hand;
        let found = scan.next(
            search.heard,
            now,
            |page| in_hand.contains(page),
            |from| due_marks(shared, view, from, now, LOOK),
        )?;
        search.sooner(scan.earliest());
        let reason = Reason::Marked;
        Ok(found.map(|(page, slots)| Found { reason, page, slots, rebuilder }))
    }

    fn stamped(&mut self, search: &mut Search<'_>, view: ViewId) -> Result<Option<Found>> {
        let Some(rebuilder) = search.builds(view) else { return Ok(None) };
        let Some(defined) = search.shared.views.get(view) else { return Ok(None) };
        let sweeping = self.stamped.entry(view).or_default();
        let in_hand = &self.in_hand;
        let (shared, now) = (search.shared, search.now);
        let found = sweeping.next(shared, &defined, now, |page| in_hand.contains(page))?;
        let reason = Reason::Stamped;
        Ok(found.map(|(page, slots)| Found { reason, page, slots, rebuilder }))
    }

    fn begin_to_look(&mut self, search: &mut Search<'_>) -> Result<()> {
        let (there, heard) = (self.upstream_first(search)?, search.heard);
        let builds = there.into_iter().filter(|view| search.find(*view).is_some());
        self.caution.look(heard, || builds.collect());
        Ok(())
    }

    /// How far a sweep got, if that is to be written down.
    fn note(&mut self, shared: &Shared) -> Result<Option<NoteSweep>> {
        for (view, sweeping) in &mut self.stamped {
            if let Some(Swept { stamp, cursor }) = sweeping.take_note() {
                return Ok(Some(NoteSweep { view: *view, stamp, cursor }));
            }
        }
        // Views that are no more are swept no more.
        self.stamped.retain(|view, _| shared.views.get(*view).is_some());
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
        assert_eq!(shared.metrics().records_retired, 1000);
        let Next::Nothing { until } = engine.workshop().work_one().unwrap() else { panic!() };
        assert_eq!(until, Some(Timestamp::from_seconds(70 * 60)));
    }
}
