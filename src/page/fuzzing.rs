//! What holds of every page, for fuzzing: of arbitrary bytes, and of what was built.

use std::fmt::Debug;

use rkyv::rancor;
use rkyv::{Archive, Archived, Deserialize};

use super::aid::Aid;
use super::body::{Origin, Page};
use super::build::PageBuilder;
use super::dictionary::Compression;
use super::facts::Facts;
use super::header::{CHECKED_FROM, HEADER_BYTES};
use super::pattern::Pattern;
use super::shape::{RecordShape, RecordType};
use super::slots::Slot;
use super::stored::{checksum, decode, encode, store_body};
use super::{PAGE_BYTES_MAX, PAGE_LEN_MAX, access, serialize};
use crate::error::{Error, ErrorKind, Result};
use crate::grid::PageNumber;
use crate::revision::Revision;
use crate::time::Timestamp;

type Deep = (u8, Vec<(u16, Option<String>)>, [u32; 2]);

/// Reads bytes as a page that stands under a key: as they are, then with a header that lets them
/// past the checksum. The first byte chooses the record type, the second the key's length.
///
/// # Panics
/// If what is read does not hold together. A refusal is no fault.
pub fn page_holds(data: &[u8]) {
    let [shape, key_len, rest @ ..] = data else { return };
    let (key, bytes) = rest.split_at(usize::from(*key_len).min(rest.len()));
    match shape % 4 {
        0 => bytes_hold::<u64>(key, bytes),
        1 => bytes_hold::<String>(key, bytes),
        2 => bytes_hold::<Vec<u8>>(key, bytes),
        _ => bytes_hold::<Deep>(key, bytes),
    }
}

/// Builds a page as the bytes say, and takes it to its stored form and back.
///
/// # Panics
/// If it does not come back as it was.
pub fn built_page_holds(data: &[u8]) {
    let [shape, level, key_len, rest @ ..] = data else { return };
    let (key, bytes) = rest.split_at(usize::from(*key_len).min(rest.len()));
    let level = (level % 4 != 0).then(|| i32::from(level % 4));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match shape % 4 {
        0 => built_holds::<u64>(level, key, bytes, |bytes| bytes.len() as u64 * 0x0101_0101),
        1 => built_holds(level, key, bytes, text),
        2 => built_holds(level, key, bytes, <[u8]>::to_vec),
        _ => built_holds::<Deep>(level, key, bytes, |bytes| {
            let parts = bytes
                .chunks(3)
                .map(|part| (u16::from(part[0]), (part[0] % 2 == 0).then(|| text(&part[1..]))));
            (bytes.len() as u8, parts.collect(), [bytes.len() as u32; 2])
        }),
    }
}

fn bytes_hold<R>(key: &[u8], bytes: &[u8])
where
    R: RecordType + PartialEq + Debug,
    Archived<R>: Deserialize<R, rkyv::api::high::HighDeserializer<rancor::Error>>,
{
    let shape = RecordShape::of::<R>();
    let read = |bytes: &[u8]| {
        // A frame may be inflated with any bytes as its dictionary.
        decode(bytes, key, &shape, |id| Aid::believed(id, bytes, 1).map(Some))
    };
    if let Ok(page) = read(bytes) {
        read_holds::<R>(&page, key, &shape);
    }
    if bytes.len() < HEADER_BYTES {
        return;
    }
    let mut mended = bytes.to_vec();
    mended[..6].copy_from_slice(b"TiPg\x01\0");
    mended[16..24].copy_from_slice(&shape.fingerprint().to_le_bytes());
    // Plain bodies are as long as the bytes that are there: a guess that seldom comes right.
    if mended[6] == 0 {
        let facts = u32::from_le_bytes([mended[28], mended[29], mended[30], mended[31]]);
        let facts = facts as usize * super::facts::FACTS_BYTES;
        let body = (mended.len() - HEADER_BYTES).saturating_sub(facts);
        mended[36..40].copy_from_slice(&(body as u32).to_le_bytes());
    }
    let sum = checksum(key, &mended[CHECKED_FROM..]);
    mended[8..16].copy_from_slice(&sum.to_le_bytes());
    match read(&mended) {
        Ok(page) => read_holds::<R>(&page, key, &shape),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Damaged, "{error}");
            assert!(!error.to_string().contains("checksum"), "{error}");
        }
    }
}

/// Every record of a page that was let in can be read to its last byte, and written again.
pub(super) fn read_holds<R>(page: &Page, key: &[u8], shape: &RecordShape)
where
    R: RecordType + PartialEq + Debug,
    Archived<R>: Deserialize<R, rkyv::api::high::HighDeserializer<rancor::Error>>,
{
    assert!((1..=PAGE_LEN_MAX).contains(&page.slots()) && page.body().len() <= PAGE_BYTES_MAX);
    for slot in page.present() {
        let record = value::<R>(page, slot);
        assert!(page.record(slot).len() >= shape.size(), "{record:?}");
        std::hint::black_box(page.facts(slot));
    }
    let plain = Compression { level: None, dictionary: None };
    let again = encode(page, &store_body(page, &plain, None), key, shape);
    let again = decode(&again, key, shape, no_dictionary).expect("what was let in is let in again");
    assert_same(page, &again);
}

