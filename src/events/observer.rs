//! Who is told what happens.

use std::cell::Cell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::Error;
use crate::metrics::Counter;
use crate::sync::{Arc, AtomicBool, Mutex, Ordering, thread_local};

use super::event::Event;

/// Told what happens in a store. A closure that takes an event is one.
///
/// It is called in the thread in which the event came about, mostly a reader's in the middle of a
/// build, and whoever waits for that build waits for it too: it should be quick, and hand on what
/// takes longer. It may read what is there and write, but nothing is built for it: a read that would
/// have to build is refused with [`Input`](crate::ErrorKind::Input). Its own calls make no events. If
/// it panics, that is the end of the call and of nothing else.
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use tidetable::{Event, Options, Store, Timestamp};
///
/// let log = Arc::new(Mutex::new(Vec::new()));
/// let lines = log.clone();
/// let observer = move |event: &Event<'_>| lines.lock().unwrap().push(event.to_string());
/// let options = Options { observer: Some(Arc::new(observer)), ..Options::default() };
/// let store = Store::in_memory_with(options)?;
/// let area = store.view::<u32, u64>("area").build(|_, &patio, _| Ok(u64::from(patio) * 3))?;
/// area.get(&7, Timestamp::EPOCH)?;
/// assert!(log.lock().unwrap()[0].starts_with("view 'area'"));
/// # Ok::<(), tidetable::Error>(())
/// ```
pub trait Observer: Send + Sync {
    /// Something happened.
    fn event(&self, event: &Event<'_>);
}

impl<F: Fn(&Event<'_>) + Send + Sync> Observer for F {
    fn event(&self, event: &Event<'_>) {
        self(event);
    }
}

thread_local! {
    /// Whether this thread is in an observer.
    static TELLING: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is in an observer. The builds around the call go on after it and have no part
/// in what it reads; and what they hold must not be waited for in here, or nobody would ever let go.
#[inline]
pub(crate) fn is_telling() -> bool {
    TELLING.get()
}

/// The way of events to the observer of an opening.
pub(crate) struct Events {
    observer: Option<Arc<dyn Observer>>,
    /// Whether anybody is told at all. With `tracing` somebody may always listen.
    is_heard: bool,
    late: Mutex<VecDeque<Error>>,
    /// Whether something is kept, where a call can look at it without the lock.
    is_late: AtomicBool,
    dropped: Counter,
}

/// What the writer found and nobody was told yet, at most so many.
const LATE_MAX: usize = 64;

/// Marks the present thread as in an observer until dropped.
struct Telling(());

impl Events {
    pub(crate) fn new(observer: Option<Arc<dyn Observer>>) -> Self {
        let (late, is_late) = (Mutex::default(), AtomicBool::new(false));
        let is_heard = observer.is_some() || cfg!(feature = "tracing");
        Self { observer, is_heard, late, is_late, dropped: Counter::default() }
    }

    /// Whether anybody is told at all: who has to gather what he would tell asks first.
    #[inline]
    pub(crate) fn has_observer(&self) -> bool {
        self.is_heard
    }

    /// Tells what happened. Never under a lock nor in the writer's thread: this runs the
    /// application's code.
    #[inline]
    pub(crate) fn tell(&self, event: &Event<'_>) {
        if self.has_observer() {
            self.call(event);
        }
    }

    #[cold]
    fn call(&self, event: &Event<'_>) {
        let Some(_telling) = Telling::begin() else {
            self.dropped.add(1);
            return;
        };
        // Each for itself: one that panics takes nothing from the other.
        #[cfg(feature = "tracing")]
        let _ = catch_unwind(AssertUnwindSafe(|| super::trace::trace(event)));
        if let Some(observer) = &self.observer {
            let _ = catch_unwind(AssertUnwindSafe(|| observer.event(event)));
        }
    }

    /// Keeps a damaged page, which the writer has found, for the next that tells.
    pub(crate) fn keep_damage(&self, error: Error) {
        if !self.has_observer() {
            return;
        }
        let mut late = self.late.lock();
        if late.len() < LATE_MAX {
            late.push_back(error);
            self.is_late.store(true, Ordering::Release);
        } else {
            self.dropped.add(1);
        }
    }

    /// Tells what was kept. Called where an answer of the writer has been waited for.
    #[inline]
    pub(crate) fn tell_late(&self) {
        if self.is_late.load(Ordering::Acquire) && !is_telling() {
            self.tell_kept();
        }
    }

    #[cold]
    fn tell_kept(&self) {
        let kept = {
            let mut late = self.late.lock();
            self.is_late.store(false, Ordering::Release);
            std::mem::take(&mut *late)
        };
        kept.iter().for_each(|error| self.tell(&Event::PageDamaged { error }));
    }

    /// How many events nobody was told of.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.get()
    }
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events").field("observer", &self.observer.is_some()).finish_non_exhaustive()
    }
}

