//! A column of numbers in as few bytes as its manner allows.
//!
//! ```text
//! constant: | 0 | the number 4 |
//! steps:    | kind, shift << 3 | first number 4 | blocks of eight steps: a tag, then the steps ...
//! few:      | 5, how many << 3 | those numbers, 4 each | blocks of which: as steps by bits, from 0
//! halves:   | 6, bits << 3 | a column of the low bits | a column of those above them
//! beside:   | 7 | a column of what is to be added to another that the reader has
//! ```
//! What is measured moves little from bucket to bucket, and often not at all; so most steps are
//! short, and runs of blocks without a step are one byte. What jumps among a few numbers (the
//! building that stands in the sun's way) is told by which of them it is; and a word may be two
//! fields beside each other, each with a manner of its own.

use super::steps::{BLOCK, Follower, Kind, Steps, spread};

/// On disk: tags up to here are the bits of a step, those above stand for so many more blocks of
/// steps that are all zero. No tag is zero.
pub(super) const WIDTH_MAX: u8 = 32;
/// On disk, beside the kinds of steps.
pub(super) const CONSTANT: u8 = 0;
pub(super) const FEW: u8 = 5;
pub(super) const HALVES: u8 = 6;
pub(super) const BESIDE: u8 = 7;
/// The most numbers that a column jumps among; their count fits above the manner.
pub(super) const FEW_MAX: usize = 31;
/// Words are cut in the middle, and what is left once more.
pub(super) const LEAST_HALF: u32 = 8;
const _: () = assert!(BLOCK == 8 && Kind::Curve as u8 + 1 == FEW);

/// How one of few numbers follows another.
pub(super) const BY_BITS: Steps = Steps { kind: Kind::Bits, shift: 0 };

/// Takes a column off the front of `input`, as many numbers as there is room for: whole blocks, of
/// which the last may have more than there are. Returns what is behind, or `None` if these bytes are
/// no such column.
pub(super) fn unpack<'a>(input: &'a [u8], numbers: &mut [u32]) -> Option<&'a [u8]> {
    unpack_half(input, numbers, u32::BITS)
}

/// The same for a column that may be packed beside another.
pub(super) fn unpack_beside<'a>(
    input: &'a [u8],
    numbers: &mut [u32],
    other: impl IntoIterator<Item = u32>,
) -> Option<&'a [u8]> {
    let Some(difference) = input.strip_prefix(&[BESIDE]) else {
        return unpack(input, numbers);
    };
    let rest = unpack(difference, numbers)?;
    for (number, other) in numbers.iter_mut().zip(other) {
        *number = number.wrapping_add(other);
    }
    Some(rest)
}

fn unpack_half<'a>(input: &'a [u8], numbers: &mut [u32], bits: u32) -> Option<&'a [u8]> {
    let (begin, rest) = input.split_first()?;
    let (kind, above) = (begin & 7, u32::from(begin >> 3));
    if kind == HALVES {
        if above != bits / 2 || above < LEAST_HALF {
            return None;
        }
        let mut high = vec![0; numbers.len()];
        let rest = unpack_half(rest, numbers, above)?;
        let rest = unpack_half(rest, &mut high, above)?;
        for (number, high) in numbers.iter_mut().zip(high) {
            *number = *number & low_bits(above) | high << above;
        }
        return Some(rest);
    }
    if kind == FEW {
        let (few, rest) = rest.split_at_checked(above as usize * size_of::<u32>())?;
        let (few, _) = few.as_chunks();
        let mut known = [0; FEW_MAX + 1];
        let known = known.get_mut(..few.len())?;
        known.iter_mut().zip(few).for_each(|(known, few)| *known = u32::from_le_bytes(*few));
        let rest = unpack_steps(rest, numbers, Follower::from(0, BY_BITS))?;
        for number in numbers {
            *number = *known.get(*number as usize)?;
        }
        return Some(rest);
    }
    let (first, rest) = rest.split_first_chunk()?;
    let first = u32::from_le_bytes(*first);
    if kind == CONSTANT {
        numbers.fill(first);
        return Some(rest);
    }
    let kind = Kind::of(kind)?;
    unpack_steps(rest, numbers, Follower::from(first, Steps { kind, shift: above }))
}

fn unpack_steps<'a>(
    mut rest: &'a [u8],
    numbers: &mut [u32],
    mut follower: Follower,
) -> Option<&'a [u8]> {
    let mut idle = 0;
    for block in numbers.as_chunks_mut::<BLOCK>().0 {
        let mut steps = [0; BLOCK];
        if idle == 0 {
            let (&tag, behind) = rest.split_first()?;
            rest = behind;
            if (1..=WIDTH_MAX).contains(&tag) {
                steps = spread(rest, tag)?;
                rest = &rest[usize::from(tag)..];
            } else {
                idle = tag.checked_sub(WIDTH_MAX)?;
            }
        }
        idle = idle.saturating_sub(1);
        follower.follow(steps, block);
    }
    (idle == 0).then_some(rest)
}

pub(super) fn low_bits(bits: u32) -> u32 {
    (1 << bits) - 1
}
