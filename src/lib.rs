//! tidetable

// Floor 0: words that everything else is said in.
mod error;
mod sync;

mod revision;
mod time;

mod key;
#[cfg(not(loom))]
mod options;

#[cfg(not(loom))]
mod metrics;

// Floor 1: plain kernels; no I/O, no clock, no threads.
mod grid;
#[cfg(not(loom))]
mod page;

mod cache;

// Floor 2: the file and the builds.
#[cfg(not(loom))]
mod disk;
#[cfg(not(loom))]
mod rebuild;

// Floor 3: the public face.
#[cfg(not(loom))]
mod view;

#[cfg(not(loom))]
mod store;

pub use error::{BuildError, Error, ErrorKind, Result};
pub use grid::{Bucket, DailyWindow, Grid, local_day};
pub use key::{
    ENTITY_KEY_BYTES_MAX, EntityKey, IntoSource, KeyBuf, SOURCE_KEY_BYTES_MAX,
    SOURCE_KIND_BYTES_MAX, Source, SourceKey,
};
#[cfg(not(loom))]
pub use metrics::Metrics;
#[cfg(not(loom))]
pub use options::{Options, Progress};
#[cfg(not(loom))]
pub use page::{PAGE_BYTES_MAX, PAGE_LEN_MAX, RecordType};
pub use revision::Revision;
#[cfg(not(loom))]
pub use store::{Store, ViewInfo};
pub use time::{Clock, ManualClock, Span, SystemClock, TimeRange, Timestamp};
#[cfg(not(loom))]
pub use view::{
    BuildContext, Entities, Failure, Filled, Freshness, Layer, Marked, Missing, Record, Timeline,
    View, ViewDefinition,
};

/// Parts that a proof puts in the place of the operating system's.
#[cfg(not(loom))]
pub mod proof {
    pub use crate::disk::{BackendError, StorageBackend};
}
