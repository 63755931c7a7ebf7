//! How one number follows from those before it, and blocks of such steps in as few bits as they
//! need.
//!
//! Eight steps of `w` bits are `w` bytes: blocks begin at whole bytes, and each is read without a
//! loop over bits.

/// Numbers of a block; on disk, never changes within a format.
pub(super) const BLOCK: usize = 8;
/// Numbers before a block that its steps look back on.
pub(super) const BEFORE: usize = 3;
/// A block, and the numbers before it.
pub(super) type Window = [u32; BEFORE + BLOCK];
/// A block is read as whole words, which may lie behind its last byte.
const WIDE: usize = 40;

/// What a step is the step of; on disk, as the low three bits of a column's first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// By a difference, small in either direction: what moves slowly.
    Difference = 1,
    /// By the bits that are other: flags.
    Bits = 2,
    /// By what the difference differs from the one before: what moves evenly.
    Slope = 3,
    /// By what that differs in turn: what moves along an arc, as the sun does.
    Curve = 4,
}

impl Kind {
    pub(super) fn of(number: u8) -> Option<Self> {
        let kinds = [Self::Difference, Self::Bits, Self::Slope, Self::Curve];
        kinds.into_iter().find(|kind| *kind as u8 == number)
    }
}

/// The steps of a column: what all of them have as zeros at their low end is shifted out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Steps {
    pub(super) kind: Kind,
    pub(super) shift: u32,
}

/// Those that lead to the numbers of a window from the ones before them.
impl Steps {
    #[inline(always)]
    pub(super) fn bits(self, window: &Window) -> [u32; BLOCK] {
        std::array::from_fn(|nth| (window[nth + 3] ^ window[nth + 2]) >> self.shift)
    }

    #[inline(always)]
    pub(super) fn differences(self, window: &Window) -> [u32; BLOCK] {
        let by_one = differences::<{ BEFORE + BLOCK }, { BLOCK + 2 }>(window);
        std::array::from_fn(|nth| self.folded(by_one[nth + 2]))
    }

    #[inline(always)]
    pub(super) fn slopes(self, window: &Window) -> [u32; BLOCK] {
        let by_one = differences::<{ BEFORE + BLOCK }, { BLOCK + 2 }>(window);
        let by_two = differences::<{ BLOCK + 2 }, { BLOCK + 1 }>(&by_one);
        std::array::from_fn(|nth| self.folded(by_two[nth + 1]))
    }

    #[inline(always)]
    pub(super) fn curves(self, window: &Window) -> [u32; BLOCK] {
        let by_one = differences::<{ BEFORE + BLOCK }, { BLOCK + 2 }>(window);
        let by_two = differences::<{ BLOCK + 2 }, { BLOCK + 1 }>(&by_one);
        let by_three = differences::<{ BLOCK + 1 }, BLOCK>(&by_two);
        by_three.map(|step| self.folded(step))
    }

    /// The sign goes to the low end, so that small is small on both sides of zero.
    #[inline(always)]
    fn folded(self, step: u32) -> u32 {
        let step = step.cast_signed() >> self.shift;
        (step << 1 ^ step >> 31).cast_unsigned()
    }
}

#[inline(always)]
fn differences<const OF: usize, const ARE: usize>(numbers: &[u32; OF]) -> [u32; ARE] {
    std::array::from_fn(|nth| numbers[nth + 1].wrapping_sub(numbers[nth]))
}

/// The first steps of a block, and none to what is not there in a short last one.
#[inline(always)]
pub(super) fn up_to(len: usize, mut steps: [u32; BLOCK]) -> [u32; BLOCK] {
    if len < BLOCK {
        steps[len..].fill(0);
    }
    steps
}

/// Where a column stands while its steps are followed.
pub(super) struct Follower {
    steps: Steps,
    last: u32,
    /// The last difference, and what it differed from the one before.
    difference: u32,
    bend: u32,
}

impl Follower {
    pub(super) fn from(first: u32, steps: Steps) -> Self {
        Self { steps, last: first, difference: 0, bend: 0 }
    }

    /// Makes numbers of a block's steps.
    #[inline(always)]
    pub(super) fn follow(&mut self, steps: [u32; BLOCK], numbers: &mut [u32; BLOCK]) {
        let shift = self.steps.shift;
        let signed = |step: u32| (step >> 1 ^ (step & 1).wrapping_neg()) << shift;
        for (number, step) in numbers.iter_mut().zip(steps) {
            match self.steps.kind {
                Kind::Bits => self.last ^= step << shift,
                Kind::Difference => self.last = self.last.wrapping_add(signed(step)),
                Kind::Slope => {
                    self.difference = self.difference.wrapping_add(signed(step));
                    self.last = self.last.wrapping_add(self.difference);
                }
                Kind::Curve => {
                    self.bend = self.bend.wrapping_add(signed(step));
                    self.difference = self.difference.wrapping_add(self.bend);
                    self.last = self.last.wrapping_add(self.difference);
                }
            }
            *number = self.last;
        }
    }
}

/// The bits that the longest of a block's steps has.
#[inline(always)]
pub(super) fn width_of(steps: &[u32; BLOCK]) -> u32 {
    u32::BITS - steps.iter().fold(0, |all, step| all | step).leading_zeros()
}

/// Code of its own for each width, in which all places are known.
macro_rules! by_width {
    ($width:expr, $by:ident, $input:expr, $($of:literal)*) => {
        match $width {
            $($of => Some($by::<$of>($input)),)*
            _ => None,
        }
    };
    ($width:expr, $by:ident($input:expr)) => {
        by_width!(
            $width, $by, $input,
            1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32
        )
    };
}

/// Appends a block of steps that have at most `width` bits, from 1 to 32, behind that.
pub(super) fn pack_block(steps: &[u32; BLOCK], width: u32, out: &mut Vec<u8>) {
    let words = by_width!(width, gathered_by(steps)).expect("a width of 1 to 32");
    let mut bytes = [0; 33];
    bytes[0] = width as u8;
    for (place, word) in bytes[1..].chunks_exact_mut(8).zip(words) {
        place.copy_from_slice(&word.to_le_bytes());
    }
    out.extend_from_slice(&bytes[..=width as usize]);
}

#[inline]
fn gathered_by<const WIDTH: usize>(steps: &[u32; BLOCK]) -> [u64; 4] {
    let mut words = [0; 4];
    for (nth, step) in steps.iter().enumerate() {
        let (word, bit) = (nth * WIDTH / 64, nth * WIDTH % 64);
        words[word] |= u64::from(*step) << bit;
        if bit + WIDTH > 64 {
            words[word + 1] |= u64::from(*step) >> (64 - bit);
        }
    }
    words
}

/// The eight steps of `width` bits at the front of `input`.
#[inline]
pub(super) fn spread(input: &[u8], width: u8) -> Option<[u32; BLOCK]> {
    let mut copy = [0; WIDE];
    let wide = match input.first_chunk::<WIDE>() {
        Some(wide) => wide,
        None => {
            let block = input.get(..usize::from(width))?;
            copy[..block.len()].copy_from_slice(block);
            &copy
        }
    };
    by_width!(width, spread_by(wide))
}

#[inline]
fn spread_by<const WIDTH: usize>(wide: &[u8; WIDE]) -> [u32; BLOCK] {
    std::array::from_fn(|nth| {
        let (byte, bit) = (nth * WIDTH / 8, nth * WIDTH % 8);
        let word = wide[byte..].first_chunk().expect("the last step begins 28 bytes in at most");
        (u64::from_le_bytes(*word) >> bit) as u32 & (u32::MAX >> (32 - WIDTH))
    })
}
