//! Which builds the present thread is in the middle of.
//!
//! A build function may read through handles that it captured; those reads may build in turn, on
//! the same thread. A thread of its own that it hands its context to *adopts* its run while it
//! reads. Writes and closing do not belong inside a build, and the chain ends before the stack does.

use std::cell::{Cell, RefCell};

use crate::error::{Error, Result};
use crate::events::is_telling;
use crate::revision::Life;
use crate::sync::{Arc, thread_local};

use super::circle::Step;
use super::errand::{Errand, Target};
use super::flights::FlightKey;
use super::frame::Frame;
use super::reads::Reads;

thread_local! {
    /// How many entries the chain has, where a hit can look at it for next to nothing.
    static LENGTH: Cell<usize> = const { Cell::new(0) };
    static CHAIN: RefCell<Chain> = const { RefCell::new(Chain { entries: Vec::new(), errand: None }) };
}

struct Chain {
    /// The runs on this thread, outermost first.
    entries: Vec<Entry>,
    /// What the outermost of them runs for, while none runs too.
    errand: Option<Arc<Errand>>,
}

struct Entry {
    frame: Arc<Frame>,
    /// It runs on another thread, and this one reads for it.
    adopted: bool,
}

/// Builds that nest deeper than this are unwound: user code of unknown appetite lies between them,
/// and a thread's stack is commonly 2 MiB.
pub(super) const DEPTH_MAX: usize = 64;

/// Marks the present thread as inside a run until dropped.
#[derive(Debug)]
pub(crate) struct Running(());

/// Marks the present thread as working for an errand until dropped.
#[derive(Debug)]
pub(super) struct Working(Option<Arc<Errand>>);

/// Whether this thread is inside a build. An observer that is told of one is not: what it does is no
/// part of the record.
#[inline]
pub(crate) fn is_building() -> bool {
    LENGTH.get() > 0 && !is_telling()
}

/// The run that this thread's reads are for.
pub(crate) fn current() -> Option<Arc<Frame>> {
    CHAIN.with_borrow(|chain| chain.entries.last().map(|entry| entry.frame.clone()))
}

/// Notes a read from a store in the run that it is for. Outside a build nothing is noted; and to a
/// build for another store this one is as far outside as any file.
#[inline]
pub(crate) fn note(life: Life, note: impl FnOnce(&mut Reads)) {
    if is_building()
        && let Some(frame) = current().filter(|frame| frame.step().life == life)
    {
        frame.note(note);
    }
}

/// Enters a run for a flight that this thread leads, to build `target`. Beyond the depth limit, and
/// in a run that is unwound already, the error is [unwinding](Error::is_unwinding).
pub(crate) fn enter(step: Step, target: impl FnOnce() -> Target) -> Result<(Running, Arc<Frame>)> {
    let frame = match current() {
        Some(parent) if is_full(&parent) => return Err(parent.unwind(&target())),
        Some(parent) if parent.is_unwound() => return Err(Error::unwinding()),
        Some(parent) => Frame::within(&parent, step),
        None => Frame::first(step, errand().unwrap_or_default()),
    };
    let frame = Arc::new(frame);
    push(Entry { frame: frame.clone(), adopted: false });
    Ok((Running(()), frame))
}

/// Reads on for a run that began on another thread, until dropped.
pub(crate) fn adopt(frame: &Arc<Frame>) -> Option<Running> {
    if current().is_some_and(|current| Arc::ptr_eq(&current, frame)) {
        return None;
    }
    push(Entry { frame: frame.clone(), adopted: true });
    Some(Running(()))
}

/// Whether a run that was just unwound may want more built first, rather than only end.
pub(crate) fn wants_more() -> bool {
    current().is_some_and(|frame| is_full(&frame) && frame.errand().wants_more())
}

/// Whether a record was made already for what this thread works at. Then it was begun after the
/// outermost read, and whatever its colour is by now, it is an answer: to make it again and again
/// would not end where something changes all the time.
pub(crate) fn has_made(flight: impl FnOnce() -> FlightKey) -> bool {
    is_building() && current().is_some_and(|frame| frame.errand().has_made(flight))
}

fn is_full(frame: &Frame) -> bool {
    // The runs on this thread take its stack; those that the run is for take some thread's each.
    frame.depth() >= DEPTH_MAX || LENGTH.get() >= DEPTH_MAX
}

