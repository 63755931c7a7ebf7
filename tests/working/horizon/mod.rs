//! Horizons: days that a view keeps filled by itself.

mod completeness;
mod days;
mod entities;
mod failures;
mod gaps;
mod order;
mod restarts;
mod threads;
mod world;
