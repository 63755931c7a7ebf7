//! A column of numbers as the steps between them, each block of steps in as few bits as it needs.
//!
//! ```text
//! | kind, shift: 1 | first value: 4 | blocks of eight steps: a tag, then the steps ...
//! ```
//! What is measured moves little from bucket to bucket, and often not at all; so most steps are
//! short, and runs of blocks without a step are one byte. Eight steps of `w` bits are `w` bytes:
//! blocks begin at whole bytes, and each is read without a loop over bits.

/// Numbers of a block; on disk, never changes within a format.
pub(super) const BLOCK: usize = 8;
/// On disk: tags up to here are the bits of a step, those above stand for so many more blocks of
/// steps that are all zero. No tag is zero.
const WIDTH_MAX: u8 = 32;
/// A block is read as whole words, which may lie behind its last byte.
const WINDOW: usize = 40;

/// How one number follows from the one before it; on disk, as the low three bits of the first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// It is the same, and no blocks follow.
    Constant = 0,
    /// By a difference, small in either direction.
    Difference = 1,
    /// By the bits that are other.
    Bits = 2,
}

/// The steps of a column: what all of them have as zeros at their low end is shifted out.
#[derive(Clone, Copy, Debug)]
struct Steps {
    kind: Kind,
    shift: u32,
}

impl Steps {
    fn to_byte(self) -> u8 {
        // A shift is at most 31.
        self.kind as u8 | (self.shift as u8) << 3
    }

    fn from_byte(byte: u8) -> Option<Self> {
        let kind = match byte & 7 {
            0 => Kind::Constant,
            1 => Kind::Difference,
            2 => Kind::Bits,
            _ => return None,
        };
        Some(Self { kind, shift: u32::from(byte >> 3) })
    }

    #[inline]
    fn between(self, before: u32, value: u32) -> u32 {
        match self.kind {
            Kind::Constant => 0,
            Kind::Difference => {
                let difference = value.wrapping_sub(before).cast_signed() >> self.shift;
                // The sign goes to the low end, so that small is small on both sides of zero.
                (difference << 1 ^ difference >> 31).cast_unsigned()
            }
            Kind::Bits => (value ^ before) >> self.shift,
        }
    }

    /// Makes numbers of a block's steps. Returns the last one.
    #[inline]
    fn follow(self, mut last: u32, steps: &mut [u32; BLOCK]) -> u32 {
        if self.kind == Kind::Difference {
            for step in steps {
                let sign = (*step & 1).wrapping_neg();
                last = last.wrapping_add((*step >> 1 ^ sign) << self.shift);
                *step = last;
            }
        } else {
            for step in steps {
                last ^= *step << self.shift;
                *step = last;
            }
        }
        last
    }
}

/// Appends a column, which has at least one number.
pub(super) fn pack(values: &[u32], out: &mut Vec<u8>) {
    let (first, steps) = (values[0], steps_of(values));
    out.push(steps.to_byte());
    out.extend_from_slice(&first.to_le_bytes());
    if steps.kind == Kind::Constant {
        return;
    }
    let (mut before, mut idle) = (first, 0);
    for block in values.chunks(BLOCK) {
        let (packed, width) = block_of(steps, before, block);
        before = block[block.len() - 1];
        if width == 0 {
            idle += 1;
            continue;
        }
        push_idle(&mut idle, out);
        out.push(width as u8);
        pack_block(&packed, width, out);
    }
    push_idle(&mut idle, out);
}

/// Takes a column of `count` numbers off the front of `input` and gives them to `put`, block by
/// block, with where each begins; in the last one there may be more than are left. Returns what is
/// behind, or `None` if these bytes are no such column.
pub(super) fn unpack(
    input: &[u8],
    count: usize,
    mut put: impl FnMut(usize, &[u32; BLOCK]),
) -> Option<&[u8]> {
    let ([kind, first @ ..], mut rest) = input.split_first_chunk::<5>()?;
    let (steps, mut last) = (Steps::from_byte(*kind)?, u32::from_le_bytes(*first));
    let mut idle = if steps.kind == Kind::Constant { count.div_ceil(BLOCK) } else { 0 };
    for at in (0..count).step_by(BLOCK) {
        if idle == 0 {
            let (&tag, behind) = rest.split_first()?;
            rest = behind;
            if (1..=WIDTH_MAX).contains(&tag) {
                let mut block = spread(rest, tag)?;
                rest = &rest[usize::from(tag)..];
                last = steps.follow(last, &mut block);
                put(at, &block);
                continue;
            }
            idle = usize::from(tag.checked_sub(WIDTH_MAX)?);
        }
        idle -= 1;
        put(at, &[last; BLOCK]);
    }
    (idle == 0).then_some(rest)
}

