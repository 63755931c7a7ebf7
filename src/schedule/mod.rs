//! When something is built, and whether it is at all: plain rules that know neither disk nor clock.

mod admission;
mod breaker;
mod circuit;
mod conduct;
mod governor;
#[cfg(all(test, not(loom)))]
mod naive;
mod overdue;
mod retry;

#[cfg(all(test, loom))]
mod loom_tests;

pub(crate) use admission::{Admission, Admitted};
pub use breaker::{Breaker, BreakerState};
pub(crate) use circuit::Pass;
pub(crate) use conduct::Conduct;
pub(crate) use governor::Governor;
pub(crate) use overdue::{Overdue, Watch};
pub use retry::Retry;
