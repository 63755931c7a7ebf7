//! What a row keeps of an error.

use crate::error::{Error, ErrorKind};

/// Bytes of a message at most.
pub(super) const MESSAGE_MAX: usize = 2048;

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

/// A kind as a row has it.
pub(super) fn kind_to_number(kind: ErrorKind) -> u32 {
    KINDS.iter().find(|(known, _)| *known == kind).map_or(OTHER, |(_, number)| *number)
}

/// The kind of a number; a later release may know more of them.
pub(super) fn kind_of_number(number: u32) -> ErrorKind {
    let known = KINDS.iter().find(|(_, known)| *known == number);
    known.map_or(ErrorKind::Build, |(kind, _)| *kind)
}

/// What went wrong, without where: that stands beside it.
pub(crate) fn kept_message(error: &Error) -> String {
    let mut message = error.message().to_owned();
    message.truncate(message.floor_char_boundary(MESSAGE_MAX));
    message
}
