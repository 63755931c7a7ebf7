//! The file: opened, written, closed, copied, looked through, repaired, cut off and failing.

#![allow(clippy::unwrap_used, reason = "what fails in a test fails the test")]

mod common;

#[path = "files/backup.rs"]
mod backup;
#[path = "files/closing.rs"]
mod closing;
#[path = "files/durability/mod.rs"]
mod durability;
#[path = "files/format.rs"]
mod format;
#[path = "files/opening/mod.rs"]
mod opening;
#[path = "files/refused_page.rs"]
mod refused_page;
#[path = "files/repair.rs"]
mod repair;
#[path = "files/verify/mod.rs"]
mod verify;
#[path = "files/writes.rs"]
mod writes;
