//! Instants, lengths of time, and where "now" comes from.

mod span;

mod timestamp;

mod clock;
#[cfg(feature = "chrono")]
mod of_chrono;
mod of_jiff;
mod of_std;
mod range;

pub use clock::{Clock, ManualClock, SystemClock};
pub use range::TimeRange;
pub use span::Span;
pub use timestamp::Timestamp;
