//! What a mark says about a slot.

/// Ordered by how little may still be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Colour {
    /// No mark.
    Fresh,
    /// Something it was built from may have changed.
    Suspect,
    /// Something it was built from has changed.
    Stale,
}
