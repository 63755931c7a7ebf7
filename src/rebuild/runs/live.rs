//! A run as this opening knows it.

use std::collections::BTreeSet;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;
use std::time::Instant;

use crate::disk::{RunCounts, RunKind, RunRow, RunStage};
use crate::sync::{Arc, Condvar, Mutex, MutexGuard};
use crate::time::Timestamp;

use super::status::RunStatus;

/// Told of a run after each chunk.
pub(crate) type OnProgress = Arc<dyn Fn(&RunStatus) + Send + Sync>;

/// As many chunks as may have been in hand when a process ended.
const CHUNKS_IN_DOUBT: u32 = 8;

/// A run: what the file says of it, and what was done since and is not in the file yet.
pub(crate) struct Live {
    pub(crate) id: u64,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    row: RunRow,
    /// Whether a chunk was taken in this opening.
    begun: bool,
    /// Chunks before it are done or in hand.
    next: u32,
    in_hand: BTreeSet<u32>,
    /// How often a chunk was laid down: what was looked up in the file before that may be no more.
    laid_down: u64,
    /// Before this nothing of it is taken: builds were turned away.
    rests_until: Timestamp,
    /// How many of the next chunks may hold the build that ended the process.
    cautious: u32,
    /// What was done of the chunks in hand.
    ahead: RunCounts,
    entity: Option<Box<[u8]>>,
    /// When it was begun in this opening, and what was done by then.
    since: Timestamp,
    done_before: u64,
    /// How often there was something new for those who wait.
    news: u64,
    /// Whether the store is closed.
    closed: bool,
    /// How many wait for its end.
    waiting: usize,
    wakers: Vec<Waker>,
    callbacks: Vec<OnProgress>,
}

/// Somebody waits for the end of a run.
pub(crate) struct Waiting(Arc<Live>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.state.lock().waiting -= 1;
    }
}

/// What somebody who waits for a run finds.
pub(crate) enum Awaited {
    Ended,
    Closed,
    /// Not yet; so often there had been something new.
    Going(u64),
}

impl Live {
    pub(crate) fn new(id: u64, row: RunRow, now: Timestamp) -> Self {
        let done_before = row.counts.done;
        let state = State {
            row,
            begun: false,
            next: 0,
            in_hand: BTreeSet::new(),
            laid_down: 0,
            rests_until: Timestamp::MIN,
            cautious: 0,
            ahead: RunCounts::default(),
            entity: None,
            since: now,
            done_before,
            news: 0,
            closed: false,
            waiting: 0,
            wakers: Vec::new(),
            callbacks: Vec::new(),
        };
        Self { id, state: Mutex::new(state), changed: Condvar::new() }
    }

    pub(crate) fn row(&self) -> RunRow {
        self.state.lock().row.clone()
    }

    /// Whether it is to be worked off.
    pub(crate) fn goes_on(&self) -> bool {
        let state = self.state.lock();
        state.row.stage == RunStage::Going && !state.closed
    }

    /// Whether it fills a day that is over by now.
    pub(crate) fn is_belated(&self, now: Timestamp) -> bool {
        let state = self.state.lock();
        state.row.kind == RunKind::Horizon && state.row.range.end() <= now
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.state.lock().row.stage.has_ended()
    }

    pub(crate) fn status(&self, now: Timestamp) -> RunStatus {
        let state = self.state.lock();
        let counts = state.row.counts.plus(state.ahead);
        let mut status = RunStatus::of(self.id, &state.row, state.begun, counts);
        status.entity = state.entity.as_deref().map(<[u8]>::to_vec);
        status.at_rate(counts.done.saturating_sub(state.done_before), state.since, now)
    }

    /// Where to look for a chunk that is not in hand, and the number to take it by.
    pub(crate) fn next_chunk(&self) -> (u32, u64) {
        let state = self.state.lock();
        (state.next, state.laid_down)
    }

    /// Whether somebody works on a chunk.
    pub(crate) fn in_hand(&self, chunk: u32) -> bool {
        self.state.lock().in_hand.contains(&chunk)
    }

