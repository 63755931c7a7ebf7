//! Samples, and the dictionaries that are trained on them.

use super::super::Sampler;
use super::*;

/// A page of one text, no two alike.
fn text(nth: u64, bytes: usize) -> Page {
    let mut page = builder::<String>(1);
    let text = format!("high water at gauge {nth} was {} metres; ", nth.wrapping_mul(0x9E37_79B9));
    add(&mut page, 0, facts(1), &text.repeat(bytes / text.len()));
    page.finish()
}

#[test]
fn small_bodies_are_sampled_until_there_are_enough_to_train_on() {
    let mut sampler = Sampler::default();
    assert!(sampler.sample(&text(0, 9 << 10)).is_none(), "it is too large");
    let mut taken = 0;
    let samples = (1..2_000).find_map(|nth| {
        taken += text(nth, 4 << 10).body().len();
        sampler.sample(&text(nth, 4 << 10))
    });
    let bytes = samples.expect("there were enough").train().expect("they have much in common");
    assert!((400 << 10..406 << 10).contains(&taken), "the last one filled it: {taken}");
    assert!(sampler.sample(&text(1, 4 << 10)).is_none(), "it asks once");
    let page = text(5_000, 600);
    let trained = Some(Dictionary::prepare(1, &bytes, 3).unwrap());
    let with = stored::<String>(&page, &Compression { level: Some(3), dictionary: trained }).len();
    assert!(with < stored::<String>(&page, &PACKED).len());
}

#[test]
fn no_bit_of_a_dictionary_can_flip_unseen() {
    let whole = dictionary(7).row().to_vec();
    assert!(Aid::prepare(7, &whole, 3).is_ok_and(|aid| aid.proves_itself()));
    let first = Aid::prepare(7, &whole[8..], 3).unwrap();
    assert!(!first.proves_itself() && first.row() == &whole[8..], "as the first files have it");
    assert!(Aid::prepare(8, &whole, 3).is_err(), "in the place of another");
    for bit in 0..whole.len() * 8 {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let refused = Aid::prepare(7, &flipped, 3).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Damaged, "bit {bit}");
    }
    for len in 0..whole.len() {
        assert!(Aid::prepare(7, &whole[..len], 3).is_err(), "cut to {len}");
    }
}

/// What the checksum is for, and why a row without one is taken only as the first files have it.
#[test]
fn beside_a_dictionary_with_a_flipped_bit_pages_would_inflate_to_other_records() {
    let known = dictionary(7);
    let mut page = builder::<String>(1);
    add(&mut page, 0, facts(1), &"gauge 7: the tide in metres 49; gauge 8: 56".to_owned());
    let page = page.finish();
    let compression = Compression { level: Some(3), dictionary: Some(known.clone()) };
    let bytes = stored::<String>(&page, &compression);
    let shape = RecordShape::of::<String>();
    let trained = &known.row()[8..];
    let first = Aid::prepare(7, trained, 3).unwrap();
    assert_eq!(said(&decode(&bytes, KEY, &shape, |_| Ok(Some(first))).unwrap()), said(&page));
    let others = (0..trained.len()).filter(|at| {
        let mut flipped = trained.to_vec();
        flipped[*at] ^= 1;
        let Ok(aid) = Aid::prepare(7, &flipped, 3) else { return false };
        let read = decode(&bytes, KEY, &shape, |_| Ok(Some(aid)));
        read.is_ok_and(|read| said(&read) != said(&page))
    });
    let others = others.count();
    println!("{others} of {} bits: other records behind checksums that fit", trained.len());
    assert!(others > 0);
}

#[test]
fn few_large_bodies_do_not_suffice_to_train_on() {
    let mut sampler = Sampler::default();
    // Half a megabyte in 63.
    assert!((0..63).all(|nth| sampler.sample(&text(nth, 8_100)).is_none()));
    assert!(sampler.sample(&text(63, 100)).is_some());
}

#[test]
fn samples_suffice_from_the_very_byte_on() {
    let mut sampler = Sampler::default();
    // Of one record: its two lengths, what is said of its slot, and itself.
    let mut page = builder::<[u8; 4080]>(1);
    add(&mut page, 0, facts(1), &[7_u8; 4080]);
    let page = page.finish();
    assert!((1..100).all(|_| sampler.sample(&page).is_none()));
    assert!(sampler.sample(&page).is_some(), "the hundredth 4 KiB");
}

#[test]
fn pages_of_records_of_several_lengths_are_sampled_as_they_are() {
    let mut sampler = Sampler::default();
    let page = texts(60, 1);
    let each = page.body().len();
    assert!(super::super::even::Even::of(&page).is_none() && each < 8 << 10);
    let came = (1..1_000).find(|_| sampler.sample(&page).is_some());
    assert_eq!(came, Some((400_usize << 10).div_ceil(each)));
}

#[test]
fn a_sampler_that_is_finished_asks_for_nothing() {
    let mut sampler = Sampler::finished();
    assert!((0..2_000).all(|nth| sampler.sample(&text(nth, 4 << 10)).is_none()));
}

#[test]
fn a_page_in_columns_is_told_from_others() {
    let mut numbers = builder::<[u32; 4]>(144);
    (0..144).for_each(|slot| add(&mut numbers, slot, facts(1), &[slot, 7, slot * 2, 1]));
    assert!(store_body(&numbers.finish(), &PACKED, None).is_packed());
    assert!(!store_body(&texts(20, 1), &PACKED, None).is_packed());
    assert!(!store_body(&texts(20, 1), &PLAIN, None).is_packed());
}

#[test]
fn a_body_that_needs_no_dictionary_names_none() {
    let mut bytes = stored::<String>(&texts(9, 1), &PLAIN);
    // On disk, where a header names it.
    bytes[32] = 1;
    reseal(&mut bytes);
    assert!(load::<String>(&bytes).unwrap_err().to_string().contains("cannot be"));
}

#[test]
fn a_layout_is_another_with_other_keys() {
    let (of, other) = (RecordShape::of::<u64>(), RecordShape::of::<u32>());
    let kinds = [
        Layout::of::<u64, u64>().fingerprint(),
        Layout::of::<u64, String>().fingerprint(),
        Layout::of::<u32, u64>().fingerprint(),
        of.fingerprint(),
    ];
    assert!((1..4).all(|nth| !kinds[..nth].contains(&kinds[nth])), "{kinds:x?}");
    assert_eq!((of.size(), other.size()), (8, 4));
}
