//! What somebody reads who does it wrong for the first time: the thing, the cause, the remedy.

#![allow(clippy::unwrap_used, reason = "what fails in a helper fails the test that called it")]
#![allow(clippy::print_stdout, reason = "a test that is skipped says so")]

mod common;

#[path = "messages/announcements.rs"]
mod announcements;
#[path = "messages/builds.rs"]
mod builds;
#[path = "messages/compiler.rs"]
mod compiler;
#[path = "messages/definitions.rs"]
mod definitions;
#[path = "messages/files.rs"]
mod files;
#[path = "messages/limits.rs"]
mod limits;
#[path = "messages/openings.rs"]
mod openings;

use tidetable::{Error, ErrorKind, Result, Timestamp};

const AT: Timestamp = Timestamp::EPOCH;

/// The error, which has the kind and holds each of the words.
fn says<T>(result: Result<T>, kind: ErrorKind, words: &[&str]) -> Error {
    let error = result.map(drop).expect_err("this must be refused");
    assert_eq!(error.kind(), kind, "{error}");
    for word in words {
        assert!(error.to_string().contains(word), "'{word}' is not in: {error}");
    }
    error
}
