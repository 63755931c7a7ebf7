//! What was acknowledged is there: after every cut of power, after every failure of the disk.

mod cuts;
mod failures;
mod history;
mod syncs;
