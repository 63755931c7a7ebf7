//! What a read does when there is nothing, or nothing fresh.

use std::time::Duration;

use crate::time::Span;

/// What a read does when there is no record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missing {
    /// Build it in the calling thread, and store it.
    #[default]
    Build,
    /// Answer that there is none: [`ErrorKind::Absent`](crate::ErrorKind::Absent).
    Miss,
}

/// What a read does when there is a record that is not fresh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Marked {
    /// Build it anew in the calling thread. Where that cannot be, the record is served as it is, and
    /// says so: in a view without a build function, while too many readers build, and while the view
    /// rests because its builds fail. If the build fails so does the read.
    #[default]
    Rebuild,
    /// Serve it as it is. It says so; a builder makes it fresh soon, before all that no reader asked
    /// for.
    Serve,
    /// The same for so long after the first change that it does not contain; then build it anew. What
    /// is served so says what it is: stale, suspect, of an old version. For a limit to the age of a
    /// record, changed or not, see [`fresh_for`](crate::ViewDefinition::fresh_for).
    ServeFor(Span),
}

/// All of them, as a handle carries them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Policy {
    pub(super) missing: Missing,
    pub(super) marked: Marked,
    /// How long a read waits for a build, which is then a builder's; `None`: it builds itself.
    pub(super) within: Option<Duration>,
    /// A builder reads, for somebody who does not build.
    pub(super) ordered: bool,
}
