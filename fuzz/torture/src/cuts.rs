//! What a disk may hold after power was cut.
//!
//! Of the calls since the last sync any may have reached the disk and any may not, each write whole,
//! in some of its sectors, or up to some byte. The length of a file is kept apart from its content: a
//! file may be long already and empty behind, or have the content and be cut off before its end.

use std::collections::HashSet;

use crate::disk::{Call, Image, Random};

/// An image, and how it came about.
pub struct Cut {
    /// How many calls had been answered when power was cut.
    pub changes: usize,
    pub shape: Shape,
    pub image: Image,
}

impl Cut {
    pub fn name(&self) -> String {
        format!("cut after {} calls, {:?}", self.changes, self.shape)
    }
}

/// What became of the calls after the last sync.
#[expect(dead_code, reason = "what is in them is there to be told of")]
#[derive(Clone, Debug)]
pub enum Shape {
    /// All of them were done: the process died, the machine lived.
    All,
    /// None of them.
    None,
    /// Those of these numbers.
    Only(Vec<usize>),
    /// All but this one.
    AllBut(usize),
    /// All, of the last write so many bytes, from its beginning or from its end.
    LastTorn { bytes: usize, from_end: bool },
    /// Of each write all, nothing, some sectors, or some bytes; by this seed.
    Torn(u64),
    /// The same, and the length is one that it had meanwhile.
    Long { seed: u64, len: usize },
}

/// Where so few calls are not synced, every set of them is tried.
const SETS_MAX: usize = 6;
/// An atomic write of a disk.
const SECTOR_BYTES: usize = 512;

/// Which of the images are tried.
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    /// Power is not cut before so many calls were answered.
    pub from: usize,
    /// One in so many shapes; that all calls were done is always tried.
    pub one_in: u64,
}

/// Every image that there is a name for.
pub const EVERY: Choice = Choice { from: 0, one_in: 1 };

/// Goes through what power cuts may leave of the calls on a disk that held `base`, in the order of the
/// calls, each image once: `key` says which cuts are the same. Ends when `try_it` says so.
pub fn all(
    (base, calls): (Image, &[Call]),
    choice: Choice,
    random: &mut Random,
    key: impl Fn(&mut Cut) -> u64,
    mut try_it: impl FnMut(&Cut) -> bool,
) {
    let mut tried = HashSet::new();
    let (mut synced, mut whole, mut first) = (base.clone(), base, 0);
    for changes in 0..=calls.len() {
        match changes.checked_sub(1).map(|last| &calls[last]) {
            Some(Call::Sync) => {
                synced = whole.clone();
                first = changes;
            }
            Some(call) => apply(&mut whole, call),
            None => {}
        }
        if changes < choice.from {
            continue;
        }
        let chosen = Chosen { random: &mut *random, one_in: choice.one_in, all: Vec::new() };
        for (shape, image) in chosen.shapes(&synced, &whole, &calls[first..changes]) {
            let mut cut = Cut { changes, shape, image };
            if tried.insert(key(&mut cut)) && !try_it(&cut) {
                return;
            }
        }
    }
}

/// The shapes that are tried of one cut.
struct Chosen<'a> {
    random: &'a mut Random,
    one_in: u64,
    all: Vec<(Shape, Image)>,
}

