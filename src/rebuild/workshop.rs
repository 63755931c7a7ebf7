//! What builders and readers who build have in common.

use crate::disk::{PageInMemory, Shared, WriterHandle, closed, hottest_before};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::SlotSet;
use crate::page::{PageKey, Slot, ViewId};
use crate::revision::Revision;
use crate::schedule::{Orders, PageList, Refused};
use crate::sync::{Arc, AtomicBool, Mutex, Ordering};
use crate::time::Timestamp;

use super::director::{Director, Task};
use super::flights::Flights;
use super::order::Order;
use super::rebuilders::{Rebuilder, Rebuilders};
use super::retention::Cleaning;
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
    closing: AtomicBool,
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
            shared,
            rebuilders: Rebuilders::default(),
            writer: Mutex::new(writer),
            director,
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
        self.shared.check_writable()?;
        self.writer.lock().clone().ok_or_else(closed)
    }

    /// Takes the way to the writer out: it ends when the last copy is gone.
    pub(super) fn take_writer(&self) -> Option<WriterHandle> {
        self.writer.lock().take()
    }

    pub(super) fn rebuilders(&self) -> &Rebuilders {
        &self.rebuilders
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

    /// The same of one that was taken before, and waited for somebody else.
    pub(crate) fn place_again(&self, order: Arc<dyn Order>) {
        match self.orders.push_back_in_front(order) {
            Ok(()) => self.shared.bell.call(),
            Err(Refused::Closed(order) | Refused::Full(order)) => order.refuse(closed()),
        }
    }

    /// Does one piece of work, the most urgent, on the calling thread.
    pub(crate) fn work_one(&self) -> Result<Next> {
        if self.is_closing() {
            return Ok(Next::Nothing { until: None });
        }
        if let Some(order) = self.orders.pop() {
            order.fulfil();
            return Ok(Next::Worked(Worked::other(Reason::Awaited)));
        }
        match self.director.next(&self.shared, &self.rebuilders)? {
            Task::Page { reason, page, slots, rebuilder } => {
                let worked = self.work_off(reason, &page, slots, rebuilder);
                self.director.done(reason, &page);
                worked.map(Next::Worked)
            }
            Task::Warm(pages) => self.warm(&pages).map(Next::Worked),
            Task::Clean(step) => self.clean(&step).map(Next::Worked),
            Task::Nothing { until } => Ok(Next::Nothing { until }),
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
        let expired = match cleaned {
            Ok(cleaned) => cleaned.records,
            // Deleted or defined anew meanwhile: there is nothing to clean, or its turn comes.
            Err(_) if step.view.check().is_err() => 0,
            Err(error) => return Err(error),
        };
        self.shared.counters.records_expired.add(expired);
        let view = Some(step.view.name().to_string());
        Ok(Worked { view, expired, ..Worked::other(Reason::Retention) })
    }

    fn work_off(
        &self,
        reason: Reason,
        page: &[u8],
        slots: SlotSet,
        rebuilder: Arc<dyn Rebuilder>,
    ) -> Result<Worked> {
        let worked = rebuilder.work_off(page, slots, Revision::ZERO)?;
        self.shared.counters.background_builds.add(worked.built.len().into());
        let failed = worked.failed.iter().map(|(_, error)| error.clone()).collect();
        let mut done = Worked { built: worked.built.len().into(), failed, ..Worked::other(reason) };
        self.describe(page, slots, &mut done);
        Ok(done)
    }

    fn describe(&self, page: &[u8], slots: SlotSet, done: &mut Worked) {
        let Some((view, entity, number)) = PageKey::split(page) else { return };
        let Some(view) = self.shared.view(view) else { return };
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
        for order in self.orders.close() {
            order.refuse(closed());
        }
        self.shared.bell.call();
    }
}

impl std::fmt::Debug for Workshop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Workshop({} orders)", self.orders.len())
    }
}
