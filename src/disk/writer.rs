//! The one thread that owns write transactions.
//!
//! It takes what waits, gives each operation its revision, commits them together, publishes, and
//! acknowledges. A thousand callers who each want a sync cost a few syncs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use redb::Durability;

use crate::cache::{Cache, CacheKey, Publication};
use crate::error::{Error, ErrorKind, RESTORE, Result};
use crate::graph::Colour;
use crate::page::{PAGE_LEN_MAX, Page, Slot, SlotSet};
use crate::revision::Revision;
use crate::schedule::Round;
use crate::sync::channel::{self, Sender};
use crate::sync::{Arc, thread};

use super::batch::{Batch, Written};
use super::committed::Committed;
use super::hottest::Noting;
use super::intake::{Gathering, Intake, Next};
use super::ledger::Ledger;
use super::open_file::closed;
use super::operation::{Operation, Receipt, Speed, Submission, envelope};
use super::operations::{Hurry, Sweep};
use super::shared::Shared;
use super::staged_pages::{Change, What};

/// The way to the writer. Sending blocks while the queue is full: that is its bound.
#[derive(Clone, Debug)]
pub(crate) struct WriterHandle {
    shared: Arc<Shared>,
    /// Puts, deletions, definitions, syncs: they overtake what was built.
    synced: Sender<Box<dyn Submission>>,
    derived: Sender<Box<dyn Submission>>,
}

impl WriterHandle {
    /// Starts the writer of a file whose last operation was `last`.
    pub(crate) fn start(
        shared: &Arc<Shared>,
        last: Revision,
    ) -> Result<(Self, thread::JoinHandle<()>)> {
        let (synced, synced_queue) = channel::bounded(shared.options.queue_len);
        let (derived, derived_queue) = channel::bounded(shared.options.queue_len);
        let writer = Writer {
            shared: shared.clone(),
            intake: Intake::new(synced_queue, derived_queue),
            ledger: Ledger::load(shared, last)?,
            last,
            unsynced: None,
            sweeping: true,
            left_behind: false,
            // What an opening before this one left is looked for first.
            passed_over: PASSED_OVER_MAX,
            noting: Noting::new(shared, Instant::now()),
        };
        let thread = thread::Builder::new()
            .name("tidetable-writer".into())
            .spawn(move || writer.run())
            .map_err(|cause| {
                Error::new(ErrorKind::System, format!("cannot start the writer's thread: {cause}"))
            })?;
        Ok((Self { shared: shared.clone(), synced, derived }, thread))
    }

    /// Hands an operation to the writer; the receipt waits for its acknowledgement.
    pub(crate) fn submit<O: Operation>(&self, operation: O) -> Result<Receipt<O::Answer>> {
        self.shared.file.check_writable()?;
        let queue = match operation.speed() {
            Speed::Synced | Speed::AsFound => &self.synced,
            Speed::Derived => &self.derived,
        };
        let is_patient = operation.is_patient();
        let (submission, receipt) = envelope(operation);
        queue.send(submission).map_err(|_| closed())?;
        // The system gives the writer his fair share of the cores, which is less than he needs where
        // each has a builder. What he has not done when the builders end, he does alone.
        if is_patient && queue.len() >= WAITING_MAX {
            thread::yield_now();
        }
        Ok(receipt)
    }

    /// Has what waits patiently committed now: somebody waits for it from here on.
    pub(crate) fn hurry(&self) {
        // Where nothing can be submitted nothing waits for more either.
        let _: Result<_> = self.submit(Hurry);
    }

    /// Hands an operation to the writer and waits for it.
    pub(crate) fn run<O: Operation>(&self, operation: O) -> Result<O::Answer> {
        self.submit(operation)?.wait()
    }
}

/// Whoever brings what nobody waits for, and finds so much waiting, leaves his core to the writer; a
/// queue that holds less makes him wait before.
const WAITING_MAX: usize = 16;

/// One caller who comes back before the writer has looked is enough that it never sees its queues
/// empty: after so many transactions it cleans up all the same.
const PASSED_OVER_MAX: u32 = 8;

struct Writer {
    shared: Arc<Shared>,
    /// What waits for it.
    intake: Intake,
    ledger: Ledger,
    /// Revision of the last committed operation.
    last: Revision,
    /// The commits that no sync has taken along yet.
    unsynced: Option<Unsynced>,
    /// Whether pages of views that are no more may be left to remove.
    sweeping: bool,
    /// Whether the last transaction left some.
    left_behind: bool,
    /// Transactions since it last removed some.
    passed_over: u32,
    /// When it notes which pages are used most.
    noting: Noting,
}

struct Unsynced {
    since: Instant,
    bytes: usize,
    /// Whether records that are fresh in what is synced have been marked since, or built from
    /// something else.
    marks: bool,
}

