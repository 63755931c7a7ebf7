//! What builders build, in which order and why; step by step, or with threads.

mod defects;
mod kills;
mod order;
mod requests;
mod retries;
mod threads;
mod world;
