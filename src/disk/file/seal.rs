//! The seal: what a clean close leaves behind the data.
//!
//! ```text
//! | redb's bytes, whole pages | sums, 8 bytes a page | footer, 33 bytes |
//! 0                      data_len                                      end of the file
//! ```
//! The footer, little-endian: magic (8), format (1), `data_len` (8), count of sums (8), xxh3 of the
//! sums and of the footer up to here (8). Pages beyond the last sum, and those whose sum is 0, are
//! not known to the seal: no commit of the file refers to them. A later format has to keep the
//! footer: one whose checksum does not hold is taken for torn, whatever format it names.
//!
//! The length is odd on purpose: a redb that knows nothing of seals refuses a file whose length is
//! not made of pages, instead of taking the sums for pages of its own.
//!
//! | what is found | what it means |
//! |---|---|
//! | a footer whose checksum holds, a clean header with the first sum | sealed |
//! | the same, but the header says that a writer was at it | not closed cleanly |
//! | the same, but another clean header | damaged: page 0 does not match its seal |
//! | no footer, a clean header, bytes behind the data | a seal torn in writing: not closed cleanly |
//! | anything else | no seal: not closed cleanly |

use super::sums::PAGE_BYTES;
use crate::disk::StorageBackend;
use std::io;
use xxhash_rust::xxh3::xxh3_64;

/// The sums of a file that was closed cleanly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seal {
    pub(super) data_len: u64,
    /// Page number -> sum; 0 where none is known.
    pub(super) sums: Vec<u64>,
}

/// What the end of a file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tail {
    Seal(Seal),
    /// A seal of a format that this release does not know.
    Newer(u8),
    /// No seal, or a torn one.
    None,
}

/// On disk: never changes and is never reused.
const MAGIC: [u8; 8] = *b"tideseal";
/// On disk: one more for every change of the layout.
const FORMAT: u8 = 1;
const FOOTER_BYTES: u64 = 33;
const CHECKSUM_BYTES: usize = 8;

impl Seal {
    /// All bytes of the seal, as they follow the data.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.sums.len() * 8 + FOOTER_BYTES as usize);
        for sum in &self.sums {
            bytes.extend_from_slice(&sum.to_le_bytes());
        }
        bytes.extend_from_slice(&MAGIC);
        bytes.push(FORMAT);
        bytes.extend_from_slice(&self.data_len.to_le_bytes());
        bytes.extend_from_slice(&(self.sums.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&xxh3_64(&bytes).to_le_bytes());
        bytes
    }
}

impl Tail {
    /// Reads the end of a file of this length. Nothing is allocated that the file does not hold.
    pub(super) fn read(backend: &dyn StorageBackend, file_len: u64) -> io::Result<Self> {
        let Some(footer_at) = file_len.checked_sub(FOOTER_BYTES) else {
            return Ok(Self::None);
        };
        let mut footer = [0; FOOTER_BYTES as usize];
        backend.read(footer_at, &mut footer)?;
        if !footer.starts_with(&MAGIC) {
            return Ok(Self::None);
        }
        let (data_len, count) = (word(&footer[9..17]), word(&footer[17..25]));
        let fits = count <= data_len.div_ceil(PAGE_BYTES)
            && count.checked_mul(8).and_then(|sums| sums.checked_add(data_len)) == Some(footer_at);
        if !fits {
            return Ok(Self::None);
        }
        let tail_bytes = usize::try_from(file_len - data_len)
            .map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(tail_bytes).map_err(io::Error::other)?;
        bytes.resize(tail_bytes, 0);
        backend.read(data_len, &mut bytes)?;
        let (checked, checksum) = bytes.split_at(tail_bytes - CHECKSUM_BYTES);
        if xxh3_64(checked) != word(checksum) {
            return Ok(Self::None);
        }
        // Not before the checksum: of a torn seal the magic may be there and the format not.
        if footer[8] != FORMAT {
            return Ok(Self::Newer(footer[8]));
        }
        let sums = checked[..checked.len() - (FOOTER_BYTES as usize - CHECKSUM_BYTES)]
            .chunks_exact(8)
            .map(word)
            .collect();
        Ok(Self::Seal(Seal { data_len, sums }))
    }
}

fn word(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes.try_into().expect("the caller cuts out eight bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use redb::backends::InMemoryBackend;

    fn file_with(tail: &[u8]) -> (InMemoryBackend, u64) {
        let backend = InMemoryBackend::new();
        let len = 2 * PAGE_BYTES + tail.len() as u64;
        backend.set_len(len).unwrap();
        backend.write(2 * PAGE_BYTES, tail).unwrap();
        (backend, len)
    }

    fn seal() -> Seal {
        Seal { data_len: 2 * PAGE_BYTES, sums: vec![7, 0] }
    }

    #[test]
    fn a_seal_reads_back_as_it_was_written() {
        let (backend, len) = file_with(&seal().encode());
        assert_eq!(Tail::read(&backend, len).unwrap(), Tail::Seal(seal()));
    }

    #[test]
    fn no_flipped_bit_and_no_cut_leaves_a_seal_valid() {
        let whole = seal().encode();
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let (backend, len) = file_with(&bytes);
            assert!(!matches!(Tail::read(&backend, len).unwrap(), Tail::Seal(_)), "bit {bit}");
        }
        for cut in 0..whole.len() {
            let (backend, len) = file_with(&whole[..cut]);
            assert_eq!(Tail::read(&backend, len).unwrap(), Tail::None, "cut {cut}");
        }
    }

    #[test]
    fn a_seal_is_never_whole_pages_long() {
        for pages in 0..2048 {
            let seal = Seal { data_len: pages * PAGE_BYTES, sums: vec![1; pages as usize] };
            assert_ne!(seal.encode().len() as u64 % PAGE_BYTES, 0);
        }
    }

    #[test]
    fn a_seal_of_a_later_format_is_named() {
        let mut bytes = seal().encode();
        let format_at = bytes.len() - FOOTER_BYTES as usize + 8;
        bytes[format_at] = 9;
        let checked = bytes.len() - CHECKSUM_BYTES;
        let checksum = xxh3_64(&bytes[..checked]);
        bytes[checked..].copy_from_slice(&checksum.to_le_bytes());
        let (backend, len) = file_with(&bytes);
        assert_eq!(Tail::read(&backend, len).unwrap(), Tail::Newer(9));
    }

    #[test]
    fn a_seal_of_which_the_end_did_not_reach_the_disk_is_torn_and_of_no_format() {
        let whole = seal().encode();
        for reached in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[reached..].fill(0);
            let (backend, len) = file_with(&bytes);
            let tail = Tail::read(&backend, len).unwrap();
            // The last byte of a checksum may be zero.
            assert!(tail == Tail::None || bytes == whole, "{reached} bytes: {tail:?}");
        }
    }
}
