//! Packing columns, each in the manner that takes least or that did for one of its like: what
//! [`unpack`](super::unpack) reads.

use super::columns::{Column, Columns};
use super::steps::{BLOCK, Kind, Steps, Window, pack_block, up_to, width_of};
use super::unpack::{
    BESIDE, BY_BITS, CONSTANT, FEW, FEW_MAX, HALVES, LEAST_HALF, WIDTH_MAX, low_bits,
};

/// Of the table in which a number is looked for among the few: two of them rarely want one place.
const PLACES: usize = 256;
const _: () = assert!(PLACES > 8 * FEW_MAX);
/// So many numbers may be few at the beginning of a column.
const FEW_AT_ONCE: usize = 8;
/// Bytes of a first number, and of the byte before it.
const BEGIN: usize = 5;

/// How a column is packed, and the bytes that it takes then: about, in steps.
struct Plan {
    manner: Manner,
    bytes: usize,
}

enum Manner {
    Constant,
    Steps(Steps),
    Few(Few),
    Halves { bits: u32, halves: Box<[(Columns, Manner); 2]> },
}

/// The numbers of a column that has few.
struct Few {
    /// The first `count` of these.
    numbers: [u32; FEW_MAX],
    count: usize,
    /// Which of them each is.
    which: Columns,
}

impl Few {
    fn numbers(&self) -> &[u32] {
        &self.numbers[..self.count]
    }
}

const CONSTANT_PLAN: Plan = Plan { manner: Manner::Constant, bytes: BEGIN };

impl Plan {
    /// The one that takes less.
    fn or(self, other: Self) -> Self {
        if other.bytes < self.bytes { other } else { self }
    }
}

/// What was found to take least for a column, and will do for others of its like: to look for it takes
/// several times as long as to pack.
#[derive(Clone, Debug)]
pub(super) struct Habit {
    beside: bool,
    way: Way,
    /// What the column took.
    bytes: usize,
}

impl Habit {
    /// Whether the column was packed beside another.
    pub(super) fn is_beside(&self) -> bool {
        self.beside
    }

    /// Whether it was the other, or by as much beside it throughout.
    pub(super) fn is_the_other(&self) -> bool {
        self.beside && matches!(self.way, Way::Any)
    }
}

#[derive(Clone, Debug)]
enum Way {
    /// It was constant, which says nothing of those that are not.
    Any,
    Steps(Kind),
    Few,
    Halves(u32, Box<[Way; 2]>),
}

impl Way {
    fn of(manner: &Manner) -> Self {
        match manner {
            Manner::Constant => Self::Any,
            Manner::Steps(steps) => Self::Steps(steps.kind),
            Manner::Few(_) => Self::Few,
            Manner::Halves { bits, halves } => {
                let [(_, low), (_, high)] = &**halves;
                Self::Halves(*bits, Box::new([Self::of(low), Self::of(high)]))
            }
        }
    }
}

