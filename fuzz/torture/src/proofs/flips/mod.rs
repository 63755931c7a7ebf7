//! Damaged files.
//!
//! Every single bit of a small store that was closed; pages of it swapped, zeroed, or as they were in
//! an older state of the same file; the file cut at each 512 bytes, or longer by garbage, zeros or
//! itself. The same, drawn at random, of a store that a crash left and of large ones.
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
use std::sync::OnceLock;

use damage::Damage;
pub use growth::{Image, options};
use growth::{Known, LARGE, SMALL};
use look::look;

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

/// Cases of a round of which each is tried once.
const EACH: usize = 128;
/// Cases of a round that are drawn.
const DRAWN: usize = 32;

/// The bits that redb reads first, some of which no checksum covers.
const HEADER_BITS: usize = 320 * 8;

/// Three rounds of four try each damage of the small closed file once, and each bit of the header of
/// one that a crash left, in an order that is mixed, so
/// that a short run has a spread of them; the fourth draws damages of other files. When each was
/// tried, all rounds draw.
fn round(round: &Round<'_>) {
    let image = closed();
    let coarse = Damage::coarse(image);
    let cases = coarse.len() + HEADER_BITS + image.bytes.len() * 8;
    let parts = (cases.div_ceil(EACH)) as u64;
    let nth = round.number / 4 * 3 + round.number % 4;
    if round.number % 4 == 3 || nth >= parts {
        return drawn(round);
    }
    let part = nth * stride(parts) % parts;
    let first = part as usize * EACH;
    for case in first..(first + EACH).min(cases) {
        round.case(|| match case.checked_sub(coarse.len()) {
            None => hold(image, coarse[case]),
            Some(bit) if bit < HEADER_BITS => hold(crashed(), Damage::Flip { bit }),
            Some(bit) => hold(image, Damage::Flip { bit: bit - HEADER_BITS }),
        });
    }
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
    for _ in 0..DRAWN {
        let damage = Damage::any(image, &mut random);
        round.case(|| hold(image, damage));
    }
}

/// Tries a case. The bytes of one that fails are kept: no two stores are the same to the last bit,
/// since build times are in the file.
fn hold(image: &Image, damage: Damage) -> Result<(), String> {
    let may_be_older = !image.is_closed && damage.may_be_older();
    let known = Known { may_be_older, ..image.known };
    look(known, damage.of(image), damage.is_coarse()).map(drop).map_err(|what| {
        let folder = std::env::temp_dir().join("torture-flips");
        let file = folder.join(format!("{} {damage}", image.name).replace(' ', "-"));
        let kept = fs::create_dir_all(&folder).and_then(|()| fs::write(&file, damage.of(image)));
        let kept = kept.map_or_else(|cause| cause.to_string(), |()| file.display().to_string());
        format!("{} file, {damage}: {what} ({kept})", image.name)
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
