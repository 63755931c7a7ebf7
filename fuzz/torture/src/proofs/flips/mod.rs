//! Damaged files.
//!
//! Every single bit of a small store that was closed; pages of it swapped, zeroed, or as they were in
//! an older state of the same file; the file cut at each 512 bytes, or longer by garbage, zeros or
//! itself. The same, drawn at random, of a store that a crash left and of large ones.
//!
//! After every damage the file is opened and everything in it is read; after one bit of each eight bytes
//! of the small file, after all that is coarser there, and after one of sixteen that are drawn, it is also
//! written to, drained, read again, closed, and all of that done once more.
//!
//! What must hold: the file is refused, or opens; then each record that is read, before and after
//! further changes, is right, or an error says that something is damaged. None is fresh that does not
//! contain all that was acknowledged, none is missing in silence, nothing panics, ends the process or
//! hangs. One bit is left out of this, and the page that it is in as it was before: in a file that a
//! crash left, redb's header says by that bit alone which of its two commits is the last, and the one
//! before it is a commit too. (The seal of a closed file covers it.)
//!
//! A whole older file is a valid older file, which nothing in it tells: it is no case.

mod damage;
mod growth;
mod look;
mod town;

use std::fs;
use std::ops::Range;
use std::sync::OnceLock;

use damage::Damage;
pub use growth::{Image, options};
use growth::{Known, LARGE, SMALL};
use look::{Use, look};

use crate::proof::{Cores, Proof};
use crate::round::{Round, mix};

pub const PROOF: Proof = Proof {
    name: "flips",
    about: "damaged files: every bit, pages swapped or old, cut, longer",
    rounds: None,
    cores: Cores::One,
    share: 3,
    round,
};

/// Cases of a round in which everything is read.
const READ: usize = 1024;
/// Cases of a round in which the file is worked with.
const WORKED: usize = 64;
/// Cases of a round that are drawn.
const DRAWN: usize = 256;
/// Of so many of them one is followed by more than reading: a large file takes seconds to be drained.
const DRAWN_WORKED_EVERY: usize = 16;

/// The bits that redb reads first, some of which no checksum covers.
const HEADER_BITS: usize = 320 * 8;
/// Of so many bits one is followed by more than reading.
const WORKED_EVERY: usize = 64;

/// Of four rounds two read after bits of the small closed file, and one works after every coarse damage
/// of it, after some of its bits, and after the bits of the header that a crash left. Each of these is
/// tried once, in an order that is mixed, so that a short run has a spread of them. The fourth draws
/// damages of all files; when all the others were tried, each round does.
fn round(round: &Round<'_>) {
    let image = closed();
    let bits = image.bytes.len() * 8;
    let (four, of_four) = (round.number as usize / 4, round.number % 4);
    if round.number == 0 {
        let rounds = bits.div_ceil(READ).div_ceil(2) * 4;
        println!("flips: every bit of {} bytes in {rounds} rounds", image.bytes.len());
    }
    let done = match of_four {
        0 => {
            let worked = worked(image);
            let part = part(worked.len(), WORKED, four);
            part.map(|part| {
                part.for_each(|nth| {
                    let (image, damage) = worked[nth];
                    round.case(|| hold(image, damage, Use::WorkTwice));
                });
            })
        }
        1 | 2 => part(bits, READ, four * 2 + of_four as usize - 1).map(|part| {
            part.for_each(|bit| round.case(|| hold(image, Damage::Flip { bit }, Use::Read)));
        }),
        _ => None,
    };
    done.unwrap_or_else(|| drawn(round));
}

/// What is worked with after.
fn worked(image: &'static Image) -> Vec<(&'static Image, Damage)> {
    let mut all: Vec<_> = Damage::coarse(image).into_iter().map(|it| (image, it)).collect();
    // Not always the same bit of a byte.
    let places = (0..image.bytes.len() * 8).step_by(WORKED_EVERY);
    let spread = places.map(|at| at + mix(at as u64) as usize % WORKED_EVERY);
    let last = image.bytes.len() * 8 - 1;
    all.extend(spread.map(|bit| (image, Damage::Flip { bit: bit.min(last) })));
    all.extend((0..HEADER_BITS).map(|bit| (image, Damage::Flip { bit })));
    all.extend((0..HEADER_BITS).map(|bit| (crashed(), Damage::Flip { bit })));
    all
}

/// Of so many cases in parts the one that comes after so many others, unless all have been.
fn part(cases: usize, each: usize, nth: usize) -> Option<Range<usize>> {
    let parts = cases.div_ceil(each);
    let first = nth * stride(parts as u64) as usize % parts * each;
    (nth < parts).then(|| first..(first + each).min(cases))
}

/// Steps that come to each of so many parts, far from one to the next.
fn stride(parts: u64) -> u64 {
    let is_prime_to =
        |step: &u64| (2..=*step).all(|by| !(step.is_multiple_of(by) && parts.is_multiple_of(by)));
    (parts * 5 / 8 + 1..).find(is_prime_to).expect("a prime that is greater")
}

fn drawn(round: &Round<'_>) {
    let mut random = round.random();
    let image = match mix(round.seed()) % 8 {
        0 => large(),
        1 => large_crashed(),
        2 => closed(),
        _ => crashed(),
    };
    for nth in 0..DRAWN {
        let damage = Damage::any(image, &mut random);
        let usage = match nth % DRAWN_WORKED_EVERY {
            0 if damage.is_coarse() => Use::WorkTwice,
            0 => Use::Work,
            _ => Use::Read,
        };
        round.case(|| hold(image, damage, usage));
    }
}

/// Tries a case. The bytes of one that fails are kept: no two stores are the same to the last bit,
/// since build times are in the file.
fn hold(image: &Image, damage: Damage, usage: Use) -> Result<(), String> {
    let may_be_older = !image.is_closed && damage.may_be_older();
    let known = Known { may_be_older, ..image.known };
    look(known, damage.on(image), usage).map(drop).map_err(|what| {
        let folder = std::env::temp_dir().join("torture-flips");
        let file = folder.join(format!("{} {damage}", image.name).replace(' ', "-"));
        let kept = fs::create_dir_all(&folder).and_then(|()| fs::write(&file, damage.of(image)));
        let kept = kept.map_or_else(|cause| cause.to_string(), |()| file.display().to_string());
        format!("{} file, {damage}, {usage:?}: {what} ({kept})", image.name)
    })
}

/// The files to damage.
pub fn images() -> [&'static Image; 4] {
    [closed(), crashed(), large(), large_crashed()]
}

fn closed() -> &'static Image {
    static IMAGE: OnceLock<Image> = OnceLock::new();
    IMAGE.get_or_init(|| growth::closed(SMALL).expect("a store on a sound disk"))
}

fn crashed() -> &'static Image {
    static IMAGE: OnceLock<Image> = OnceLock::new();
    IMAGE.get_or_init(|| growth::crashed(SMALL).expect("a store on a sound disk"))
}

fn large() -> &'static Image {
    static IMAGE: OnceLock<Image> = OnceLock::new();
    IMAGE.get_or_init(|| growth::closed(LARGE).expect("a store on a sound disk"))
}

fn large_crashed() -> &'static Image {
    static IMAGE: OnceLock<Image> = OnceLock::new();
    IMAGE.get_or_init(|| growth::crashed(LARGE).expect("a store on a sound disk"))
}
