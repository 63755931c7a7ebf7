//! What every key must hold, over all pairs of awkward values and over random ones.

use std::borrow::Borrow;
use std::fmt::Debug;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::source::{SourceKey, split_source};
use super::*;
use crate::error::ErrorKind;
use crate::time::Timestamp;

fn encoded<E: EntityKey + ?Sized>(entity: &E) -> Vec<u8> {
    let mut key = KeyBuf::new();
    entity.encode(&mut key);
    key.as_slice().to_vec()
}

fn source_bytes(key: impl SourceKey) -> Vec<u8> {
    Source::new("k", key).unwrap().as_bytes().to_vec()
}

/// The encodings `a` and `b` sort as the values do, and neither is the beginning of the other.
fn pair_holds<T: Ord + Debug + ?Sized>(low: &T, high: &T, a: &[u8], b: &[u8]) {
    assert_eq!(low.cmp(high), a.cmp(b), "{low:?} {high:?}");
    assert!(low == high || !(a.starts_with(b) || b.starts_with(a)), "{low:?} {high:?}");
}

/// Each value returns, in front of whatever follows it, and each pair holds.
fn entities_hold<E: EntityKey + Ord + Debug + ?Sized>(values: &[impl Borrow<E>]) {
    for value in values.iter().map(Borrow::borrow) {
        let key = encoded(value);
        let whole = decode_entity::<E>(&key).expect("an encoding decodes");
        assert_eq!(whole.borrow(), value);
        let longer = [&key[..], &[0, 255, 7]].concat();
        let mut rest = &longer[..];
        assert_eq!(E::decode(&mut rest).expect("an encoding decodes").borrow(), value);
        assert_eq!(rest, [0, 255, 7]);
        assert!(decode_entity::<E>(&longer).is_none(), "{value:?} with a rest");
        for cut in 0..key.len() {
            assert!(decode_entity::<E>(&key[..cut]).is_none(), "{value:?} cut to {cut}");
        }
        for other in values.iter().map(Borrow::borrow) {
            pair_holds(value, other, &key, &encoded(other));
        }
    }
}

/// `bytes` are refused, or are exactly what their value is written as.
fn decoding_holds<E: EntityKey + ?Sized>(bytes: &[u8]) {
    let mut rest = bytes;
    if let Some(value) = E::decode(&mut rest) {
        assert_eq!(encoded(value.borrow()), bytes[..bytes.len() - rest.len()]);
    }
}

/// Runs `check` on 500 values. The seed is fixed: a failure is found again by running it again.
fn each<S: Strategy>(strategy: S, check: impl Fn(S::Value)) {
    let config =
        ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() };
    let rng = proptest::test_runner::TestRng::deterministic_rng(config.rng_algorithm);
    let outcome = TestRunner::new_with_rng(config, rng).run(&strategy, |value| {
        check(value);
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

/// Bytes that the escape has to care for come up often.
fn awkward_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop_oneof![Just(0), Just(1), Just(2), Just(255), any::<u8>()], 0..9)
}

fn awkward_text() -> impl Strategy<Value = String> {
    "[\0\u{1}\u{2}aåゐ\u{10ffff}]{0,8}"
}

const TEXTS: [&str; 12] =
    ["", "\0", "\0\0", "\u{1}", "\u{1}\0", "\u{2}", "a", "a\0", "a\0b", "ab", "å", "\u{10ffff}"];

const BYTES: [&[u8]; 11] = [
    b"",
    b"\0",
    b"\0\0",
    b"\0\xff",
    b"\x01",
    b"\x01\x01",
    b"\x01\x02",
    b"\x02",
    b"a",
    b"\xff",
    b"\xff\xff",
];

macro_rules! for_each_integer {
    ($check:ident) => {
        $check!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize)
    };
}

#[test]
fn integers_of_every_width_sort_as_numbers_and_return() {
    macro_rules! check {
        ($($int:ident)*) => {$(
            let mut edges = vec![$int::MIN, $int::MIN + 1, 0, 1, $int::MAX - 1, $int::MAX];
            edges.push((0 as $int).wrapping_sub(1));
            edges.extend((0..$int::BITS).flat_map(|bit| {
                let power = (1 as $int) << bit;
                [power, power.wrapping_sub(1), (0 as $int).wrapping_sub(power)]
            }));
            entities_hold::<$int>(&edges);
            each(prop::array::uniform2(any::<$int>()), |pair| entities_hold::<$int>(&pair));
        )*};
    }
    for_each_integer!(check);
}