/// The builds that a wait of this thread holds up, outermost first.
pub(crate) fn path() -> Vec<Step> {
    let (tops, errand) = CHAIN.with_borrow(|chain| {
        // A run that is adopted brings its own path, and what lies beneath it on this thread, which
        // may be any other build, can go no further either.
        let last_of_part = |at: &usize| chain.entries.get(at + 1).is_none_or(|next| next.adopted);
        let tops = (0..chain.entries.len()).filter(last_of_part);
        let tops: Vec<_> = tops.map(|at| chain.entries[at].frame.clone()).collect();
        (tops, chain.errand.clone())
    });
    let mut path = Vec::new();
    if tops.is_empty() {
        path.extend(errand.iter().flat_map(|errand| errand.path()));
    }
    for top in tops {
        path.extend(top.errand().path());
        path.extend(top.path());
    }
    path
}

/// Makes the errand the one that runs on this thread are for, until dropped.
pub(super) fn work_for(errand: &Arc<Errand>) -> Working {
    Working(CHAIN.with_borrow_mut(|chain| chain.errand.replace(errand.clone())))
}

fn errand() -> Option<Arc<Errand>> {
    CHAIN.with_borrow(|chain| chain.errand.clone())
}

fn push(entry: Entry) {
    CHAIN.with_borrow_mut(|chain| {
        chain.entries.push(entry);
        LENGTH.set(chain.entries.len());
    });
}

/// Refuses what does not belong inside a build.
pub(crate) fn refuse_inside_build(doing: &str) -> Result<()> {
    match current().filter(|_| is_building()) {
        None => Ok(()),
        Some(frame) => Err(Error::input(format!(
            "{doing} inside a build ({}) is refused: a build reads, and returns its record; do it \
             outside",
            frame.step().name
        ))),
    }
}

/// Refuses to wait where what is waited for may be waiting itself.
pub(crate) fn refuse_waiting(doing: &str) -> Result<()> {
    refuse_inside_build(doing)?;
    if is_telling() {
        return Err(Error::input(format!(
            "{doing} is refused in an observer, whose thread may be working on it; hand it on to \
             another thread and do not wait for that"
        )));
    }
    Ok(())
}

impl Drop for Running {
    fn drop(&mut self) {
        let gone = CHAIN.with_borrow_mut(|chain| {
            let gone = chain.entries.pop();
            LENGTH.set(chain.entries.len());
            gone
        });
        // After the borrow: what it has read goes with it.
        drop(gone);
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        let before = self.0.take();
        let gone = CHAIN.with_borrow_mut(|chain| std::mem::replace(&mut chain.errand, before));
        drop(gone);
    }
}

#[cfg(test)]
mod tests {
    use crate::graph::{Node, Observation};
    use crate::grid::Grid;
    use crate::page::{SlotsByPage, ViewId};
    use crate::rebuild::BuildName;
    use crate::rebuild::rebuilders::{Held, Rebuilder, Shift};
    use crate::revision::Revision;
    use crate::schedule::Horizon;
    use crate::sync::thread;
    use crate::time::{TimeRange, Timestamp};

    use super::*;

    /// Builds nothing.
    struct Nobody;

    impl Rebuilder for Nobody {
        fn make_fresh(&self, _: &[u8], _: u32) -> Result<()> {
            unreachable!("nobody asks for it")
        }

        fn attempt(&self, _: &[u8], _: u32, _: &mut Held) -> Result<()> {
            unreachable!("nobody asks for it")
        }

        fn begin_shift(self: Arc<Self>) -> Box<dyn Shift> {
            unreachable!("nobody asks for it")
        }

        fn flight(&self, _: &[u8], _: u32) -> FlightKey {
            unreachable!("nobody asks for it")
        }

        fn pages(&self, _: &[u8], _: TimeRange) -> Result<SlotsByPage> {
            unreachable!("nobody asks for it")
        }

        fn buckets(&self, _: TimeRange) -> Result<u64> {
            unreachable!("nobody asks for it")
        }

        fn horizon(&self) -> Option<&Horizon> {
            None
        }

        fn name_entities(self: Arc<Self>, _: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
            unreachable!("nobody asks for it")
        }
    }

    fn target(page: &[u8]) -> Target {
        let flight = FlightKey { page: page.into(), slot: Some(0) };
        Target { rebuilder: Arc::new(Nobody), flight, slot: 0 }
    }

