//! Where a page stands: view, entity, page number.

use crate::grid::PageNumber;
use crate::key::{EntityKey, KeyBuf};

/// A view's number in its file. A view whose grid or layout changes gets a new one; none is reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ViewId(pub(crate) u32);

/// The bytes that name a page in the file and in the cache.
///
/// On disk: the view's id (4 bytes, big endian), the entity's key (prefix-free), the page's number
/// (8 bytes, big endian, sign bit flipped). Comparing the bytes compares views, then entities, then
/// time.
#[derive(Clone, Debug, Default)]
pub(crate) struct PageKey(KeyBuf);

const VIEW_BYTES: usize = 4;
const NUMBER_BYTES: usize = 8;

impl PageKey {
    /// The key of one page.
    #[inline]
    pub(crate) fn new<E: EntityKey + ?Sized>(view: ViewId, entity: &E, number: PageNumber) -> Self {
        let mut key = Self::entity(view, entity);
        key.0.extend(&number_bytes(number));
        Self(key.0)
    }

    /// What stands before and behind the entity's key in that of a page.
    #[inline]
    pub(crate) fn ends(view: ViewId, number: PageNumber) -> ([u8; VIEW_BYTES], [u8; NUMBER_BYTES]) {
        (view.0.to_be_bytes(), number_bytes(number))
    }

    /// What all pages of one entity begin with.
    #[inline]
    pub(crate) fn entity<E: EntityKey + ?Sized>(view: ViewId, entity: &E) -> Self {
        let mut key = KeyBuf::default();
        key.extend(&view.0.to_be_bytes());
        entity.encode(&mut key);
        // Types of the application's own encode themselves. One that touched what stands before its
        // key would reach the pages of another view, whose records are of another type.
        assert!(
            key.as_slice().starts_with(&view.0.to_be_bytes()),
            "EntityKey::encode must append to the key and leave what is there"
        );
        Self(key)
    }

    /// The key of a page of the entity that `prefix` names.
    pub(crate) fn at(prefix: &Self, number: PageNumber) -> Self {
        let mut key = prefix.0.clone();
        key.extend(&number_bytes(number));
        Self(key)
    }

    /// The key of a page whose entity is known by its bytes alone.
    pub(crate) fn of_parts(view: ViewId, entity: &[u8], number: PageNumber) -> Self {
        let mut key = KeyBuf::default();
        key.extend(&view.0.to_be_bytes());
        key.extend(entity);
        key.extend(&number_bytes(number));
        Self(key)
    }

    /// The whole key.
    #[inline]
    pub(crate) fn as_slice(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// The entity's part of a page's key.
    pub(crate) fn entity_of_page(&self) -> &[u8] {
        let bytes = self.0.as_slice();
        &bytes[VIEW_BYTES..bytes.len() - NUMBER_BYTES]
    }

    /// The entity's part of a prefix made by [`Self::entity`].
    pub(crate) fn entity_bytes(prefix: &Self) -> &[u8] {
        &prefix.0.as_slice()[VIEW_BYTES..]
    }

    /// What all pages of a view begin with, and the least key that no page of it reaches.
    pub(crate) fn view_bounds(view: ViewId) -> (Vec<u8>, Vec<u8>) {
        let next = view.0.checked_add(1).expect("view ids end far below their type");
        (view.0.to_be_bytes().to_vec(), next.to_be_bytes().to_vec())
    }

    /// Takes a page's key apart: view, entity, page number. `None` if it is none.
    pub(crate) fn split(key: &[u8]) -> Option<(ViewId, &[u8], PageNumber)> {
        let (view, rest) = key.split_first_chunk::<VIEW_BYTES>()?;
        let (entity, number) = rest.split_last_chunk::<NUMBER_BYTES>()?;
        let number = (u64::from_be_bytes(*number) ^ SIGN).cast_signed();
        Some((ViewId(u32::from_be_bytes(*view)), entity, PageNumber(number)))
    }
}

const SIGN: u64 = 1 << 63;

#[inline]
fn number_bytes(number: PageNumber) -> [u8; NUMBER_BYTES] {
    (number.0.cast_unsigned() ^ SIGN).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_by_view_then_entity_then_time() {
        let key = |view, entity: &str, number| {
            PageKey::new(ViewId(view), entity, PageNumber(number)).as_slice().to_vec()
        };
        let sorted = [
            key(1, "a", -1),
            key(1, "a", 0),
            key(1, "a", i64::MAX),
            key(1, "a\0", i64::MIN),
            key(1, "b", 0),
            key(2, "", 0),
        ];
        assert!(sorted.is_sorted());
    }

    #[test]
    fn a_key_comes_apart_as_it_was_put_together() {
        for number in [-3, 0, 3].map(PageNumber) {
            let key = PageKey::new(ViewId(9), &7u16, number);
            let parts = PageKey::split(key.as_slice()).unwrap();
            let prefix = PageKey::entity(ViewId(9), &7u16);
            assert_eq!(parts, (ViewId(9), PageKey::entity_bytes(&prefix), number));
        }
        assert!(PageKey::split(b"short").is_none());
    }

    #[test]
    fn a_key_is_the_same_whatever_it_is_put_together_from() {
        let (view, number) = (ViewId(9), PageNumber(-3));
        let key = PageKey::new(view, &7u16, number);
        let prefix = PageKey::entity(view, &7u16);
        let entity = PageKey::entity_bytes(&prefix);
        assert_eq!(key.entity_of_page(), entity);
        let (first, last) = PageKey::ends(view, number);
        assert_eq!([&first[..], entity, &last].concat(), key.as_slice());
        for other in [PageKey::at(&prefix, number), PageKey::of_parts(view, entity, number)] {
            assert_eq!(other.as_slice(), key.as_slice());
        }
    }

    #[test]
    fn the_bounds_of_a_view_hold_its_keys_and_no_other_view_s() {
        let (first, end) = PageKey::view_bounds(ViewId(9));
        let within = |view, number| {
            let key = PageKey::new(ViewId(view), "", PageNumber(number));
            first.as_slice() <= key.as_slice() && key.as_slice() < end.as_slice()
        };
        assert!(within(9, i64::MIN) && within(9, i64::MAX));
        assert!(!within(8, i64::MAX) && !within(10, i64::MIN));
    }
}
