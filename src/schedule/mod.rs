//! When background work is done, and in what order: plain kernels that read no clock and start no
//! thread.

mod expiry;

pub(crate) use expiry::Expiry;