#[test]
fn the_bytes_on_disk_are_these() {
    assert_eq!(encoded(&7_u32), [0, 0, 0, 7]);
    assert_eq!(encoded(&-1_i16), [0x7f, 0xff]);
    assert_eq!(encoded(&1_usize), encoded(&1_u64));
    assert_eq!(encoded(&-1_isize), encoded(&-1_i64));
    assert_eq!(encoded(&true), [1]);
    assert_eq!(encoded(&'a'), [0, 0, 0, 0x61]);
    assert_eq!(encoded("a\0"), [0x61, 1, 1, 0]);
    assert_eq!(encoded(&b"a\0"[..]), encoded("a\0"));
    assert_eq!(encoded(b"a\0"), [0x61, 0]);
    assert_eq!(encoded(&("a".to_owned(), 7_u8, ())), [0x61, 0, 7]);
    assert_eq!(source_bytes(0), [b'k', 0, 0x40]);
    assert_eq!(source_bytes(258), [b'k', 0, 0x42, 1, 2]);
    assert_eq!(source_bytes(-258), [b'k', 0, 0x3e, 0xfe, 0xfd]);
    assert_eq!(source_bytes((true, "a", b"\0", ())), *b"k\0\x10\x21\x61a\0\x60\x01\x01\0\x10\0\0");
}

#[test]
fn small_and_unsized_keys_sort_as_their_values_and_return() {
    entities_hold::<bool>(&[false, true]);
    entities_hold::<()>(&[()]);
    entities_hold::<char>(&['\0', 'a', 'å', '\u{d7ff}', '\u{e000}', char::MAX]);
    entities_hold::<str>(&TEXTS.map(str::to_owned));
    entities_hold::<String>(&TEXTS.map(str::to_owned));
    entities_hold::<[u8]>(&BYTES.map(<[u8]>::to_vec));
    entities_hold::<Vec<u8>>(&BYTES.map(<[u8]>::to_vec));
    entities_hold::<[u8; 0]>(&[[]]);
    entities_hold::<[u8; 16]>(&[[0; 16], [1; 16], [255; 16]]);
    each(prop::array::uniform2(any::<char>()), |pair| entities_hold::<char>(&pair));
    each(prop::array::uniform2(awkward_text()), |pair| entities_hold::<str>(&pair));
    each(prop::array::uniform2(awkward_bytes()), |pair| entities_hold::<[u8]>(&pair));
    each(any::<[[u8; 16]; 2]>(), |pair| entities_hold::<[u8; 16]>(&pair));
}

#[test]
fn tuples_of_every_length_sort_part_by_part_and_return() {
    let pairs: Vec<_> = TEXTS
        .iter()
        .flat_map(|text| [i8::MIN, 0, i8::MAX].map(|number| (text.to_string(), number)))
        .collect();
    entities_hold::<(String, i8)>(&pairs);
    let one = (awkward_text(),);
    each(prop::array::uniform2(one), |pair| entities_hold::<(String,)>(&pair));
    let two = (awkward_bytes(), awkward_text());
    each(prop::array::uniform2(two), |pair| entities_hold::<(Vec<u8>, String)>(&pair));
    let three = (any::<bool>(), awkward_text(), any::<i128>());
    each(prop::array::uniform2(three), |pair| entities_hold::<(bool, String, i128)>(&pair));
    let four = (awkward_bytes(), any::<[u8; 2]>(), (awkward_text(), 0..2_u8), any::<i64>());
    each(prop::array::uniform2(four), |pair| {
        entities_hold::<(Vec<u8>, [u8; 2], (String, u8), i64)>(&pair);
    });
}

#[test]
fn arbitrary_bytes_are_refused_or_are_the_encoding_of_their_value() {
    each(prop_oneof![awkward_bytes(), any::<Vec<u8>>()], |bytes| {
        macro_rules! check {
            ($($int:ident)*) => {$(decoding_holds::<$int>(&bytes);)*};
        }
        for_each_integer!(check);
        decoding_holds::<bool>(&bytes);
        decoding_holds::<char>(&bytes);
        decoding_holds::<str>(&bytes);
        decoding_holds::<[u8]>(&bytes);
        decoding_holds::<[u8; 3]>(&bytes);
        decoding_holds::<()>(&bytes);
        decoding_holds::<(Vec<u8>, bool)>(&bytes);
        decoding_holds::<(String, u8, String)>(&bytes);
    });
    for byte in 2..=255 {
        assert_eq!(decode_entity::<bool>(&[byte]), None);
    }
    assert_eq!(decode_entity::<char>(&[0, 0, 0xd8, 0]), None);
    assert_eq!(decode_entity::<str>(&[0xff, 0]), None);
}