impl Column<'_> {
    /// Appends it to `out`.
    pub(super) fn pack(self, out: &mut Vec<u8>) {
        self.pack_by(&self.plan(u32::BITS).manner, out);
    }

    /// Appends it to `out`, or what it differs by from the numbers of another column, whichever takes
    /// less. The difference is left in the room given. Which it was, and how.
    pub(super) fn pack_beside(self, other: &[u32], room: &mut Columns, out: &mut Vec<u8>) -> Habit {
        let difference = self.differ(other, room);
        let beside = difference.plan(u32::BITS);
        // Next to nothing: there is no need to look for less.
        let own = (beside.bytes > self.count / 8).then(|| self.plan(u32::BITS));
        let begin = out.len();
        let (beside, manner) = match own.filter(|own| own.bytes <= beside.bytes) {
            Some(own) => {
                self.pack_by(&own.manner, out);
                (false, own.manner)
            }
            None => {
                out.push(BESIDE);
                difference.pack_by(&beside.manner, out);
                (true, beside.manner)
            }
        };
        Habit { beside, way: Way::of(&manner), bytes: out.len() - begin }
    }

    /// The same out of habit, unless it then takes much more than that column took. Whether it was packed
    /// beside the other.
    pub(super) fn pack_as(
        self,
        habit: &Habit,
        other: &[u32],
        room: &mut Columns,
        out: &mut Vec<u8>,
    ) -> bool {
        let begin = out.len();
        let column = if habit.beside { self.differ(other, room) } else { self };
        let Some(manner) = column.manner_of(&habit.way) else {
            return self.pack_at_a_glance(other, room, out);
        };
        if habit.beside {
            out.push(BESIDE);
        }
        column.pack_by(&manner, out);
        // Two bits a number more than twice as much: it is not of the other's like.
        if out.len() - begin <= 2 * habit.bytes + self.count / 4 {
            return habit.beside;
        }
        out.truncate(begin);
        self.pack_at_a_glance(other, room, out)
    }

    /// By its differences or by those of what it differs by, whichever takes less; or that more evenly or
    /// as few numbers, if it takes less still. Whether beside the other.
    fn pack_at_a_glance(self, other: &[u32], room: &mut Columns, out: &mut Vec<u8>) -> bool {
        let difference = self.differ(other, room);
        let by_differences = |column: Column<'_>| match column.shift() {
            None => CONSTANT_PLAN,
            Some(shift) => column.plan_by(Steps { kind: Kind::Difference, shift }),
        };
        let (own, beside) = (by_differences(self), by_differences(difference));
        let is_beside = beside.bytes < own.bytes;
        let (column, plan) = if is_beside { (difference, beside) } else { (self, own) };
        if is_beside {
            out.push(BESIDE);
        }
        column.pack_by(&column.or_few(column.or_slopes(plan)).manner, out);
        is_beside
    }

    /// What it differs by from another.
    fn differ<'r>(self, other: &[u32], room: &'r mut Columns) -> Column<'r> {
        debug_assert_eq!(other.len(), self.count);
        let pairs = self.numbers().iter().zip(other);
        room.refill(pairs.map(|(number, other)| number.wrapping_sub(*other)));
        room.column(0)
    }

    /// How it is packed in this way, if that says how.
    fn manner_of(self, way: &Way) -> Option<Manner> {
        let Some(shift) = self.shift() else { return Some(Manner::Constant) };
        let by = |kind| Manner::Steps(Steps { kind, shift });
        match way {
            Way::Any => None,
            Way::Steps(kind) => Some(by(*kind)),
            Way::Few => Some(match self.few() {
                Some(few) => Manner::Few(few),
                None => by(Kind::Difference),
            }),
            Way::Halves(bits, ways) => {
                let [low, high] = self.cut(*bits);
                let of_low = low.column(0).manner_of(&ways[0])?;
                let of_high = high.column(0).manner_of(&ways[1])?;
                let halves = Box::new([(low, of_low), (high, of_high)]);
                Some(Manner::Halves { bits: *bits, halves })
            }
        }
    }

    /// The columns of its lower bits and of those above them.
    fn cut(self, bits: u32) -> [Columns; 2] {
        let numbers = self.numbers().iter();
        let low = Columns::of(numbers.clone().map(|number| number & low_bits(bits)));
        [low, Columns::of(numbers.map(|number| number >> bits))]
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

    fn pack_by(self, manner: &Manner, out: &mut Vec<u8>) {
        let first = self.numbers()[0].to_le_bytes();
        match manner {
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
            Manner::Few(few) => {
                out.push(FEW | (few.count as u8) << 3);
                few.numbers()
                    .iter()
                    .for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
                few.which.column(0).pack_steps(BY_BITS, out);
            }
            Manner::Halves { bits, halves } => {
                out.push(HALVES | (*bits as u8) << 3);
                halves.iter().for_each(|(half, manner)| half.column(0).pack_by(manner, out));
            }
        }
    }

    fn pack_steps(self, steps: Steps, out: &mut Vec<u8>) {
        match steps.kind {
            Kind::Difference => self.pack_blocks(|window| steps.differences(window), out),
            Kind::Bits => self.pack_blocks(|window| steps.bits(window), out),
            Kind::Slope => self.pack_blocks(|window| steps.slopes(window), out),
            Kind::Curve => self.pack_blocks(|window| steps.curves(window), out),
        }
    }

    #[inline(always)]
    fn pack_blocks(self, steps: impl Fn(&Window) -> [u32; BLOCK], out: &mut Vec<u8>) {
        let mut idle = 0;
        for (window, len) in self.blocks() {
            let steps = up_to(len, steps(window));
            let width = width_of(&steps);
            if width == 0 {
                idle += 1;
                continue;
            }
            push_idle(&mut idle, out);
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
        // Either takes a look at all numbers: few only where more than two bits of each are spent,
        // halves where more than a byte is.
        best = self.or_few(best);
        if best.bytes > self.count && bits / 2 >= LEAST_HALF {
            best = self.halves(bits / 2, best.bytes).unwrap_or(best);
        }
        best
    }

    /// The plan, which is by differences, or by slopes if they take less.
    fn or_slopes(self, plan: Plan) -> Plan {
        match plan.manner {
            Manner::Steps(Steps { shift, .. }) => {
                plan.or(self.plan_by(Steps { kind: Kind::Slope, shift }))
            }
            _ => plan,
        }
    }

    /// The plan, or few numbers if they take less.
    fn or_few(self, plan: Plan) -> Plan {
        if plan.bytes <= self.count / 4 {
            return plan;
        }
        let Some(few) = self.few() else { return plan };
        let bytes = 1 + few.count * 4 + few.which.column(0).bytes_by(BY_BITS);
        plan.or(Plan { manner: Manner::Few(few), bytes })
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

    /// The numbers, if they are few.
    fn few(self) -> Option<Few> {
        let (mut numbers, mut count) = ([0; FEW_MAX], 0);
        let mut which = Columns::default();
        // A small table of where each of them is among the few, one more than that: zero is nowhere.
        let mut places = [0_u8; PLACES];
        let told = which.places(self.count).iter_mut();
        let (mut last, mut at) = (!self.numbers()[0], 0);
        for ((seen, number), told) in self.numbers().iter().enumerate().zip(told) {
            if *number != last {
                last = *number;
                let mut place = last.wrapping_mul(0x9E37_79B9) as usize >> (32 - PLACES.ilog2());
                at = loop {
                    match usize::from(places[place]).checked_sub(1) {
                        Some(at) if numbers[at] == last => break at,
                        Some(_) => place = (place + 1) % PLACES,
                        None => break count,
                    }
                };
                // What has met many at its beginning will not turn out to be few.
                if at == FEW_MAX.min(FEW_AT_ONCE + seen / 4) {
                    return None;
                }
                if at == count {
                    numbers[at] = last;
                    count += 1;
                    places[place] = count as u8;
                }
            }
            *told = at as u32;
        }
        // The first of them is the first number's own: what stands before it is zero already.
        Some(Few { numbers, count, which })
    }

    /// As two columns, the lower one of so many bits, if that takes less.
    fn halves(self, bits: u32, most: usize) -> Option<Plan> {
        let [low, high] = self.cut(bits);
        // What has noise at its low end is not worth a closer look.
        let by_differences = Steps { kind: Kind::Difference, shift: 0 };
        if low.column(0).bytes_by(by_differences) > most / 4 * 3 {
            return None;
        }
        let (of_low, of_high) = (low.column(0).plan(bits), high.column(0).plan(bits));
        let bytes = 1 + of_low.bytes + of_high.bytes;
        let halves = Box::new([(low, of_low.manner), (high, of_high.manner)]);
        (bytes < most).then_some(Plan { manner: Manner::Halves { bits, halves }, bytes })
    }
}

/// Says that so many blocks had no step, if any.
fn push_idle(idle: &mut usize, out: &mut Vec<u8>) {
    while *idle > 0 {
        let now = (*idle).min(usize::from(u8::MAX - WIDTH_MAX));
        out.push(WIDTH_MAX + now as u8);
        *idle -= now;
    }
}
