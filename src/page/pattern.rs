//! What the pages of one time have in common.
//!
//! A thousand terraces lie under one sun: of what is measured at a time much is the same for every
//! entity, or nearly. So one full page of each time is kept as its pattern, and the pages of other
//! entities say, column by column, what they differ from it by, where that takes less. A pattern
//! stands among the view's dictionaries and never changes; a page names the one it needs.
//!
//! ```text
//! | checksum 8 | slots 4 | a packed body: see the even forms
//! ```
//! The checksum is xxh3, seeded with the pattern's id, over everything after itself.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::error::{Error, Result};
use crate::grid::PageNumber;
use crate::sync::Arc;

use super::PAGE_LEN_MAX;
use super::body::Page;
use super::even::{Even, Full};

/// On disk: ids from here on are of patterns, those below of zstd's dictionaries.
const FIRST_ID: u32 = 1 << 31;
const CHECKSUM_BYTES: usize = 8;

/// The records of a full page, packed as its columns. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Pattern(Arc<Kept>);

#[derive(Debug)]
struct Kept {
    id: u32,
    sum: u64,
    row: Vec<u8>,
    full: Full,
}

impl Pattern {
    /// A page as the pattern of its time: one with a record in every slot, all of one length, and
    /// not so long that it could not be kept in mind.
    pub(crate) fn of(page: &Page, number: PageNumber) -> Option<Self> {
        let even =
            Even::of(page).filter(|even| even.packs() && even.may_be_pattern(page.slots()))?;
        let id = Self::id_at(number);
        let mut row = vec![0; CHECKSUM_BYTES];
        row.extend_from_slice(&page.slots().to_le_bytes());
        even.pack(page, None, &mut row);
        Self::seal(id, &mut row);
        Some(Self::from_row(id, &row).expect("it was packed just now"))
    }

    /// Puts the checksum in front of a row, over what it says.
    pub(super) fn seal(id: u32, row: &mut [u8]) {
        let (sum, rest) = row.split_at_mut(CHECKSUM_BYTES);
        sum.copy_from_slice(&xxh3_64_with_seed(rest, id.into()).to_le_bytes());
    }

    /// A pattern as it stands in the file.
    pub(super) fn from_row(id: u32, row: &[u8]) -> Result<Self> {
        let unusable = || Error::damaged(format!("the pattern {id} of pages is unusable"));
        let (sum, rest) = row.split_first_chunk().ok_or_else(unusable)?;
        let sum = u64::from_le_bytes(*sum);
        if sum != xxh3_64_with_seed(rest, id.into()) {
            return Err(unusable());
        }
        let (slots, packed) = rest.split_first_chunk().ok_or_else(unusable)?;
        let slots = u32::from_le_bytes(*slots);
        let bounded = (1..=PAGE_LEN_MAX).contains(&slots);
        let full = Some(packed).filter(|_| bounded).and_then(|packed| Full::unpack(packed, slots));
        let full = full.ok_or_else(unusable)?;
        Ok(Self(Arc::new(Kept { id, sum, row: row.to_vec(), full })))
    }

    /// What stands in the file.
    pub(crate) fn row(&self) -> &[u8] {
        &self.0.row
    }

    /// Its id within the view.
    pub(crate) fn id(&self) -> u32 {
        self.0.id
    }

    /// What a body says in front, so that it is never read beside another pattern.
    pub(super) fn sum(&self) -> u64 {
        self.0.sum
    }

    /// Whether the other is the same, to the last bit.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.0.row == other.0.row
    }

    /// The id of the pattern of a time. Two times may have the same one, two to the 31 pages apart:
    /// the later does with the pattern of the earlier, for what it is worth.
    fn id_at(number: PageNumber) -> u32 {
        FIRST_ID | number.0 as u32
    }

    /// Whether a dictionary's id is one of a pattern.
    pub(super) fn has_id(id: u32) -> bool {
        id >= FIRST_ID
    }

    /// Its records.
    pub(super) fn full(&self) -> &Full {
        &self.0.full
    }
}
