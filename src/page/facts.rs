//! What is known of the records of a page, shared by those that were stored together.

use crate::revision::Revision;
use crate::time::Timestamp;

/// Facts of one or more records of a page.
///
/// Records that came in the same operation share one entry; a page keeps as many as it has
/// distinct ones. The names S, V and C are those of the freshness protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Facts {
    /// S: the revision that was published when the build began, loaded before any user code ran.
    pub(crate) begun: Revision,
    /// V: the revision of the operation that last found everything the record read unchanged.
    pub(crate) verified: Revision,
    /// C: the revision at which the record's bytes last changed.
    pub(crate) changed: Revision,
    /// When the build began, by the store's clock.
    pub(crate) built_at: Timestamp,
    /// From when on the record counts as expired; `Timestamp::MAX` for never.
    pub(crate) fresh_until: Timestamp,
    /// The view's version that built it.
    pub(crate) version: u32,
    /// Which of the page's dependency sets it read; zero for none.
    pub(crate) dependencies: u32,
}

/// Bytes of an entry on disk; never changes within a format.
pub(super) const FACTS_BYTES: usize = 48;

impl Facts {
    /// On disk, little endian: S, V, C, built_at, fresh_until (8 bytes each), version,
    /// dependencies (4 each).
    pub(super) fn to_bytes(self) -> [u8; FACTS_BYTES] {
        let mut out = [0; FACTS_BYTES];
        out[0..8].copy_from_slice(&self.begun.get().to_le_bytes());
        out[8..16].copy_from_slice(&self.verified.get().to_le_bytes());
        out[16..24].copy_from_slice(&self.changed.get().to_le_bytes());
        out[24..32].copy_from_slice(&self.built_at.as_millis().to_le_bytes());
        out[32..40].copy_from_slice(&self.fresh_until.as_millis().to_le_bytes());
        out[40..44].copy_from_slice(&self.version.to_le_bytes());
        out[44..48].copy_from_slice(&self.dependencies.to_le_bytes());
        out
    }

    /// The inverse of [`Self::to_bytes`]; every 48 bytes are facts of something.
    pub(super) fn from_bytes(bytes: &[u8; FACTS_BYTES]) -> Self {
        let eight = |at: usize| {
            u64::from_le_bytes(bytes[at..at + 8].try_into().expect("a slice of eight bytes"))
        };
        let four = |at: usize| {
            u32::from_le_bytes(bytes[at..at + 4].try_into().expect("a slice of four bytes"))
        };
        Self {
            begun: Revision::from_raw(eight(0)),
            verified: Revision::from_raw(eight(8)),
            changed: Revision::from_raw(eight(16)),
            built_at: Timestamp::from_millis(eight(24).cast_signed()),
            fresh_until: Timestamp::from_millis(eight(32).cast_signed()),
            version: four(40),
            dependencies: four(44),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_survive_their_bytes() {
        let facts = Facts {
            begun: Revision::from_raw(1),
            verified: Revision::from_raw(2),
            changed: Revision::from_raw(u64::MAX),
            built_at: Timestamp::MIN,
            fresh_until: Timestamp::MAX,
            version: 7,
            dependencies: u32::MAX,
        };
        assert_eq!(Facts::from_bytes(&facts.to_bytes()), facts);
    }
}