impl Writer {
    fn run(mut self) {
        loop {
            match self.next() {
                Next::Submission(first) => {
                    self.passed_over += 1;
                    self.transact(self.intake.gather(first), false);
                }
                Next::Sync => self.transact(Gathering::default(), true),
                Next::Sweep => self.sweep(),
                Next::Closed => break,
            }
        }
        if self.noting.is_due_at_end(&self.shared) || self.unsynced.is_some() {
            self.transact(Gathering::default(), true);
        }
    }

    fn next(&self) -> Next {
        let sweeps = self.sweeping && self.shared.file.latched().is_none();
        if sweeps && self.passed_over >= PASSED_OVER_MAX {
            return Next::Sweep;
        }
        let age_max = Duration::from(self.shared.options.unsynced_age_max);
        // Due beyond the end of the clock's time is never due.
        let due = self.unsynced.as_ref().and_then(|unsynced| unsynced.since.checked_add(age_max));
        self.intake.next(sweeps, due)
    }

    fn transact(&mut self, mut gathering: Gathering, synced: bool) {
        let mut submissions = Vec::new();
        if let Some(latched) = self.shared.file.latched() {
            // What could not be synced never will be: without this the timer would come for ever.
            self.unsynced = None;
            fail(gathering.into_first(), &latched);
            return;
        }
        // redb can panic where a file is damaged beyond what it expects; a panic here would leave
        // every caller waiting.
        let write = || self.write(&mut gathering, &mut submissions, synced);
        let outcome = catch_unwind(AssertUnwindSafe(write));
        let outcome = outcome.unwrap_or_else(|_| {
            Err(self.shared.file.first_fault().unwrap_or_else(|| {
                self.shared.file.at_file(Error::damaged(format!(
                    "the file's tables are not in order; {RESTORE}"
                )))
            }))
        });
        match outcome {
            Ok(committed) => {
                // What a definition or a deletion left behind is gone when its caller goes on, if it is
                // not too much: no announcement that he makes then counts it.
                if std::mem::take(&mut self.left_behind) {
                    self.sweep();
                }
                let round = self.intake.answer();
                for submission in submissions {
                    submission.acknowledge(&committed, round);
                }
                if mutant!("answers_come_after_publishing") {
                    self.shared.publish(self.last, |_| {});
                }
                // Who goes on finds the pages held by nobody but the cache.
                drop(committed);
                self.intake.wake();
            }
            Err(cause) => {
                // Whether the commit happened is unknown, and a sync is never retried.
                if !mutant!("failed_commits_latch") {
                    self.shared.file.latch(&cause);
                }
                self.unsynced = None;
                let latched = self.shared.file.latched().unwrap_or(cause);
                // One that was not taken out failed as well.
                fail(submissions.into_iter().chain(gathering.into_first()), &latched);
            }
        }
    }

    /// One transaction: apply what comes, commit, publish. What was taken is put among the submissions
    /// before it is applied.
    fn write(
        &mut self,
        gathering: &mut Gathering,
        submissions: &mut Vec<Box<dyn Submission>>,
        synced: bool,
    ) -> Result<Committed> {
        let (shared, started) = (self.shared.clone(), Instant::now());
        let age_max = Duration::from(shared.options.unsynced_age_max);
        let full = |unsynced: &Unsynced| {
            unsynced.bytes >= shared.options.unsynced_bytes_max
                || unsynced.since.elapsed() >= age_max
        };
        let mut synced = synced || self.unsynced.as_ref().is_some_and(full);
        // What these announce may concern nobody any more, or nobody who is not marked already, only
        // by what is not synced: after a crash it would concern somebody.
        let unsynced_marks = self.unsynced.as_ref().is_some_and(|unsynced| unsynced.marks);
        let written = shared.file.with_database(|database| {
            let failed = |cause: redb::Error| shared.file.storage_error(cause);
            let mut txn = database.begin_write().map_err(|e| failed(e.into()))?;
            let mut batch = Batch::new(&shared, &txn, &mut self.ledger, self.last)?;
            while let Some(submission) = self.intake.more(gathering) {
                let submission = submissions.push_mut(submission);
                batch.step();
                submission.apply(&mut batch);
                if let Some(fault) = batch.fault() {
                    return Err(fault.clone());
                }
            }
            let stages = submissions.iter().any(|submission| submission.stages());
            let idle = !submissions.is_empty() && !stages;
            if idle && self.unsynced.is_none() {
                return Ok(None);
            }
            self.noting.ride_along(&mut batch, Instant::now())?;
            let written = batch.finish()?;
            let any_is = |speed| submissions.iter().any(|submission| submission.speed() == speed);
            synced |= any_is(Speed::Synced) && !mutant!("what_cannot_be_built_again_is_synced");
            synced |= written.must_sync && !mutant!("what_must_not_be_lost_is_synced");
            let marks = unsynced_marks && !mutant!("marks_before_are_synced")
                || written.newly_marked && !mutant!("marks_beside_are_synced");
            synced |= any_is(Speed::AsFound) && marks;
            if synced {
                // One phase can roll an acknowledged commit back without a word when a bit of it
                // flips afterwards; with two that is an error.
                txn.set_two_phase_commit(!mutant!("synced_commits_have_two_phases"));
            } else {
                txn.set_durability(Durability::None).map_err(|e| failed(e.into()))?;
            }
            let committed = txn.commit();
            shared.file.committed();
            if let Err(cause) = committed {
                // Whether it happened is unknown: what it would have marked is not fresh any more.
                if !mutant!("unknown_commits_mark") {
                    publish_marks(&shared, &written, self.last);
                }
                return Err(failed(cause.into()));
            }
            Ok(Some(written))
        })?;
        let Some(written) = written else { return Ok(Committed::up_to(self.last)) };
        self.count(synced, &written);
        // What was marked before may be due again: it rested, and was announced once more.
        let marks = written.changes.iter().any(|change| matches!(change.what, What::Marked(_)));
        let makes_work = written.newly_marked || marks || !written.stamps.is_empty();
        self.last = written.last;
        self.left_behind = written.sweeps;
        let committed = self.publish(written);
        let took = started.elapsed().saturating_sub(gathering.waited());
        self.shared.counters.commit_latency.record(took);
        if synced {
            self.intake.synced(took, gathering);
        }
        if makes_work {
            self.shared.bell.ring();
        }
        Ok(committed)
    }

