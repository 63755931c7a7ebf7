//! Bytes that somebody made up, their checksum right.

use proptest::prelude::*;

use super::super::header::later_seed;
use super::*;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A 1 KiB page whose header claims a body of so many bytes, compressed, its checksum right.
fn claiming(body: u32, len: usize) -> Vec<u8> {
    let mut bytes = stored::<String>(&texts(12, 1), &PACKED);
    bytes.resize(len, 0);
    bytes[36..40].copy_from_slice(&body.to_le_bytes());
    reseal(&mut bytes);
    bytes
}

#[test]
fn a_page_that_claims_to_inflate_beyond_the_limit_is_refused_by_its_header() {
    for body in [u32::MAX, (32 << 20) + 1] {
        let refused = load::<String>(&claiming(body, 1024)).unwrap_err();
        // Said by the header's bounds, which come before anything is allocated.
        assert!(refused.to_string().contains(&format!("{body} bytes, which cannot be")));
    }
    let wrong = load::<String>(&claiming(1 << 20, 1024)).unwrap_err();
    assert!(wrong.to_string().contains("inflate"), "{wrong}");
}

#[test]
fn a_page_of_another_format_or_of_nothing_says_so() {
    let bytes = stored::<String>(&texts(4, 1), &PACKED);
    let mut newer = bytes.clone();
    newer[4] = 2;
    reseal(&mut newer);
    let refused = load::<String>(&newer).unwrap_err().to_string();
    assert!(refused.contains("format 2") && refused.contains("none such"), "{refused}");
    let sum = xxh3_64_with_seed(&newer[CHECKED_FROM..], later_seed(&newer, KEY));
    newer[8..16].copy_from_slice(&sum.to_le_bytes());
    let refused = load::<String>(&newer).unwrap_err().to_string();
    assert!(refused.contains("format 2") && refused.contains("the release that wrote it"));
    let mut foreign = bytes;
    foreign[0] = b'X';
    reseal(&mut foreign);
    assert!(load::<String>(&foreign).unwrap_err().to_string().contains("not a page"));
    assert!(load::<String>(&[]).is_err());
}

/// Tampers with a field of four bytes; the checksum fits afterwards.
fn with_field(page: &Page, compression: &Compression, at: usize, value: u32) -> Vec<u8> {
    let mut bytes = stored::<String>(page, compression);
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    reseal(&mut bytes);
    bytes
}

#[test]
fn every_field_of_the_header_that_cannot_be_is_refused() {
    let page = texts(12, 1);
    for (at, values) in [
        (24, [0, 1025, u32::MAX]),  // slots
        (28, [13, 1024, u32::MAX]), // facts
        (32, [1, 2, u32::MAX]),     // dictionary
        (36, [0, 1, u32::MAX]),     // body
    ] {
        for value in values {
            for compression in [PLAIN, PACKED] {
                let bytes = with_field(&page, &compression, at, value);
                let refused = load::<String>(&bytes);
                let refused = refused.expect_err("a page cannot claim that").to_string();
                // By the header's bounds, before anything is looked for or allocated.
                let bounded = at < 32 || value == u32::MAX && at == 36;
                assert!(
                    !bounded || refused.contains("which cannot be"),
                    "{value} at {at}: {refused}"
                );
            }
        }
    }
    let more = load::<String>(&with_field(&page, &PLAIN, 24, 1024)).unwrap_err().to_string();
    assert!(more.contains("shorter than its slot table"), "{more}");
    let mut flags = stored::<String>(&page, &PACKED);
    flags[6] |= 2;
    reseal(&mut flags);
    assert!(load::<String>(&flags).is_err());
}

