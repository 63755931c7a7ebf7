//! What is said of a view when it is defined.

use std::any::TypeId;

use crate::grid::Grid;
use crate::page::{Layout, RecordShape};
use crate::schedule::{Conduct, Expiry};
use crate::sync::Arc;
use crate::time::Span;

/// What an application says of a view when it defines it.
#[derive(Clone, Debug)]
pub(crate) struct Definition {
    pub(crate) name: Arc<str>,
    pub(crate) version: u32,
    pub(crate) shape: RecordShape,
    /// The record type and the entity type, as the file knows them.
    pub(crate) layout: Layout,
    /// The record type itself: within one opening a page must never be read as another type, even
    /// one of the same fingerprint.
    pub(crate) record_type: TypeId,
    /// The entity type, for the same reason.
    pub(crate) entity_type: TypeId,
    /// Whether its records are the values of an input: what is set is never built.
    pub(crate) is_input: bool,
    /// Whether the buckets of a page are built at once: a build under way goes by its page then.
    pub(crate) by_page: bool,
    pub(crate) grid: Grid,
    pub(crate) page_len: u32,
    /// zstd's level for its pages; `None` keeps them plain.
    pub(crate) level: Option<i32>,
    /// How long after its end a bucket is history: never marked, never built again.
    pub(crate) seal_after: Option<Span>,
    /// How its builds are run. An equal definition may bring another.
    pub(crate) conduct: Conduct,
    /// When its records expire; `None`: with what they were built from.
    pub(crate) expiry: Option<Expiry>,
    /// How long after its end a bucket's record is kept.
    pub(crate) retain: Option<Span>,
}
