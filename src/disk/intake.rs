//! What waits for the writer, and how much of it makes one transaction.

use std::time::{Duration, Instant};

use crate::schedule::Round;
use crate::sync::channel::{Receiver, Select, TryRecvError};

use super::crowd::Crowd;
use super::operation::{Speed, Submission};

/// The two queues that the writer is fed from.
pub(super) struct Intake {
    /// Puts, deletions, definitions, syncs: they overtake what was built.
    synced: Receiver<Box<dyn Submission>>,
    derived: Receiver<Box<dyn Submission>>,
    /// Who will come with the next commit.
    crowd: Crowd,
    /// Who was answered with the last one. The writer goes on with those who are back while these
    /// wake each other, and helps them where nothing else is to do; all are awake before it waits or
    /// commits.
    answered: Round,
}

/// What the writer turns to next.
pub(super) enum Next {
    Submission(Box<dyn Submission>),
    /// The oldest unsynced commit is old enough.
    Sync,
    /// Nothing waits, and there is something to clean up.
    Sweep,
    Closed,
}

/// The operations of one transaction, as they come.
#[derive(Default)]
pub(super) struct Gathering {
    first: Option<Box<dyn Submission>>,
    /// Whether others may share its transaction.
    alone: bool,
    submissions: usize,
    bytes: usize,
    /// Those who wait for the sync.
    callers: usize,
    /// Until when more is waited for, if nobody waits for any of them.
    patient: Option<Instant>,
    /// How many of those are left that were there when the first came whom somebody waits for. What
    /// comes while they are applied is left to the next transaction, or a steady stream of it would
    /// keep him waiting.
    left: Option<usize>,
    /// How long the callers who are likely to come were waited for.
    for_callers: Duration,
    /// How long anybody was.
    waited: Duration,
    /// No more will come.
    ended: bool,
}

/// Operations of one transaction at most; more would only delay the first caller.
const OPERATIONS_MAX: usize = 4096;
/// Bytes of one transaction, about: it bounds what a commit holds in memory.
const BYTES_MAX: usize = 16 << 20;

/// What nobody waits for yet is gathered up to so many bytes: what is filled in bulk shares the
/// pages of the tables that it is written to, and each of those is written once a commit.
const GATHERED_BYTES: usize = 8 << 20;
/// And no longer than this.
const GATHERED_FOR: Duration = Duration::from_millis(50);

impl Gathering {
    /// One operation and no other.
    pub(super) fn of(only: Box<dyn Submission>) -> Self {
        Self { first: Some(only), alone: true, ..Self::default() }
    }

    /// What was not taken out.
    pub(super) fn into_first(self) -> Option<Box<dyn Submission>> {
        self.first
    }

    /// How long the transaction stood open for what had not come yet.
    pub(super) fn waited(&self) -> Duration {
        self.waited
    }

    fn take_in(&mut self, submission: &dyn Submission) {
        self.submissions += 1;
        self.bytes += submission.weight();
        self.callers += usize::from(submission.speed() != Speed::Derived);
        if !submission.is_patient() {
            self.patient = None;
        }
    }

    /// Notes how long it takes.
    fn wait<T>(&mut self, wait: impl FnOnce(&mut Self) -> T) -> T {
        let began = Instant::now();
        let came = wait(self);
        self.waited += began.elapsed();
        came
    }

    fn is_full(&self) -> bool {
        self.submissions >= OPERATIONS_MAX || self.bytes >= BYTES_MAX
    }
}

impl Intake {
    pub(super) fn new(
        synced: Receiver<Box<dyn Submission>>,
        derived: Receiver<Box<dyn Submission>>,
    ) -> Self {
        Self { synced, derived, crowd: Crowd::default(), answered: Round::default() }
    }