    /// Takes a chunk that was looked up after [`Self::next_chunk`], and says whether to be cautious.
    /// `None` if it has to be looked up again.
    pub(crate) fn take(&self, chunk: u32, laid_down: u64, now: Timestamp) -> Option<bool> {
        let mut state = self.state.lock();
        if state.laid_down != laid_down || !state.in_hand.insert(chunk) {
            return None;
        }
        state.next = state.next.max(chunk + 1);
        if !state.begun {
            (state.begun, state.since) = (true, now);
        }
        let cautiously = state.cautious > 0;
        state.cautious = state.cautious.saturating_sub(1);
        Some(cautiously)
    }

    /// After an unclean stop: some build in a chunk that was in hand may have been what ended the
    /// process, and those chunks are the first that are left.
    pub(crate) fn be_cautious(&self) {
        self.state.lock().cautious = CHUNKS_IN_DOUBT;
    }

    /// Lets it rest.
    pub(crate) fn rest_until(&self, until: Timestamp) {
        self.state.lock().rests_until = until;
    }

    /// Until when it rests; `None` if it does not.
    pub(crate) fn rests_until(&self, now: Timestamp) -> Option<Timestamp> {
        let state = self.state.lock();
        let until = state.rests_until;
        (until > now && state.row.stage == RunStage::Going).then_some(until)
    }

    /// Whether it is not done although nobody has any of it in hand, after the file was found to have
    /// no chunk of it.
    pub(crate) fn lacks_work(&self, laid_down: u64) -> bool {
        let state = self.state.lock();
        let as_before = state.laid_down == laid_down && state.in_hand.is_empty();
        as_before && state.row.stage == RunStage::Going
    }

    /// Whether somebody works on any of it.
    pub(crate) fn is_in_hand(&self) -> bool {
        !self.state.lock().in_hand.is_empty()
    }

    /// Notes what is in hand, and what was done since the last note.
    pub(crate) fn note(&self, entity: &[u8], done: RunCounts) {
        let mut state = self.state.lock();
        state.ahead = state.ahead.plus(done);
        if state.entity.as_deref() != Some(entity) {
            state.entity = Some(entity.into());
        }
    }

    /// Takes back what was noted of work that is to be done again.
    pub(crate) fn forget(&self, noted: RunCounts) {
        let mut state = self.state.lock();
        state.ahead = state.ahead.minus(noted);
    }

    /// Lays down a chunk of which so much was noted: done, or to be taken again. With what the file
    /// says since, if it was told.
    pub(crate) fn lay_down(&self, chunk: u32, noted: RunCounts, again: bool, row: Option<RunRow>) {
        let mut state = self.state.lock();
        if let Some(row) = row.filter(|row| row.revision > state.row.revision) {
            state.row = row;
        }
        state.in_hand.remove(&chunk);
        state.laid_down += 1;
        state.ahead = state.ahead.minus(noted);
        if again {
            state.next = state.next.min(chunk);
        }
        if state.in_hand.is_empty() {
            state.entity = None;
        }
        self.tell(state);
    }

    /// What the file says of it now. What it said before that is not shown again.
    pub(super) fn show(&self, row: RunRow) {
        let mut state = self.state.lock();
        if row.revision > state.row.revision {
            state.row = row;
            self.tell(state);
        }
    }

