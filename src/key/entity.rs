//! What a record is about, as bytes.

use std::borrow::Borrow;

use super::buffer::KeyBuf;
use super::escape::{escape, unescape};
use crate::error::{Error, Result};

/// The longest key of an entity, as it is encoded: 1 KiB.
pub const ENTITY_KEY_BYTES_MAX: usize = 1024;

/// A type whose values name entities: what a view's records are about.
///
/// Implemented for all integers, `bool`, `char`, `str` and `String`, `[u8]` and `Vec<u8>`, arrays
/// `[u8; N]` (a UUID is `[u8; 16]`: sixteen bytes and nothing else), `()` for a view about a single
/// thing, and tuples of up to four of the sized ones. A tuple that holds text holds `String`; a
/// view about text alone is a `View<str, R>` and is read with a `&str`.
///
/// # For a type of your own
///
/// Put it together from types that are keys already, always the same ones in the same order: then
/// all that is asked below holds by itself. An enum writes one byte that names the variant first.
///
/// ```
/// use tidetable::key::{EntityKey, KeyBuf};
///
/// #[derive(Debug, PartialEq)]
/// struct Patio {
///     street: String,
///     number: u32,
/// }
///
/// impl EntityKey for Patio {
///     type Owned = Self;
///
///     fn encode(&self, key: &mut KeyBuf) {
///         self.street.encode(key);
///         self.number.encode(key);
///     }
///
///     fn decode(bytes: &mut &[u8]) -> Option<Self> {
///         Some(Self { street: String::decode(bytes)?, number: u32::decode(bytes)? })
///     }
/// }
///
/// let patio = Patio { street: "Götgatan".into(), number: 78 };
/// let mut key = KeyBuf::new();
/// patio.encode(&mut key);
/// assert_eq!(Patio::decode(&mut key.as_slice()), Some(patio));
/// ```
///
/// # What must hold
///
/// - Equal values have equal encodings, different values different ones, on every machine and in
///   every release of your program: they are in the file.
/// - No encoding begins with the encoding of another value of the type. Otherwise the records of
///   one entity are taken for those of the other.
/// - Encodings compare, byte by byte, as the values do. Otherwise a range of entities holds others
///   than it says; nothing else depends on it.
/// - `decode` undoes `encode`, and refuses everything that `encode` does not write.
///
/// A key longer than [`ENTITY_KEY_BYTES_MAX`] is refused by the call it was passed to.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be what a record is about",
    label = "no entity has this type",
    note = "integers, `bool`, `str`, `String`, bytes and tuples of what owns its bytes can: in a tuple \
            say `String`, not `&str`; for a type of your own implement `EntityKey`"
)]
pub trait EntityKey: 'static {
    /// The value when nobody lends it: background work decodes keys into it. The type itself, or
    /// `String` for `str` and `Vec<u8>` for `[u8]`.
    type Owned: Borrow<Self> + Send + 'static;

    /// Appends this value's encoding to `key`, which may hold the parts before it in a tuple.
    fn encode(&self, key: &mut KeyBuf);

    /// Takes one encoding off the front of `bytes` and gives its value; `None` if `bytes` does not
    /// begin with one, and then what is left of `bytes` has no meaning.
    fn decode(bytes: &mut &[u8]) -> Option<Self::Owned>;
}

/// Refuses a key that is too long for the file.
pub(crate) fn check_entity_key(key: &[u8]) -> Result<()> {
    let len = key.len();
    if len <= ENTITY_KEY_BYTES_MAX {
        return Ok(());
    }
    Err(Error::input(format!(
        "the key of the entity has {len} bytes as it is encoded; at most {ENTITY_KEY_BYTES_MAX} fit: \
         name it by something shorter, such as a hash"
    )))
}

/// The value of a whole key; `None` if it is not exactly one encoding of an `E`.
pub(crate) fn decode_entity<E: EntityKey + ?Sized>(mut key: &[u8]) -> Option<E::Owned> {
    let entity = E::decode(&mut key)?;
    key.is_empty().then_some(entity)
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (front, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*front)
}

