//! Records to bytes and back: the one place that reads archived bytes without checking them.

use rkyv::api::high::HighSerializer;
use rkyv::rancor::Strategy;
use rkyv::ser::Serializer;
use rkyv::ser::allocator::{Arena, ArenaHandle};
use rkyv::ser::sharing::Share;
use rkyv::util::AlignedVec;
use rkyv::{SerializeUnsized, rancor};

use super::body::Page;
use super::shape::RecordType;
use super::slots::Slot;

/// A record as it will stand in its page.
pub(crate) type RecordBytes = AlignedVec;

/// The bytes of a record, as they stand in a page.
#[cfg(any(test, fuzzing))]
pub(crate) fn serialize<R: RecordType>(record: &R) -> Result<RecordBytes, String> {
    let mut room = Room::default();
    room.serialize(record)?;
    Ok(room.into_bytes())
}

/// Where records are serialized, one after the other.
pub(crate) struct Room {
    bytes: RecordBytes,
    /// For what types need besides while they are serialized.
    arena: Arena,
}

/// Most types need nothing besides; what one needs stays for the next record.
const ARENA_BYTES: usize = 64;

impl Default for Room {
    fn default() -> Self {
        Self { bytes: RecordBytes::new(), arena: Arena::with_capacity(ARENA_BYTES) }
    }
}

impl Room {
    /// Makes a record's bytes, as they stand in a page.
    #[inline]
    pub(crate) fn serialize<R: RecordType>(&mut self, record: &R) -> Result<(), String> {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        let made = self.append(&mut bytes, record);
        self.bytes = bytes;
        made
    }

    /// Appends records as those of an array stand. Only of types that [are laid out](is_plain) so.
    pub(super) fn append_array<R: RecordType>(
        &mut self,
        bytes: &mut RecordBytes,
        records: &[R],
    ) -> Result<(), String> {
        debug_assert!(is_plain::<R>());
        self.append(bytes, records)
    }

    #[inline]
    fn append<T>(&mut self, bytes: &mut RecordBytes, value: &T) -> Result<(), String>
    where
        T: for<'a> SerializeUnsized<HighSerializer<RecordBytes, ArenaHandle<'a>, rancor::Error>>
            + ?Sized,
    {
        // Taken out: they are lost where the record's own code panics, and what they were the body of is
        // of no use then.
        let taken = std::mem::take(bytes);
        let mut serializer = Serializer::new(taken, self.arena.acquire(), Share::new());
        let made = value.serialize_unsized(Strategy::<_, rancor::Error>::wrap(&mut serializer));
        *bytes = serializer.into_writer();
        made.map(drop).map_err(|cause| cause.to_string())
    }

    /// The bytes of the last record.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes of the last record.
    pub(crate) fn into_bytes(self) -> RecordBytes {
        self.bytes
    }
}

/// Whether the archived form of an array of these is a plain copy of it, with some bytes to each.
pub(super) fn is_plain<R: RecordType>() -> bool {
    // The archived form may have been given room behind the fields that the value has not.
    let size = size_of::<R::Archived>();
    R::COPY_OPTIMIZATION.is_enabled() && size == size_of::<R>() && size > 0
}

/// Asks memory for a record that is about to be read, so that it comes while other things are done.
#[inline]
pub(crate) fn prefetch(page: &Page, slot: Slot) {
    prefetch_line(page.record(slot).as_ptr());
}

/// The same for a record and what stands behind it: as much as is read before the processor has seen
/// that somebody walks through memory there, and fetches the rest by itself.
#[inline]
pub(crate) fn prefetch_from(page: &Page, slot: Slot) {
    let begin = page.record(slot).as_ptr();
    (0..LINES_AHEAD).for_each(|line| prefetch_line(begin.wrapping_add(line * LINE_BYTES)));
}

/// Bytes of a line of the processor's cache.
const LINE_BYTES: usize = 64;
const LINES_AHEAD: usize = 8;

#[inline]
#[cfg_attr(target_arch = "x86_64", expect(unsafe_code, reason = "a hint to the processor"))]
fn prefetch_line(at: *const u8) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch reads nothing, whatever address it is given.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}

/// Reads the records of so many slots in place, where they stand as those of an array do.
///
/// The caller has them from a page of a view of `R`, as for [`access`].
#[inline]
#[expect(unsafe_code, reason = "a walk through an array costs a third of one from slot to slot")]
pub(crate) fn access_array<R: RecordType>(
    page: &Page,
    first: Slot,
    count: u32,
) -> Option<&[R::Archived]> {
    let bytes = page.array(first, count, size_of::<R::Archived>())?;
    debug_assert!((first.0..first.0 + count).all(|slot| {
        rkyv::access::<R::Archived, rancor::Error>(page.record(Slot(slot))).is_ok()
    }));
    // SAFETY: each of the records is what `access` reads: checked or serialized as the view's own
    // type, at its alignment, in a page that never changes. The bytes are those of all of them and
    // nothing between them, and a record that is as long as its root is its root.
    Some(unsafe { std::slice::from_raw_parts(bytes.as_ptr().cast(), count as usize) })
}

/// Reads a record in place.
///
/// The caller has it from a page of a view of `R`, which is what this `unsafe` stands on: it is
/// where a typed read ends that a record is given its type.
#[inline]
#[expect(unsafe_code, reason = "reading in place what was checked when it entered memory")]
pub(crate) fn access<R: RecordType>(page: &Page, slot: Slot) -> &R::Archived {
    let bytes = page.record(slot);
    debug_assert!(rkyv::access::<R::Archived, rancor::Error>(bytes).is_ok());
    // SAFETY: a `Page` is made in two ways only. `decode` runs rkyv's validation of the view's own
    // record type on every record, at the place and alignment where it stays, and refuses pages of
    // another fingerprint; `PageBuilder` takes what rkyv serialized from a value of that type and
    // places it by `RecordShape::align`. Pages are immutable afterwards, and that `R` is the type of
    // the page's view is what the caller vouches for.
    unsafe { rkyv::access_unchecked::<R::Archived>(bytes) }
}
