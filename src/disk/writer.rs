//! The one thread that owns write transactions.
//!
//! It takes what waits, gives each operation a revision, commits them together, publishes, and
//! acknowledges. A thousand callers who each want a sync cost a few syncs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use redb::Durability;

use crate::cache::{CacheKey, Publication};
use crate::error::{Error, ErrorKind, RESTORE, Result};
use crate::graph::MarkRow;
use crate::revision::Revision;
use crate::sync::channel::{self, Receiver, Sender, TryRecvError};
use crate::sync::{Arc, thread};

use super::batch::{Batch, Change, What, Written};
use super::committed::Committed;
use super::crowd::Crowd;
use super::hottest::Noting;
use super::ledger::Ledger;
use super::operation::{Operation, Receipt, Request, Speed, envelope};
use super::operations::{Hurry, Sweep};
use super::shared::{Shared, closed};

/// The way to the writer. Sending blocks while the queue is full: that is its bound.
#[derive(Clone, Debug)]
pub(crate) struct WriterHandle {
    shared: Arc<Shared>,
    /// Puts, deletions, definitions, syncs: they overtake what was built.
    synced: Sender<Box<dyn Request>>,
    derived: Sender<Box<dyn Request>>,
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
            synced: synced_queue,
            derived: derived_queue,
            ledger: Ledger::load(shared, last)?,
            last,
            unsynced: None,
            sweeping: true,
            crowd: Crowd::default(),
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
        self.shared.check_writable()?;
        let queue = match operation.speed() {
            Speed::Synced | Speed::AsFound => &self.synced,
            Speed::Derived => &self.derived,
        };
        let (request, receipt) = envelope(operation);
        queue.send(request).map_err(|_| closed())?;
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

/// Operations of one transaction at most; more would only delay the first caller.
const BATCH_OPERATIONS_MAX: usize = 4096;
/// Bytes of one transaction, about: it bounds what a commit holds in memory.
const BATCH_BYTES_MAX: usize = 16 << 20;

/// What nobody waits for yet is gathered up to so many bytes: what is filled in bulk shares the
/// pages of the tables that it is written to, and each of those is written once a commit.
const GATHERED_BYTES: usize = 8 << 20;
/// And no longer than this.
const GATHERED_FOR: Duration = Duration::from_millis(50);

struct Writer {
    shared: Arc<Shared>,
    synced: Receiver<Box<dyn Request>>,
    derived: Receiver<Box<dyn Request>>,
    ledger: Ledger,
    /// Revision of the last committed operation.
    last: Revision,
    /// The commits that no sync has taken along yet.
    unsynced: Option<Unsynced>,
    /// Whether pages of views that are no more may be left to remove.
    sweeping: bool,
    /// Who will come with the next commit.
    crowd: Crowd,
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

/// What the writer turns to next.
enum Next {
    Request(Box<dyn Request>),
    /// The oldest unsynced commit is old enough.
    Sync,
    /// Nothing waits, and there is something to clean up.
    Sweep,
    Closed,
}

impl Writer {
    fn run(mut self) {
        loop {
            match self.next() {
                Next::Request(first) => self.commit(first),
                Next::Sync => self.transact(Vec::new(), true),
                Next::Sweep => self.sweep(),
                Next::Closed => break,
            }
        }
        if self.noting.is_due_at_end(&self.shared) || self.unsynced.is_some() {
            self.transact(Vec::new(), true);
        }
    }

    /// Waits for work. Synced operations first; both queues closed and empty means the end.
    fn next(&self) -> Next {
        loop {
            match self.take() {
                Ok(request) => return Next::Request(request),
                Err(TryRecvError::Disconnected) => return Next::Closed,
                Err(TryRecvError::Empty) => {}
            }
            if self.sweeping && self.shared.latched().is_none() {
                return Next::Sweep;
            }
            // A loop, because a queue that has closed before the other counts as ready.
            if !self.wait() {
                return Next::Sync;
            }
        }
    }

    /// Sleeps until something waits or a queue closes. `false` when the oldest unsynced commit is
    /// old enough first.
    fn wait(&self) -> bool {
        let age_max = Duration::from(self.shared.options.unsynced_age_max);
        // Due beyond the end of the clock's time is never due.
        let due = self.unsynced.as_ref().and_then(|unsynced| unsynced.since.checked_add(age_max));
        self.wait_until(due)
    }

