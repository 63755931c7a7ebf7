//! When something is built, in what order, and whether it is at all: rules that are told the time,
//! and what threads wait on. Nothing here knows a file or starts a thread.

mod admission;
mod answer;
mod attendance;
mod bell;
mod breaker;
mod circuit;
mod conduct;
#[cfg(not(loom))]
mod expiry;
mod governor;
#[cfg(not(loom))]
mod horizon;
#[cfg(all(test, not(loom)))]
mod naive;
#[cfg(not(loom))]
mod noticed;
mod orders;
mod overdue;
mod pace;
#[cfg(not(loom))]
mod page_list;
mod receipt;
mod retry;

#[cfg(all(test, loom))]
mod loom_tests;

pub(crate) use admission::{Admission, Admitted};
pub(crate) use answer::Answer;
pub(crate) use attendance::{AtWork, Attendance};
pub(crate) use bell::{Bell, Heard};
pub use breaker::{Breaker, BreakerState};
pub(crate) use circuit::Pass;
pub(crate) use conduct::Conduct;
#[cfg(not(loom))]
pub(crate) use expiry::Expiry;
pub(crate) use governor::Governor;
#[cfg(not(loom))]
pub use horizon::Horizon;
#[cfg(not(loom))]
pub(crate) use noticed::Noticed;
pub(crate) use orders::{Orders, Refused};
pub(crate) use overdue::{Overdue, Watch};
pub(crate) use pace::Pace;
#[cfg(not(loom))]
pub(crate) use page_list::PageList;
pub(crate) use receipt::{Receipt, Reply, Round, receipt};
pub use retry::Retry;
