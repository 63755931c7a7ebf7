//! A change of the application's own data that cannot be forgotten.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::disk::operations::{BeginChange, EndChange};
use crate::error::Result;
use crate::graph::Node;
use crate::key::Source;
use crate::rebuild::{Engine, refuse_inside_build};
use crate::sync::Arc;

use super::invalidated::Invalidated;

/// A change of the application's own data that was noted and is not over.
///
/// Its sources are announced as changed by [`announce`](Self::announce), or when this is dropped, whatever
/// became of the change; and if the process dies before, by the next opening. It keeps the store open,
/// unless that is [closed](crate::Store::close): then the next opening announces it too.
///
/// Get one from [`Store::begin_change`](crate::Store::begin_change).
#[must_use = "dropped, it is announced: hold it until the change is made"]
pub struct BegunChange {
    engine: Arc<Engine>,
    intent: u64,
    /// `None` once they are announced.
    sources: Option<Vec<Node>>,
}

impl BegunChange {
    /// Notes that these are about to change.
    pub(crate) fn begin(engine: &Arc<Engine>, sources: &[Source]) -> Result<Self> {
        refuse_inside_build("a change")?;
        let sources: Vec<Node> = sources.iter().map(Node::source).collect();
        let intent = engine.writer()?.run(BeginChange { sources: sources.clone() })?;
        Ok(Self { engine: engine.clone(), intent, sources: Some(sources) })
    }

    /// Announces it, durably: the change is made, or given up. What that marked.
    ///
    /// # Errors
    /// [The file's errors](crate#errors), and [`Reopen`](crate::ErrorKind::Reopen) where the store was
    /// closed: the next opening announces it then.
    pub fn announce(mut self) -> Result<Invalidated> {
        let sources = self.sources.take().expect("it is announced once, which takes it");
        self.end(sources)
    }

    fn end(&self, sources: Vec<Node>) -> Result<Invalidated> {
        let (intent, now) = (self.intent, self.engine.shared().options.clock.now());
        // Not the way to the writer from before: a change may close the store, which waits for all of
        // them.
        let writer = self.engine.writer();
        let ended = writer.and_then(|writer| writer.run(EndChange { intent, sources, now }));
        self.engine.shared().events.tell_late();
        let (marked, revision) = ended?;
        Ok(Invalidated::new(&self.engine, marked, revision))
    }
}

impl Drop for BegunChange {
    fn drop(&mut self) {
        if let Some(sources) = self.sources.take() {
            // Where it fails the note stays in the file, and the next opening announces it.
            let _ = self.end(sources);
        }
    }
}

impl fmt::Debug for BegunChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BegunChange({} sources)", self.sources.as_ref().map_or(0, Vec::len))
    }
}

/// Runs a change of the application's own data between noting and announcing it. Whatever becomes
/// of the change, its sources count as changed.
pub(crate) fn change<T>(
    engine: &Arc<Engine>,
    sources: &[Source],
    change: impl FnOnce() -> T,
) -> Result<T> {
    let begun = BegunChange::begin(engine, sources)?;
    let outcome = catch_unwind(AssertUnwindSafe(change));
    let announced = begun.announce();
    match outcome {
        Ok(value) => announced.map(|_| value),
        // What the change left behind is announced; the panic is the caller's own.
        Err(panic) => resume_unwind(panic),
    }
}
