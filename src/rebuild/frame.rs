//! One run of a build function.

use std::fmt;

use crate::error::Error;
use crate::sync::{Arc, AtomicBool, Mutex, Ordering};

use super::circle::Step;
use super::errand::{Errand, Target};
use super::reads::Reads;

/// One run of a build function: for which build it runs, and what it has read. It is known to all
/// threads that read for it.
pub(crate) struct Frame {
    step: Step,
    /// The run whose read this one answers; none for the first of its errand.
    parent: Option<Arc<Frame>>,
    errand: Arc<Errand>,
    /// How many runs there are from the first one to this, on whichever threads.
    depth: usize,
    unwound: AtomicBool,
    reads: Mutex<Reads>,
}

impl Frame {
    /// The first run of an errand, or of a part of it that is worked off.
    pub(super) fn first(step: Step, errand: Arc<Errand>) -> Self {
        Self {
            step,
            parent: None,
            errand,
            depth: 1,
            unwound: AtomicBool::new(false),
            reads: Mutex::default(),
        }
    }

    /// A run that answers a read of another.
    pub(super) fn within(parent: &Arc<Self>, step: Step) -> Self {
        Self {
            parent: Some(parent.clone()),
            depth: parent.depth + 1,
            ..Self::first(step, parent.errand.clone())
        }
    }

    /// Notes what was read.
    pub(crate) fn note(&self, note: impl FnOnce(&mut Reads)) {
        note(&mut self.reads.lock());
    }

    /// What was read so far.
    pub(crate) fn take_reads(&self) -> Reads {
        std::mem::take(&mut *self.reads.lock())
    }

    pub(super) fn step(&self) -> &Step {
        &self.step
    }

    pub(super) fn errand(&self) -> &Arc<Errand> {
        &self.errand
    }

    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    /// Whether it is the outermost build itself, and not one of those that it needs.
    pub(crate) fn is_outermost(&self) -> bool {
        self.parent.is_none() && self.errand.depth() == 0
    }

    /// A number of all that works for one outermost build.
    pub(crate) fn errand_number(&self) -> u64 {
        self.errand.number()
    }

    /// Whether it runs in vain: something that it needs is built first, and then it runs again. What
    /// it returns counts for nothing.
    pub(crate) fn is_unwound(&self) -> bool {
        self.unwound.load(Ordering::Acquire)
    }

    /// Gives up this run and all that it runs for, so that the outermost build makes `target` first.
    /// The error ends the read; if the record was tried before, it says what came of it, and the run
    /// goes on.
    pub(super) fn unwind(&self, target: &Target) -> Error {
        if let Err(failed) = self.errand.want(target, || self.path()) {
            return failed;
        }
        let mut next = Some(self);
        while let Some(frame) = next {
            frame.unwound.store(true, Ordering::Release);
            next = frame.parent.as_deref();
        }
        Error::unwinding()
    }

    /// The builds from the first run to this one.
    pub(super) fn path(&self) -> Vec<Step> {
        let mut path = Vec::with_capacity(self.depth);
        let mut next = Some(self);
        while let Some(frame) = next {
            path.push(frame.step.clone());
            next = frame.parent.as_deref();
        }
        path.reverse();
        path
    }
}

/// Shows which build it is, never what it has read: pages go by their entities.
impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({}, {} deep)", self.step.name, self.depth)
    }
}
