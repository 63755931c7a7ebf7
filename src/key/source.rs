//! What builds read outside the engine.
//!
//! A source is written as its kind, a `00`, and its key. A key begins with a tag that says what it
//! is, so that `7` and `"7"` are two sources; integers of every type share theirs, so that `7_u32`
//! in a build and `7` in an invalidation are one.

use std::fmt;

use self::sealed::Encode;
use super::buffer::KeyBuf;
use super::escape::{escape, unescape};
use crate::error::{Error, Result};
use crate::time::Timestamp;

/// The longest key of a source, as it is encoded: 1 KiB.
pub const SOURCE_KEY_BYTES_MAX: usize = 1024;

/// The longest name of a kind of sources.
pub const SOURCE_KIND_BYTES_MAX: usize = 255;

/// Something outside the engine that builds read: a row, a file, a service's answer.
///
/// Builds declare what they read ([`BuildContext::depends_on`](crate::BuildContext::depends_on)), and
/// applications say when it changes ([`Store::invalidate`](crate::Store::invalidate)). A source has a
/// kind and a key, and the pair stands for it:
/// `("building", 7)`, `("weather", "Arlanda")`, `("cell", (12, -3))`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    /// Kind, `00`, key: as in the file, and sorted by kind first.
    bytes: KeyBuf,
    kind_len: u8,
}

/// What can be the key of a [`Source`].
///
/// All integers (equal numbers of different types are one key, and keys sort as the numbers do), a
/// [`Timestamp`] (its milliseconds), `bool`, `str` and `String`, byte strings (`[u8]`, `Vec<u8>`,
/// `[u8; N]`: equal bytes are one key), `()` for the only source of its kind, tuples of up to four of
/// these, and references to any.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the key of a source",
    label = "no source has a key of this type",
    note = "integers, `Timestamp`, `bool`, text, bytes and tuples of up to four of these can; of a type of \
            your own give its number or its name, of a float its bits (`to_bits`)"
)]
pub trait SourceKey: Encode {}

#[diagnostic::do_not_recommend]
impl<K: Encode + ?Sized> SourceKey for K {}

/// A [`Source`], or the pair of a kind and a key that makes one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not name a source",
    label = "no source can be made of this",
    note = "a source is the pair of a kind, which is a `&str`, and a key: `(\"building\", 7)`; the only one \
            of its kind has the key `()`"
)]
pub trait IntoSource {
    /// The source.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if the kind is empty, holds a NUL, begins with
    /// the byte `01` (those are the engine's own) or is longer than [`SOURCE_KIND_BYTES_MAX`], or
    /// the key is longer than [`SOURCE_KEY_BYTES_MAX`].
    fn into_source(self) -> Result<Source>;
}

impl Source {
    /// The source of this kind with this key.
    ///
    /// # Errors
    ///
    /// As [`IntoSource::into_source`].
    pub fn new(kind: &str, key: impl SourceKey) -> Result<Self> {
        check_kind(kind)?;
        let mut bytes = KeyBuf::new();
        bytes.extend(kind.as_bytes());
        let kind_len = u8::try_from(bytes.len()).expect("the length of a kind was checked");
        bytes.push(KIND_END);
        let start = bytes.len();
        key.encode(&mut bytes);
        let len = bytes.len() - start;
        if len > SOURCE_KEY_BYTES_MAX {
            return Err(Error::input(format!(
                "a source of kind {kind:?} has a key of {len} bytes as it is encoded; \
                 at most {SOURCE_KEY_BYTES_MAX} fit: name it by something shorter, such as a hash"
            )));
        }
        Ok(Self { bytes, kind_len })
    }

    /// The name of its kind.
    #[must_use]
    pub fn kind(&self) -> &str {
        let kind = &self.bytes.as_slice()[..usize::from(self.kind_len)];
        str::from_utf8(kind).expect("a source begins with its kind, which came as a string")
    }

    /// As it stands in the file; no source's bytes begin with another's.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.as_slice()
    }
}

/// Shows the kind and not the key: it may name a person, and debug output reaches logs.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("kind", &self.kind()).finish_non_exhaustive()
    }
}

impl IntoSource for Source {
    fn into_source(self) -> Result<Source> {
        Ok(self)
    }
}

