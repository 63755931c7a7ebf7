//! What is made of a real page.

use super::forms::Form;
use crate::disk::Random;

/// A page that is not what it says.
pub struct Lie {
    pub says: &'static str,
    pub bytes: Vec<u8>,
    pub aid: Vec<u8>,
    /// Whether nothing was changed.
    pub is_true: bool,
}

/// Where the fields of a page's header lie that are lengths, counts and names.
const FORM_AT: usize = 6;
const SLOTS_AT: usize = 24;
const FACTS_AT: usize = 28;
const DICTIONARY_AT: usize = 32;
const BODY_AT: usize = 36;
const HEADER_BYTES: usize = 40;
const FACTS_BYTES: usize = 48;
const ENTRY_BYTES: u32 = 16;
const LIMIT: u32 = 32 << 20;

/// Numbers at which something is likely to give.
const EDGES: [u32; 14] =
    [0, 1, 7, 8, 255, 1023, 1024, 1025, 0xFFFF, 1 << 20, LIMIT - 1, LIMIT, LIMIT + 1, u32::MAX];

/// A lie of some kind about a page. Most have a checksum that fits.
pub fn any(form: &Form, random: &mut Random) -> Lie {
    let (bytes, aid) = (form.page.bytes.clone(), form.page.aid.clone());
    let mut lie = Lie { says: "as it is", bytes, aid, is_true: false };
    match random.below(10) {
        0 => {
            lie.is_true = true;
            return lie;
        }
        1 => noise(&mut lie, random),
        2 => header(&mut lie, random),
        3 => stride(&mut lie, random),
        4 => window(&mut lie, random),
        5 => aside(&mut lie, random),
        6 => {
            lie.says = "its body shorter";
            let len = lie.bytes.len() as u64;
            lie.bytes.truncate(HEADER_BYTES.max(random.below(len) as usize));
        }
        _ => changed(&mut lie, random),
    }
    if random.below(16) != 0 {
        form.admit(&mut lie.bytes);
    }
    lie
}

fn set(bytes: &mut [u8], at: usize, value: u32) {
    if let Some(place) = bytes.get_mut(at..at + 4) {
        place.copy_from_slice(&value.to_le_bytes());
    }
}

fn get(bytes: &[u8], at: usize) -> u32 {
    let found = bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
    found.map_or(0, u32::from_le_bytes)
}

fn edge(random: &mut Random) -> u32 {
    match random.below(4) {
        0 => random.next() as u32 % LIMIT,
        _ => EDGES[random.below(EDGES.len() as u64) as usize],
    }
}

/// Where the body begins.
fn body_at(bytes: &[u8]) -> usize {
    (HEADER_BYTES + get(bytes, FACTS_AT) as usize * FACTS_BYTES).min(bytes.len())
}

fn noise(lie: &mut Lie, random: &mut Random) {
    lie.says = "noise behind a header";
    let len = random.below(600) as usize;
    lie.bytes.truncate(HEADER_BYTES);
    lie.bytes.extend((0..len).map(|_| random.next() as u8));
    set(&mut lie.bytes, FACTS_AT, random.below(3) as u32);
    lie.bytes[FORM_AT] = random.below(6) as u8;
    set(&mut lie.bytes, BODY_AT, edge(random));
}

fn header(lie: &mut Lie, random: &mut Random) {
    lie.says = "other counts and lengths";
    for at in [SLOTS_AT, FACTS_AT, DICTIONARY_AT, BODY_AT] {
        if random.below(2) == 0 {
            set(&mut lie.bytes, at, edge(random));
        }
    }
    if random.below(3) == 0 {
        lie.bytes[FORM_AT] = random.below(5) as u8;
    }
}

/// Records of another length and farther from each other, in a body that is as long as that says.
fn stride(lie: &mut Lie, random: &mut Random) {
    lie.says = "another length and stride";
    let at = body_at(&lie.bytes);
    let slots = get(&lie.bytes, SLOTS_AT);
    let count = 1 + random.below(u64::from(slots.max(1))) as u32;
    let count = [slots, 2, 8, 9, count][random.below(5) as usize].max(1);
    let room = (LIMIT - ENTRY_BYTES * slots.min(1024)) / count.max(2);
    let len = [4, 8, 45, 4096, room & !3][random.below(5) as usize];
    let stride = [len, room, room & !15, edge(random)][random.below(4) as usize];
    set(&mut lie.bytes, at, len);
    set(&mut lie.bytes, at + 4, stride);
    if random.below(2) == 0 && lie.bytes[FORM_AT] == 2 {
        few_records(lie, at, count, slots);
    }
    let records = u64::from(count - 1) * u64::from(stride) + u64::from(len);
    let body = records + u64::from(ENTRY_BYTES) * u64::from(slots);
    set(&mut lie.bytes, BODY_AT, u32::try_from(body).unwrap_or(u32::MAX));
}

