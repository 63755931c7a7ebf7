//! What builders and readers who build have in common.

use crate::cache::CacheKey;
use crate::disk::operations::{Failed, NoteFailures, Unwant, Unwanted};
use crate::disk::{PageInMemory, Shared, WriterHandle, closed, hottest_before, tries};
use crate::error::{Error, ErrorKind, Result};
use crate::events::Event;
use crate::graph::Tries;
use crate::page::{PageKey, Slot, SlotSet, ViewId};
use crate::revision::Revision;
use crate::schedule::{Attendance, Orders, PageList, Refused};
use crate::sync::{Arc, AtomicBool, Mutex, Ordering};
use crate::time::Timestamp;

use super::director::{Director, PageWork, Task};
use super::flights::Flights;
use super::horizons::Horizons;
use super::order::Order;
use super::rebuilders::{Rebuilder, Rebuilders, WorkedOff};
use super::retention::Cleaning;
use super::runs::Runs;
use super::work::{Reason, Worked};

/// Everything of an opening that building takes. Builders hold it and no handle on the store, so
/// that they keep none open.
pub(crate) struct Workshop {
    shared: Arc<Shared>,
    flights: Flights<PageInMemory>,
    rebuilders: Rebuilders,
    /// Gone once the store is closed. Taken out or cloned under the lock, never used under it.
    writer: Mutex<Option<WriterHandle>>,
    orders: Orders<Arc<dyn Order>>,
    director: Director,
    runs: Runs,
    horizons: Horizons,
    /// Who does background work just now, builders and others.
    pub(super) attendance: Attendance,
    /// Builders do nothing but what somebody waits for.
    pub(super) paused: AtomicBool,
    closing: AtomicBool,
}

/// A page in hand, until dropped: also when the clock, which is the application's, panics.
struct InHand<'a> {
    director: &'a Director,
    work: &'a PageWork,
    /// Whether some of it was not even tried.
    left: bool,
}

impl Drop for InHand<'_> {
    fn drop(&mut self) {
        self.director.done(self.work.reason, &self.work.page, self.left);
    }
}

/// What looking for work came to.
pub(crate) enum Next {
    Worked(Worked),
    /// There is nothing to do before this instant, or before the bell rings.
    Nothing {
        until: Option<Timestamp>,
    },
}

