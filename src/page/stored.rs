//! A page on disk: encoding, and decoding that trusts nothing.

use rkyv::util::AlignedVec;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::error::{Error, Result};

use super::body::Page;
use super::dictionary::{Compression, Dictionary, decompress};
use super::facts::{FACTS_BYTES, Facts};
use super::header::{CHECKED_FROM, HEADER_BYTES, Header};
use super::shape::RecordShape;

/// A body as it will stand on disk. Made outside the writer: compressing is the slow part.
#[derive(Debug)]
pub(crate) struct StoredBody {
    compressed: bool,
    dictionary: u32,
    bytes: Vec<u8>,
}

/// Compresses the body if that saves at least an eighth.
pub(crate) fn store_body(page: &Page, compression: &Compression) -> StoredBody {
    let body = page.body();
    match compression.compress(body) {
        Some(bytes) if bytes.len() <= body.len() - body.len() / 8 => {
            StoredBody { compressed: true, dictionary: compression.dictionary_id(), bytes }
        }
        _ => StoredBody { compressed: false, dictionary: 0, bytes: body.to_vec() },
    }
}

/// The page's bytes for the file, under the key where it will stand.
pub(crate) fn encode(page: &Page, body: &StoredBody, key: &[u8], shape: &RecordShape) -> Vec<u8> {
    let facts = page.all_facts();
    let mut header = Header {
        compressed: body.compressed,
        checksum: 0,
        layout: shape.fingerprint(),
        slots: page.slots(),
        facts: u32::try_from(facts.len()).expect("no more facts than slots"),
        dictionary: body.dictionary,
        body: u32::try_from(page.body().len()).expect("within the page limit"),
    };
    let mut out = Vec::with_capacity(HEADER_BYTES + facts.len() * FACTS_BYTES + body.bytes.len());
    out.extend_from_slice(&header.to_bytes());
    for entry in facts {
        out.extend_from_slice(&entry.to_bytes());
    }
    out.extend_from_slice(&body.bytes);
    header.checksum = checksum(key, &out[CHECKED_FROM..]);
    out[..HEADER_BYTES].copy_from_slice(&header.to_bytes());
    out
}

/// Reads a page's bytes as they stood under `key`.
///
/// The order is the safety: lengths are bounded, then the checksum compared, and only then is
/// anything of the declared size allocated; every record is validated where it will stay.
/// `dictionary` is asked for the dictionary that the frame names.
pub(crate) fn decode(
    bytes: &[u8],
    key: &[u8],
    shape: &RecordShape,
    dictionary: impl FnOnce(u32) -> Result<Option<Dictionary>>,
) -> Result<Page> {
    let header = Header::parse(bytes)?;
    if header.checksum != checksum(key, &bytes[CHECKED_FROM..]) {
        return Err(Error::damaged("a page's checksum does not fit its bytes and its place"));
    }
    if header.layout != shape.fingerprint() {
        return Err(Error::damaged(
            "a page was written for another record type; raise the view's version to build anew",
        ));
    }
    let (facts, body) = bytes[HEADER_BYTES..].split_at(header.facts as usize * FACTS_BYTES);
    let (entries, _) = facts.as_chunks::<FACTS_BYTES>();
    let facts: Vec<Facts> = entries.iter().map(Facts::from_bytes).collect();
    let body = if header.compressed {
        let dictionary = match header.dictionary {
            0 => None,
            id => Some(dictionary(id)?.ok_or_else(|| {
                Error::damaged(format!("the dictionary {id} that a page needs is missing"))
            })?),
        };
        decompress(body, header.body as usize, dictionary.as_ref())?
    } else {
        let mut copy = AlignedVec::with_capacity(body.len());
        copy.extend_from_slice(body);
        copy
    };
    Page::from_disk(header.slots, facts, body, shape)
}

/// Fits the bytes of a page from [`CHECKED_FROM`] on to the key under which they stand.
pub(super) fn checksum(key: &[u8], bytes: &[u8]) -> u64 {
    xxh3_64_with_seed(bytes, xxh3_64(key))
}