    /// Waits for work. Synced operations first; both queues closed and empty means the end.
    pub(super) fn next(&self, sweeps: bool, sync_due: Option<Instant>) -> Next {
        loop {
            match self.take() {
                Ok(submission) => return Next::Submission(submission),
                Err(TryRecvError::Disconnected) => return Next::Closed,
                Err(TryRecvError::Empty) => {}
            }
            if self.answered.wake_one() {
                continue;
            }
            if sweeps {
                return Next::Sweep;
            }
            // A loop, because a queue that has closed before the other counts as ready.
            if !self.wait_until(sync_due) {
                return Next::Sync;
            }
        }
    }

    /// Sleeps until something waits or a queue closes. `false` when it is due first.
    fn wait_until(&self, due: Option<Instant>) -> bool {
        let mut select = Select::new();
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
    /// lose the submission that came in meanwhile.
    fn take(&self) -> Result<Box<dyn Submission>, TryRecvError> {
        use TryRecvError::{Disconnected, Empty};
        let synced = match self.synced.try_recv() {
            Ok(submission) => return Ok(submission),
            Err(ended) => ended,
        };
        match (synced, self.derived.try_recv()) {
            (_, Ok(submission)) => Ok(submission),
            (Disconnected, Err(Disconnected)) => Err(Disconnected),
            _ => Err(Empty),
        }
    }

    /// Begins a transaction with `first`; what comes behind it will share it.
    pub(super) fn gather(&self, first: Box<dyn Submission>) -> Gathering {
        let patient = first.is_patient().then(|| Instant::now() + GATHERED_FOR);
        Gathering { first: Some(first), patient, ..Gathering::default() }
    }

    /// The next operation of a transaction: what waits, synced operations first, or comes in time.
    /// The writer applies each before it asks for another, so that one is applied while the next
    /// caller is still on his way.
    pub(super) fn more(&mut self, gathering: &mut Gathering) -> Option<Box<dyn Submission>> {
        let next = match gathering.first.take() {
            Some(first) => Some(first),
            None => self.another(gathering),
        };
        next.inspect(|submission| {
            gathering.take_in(&**submission);
            if gathering.patient.is_none() && gathering.left.is_none() {
                gathering.left = Some(self.synced.len() + self.derived.len());
            }
        })
    }

    fn another(&mut self, gathering: &mut Gathering) -> Option<Box<dyn Submission>> {
        if gathering.ended {
            return None;
        }
        gathering.ended = gathering.submissions == 0 || gathering.alone;
        if gathering.ended {
            self.answered.wake_all();
            return None;
        }
        if !gathering.is_full()
            && let Some(submission) = self.take_in_time(gathering)
        {
            return Some(submission);
        }
        gathering.ended = true;
        self.answered.wake_all();
        // However many large operations overtake it, a rebuilt page gets its turn.
        self.derived.try_recv().ok()
    }

    fn take_in_time(&mut self, gathering: &mut Gathering) -> Option<Box<dyn Submission>> {
        if let Some(due) = gathering.patient.filter(|_| gathering.bytes < GATHERED_BYTES) {
            self.answered.wake_all();
            return gathering.wait(|_| self.take_until(due));
        }
        let any_left = gathering.left.as_mut().is_some_and(|left| {
            let any = *left > 0;
            *left = left.saturating_sub(1);
            any
        });
        let there = if any_left { self.take().ok() } else { None };
        there.or_else(|| self.await_one(gathering))
    }

    /// What waits, or comes in time.
    fn take_until(&self, due: Instant) -> Option<Box<dyn Submission>> {
        loop {
            match self.take() {
                Ok(submission) => return Some(submission),
                Err(TryRecvError::Empty) if self.wait_until(Some(due)) => {}
                Err(_) => return None,
            }
        }
    }

    /// Waits for one of the callers who are likely to come, when so many are there.
    fn await_one(&mut self, gathering: &mut Gathering) -> Option<Box<dyn Submission>> {
        let patience = self.crowd.patience(gathering.callers, gathering.for_callers)?;
        loop {
            if let Ok(submission) = self.synced.try_recv() {
                return Some(submission);
            }
            if !self.answered.wake_one() {
                break;
            }
        }
        let came = gathering.wait(|gathering| {
            let began = Instant::now();
            let came = self.synced.recv_timeout(patience).ok();
            gathering.for_callers += began.elapsed();
            came
        });
        if came.is_none() {
            self.crowd.give_up();
        }
        came
    }

    /// Those who will be answered now. Nobody sleeps on if answering them comes to a bad end.
    pub(super) fn answer(&mut self) -> &Round {
        self.answered = Round::default();
        &self.answered
    }

    /// Wakes the first of those who were answered, and the others while the writer goes on.
    pub(super) fn wake(&self) {
        self.answered.wake_one();
    }

    /// A synced commit took so long.
    pub(super) fn synced(&mut self, took: Duration, gathering: &Gathering) {
        self.crowd.synced(took, gathering.callers, self.synced.len());
    }
}

impl Drop for Intake {
    /// However the writer ends.
    fn drop(&mut self) {
        self.answered.wake_all();
    }
}

#[cfg(test)]
mod tests {
    use super::super::batch::Batch;
    use super::super::committed::Committed;
    use super::*;
    use crate::error::Error;
    use crate::schedule::{Reply, receipt};
    use crate::sync::channel::{Sender, bounded};
    use crate::sync::thread;

