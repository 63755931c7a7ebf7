//! tidetable

#[cfg(not(loom))]
mod disk;
mod error;
mod revision;
mod sync;
mod time;

pub use error::{BuildError, Error, ErrorKind, Result};
pub use revision::Revision;
pub use time::{Clock, ManualClock, Span, SystemClock, TimeRange, Timestamp};
