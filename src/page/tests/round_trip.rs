//! What is encoded is decoded, and nothing else is.

use proptest::prelude::*;

use super::*;
use crate::page::access;

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_page_comes_back_as_it_was(
        slots in 1..200_u32,
        records in prop::collection::btree_map(
            0..200_u32, (prop::collection::vec(any::<u8>(), 0..80), 0..9_u64, any::<bool>()), 0..60,
        ),
        level in prop::option::of(1..6),
        with_dictionary in any::<bool>(),
    ) {
        let mut page = builder::<Vec<u8>>(slots);
        for (slot, (bytes, fact, put)) in records.iter().filter(|(slot, _)| **slot < slots) {
            let origin = if *put { Origin::Put } else { Origin::Built };
            let bytes = serialize(bytes).unwrap();
            page.add(Slot(*slot), origin, facts(*fact), *slot, &bytes).unwrap();
        }
        let page = page.finish();
        let known = with_dictionary.then(|| dictionary(9));
        let compression = Compression { level, dictionary: known.clone() };
        let bytes = stored::<Vec<u8>>(&page, &compression);
        let shape = RecordShape::of::<Vec<u8>>();
        let decoded = decode(&bytes, KEY, &shape, |id| {
            assert_eq!(id, 9);
            Ok(known.map(Aid::Dictionary))
        });
        let decoded = decoded.unwrap();
        prop_assert_eq!(said(&decoded), said(&page));
        for (slot, (value, _, _)) in records.iter().filter(|(slot, _)| **slot < slots) {
            prop_assert_eq!(access::<Vec<u8>>(&decoded, Slot(*slot)).as_slice(), &**value);
        }
    }
}

#[test]
fn every_flipped_bit_and_every_cut_is_refused() {
    for compression in [PLAIN, PACKED] {
        let bytes = stored::<String>(&texts(12, 2), &compression);
        assert!(load::<String>(&bytes).is_ok());
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(load::<String>(&flipped).is_err(), "bit {bit} may be anything");
        }
        for len in 0..bytes.len() {
            assert!(load::<String>(&bytes[..len]).is_err(), "cut to {len} bytes");
        }
        let longer = [&bytes[..], &[0]].concat();
        assert!(load::<String>(&longer).is_err());
    }
}

#[test]
fn a_page_under_another_key_or_of_another_layout_is_refused() {
    let bytes = stored::<String>(&texts(4, 1), &PACKED);
    let shape = RecordShape::of::<String>();
    let moved = decode(&bytes, b"where another stands", &shape, |_| Ok(None)).unwrap_err();
    assert!(moved.to_string().contains("its place"), "{moved}");
    let other = load::<Vec<u8>>(&bytes).unwrap_err();
    assert!(other.to_string().contains("raise the view's version"), "{other}");
}

#[test]
fn a_page_whose_dictionary_is_missing_or_another_is_refused() {
    let known = dictionary(3);
    let page = texts(40, 1);
    let compression = Compression { level: Some(3), dictionary: Some(known) };
    let bytes = stored::<String>(&page, &compression);
    let missing = load::<String>(&bytes).unwrap_err();
    assert!(missing.to_string().contains("the dictionary or pattern 3"), "{missing}");
    let shape = RecordShape::of::<String>();
    let samples: Vec<Vec<u8>> = (0..400_u32).map(|n| vec![(n * n % 251) as u8; 99]).collect();
    let other = zstd::dict::from_samples(&samples, 1024).unwrap();
    let other = Dictionary::prepare(3, &other, 3).unwrap();
    assert!(decode(&bytes, KEY, &shape, |_| Ok(Some(Aid::Dictionary(other)))).is_err());
    assert!(Dictionary::prepare(1, &[], 3).is_ok(), "no bytes are a dictionary that helps nobody");
}

#[test]
fn compression_is_kept_only_where_it_saves_an_eighth() {
    let mut noise = builder::<[u8; 512]>(1);
    let mut seed = 1_u64;
    let bytes = std::array::from_fn(|_| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 56) as u8
    });
    add::<[u8; 512]>(&mut noise, 0, facts(1), &bytes);
    let noise = noise.finish();
    assert_eq!(stored::<[u8; 512]>(&noise, &PACKED), stored::<[u8; 512]>(&noise, &PLAIN));
    // Nothing of so many bytes at the end: of 528, 66 have to be saved.
    for (zeros, is_kept) in [(60, false), (160, true)] {
        let mut bytes = bytes;
        bytes[512 - zeros..].fill(0);
        let mut page = builder::<[u8; 512]>(1);
        add::<[u8; 512]>(&mut page, 0, facts(1), &bytes);
        let page = page.finish();
        let (packed, plain) =
            (stored::<[u8; 512]>(&page, &PACKED), stored::<[u8; 512]>(&page, &PLAIN));
        assert_eq!(packed != plain, is_kept, "{} and {}", packed.len(), plain.len());
    }
    let page = texts(40, 1);
    let (packed, plain) = (stored::<String>(&page, &PACKED), stored::<String>(&page, &PLAIN));
    assert!(packed.len() < plain.len() / 2, "{} of {}", packed.len(), plain.len());
}