#[test]
fn every_entry_that_cannot_be_is_refused() {
    let page = texts(4, 1);
    let table = super::super::header::HEADER_BYTES + page.all_facts().len() * 48;
    // Slot 3 holds a text outside its root. Offset, length, facts, state.
    let entry = table + 3 * 16;
    let tampered = |at: usize, value: &[u8]| {
        let mut bytes = stored::<String>(&page, &PLAIN);
        bytes[entry + at..entry + at + value.len()].copy_from_slice(value);
        reseal(&mut bytes);
        load::<String>(&bytes).map(|page| said(&page))
    };
    for offset in [0_u32, 63, 65, u32::MAX] {
        assert!(tampered(0, &offset.to_le_bytes()).is_err(), "offset {offset}");
    }
    for len in [0_u32, 1, 7, 1 << 20, u32::MAX] {
        assert!(tampered(4, &len.to_le_bytes()).is_err(), "length {len}");
    }
    assert!(tampered(12, &[3, 0]).is_err(), "facts that are not there");
    for state in [0, 3, 4, 255] {
        assert!(tampered(14, &[state]).is_err(), "state {state}");
    }
}

/// A root counts from the end of its record, so it can be aligned where the record is not; moved to
/// another page it no longer would be.
#[test]
fn a_record_that_is_aligned_only_where_it_stands_is_refused() {
    let shape = RecordShape::of::<u64>();
    let mut page = PageBuilder::new(4, shape);
    for slot in 0..2 {
        let bytes = serialize(&u64::from(slot)).unwrap();
        page.add(Slot(slot), Origin::Put, facts(1), 0, &bytes).unwrap();
    }
    let page = page.finish();
    let mut bytes = stored::<u64>(&page, &PLAIN);
    assert!(load::<u64>(&bytes).is_ok());
    let entry = super::super::header::HEADER_BYTES + page.all_facts().len() * 48;
    bytes[entry..entry + 4].copy_from_slice(&(4 * 16 + 4_u32).to_le_bytes());
    bytes[entry + 4..entry + 8].copy_from_slice(&12_u32.to_le_bytes());
    reseal(&mut bytes);
    assert!(load::<u64>(&bytes).is_err());
}

/// Its bytes would pass the check of its type: a root counts from the end.
#[test]
fn a_record_that_is_longer_than_its_type_or_begins_elsewhere_is_refused() {
    let entry = |page: &Page| super::super::header::HEADER_BYTES + page.all_facts().len() * 48;
    let mut numbers = builder::<u64>(2);
    (0..2).for_each(|slot| add(&mut numbers, slot, facts(1), &7_u64));
    let numbers = numbers.finish();
    let mut longer = stored::<u64>(&numbers, &PLAIN);
    let at = entry(&numbers);
    longer[at + 4..at + 8].copy_from_slice(&16_u32.to_le_bytes());
    reseal(&mut longer);
    let refused = load::<u64>(&longer).unwrap_err().to_string();
    assert!(refused.contains("as its type must"), "{refused}");

    // The second text begins a word before its place, in the padding behind the first.
    let mut texts = builder::<String>(2);
    (0..2).for_each(|slot| add(&mut texts, slot, facts(1), &"high water".to_owned()));
    let texts = texts.finish();
    let second = texts.entry(Slot(1));
    let mut elsewhere = stored::<String>(&texts, &PLAIN);
    let at = entry(&texts) + 16;
    elsewhere[at..at + 4].copy_from_slice(&(second.offset - 4).to_le_bytes());
    elsewhere[at + 4..at + 8].copy_from_slice(&(second.len + 4).to_le_bytes());
    reseal(&mut elsewhere);
    let refused = load::<String>(&elsewhere).unwrap_err().to_string();
    assert!(refused.contains("as its type must"), "{refused}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn tampering_behind_a_right_checksum_never_panics(
        packed in any::<bool>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        head in prop::option::of((16..40_usize, any::<u32>())),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let compression = if packed { PACKED } else { PLAIN };
        let mut bytes = stored::<String>(&texts(9, 1), &compression);
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Some((at, value)) = head {
            bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        }
        if let Some(cut) = cut {
            bytes.truncate(CHECKED_FROM + cut.index(bytes.len()));
        }
        if bytes.len() >= CHECKED_FROM {
            reseal(&mut bytes);
        }
        if let Ok(page) = load::<String>(&bytes) {
            // What is accepted can be read, all of it.
            for slot in page.present() {
                let text = crate::page::access::<String>(&page, slot);
                prop_assert!(text.len() <= page.bytes());
                let _ = (page.facts(slot), page.build_micros(slot), page.was_put(slot));
            }
        }
    }

    #[test]
    fn bytes_of_any_kind_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(load::<String>(&bytes).is_err());
    }
}