impl Workshop {
    pub(super) fn new(shared: Arc<Shared>, writer: Option<WriterHandle>) -> Self {
        let flights = Flights::new(shared.cache.life());
        let orders = Orders::new(shared.options.queue_len);
        let warm = shared.options.warm_up;
        let hottest = if warm { hottest_before(&shared) } else { PageList::default() };
        let director = Director::new(&shared, hottest);
        Self {
            flights,
            orders,
            rebuilders: Rebuilders::default(),
            writer: Mutex::new(writer),
            director,
            runs: Runs::default(),
            horizons: Horizons::default(),
            shared,
            attendance: Attendance::default(),
            paused: AtomicBool::new(false),
            closing: AtomicBool::new(false),
        }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(crate) fn flights(&self) -> &Flights<PageInMemory> {
        &self.flights
    }

    /// The way to the writer, unless the store is closed or may not be written.
    pub(crate) fn writer(&self) -> Result<WriterHandle> {
        self.shared.file.check_writable()?;
        self.writer.lock().clone().ok_or_else(closed)
    }

    /// Takes the way to the writer out: it ends when the last copy is gone.
    pub(super) fn take_writer(&self) -> Option<WriterHandle> {
        self.writer.lock().take()
    }

    pub(super) fn rebuilders(&self) -> &Rebuilders {
        &self.rebuilders
    }

    /// The runs that have not ended.
    pub(crate) fn runs(&self) -> &Runs {
        &self.runs
    }

    /// What is known of the views that are kept filled.
    pub(super) fn horizons(&self) -> &Horizons {
        &self.horizons
    }

    /// The view of that number, if it builds and somebody holds a handle on it.
    pub(crate) fn rebuilder(&self, view: ViewId) -> Option<Arc<dyn Rebuilder>> {
        self.rebuilders.find(view)
    }

    /// Leaves a read to the builders.
    pub(crate) fn place(&self, order: Arc<dyn Order>) -> Result<()> {
        self.shared.counters.orders.add(1);
        match self.orders.push(order) {
            Ok(()) => {
                self.shared.bell.call();
                Ok(())
            }
            Err(Refused::Closed(_)) => Err(closed()),
            Err(Refused::Full(_)) => Err(Error::new(
                ErrorKind::Busy,
                format!(
                    "{} reads wait for builders already, as many as `Options::queue_len` allows; try \
                     again later",
                    self.shared.options.queue_len
                ),
            )),
        }
    }

    /// The builder on this thread hangs: what waited for its build goes on without.
    pub(super) fn give_up_waiting(&self, thread: u64) {
        self.attendance.give_up(thread);
        self.director.give_up_waiting();
        self.shared.bell.ring();
    }

    /// Takes back an order that no builder has come to yet. Whether it was there.
    pub(crate) fn take_back(&self, order: &Arc<dyn Order>) -> bool {
        self.orders.take_out(|other| Arc::ptr_eq(other, order))
    }

    /// The same of one that was taken before, and waited for somebody else.
    pub(crate) fn place_again(&self, order: Arc<dyn Order>) {
        match self.orders.push_back_in_front(order) {
            Ok(()) => self.shared.bell.call(),
            Err(Refused::Closed(order) | Refused::Full(order)) => order.refuse(closed()),
        }
    }

    /// How many reads wait until a builder takes them.
    pub(crate) fn orders_waiting(&self) -> usize {
        self.orders.len()
    }

    /// Does what one reader waits for.
    pub(super) fn fulfil_one(&self) -> Option<Next> {
        let order = self.orders.pop()?;
        let in_hand = OrderInHand(&order);
        order.clone().fulfil();
        // It is answered, or waits for somebody else's build.
        std::mem::forget(in_hand);
        Some(Next::Worked(Worked::other(Reason::Awaited)))
    }

    /// Does the most urgent piece of work.
    pub(super) fn find_and_work(&self) -> Result<Next> {
        if self.is_closing() {
            return Ok(Next::Nothing { until: None });
        }
        if let Some(next) = self.fulfil_one() {
            return Ok(next);
        }
        let mut until = None;
        let mut later = |other| until = [until, other].into_iter().flatten().min();
        match self.work_through(|| self.director.next(&self.shared, &self.rebuilders))? {
            Next::Nothing { until } => later(until),
            worked => return Ok(worked),
        }
        match self.begin_a_day()? {
            Next::Nothing { until } => later(until),
            worked => return Ok(worked),
        }
        match self.work_on_a_run()? {
            Next::Nothing { until } => later(until),
            worked => return Ok(worked),
        }
        match self.work_through(|| self.director.last(&self.shared, &self.rebuilders))? {
            Next::Nothing { until } => later(until),
            worked => return Ok(worked),
        }
        Ok(Next::Nothing { until })
    }

    /// Does a task, and before it those in which nothing is built.
    fn work_through(&self, next: impl Fn() -> Result<Task>) -> Result<Next> {
        loop {
            return match next()? {
                Task::Note(note) => {
                    self.writer()?.run(note)?;
                    continue;
                }
                Task::Page(work) => {
                    let mut in_hand = InHand { director: &self.director, work: &work, left: true };
                    let worked = self.work_off(&work)?;
                    in_hand.left = worked.failed.iter().any(|it| it.kind() == ErrorKind::Busy);
                    Ok(Next::Worked(worked))
                }
                Task::Warm(pages) => self.warm(&pages).map(Next::Worked),
                Task::Clean(step) => self.clean(&step).map(Next::Worked),
                Task::Nothing { until } => Ok(Next::Nothing { until }),
            };
        }
    }

    /// Asks for a page to be brought into memory in the background. Whether there was room for it on
    /// the list of those; the bell is for the caller to ring.
    pub(crate) fn ask_to_warm(&self, page: &[u8]) -> bool {
        self.director.warm_up().ask(page)
    }

    fn warm(&self, pages: &[Box<[u8]>]) -> Result<Worked> {
        let stop = || self.is_closing() || self.orders.len() > 0;
        let warmed = self.director.warm_up().run(&self.shared, pages, stop)?;
        self.shared.counters.pages_warmed.add(warmed);
        Ok(Worked { warmed, ..Worked::other(Reason::WarmUp) })
    }

    fn clean(&self, step: &Cleaning) -> Result<Worked> {
        let cleaned = self.writer().and_then(|writer| step.run(&self.shared, &writer));
        self.director.cleaned(&self.shared, step, cleaned.as_ref().ok());
        // Who waits for what was asked for and went, waits in vain.
        self.flights.tell_all(&PageKey::view_bounds(step.view.id()).0);
        let retired = match cleaned {
            Ok(cleaned) => cleaned.records,
            // Deleted or defined anew meanwhile: there is nothing to clean, or its turn comes.
            Err(_) if step.view.check().is_err() => 0,
            Err(error) => return Err(error),
        };
        self.shared.counters.records_retired.add(retired);
        let view = Some(step.view.name().to_string());
        Ok(Worked { view, retired, ..Worked::other(Reason::Retention) })
    }

    fn work_off(&self, work: &PageWork) -> Result<Worked> {
        let begun = self.shared.published();
        // What is about to expire is fresh, and built all the same.
        let floor = if work.reason == Reason::Expiring { begun } else { Revision::ZERO };
        let work_off = |slots| work.rebuilder.clone().work_off(&work.page, slots, floor);
        let worked = if work.cautiously {
            self.one_by_one(&work.page, work.slots, work_off)
        } else {
            work_off(work.slots)
        };
        let worked = match worked {
            // Of this page alone: its key is none that its view could have written.
            Err(error) if matches!(error.kind(), ErrorKind::Damaged | ErrorKind::Input) => {
                let failed = work.slots.iter().map(|slot| (slot, error.clone())).collect();
                WorkedOff { failed, ..WorkedOff::default() }
            }
            worked => worked?,
        };
        // Fresh by now, or history: nobody needs to ask for it any more.
        if work.reason == Reason::Requested && !worked.found.is_empty() {
            self.unwant(work, worked.found)?;
        }
        let built = u64::from(worked.built.len());
        self.shared.counters.background_builds.add(built);
        let failed = worked.failed.iter().map(|(_, error)| error.clone()).collect();
        let mut done = Worked { built, failed, ..Worked::other(work.reason) };
        self.describe(&work.page, work.slots, &mut done);
        self.note_failures(&work.page, &work.rebuilder, begun, worked.failed)?;
        Ok(done)
    }

    fn unwant(&self, work: &PageWork, slots: SlotSet) -> Result<()> {
        let Some((view, ..)) = PageKey::split(&work.page) else { return Ok(()) };
        let Some(view) = self.shared.views.get(view) else { return Ok(()) };
        let pages = vec![(work.page.clone(), slots)];
        self.writer()?.run(Unwant { view, pages, why: Unwanted::Found }).map(drop)
    }

    /// Writes down what could not be built, and when it is tried again.
    pub(super) fn note_failures(
        &self,
        page: &[u8],
        rebuilder: &Arc<dyn Rebuilder>,
        begun: Revision,
        failed: Vec<(Slot, Error)>,
    ) -> Result<()> {
        let Some((view, _, number)) = PageKey::split(page) else { return Ok(()) };
        let Some(view) = self.shared.views.get(view) else { return Ok(()) };
        let (conduct, now) = (view.governor().conduct(), self.shared.options.clock.now());
        let mut noted = Vec::new();
        for (slot, error) in failed {
            if error.kind() == ErrorKind::Busy {
                // Not tried: the breaker is open, or it tries somebody else's build.
                let rest = conduct.breaker.unwrap_or_default().rest;
                let until = now + rest;
                self.director.turned_away(view.id(), until);
                continue;
            }
            let before = tries(&self.shared, page, slot)?;
            let attempts = before.map_or(0, |before| before.tries.attempts).saturating_add(1);
            let seed = CacheKey::new(page).hash() ^ u64::from(slot.0);
            let next_attempt = conduct.retry.after(attempts, now, seed);
            if let Some(bucket) = view.grid().bucket_in(number, slot.0, view.page_len()) {
                let (view, error, until) = (view.name(), &error, next_attempt);
                self.shared.events.tell(&if until == Timestamp::MAX {
                    Event::GaveUp { view, bucket, error, attempts }
                } else {
                    Event::PutOff { view, bucket, error, attempts, until }
                });
            }
            if next_attempt == Timestamp::MAX {
                view.counters().gave_up.add(1);
            }
            noted.push(Failed { slot, error, tries: Tries { attempts, next_attempt } });
        }
        if noted.is_empty() {
            return Ok(());
        }
        let slots: Vec<Slot> = noted.iter().map(|failed| failed.slot).collect();
        let note = NoteFailures { page: page.into(), failed: noted, begun, now };
        self.writer()?.run(note)?;
        // Who waits for one of them may have waited for the last try.
        for slot in slots {
            self.flights.tell(&rebuilder.flight(page, slot.0));
        }
        Ok(())
    }

    fn describe(&self, page: &[u8], slots: SlotSet, done: &mut Worked) {
        let Some((view, entity, number)) = PageKey::split(page) else { return };
        let Some(view) = self.shared.views.get(view) else { return };
        done.view = Some(view.name().to_string());
        done.entity = Some(entity.to_vec());
        let bucket = |slot: Slot| view.grid().bucket_in(number, slot.0, view.page_len());
        done.buckets = slots.iter().filter_map(bucket).collect();
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    /// Begins nothing from here on; who waits for a builder is told so.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Release);
        self.attendance.close();
        self.runs.close();
        for order in self.orders.close() {
            order.refuse(closed());
        }
        self.shared.bell.call();
    }
}

/// Answers an order if whoever has it in hand panics: nobody is to wait for ever.
struct OrderInHand<'a>(&'a Arc<dyn Order>);

impl Drop for OrderInHand<'_> {
    fn drop(&mut self) {
        let message =
            "the builder that was to answer this read panicked outside the build function";
        self.0.refuse(Error::new(ErrorKind::Build, message));
    }
}

impl std::fmt::Debug for Workshop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Workshop({} orders)", self.orders.len())
    }
}