    fn wait_until(&self, due: Option<Instant>) -> bool {
        let mut select = channel::Select::new();
        select.recv(&self.synced);
        select.recv(&self.derived);
        match due {
            Some(due) => select.ready_deadline(due).is_ok(),
            None => {
                select.ready();
                true
            }
        }
    }

    /// What waits first. Asking is taking: whoever only looks whether the queues have ended would
    /// lose the request that came in meanwhile.
    fn take(&self) -> Result<Box<dyn Request>, TryRecvError> {
        use TryRecvError::{Disconnected, Empty};
        let synced = match self.synced.try_recv() {
            Ok(request) => return Ok(request),
            Err(ended) => ended,
        };
        match (synced, self.derived.try_recv()) {
            (_, Ok(request)) => Ok(request),
            (Disconnected, Err(Disconnected)) => Err(Disconnected),
            _ => Err(Empty),
        }
    }

    /// Gathers what waits behind `first`, synced operations first, and commits it as one.
    fn commit(&mut self, first: Box<dyn Request>) {
        let (mut bytes, mut callers, mut waited) = (0, 0, Duration::ZERO);
        let mut patient = first.is_patient();
        let gathered = patient.then(|| Instant::now() + GATHERED_FOR);
        let mut requests = Vec::new();
        let mut next = Some(first);
        while let Some(request) = next {
            bytes += request.weight();
            callers += usize::from(request.speed() != Speed::Derived);
            patient &= request.is_patient();
            requests.push(request);
            let is_full = requests.len() >= BATCH_OPERATIONS_MAX || bytes >= BATCH_BYTES_MAX;
            next = if is_full {
                None
            } else if patient && bytes < GATHERED_BYTES {
                self.take_until(gathered)
            } else {
                self.take().ok().or_else(|| self.await_one(callers, &mut waited))
            };
        }
        // However many large operations overtake it, a rebuilt page gets its turn.
        requests.extend(self.derived.try_recv());
        let synced = requests.iter().any(|request| request.speed() == Speed::Synced);
        self.transact(requests, synced);
    }

    /// What waits, or comes in time.
    fn take_until(&self, due: Option<Instant>) -> Option<Box<dyn Request>> {
        loop {
            match self.take() {
                Ok(request) => return Some(request),
                Err(TryRecvError::Empty) if self.wait_until(due) => {}
                Err(_) => return None,
            }
        }
    }

    /// Waits for one of the callers who are likely to come, when so many are there.
    fn await_one(&mut self, callers: usize, waited: &mut Duration) -> Option<Box<dyn Request>> {
        let patience = self.crowd.patience(callers, *waited)?;
        let began = Instant::now();
        let came = self.synced.recv_timeout(patience).ok();
        *waited += began.elapsed();
        if came.is_none() {
            self.crowd.give_up();
        }
        came
    }

    fn transact(&mut self, mut requests: Vec<Box<dyn Request>>, synced: bool) {
        if let Some(latched) = self.shared.latched() {
            requests.into_iter().for_each(|request| request.fail(latched.clone()));
            // What could not be synced never will be: without this the timer would come for ever.
            self.unsynced = None;
            return;
        }
        // redb can panic where a file is damaged beyond what it expects; a panic here would leave
        // every caller waiting.
        let outcome = catch_unwind(AssertUnwindSafe(|| self.write(&mut requests, synced)));
        let outcome = outcome.unwrap_or_else(|_| {
            Err(self.shared.first_fault().unwrap_or_else(|| {
                self.shared.at_file(Error::damaged(format!(
                    "the file's tables are not in order; {RESTORE}"
                )))
            }))
        });
        match outcome {
            Ok(committed) => {
                requests.into_iter().for_each(|request| request.acknowledge(&committed));
            }
            Err(cause) => {
                // Whether the commit happened is unknown, and a sync is never retried.
                self.shared.latch(&cause);
                self.unsynced = None;
                let latched = self.shared.latched().unwrap_or(cause);
                requests.into_iter().for_each(|request| request.fail(latched.clone()));
            }
        }
    }

