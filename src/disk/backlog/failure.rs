//! Why a record could not be built in the background.

use crate::error::{Error, ErrorKind};
use crate::revision::Revision;
use crate::time::Timestamp;

use super::super::error_row::{kept_message, kind_of_number, kind_to_number};
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

impl Failure {
    pub(crate) fn new(error: &Error, attempts: u16, begun: Revision, at: Timestamp) -> Self {
        Self { at, begun, attempts, kind: error.kind(), message: kept_message(error) }
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        RowWriter::default()
            .u64(self.at.as_millis().cast_unsigned())
            .u64(self.begun.get())
            .u32(self.attempts.into())
            .u32(kind_to_number(self.kind))
            .text(&self.message)
            .finish()
    }

    /// `None` if these bytes are no row.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut row = RowReader(bytes);
        let at = Timestamp::from_millis(row.u64()?.cast_signed());
        let begun = Revision::from_raw(row.u64()?);
        let attempts = u16::try_from(row.u32()?).ok()?;
        let kind = kind_of_number(row.u32()?);
        let message = row.text()?.to_owned();
        row.0.is_empty().then_some(Self { at, begun, attempts, kind, message })
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::error_row::MESSAGE_MAX;
    use super::*;

    #[test]
    fn a_failure_returns_and_nothing_shorter_or_longer_is_one() {
        for kind in [ErrorKind::Build, ErrorKind::Busy, ErrorKind::System] {
            let error = Error::new(kind, "no tide today").at_entity(b"secret").at_view("sun");
            let at = Timestamp::from_millis(-7);
            let failure = Failure::new(&error, 3, Revision::from_raw(9), at);
            let mut bytes = failure.to_bytes();
            assert_eq!(Failure::from_bytes(&bytes).as_ref(), Some(&failure));
            assert_eq!((failure.kind, failure.attempts, failure.at), (kind, 3, at));
            assert_eq!(failure.message, "no tide today");
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