fn built_holds<R>(level: Option<i32>, key: &[u8], mut bytes: &[u8], record: impl Fn(&[u8]) -> R)
where
    R: RecordType + PartialEq + Debug,
    Archived<R>: Deserialize<R, rkyv::api::high::HighDeserializer<rancor::Error>>,
{
    let shape = RecordShape::of::<R>();
    let [slots, rest @ ..] = bytes else { return };
    bytes = rest;
    let slots = u32::from(*slots) + 1;
    let mut built = PageBuilder::new(slots, shape);
    let mut expected = std::collections::BTreeMap::new();
    while let [slot, facts, len, rest @ ..] = bytes {
        let (content, rest) = rest.split_at(usize::from(*len).min(rest.len()));
        bytes = rest;
        let (slot, record) = (Slot(u32::from(*slot) % slots), record(content));
        let origin = if facts % 2 == 0 { Origin::Built } else { Origin::Put };
        let archived = serialize(&record).expect("plain values are archived");
        let added = built.add(slot, origin, some_facts(*facts), u32::from(*facts) << 20, &archived);
        added.expect("far below the page limit");
        expected.insert(slot, (record, *facts));
    }
    let page = built.finish();
    let compression = Compression { level, dictionary: None };
    let stored = encode(&page, &store_body(&page, &compression, None), key, &shape);
    let back = decode(&stored, key, &shape, no_dictionary).expect("what was encoded");
    assert_same(&page, &back);
    beside_holds(&page, &compression, key, &shape, &record);
    assert!(back.present().eq(expected.keys().copied()));
    for (slot, (record, facts)) in expected {
        assert_eq!(value::<R>(&back, slot), record);
        assert_eq!(*back.facts(slot), some_facts(facts));
        assert_eq!(back.build_micros(slot), u32::from(facts) << 20);
        assert_eq!(back.was_put(slot), facts % 2 == 1);
    }
    let elsewhere = [key, b"x"].concat();
    assert!(decode(&stored, &elsewhere, &shape, no_dictionary).is_err(), "in the wrong place");
}

/// The same beside a pattern of such records, where they may be one.
fn beside_holds<R: RecordType>(
    page: &Page,
    compression: &Compression,
    key: &[u8],
    shape: &RecordShape,
    record: impl Fn(&[u8]) -> R,
) {
    let mut full = PageBuilder::new(page.slots(), *shape);
    for slot in 0..page.slots() {
        let archived =
            serialize(&record(&[slot as u8, 1, 2, 3])).expect("plain values are archived");
        full.add(Slot(slot), Origin::Built, some_facts(0), 0, &archived)
            .expect("far below the limit");
    }
    let Some(pattern) = Pattern::of(&full.finish(), PageNumber(7)) else { return };
    let stored = encode(page, &store_body(page, compression, Some(&pattern)), key, shape);
    let back = decode(&stored, key, shape, |_| Ok(Some(Aid::Pattern(pattern))));
    assert_same(page, &back.expect("what was encoded"));
}

pub(super) fn some_facts(number: u8) -> Facts {
    let number = u64::from(number);
    Facts {
        begun: Revision::from_raw(number),
        verified: Revision::from_raw(number << 8),
        changed: Revision::from_raw(u64::MAX - number),
        built_at: Timestamp::from_millis(-(number as i64)),
        fresh_until: Timestamp::MAX,
        version: number as u32,
        dependencies: u32::MAX - number as u32,
    }
}

fn value<R>(page: &Page, slot: Slot) -> R
where
    R: RecordType + Archive,
    Archived<R>: Deserialize<R, rkyv::api::high::HighDeserializer<rancor::Error>>,
{
    rkyv::deserialize::<R, rancor::Error>(access::<R>(page, slot)).expect("it was checked")
}

fn no_dictionary(_: u32) -> Result<Option<Aid>> {
    Err(Error::damaged("no dictionary was used"))
}

fn assert_same(one: &Page, other: &Page) {
    assert_eq!(one.slots(), other.slots());
    assert_eq!(one.all_facts(), other.all_facts());
    assert_eq!(one.body(), other.body());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::corpus::replay;
    use crate::page::spoilt::spoilt_page_holds;

    #[test]
    fn what_fuzzing_found_of_pages_holds() {
        replay("page", |bytes| {
            page_holds(bytes);
            built_page_holds(bytes);
            spoilt_page_holds(bytes);
        });
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_the_bytes_a_page_holds_or_is_refused(
            bytes in prop::collection::vec(any::<u8>(), 0..400),
        ) {
            page_holds(&bytes);
            built_page_holds(&bytes);
        }
    }
}