    /// Nobody waits for it any more.
    pub(super) fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        let callbacks = std::mem::take(&mut state.callbacks);
        self.tell(state);
        // They are the application's, and may hold handles on the store.
        drop(callbacks);
    }

    fn tell(&self, mut state: MutexGuard<'_, State>) {
        state.news += 1;
        let wakers = std::mem::take(&mut state.wakers);
        // What a waker does is the executor's business: it may ask for the run at once.
        drop(state);
        self.changed.notify_all();
        wakers.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn awaited(&self) -> Awaited {
        let state = self.state.lock();
        if state.row.stage.has_ended() {
            Awaited::Ended
        } else if state.closed {
            Awaited::Closed
        } else {
            Awaited::Going(state.news)
        }
    }

    /// Somebody waits for its end, until the guard is dropped.
    pub(crate) fn wait(self: &Arc<Self>) -> Waiting {
        self.state.lock().waiting += 1;
        Waiting(self.clone())
    }

    /// Whether somebody waits for its end.
    pub(crate) fn is_awaited(&self) -> bool {
        self.state.lock().waiting > 0
    }

    /// Sleeps until there is something newer, or until an instant.
    pub(crate) fn sleep(&self, news: u64, until: Option<Instant>) {
        let mut state = self.state.lock();
        while state.news == news {
            match until {
                None => self.changed.wait(&mut state),
                Some(until) if self.changed.wait_until(&mut state, until).timed_out() => return,
                Some(_) => {}
            }
        }
    }

    /// Has somebody woken as soon as there is something newer. `false` if there is already.
    pub(crate) fn wake(&self, news: u64, waker: &Waker) -> bool {
        let mut state = self.state.lock();
        if state.news != news {
            return false;
        }
        if !state.wakers.iter().any(|known| known.will_wake(waker)) {
            state.wakers.push(waker.clone());
        }
        true
    }

    pub(crate) fn on_progress(&self, callback: OnProgress) {
        self.state.lock().callbacks.push(callback);
    }

    /// Tells those who asked to be told. Those that panic are told no more than others would be.
    pub(crate) fn report(&self, now: Timestamp) {
        let callbacks = self.state.lock().callbacks.clone();
        if callbacks.is_empty() {
            return;
        }
        let status = self.status(now);
        for callback in callbacks {
            // It is the application's, and no reason to stop.
            let _ = catch_unwind(AssertUnwindSafe(|| callback(&status)));
        }
        if status.state.has_ended() {
            let told = std::mem::take(&mut self.state.lock().callbacks);
            drop(told);
        }
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Run({})", self.id)
    }
}

#[cfg(test)]
mod tests {
    use crate::revision::Revision;
    use crate::time::TimeRange;

    use super::*;

    const NOW: Timestamp = Timestamp::EPOCH;

    fn row(revision: u64, done: u64) -> RunRow {
        RunRow {
            kind: RunKind::Precompute,
            stage: RunStage::Going,
            name: "sun".into(),
            range: TimeRange::new(NOW, NOW),
            floor: Revision::ZERO,
            revision: Revision::from_raw(revision),
            created: NOW,
            started: NOW,
            ended: NOW,
            total: 100,
            counts: counts(done),
            chunks_left: 3,
            failures_listed: 0,
            error: String::new(),
            views: Vec::new(),
        }
    }

    fn counts(done: u64) -> RunCounts {
        RunCounts { done, ..RunCounts::default() }
    }

    #[test]
    fn a_chunk_that_was_looked_up_before_another_was_laid_down_is_not_taken() {
        let live = Live::new(1, row(1, 0), NOW);
        let (first, before) = live.next_chunk();
        assert_eq!((first, live.take(0, before, NOW)), (0, Some(false)));
        assert_eq!(live.take(0, before, NOW), None);
        live.lay_down(0, counts(0), false, Some(row(2, 10)));
        // It is no more, although nobody has it in hand.
        assert_eq!(live.take(0, before, NOW), None);
        let (next, since) = live.next_chunk();
        assert_eq!((next, live.take(1, since, NOW)), (1, Some(false)));
        live.lay_down(1, counts(0), true, None);
        assert_eq!(live.next_chunk().0, 1);
    }

    #[test]
    fn what_is_done_is_counted_once_whether_or_not_the_file_knows_it() {
        let live = Live::new(1, row(1, 0), NOW);
        let done = || live.status(NOW).done;
        for chunk in [0, 1] {
            assert!(live.take(chunk, live.next_chunk().1, NOW).is_some());
            live.note(b"patio", counts(10));
        }
        assert_eq!((done(), live.status(NOW).entity), (20, Some(b"patio".to_vec())));
        live.lay_down(1, counts(10), false, Some(row(3, 10)));
        assert_eq!(done(), 20);
        // Written before, answered after.
        live.show(row(2, 0));
        live.lay_down(0, counts(10), false, Some(row(4, 20)));
        assert_eq!((done(), live.status(NOW).entity), (20, None));
    }

    #[test]
    fn after_an_unclean_stop_the_first_chunks_are_taken_with_caution() {
        let live = Live::new(1, row(1, 0), NOW);
        live.be_cautious();
        let taken = (0..10).map(|chunk| live.take(chunk, 0, NOW).unwrap());
        let cautious: Vec<bool> = taken.collect();
        assert_eq!(cautious, [[true; 8].as_slice(), &[false; 2]].concat());
    }
}
