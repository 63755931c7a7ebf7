//! How often something was tried in vain, and when it is tried again.

use super::bytes::{take_i64, take_u16};
use crate::time::Timestamp;

/// What became of trying to build a record in the background. On disk: attempts (2 bytes), the next
/// attempt (8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tries {
    /// How often it failed since it was asked for or invalidated.
    pub(crate) attempts: u16,
    /// Before this it is not tried in the background; [`Timestamp::MAX`] says never: it rests.
    pub(crate) next_attempt: Timestamp,
}

impl Tries {
    /// Not tried yet, to be tried at once.
    pub(crate) const NONE: Self = Self { attempts: 0, next_attempt: Timestamp::MIN };

    pub(crate) fn is_due(self, now: Timestamp) -> bool {
        self.next_attempt <= now && !self.rests()
    }

    /// Whether it is not tried again by itself.
    pub(crate) fn rests(self) -> bool {
        self.next_attempt == Timestamp::MAX
    }

    pub(super) fn put(self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.attempts.to_le_bytes());
        bytes.extend_from_slice(&self.next_attempt.as_millis().to_le_bytes());
    }

    pub(super) fn take(bytes: &mut &[u8]) -> Option<Self> {
        let attempts = take_u16(bytes)?;
        Some(Self { attempts, next_attempt: Timestamp::from_millis(take_i64(bytes)?) })
    }
}