impl IntoSource for &Source {
    fn into_source(self) -> Result<Source> {
        Ok(self.clone())
    }
}

impl<K: SourceKey> IntoSource for (&str, K) {
    fn into_source(self) -> Result<Source> {
        Source::new(self.0, self.1)
    }
}

/// Whether an application may call a kind of its sources so.
pub(crate) fn check_kind(kind: &str) -> Result<()> {
    if kind.as_bytes().first() == Some(&KIND_OF_ENGINE) {
        return Err(Error::input(format!(
            "the kind of a source is {kind:?}; kinds that begin with the byte 01 are the engine's own"
        )));
    }
    let range = format_args!("it may have 1 to {SOURCE_KIND_BYTES_MAX} bytes and no NUL");
    if kind.is_empty() || kind.contains('\0') {
        return Err(Error::input(format!("the kind of a source is {kind:?}; {range}")));
    }
    if kind.len() > SOURCE_KIND_BYTES_MAX {
        let len = kind.len();
        return Err(Error::input(format!("the kind of a source has {len} bytes; {range}")));
    }
    Ok(())
}

/// Takes the bytes of a source apart: the name of its kind and its key. `None` if they are none.
pub(crate) fn split_source(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (kind, key) = split_kind(bytes)?;
    (key.len() <= SOURCE_KEY_BYTES_MAX && is_key(key)).then_some((kind, key))
}

/// The name of a kind, and what stands behind its end. `None` if no such name stands in front.
pub(crate) fn split_kind(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == KIND_END)?;
    let kind = (1..=SOURCE_KIND_BYTES_MAX).contains(&end).then(|| &bytes[..end])?;
    Some((str::from_utf8(kind).ok()?, &bytes[end + 1..]))
}

/// Whether these bytes are one whole key and nothing else. Without a stack of calls: a damaged key
/// may open more tuples than any type nests.
fn is_key(mut bytes: &[u8]) -> bool {
    let mut open = 0_usize;
    while let Some((&tag, rest)) = bytes.split_first() {
        bytes = rest;
        let valid = match tag {
            TUPLE => {
                open += 1;
                continue;
            }
            TUPLE_END if open > 0 => {
                open -= 1;
                true
            }
            FALSE | TRUE => true,
            INTEGER_MIN..=INTEGER_MAX => take_integer(tag, &mut bytes),
            BYTES => unescape(&mut bytes).is_some(),
            TEXT => unescape(&mut bytes).is_some_and(|text| str::from_utf8(&text).is_ok()),
            _ => false,
        };
        if !valid || open == 0 {
            return valid && bytes.is_empty();
        }
    }
    false
}

/// A whole key in words, as it is written in a program: `7`, `"Arlanda"`, `(12, -3)`. What is none is
/// shown as bytes.
pub(crate) fn key_in_words(key: &[u8]) -> String {
    use std::fmt::Write;
    if !is_key(key) {
        return format!("{key:02x?}");
    }
    let (mut bytes, mut words) = (key, String::new());
    while let Some((&tag, rest)) = bytes.split_first() {
        bytes = rest;
        if tag != TUPLE_END && words.ends_with(|last| last != '(') {
            words.push_str(", ");
        }
        // Writing into a string does not fail.
        let _ = match tag {
            TUPLE => words.write_char('('),
            TUPLE_END => words.write_char(')'),
            FALSE => words.write_str("false"),
            TRUE => words.write_str("true"),
            BYTES => write!(words, "{:02x?}", unescape(&mut bytes).unwrap_or_default()),
            TEXT => {
                let text = unescape(&mut bytes).unwrap_or_default();
                write!(words, "{:?}", String::from_utf8_lossy(&text))
            }
            integer => {
                let digits = usize::from(integer.abs_diff(INTEGER)).min(bytes.len());
                let (digits, rest) = bytes.split_at(digits);
                bytes = rest;
                let negative = integer < INTEGER;
                let digit = |digit: &u8| u128::from(if negative { !digit } else { *digit });
                let magnitude = digits.iter().fold(0, |number, at| number << 8 | digit(at));
                write!(words, "{}{magnitude}", if negative { "-" } else { "" })
            }
        };
    }
    words
}

