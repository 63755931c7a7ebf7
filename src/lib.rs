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

pub use error::{BuildError, Error, ErrorKind, Result};
pub use grid::{Bucket, DailyWindow, Grid, local_day};
pub use key::{
    ENTITY_KEY_BYTES_MAX, EntityKey, IntoSource, KeyBuf, SOURCE_KEY_BYTES_MAX,
    SOURCE_KIND_BYTES_MAX, Source, SourceKey,
};
pub use revision::Revision;
pub use time::{Clock, ManualClock, Span, SystemClock, TimeRange, Timestamp};
