//! When something is built, and whether it is at all: plain rules that know neither disk nor clock.

mod retry;

pub use retry::Retry;