fn take_integer(tag: u8, bytes: &mut &[u8]) -> bool {
    let Some((digits, rest)) = bytes.split_at_checked(usize::from(tag.abs_diff(INTEGER))) else {
        return false;
    };
    *bytes = rest;
    // The encoding has no leading zeros; of a negative number these would be inverted.
    let zero = if tag < INTEGER { 0xff } else { 0 };
    digits.first() != Some(&zero)
}

// On disk: none of these ever changes or is used for something else.
const KIND_END: u8 = 0x00;
/// Begins the kinds that the engine keeps for itself.
const KIND_OF_ENGINE: u8 = 0x01;
/// Ends a tuple. Below every tag, so that a tuple sorts before those it is the beginning of.
const TUPLE_END: u8 = 0x00;
const TUPLE: u8 = 0x10;
const FALSE: u8 = 0x20;
const TRUE: u8 = 0x21;
/// Zero. A number of n bytes has the tag this many above it, or, if it is negative, below it:
/// 0x30 to 0x50.
const INTEGER: u8 = 0x40;
const INTEGER_MIN: u8 = 0x30;
const INTEGER_MAX: u8 = 0x50;
const BYTES: u8 = 0x60;
const TEXT: u8 = 0x61;

/// Sign and length in the tag, then the magnitude, big-endian and without leading zeros. The
/// farther a negative number lies from zero the lower it sorts, so all its bits are inverted.
fn encode_integer(negative: bool, magnitude: u128, key: &mut KeyBuf) {
    let bytes = magnitude.to_be_bytes();
    let len = bytes.len() - magnitude.leading_zeros() as usize / 8;
    let digits = &bytes[bytes.len() - len..];
    if negative {
        key.push(INTEGER - len as u8);
        digits.iter().for_each(|digit| key.push(!digit));
    } else {
        key.push(INTEGER + len as u8);
        key.extend(digits);
    }
}

/// Sealed: the tags are given out here alone.
mod sealed {
    use super::*;

    pub trait Encode {
        fn encode(&self, key: &mut KeyBuf);
    }

    impl<K: Encode + ?Sized> Encode for &K {
        fn encode(&self, key: &mut KeyBuf) {
            (**self).encode(key);
        }
    }

    macro_rules! integers {
        (signed $($signed:ty)*; unsigned $($unsigned:ty)*) => {
            $(impl Encode for $signed {
                fn encode(&self, key: &mut KeyBuf) {
                    encode_integer(*self < 0, self.unsigned_abs() as u128, key);
                }
            })*
            $(impl Encode for $unsigned {
                fn encode(&self, key: &mut KeyBuf) {
                    encode_integer(false, *self as u128, key);
                }
            })*
        };
    }

    /// As its milliseconds.
    impl Encode for Timestamp {
        fn encode(&self, key: &mut KeyBuf) {
            self.as_millis().encode(key);
        }
    }

    integers!(signed i8 i16 i32 i64 i128 isize; unsigned u8 u16 u32 u64 u128 usize);

    impl Encode for bool {
        fn encode(&self, key: &mut KeyBuf) {
            key.push(if *self { TRUE } else { FALSE });
        }
    }

    impl Encode for str {
        fn encode(&self, key: &mut KeyBuf) {
            key.push(TEXT);
            escape(self.as_bytes(), key);
        }
    }

    impl Encode for String {
        fn encode(&self, key: &mut KeyBuf) {
            self.as_str().encode(key);
        }
    }

    impl Encode for [u8] {
        fn encode(&self, key: &mut KeyBuf) {
            key.push(BYTES);
            escape(self, key);
        }
    }

    impl Encode for Vec<u8> {
        fn encode(&self, key: &mut KeyBuf) {
            self.as_slice().encode(key);
        }
    }

    impl<const N: usize> Encode for [u8; N] {
        fn encode(&self, key: &mut KeyBuf) {
            self.as_slice().encode(key);
        }
    }

    macro_rules! tuples {
        ($(($($part:ident $index:tt),*);)*) => {$(
            impl<$($part: Encode),*> Encode for ($($part,)*) {
                fn encode(&self, key: &mut KeyBuf) {
                    key.push(TUPLE);
                    $(self.$index.encode(key);)*
                    key.push(TUPLE_END);
                }
            }
        )*};
    }

    tuples! {
        ();
        (A 0);
        (A 0, B 1);
        (A 0, B 1, C 2);
        (A 0, B 1, C 2, D 3);
    }
}
