//! Undoing a single flipped bit.

/// Larger ones are not searched: trying every bit costs its square.
const BYTES_MAX: usize = 16 << 10;

/// Flips each bit in turn until the bytes pass; leaves them as they were if none is the one.
pub(super) fn flip_back(bytes: &mut [u8], passes: impl Fn(&[u8]) -> bool) -> bool {
    if bytes.len() > BYTES_MAX {
        return false;
    }
    for at in 0..bytes.len() {
        for bit in 0..8 {
            bytes[at] ^= 1 << bit;
            if passes(bytes) {
                return true;
            }
            bytes[at] ^= 1 << bit;
        }
    }
    false
}
