//! The beginnings of keys.

use super::buffer::KeyBuf;
use super::entity::EntityKey;
use super::escape::escape_beginning;

/// What the key of an entity of type `E` can begin with.
///
/// For a tuple its first parts: `(country,)` for `(String, u32)` names all entities of a country.
/// For text a [`StartsWith`].
#[diagnostic::on_unimplemented(
    message = "no key of the type `{E}` begins with a `{Self}`",
    label = "not the beginning of such a key",
    note = "for a tuple give a tuple of its first parts, `(country,)` for `(String, u32)`, with `String` \
            for text; for `str` and `String` a `StartsWith(\"Ny\")`"
)]
pub trait EntityPrefix<E: ?Sized> {
    /// Appends the beginning.
    fn encode_prefix(&self, key: &mut KeyBuf);
}

/// All texts that begin so: an [`EntityPrefix`] of `str` and `String`.
#[derive(Clone, Copy, Debug)]
pub struct StartsWith<'a>(pub &'a str);

impl EntityPrefix<str> for StartsWith<'_> {
    fn encode_prefix(&self, key: &mut KeyBuf) {
        escape_beginning(self.0.as_bytes(), key);
    }
}

impl EntityPrefix<String> for StartsWith<'_> {
    fn encode_prefix(&self, key: &mut KeyBuf) {
        escape_beginning(self.0.as_bytes(), key);
    }
}

macro_rules! tuple_prefixes {
    ($(($($part:ident $index:tt),*) of ($($whole:ident),*);)*) => {$(
        impl<$($whole: EntityKey),*> EntityPrefix<($($whole,)*)> for ($($part,)*) {
            fn encode_prefix(&self, key: &mut KeyBuf) {
                $(self.$index.encode(key);)*
            }
        }
    )*};
}

tuple_prefixes! {
    (A 0) of (A, B);
    (A 0) of (A, B, C);
    (A 0, B 1) of (A, B, C);
    (A 0) of (A, B, C, D);
    (A 0, B 1) of (A, B, C, D);
    (A 0, B 1, C 2) of (A, B, C, D);
}

/// The least bytes above all that begin with `prefix`; `None` if there are none.
pub(crate) fn after_all(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte < u8::MAX)?;
    let mut after = prefix[..=last].to_vec();
    after[last] += 1;
    Some(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begins<E: EntityKey + ?Sized, P: EntityPrefix<E>>(entity: &E, prefix: &P) -> bool {
        let (mut key, mut beginning) = (KeyBuf::new(), KeyBuf::new());
        entity.encode(&mut key);
        prefix.encode_prefix(&mut beginning);
        key.as_slice().starts_with(beginning.as_slice())
    }

    #[test]
    fn the_first_parts_of_a_tuple_begin_its_key_and_no_other() {
        let entity = ("se".to_owned(), 7_u32);
        assert!(begins(&entity, &("se".to_owned(),)));
        assert!(!begins(&entity, &("s".to_owned(),)));
        let three = (1_u8, 2_u8, 3_u8);
        assert!(begins(&three, &(1_u8, 2_u8)) && begins(&three, &(1_u8,)));
        assert!(!begins(&three, &(2_u8,)));
    }

    #[test]
    fn a_beginning_of_a_text_begins_its_key() {
        for beginning in ["", "S", "St\0", "St\0ra"] {
            assert!(begins("St\0rand", &StartsWith(beginning)), "{beginning:?}");
        }
        assert!(!begins("Strand", &StartsWith("Sta")));
        assert!(!begins("St", &StartsWith("St\0")));
        assert!(!begins(&"Strand".to_owned(), &StartsWith("Sta")));
    }

    #[test]
    fn behind_all_that_begins_so_comes_the_last_byte_that_can_grow_grown() {
        assert_eq!(after_all(&[7]), Some(vec![8]));
        assert_eq!(after_all(&[7, 254, 255, 255]), Some(vec![7, 255]));
        assert_eq!(after_all(&[255, 0]), Some(vec![255, 1]));
        assert_eq!(after_all(&[255, 255]), None);
        assert_eq!(after_all(&[]), None);
    }
}
