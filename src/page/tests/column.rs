//! Columns of numbers, packed and back.

use super::super::columns::Columns;
use super::super::steps::BLOCK;
use super::super::unpack::{BESIDE, HALVES, unpack, unpack_beside};
use proptest::prelude::*;

fn unpacked(packed: &[u8], count: usize) -> Option<(Vec<u32>, &[u8])> {
    let mut numbers = vec![0; count.next_multiple_of(BLOCK)];
    let rest = unpack(packed, &mut numbers)?;
    numbers.truncate(count);
    Some((numbers, rest))
}

fn comes_back(numbers: &[u32]) -> usize {
    let mut packed = Vec::new();
    Columns::of(numbers.iter().copied()).column(0).pack(&mut packed);
    let len = packed.len();
    packed.extend_from_slice(b"what is behind");
    let (back, rest) = unpacked(&packed, numbers.len()).unwrap();
    assert_eq!((&*back, rest), (numbers, &b"what is behind"[..]));
    for cut in 0..len {
        assert!(unpacked(&packed[..cut], numbers.len()).is_none(), "cut at {cut} of {len}");
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
        let arc: Vec<u32> = (0..45_u32).map(|n| (n * n).wrapping_mul(step) ^ (n % 5)).collect();
        comes_back(&arc);
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

#[test]
fn what_moves_evenly_or_along_an_arc_takes_its_beginning_alone() {
    let evenly: Vec<u32> = (0..1024).map(|n| 5_000_000 + n * 977).collect();
    assert!(comes_back(&evenly) < 24);
    let arc: Vec<u32> = (0..1024_u32).map(|n| (n * n).wrapping_mul(31)).collect();
    assert!(comes_back(&arc) < 40);
}

#[test]
fn a_last_block_tells_nothing_of_what_is_behind_the_last_number() {
    let evenly: Vec<u32> = (1000..1009).collect();
    // The first slope, in a block of two bits each, and one block without any.
    assert_eq!(comes_back(&evenly), 5 + (1 + 2) + 1);
}

#[test]
fn what_jumps_among_few_is_told_by_which() {
    let jumps: Vec<u32> = (0..1024_u32).map(|n| (n / 3 % 4).wrapping_mul(0x9E37_79B9)).collect();
    // Two bits each, and a tag for each eight.
    assert_eq!(comes_back(&jumps), 1 + 4 * 4 + 1024 / 8 * (2 + 1));
    let mut many: Vec<u32> = (0..64_u32).map(|n| (n % 32).wrapping_mul(0x9E37_79B9)).collect();
    comes_back(&many);
    many.iter_mut().for_each(|number| *number %= 31);
    comes_back(&many);
}

#[test]
fn fields_beside_each_other_are_told_apart() {
    let countdown = |n: u32| 60_000 - n * 10;
    let (flips, moves) = (|n: u32| n / 50 % 2 * 100, |n: u32| 70 + n / 20);
    let word = |n| countdown(n) | flips(n) << 16 | moves(n) << 24;
    let packed = comes_back(&(0..1024).map(word).collect::<Vec<_>>());
    assert!(packed < 600, "{packed}");
}

#[test]
fn what_jumps_among_more_than_a_few_is_told_in_another_manner() {
    // The ninth comes back to the first: whoever counts to few must count from there as well.
    let jumps = |n: u32| mixed(if n < 8 { n } else { (n - 1) % 40 * u32::from(n != 8) });
    comes_back(&(0..1024).map(jumps).collect::<Vec<_>>());
}

#[test]
fn a_half_of_two_fields_is_told_apart_once_more() {
    let two = |n: u32, by: u32| n & 0xFF | (mixed(n + by) % 4 * by) << 8;
    let words: Vec<u32> = (0..1024).map(|n| two(n, 50) | two(n, 60) << 16).collect();
    let mut packed = Vec::new();
    Columns::of(words.iter().copied()).column(0).pack(&mut packed);
    assert_eq!(packed[..2], [HALVES | 16 << 3, HALVES | 8 << 3]);
    assert!(comes_back(&words) < 1024, "two bits for each of the fields that jump");
}

#[test]
fn what_goes_to_and_fro_by_one_bit_takes_that_bit() {
    let to_and_fro: Vec<u32> = (0..144).map(|n| 7 - n % 2).collect();
    // Either of two numbers would be told by as many bits, and four bytes more in front.
    assert_eq!(comes_back(&to_and_fro), 5 + 144 / 8 * (1 + 1));
}

#[test]
fn bytes_are_cut_into_no_halves_though_these_would_take_less() {
    // In each byte what moves slowly, below what has no order.
    let word = |n: u32| mixed(n) & 0xF0F0_F0F0 | (n / 40 * 0x0101_0101);
    comes_back(&(0..144).map(word).collect::<Vec<_>>());
}

#[test]
fn a_column_beside_another_says_what_is_other() {
    let other: Vec<u32> = (0..144).map(mixed).collect();
    let packed_beside = |numbers: &[u32]| {
        let mut packed = Vec::new();
        let columns = Columns::of(numbers.iter().copied());
        columns.column(0).pack_beside(&other, &mut Columns::default(), &mut packed);
        let mut back = [0; 144];
        let rest = unpack_beside(&packed, &mut back, other.iter().copied()).unwrap();
        assert_eq!((&back[..], rest), (numbers, &[][..]));
        packed.len()
    };
    assert_eq!(packed_beside(&other), 1 + 5);
    let mut nearly = other.clone();
    nearly[70] ^= 1;
    assert!(packed_beside(&nearly) < 24);
    assert_eq!(packed_beside(&[7; 144]), 5, "what is simpler by itself stands by itself");
}

fn mixed(n: u32) -> u32 {
    n.wrapping_mul(0x9E37_79B9).rotate_left(n % 32)
}

/// By slopes it is next to nothing.
fn goes_evenly() -> Columns {
    Columns::of((0..144).map(|n| 5_000_000 + n * 977))
}

/// A column for each manner, in their order.
pub(super) fn of_each_manner() -> [Columns; 7] {
    let manners: [&dyn Fn(u32) -> u32; 7] = [
        &|_| 7,
        &|n| 5_000 + n * 3 + n % 5,
        &|n| mixed(n) & 63,
        &|n| 5_000_000 + n * 977,
        &|n| (n * n).wrapping_mul(31),
        &|n| mixed(n / 3 % 4),
        &|n| (60_000 - n * 10) | (n / 50 % 2 * 100) << 16 | (70 + n / 20) << 24,
    ];
    manners.map(|manner| Columns::of((0..144).map(manner)))
}

#[test]
fn beside_what_it_has_nothing_of_a_column_stands_by_itself() {
    let other: Vec<u32> = (1000..1144).map(mixed).collect();
    for (column, first) in of_each_manner().into_iter().zip(0..).skip(1) {
        let (mut alone, mut beside) = (Vec::new(), Vec::new());
        column.column(0).pack(&mut alone);
        assert_eq!(alone[0] & 7, first, "each manner is among them");
        let room = &mut Columns::default();
        let habit = column.column(0).pack_beside(&other, room, &mut beside);
        assert!(!habit.is_beside());
        assert_eq!(beside, alone);
        beside.clear();
        assert!(!column.column(0).pack_as(&habit, &other, room, &mut beside));
        assert_eq!(beside, alone, "and so out of habit");
    }
}

#[test]
fn a_column_that_a_habit_does_not_suit_is_packed_at_a_glance() {
    let other: Vec<u32> = (0..144).map(mixed).collect();
    let room = &mut Columns::default();
    let even = goes_evenly();
    let habit = even.column(0).pack_beside(&other, room, &mut Vec::new());
    assert!(!habit.is_beside());
    let mut packed = Vec::new();
    let same = Columns::of(other.iter().copied());
    assert!(same.column(0).pack_as(&habit, &other, room, &mut packed));
    assert_eq!(packed.len(), 1 + 5, "it is the other");
    let habit = same.column(0).pack_beside(&other, room, &mut Vec::new());
    assert!(habit.is_the_other());
    packed.clear();
    // One that was constant says nothing: this goes evenly, by itself.
    assert!(!even.column(0).pack_as(&habit, &other, room, &mut packed));
    assert!(packed.len() < 24, "{}", packed.len());
}

#[test]
fn what_a_habit_does_not_suit_may_be_few_numbers_beside_the_other() {
    let other: Vec<u32> = (0..144).map(mixed).collect();
    let room = &mut Columns::default();
    let even = goes_evenly();
    let habit = even.column(0).pack_beside(&other, room, &mut Vec::new());
    let leaps = leaps(10);
    let numbers = leaps.column(0).numbers().iter().zip(&other);
    let beside = Columns::of(numbers.map(|(leap, other)| leap.wrapping_add(*other)));
    let mut packed = Vec::new();
    assert!(beside.column(0).pack_as(&habit, &other, room, &mut packed));
    assert_eq!((packed[0], packed[1] & 7), (BESIDE, 5), "few beside it");
    let mut back = [0; 144];
    unpack_beside(&packed, &mut back, other.iter().copied()).unwrap();
    assert_eq!(back, *beside.column(0).numbers());
}

/// 144 numbers that go to and fro between two, and are a third now and then: by differences each block takes
/// so many bits a number, and as one of three two.
fn leaps(bits: u32) -> Columns {
    let leap = (1 << (bits - 2)) - 1;
    Columns::of((0..144).map(move |n| 9_000 + leap * (n % 2) + u32::from(n % 8 == 7) * leap))
}

#[test]
fn a_habit_is_kept_up_to_twice_its_bytes_and_two_bits_a_number() {
    // What stands before it does not count.
    const BEFORE: usize = 300;
    let other: Vec<u32> = (0..144).map(mixed).collect();
    let room = &mut Columns::default();
    let by_three_bits = Columns::of((0..144_u32).map(|n| 9_000 + 3 * n.div_ceil(2)));
    let mut packed = vec![0; BEFORE];
    let habit = by_three_bits.column(0).pack_beside(&other, room, &mut packed);
    let took = packed.len() - BEFORE;
    assert_eq!((packed[BEFORE] & 7, took), (1, 5 + 18 * (1 + 3)), "by differences");
    // 77 bytes: others may take up to 190.
    for (bits, manner, bytes) in [(9, 1, Some(5 + 18 * (1 + 9))), (10, 5, None)] {
        packed.truncate(BEFORE);
        assert!(!leaps(bits).column(0).pack_as(&habit, &other, room, &mut packed));
        assert_eq!(packed[BEFORE] & 7, manner, "{bits} bits");
        assert!(bytes.is_none_or(|bytes| packed.len() - BEFORE == bytes), "{}", packed.len());
    }
}

#[test]
fn next_to_nothing_beside_another_is_not_compared() {
    let (other, room) = ([3; 144], &mut Columns::default());
    let still = Columns::of([7; 144].into_iter());
    let mut packed = Vec::new();
    let habit = still.column(0).pack_beside(&other, room, &mut packed);
    // By itself it would take a byte less.
    assert!(habit.is_beside() && habit.is_the_other());
    assert_eq!(packed.len(), 1 + 5);
    // Beside nothing it is what it is: then it stands by itself.
    let moving = Columns::of((0..144).map(|n| n * n));
    assert!(!moving.column(0).pack_as(&habit, &[0; 144], room, &mut packed));
}

#[test]
fn a_half_of_a_half_is_the_last() {
    // Halves that claim to hold halves of their own length, for ever.
    assert!(unpacked(&[HALVES | 16 << 3; 64], 8).is_none());
    assert!(unpacked(&[HALVES | 8 << 3; 64], 8).is_none());
    let nested = [HALVES | 16 << 3, HALVES | 8 << 3, HALVES | 4 << 3];
    assert!(unpacked(&[&nested[..], &[0; 64]].concat(), 8).is_none());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_column_comes_back(
        numbers in prop::collection::vec(any::<u32>(), 1..70),
        keep in 0_u32..32,
        few in 1_usize..40,
    ) {
        comes_back(&numbers);
        let small: Vec<u32> = numbers.iter().map(|number| number >> keep).collect();
        comes_back(&small);
        let jumps: Vec<u32> = small.iter().map(|n| numbers[*n as usize % few.min(numbers.len())]).collect();
        comes_back(&jumps);
        let beside: Vec<u32> = (0_u32..).zip(&small).map(|(n, small)| n << 16 | small & 0xFF).collect();
        comes_back(&beside);
    }

    #[test]
    fn any_column_comes_back_that_is_packed_as_another_was(
        numbers in prop::collection::vec(any::<[u32; 3]>(), 1..70),
        keep in any::<[u8; 3]>(),
        few in any::<[u8; 3]>(),
    ) {
        let column = |nth: usize| -> Vec<u32> {
            let (keep, few) = (keep[nth] % 32, usize::from(few[nth] % 40) + 1);
            let jumps = numbers.iter().map(|row| numbers[row[nth] as usize % few.min(numbers.len())]);
            jumps.map(|row| row[nth] >> keep).collect()
        };
        let (first, second, other) = (column(0), column(1), column(2));
        let room = &mut Columns::default();
        let columns = Columns::of(first.iter().copied());
        let habit = columns.column(0).pack_beside(&other, room, &mut Vec::new());
        let columns = Columns::of(second.iter().copied());
        let mut packed = Vec::new();
        columns.column(0).pack_as(&habit, &other, room, &mut packed);
        let mut back = vec![0; second.len().next_multiple_of(BLOCK)];
        let rest = unpack_beside(&packed, &mut back, other.iter().copied());
        prop_assert_eq!((rest, &back[..second.len()]), (Some(&[][..]), &second[..]));
    }

    #[test]
    fn any_bytes_are_a_column_or_refused(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        count in 1_usize..300,
    ) {
        unpacked(&bytes, count);
    }
}