    /// An operation that does nothing.
    struct Of {
        speed: Speed,
        is_patient: bool,
        weight: usize,
    }

    impl Submission for Of {
        fn speed(&self) -> Speed {
            self.speed
        }

        fn weight(&self) -> usize {
            self.weight
        }

        fn stages(&self) -> bool {
            true
        }

        fn is_patient(&self) -> bool {
            self.is_patient
        }

        fn apply(&mut self, _: &mut Batch<'_>) {}

        fn acknowledge(self: Box<Self>, _: &Committed, _: &Round) {}

        fn fail(self: Box<Self>, _: Error, _: &Round) {}
    }

    type Queue = Sender<Box<dyn Submission>>;

    fn intake() -> (Queue, Queue, Intake) {
        let (synced, synced_queue) = bounded(2 * OPERATIONS_MAX);
        let (derived, derived_queue) = bounded(2 * OPERATIONS_MAX);
        (synced, derived, Intake::new(synced_queue, derived_queue))
    }

    fn put(queue: &Queue, speed: Speed, is_patient: bool) {
        put_heavy(queue, speed, is_patient, 1);
    }

    fn put_heavy(queue: &Queue, speed: Speed, is_patient: bool, weight: usize) {
        assert!(queue.send(Box::new(Of { speed, is_patient, weight })).is_ok());
    }

    fn first(intake: &Intake) -> Gathering {
        let Next::Submission(first) = intake.next(false, None) else { panic!("nothing waits") };
        intake.gather(first)
    }

    #[test]
    fn a_stream_of_built_pages_keeps_nobody_waiting_who_is_there() {
        let (synced, derived, mut intake) = intake();
        put(&synced, Speed::Synced, false);
        (0..3).for_each(|_| put(&derived, Speed::Derived, true));
        let (mut gathering, mut taken) = (first(&intake), 0);
        while intake.more(&mut gathering).is_some() {
            taken += 1;
            // Whenever one was applied there is the next.
            put(&derived, Speed::Derived, true);
        }
        assert_eq!(taken, 1 + 3 + 1, "what was there, and one built page more");
    }

    #[test]
    fn the_callers_who_are_expected_are_taken_though_they_come_one_by_one() {
        let (synced, _derived, mut intake) = intake();
        intake.crowd.synced(Duration::from_secs(3600), 3, 0);
        put(&synced, Speed::AsFound, false);
        let mut gathering = first(&intake);
        while intake.more(&mut gathering).is_some() {
            put(&synced, Speed::AsFound, false);
        }
        assert_eq!((gathering.callers, intake.synced.len()), (3, 1), "the fourth is for the next");
    }

