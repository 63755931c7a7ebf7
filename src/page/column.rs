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

use super::columns::Columns;
use super::steps::{
    BEFORE, BLOCK, Follower, Kind, Steps, Window, pack_block, spread, up_to, width_of,
};

/// On disk: tags up to here are the bits of a step, those above stand for so many more blocks of
/// steps that are all zero. No tag is zero.
const WIDTH_MAX: u8 = 32;
/// On disk, beside the kinds of steps.
const CONSTANT: u8 = 0;
const FEW: u8 = 5;
pub(super) const HALVES: u8 = 6;
const BESIDE: u8 = 7;
/// The most numbers that a column jumps among; their count fits above the kind.
const FEW_MAX: usize = 31;
/// Of the table in which a number is looked for among the few: it is never more than half full.
const PLACES: usize = 64;
/// So many numbers may be few at the beginning of a column.
const FEW_AT_ONCE: usize = 8;
/// Bytes of a first number, and of the byte before it.
const BEGIN: usize = 5;
/// Words are cut in the middle, and what is left once more.
const LEAST_HALF: u32 = 8;
const _: () = assert!(BLOCK == 8 && Kind::Curve as u8 + 1 == FEW && PLACES > 2 * FEW_MAX);

/// Numbers to be packed, with what their steps look back on before them and room for a whole last
/// block behind.
#[derive(Clone, Copy)]
pub(super) struct Column<'n> {
    padded: &'n [u32],
    count: usize,
}

/// How a column is packed, and the bytes that it takes then: about, in steps.
struct Plan {
    manner: Manner,
    bytes: usize,
}

enum Manner {
    Constant,
    Steps(Steps),
    Few { numbers: Vec<u32>, which: Columns },
    Halves { bits: u32, halves: Box<[(Columns, Plan); 2]> },
}

const CONSTANT_PLAN: Plan = Plan { manner: Manner::Constant, bytes: BEGIN };

impl Plan {
    /// The one that takes less.
    fn or(self, other: Self) -> Self {
        if other.bytes < self.bytes { other } else { self }
    }
}

impl<'n> Column<'n> {
    pub(super) fn new(padded: &'n [u32], count: usize) -> Self {
        debug_assert_eq!(padded.len(), BEFORE + count.next_multiple_of(BLOCK));
        Self { padded, count }
    }

