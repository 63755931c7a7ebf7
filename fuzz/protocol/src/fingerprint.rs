//! 128 bits that stand for a state. Of a hundred million states, two share one with a chance of
//! about one in 10^22, so a search that knows states by them alone may be called exhaustive.

use std::hash::{BuildHasher, Hash, Hasher};

/// A state's fingerprint.
pub type Fingerprint = u128;

/// Of anything that can be hashed.
pub fn of(value: &impl Hash) -> Fingerprint {
    let mut mixer = Mixer::default();
    value.hash(&mut mixer);
    mixer.whole()
}

/// Collects eight bytes, then mixes them into two sums that know nothing of each other.
#[derive(Default)]
struct Mixer {
    waiting: u64,
    count: u32,
    left: u64,
    right: u64,
}

impl Mixer {
    fn byte(&mut self, byte: u8) {
        self.waiting |= u64::from(byte) << (8 * self.count);
        self.count += 1;
        if self.count == 8 {
            self.mix();
        }
    }

    fn mix(&mut self) {
        self.left = folded(self.left ^ self.waiting ^ 0x9e37_79b9_7f4a_7c15, 0xd6e8_feb8_6659_fd93);
        self.right = folded(self.right.rotate_left(23) ^ self.waiting, 0xa076_1d64_78bd_642f)
            .wrapping_add(0xe703_7ed1_a0b4_28db);
        (self.waiting, self.count) = (0, 0);
    }

    fn whole(mut self) -> Fingerprint {
        self.waiting ^= u64::from(self.count) << 60;
        self.mix();
        self.mix();
        u128::from(self.left) << 64 | u128::from(self.right)
    }
}

/// The product's two halves, over each other.
fn folded(value: u64, factor: u64) -> u64 {
    let product = u128::from(value) * u128::from(factor);
    (product as u64) ^ (product >> 64) as u64
}

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.byte(byte));
    }

    fn write_u8(&mut self, byte: u8) {
        self.byte(byte);
    }

    /// Which variant of an enum it is; none here has 256.
    fn write_isize(&mut self, variant: isize) {
        self.byte(variant as u8);
    }

    /// The length of an array, which its type fixes.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.left
    }
}

/// For maps whose keys are fingerprints: they are as good as random already.
#[derive(Clone, Copy, Default)]
pub struct AsIs;

impl BuildHasher for AsIs {
    type Hasher = Taken;

    fn build_hasher(&self) -> Taken {
        Taken(0)
    }
}

/// See [`AsIs`].
pub struct Taken(u64);

impl Hasher for Taken {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u128(&mut self, fingerprint: u128) {
        self.0 = fingerprint as u64 ^ (fingerprint >> 64) as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