/// Says of so many of the slots of a packed page that they have records, and of the others that they
/// have none: columns of constants, and of two numbers.
fn few_records(lie: &mut Lie, at: usize, count: u32, slots: u32) {
    const CONSTANT: [u8; 5] = [0; 5];
    /// A record that was built, with the first facts.
    const HELD: u32 = 1 << 16;
    lie.bytes.truncate(at + 8);
    lie.bytes.extend(CONSTANT);
    // Two numbers, and for each block of eight which of them: what changes is one bit.
    lie.bytes.push(5 | 2 << 3);
    lie.bytes.extend(0_u32.to_le_bytes());
    lie.bytes.extend(HELD.to_le_bytes());
    let mut before = false;
    for block in 0..slots.div_ceil(8) {
        let bits = (0..8).fold(0_u8, |bits, nth| {
            let held = block * 8 + nth < count;
            let other = held != std::mem::replace(&mut before, held);
            bits | u8::from(other) << nth
        });
        // Steps of one bit each; a block of none is said otherwise.
        match bits {
            0 => lie.bytes.push(33),
            bits => lie.bytes.extend([1, bits]),
        }
    }
    lie.bytes.extend(CONSTANT.repeat(64));
}

/// A frame of zstd that asks for a window and claims a length, with a block of one byte many times.
fn window(lie: &mut Lie, random: &mut Random) {
    lie.says = "a frame with a large window";
    let at = body_at(&lie.bytes);
    lie.bytes.truncate(at);
    lie.bytes.extend(0xFD2F_B528_u32.to_le_bytes());
    let exponent = random.below(22) as u8;
    let has_length = random.below(2) == 0;
    // Eight bytes of length, or none; the window's exponent above ten.
    lie.bytes.push(if has_length { 0xC0 } else { 0 });
    lie.bytes.push(exponent << 3);
    if has_length {
        lie.bytes.extend(u64::from(edge(random)).to_le_bytes());
    }
    let blocks = 1 + random.below(300);
    for nth in 0..blocks {
        // The last or not, a byte repeated, how often.
        let block = u32::from(nth + 1 == blocks) | 1 << 1 | (128 << 10) << 3;
        lie.bytes.extend(&block.to_le_bytes()[..3]);
        lie.bytes.push(0);
    }
    lie.bytes[FORM_AT] = [1, 3][random.below(2) as usize];
    set(&mut lie.bytes, DICTIONARY_AT, 0);
    set(&mut lie.bytes, BODY_AT, [LIMIT, edge(random)][random.below(2) as usize]);
}

/// Another dictionary or pattern than it needs.
fn aside(lie: &mut Lie, random: &mut Random) {
    lie.says = "beside something else";
    match random.below(4) {
        0 => lie.aid.clear(),
        1 => lie.aid = (0..random.below(2000)).map(|_| random.next() as u8).collect(),
        2 => set(&mut lie.bytes, DICTIONARY_AT, [1, 1 << 31, u32::MAX][random.below(3) as usize]),
        _ => {
            let len = lie.aid.len() as u64;
            if len > 0 {
                lie.aid[random.below(len) as usize] ^= 1 << random.below(8);
            }
        }
    }
    if random.below(2) == 0 {
        changed(lie, random);
    }
}

fn changed(lie: &mut Lie, random: &mut Random) {
    lie.says = "some bytes changed";
    for _ in 0..=random.below(6) {
        // Mostly where lengths and columns begin.
        let len = lie.bytes.len() as u64;
        let near = (body_at(&lie.bytes) as u64 + 64).min(len);
        let within = [near, len][random.below(2) as usize];
        let at = random.below(within) as usize;
        match random.below(3) {
            0 => set(&mut lie.bytes, at, edge(random)),
            1 => lie.bytes[at] = random.next() as u8,
            _ => lie.bytes[at] ^= 1 << random.below(8),
        }
    }
}