    pub(super) fn numbers(self) -> &'n [u32] {
        &self.padded[BEFORE..BEFORE + self.count]
    }

    /// Each block with what is before it, and how many numbers there are in it.
    fn blocks(self) -> impl Iterator<Item = (&'n Window, usize)> {
        (0..self.count).step_by(BLOCK).map(move |at| {
            let window = self.padded[at..].first_chunk().expect("padded to whole blocks");
            (window, (self.count - at).min(BLOCK))
        })
    }

    /// Appends it to `out`.
    pub(super) fn pack(self, out: &mut Vec<u8>) {
        self.pack_by(&self.plan(u32::BITS), out);
    }

    /// Appends it to `out`, or what it differs by from the numbers of another column, which was packed
    /// in the manner that its first byte says: the same will do for this one. The difference is left
    /// in the room given.
    pub(super) fn pack_beside(
        self,
        other: &[u32],
        manner: u8,
        room: &mut Columns,
        out: &mut Vec<u8>,
    ) {
        debug_assert_eq!(other.len(), self.count);
        let pairs = self.numbers().iter().zip(other);
        room.refill(pairs.map(|(number, other)| number.wrapping_sub(*other)));
        let difference = room.column(0);
        let beside = difference.plan_as(Kind::Difference as u8);
        // Next to nothing: there is no need to look for less.
        let own = (beside.bytes > self.count / 8).then(|| self.plan_as(manner));
        match own.filter(|own| own.bytes <= beside.bytes) {
            Some(own) => self.pack_by(&own, out),
            None => {
                out.push(BESIDE);
                difference.pack_by(&beside, out);
            }
        }
    }

    /// In a manner that was found to take least for a column of its like.
    fn plan_as(self, manner: u8) -> Plan {
        let Some(shift) = self.shift() else { return CONSTANT_PLAN };
        let by = |kind| self.plan_by(Steps { kind, shift });
        let differences = || by(Kind::Difference);
        match (manner & 7, u32::from(manner >> 3)) {
            (FEW, _) => self.few(usize::MAX).unwrap_or_else(differences),
            (HALVES, bits) => self.halves(bits, usize::MAX).unwrap_or_else(differences),
            (CONSTANT, _) => self.plan(u32::BITS),
            (kind, _) => Kind::of(kind).map_or_else(differences, by),
        }
    }

    fn plan_by(self, steps: Steps) -> Plan {
        Plan { manner: Manner::Steps(steps), bytes: BEGIN + self.bytes_by(steps) }
    }

    /// How far all steps can be shifted; `None` if there are none.
    fn shift(self) -> Option<u32> {
        let numbers = self.numbers();
        let pairs = numbers.iter().zip(&numbers[1..]);
        let other = pairs.fold(0, |other, (before, number)| other | (before ^ number));
        // The lowest bit that differs is the lowest of any difference too.
        (other != 0).then(|| other.trailing_zeros())
    }

    fn pack_by(self, plan: &Plan, out: &mut Vec<u8>) {
        let first = self.padded[0].to_le_bytes();
        match &plan.manner {
            Manner::Constant => {
                out.push(CONSTANT);
                out.extend_from_slice(&first);
            }
            Manner::Steps(steps) => {
                // A shift is at most 31.
                out.push(steps.kind as u8 | (steps.shift as u8) << 3);
                out.extend_from_slice(&first);
                self.pack_steps(*steps, out);
            }
            Manner::Few { numbers, which } => {
                out.push(FEW | (numbers.len() as u8) << 3);
                numbers.iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
                which.column(0).pack_steps(BY_BITS, out);
            }
            Manner::Halves { bits, halves } => {
                out.push(HALVES | (*bits as u8) << 3);
                halves.iter().for_each(|(half, plan)| half.column(0).pack_by(plan, out));
            }
        }
    }

    fn pack_steps(self, by: Steps, out: &mut Vec<u8>) {
        let mut idle = 0;
        for (window, len) in self.blocks() {
            let steps = up_to(len, by.of(window));
            let width = width_of(&steps);
            if width == 0 {
                idle += 1;
                continue;
            }
            push_idle(&mut idle, out);
            out.push(width as u8);
            pack_block(&steps, width, out);
        }
        push_idle(&mut idle, out);
    }

    /// The manner that takes least room, for numbers of so many bits.
    fn plan(self, bits: u32) -> Plan {
        let Some(shift) = self.shift() else { return CONSTANT_PLAN };
        let by = |kind| self.plan_by(Steps { kind, shift });
        let mut best = by(Kind::Difference);
        // What moves more evenly the closer one looks is looked at more closely.
        for closer in [Kind::Slope, Kind::Curve] {
            let plan = by(closer);
            if plan.bytes >= best.bytes {
                break;
            }
            best = plan;
        }
        best = best.or(by(Kind::Bits));
        // Either takes a look at all numbers: only where there is a byte of each to be saved.
        if best.bytes > self.count / 4 {
            best = self.few(best.bytes).unwrap_or(best);
        }
        if best.bytes > self.count && bits / 2 >= LEAST_HALF {
            best = self.halves(bits / 2, best.bytes).unwrap_or(best);
        }
        best
    }

    /// What its blocks take by such steps.
    fn bytes_by(self, steps: Steps) -> usize {
        // Code of its own for each kind: this is where packing spends its time.
        match steps.kind {
            Kind::Difference => self.bytes_of(|window| steps.differences(window)),
            Kind::Bits => self.bytes_of(|window| steps.bits(window)),
            Kind::Slope => self.bytes_of(|window| steps.slopes(window)),
            Kind::Curve => self.bytes_of(|window| steps.curves(window)),
        }
    }

    #[inline(always)]
    fn bytes_of(self, steps: impl Fn(&Window) -> [u32; BLOCK]) -> usize {
        let (mut bytes, mut was_idle) = (0, false);
        for (window, len) in self.blocks() {
            let width = width_of(&up_to(len, steps(window))) as usize;
            bytes += width + usize::from(width > 0 || !was_idle);
            was_idle = width == 0;
        }
        bytes
    }

    /// As one of a few numbers each, if that takes less.
    fn few(self, most: usize) -> Option<Plan> {
        let (mut few, mut at) = (Vec::<u32>::with_capacity(FEW_MAX), 0);
        let mut which = Columns::default();
        // A small table of where each of them is among the few, one more than that: zero is nowhere.
        let mut places = [0_u8; PLACES];
        let told = which.room(self.count).iter_mut();
        for ((seen, number), told) in self.numbers().iter().enumerate().zip(told) {
            if few.get(at) != Some(number) {
                let mut place = number.wrapping_mul(0x9E37_79B9) as usize >> (32 - PLACES.ilog2());
                at = loop {
                    match usize::from(places[place]).checked_sub(1) {
                        Some(at) if few[at] == *number => break at,
                        Some(_) => place = (place + 1) % PLACES,
                        None => break few.len(),
                    }
                };
                // What has met many at its beginning will not turn out to be few.
                if at == FEW_MAX.min(FEW_AT_ONCE + seen / 4) {
                    return None;
                }
                if at == few.len() {
                    few.push(*number);
                    places[place] = few.len() as u8;
                }
            }
            *told = at as u32;
        }
        // The first of them is the first number's own: what stands before it is zero already.
        let bytes = 1 + few.len() * 4 + which.column(0).bytes_by(BY_BITS);
        let manner = Manner::Few { numbers: few, which };
        (bytes < most).then_some(Plan { manner, bytes })
    }

    /// As two columns, the lower one of so many bits, if that takes less.
    fn halves(self, bits: u32, most: usize) -> Option<Plan> {
        let low = Columns::of(self.numbers().iter().map(|number| number & low_bits(bits)));
        // What has noise at its low end is not worth a closer look.
        let by_differences = Steps { kind: Kind::Difference, shift: 0 };
        if low.column(0).bytes_by(by_differences) > most / 4 * 3 {
            return None;
        }
        let of_low = low.column(0).plan(bits);
        let high = Columns::of(self.numbers().iter().map(|number| number >> bits));
        let of_high = high.column(0).plan(bits);
        let bytes = 1 + of_low.bytes + of_high.bytes;
        let halves = Box::new([(low, of_low), (high, of_high)]);
        (bytes < most).then_some(Plan { manner: Manner::Halves { bits, halves }, bytes })
    }
}

/// How one of few numbers follows another.
const BY_BITS: Steps = Steps { kind: Kind::Bits, shift: 0 };

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

/// Says that so many blocks had no step, if any.
fn push_idle(idle: &mut usize, out: &mut Vec<u8>) {
    while *idle > 0 {
        let now = (*idle).min(usize::from(u8::MAX - WIDTH_MAX));
        out.push(WIDTH_MAX + now as u8);
        *idle -= now;
    }
}

fn low_bits(bits: u32) -> u32 {
    (1 << bits) - 1
}
