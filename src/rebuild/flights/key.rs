//! What a build goes by.

/// What is being built.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FlightKey {
    /// The key of the page.
    pub(crate) page: Box<[u8]>,
    /// The bucket's slot; `None` for a view whose pages are built whole.
    pub(crate) slot: Option<u32>,
}
