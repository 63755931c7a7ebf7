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

/// Goes through what power cuts may leave of the calls on a disk that held `base`, in the order of the
/// calls, each image once: `try_it` is told which cuts are the same to it. Ends when it says so.
pub fn all(
    base: Image,
    calls: &[Call],
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
        for (shape, image) in shapes(&synced, &whole, &calls[first..changes], random) {
            let mut cut = Cut { changes, shape, image };
            if tried.insert(key(&mut cut)) && !try_it(&cut) {
                return;
            }
        }
    }
}

/// The shapes in which the last of these calls shows: without it they came up before.
fn shapes(
    synced: &Image,
    whole: &Image,
    calls: &[Call],
    random: &mut Random,
) -> Vec<(Shape, Image)> {
    let mut all = vec![(Shape::All, whole.clone())];
    let Some((last, before)) = calls.split_last() else { return all };
    all.push((Shape::None, synced.clone()));
    if calls.len() <= SETS_MAX {
        for set in 0..1_usize << before.len() {
            let mut only: Vec<usize> =
                (0..before.len()).filter(|bit| set >> bit & 1 == 1).collect();
            only.push(before.len());
            let image = with(synced, only.iter().map(|&number| &calls[number]));
            all.push((Shape::Only(only), image));
        }
    } else {
        for left_out in 0..before.len() {
            let but = calls.iter().enumerate().filter(|(number, _)| *number != left_out);
            all.push((Shape::AllBut(left_out), with(synced, but.map(|(_, call)| call))));
        }
    }
    if let Call::Write(offset, data) = last {
        let until_last = with(synced, before);
        let sectors = (1..data.len().div_ceil(SECTOR_BYTES).min(9)).map(|n| n * SECTOR_BYTES);
        let bytes = (0..3).map(|_| random.below(data.len() as u64) as usize);
        let torn: Vec<usize> = sectors.chain(bytes).collect();
        for (bytes, from_end) in torn.into_iter().flat_map(|bytes| [(bytes, false), (bytes, true)])
        {
            let mut image = until_last.clone();
            match from_end {
                false => image.write(*offset, &data[..bytes]),
                true => {
                    image.write(*offset + (data.len() - bytes) as u64, &data[data.len() - bytes..])
                }
            }
            all.push((Shape::LastTorn { bytes, from_end }, image));
        }
    }
    for _ in 0..3 {
        let seed = random.next();
        all.push((Shape::Torn(seed), torn(synced, calls, seed)));
    }
    let lens = lens(synced, calls);
    if lens.len() > 1 {
        for len in lens {
            let seed = random.next();
            let mut image = torn(synced, calls, seed);
            image.set_len(len);
            all.push((Shape::Long { seed, len }, image));
        }
    }
    all
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
