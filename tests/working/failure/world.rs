//! A view whose builds fail when they are told to.

use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::SeqCst};

use crate::common::still;
use tidetable::BreakerState;
use tidetable::{
    Breaker, Error, ErrorKind, Grid, ManualClock, Options, Span, Store, Timestamp, View,
    ViewDefinition,
};

/// Opens after three failures, for a second at first and for three at most.
pub(crate) const BREAKER: Breaker =
    Breaker { failures: 3, rest: Span::seconds(1), rest_most: Span::seconds(3) };

pub(crate) fn minute(minute: i64) -> Timestamp {
    Timestamp::from_seconds(minute * 60)
}

pub(crate) fn minutes(range: Range<i64>) -> Range<Timestamp> {
    minute(range.start)..minute(range.end)
}

pub(crate) fn number_of(bucket: tidetable::Bucket) -> i64 {
    bucket.start().as_millis() / 60_000
}

/// What the builds of a world are told, and how many ran.
#[derive(Clone, Debug, Default)]
pub(crate) struct Builds(Arc<[AtomicU64; 3]>);

const WELL: u64 = 0;
const FAIL: u64 = 1;
const PANIC: u64 = 2;
const BLAMELESS: u64 = 3;

impl Builds {
    /// Builds come to a record: how many had run before.
    pub(crate) fn go_well(&self) {
        self.0[1].store(WELL, SeqCst);
    }

    pub(crate) fn fail(&self) {
        self.0[1].store(FAIL, SeqCst);
    }

    pub(crate) fn panic(&self) {
        self.0[1].store(PANIC, SeqCst);
    }

    /// Builds declare what cannot be, which is no failure of what they ask.
    pub(crate) fn declare_nonsense(&self) {
        self.0[1].store(BLAMELESS, SeqCst);
    }

    /// How many ran.
    pub(crate) fn ran(&self) -> u64 {
        self.0[0].load(SeqCst)
    }

    /// What a build function does.
    pub(crate) fn run(
        &self,
        context: &tidetable::BuildContext,
    ) -> Result<u64, tidetable::BuildError> {
        let before = self.0[0].fetch_add(1, SeqCst);
        match self.0[1].load(SeqCst) {
            FAIL => Err("the tide is out".into()),
            PANIC => panic!("the tide is out"),
            BLAMELESS => {
                context.depends_on(("", 1_u32));
                Ok(before)
            }
            _ => Ok(before),
        }
    }
}

pub(crate) struct World {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: Store,
    pub(crate) builds: Builds,
    pub(crate) view: View<u32, u64>,
}

impl World {
    /// One view with the breaker above, by the minute.
    pub(crate) fn new() -> Self {
        Self::with(still::options(), |definition| definition.breaker(BREAKER))
    }

    pub(crate) fn with(
        options: Options,
        conduct: impl FnOnce(ViewDefinition<u32, u64>) -> ViewDefinition<u32, u64>,
    ) -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::EPOCH));
        let store = Store::in_memory_with(Options { clock: clock.clone(), ..options }).unwrap();
        let builds = Builds::default();
        let told = builds.clone();
        let view = conduct(define(&store)).build(move |context, _, _| told.run(context)).unwrap();
        Self { clock, store, builds, view }
    }

    /// Fails until the breaker opens. The last failure is the one of minute 1,002.
    pub(crate) fn trip(&self) {
        self.builds.fail();
        for number in 1000..1003 {
            assert_eq!(self.fails(number).kind(), ErrorKind::Build);
        }
        assert!(is_open(&self.view));
    }

    /// The error of a read.
    pub(crate) fn fails(&self, number: i64) -> Error {
        self.view.get(&1, minute(number)).unwrap_err()
    }

    pub(crate) fn after_seconds(&self, seconds: i64) {
        self.clock.advance(Span::seconds(seconds));
    }
}

pub(crate) fn define(store: &Store) -> ViewDefinition<u32, u64> {
    store.view("tide").grid(Grid::minutes(1)).page_len(16)
}

pub(crate) fn is_open<R: tidetable::RecordType>(view: &View<u32, R>) -> bool {
    matches!(view.breaker_state(), BreakerState::Open { .. })
}

/// How many failures the breaker counts while it is closed.
pub(crate) fn failures(view: &View<u32, u64>) -> u32 {
    match view.breaker_state() {
        BreakerState::Closed { failures, .. } => failures,
        other => panic!("it is not closed: {other:?}"),
    }
}

/// Nothing is built, for a reason that is told.
pub(crate) fn assert_busy<T: Debug>(read: Result<T, Error>, reason: &str) {
    let refused = read.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Busy, "{refused}");
    assert!(refused.to_string().contains(reason), "{refused}");
}

/// A clock that goes on by a millisecond whenever somebody looks at it.
#[derive(Debug, Default)]
pub(crate) struct Ticking(AtomicI64);

impl tidetable::Clock for Ticking {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.fetch_add(1, SeqCst))
    }
}
