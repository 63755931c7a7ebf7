//! What the store has done, counted and timed.
//!
//! Everything here is raised without a lock and read as a snapshot: a [`Counter`] is one number, a
//! [`Striped`](counter::Striped) one for what every read touches, a [`Histogram`](histogram::Histogram)
//! a fixed table of durations. What belongs to a view is counted there and nowhere else; the totals
//! are its sums.

mod counter;
mod histogram;
#[expect(clippy::module_inception, reason = "the snapshot is what the folder is for")]
mod metrics;
mod view_metrics;

pub(crate) use counter::{Counter, Tally};
pub use histogram::Latency;
pub(crate) use metrics::Counters;
pub use metrics::{Latencies, Metrics};
pub(crate) use view_metrics::ViewCounters;
pub use view_metrics::ViewMetrics;
