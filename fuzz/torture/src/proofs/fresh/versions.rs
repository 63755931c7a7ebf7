//! What an application has changed and what of that was acknowledged, so packed that holding a record
//! against it costs a subtraction or two.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// How many things of one family change, each with a version of its own.
pub const FIELDS: u32 = 3;

/// The versions of all things of a family in one word: each has twenty bits, and a spare one above them
/// to borrow from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Versions(pub u64);

const FIELD_BITS: u32 = 21;
const SPARE: u64 = 1 << 20 | 1 << 41 | 1 << 62;
const FIELD: u64 = (1 << 20) - 1;
/// No thing is changed more often in one round: its twenty bits would run over.
pub const VERSION_MAX: u64 = FIELD - 1;

impl Versions {
    /// Of a record whose build was told that what it would have read is kept no more.
    pub const WITHOUT: Self = Self(1 << 63);

    pub fn of(field: u32, version: u64) -> Self {
        Self(version << (field * FIELD_BITS))
    }

    pub fn field(self, field: u32) -> u64 {
        self.0 >> (field * FIELD_BITS) & FIELD
    }

    /// All bits of one field.
    pub fn whole(field: u32) -> Self {
        Self::of(field, FIELD)
    }

    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub fn masked(self, mask: Self) -> Self {
        Self(self.0 & mask.0)
    }

    /// Whether no version of these is older than that of the others. Neither is `WITHOUT`.
    pub fn hold(self, least: Self) -> bool {
        ((self.0 | SPARE) - least.0) & SPARE == SPARE
    }

    /// Of each thing the older version.
    pub fn min(self, other: Self) -> Self {
        self.zip(other, u64::min)
    }

    /// Of each thing the newer version.
    fn max(self, other: Self) -> Self {
        self.zip(other, u64::max)
    }

    fn zip(self, other: Self, pick: fn(u64, u64) -> u64) -> Self {
        let fields = 0..FIELDS;
        fields.fold(Self::default(), |all, field| {
            all.with(Self::of(field, pick(self.field(field), other.field(field))))
        })
    }

    /// Rounded down, so that most changes change nothing for whoever reads no more than this.
    pub fn rounded(self) -> Self {
        self.masked(Self::ROUNDED)
    }

    /// The bits that rounding leaves.
    pub const ROUNDED: Self = {
        let kept = FIELD & !3;
        Self(kept | kept << FIELD_BITS | kept << (2 * FIELD_BITS))
    };
}

/// Things that change together with nothing else, in a cache line of their own.
#[derive(Default)]
#[repr(align(128))]
pub struct Family {
    there: AtomicU64,
    acknowledged: AtomicU64,
}

impl Family {
    /// What is there now: a build reads it.
    pub fn there(&self) -> Versions {
        Versions(self.there.load(SeqCst))
    }

    /// What was announced, and that was answered.
    pub fn acknowledged(&self) -> Versions {
        Versions(self.acknowledged.load(SeqCst))
    }

    /// Changes a thing, before that is announced.
    pub fn change(&self, field: u32) {
        let before = self.there.fetch_add(Versions::of(field, 1).0, SeqCst);
        assert!(Versions(before).field(field) < VERSION_MAX, "the round has so many changes");
    }

    /// Notes that an announcement of a thing was answered, before which these versions were there.
    pub fn acknowledge(&self, announced: Versions, field: u32) {
        let announced = announced.masked(Versions::whole(field));
        let newest = |before| Some(Versions(before).max(announced).0);
        let updated = self.acknowledged.fetch_update(SeqCst, SeqCst, newest);
        updated.expect("it is told a word always");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versions(fields: [u64; 3]) -> Versions {
        let field = |n: usize| Versions::of(n as u32, fields[n]);
        field(0).with(field(1)).with(field(2))
    }

    #[test]
    fn versions_hold_others_only_if_each_of_them_is_as_new() {
        let least = versions([5, VERSION_MAX, 7]);
        assert!(least.hold(least));
        assert!(versions([6, VERSION_MAX, 8]).hold(least));
        assert!(!versions([4, VERSION_MAX, 9]).hold(least));
        assert!(!versions([9, VERSION_MAX - 1, 9]).hold(least));
        assert!(!versions([VERSION_MAX, VERSION_MAX, 6]).hold(least));
        assert_eq!(versions([1, 9, 4]).min(versions([2, 8, 4])), versions([1, 8, 4]));
        assert_eq!(versions([5, 8, 7]).rounded(), versions([4, 8, 4]));
    }

    #[test]
    fn what_was_acknowledged_never_goes_back() {
        let family = Family::default();
        family.change(1);
        let first = family.there();
        family.change(1);
        family.acknowledge(family.there(), 1);
        family.acknowledge(first, 1);
        assert_eq!(family.acknowledged(), versions([0, 2, 0]));
    }
}
