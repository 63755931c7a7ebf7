//! A door for proofs: pages in each of their stored forms, and what becomes of bytes that are none.

use super::aid::Aid;
use super::body::{Origin, Page};
use super::build::PageBuilder;
use super::dictionary::{Compression, Dictionary};
use super::facts::Facts;
use super::header::{CHECKED_FROM, HEADER_BYTES};
use super::pattern::Pattern;
use super::shape::{RecordShape, RecordType};
use super::slots::Slot;
use super::stored::{checksum, decode, encode, store_body};
use super::{PAGE_LEN_MAX, Room};
use crate::error::{Error, Result};
use crate::grid::PageNumber;
use crate::revision::Revision;
use crate::time::Timestamp;

/// A page as it stands in a file, and what it needs beside itself.
#[derive(Clone, Debug)]
pub struct StoredPage {
    /// Header, facts and body.
    pub bytes: Vec<u8>,
    /// The dictionary or the pattern that the header names; empty for none.
    pub aid: Vec<u8>,
}

/// What a page is stored with.
#[derive(Clone, Copy, Debug)]
pub enum Beside<'r, R> {
    /// By itself.
    Nothing,
    /// A dictionary of zstd's, which may be any bytes.
    Dictionary(&'r [u8]),
    /// The records of another page of its time.
    Pattern(&'r [R]),
}

/// A page of these records, from the first slot on, as it would stand under a key.
///
/// # Errors
/// If no page can hold the records.
pub fn store_page<R: RecordType>(
    key: &[u8],
    records: &[R],
    level: Option<i32>,
    beside: Beside<'_, R>,
) -> Result<StoredPage> {
    let shape = RecordShape::of::<R>();
    let (mut dictionary, mut pattern, mut aid) = (None, None, Vec::new());
    match beside {
        Beside::Nothing => {}
        Beside::Dictionary(bytes) => {
            dictionary = Some(Dictionary::prepare(1, bytes, level.unwrap_or(1))?);
            aid = bytes.to_vec();
        }
        Beside::Pattern(records) => {
            pattern = Pattern::of(&page_of(records, shape)?, PageNumber(7));
            aid = pattern.as_ref().map(|pattern| pattern.row().to_vec()).unwrap_or_default();
        }
    }
    let page = page_of(records, shape)?;
    let body = store_body(&page, &Compression { level, dictionary }, pattern.as_ref());
    Ok(StoredPage { bytes: encode(&page, &body, key, &shape), aid })
}

fn page_of<R: RecordType>(records: &[R], shape: RecordShape) -> Result<Page> {
    let slots =
        u32::try_from(records.len()).ok().filter(|slots| (1..=PAGE_LEN_MAX).contains(slots));
    let mut page = PageBuilder::new(slots.ok_or_else(|| Error::input("too many records"))?, shape);
    let facts = Facts {
        begun: Revision::from_raw(1),
        verified: Revision::from_raw(1),
        changed: Revision::from_raw(1),
        built_at: Timestamp::EPOCH,
        fresh_until: Timestamp::MAX,
        version: 1,
        dependencies: 0,
    };
    let mut room = Room::default();
    for (slot, record) in (0..).map(Slot).zip(records) {
        room.serialize(record).map_err(Error::input)?;
        page.add(slot, Origin::Built, facts, 0, room.bytes())?;
    }
    Ok(page.finish())
}

/// Makes the checksum of any bytes fit, and the record type, so that they are looked at.
pub fn admit_page<R: RecordType>(key: &[u8], bytes: &mut [u8]) {
    if bytes.len() < HEADER_BYTES {
        return;
    }
    bytes[..6].copy_from_slice(b"TiPg\x01\0");
    bytes[16..24].copy_from_slice(&RecordShape::of::<R>().fingerprint().to_le_bytes());
    let sum = checksum(key, &bytes[CHECKED_FROM..]);
    bytes[8..16].copy_from_slice(&sum.to_le_bytes());
}

/// Reads bytes as the page under a key, beside the bytes of a dictionary or pattern. Returns how many
/// records there are.
///
/// # Errors
/// If they are none.
pub fn decode_page<R: RecordType>(key: &[u8], bytes: &[u8], aid: &[u8]) -> Result<usize> {
    let prepare = |id| match aid {
        [] => Ok(None),
        // A file may be crafted so that all its checksums fit.
        aid => Aid::believed(id, aid, 1).map(Some),
    };
    let page = decode(bytes, key, &RecordShape::of::<R>(), prepare)?;
    Ok(page.present().count())
}
