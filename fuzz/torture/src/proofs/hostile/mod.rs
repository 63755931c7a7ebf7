//! Bytes that lie about how much room they need.
//!
//! Pages: random bytes, real pages of every stored form with bytes changed, and pages made up to claim
//! lengths, counts, strides, windows, dictionaries and patterns, mostly behind a checksum that fits.
//! Whatever they say, decoding one never holds more memory at once than the largest page and 1 MiB.
//!
//! Files: headers and seals that claim other lengths and counts, with a checksum that fits where that
//! is only a hash. Whatever they say, opening one never holds more than its share of the budget, a
//! fixed sum, and a part of the file's length.

mod files;
mod forms;
mod lies;

use std::hint::black_box;

use tidetable::PAGE_BYTES_MAX;

use crate::allocations::during;
use crate::proof::{Cores, Proof};
use crate::round::Round;

pub const PROOF: Proof = Proof {
    name: "hostile",
    about: "bytes that lie about their room: no page and no opening takes more than its limit",
    rounds: None,
    cores: Cores::One,
    share: 2,
    round,
};

/// What decoding may hold at once: the body, and what is small beside it.
const DECODED_MAX: usize = PAGE_BYTES_MAX + (1 << 20);
/// Cases of a round.
const PAGES: usize = 256;
/// Pages of many MiB take long, so few of a round are.
const LARGE_EVERY: usize = 32;
const FILES: usize = 16;

fn round(round: &Round<'_>) {
    round.case(counts);
    let mut random = round.random();
    for nth in 0..PAGES {
        let form = match nth % LARGE_EVERY {
            0 => forms::large(&mut random),
            _ => forms::small(&mut random),
        };
        let lie = lies::any(form, &mut random);
        round.case(|| decodes_within(form, &lie));
    }
    for _ in 0..FILES {
        let claim = files::any(&mut random);
        round.case(|| files::opens_within(&claim));
    }
}

/// That memory is counted, Rust's and zstd's.
fn counts() -> Result<(), String> {
    let (_, ours) = during(|| black_box(vec![1_u8; 1 << 20]));
    let form = forms::compressed();
    let decode = move || during(|| form.decode(&form.page.bytes, &form.page.aid)).1;
    // Each thread has a context of zstd's, which it makes when it first needs one.
    let new = std::thread::spawn(move || [decode(), decode()]).join();
    match new {
        Ok([first, second]) if ours >= 1 << 20 && first >= second + (64 << 10) => Ok(()),
        counted => Err(format!("nothing is proven here: counted {ours} and {counted:?}")),
    }
}

fn decodes_within(form: &forms::Form, lie: &lies::Lie) -> Result<(), String> {
    let (decoded, held) = during(|| form.decode(&lie.bytes, &lie.aid));
    if lie.is_true && decoded.is_err() {
        return Err(format!("{}: a real page is refused: {decoded:?}", form.name));
    }
    match held <= DECODED_MAX {
        true => Ok(()),
        false => Err(format!("{}, {}: {held} bytes held at once", form.name, lie.says)),
    }
}
