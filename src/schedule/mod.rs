//! When background work is done, and in what order: plain kernels that read no clock and start no
//! thread.

mod answer;
mod bell;
#[cfg(not(loom))]
mod noticed;
mod orders;
mod pace;
#[cfg(not(loom))]
mod page_list;

pub(crate) use answer::Answer;
pub(crate) use bell::{Bell, Heard};
#[cfg(not(loom))]
pub(crate) use noticed::Noticed;
pub(crate) use orders::{Orders, Refused};
pub(crate) use pace::Pace;
#[cfg(not(loom))]
pub(crate) use page_list::PageList;