    /// One transaction: apply, commit, publish.
    fn write(&mut self, requests: &mut [Box<dyn Request>], synced: bool) -> Result<Committed> {
        let (shared, started) = (self.shared.clone(), Instant::now());
        let age_max = Duration::from(shared.options.unsynced_age_max);
        let full = |unsynced: &Unsynced| {
            unsynced.bytes >= shared.options.unsynced_bytes_max
                || unsynced.since.elapsed() >= age_max
        };
        let mut synced = synced || self.unsynced.as_ref().is_some_and(full);
        // What these announce may concern nobody any more, or nobody who is not marked already, only
        // by what is not synced: after a crash it would concern somebody.
        let announces = requests.iter().any(|request| request.speed() == Speed::AsFound);
        let unsynced_marks = self.unsynced.as_ref().is_some_and(|unsynced| unsynced.marks);
        let written = shared.with_database(|database| {
            let failed = |cause: redb::Error| shared.storage_error(cause);
            let mut txn = database.begin_write().map_err(|e| failed(e.into()))?;
            let mut batch = Batch::new(&shared, &txn, &mut self.ledger, self.last)?;
            for request in &mut *requests {
                batch.step();
                request.apply(&mut batch);
                if let Some(fault) = batch.fault() {
                    return Err(fault.clone());
                }
            }
            self.noting.ride_along(&mut batch, Instant::now())?;
            let written = batch.finish()?;
            synced |= written.must_sync;
            synced |= announces && (unsynced_marks || written.newly_marked);
            if synced {
                // One phase can roll an acknowledged commit back without a word when a bit of it
                // flips afterwards; with two that is an error.
                txn.set_two_phase_commit(true);
            } else {
                txn.set_durability(Durability::None).map_err(|e| failed(e.into()))?;
            }
            let committed = txn.commit();
            shared.committed();
            if let Err(cause) = committed {
                // Whether it happened is unknown: what it would have marked is not fresh any more.
                publish_marks(&shared, &written);
                return Err(failed(cause.into()));
            }
            Ok(written)
        })?;
        self.count(synced, &written);
        // What was marked before may be due again: it rested, and was announced once more.
        let marks = written.changes.iter().any(|change| matches!(change.what, What::Marked(_)));
        let makes_work = written.newly_marked || marks || !written.stamps.is_empty();
        self.last = written.last;
        self.sweeping |= written.sweeps;
        let committed = self.publish(written);
        let took = started.elapsed();
        self.shared.counters.commit_latency.record(took);
        if synced {
            let callers = requests.iter().filter(|request| request.speed() != Speed::Derived);
            self.crowd.synced(took, callers.count(), self.synced.len());
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

    /// Makes readers see the commit: pages, marks and stamps first, the revision after them.
    fn publish(&self, written: Written) -> Committed {
        let mut committed = Committed::up_to(self.last);
        for Change { key, what } in written.changes {
            let cache_key = CacheKey::new(&key);
            match what {
                What::Replaced { page, wanted } => {
                    let resident = page.clone();
                    let publication = Publication::Replace { resident, admit: wanted };
                    self.shared.cache.publish(cache_key, publication);
                    committed.insert(key, Some(page));
                }
                What::Removed => {
                    self.shared.cache.publish(cache_key, Publication::Remove);
                    committed.insert(key, None);
                }
                What::Marked(row) => raise(&self.shared, cache_key, &row),
            }
        }
        for (stamps, row) in &written.stamps {
            stamps.raise(row);
        }
        self.shared.publish(self.last);
        committed
    }

    /// Removes some pages of views that are no more, while nobody waits.
    fn sweep(&mut self) {
        let (request, receipt) = envelope(Sweep);
        self.transact(vec![request], false);
        // A failure has latched the writer, which ends the sweeping too.
        self.sweeping = receipt.wait().unwrap_or(false);
    }
}

fn raise(shared: &Shared, page: CacheKey<'_>, row: &MarkRow) {
    let (stale, suspect) = (row.stale(), row.suspect());
    let (stale, suspect) = (stale.words(), suspect.words());
    shared.cache.publish(page, Publication::Raise { stale, suspect });
}

/// Makes readers see the marks of a commit that failed, and nothing else of it.
fn publish_marks(shared: &Shared, written: &Written) {
    for Change { key, what } in &written.changes {
        if let What::Marked(row) = what {
            raise(shared, CacheKey::new(key), row);
        }
    }
    for (stamps, row) in &written.stamps {
        stamps.raise(row);
    }
}
