//! The door through which proofs come.

use super::super::header::HEADER_BYTES;
use super::super::proof::{Beside, admit_page, decode_page, store_page};
use super::*;

type Tide = [u32; 4];

fn tides(place: u32) -> Vec<Tide> {
    let mixed = |slot: u32| slot.wrapping_mul(0x9E37_79B9).rotate_left(slot % 31);
    (0..40).map(|slot| [mixed(slot), place, slot, mixed(slot) ^ (place % 4)]).collect()
}

#[test]
fn a_page_of_a_proof_is_read_beside_what_it_was_stored_with_and_beside_nothing_else() {
    let (records, others) = (tides(3), tides(5));
    let trained = dictionary(1).row()[8..].to_vec();
    let stored = |level, beside| store_page(KEY, &records, Some(level), beside).unwrap();
    let pages = [
        stored(1, Beside::Nothing),
        stored(3, Beside::Dictionary(&trained)),
        stored(1, Beside::Pattern(&others)),
    ];
    let count = |bytes: &[u8], aid: &[u8]| decode_page::<Tide>(KEY, bytes, aid);
    for page in &pages {
        assert_eq!(count(&page.bytes, &page.aid).unwrap(), records.len());
        assert!(decode_page::<Tide>(b"another key", &page.bytes, &page.aid).is_err());
        assert!(decode_page::<u64>(KEY, &page.bytes, &page.aid).is_err());
    }
    assert!(pages[0].aid.is_empty() && pages[1].aid == trained && !pages[2].aid.is_empty());
    assert!(count(&pages[2].bytes, &[]).is_err(), "beside nothing");
    assert!(store_page::<Tide>(KEY, &[], Some(1), Beside::Nothing).is_err(), "no page is empty");
    let many = vec![[0; 4]; 1025];
    assert!(store_page::<Tide>(KEY, &many, Some(1), Beside::Nothing).is_err());
}

#[test]
fn bytes_that_are_admitted_are_those_of_a_page_as_far_as_its_header_says() {
    let whole = store_page(KEY, &tides(3), Some(1), Beside::Nothing).unwrap().bytes;
    let mut bytes = whole.clone();
    bytes[..6].fill(0xFF);
    bytes[8..24].fill(0xFF);
    admit_page::<Tide>(KEY, &mut bytes);
    assert_eq!(bytes, whole);
    for len in [0, 5, 10, HEADER_BYTES - 1] {
        let mut short = vec![0xFF; len];
        admit_page::<Tide>(KEY, &mut short);
        assert_eq!(short, vec![0xFF; len], "there is no header to be admitted");
    }
    let mut header = vec![0xFF; HEADER_BYTES];
    admit_page::<Tide>(KEY, &mut header);
    assert_eq!(header[..6], whole[..6]);
}