/// Puts records of one type side by side, stores them and reads them back in place.
fn stand_aligned<R: RecordType + Clone>(records: &[R]) {
    let mut page = builder::<R>(records.len() as u32 + 1);
    for (slot, record) in (1..).zip(records) {
        add(&mut page, slot, facts(0), record);
    }
    let page = page.finish();
    for page in [load::<R>(&stored::<R>(&page, &PLAIN)).unwrap(), page] {
        for slot in page.present() {
            let at = access::<R>(&page, slot) as *const R::Archived as usize;
            assert_eq!(at % align_of::<R::Archived>(), 0, "slot {}", slot.0);
        }
        assert_eq!(page.present().count(), records.len());
    }
}

#[test]
fn records_of_every_size_stand_aligned() {
    #[derive(Clone, rkyv::Archive, rkyv::Serialize)]
    struct Unit;
    stand_aligned(&[1_u128, 2, u128::MAX]);
    stand_aligned(&[(1_u8, 2_u128), (3, 4)]);
    stand_aligned(&[vec![1_u128], vec![], vec![2, 3, 4]]);
    stand_aligned(&["a".to_owned(), "no longer in its place".to_owned(), String::new()]);
    stand_aligned(&[1_u8, 2, 3]);
    stand_aligned(&[true, false]);
    stand_aligned(&[Unit, Unit, Unit]);
    stand_aligned(&[(), ()]);
    let mut page = builder::<()>(3);
    add(&mut page, 2, facts(0), &());
    let page = load::<()>(&stored::<()>(&page.finish(), &PLAIN)).unwrap();
    assert!(page.holds(Slot(2)) && !page.holds(Slot(1)), "nothing at all is not an empty record");
}

#[test]
fn records_that_came_together_share_their_facts() {
    let mut page = builder::<u64>(1024);
    for slot in 0..1024 {
        add(&mut page, slot, facts(u64::from(slot) % 4), &u64::from(slot));
    }
    let page = page.finish();
    assert_eq!(page.all_facts().len(), 4);
    assert!((0..1024).all(|slot| *page.facts(Slot(slot)) == facts(u64::from(slot) % 4)));
}

#[test]
fn a_page_beyond_its_limit_is_refused_and_stays_as_it_was() {
    let mut page = builder::<Vec<u8>>(3);
    let large = serialize(&vec![1_u8; 20 << 20]).unwrap();
    page.add(Slot(0), Origin::Put, facts(1), 0, &large).unwrap();
    let refused = page.add(Slot(1), Origin::Put, facts(2), 0, &large).unwrap_err();
    assert!(refused.to_string().contains("page_len"), "{refused}");
    add(&mut page, 2, facts(1), &vec![7]);
    let page = page.finish();
    assert_eq!(page.present().collect::<Vec<_>>(), [Slot(0), Slot(2)]);
    assert!(load::<Vec<u8>>(&stored::<Vec<u8>>(&page, &PACKED)).is_ok());
}

#[test]
fn a_page_may_be_as_large_as_its_limit_and_no_byte_larger() {
    let mut page = builder::<Vec<u8>>(1);
    let most = vec![0; crate::page::PAGE_BYTES_MAX - 16];
    let longer = vec![0; most.len() + 1];
    assert!(page.add(Slot(0), Origin::Put, facts(1), 0, &longer).is_err());
    page.add(Slot(0), Origin::Put, facts(1), 0, &most).unwrap();
    assert_eq!(page.finish().body().len(), crate::page::PAGE_BYTES_MAX);
}

#[test]
fn a_page_from_the_file_takes_no_more_room_than_its_body_and_two_lengths() {
    let mut page = builder::<[u32; 64]>(3);
    (0..3).for_each(|slot| add(&mut page, slot, facts(1), &[slot; 64]));
    let even = page.finish();
    for level in [None, Some(3)] {
        let compression = Compression { level, dictionary: None };
        let back = load::<[u32; 64]>(&stored::<[u32; 64]>(&even, &compression)).unwrap();
        let told = size_of::<Page>() + size_of::<Facts>() + size_of::<u64>();
        let room = back.bytes() - told;
        assert!((even.body().len()..=even.body().len() + 8).contains(&room), "{level:?}: {room}");
    }
}