#[test]
fn a_key_over_the_limit_is_refused_with_its_length_and_not_its_bytes() {
    for len in [ENTITY_KEY_BYTES_MAX - 1, ENTITY_KEY_BYTES_MAX, ENTITY_KEY_BYTES_MAX + 1] {
        let mut key = KeyBuf::new();
        "s".repeat(len - 1).encode(&mut key);
        assert_eq!(key.len(), len);
        assert_eq!(check_entity_key(key.as_slice()).is_ok(), len <= ENTITY_KEY_BYTES_MAX);
        // A tag and an end.
        let source = Source::new("k", "s".repeat(len - 2));
        assert_eq!(source.is_ok(), len <= SOURCE_KEY_BYTES_MAX);
        for error in [check_entity_key(key.as_slice()).err(), source.err()].into_iter().flatten() {
            assert_eq!(error.kind(), ErrorKind::Input);
            let message = error.to_string();
            assert!(message.contains("1025") && message.contains("1024"), "{message}");
            assert!(!message.contains("ssss"), "{message}");
        }
    }
}

#[test]
fn a_kind_is_refused_when_empty_or_too_long_or_with_a_nul() {
    for kind in ["", "a\0b", "\0", &"k".repeat(256)] {
        let error = (kind, 7).into_source().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input);
        assert!(error.to_string().contains("1 to 255 bytes"), "{error}");
    }
    let source = Source::new(&"k".repeat(255), 7).unwrap();
    assert_eq!(source.kind(), "k".repeat(255));
    assert_eq!((&source).into_source().unwrap(), source);
    assert_eq!(
        format!("{:?}", Source::new("cat", "secret").unwrap()),
        "Source { kind: \"cat\", .. }"
    );
}

#[test]
fn a_kind_that_the_engine_keeps_for_itself_is_nobody_elses() {
    for kind in ["\u{1}", "\u{1}cat"] {
        let error = (kind, 7).into_source().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input);
        assert!(error.to_string().contains("the engine's own"), "{error}");
    }
}

#[test]
fn a_source_comes_apart_and_no_part_of_it_is_one() {
    let long = [7; 900];
    let sources = [
        source_bytes(0),
        source_bytes(-1),
        source_bytes(i128::MIN),
        source_bytes(u128::MAX),
        source_bytes((true, false, "a\0\u{1}", &long[..])),
        source_bytes(((), (((-300, "é"),),), [0_u8; 0])),
    ];
    for source in sources {
        assert_eq!(split_source(&source), Some(("k", &source[2..])));
        for len in 0..source.len() {
            assert_eq!(split_source(&source[..len]), None, "{len} bytes of {source:?}");
        }
        assert_eq!(split_source(&[&source[..], &[0x20]].concat()), None, "{source:?} and more");
    }
}

#[test]
fn what_no_source_is_written_as_is_refused() {
    let deep = [&b"k\0"[..], &[0x10; 1024]].concat();
    let long = [&b"k\0\x60"[..], &[7; 1023], &[0]].concat();
    let foreign: [&[u8]; 12] = [
        b"\0\x20",
        b"\xff\0\x20",
        b"k\0",
        b"k\0\0",
        b"k\0\x01",
        b"k\0\x22",
        b"k\0\x41\0",
        b"k\0\x3f\xff",
        b"k\0\x51",
        b"k\0\x61\xff\0",
        &deep,
        &long,
    ];
    for bytes in foreign {
        assert_eq!(split_source(bytes), None, "{bytes:?}");
    }
    assert!(split_source(&long[..1]).is_none() && split_source(b"k\0\x60\x07\0").is_some());
}

#[test]
fn equal_numbers_of_every_type_are_one_source() {
    /// Every integer type that can hold `number`, as a source.
    fn written(number: i128) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        macro_rules! check {
            ($($int:ident)*) => {$(
                all.extend($int::try_from(number).map(source_bytes));
            )*};
        }
        for_each_integer!(check);
        all
    }
    let edges = (0..127).flat_map(|bit| [1, 0, -1].map(|by| (1_i128 << bit) + by));
    for number in edges.flat_map(|number| [number, -number]) {
        let all = written(number);
        assert!(all.iter().all(|bytes| *bytes == all[0]), "{number}");
    }
    assert_eq!(written(7).len(), 12);
    assert_eq!(written(-7).len(), 6);
}

