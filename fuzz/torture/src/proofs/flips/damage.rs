//! What becomes of a file.

use std::fmt;

use super::growth::Image;
use crate::disk::{self, Random};

/// The unit in which the file is written, and in which damage often comes.
pub const PAGE_BYTES: usize = 4096;
/// An atomic write of a disk.
pub const SECTOR_BYTES: usize = 512;

/// A kind of damage, and where.
#[derive(Clone, Copy, Debug)]
pub enum Damage {
    Flip {
        bit: usize,
    },
    /// Two pages, each where the other should be.
    Swapped(usize, usize),
    Zeroed(usize),
    /// A page as it was in an older state of the file.
    Older(usize),
    CutTo(usize),
    Longer(Tail),
}

/// What stands behind a file that became longer.
#[derive(Clone, Copy, Debug)]
pub enum Tail {
    Garbage(usize),
    Zeros(usize),
    Itself,
}

const TAILS: [usize; 10] = [1, 7, 8, 33, 511, 512, 4095, 4096, 8192, 70_000];

impl Damage {
    /// Everything that may become of a file but for its bits, each place once.
    pub fn coarse(image: &Image) -> Vec<Self> {
        let pages = image.bytes.len().div_ceil(PAGE_BYTES);
        let mut all = Vec::new();
        for page in 0..pages {
            all.push(Self::Zeroed(page));
            if page * PAGE_BYTES < image.older.len() {
                all.push(Self::Older(page));
            }
            all.extend((0..page).map(|other| Self::Swapped(other, page)));
        }
        all.extend((0..image.bytes.len()).step_by(SECTOR_BYTES).map(Self::CutTo));
        all.extend(TAILS.map(|len| Self::Longer(Tail::Garbage(len))));
        all.extend(TAILS.map(|len| Self::Longer(Tail::Zeros(len))));
        all.push(Self::Longer(Tail::Itself));
        all
    }

    /// Whether it is more than a bit; and of each byte one bit counts as that.
    pub fn is_coarse(self) -> bool {
        !matches!(self, Self::Flip { bit } if bit % 8 != 0)
    }

    /// Whether a file that was not closed may be an older one now: a header of before is a header,
    /// and knows nothing of later commits.
    pub fn may_be_older(self) -> bool {
        matches!(self, Self::Older(0))
    }

    /// Some damage or other: half of it a bit.
    pub fn any(image: &Image, random: &mut Random) -> Self {
        let len = image.bytes.len();
        let mut below = |bound: usize| random.below(bound as u64) as usize;
        let pages = len.div_ceil(PAGE_BYTES);
        match below(16) {
            0 | 1 => Self::Swapped(below(pages), below(pages)),
            2 => Self::Zeroed(below(pages)),
            3 | 4 => Self::Older(below(image.older.len().min(len) / PAGE_BYTES)),
            5 => Self::CutTo(below(len / SECTOR_BYTES) * SECTOR_BYTES),
            6 => match below(3) {
                0 => Self::Longer(Tail::Garbage(TAILS[below(TAILS.len())])),
                1 => Self::Longer(Tail::Zeros(TAILS[below(TAILS.len())])),
                _ => Self::Longer(Tail::Itself),
            },
            // What redb does not protect by a checksum.
            7 => Self::Flip { bit: below(320 * 8) },
            _ => Self::Flip { bit: below(len * 8) },
        }
    }

    /// The file after it, with what is left as it was shared.
    pub fn on(self, image: &Image) -> disk::Image {
        let Self::Flip { bit } = self else { return disk::Image::from(&self.of(image)[..]) };
        let mut shared = image.shared.clone();
        shared.write(bit as u64 / 8, &[image.bytes[bit / 8] ^ 1 << (bit % 8)]);
        shared
    }

    /// The bytes of the file after it.
    pub fn of(self, image: &Image) -> Vec<u8> {
        let mut bytes = image.bytes.clone();
        let page = |nth: usize, len: usize| nth * PAGE_BYTES..((nth + 1) * PAGE_BYTES).min(len);
        match self {
            Self::Flip { bit } => bytes[bit / 8] ^= 1 << (bit % 8),
            Self::Swapped(one, other) => {
                // The last may be shorter: as much as both have.
                let [one, other] = [one, other].map(|nth| page(nth, image.bytes.len()));
                let len = one.len().min(other.len());
                bytes[one.start..][..len].copy_from_slice(&image.bytes[other.start..][..len]);
                bytes[other.start..][..len].copy_from_slice(&image.bytes[one.start..][..len]);
            }
            Self::Zeroed(nth) => bytes[page(nth, image.bytes.len())].fill(0),
            Self::Older(nth) => {
                let range = page(nth, image.older.len().min(bytes.len()));
                bytes[range.clone()].copy_from_slice(&image.older[range]);
            }
            Self::CutTo(len) => bytes.truncate(len),
            Self::Longer(tail) => match tail {
                Tail::Garbage(len) => {
                    let mut random = Random(0x9E37_79B9_7F4A_7C15);
                    bytes.extend((0..len).map(|_| random.next() as u8));
                }
                Tail::Zeros(len) => bytes.resize(bytes.len() + len, 0),
                Tail::Itself => bytes.extend_from_slice(&image.bytes),
            },
        }
        bytes
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flip { bit } => write!(f, "bit {} of byte {} flipped", bit % 8, bit / 8),
            Self::Swapped(one, other) => write!(f, "pages {one} and {other} swapped"),
            Self::Zeroed(page) => write!(f, "page {page} zeroed"),
            Self::Older(page) => write!(f, "page {page} as it was before"),
            Self::CutTo(len) => write!(f, "cut to {len} bytes"),
            Self::Longer(tail) => write!(f, "longer by {tail:?}"),
        }
    }
}
