//! A change of the application's own data that cannot be forgotten.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::disk::operations::{BeginChange, EndChange};
use crate::error::Result;
use crate::graph::Node;
use crate::key::Source;
use crate::rebuild::{Engine, refuse_inside_build};

/// Runs a change of the application's own data between noting and announcing it. Whatever becomes
/// of the change, its sources count as changed.
pub(crate) fn change<T>(
    engine: &Engine,
    sources: Vec<Source>,
    change: impl FnOnce() -> T,
) -> Result<T> {
    refuse_inside_build("a change")?;
    let sources: Vec<Node> = sources.iter().map(Node::source).collect();
    let intent = engine.writer()?.run(BeginChange { sources: sources.clone() })?;
    let outcome = catch_unwind(AssertUnwindSafe(change));
    let now = engine.shared().options.clock.now();
    // Not the way to the writer from before: a change may close the store, which waits for all of
    // them. Then the next opening announces it.
    let announced =
        engine.writer().and_then(|writer| writer.run(EndChange { intent, sources, now }));
    engine.shared().events.tell_late();
    match outcome {
        Ok(value) => announced.map(|_| value),
        // What the change left behind is announced; the panic is the caller's own.
        Err(panic) => resume_unwind(panic),
    }
}
