//! The bytes of a redb file, as far as a reader of what is left needs them. redb's, on disk, file
//! format 3: `of_a_file_in_order_nothing_is_lost` fails when a release of redb moves them.

use xxhash_rust::xxh3::xxh3_128;

use super::super::file::{SLOT_BYTES, SLOTS_AT, is_as_written, last_slot, transaction};
use super::bits::flip_back;

/// What the smallest page of the tree takes; larger ones are powers of two of it.
const PAGE_BYTES: u64 = 4096;
/// Pages of a region; the first begins behind the header's page.
const REGION_PAGES: u64 = 1 << 20;
/// Larger pages than 64 MiB are in no file of ours: a page of records ends at 32 MiB, and its key and
/// what redb says of it are with it.
const ORDER_MAX: u32 = 14;

/// Where a slot of the header says which page is the root of the tree of tables.
const ROOT_AT: usize = 8;

/// Where a page of the tree stands, and what its bytes must sum up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Child {
    number: u64,
    pub(super) checksum: u128,
}

impl Child {
    fn parse(number: &[u8], checksum: &[u8]) -> Option<Self> {
        let number = u64::from_le_bytes(*number.first_chunk()?);
        Some(Self { number, checksum: u128::from_le_bytes(*checksum.first_chunk()?) })
    }

    /// A root: number, checksum, length of its table.
    pub(super) fn root(bytes: &[u8]) -> Option<(Self, u64)> {
        let len = u64::from_le_bytes(*bytes.get(24..)?.first_chunk()?);
        Some((Self::parse(bytes, bytes.get(8..)?)?, len))
    }

    /// Its first byte in the file and how many there are; `None` if there can be no such page.
    pub(super) fn place(self) -> Option<(u64, usize)> {
        let order = (self.number >> 59) as u32;
        if order > ORDER_MAX {
            return None;
        }
        let index = self.number & (0x000F_FFFF >> order);
        let region = (self.number >> 20) & 0x000F_FFFF;
        let bytes = PAGE_BYTES << order;
        let at = PAGE_BYTES * (1 + region * REGION_PAGES) + index * bytes;
        Some((at, usize::try_from(bytes).ok()?))
    }
}

/// One of the header's two commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Commit {
    /// Of two that can be read the greater is the later one.
    pub(super) transaction: u64,
    /// Whether the header says that it is the last: one that is later was not ended.
    pub(super) is_last: bool,
    /// The tree of tables.
    pub(super) root: Child,
}

/// The commits that a header still has, and how many bits had to be flipped back for it.
pub(super) fn commits(header: &[u8]) -> (Vec<Commit>, u64) {
    let (mut commits, mut flipped) = (Vec::new(), 0);
    let last = last_slot(header);
    for (nth, at) in SLOTS_AT.into_iter().enumerate() {
        let Some(slot) = header.get(at..at + SLOT_BYTES) else { continue };
        let mut slot = slot.to_vec();
        if !is_as_written(&slot) {
            if !flip_back(&mut slot, is_as_written) {
                continue;
            }
            flipped += 1;
        }
        let root = slot.get(ROOT_AT..).filter(|_| slot[1] != 0).and_then(Child::root);
        if let (Some((root, _)), Some(transaction)) = (root, transaction(&slot)) {
            commits.push(Commit { transaction, is_last: last == Some(nth), root });
        }
    }
    (commits, flipped)
}

/// A page of the tree, taken apart; nothing in it is believed.
pub(super) enum Node<'p> {
    Leaf(Vec<(&'p [u8], &'p [u8])>),
    Branch(Vec<Child>),
}

const LEAF: u8 = 1;
const BRANCH: u8 = 2;

fn count(page: &[u8]) -> Option<usize> {
    Some(usize::from(u16::from_le_bytes(*page.get(2..)?.first_chunk()?)))
}

fn end(page: &[u8], at: usize) -> Option<usize> {
    Some(u32::from_le_bytes(*page.get(at..)?.first_chunk()?) as usize)
}

/// Whether a page fits its checksum.
pub(super) fn is_proven(page: &[u8], checksum: u128) -> bool {
    used(page).is_some_and(|used| xxh3_128(used) == checksum)
}

/// The bytes that the checksum covers.
fn used(page: &[u8]) -> Option<&[u8]> {
    let entries = count(page).filter(|entries| *entries > 0)?;
    let last = match *page.first()? {
        // Ends of keys, ends of values, keys, values.
        LEAF => 4 + 4 * entries + 4 * (entries - 1),
        // Checksums, numbers, ends of keys, keys.
        BRANCH => 8 + 24 * (entries + 1) + 4 * (entries - 1),
        _ => return None,
    };
    page.get(..end(page, last)?)
}

impl<'p> Node<'p> {
    /// As much of a page as can be made out.
    pub(super) fn parse(page: &'p [u8]) -> Option<Self> {
        match *page.first()? {
            LEAF => Some(Self::Leaf(entries(page)?)),
            BRANCH => Some(Self::Branch(children(page)?)),
            _ => None,
        }
    }
}

fn entries(page: &[u8]) -> Option<Vec<(&[u8], &[u8])>> {
    let count = count(page)?;
    let mut entries = Vec::new();
    let keys = 4 + 8 * count;
    let last_key = end(page, 4 * count)?;
    let (mut key_at, mut row_at) = (keys, last_key);
    for entry in 0..count {
        let (Some(key_end), Some(row_end)) =
            (end(page, 4 + 4 * entry), end(page, 4 + 4 * count + 4 * entry))
        else {
            break;
        };
        if let (Some(key), Some(row)) = (page.get(key_at..key_end), page.get(row_at..row_end)) {
            entries.push((key, row));
        }
        (key_at, row_at) = (key_end, row_end);
    }
    Some(entries)
}

fn children(page: &[u8]) -> Option<Vec<Child>> {
    let count = count(page)? + 1;
    let child =
        |at: usize| Child::parse(page.get(8 + 16 * count + 8 * at..)?, page.get(8 + 16 * at..)?);
    Some((0..count).map_while(child).collect())
}

/// The root of a table and how many rows it has, as its row in the tree of tables says; `None` within
/// for one that is empty.
pub(super) fn table(row: &[u8]) -> Option<Option<(Child, u64)>> {
    // Kind (1: 3 is a plain table), rows (8), whether there is a root (1), the root.
    match (*row.first()?, *row.get(9)?) {
        (3, 0) => Some(None),
        (3, 1) => Some(Some(Child::root(row.get(10..)?)?)),
        _ => None,
    }
}