impl Telling {
    /// `None` in an observer: it would be told of what it does itself, and of that again.
    fn begin() -> Option<Self> {
        // Made only then: one that is made and dropped would say that the outer call has ended.
        (!TELLING.replace(true)).then(|| Self(()))
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        TELLING.set(false);
    }
}

#[cfg(test)]
mod tests {
    use crate::sync::AtomicUsize;

    use super::*;

    fn closed<'a>() -> Event<'a> {
        Event::BreakerClosed { view: "sun" }
    }

    fn told(events: &Mutex<Vec<String>>) -> Vec<String> {
        std::mem::take(&mut events.lock())
    }

    /// Events to an observer, and what it heard.
    fn heard() -> (Events, Arc<Mutex<Vec<String>>>) {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let lines = heard.clone();
        let observer = move |event: &Event<'_>| lines.lock().push(event.to_string());
        (Events::new(Some(Arc::new(observer))), heard)
    }

    #[test]
    fn an_observer_that_panics_is_told_the_next_all_the_same() {
        let called = Arc::new(AtomicUsize::new(0));
        let counted = called.clone();
        let observer = move |_: &Event<'_>| {
            assert!(is_telling());
            counted.fetch_add(1, Ordering::Relaxed);
            panic!("on purpose");
        };
        let events = Events::new(Some(Arc::new(observer)));
        events.tell(&closed());
        events.tell(&closed());
        assert_eq!((called.load(Ordering::Relaxed), events.dropped()), (2, 0));
        assert!(!is_telling());
    }

    #[test]
    fn an_observer_is_not_told_of_what_it_does_itself() {
        let events: Arc<Mutex<Option<Arc<Events>>>> = Arc::default();
        let (own, called) = (events.clone(), Arc::new(AtomicUsize::new(0)));
        let counted = called.clone();
        let observer = move |event: &Event<'_>| {
            counted.fetch_add(1, Ordering::Relaxed);
            let own = own.lock().clone().expect("it is set");
            own.tell(event);
            own.keep_damage(Error::damaged("found meanwhile"));
            own.tell_late();
        };
        let told = Arc::new(Events::new(Some(Arc::new(observer))));
        *events.lock() = Some(told.clone());
        told.tell(&closed());
        assert_eq!((called.load(Ordering::Relaxed), told.dropped()), (1, 1));
        *events.lock() = None;
    }

    #[test]
    fn what_is_kept_is_told_once_in_order_and_what_is_too_much_is_counted() {
        let (events, heard) = heard();
        events.tell_late();
        for page in 0..LATE_MAX + 3 {
            events.keep_damage(Error::damaged(format!("page {page}")));
        }
        assert!(told(&heard).is_empty(), "keeping tells nobody");
        events.tell_late();
        let expected: Vec<String> = (0..LATE_MAX).map(|page| format!("page {page}")).collect();
        assert_eq!((told(&heard), events.dropped()), (expected, 3));
        events.tell_late();
        assert!(told(&heard).is_empty());
        events.keep_damage(Error::damaged("one more"));
        events.tell_late();
        assert_eq!(told(&heard), ["one more"]);
    }

    #[test]
    fn without_an_observer_nothing_is_kept_and_nothing_counts_as_dropped() {
        assert_eq!(Events::new(None).has_observer(), cfg!(feature = "tracing"));
        // As where nobody may listen to `tracing` either.
        let events = Events { is_heard: false, ..Events::new(None) };
        (0..LATE_MAX + 3).for_each(|_| events.keep_damage(Error::damaged("a page")));
        events.tell(&closed());
        assert_eq!((events.late.lock().len(), events.dropped()), (0, 0));
    }
}