#[test]
fn an_instant_is_its_milliseconds_as_a_source() {
    for millis in [i64::MIN, -1, 0, 1_774_771_500_000, i64::MAX] {
        assert_eq!(source_bytes(Timestamp::from_millis(millis)), source_bytes(millis));
    }
}

#[test]
fn integers_of_every_type_sort_together_as_sources() {
    let mut numbers: Vec<i128> = (0..127).flat_map(|bit| [1_i128 << bit, -(1 << bit)]).collect();
    numbers.extend([0, i128::MIN, i128::MAX, 255, 256, 257, -255, -256, -257]);
    for low in &numbers {
        for high in &numbers {
            pair_holds(low, high, &source_bytes(*low), &source_bytes(*high));
        }
    }
    each(any::<(i128, i128)>(), |(low, high)| {
        pair_holds(&low, &high, &source_bytes(low), &source_bytes(high));
    });
    assert!(source_bytes(u128::MAX) > source_bytes(i128::MAX));
    assert!(source_bytes(i128::MAX as u128 + 1) > source_bytes(i128::MAX));
}

#[test]
fn no_source_begins_with_another_whatever_they_are_made_of() {
    let mut all = vec![
        source_bytes(7),
        source_bytes("7"),
        source_bytes(b"7"),
        source_bytes(true),
        source_bytes(false),
        source_bytes(()),
        source_bytes(0),
        source_bytes(-7),
        source_bytes((7,)),
        source_bytes(("7",)),
        source_bytes((7, 7)),
        source_bytes(((7,), 7)),
        source_bytes((7, (7,))),
        source_bytes((7, 7, 7)),
        source_bytes((7, 7, 7, 7)),
        source_bytes(((), ())),
        source_bytes(((),)),
        source_bytes(""),
        source_bytes("\0"),
        source_bytes([0_u8; 0]),
        source_bytes("7\0"),
        source_bytes(("", 0)),
        source_bytes((0, "")),
    ];
    all.extend([Source::new("kk", 7), Source::new("j", 7)].map(|s| s.unwrap().as_bytes().to_vec()));
    for (at, one) in all.iter().enumerate() {
        for other in &all[at + 1..] {
            assert!(!one.starts_with(other) && !other.starts_with(one), "{one:?} {other:?}");
        }
    }
    let keys = (awkward_text(), any::<i32>(), awkward_bytes());
    each(prop::array::uniform2(keys), |[low, high]| {
        pair_holds(&low, &high, &source_bytes(low.clone()), &source_bytes(high.clone()));
    });
}

#[test]
fn bytes_and_text_are_one_source_however_they_are_held() {
    assert_eq!(source_bytes("a"), source_bytes(String::from("a")));
    let borrowed: &&str = &"a";
    assert_eq!(source_bytes("a"), source_bytes(borrowed));
    assert_eq!(source_bytes(b"ab"), source_bytes(vec![b'a', b'b']));
    assert_eq!(source_bytes(b"ab"), source_bytes(&b"ab"[..]));
    assert_eq!(("k", 7).into_source().unwrap(), Source::new("k", 7_u64).unwrap());
}

#[test]
fn a_source_key_reads_as_it_is_written() {
    let words = |source: Source| {
        let (_, key) = split_source(source.as_bytes()).unwrap();
        key_in_words(key)
    };
    let source = |key: &dyn Fn() -> Source| words(key());
    assert_eq!(source(&|| Source::new("k", 7_u8).unwrap()), "7");
    assert_eq!(source(&|| Source::new("k", -300_i64).unwrap()), "-300");
    assert_eq!(source(&|| Source::new("k", i128::MIN).unwrap()), i128::MIN.to_string());
    assert_eq!(source(&|| Source::new("k", 0).unwrap()), "0");
    assert_eq!(source(&|| Source::new("k", (false, true)).unwrap()), "(false, true)");
    assert_eq!(key_in_words(&[0xFF, 1]), "[ff, 01]", "no key is so");
    assert_eq!(source(&|| Source::new("k", "Ö\"").unwrap()), "\"Ö\\\"\"");
    assert_eq!(source(&|| Source::new("k", ()).unwrap()), "()");
    assert_eq!(
        source(&|| Source::new("k", (12, ("a", true), [1_u8, 2])).unwrap()),
        "(12, (\"a\", true), [01, 02])"
    );
}
