//! A page on disk: encoding, and decoding that trusts nothing.

use rkyv::util::AlignedVec;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::error::{Error, Result};
use crate::revision::Revision;

use super::aid::Aid;
use super::body::Page;
use super::dictionary::{Compression, decompress, decompress_lean};
use super::even::{Even, LEAN_EXCESS, from_lean, from_packed};
use super::facts::{FACTS_BYTES, Facts};
use super::header::{self, CHECKED_FROM, Form, HEADER_BYTES, Header};
use super::pattern::Pattern;
use super::shape::RecordShape;

/// A body as it will stand on disk. Made outside the writer where the page is known there:
/// compressing is the slow part.
#[derive(Debug)]
pub(crate) struct StoredBody {
    form: Form,
    dictionary: u32,
    pattern: Option<Pattern>,
    bytes: Vec<u8>,
}

impl StoredBody {
    fn new(form: Form, bytes: Vec<u8>) -> Self {
        Self { form, dictionary: 0, pattern: None, bytes }
    }

    /// Whether it is in columns, which no dictionary makes smaller.
    pub(crate) fn is_packed(&self) -> bool {
        matches!(self.form, Form::Packed | Form::Beside)
    }

    /// The pattern without which it cannot be read.
    pub(crate) fn pattern(&self) -> Option<&Pattern> {
        self.pattern.as_ref()
    }
}

/// zstd's level up to which speed counts more than the last byte.
const FAST_LEVEL: i32 = 1;
/// Up to that level a body is not given to zstd as well if it packs to this part of itself.
const PACKED_PART: usize = 5;

/// The body in the form that is smallest; plain if none saves an eighth.
pub(crate) fn store_body(
    page: &Page,
    compression: &Compression,
    pattern: Option<&Pattern>,
) -> StoredBody {
    let body = page.body();
    let plain = || StoredBody::new(Form::Plain, body.to_vec());
    let Some(level) = compression.level else {
        return plain();
    };
    let even = Even::of(page);
    let packed = even.filter(|even| even.packs()).map(|even| {
        let pattern = pattern.filter(|pattern| pattern.full().suits(even, page.slots()));
        // Most pages pack to less than a tenth.
        let mut bytes = Vec::with_capacity(body.len() / 8);
        bytes.extend(pattern.iter().flat_map(|pattern| pattern.sum().to_le_bytes()));
        let sum = bytes.len();
        let is_beside = even.pack(page, pattern.map(Pattern::full), &mut bytes);
        match pattern.filter(|_| is_beside) {
            // A page that has nothing of the pattern does not hang on it.
            None => {
                bytes.drain(..sum);
                StoredBody::new(Form::Packed, bytes)
            }
            Some(pattern) => StoredBody {
                dictionary: pattern.id(),
                pattern: Some(pattern.clone()),
                ..StoredBody::new(Form::Beside, bytes)
            },
        }
    });
    let is_small = |packed: &StoredBody| packed.bytes.len() <= body.len() / PACKED_PART;
    if level <= FAST_LEVEL && packed.as_ref().is_some_and(is_small) {
        return packed.expect("it is small");
    }
    let (form, compressed) = match even {
        Some(even) => (Form::LeanZstd, compression.compress(&even.lean(page))),
        None => (Form::Zstd, compression.compress(body)),
    };
    let dictionary = compression.dictionary_id();
    let compressed =
        compressed.map(|bytes| StoredBody { dictionary, ..StoredBody::new(form, bytes) });
    let smallest = packed.into_iter().chain(compressed).min_by_key(|stored| stored.bytes.len());
    let worth = smallest.filter(|stored| stored.bytes.len() <= body.len() - body.len() / 8);
    worth.unwrap_or_else(plain)
}