impl Chosen<'_> {
    /// Whether the next one is; before any work is done for it.
    fn is_next(&mut self) -> bool {
        self.random.below(self.one_in) == 0
    }

    /// Those in which the last of these calls shows: without it they came up before.
    fn shapes(mut self, synced: &Image, whole: &Image, calls: &[Call]) -> Vec<(Shape, Image)> {
        self.all.push((Shape::All, whole.clone()));
        let Some((last, before)) = calls.split_last() else { return self.all };
        self.all.push((Shape::None, synced.clone()));
        if calls.len() <= SETS_MAX {
            self.sets(synced, calls);
        } else {
            self.all_but_one(synced, calls);
        }
        if let Call::Write(offset, data) = last {
            self.last_torn(synced, before, *offset, data);
        }
        for _ in 0..3 {
            let seed = self.random.next();
            if self.is_next() {
                self.all.push((Shape::Torn(seed), torn(synced, calls, seed)));
            }
        }
        let lens = lens(synced, calls);
        for len in lens.iter().copied().filter(|_| lens.len() > 1) {
            let seed = self.random.next();
            if self.is_next() {
                let mut image = torn(synced, calls, seed);
                image.set_len(len);
                self.all.push((Shape::Long { seed, len }, image));
            }
        }
        self.all
    }

    fn sets(&mut self, synced: &Image, calls: &[Call]) {
        let last = calls.len() - 1;
        for set in 0..1_usize << last {
            if self.is_next() {
                let before = (0..last).filter(|bit| set >> bit & 1 == 1);
                let only: Vec<usize> = before.chain([last]).collect();
                let image = with(synced, only.iter().map(|&number| &calls[number]));
                self.all.push((Shape::Only(only), image));
            }
        }
    }

    fn all_but_one(&mut self, synced: &Image, calls: &[Call]) {
        for left_out in 0..calls.len() - 1 {
            if self.is_next() {
                let but = calls.iter().enumerate().filter(|(number, _)| *number != left_out);
                let image = with(synced, but.map(|(_, call)| call));
                self.all.push((Shape::AllBut(left_out), image));
            }
        }
    }

    fn last_torn(&mut self, synced: &Image, before: &[Call], offset: u64, data: &[u8]) {
        let until_last = with(synced, before);
        let sectors = (1..data.len().div_ceil(SECTOR_BYTES).min(9)).map(|n| n * SECTOR_BYTES);
        let bytes = [(); 3].map(|()| self.random.below(data.len() as u64) as usize);
        for bytes in sectors.chain(bytes) {
            for from_end in [false, true] {
                if self.is_next() {
                    let kept = if from_end { data.len() - bytes..data.len() } else { 0..bytes };
                    let mut image = until_last.clone();
                    image.write(offset + kept.start as u64, &data[kept]);
                    self.all.push((Shape::LastTorn { bytes, from_end }, image));
                }
            }
        }
    }
}

/// The lengths that the file has had.
fn lens(synced: &Image, calls: &[Call]) -> Vec<usize> {
    let mut lens = vec![synced.len()];
    let mut image_len = synced.len();
    for call in calls {
        image_len = match call {
            Call::SetLen(len) => *len as usize,
            Call::Write(offset, data) => image_len.max(*offset as usize + data.len()),
            Call::Sync => image_len,
        };
        if !lens.contains(&image_len) {
            lens.push(image_len);
        }
    }
    lens
}

fn with<'a>(base: &Image, calls: impl IntoIterator<Item = &'a Call>) -> Image {
    let mut image = base.clone();
    calls.into_iter().for_each(|call| apply(&mut image, call));
    image
}

fn apply(image: &mut Image, call: &Call) {
    match call {
        Call::Write(offset, data) => image.write(*offset, data),
        Call::SetLen(len) => image.set_len(*len as usize),
        Call::Sync => {}
    }
}

fn torn(base: &Image, calls: &[Call], seed: u64) -> Image {
    let (mut image, mut random) = (base.clone(), Random(seed | 1));
    for call in calls {
        let kept = random.below(5);
        match call {
            _ if kept == 0 => {}
            Call::Write(offset, data) if kept == 1 => {
                let bytes = random.below(data.len() as u64 + 1) as usize;
                image.write(*offset, &data[..bytes]);
            }
            Call::Write(offset, data) if kept <= 3 => {
                for (sector, part) in data.chunks(SECTOR_BYTES).enumerate() {
                    if random.below(2) == 0 {
                        image.write(*offset + (sector * SECTOR_BYTES) as u64, part);
                    }
                }
            }
            call => apply(&mut image, call),
        }
    }
    image
}
