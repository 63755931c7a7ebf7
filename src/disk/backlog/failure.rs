//! Why a record could not be built in the background.

use crate::error::{Error, ErrorKind};
use crate::revision::Revision;
use crate::time::Timestamp;

use super::super::row::{RowReader, RowWriter};

/// A row of the `failures` table. On disk: when (8 bytes), the revision when the try began (8), how
/// often it failed (4), the kind of the error (4), its message behind its length.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) at: Timestamp,
    /// What was said of the record after this revision the try could not know.
    pub(crate) begun: Revision,
    pub(crate) attempts: u16,
    pub(crate) kind: ErrorKind,
    /// Without the entity, and never longer than some KiB.
    pub(crate) message: String,
}

/// As an error: without its message, in which an application may have put anything.
impl std::fmt::Debug for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Failure({:?}, {} attempts, {})", self.kind, self.attempts, self.at)
    }
}

/// Bytes of a message at most.
const MESSAGE_MAX: usize = 2048;

/// On disk: a number never changes and is never used for something else.
const KINDS: [(ErrorKind, u32); 9] = [
    (ErrorKind::Input, 1),
    (ErrorKind::Absent, 2),
    (ErrorKind::Build, 3),
    (ErrorKind::Definition, 4),
    (ErrorKind::Busy, 5),
    (ErrorKind::Reopen, 6),
    (ErrorKind::Damaged, 7),
    (ErrorKind::Foreign, 8),
    (ErrorKind::System, 9),
];
/// Of a kind that this list does not have.
const OTHER: u32 = 0;

impl Failure {
    pub(crate) fn new(error: &Error, attempts: u16, begun: Revision, at: Timestamp) -> Self {
        let mut message = error.to_string();
        message.truncate(message.floor_char_boundary(MESSAGE_MAX));
        Self { at, begun, attempts, kind: error.kind(), message }
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let kind = KINDS.iter().find(|(kind, _)| *kind == self.kind);
        RowWriter::default()
            .u64(self.at.as_millis().cast_unsigned())
            .u64(self.begun.get())
            .u32(self.attempts.into())
            .u32(kind.map_or(OTHER, |(_, number)| *number))
            .text(&self.message)
            .finish()
    }

    /// `None` if these bytes are no row.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut row = RowReader(bytes);
        let at = Timestamp::from_millis(row.u64()?.cast_signed());
        let begun = Revision::from_raw(row.u64()?);
        let attempts = u16::try_from(row.u32()?).ok()?;
        let number = row.u32()?;
        let kind = KINDS.iter().find(|(_, known)| *known == number);
        // What a later release calls otherwise is a failed build all the same.
        let kind = kind.map_or(ErrorKind::Build, |(kind, _)| *kind);
        let message = row.text()?.to_owned();
        row.0.is_empty().then_some(Self { at, begun, attempts, kind, message })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_returns_and_nothing_shorter_or_longer_is_one() {
        for (kind, _) in KINDS {
            let error = Error::new(kind, "no tide today").at_entity(b"secret").at_view("sun");
            let at = Timestamp::from_millis(-7);
            let failure = Failure::new(&error, 3, Revision::from_raw(9), at);
            let mut bytes = failure.to_bytes();
            assert_eq!(Failure::from_bytes(&bytes).as_ref(), Some(&failure));
            assert_eq!((failure.kind, failure.attempts, failure.at), (kind, 3, at));
            assert_eq!(failure.message, "view 'sun': no tide today");
            for len in 0..bytes.len() {
                assert_eq!(Failure::from_bytes(&bytes[..len]), None, "{len} bytes");
            }
            bytes.push(0);
            assert_eq!(Failure::from_bytes(&bytes), None);
        }
    }

    #[test]
    fn a_long_message_is_cut_where_a_letter_ends() {
        let error = Error::input("ö".repeat(5000));
        let failure = Failure::new(&error, 1, Revision::ZERO, Timestamp::EPOCH);
        assert_eq!(failure.message.len(), MESSAGE_MAX);
    }

    #[test]
    fn debug_output_never_shows_the_message() {
        let error = Error::input("of Anna");
        let failure = Failure::new(&error, 1, Revision::ZERO, Timestamp::EPOCH);
        assert!(!format!("{failure:?}").contains("Anna"));
    }
}
