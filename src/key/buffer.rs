//! Where a key is written.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

/// With its length and the variant this makes 56 bytes: less than a cache line.
const INLINE_BYTES: usize = 54;

/// The bytes of a key under construction.
///
/// Keys of up to 54 bytes lie in the buffer itself, so that a read of a cached record allocates
/// nothing; a longer key moves to the heap. Buffers compare as their bytes do.
#[derive(Clone)]
pub struct KeyBuf(Bytes);

#[derive(Clone)]
enum Bytes {
    /// What lies beyond `len` is left over and means nothing.
    Inline {
        len: u8,
        bytes: [u8; INLINE_BYTES],
    },
    Heap(Vec<u8>),
}

impl KeyBuf {
    /// No bytes yet. Does not allocate.
    #[inline]
    #[must_use]
    pub const fn new() -> Self {
        Self(Bytes::Inline { len: 0, bytes: [0; INLINE_BYTES] })
    }

    /// Appends one byte.
    #[inline]
    pub fn push(&mut self, byte: u8) {
        self.extend(&[byte]);
    }

    /// Appends `bytes`. An array's length is known to the compiler: it becomes a single store.
    #[inline]
    pub fn extend(&mut self, bytes: &[u8]) {
        if let Bytes::Inline { len, bytes: inline } = &mut self.0 {
            let start = usize::from(*len);
            let end = start + bytes.len();
            if let Some(room) = inline.get_mut(start..end) {
                room.copy_from_slice(bytes);
                *len = end as u8;
                return;
            }
        }
        self.extend_on_heap(bytes);
    }

    /// Out of line, so that what is inlined at each caller stays a copy and a comparison.
    #[cold]
    #[inline(never)]
    fn extend_on_heap(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            Bytes::Heap(heap) => heap.extend_from_slice(bytes),
            Bytes::Inline { .. } => {
                let held = self.as_slice();
                // Twice what is needed: a key that outgrew the buffer is seldom done growing.
                let mut heap = Vec::with_capacity(2 * (held.len() + bytes.len()));
                heap.extend_from_slice(held);
                heap.extend_from_slice(bytes);
                self.0 = Bytes::Heap(heap);
            }
        }
    }

    /// The bytes so far.
    #[inline]
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        match &self.0 {
            Bytes::Inline { len, bytes } => &bytes[..usize::from(*len)],
            Bytes::Heap(heap) => heap,
        }
    }

    /// Whether the bytes lie in the buffer itself.
    pub(crate) fn is_inline(&self) -> bool {
        matches!(self.0, Bytes::Inline { .. })
    }

    /// How many bytes there are.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.0 {
            Bytes::Inline { len, .. } => usize::from(*len),
            Bytes::Heap(heap) => heap.len(),
        }
    }

    /// Whether there are none; the key of `()` stays empty.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets the bytes and keeps the room, for the next key of a loop.
    #[inline]
    pub fn clear(&mut self) {
        match &mut self.0 {
            Bytes::Inline { len, .. } => *len = 0,
            Bytes::Heap(heap) => heap.clear(),
        }
    }
}

impl Default for KeyBuf {
    #[inline]
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for KeyBuf {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for KeyBuf {}

impl PartialOrd for KeyBuf {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for KeyBuf {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_slice().cmp(other.as_slice())
    }
}

impl Hash for KeyBuf {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_slice().hash(state);
    }
}

/// Shows the length alone: an entity may be a person, and debug output reaches logs.
impl fmt::Debug for KeyBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyBuf({} bytes)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

    use super::*;

    #[test]
    fn bytes_survive_the_move_to_the_heap_wherever_it_happens() {
        for first in [0, 1, INLINE_BYTES - 1, INLINE_BYTES, INLINE_BYTES + 1, 300] {
            for second in [0, 1, INLINE_BYTES - 1, INLINE_BYTES, INLINE_BYTES + 1, 300] {
                let mut key = KeyBuf::new();
                key.extend(&vec![1; first]);
                key.extend(&vec![2; second]);
                key.push(3);
                let expected = [vec![1; first], vec![2; second], vec![3]].concat();
                assert_eq!(key.as_slice(), expected);
                assert_eq!(key.len(), expected.len());
                assert!(!key.is_empty());
            }
        }
    }

    #[test]
    fn a_key_that_fits_lies_in_the_buffer_and_the_next_byte_moves_it() {
        let mut key = KeyBuf::new();
        (0..INLINE_BYTES).for_each(|_| key.push(7));
        assert!(matches!(key.0, Bytes::Inline { .. }));
        key.push(7);
        assert!(matches!(key.0, Bytes::Heap(_)));
        assert_eq!(size_of::<KeyBuf>(), 56);
    }

    #[test]
    fn buffers_compare_by_their_bytes_and_not_by_where_these_lie() {
        let mut inline = KeyBuf::new();
        inline.extend(b"ab");
        let mut heap = KeyBuf::new();
        heap.extend(&[9; 200]);
        heap.clear();
        assert!(heap.is_empty() && matches!(heap.0, Bytes::Heap(_)));
        heap.extend(b"ab");
        assert_eq!(inline, heap);
        let hash = |key: &KeyBuf| BuildHasherDefault::<DefaultHasher>::default().hash_one(key);
        assert_eq!(hash(&inline), hash(&heap));
        inline.push(b'c');
        assert!(inline != heap && hash(&inline) != hash(&heap));
        inline.clear();
        assert!(inline < heap && inline == KeyBuf::default());
    }

    #[test]
    fn debug_output_never_shows_the_bytes() {
        let mut key = KeyBuf::new();
        key.extend(b"secret");
        assert_eq!(format!("{key:?}"), "KeyBuf(6 bytes)");
    }
}