/// Big-endian in `$wide`, which is the type itself unless that depends on the machine. A signed
/// number has its sign bit flipped (`$flip`), so that the negative ones sort first.
macro_rules! integer_keys {
    ($($integer:ty as $wide:ty, flip $flip:expr;)*) => {$(
        impl EntityKey for $integer {
            type Owned = Self;

            #[inline]
            fn encode(&self, key: &mut KeyBuf) {
                key.extend(&(*self as $wide ^ $flip).to_be_bytes());
            }

            fn decode(bytes: &mut &[u8]) -> Option<Self> {
                Self::try_from(<$wide>::from_be_bytes(take(bytes)?) ^ $flip).ok()
            }
        }
    )*};
}

integer_keys! {
    u8 as u8, flip 0;
    u16 as u16, flip 0;
    u32 as u32, flip 0;
    u64 as u64, flip 0;
    u128 as u128, flip 0;
    usize as u64, flip 0;
    i8 as i8, flip i8::MIN;
    i16 as i16, flip i16::MIN;
    i32 as i32, flip i32::MIN;
    i64 as i64, flip i64::MIN;
    i128 as i128, flip i128::MIN;
    isize as i64, flip i64::MIN;
}

impl EntityKey for bool {
    type Owned = Self;

    #[inline]
    fn encode(&self, key: &mut KeyBuf) {
        key.push(u8::from(*self));
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        match take(bytes)? {
            [0] => Some(false),
            [1] => Some(true),
            _ => None,
        }
    }
}

impl EntityKey for char {
    type Owned = Self;

    #[inline]
    fn encode(&self, key: &mut KeyBuf) {
        u32::from(*self).encode(key);
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        Self::from_u32(u32::decode(bytes)?)
    }
}

impl EntityKey for str {
    type Owned = String;

    #[inline]
    fn encode(&self, key: &mut KeyBuf) {
        escape(self.as_bytes(), key);
    }

    fn decode(bytes: &mut &[u8]) -> Option<String> {
        String::from_utf8(unescape(bytes)?).ok()
    }
}

impl EntityKey for String {
    type Owned = Self;

    #[inline]
    fn encode(&self, key: &mut KeyBuf) {
        self.as_str().encode(key);
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        str::decode(bytes)
    }
}

impl EntityKey for [u8] {
    type Owned = Vec<u8>;

    #[inline]
    fn encode(&self, key: &mut KeyBuf) {
        escape(self, key);
    }

    fn decode(bytes: &mut &[u8]) -> Option<Vec<u8>> {
        unescape(bytes)
    }
}

impl EntityKey for Vec<u8> {
    type Owned = Self;

    #[inline]
    fn encode(&self, key: &mut KeyBuf) {
        self.as_slice().encode(key);
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        unescape(bytes)
    }
}

/// All values of the type are equally long, so they stand as they are.
impl<const N: usize> EntityKey for [u8; N] {
    type Owned = Self;

    #[inline]
    fn encode(&self, key: &mut KeyBuf) {
        key.extend(self);
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        take(bytes)
    }
}

impl EntityKey for () {
    type Owned = Self;

    #[inline]
    fn encode(&self, _: &mut KeyBuf) {}

    fn decode(_: &mut &[u8]) -> Option<Self> {
        Some(())
    }
}

/// Part after part: where the parts sort well and none begins with another, so does the whole.
macro_rules! tuple_keys {
    ($(($($part:ident $index:tt),+);)*) => {$(
        impl<$($part: EntityKey<Owned = $part> + Send),+> EntityKey for ($($part,)+) {
            type Owned = Self;

            #[inline]
            fn encode(&self, key: &mut KeyBuf) {
                $(self.$index.encode(key);)+
            }

            fn decode(bytes: &mut &[u8]) -> Option<Self> {
                Some(($($part::decode(bytes)?,)+))
            }
        }
    )*};
}

tuple_keys! {
    (A 0);
    (A 0, B 1);
    (A 0, B 1, C 2);
    (A 0, B 1, C 2, D 3);
}
