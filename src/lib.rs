//! tidetable

// Floor 0: words that everything else is said in.
mod error;
mod sync;

mod revision;
mod time;

mod key;
mod options;

mod metrics;

// Floor 1: plain kernels; no I/O, no clock, no threads.
mod grid;
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
pub use metrics::Metrics;
pub use options::{Options, Progress};
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

/// What fuzz targets reach: a kernel runs on bytes and panics where something does not hold.
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing {
    pub use crate::page::{built_page_holds, page_holds};
}
