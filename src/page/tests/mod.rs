//! What pages promise, tried with whatever may stand in a file.

mod column;
mod dictionary;
mod even;
mod hostile;
mod merging;
mod pattern;
mod proof;
mod round_trip;
mod rows;

use super::header::CHECKED_FROM;
use super::stored::checksum;
use super::{
    Aid, Compression, Dictionary, Facts, Layout, Origin, Page, PageBuilder, RecordShape,
    RecordType, Slot, decode, encode, serialize, store_body,
};
use crate::error::ErrorKind;
use crate::revision::Revision;
use crate::time::Timestamp;

const KEY: &[u8] = b"where the page stands";
const PLAIN: Compression = Compression { level: None, dictionary: None };
const PACKED: Compression = Compression { level: Some(3), dictionary: None };

/// Facts that differ with `nth`.
fn facts(nth: u64) -> Facts {
    Facts {
        begun: Revision::from_raw(nth),
        verified: Revision::from_raw(nth + 1),
        changed: Revision::from_raw(nth / 2),
        built_at: Timestamp::from_millis(-(nth as i64)),
        fresh_until: Timestamp::MAX,
        version: nth as u32,
        dependencies: 0,
    }
}

fn builder<R: RecordType>(slots: u32) -> PageBuilder {
    PageBuilder::new(slots, RecordShape::of::<R>())
}

fn add<R: RecordType>(page: &mut PageBuilder, slot: u32, facts: Facts, record: &R) {
    let bytes = serialize(record).unwrap();
    page.add(Slot(slot), Origin::Built, facts, slot * 10, &bytes).unwrap();
}

/// A page whose records repeat enough to be compressed.
fn texts(slots: u32, step: usize) -> Page {
    let mut page = builder::<String>(slots);
    for slot in (0..slots).step_by(step) {
        let text = format!("the tide at gauge {slot}, in metres; ").repeat(slot as usize % 5);
        add(&mut page, slot, facts(u64::from(slot) % 3), &text);
    }
    page.finish()
}

fn stored<R: RecordType>(page: &Page, compression: &Compression) -> Vec<u8> {
    encode(page, &store_body(page, compression, None), KEY, &RecordShape::of::<R>())
}

fn load<R: RecordType>(bytes: &[u8]) -> crate::error::Result<Page> {
    decode(bytes, KEY, &RecordShape::of::<R>(), |_| Ok(None))
}

/// Makes the checksum fit bytes that were tampered with.
fn reseal(bytes: &mut [u8]) {
    let sum = checksum(KEY, &bytes[CHECKED_FROM..]);
    bytes[CHECKED_FROM - 8..CHECKED_FROM].copy_from_slice(&sum.to_le_bytes());
}

/// What a page says of a slot.
type Said = (Slot, Vec<u8>, Facts, u32, bool);

/// Everything a page says.
fn said(page: &Page) -> (u32, Vec<Said>) {
    let slots = page.present().map(|slot| {
        let (bytes, facts) = (page.record(slot).to_vec(), *page.facts(slot));
        (slot, bytes, facts, page.build_micros(slot), page.was_put(slot))
    });
    (page.slots(), slots.collect())
}

fn dictionary(id: u32) -> Dictionary {
    let samples: Vec<Vec<u8>> =
        (0..400_u32).map(|n| format!("gauge {n}: the tide in metres {}", n * 7).into()).collect();
    let bytes = zstd::dict::from_samples(&samples, 4096).unwrap();
    Dictionary::prepare(id, &bytes, 3).unwrap()
}