/// The page's bytes for the file, under the key where it will stand.
pub(crate) fn encode(page: &Page, body: &StoredBody, key: &[u8], shape: &RecordShape) -> Vec<u8> {
    let facts = page.all_facts();
    let mut header = Header {
        form: body.form,
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
/// `aid` is asked for the dictionary or the pattern that the header names.
pub(crate) fn decode(
    bytes: &[u8],
    key: &[u8],
    shape: &RecordShape,
    aid: impl FnOnce(u32) -> Result<Option<Aid>>,
) -> Result<Page> {
    let header = checked(bytes, key)?;
    if header.layout != shape.fingerprint() {
        return Err(Error::damaged(
            "a page was written for another record type; raise the view's version to build anew",
        ));
    }
    let (facts, body) = bytes[HEADER_BYTES..].split_at(header.facts as usize * FACTS_BYTES);
    let (entries, _) = facts.as_chunks::<FACTS_BYTES>();
    let facts: Vec<Facts> = entries.iter().map(Facts::from_bytes).collect();
    let aid = match header.dictionary {
        0 => None,
        id => Some(aid(id)?.ok_or_else(|| {
            Error::damaged(format!("the dictionary or pattern {id} that a page needs is missing"))
        })?),
    };
    let len = header.body as usize;
    let body = match header.form {
        Form::Plain => {
            let mut copy = AlignedVec::with_capacity(len);
            copy.extend_from_slice(body);
            copy
        }
        Form::Zstd => {
            let dictionary = aid.map(Aid::into_dictionary).transpose()?;
            decompress(body, len, dictionary.as_ref())?
        }
        Form::LeanZstd => {
            let dictionary = aid.map(Aid::into_dictionary).transpose()?;
            let lean = decompress_lean(body, len + LEAN_EXCESS, dictionary.as_ref())?;
            from_lean(lean, header.slots, len)?
        }
        Form::Packed => from_packed(body, header.slots, len, None)?,
        Form::Beside => {
            let pattern = aid.map(Aid::into_pattern).transpose()?.ok_or_else(no_pattern)?;
            let packed = body.strip_prefix(&pattern.sum().to_le_bytes()).ok_or_else(no_pattern)?;
            from_packed(packed, header.slots, len, Some(pattern.full()))?
        }
    };
    Page::from_disk(header.slots, facts, body, shape)
}

fn no_pattern() -> Error {
    Error::damaged("a page's columns were packed beside another pattern than it names")
}

/// The facts in a page's bytes, without any check of what they say: enough to tell that a page need
/// not be looked at. `None` if these bytes are no page.
pub(crate) fn stored_facts(bytes: &[u8]) -> Option<Vec<Facts>> {
    let header = Header::parse(bytes).ok()?;
    let facts = bytes.get(HEADER_BYTES..)?.get(..header.facts as usize * FACTS_BYTES)?;
    Some(facts.as_chunks::<FACTS_BYTES>().0.iter().map(Facts::from_bytes).collect())
}

/// The record type's fingerprint and the dictionary or pattern that a page's bytes name, unchecked.
pub(crate) fn stored_names(bytes: &[u8]) -> Option<(u64, u32)> {
    let header = Header::parse(bytes).ok()?;
    Some((header.layout, header.dictionary))
}

/// Why only a later release can read a page, if that is so: its checksum holds as in all later formats.
pub(crate) fn later_format(bytes: &[u8], key: &[u8]) -> Option<String> {
    let what = header::later_format(bytes)?;
    let (head, rest) = bytes.split_at_checked(CHECKED_FROM)?;
    let sum = xxh3_64_with_seed(rest, header::later_seed(head, key));
    head.ends_with(&sum.to_le_bytes()).then_some(what)
}

/// The header of a page whose checksum fits.
fn checked(bytes: &[u8], key: &[u8]) -> Result<Header> {
    if let Some(what) = later_format(bytes, key) {
        return Err(Error::damaged(what));
    }
    let header = Header::parse(bytes)?;
    if header.checksum != checksum(key, &bytes[CHECKED_FROM..]) {
        return Err(Error::damaged("a page's checksum does not fit its bytes and its place"));
    }
    Ok(header)
}

/// A page that was taken out of its file, without its type.
pub(crate) struct Unbound {
    pub(crate) bytes: Vec<u8>,
    /// The dictionary or pattern that it needs; zero for none.
    pub(crate) aid: u32,
    /// The greatest revision that it speaks of.
    pub(crate) latest: Revision,
}

/// A page whose checksum holds, with records that have read nothing: for a file in which what they read
/// is not known.
pub(crate) fn unbound(bytes: &[u8], key: &[u8]) -> Result<Unbound> {
    let header = checked(bytes, key)?;
    let mut bytes = bytes.to_vec();
    let mut latest = Revision::ZERO;
    let facts = &mut bytes[HEADER_BYTES..][..header.facts as usize * FACTS_BYTES];
    for entry in facts.as_chunks_mut::<FACTS_BYTES>().0 {
        let facts = Facts::from_bytes(entry);
        latest = latest.max(facts.begun).max(facts.verified).max(facts.changed);
        *entry = Facts { dependencies: 0, ..facts }.to_bytes();
    }
    let checksum = checksum(key, &bytes[CHECKED_FROM..]);
    bytes[..HEADER_BYTES].copy_from_slice(&Header { checksum, ..header }.to_bytes());
    Ok(Unbound { bytes, aid: header.dictionary, latest })
}

/// Fits the bytes of a page from [`CHECKED_FROM`] on to the key under which they stand.
pub(super) fn checksum(key: &[u8], bytes: &[u8]) -> u64 {
    xxh3_64_with_seed(bytes, xxh3_64(key))
}

#[cfg(test)]
mod tests {
    use super::super::{Origin, PageBuilder, Slot, serialize};
    use super::*;
    use crate::time::Timestamp;

    type Tide = (u16, String);

    fn page(shape: &RecordShape) -> Page {
        let mut page = PageBuilder::new(3, *shape);
        let facts = Facts {
            begun: Revision::from_raw(0x11),
            verified: Revision::from_raw(0x22),
            changed: Revision::from_raw(0x33),
            built_at: Timestamp::from_millis(0x44),
            fresh_until: Timestamp::MAX,
            version: 0x55,
            dependencies: 0x66,
        };
        let later = Facts { begun: Revision::from_raw(0x77), ..facts };
        let high: Tide = (0x0102, "high water at Dover".to_owned());
        let low: Tide = (0x0304, "low".to_owned());
        page.add(Slot(0), Origin::Built, facts, 0x0506, &serialize(&high).unwrap()).unwrap();
        page.add(Slot(2), Origin::Put, later, 0, &serialize(&low).unwrap()).unwrap();
        page.finish()
    }

    /// A page of format 1 as it is in every file out there: three slots, the second empty. If this
    /// fails, the format has changed: those files would not be read any more.
    const FORMAT_1: &str = "
        5469506701000000b302d5a78a9dc7536718efbcf29031810300000002000000000000005c000000
        1100000000000000220000000000000033000000000000004400000000000000ffffffffffffff7f
        5500000066000000
        7700000000000000220000000000000033000000000000004400000000000000ffffffffffffff7f
        5500000066000000
        30000000200000000605000000000100
        00000000000000000000000000000000
        500000000c0000000000000001000200
        6869676820776174657220617420446f766572000201000093000000e8ffffff040300006c6f77ff
        ffffffff
    ";

    #[test]
    fn the_stored_form_of_a_page_never_changes_within_its_format() {
        let shape = RecordShape::of::<Tide>();
        let page = page(&shape);
        let plain = Compression { level: None, dictionary: None };
        let stored = encode(&page, &store_body(&page, &plain, None), b"where it stands", &shape);
        let hex: String = stored.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, FORMAT_1.replace([' ', '\n'], ""));
    }

    #[test]
    fn a_page_taken_out_of_its_file_has_read_nothing_and_is_else_the_same() {
        let shape = RecordShape::of::<Tide>();
        let page = page(&shape);
        let level = Compression { level: Some(1), dictionary: None };
        let stored = encode(&page, &store_body(&page, &level, None), b"key", &shape);
        let taken = unbound(&stored, b"key").unwrap();
        assert_eq!((taken.aid, taken.latest), (0, Revision::from_raw(0x77)), "the latest begun");
        let read = decode(&taken.bytes, b"key", &shape, |_| Ok(None)).unwrap();
        for slot in [Slot(0), Slot(2)] {
            assert_eq!(*read.facts(slot), Facts { dependencies: 0, ..*page.facts(slot) });
            assert_eq!(read.record(slot), page.record(slot));
        }
        assert_eq!(stored_names(&taken.bytes), Some((shape.fingerprint(), 0)));
        assert_eq!(stored_facts(&taken.bytes).unwrap(), read.all_facts());
        assert!(unbound(&stored, b"another key").is_err());
        assert!(unbound(&stored[..HEADER_BYTES], b"key").is_err());
        assert!(stored_names(b"no page").is_none() && stored_facts(b"no page").is_none());
    }

    #[test]
    fn a_page_names_the_dictionary_that_it_needs_also_when_taken_out_of_its_file() {
        let shape = RecordShape::of::<String>();
        let text = "high water at Dover, low water at Calais; ".repeat(9);
        let facts = *page(&RecordShape::of::<Tide>()).facts(Slot(0));
        let mut page = PageBuilder::new(1, shape);
        page.add(Slot(0), Origin::Built, facts, 0, &serialize(&text).unwrap()).unwrap();
        let page = page.finish();
        let dictionary = Some(super::super::Dictionary::prepare(9, text.as_bytes(), 3).unwrap());
        let level = Compression { level: Some(3), dictionary };
        let stored = encode(&page, &store_body(&page, &level, None), b"key", &shape);
        assert_eq!(stored_names(&stored), Some((shape.fingerprint(), 9)));
        assert_eq!(unbound(&stored, b"key").unwrap().aid, 9);
    }

    #[test]
    fn a_page_of_a_later_format_says_what_to_do_and_one_that_is_damaged_to_it_does_not() {
        let shape = RecordShape::of::<Tide>();
        let page = page(&shape);
        let plain = Compression { level: None, dictionary: None };
        let stored = encode(&page, &store_body(&page, &plain, None), b"key", &shape);
        // Of another format, and in another form.
        for (at, what) in [(4, "format 2"), (6, "form 9")] {
            let mut stored = stored.clone();
            stored[at] = what[what.len() - 1..].parse().unwrap();
            let told = |stored: &[u8], key: &[u8]| {
                let read = decode(stored, key, &shape, |_| Ok(None)).unwrap_err();
                let taken = unbound(stored, key).err().unwrap();
                assert_eq!(taken.to_string(), read.to_string());
                (read.to_string(), later_format(stored, key).is_some())
            };
            let (error, is_later) = told(&stored, b"key");
            assert!(error.contains("none such") && !is_later, "{error}");
            let sum =
                xxh3_64_with_seed(&stored[16..], xxh3_64_with_seed(&stored[4..8], xxh3_64(b"key")));
            stored[8..16].copy_from_slice(&sum.to_le_bytes());
            let (error, is_later) = told(&stored, b"key");
            assert!(error.contains(what) && error.contains("use the release"), "{error}");
            assert!(is_later);
            // Damaged in whatever it says, in the wrong place, and cut.
            for bit in 0..stored.len() * 8 {
                let mut flipped = stored.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert!(!told(&flipped, b"key").1, "bit {bit}");
            }
            assert!(!told(&stored, b"another key").1);
            for len in 0..stored.len() {
                assert!(!told(&stored[..len], b"key").1, "cut to {len}");
            }
        }
    }
}
