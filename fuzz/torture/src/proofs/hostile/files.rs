//! Files whose header or seal claims what is not so.

use std::fmt;
use std::io;

use tidetable::Store;
use tidetable::proof::StorageBackend;
use xxhash_rust::xxh3::xxh3_64;

use crate::allocations::{during, uncounted};
use crate::disk::{Disk, Random};
use crate::proofs::flips::{Image, images, options};

/// A file that claims something.
pub struct Claim {
    says: &'static str,
    bytes: Vec<u8>,
}

/// What an opening may hold beside what grows with the file.
const OPENED_MAX: usize = 2 << 20;
/// Of the file's length an opening may hold such a part: sums, read and kept, take three eighths of a
/// percent.
const PART: usize = 64;

const PAGE_BYTES: usize = 4096;
const FOOTER_BYTES: usize = 33;
/// In redb's header: the flags, and five numbers that say how long the file is.
const FLAGS_AT: usize = 9;
const LAYOUT_AT: usize = 12;

const EDGES: [u32; 10] = [0, 1, 2, 77, 255, 4096, 1 << 20, (1 << 20) + 1, u32::MAX - 1, u32::MAX];

pub fn any(random: &mut Random) -> Claim {
    let image: &Image = images()[random.below(images().len() as u64) as usize];
    let mut bytes = image.bytes.clone();
    let says = match random.below(5) {
        0 => "nothing else",
        1 => {
            lie_in_header(&mut bytes, random);
            "another length in its header"
        }
        2 => {
            lie_in_header(&mut bytes, random);
            seal(&mut bytes, 0, random);
            "another length in a header that is sealed"
        }
        3 => {
            let pages = bytes.len() / PAGE_BYTES;
            seal(&mut bytes, random.below(pages as u64) as usize, random);
            "a seal of fewer pages with more sums"
        }
        _ => {
            let at = bytes.len() - FOOTER_BYTES + 9;
            for field in 0..2 {
                let claim = [random.next(), u64::MAX, 1 << 40, random.next() % (1 << 24)];
                let claim = claim[random.below(4) as usize].to_le_bytes();
                bytes[at + field * 8..][..8].copy_from_slice(&claim);
            }
            if random.below(2) == 0 {
                sum_footer(&mut bytes, random.next() as usize);
            }
            "a footer of other lengths"
        }
    };
    Claim { says, bytes }
}

fn lie_in_header(bytes: &mut [u8], random: &mut Random) {
    for field in 0..5 {
        if random.below(2) == 0 {
            let claim = EDGES[random.below(EDGES.len() as u64) as usize].to_le_bytes();
            bytes[LAYOUT_AT + field * 4..][..4].copy_from_slice(&claim);
        }
    }
    bytes[FLAGS_AT] = random.below(8) as u8;
}

/// Puts a seal that holds behind the data less so many pages; its sums are of nothing but the first.
fn seal(bytes: &mut Vec<u8>, fewer: usize, random: &mut Random) {
    let pages = (bytes.len() / PAGE_BYTES).saturating_sub(fewer).max(1);
    bytes.truncate(pages * PAGE_BYTES);
    let sums = random.below(pages as u64 + 1);
    for nth in 0..sums {
        let sum = if nth == 0 { xxh3_64(&bytes[..PAGE_BYTES]) } else { 0 };
        bytes.extend(sum.to_le_bytes());
    }
    bytes.extend(b"tideseal\x01");
    bytes.extend((pages as u64 * PAGE_BYTES as u64).to_le_bytes());
    bytes.extend(sums.to_le_bytes());
    let sum = xxh3_64(&bytes[pages * PAGE_BYTES..]);
    bytes.extend(sum.to_le_bytes());
}

/// The sum of a footer over more or less than the file has.
fn sum_footer(bytes: &mut [u8], from: usize) {
    let end = bytes.len() - 8;
    let sum = xxh3_64(&bytes[from % end..end]);
    bytes[end..].copy_from_slice(&sum.to_le_bytes());
}

pub fn opens_within(claim: &Claim) -> Result<(), String> {
    let len = claim.bytes.len();
    let disk = Disk::holding(claim.bytes.clone());
    let open = || Store::open_backend(Box::new(Uncounted(disk)), options());
    let (opened, held) = during(open);
    let may = OPENED_MAX + options().memory_bytes / 8 + len / PART;
    let opened = opened.map(drop).map_err(|error| error.to_string());
    match held <= may {
        true => Ok(()),
        false => Err(format!("{}, {len} bytes: {held} held at once, {opened:?}", claim.says)),
    }
}

/// A disk whose own memory does not count.
struct Uncounted(Disk);

impl StorageBackend for Uncounted {
    fn len(&self) -> io::Result<u64> {
        uncounted(|| self.0.len())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        uncounted(|| self.0.read(offset, out))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        uncounted(|| self.0.set_len(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        uncounted(|| self.0.sync_data())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        uncounted(|| self.0.write(offset, data))
    }
}

impl fmt::Debug for Uncounted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Uncounted")
    }
}