    /// How many operations the next transaction takes.
    fn taken(intake: &mut Intake) -> usize {
        let mut gathering = first(intake);
        std::iter::from_fn(|| intake.more(&mut gathering)).count()
    }

    #[test]
    fn a_transaction_takes_so_many_operations_or_bytes_and_one_built_page_more() {
        for (weight, most) in [(1, OPERATIONS_MAX), (BYTES_MAX / 2, 2), (BYTES_MAX, 1)] {
            let (synced, derived, mut intake) = intake();
            (0..most + 9).for_each(|_| put_heavy(&synced, Speed::Synced, false, weight));
            (0..9).for_each(|_| put_heavy(&derived, Speed::Derived, false, weight));
            assert_eq!(taken(&mut intake), most + 1, "of {weight} bytes each");
        }
    }

    #[test]
    fn what_nobody_waits_for_is_gathered_up_to_so_many_bytes() {
        for (weight, most) in [(1, 9), (GATHERED_BYTES / 2, 2), (GATHERED_BYTES, 1)] {
            let (_synced, derived, mut intake) = intake();
            (0..9).for_each(|_| put_heavy(&derived, Speed::Derived, true, weight));
            assert_eq!(taken(&mut intake), 9.min(most + 1), "of {weight} bytes each");
        }
    }

    #[test]
    fn one_that_is_alone_shares_its_transaction_with_none() {
        let (synced, _derived, mut intake) = intake();
        put(&synced, Speed::Synced, false);
        let mut gathering =
            Gathering::of(Box::new(Of { speed: Speed::Derived, is_patient: false, weight: 1 }));
        assert!(intake.more(&mut gathering).is_some() && intake.more(&mut gathering).is_none());
        assert!(intake.more(&mut Gathering::default()).is_none());
    }

    #[test]
    fn what_nobody_waits_for_is_waited_for_as_long_as_it_may_be() {
        let (synced, derived, mut intake) = intake();
        let before = Instant::now();
        put(&derived, Speed::Derived, true);
        let mut gathering = first(&intake);
        assert!(gathering.patient.is_some_and(|until| until >= before + GATHERED_FOR));
        gathering.patient = Some(before + Duration::from_secs(3600));
        assert!(intake.more(&mut gathering).is_some());
        thread::scope(|scope| {
            scope.spawn(|| {
                (0..100).for_each(|_| thread::yield_now());
                put(&synced, Speed::Synced, false);
            });
            assert!(intake.more(&mut gathering).is_some());
        });
        assert!(gathering.waited() > Duration::ZERO);
    }

    #[test]
    fn those_who_shared_a_sync_are_waited_for_at_the_next() {
        let (synced, _derived, mut intake) = intake();
        (0..3).for_each(|_| put(&synced, Speed::AsFound, false));
        let mut gathering = first(&intake);
        while intake.more(&mut gathering).is_some() {}
        intake.synced(Duration::from_millis(1), &gathering);
        let is_waited_for = |there| intake.crowd.patience(there, Duration::ZERO).is_some();
        assert_eq!([1, 2, 3].map(is_waited_for), [true, true, false]);
    }

    #[test]
    fn all_who_were_answered_are_awake_when_the_writer_ends() {
        let (_synced, _derived, mut intake) = intake();
        let (replies, receipts): (Vec<_>, Vec<_>) = (0..9).map(|_| receipt()).unzip();
        thread::scope(|scope| {
            let waiting: Vec<_> =
                receipts.into_iter().map(|receipt| scope.spawn(|| receipt.wait())).collect();
            // Who is not asleep yet needs nobody.
            while !replies.iter().all(Reply::is_awaited) {
                thread::yield_now();
            }
            let round = intake.answer();
            replies.into_iter().for_each(|reply| reply.give(1, round));
            // It may even end before it wakes the first.
            drop(intake);
            assert!(waiting.into_iter().all(|waits| waits.join().unwrap() == Some(1)));
        });
    }
}
