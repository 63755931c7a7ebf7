//! Records that expire by themselves, and what that does to what was built from them.

mod buckets;
mod expiry;
mod policies;
mod random;
mod renewal;
mod world;