    /// One opening for all tests.
    fn life() -> Life {
        static LIFE: std::sync::LazyLock<Life> = std::sync::LazyLock::new(Life::begin);
        *LIFE
    }

    /// Enters a run of flight `flight`.
    fn run(flight: u64) -> Result<(Running, Arc<Frame>)> {
        let bucket = Grid::timeless().bucket_at(Timestamp::EPOCH).unwrap();
        let name = BuildName { view: "sun".into(), bucket };
        enter(Step { flight, life: life(), name }, || target(b"deep"))
    }

    fn flights() -> Vec<u64> {
        path().iter().map(|step| step.flight).collect()
    }

    #[test]
    fn a_write_inside_a_build_is_refused_and_outside_is_not() {
        refuse_inside_build("put").unwrap();
        let running = run(1).unwrap();
        assert!(is_building());
        let refused = refuse_inside_build("put").unwrap_err();
        assert!(refused.to_string().contains("sun"), "{refused}");
        drop(running);
        assert!(!is_building());
        refuse_inside_build("put").unwrap();
    }

    #[test]
    fn nesting_ends_before_the_stack_does() {
        let runs: Vec<_> = (0..DEPTH_MAX as u64).map(|flight| run(flight).unwrap()).collect();
        assert!(runs.iter().all(|(_, frame)| !frame.is_unwound()));
        assert!(run(64).unwrap_err().is_unwinding());
        assert!(runs.iter().all(|(_, frame)| frame.is_unwound()));
        let wanted = runs[0].1.errand().take_wanted();
        assert_eq!((wanted.len(), wanted[0].path.len()), (1, DEPTH_MAX));
        drop(runs);
        assert!(run(100).is_ok());
    }

    #[test]
    fn a_run_that_is_unwound_builds_nothing_more() {
        let mut runs: Vec<_> = (0..DEPTH_MAX as u64).map(|flight| run(flight).unwrap()).collect();
        assert!(run(64).unwrap_err().is_unwinding() && wants_more());
        // The innermost has ended; the one around it goes on all the same.
        runs.pop();
        assert!(run(65).unwrap_err().is_unwinding() && !wants_more());
        assert_eq!(runs[0].1.errand().take_wanted().len(), 1);
    }

    #[test]
    fn what_a_thread_reads_for_a_run_is_noted_there_and_counts_to_its_depth() {
        let read = |view| Observation::whole(Node::view(ViewId(view)), Revision::ZERO);
        let observed = |frame: &Frame| frame.take_reads().finish().unwrap().observations;
        note(life(), |_| unreachable!("no build is under way"));
        let outer = run(1).unwrap();
        let (_inner, frame) = run(2).unwrap();
        note(life(), |reads| reads.observe(read(1)));
        note(Life::begin(), |_| unreachable!("another store is outside"));
        thread::scope(|scope| {
            scope.spawn(|| {
                let _adopted = adopt(&frame);
                assert!(adopt(&frame).is_none(), "it is adopted already");
                note(life(), |reads| reads.observe(read(2)));
                let (_running, third) = run(3).unwrap();
                assert_eq!((third.depth(), flights()), (3, vec![1, 2, 3]));
            });
        });
        assert_eq!(observed(&frame), [read(1), read(2)]);
        assert!(observed(&outer.1).is_empty());
    }

    #[test]
    fn a_wait_for_an_adopted_run_holds_up_what_lies_beneath_it_too() {
        let (_other, _) = run(1).unwrap();
        let (_running, adopted) = thread::scope(|scope| {
            let begun = scope.spawn(|| {
                let (_first, _) = run(7).unwrap();
                run(8).unwrap().1
            });
            let frame = begun.join().unwrap();
            (adopt(&frame), frame)
        });
        let (_inner, _) = run(9).unwrap();
        assert_eq!(flights(), [1, 7, 8, 9]);
        assert!(!adopted.is_unwound());
    }

    #[test]
    fn a_thread_between_two_attempts_holds_up_what_it_works_for() {
        let errand = Arc::default();
        let _working = work_for(&errand);
        let steps = {
            let (_first, _) = run(1).unwrap();
            let (_second, _) = run(2).unwrap();
            path()
        };
        errand.descend(steps).unwrap();
        assert_eq!(flights(), [1, 2]);
        let (_third, _) = run(3).unwrap();
        assert_eq!(flights(), [1, 2, 3]);
        errand.ascend(0, &target(b"deep"), Ok(()));
        assert_eq!(flights(), [3]);
    }
}