/// The kind of step that takes least room.
fn steps_of(values: &[u32]) -> Steps {
    let pairs = || values.iter().zip(&values[1..]);
    let (differences, bits) = pairs().fold((0, 0), |(differences, bits), (before, value)| {
        (differences | value.wrapping_sub(*before), bits | value ^ before)
    });
    if bits == 0 {
        return Steps { kind: Kind::Constant, shift: 0 };
    }
    let difference = Steps { kind: Kind::Difference, shift: differences.trailing_zeros() };
    let other = Steps { kind: Kind::Bits, shift: bits.trailing_zeros() };
    let (mut by_difference, mut by_bits) = (0, 0);
    let mut before = values[0];
    for block in values.chunks(BLOCK) {
        let mut all = (0, 0);
        for value in block {
            all.0 |= difference.between(before, *value);
            all.1 |= other.between(before, *value);
            before = *value;
        }
        by_difference += width_of(all.0);
        by_bits += width_of(all.1);
    }
    if by_bits < by_difference { other } else { difference }
}

fn width_of(steps: u32) -> u32 {
    u32::BITS - steps.leading_zeros()
}

/// A block's steps, and the bits that the longest of them has.
fn block_of(steps: Steps, mut before: u32, values: &[u32]) -> ([u32; BLOCK], u32) {
    let (mut block, mut all) = ([0; BLOCK], 0);
    for (step, value) in block.iter_mut().zip(values) {
        *step = steps.between(before, *value);
        all |= *step;
        before = *value;
    }
    (block, width_of(all))
}

/// Says that so many blocks had no step, if any.
fn push_idle(idle: &mut usize, out: &mut Vec<u8>) {
    while *idle > 0 {
        let now = (*idle).min(usize::from(u8::MAX - WIDTH_MAX));
        out.push(WIDTH_MAX + now as u8);
        *idle -= now;
    }
}

fn pack_block(steps: &[u32; BLOCK], width: u32, out: &mut Vec<u8>) {
    let (mut bits, mut held) = (0_u64, 0);
    for step in steps {
        bits |= u64::from(*step) << held;
        held += width;
        if held >= u32::BITS {
            out.extend_from_slice(&(bits as u32).to_le_bytes());
            bits >>= u32::BITS;
            held -= u32::BITS;
        }
    }
    out.extend_from_slice(&bits.to_le_bytes()[..held as usize / 8]);
}

/// The eight steps of `width` bits at the front of `input`.
#[inline]
fn spread(input: &[u8], width: u8) -> Option<[u32; BLOCK]> {
    let mut copy = [0; WINDOW];
    let window = match input.first_chunk::<WINDOW>() {
        Some(window) => window,
        None => {
            let block = input.get(..usize::from(width))?;
            copy[..block.len()].copy_from_slice(block);
            &copy
        }
    };
    // Each width by code of its own, in which all places are known.
    macro_rules! by_width {
        ($($width:literal)*) => {
            match width {
                $($width => Some(spread_by::<$width>(window)),)*
                _ => None,
            }
        };
    }
    by_width!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32)
}

#[inline]
fn spread_by<const WIDTH: usize>(window: &[u8; WINDOW]) -> [u32; BLOCK] {
    std::array::from_fn(|nth| {
        let (byte, bit) = (nth * WIDTH / 8, nth * WIDTH % 8);
        let word = window[byte..].first_chunk().expect("the last step begins 28 bytes in at most");
        (u64::from_le_bytes(*word) >> bit) as u32 & (u32::MAX >> (32 - WIDTH))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn unpacked(packed: &[u8], count: usize) -> Option<(Vec<u32>, &[u8])> {
        let mut values = Vec::new();
        let rest = unpack(packed, count, |at, block| {
            assert_eq!(at, values.len());
            values.extend_from_slice(block);
        })?;
        values.truncate(count);
        Some((values, rest))
    }

    fn comes_back(values: &[u32]) -> usize {
        let mut packed = Vec::new();
        pack(values, &mut packed);
        let len = packed.len();
        packed.extend_from_slice(b"what is behind");
        let (back, rest) = unpacked(&packed, values.len()).unwrap();
        assert_eq!((&*back, rest), (values, &b"what is behind"[..]));
        for cut in 0..len {
            assert!(unpacked(&packed[..cut], values.len()).is_none(), "cut at {cut} of {len}");
        }
        len
    }

    #[test]
    fn steps_of_every_width_come_back() {
        for width in 0..32 {
            let step = 1_u32 << width;
            let there_and_back: Vec<u32> = (0..21).map(|n| n % 2 * step + 7).collect();
            comes_back(&there_and_back);
            let upwards: Vec<u32> = (0..21_u32).map(|n| n.wrapping_mul(step) | 1).collect();
            comes_back(&upwards);
        }
    }

    #[test]
    fn what_does_not_move_takes_five_bytes_and_a_rest_one_more() {
        assert_eq!(comes_back(&[7; 1024]), 5);
        assert_eq!(comes_back(&[7]), 5);
        let mut once = [7; 1024];
        once[100..].fill(8);
        assert_eq!(comes_back(&once), 5 + 1 + (1 + 2) + 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_column_comes_back(
            values in prop::collection::vec(any::<u32>(), 1..70),
            keep in 0_u32..32,
        ) {
            comes_back(&values);
            let small: Vec<u32> = values.iter().map(|value| value >> keep).collect();
            comes_back(&small);
        }

        #[test]
        fn any_bytes_are_a_column_or_refused(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            count in 1_usize..300,
        ) {
            unpacked(&bytes, count);
        }
    }
}
