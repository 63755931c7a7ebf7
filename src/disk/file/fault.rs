//! From redb's errors and panics to ours.

use super::state::SealState;
use crate::error::{Error, ErrorKind, RESTORE, Result};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What an error of redb's means to the caller. If the file itself failed first, that is the
/// reason, and what redb made of it is its consequence.
pub(crate) fn explain(error: impl Into<redb::Error>, seal: &SealState) -> Error {
    let error = error.into();
    if let Some(first) = seal.first_error() {
        return first.caused_by(error);
    }
    let (kind, message) = match &error {
        redb::Error::DatabaseAlreadyOpen => (
            ErrorKind::Busy,
            "another process, or another Store in this one, has the file open; close it there, or use \
             that Store. `Store::close` is sure: after the last handle is dropped a builder may be at \
             work for a moment, and a view that reads itself stays open until `Store::close`"
                .to_owned(),
        ),
        redb::Error::UpgradeRequired(format) => (
            ErrorKind::Foreign,
            format!("a redb file of the old format {format}, which no tidetable file has"),
        ),
        redb::Error::Corrupted(what) => {
            (ErrorKind::Damaged, format!("the file is damaged: {what}; {RESTORE}"))
        }
        redb::Error::TableDoesNotExist(_)
        | redb::Error::TableTypeMismatch { .. }
        | redb::Error::TableIsMultimap(_)
        | redb::Error::TableIsNotMultimap(_)
        | redb::Error::TypeDefinitionChanged { .. } => {
            (ErrorKind::Foreign, format!("not a table of this release: {error}"))
        }
        redb::Error::ValueTooLarge(_) => (ErrorKind::Input, error.to_string()),
        redb::Error::Io(cause) if cause.kind() == std::io::ErrorKind::UnexpectedEof => {
            (ErrorKind::Damaged, format!("the file is damaged: it was cut short; {RESTORE}"))
        }
        redb::Error::Io(cause) => (ErrorKind::System, cause.to_string()),
        _ => (ErrorKind::Reopen, format!("this opening of the file has ended: {error}")),
    };
    Error::new(kind, message).caused_by(error)
}

/// Runs a call of redb's that may meet damaged bytes. A panic there ends as an error, because it
/// says nothing about this program: only that the file is not what redb wrote.
pub(super) fn guarded<T>(doing: &str, call: impl FnOnce() -> T) -> Result<T> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|panic| {
        let reason = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("no reason given");
        Error::damaged(format!("the file is damaged: {doing} panicked: {reason}; {RESTORE}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_redb_is_an_error_that_says_damaged() {
        let error = guarded("opening", || -> u8 { panic!("page {} is odd", 7) }).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Damaged);
        assert!(error.to_string().contains("page 7 is odd"));
    }

    #[test]
    fn what_the_file_said_first_is_the_reason() {
        let seal = SealState::default();
        let error = explain(redb::Error::PreviousIo, &seal);
        assert_eq!(error.kind(), ErrorKind::Reopen);
        seal.fail(ErrorKind::Damaged, "page at byte 4096 does not match its seal");
        seal.fail(ErrorKind::System, "something later");
        let error = explain(redb::Error::PreviousIo, &seal);
        assert_eq!(error.kind(), ErrorKind::Damaged);
        assert!(error.to_string().contains("byte 4096"));
    }

    #[test]
    fn each_error_of_redb_is_of_the_kind_that_says_what_to_do() {
        use std::io;
        let cases = [
            (redb::Error::DatabaseAlreadyOpen, ErrorKind::Busy, "another Store"),
            (redb::Error::UpgradeRequired(2), ErrorKind::Foreign, "the old format 2"),
            (redb::Error::Corrupted("page 7".into()), ErrorKind::Damaged, "page 7"),
            (redb::Error::TableDoesNotExist("pages".into()), ErrorKind::Foreign, "not a table of"),
            (redb::Error::TableIsMultimap("pages".into()), ErrorKind::Foreign, "not a table of"),
            (redb::Error::ValueTooLarge(5), ErrorKind::Input, "5"),
            (io::Error::from(io::ErrorKind::UnexpectedEof).into(), ErrorKind::Damaged, "cut short"),
            (io::Error::other("no tide").into(), ErrorKind::System, "no tide"),
            (redb::Error::PreviousIo, ErrorKind::Reopen, "has ended"),
        ];
        for (error, kind, says) in cases {
            let told = explain(error, &SealState::default());
            assert_eq!(told.kind(), kind, "{told}");
            assert!(told.to_string().contains(says), "{told}");
        }
    }
}
