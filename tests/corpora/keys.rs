//! Any bytes are refused as a key, or are exactly what their value is written as; and two keys
//! sort as their values do, neither being the beginning of the other.

use std::borrow::Borrow;
use std::fmt::Debug;

use tidetable::key::{EntityKey, KeyBuf};

pub(crate) fn holds(data: &[u8]) {
    let Some((&shape, bytes)) = data.split_first() else { return };
    match shape % 20 {
        0 => hold::<u8>(bytes),
        1 => hold::<u16>(bytes),
        2 => hold::<u32>(bytes),
        3 => hold::<u64>(bytes),
        4 => hold::<u128>(bytes),
        5 => hold::<usize>(bytes),
        6 => hold::<i8>(bytes),
        7 => hold::<i16>(bytes),
        8 => hold::<i32>(bytes),
        9 => hold::<i64>(bytes),
        10 => hold::<i128>(bytes),
        11 => hold::<isize>(bytes),
        12 => hold::<bool>(bytes),
        13 => hold::<char>(bytes),
        14 => hold::<str>(bytes),
        15 => hold::<[u8]>(bytes),
        16 => hold::<[u8; 16]>(bytes),
        17 => hold::<(String, u32)>(bytes),
        18 => hold::<(Vec<u8>, bool, String)>(bytes),
        _ => hold::<(i8, Vec<u8>, (char, String), ())>(bytes),
    }
    texts_hold(bytes);
    integers_hold(bytes);
}

fn encoded<E: EntityKey + ?Sized>(entity: &E) -> KeyBuf {
    let mut key = KeyBuf::new();
    entity.encode(&mut key);
    key
}

fn pair_holds<E: EntityKey + Ord + Debug + ?Sized>(low: &E, high: &E) {
    let (a, b) = (encoded(low), encoded(high));
    assert_eq!(low.cmp(high), a.cmp(&b), "{low:?} {high:?}");
    let (a, b) = (a.as_slice(), b.as_slice());
    assert!(low == high || !(a.starts_with(b) || b.starts_with(a)), "{low:?} {high:?}");
}

/// Takes as many values off the bytes as there are.
fn hold<E: EntityKey + Ord + Debug + ?Sized>(mut bytes: &[u8]) {
    let mut before: Option<E::Owned> = None;
    while !bytes.is_empty() {
        let all = bytes;
        let Some(value) = E::decode(&mut bytes) else { return };
        let taken = &all[..all.len() - bytes.len()];
        assert_eq!(encoded(value.borrow()).as_slice(), taken, "{:?}", value.borrow());
        if let Some(before) = &before {
            pair_holds::<E>(before.borrow(), value.borrow());
        }
        if taken.is_empty() {
            return;
        }
        before = Some(value);
    }
}

/// The other way round: whatever the bytes are, as values they return.
fn texts_hold(bytes: &[u8]) {
    let (low, high) = bytes.split_at(bytes.len() / 2);
    pair_holds::<[u8]>(low, high);
    let key = encoded(low);
    assert_eq!(<[u8]>::decode(&mut key.as_slice()).as_deref(), Some(low));
    if let (Ok(low), Ok(high)) = (str::from_utf8(low), str::from_utf8(high)) {
        pair_holds::<str>(low, high);
        pair_holds(&(low.to_owned(), high.to_owned()), &(high.to_owned(), low.to_owned()));
    }
}

/// Any two integers of each width, those too that no key in the input was read as.
fn integers_hold(bytes: &[u8]) {
    let mut wide = [[0; 16]; 2];
    for (into, from) in wide.as_flattened_mut().iter_mut().zip(bytes) {
        *into = *from;
    }
    let [low, high] = wide.map(i128::from_le_bytes);
    macro_rules! hold {
        ($($integer:ty)*) => {$(
            let (low, high) = (low as $integer, high as $integer);
            pair_holds(&low, &high);
            for value in [low, high] {
                let key = encoded(&value);
                assert_eq!(<$integer>::decode(&mut key.as_slice()), Some(value));
            }
        )*};
    }
    hold!(i128 i64 i32 i16 i8 isize);
    hold!(u128 u64 u32 u16 u8 usize);
}