    fn count(&mut self, synced: bool, written: &Written) {
        self.shared.counters.commits.add(1);
        if synced {
            self.shared.counters.syncs.add(1);
            self.unsynced = None;
        } else {
            let begins = || Unsynced { since: Instant::now(), bytes: 0, marks: false };
            let unsynced = self.unsynced.get_or_insert_with(begins);
            unsynced.bytes += written.bytes;
            unsynced.marks |= written.newly_marked;
        }
    }

    /// Makes readers see the commit.
    fn publish(&self, written: Written) -> Committed {
        let mut committed = Committed::up_to(self.last);
        let late = mutant!("answers_come_after_publishing");
        let last = if late { self.shared.published() } else { self.last };
        self.shared.publish(last, |cache| {
            for Change { key, what } in written.changes {
                let cache_key = CacheKey::new(&key);
                match what {
                    What::Replaced { page, wanted } => {
                        let resident = page.clone();
                        cache.publish(cache_key, Publication::Replace { resident, admit: wanted });
                        committed.insert(key, Some(page));
                    }
                    What::Removed => {
                        cache.publish(cache_key, Publication::Remove);
                        committed.insert(key, None);
                    }
                    What::Marked(row) => raise(cache, cache_key, row.stale(), row.suspect()),
                }
            }
            written.stamps.iter().for_each(|(stamp, row)| stamp.raise(row));
        });
        committed
    }

    /// Removes some pages of views that are no more, while nobody waits or after others had their
    /// turns.
    fn sweep(&mut self) {
        self.passed_over = 0;
        let (submission, receipt) = envelope(Sweep);
        self.transact(Gathering::of(submission), false);
        // A failure has latched the writer, which ends the sweeping too.
        self.sweeping = receipt.wait().unwrap_or(false);
    }
}

fn fail(submissions: impl IntoIterator<Item = Box<dyn Submission>>, error: &Error) {
    let round = Round::default();
    submissions.into_iter().for_each(|submission| submission.fail(error.clone(), &round));
    round.wake_all();
}

fn raise(cache: &Cache<Page>, page: CacheKey<'_>, stale: SlotSet, suspect: SlotSet) {
    let (stale, suspect) = (stale.words(), suspect.words());
    cache.publish(page, Publication::Raise { stale, suspect });
}

/// Makes readers see the marks of a commit that failed, and nothing else of it. What it would have
/// replaced or removed is stale: nobody knows whether it still stands, nor whether it had been marked
/// before that.
fn publish_marks(shared: &Shared, written: &Written, before: Revision) {
    for Change { key, what } in &written.changes {
        let (stale, suspect) = match what {
            What::Marked(row) => (row.stale(), row.suspect()),
            What::Removed => (SlotSet::span(Slot(0), Slot(PAGE_LEN_MAX - 1)), SlotSet::EMPTY),
            What::Replaced { page, .. } => {
                let colour = |slot: Slot| page.marks().colour(slot.0 as usize);
                let is_new = |slot: Slot| page.value().facts(slot).verified > before;
                let slots = || (0..page.value().slots()).map(Slot);
                let stale = |slot: &Slot| colour(*slot) == Colour::Stale || is_new(*slot);
                let suspect = |slot: &Slot| colour(*slot) == Colour::Suspect;
                (slots().filter(stale).collect(), slots().filter(suspect).collect())
            }
        };
        raise(&shared.cache, CacheKey::new(key), stale, suspect);
    }
    for (stamp, row) in &written.stamps {
        stamp.raise(row);
    }
}
