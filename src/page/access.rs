//! Records to bytes and back: the one place that reads archived bytes without checking them.

use rkyv::api::high::HighSerializer;
use rkyv::rancor::Strategy;
use rkyv::ser::Serializer;
use rkyv::ser::allocator::{Arena, ArenaHandle};
use rkyv::ser::sharing::Share;
use rkyv::util::AlignedVec;
use rkyv::{SerializeUnsized, rancor};

use super::body::{Page, Slot};
use super::shape::RecordType;

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
#[derive(Default)]
pub(crate) struct Room {
    bytes: RecordBytes,
    /// For what types need besides while they are serialized.
    arena: Arena,
}

impl Room {
    /// Makes a record's bytes, as they stand in a page.
    #[inline]
    pub(crate) fn serialize<R: RecordType>(&mut self, record: &R) -> Result<(), String> {
        self.fill(record)
    }

    /// Makes the bytes of records as those of an array stand, in one piece. `false` where that is not
    /// a plain copy of them.
    pub(crate) fn serialize_array<R: RecordType>(&mut self, records: &[R]) -> Result<bool, String> {
        let size = size_of::<R::Archived>();
        // The archived form may have been given room behind the fields that the value has not.
        let plain = R::COPY_OPTIMIZATION.is_enabled() && size == size_of::<R>() && size > 0;
        if plain {
            self.fill(records)?;
        }
        Ok(plain)
    }

    #[inline]
    fn fill<T>(&mut self, value: &T) -> Result<(), String>
    where
        T: for<'a> SerializeUnsized<HighSerializer<RecordBytes, ArenaHandle<'a>, rancor::Error>>
            + ?Sized,
    {
        // Taken out: it is lost where the record's own code panics or fails, and made anew.
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        let mut serializer = Serializer::new(bytes, self.arena.acquire(), Share::new());
        let made = value.serialize_unsized(Strategy::<_, rancor::Error>::wrap(&mut serializer));
        made.map_err(|cause| cause.to_string())?;
        self.bytes = serializer.into_writer();
        Ok(())
    }

    /// The bytes of the last record, or array of them.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes of the last record.
    pub(crate) fn into_bytes(self) -> RecordBytes {
        self.bytes
    }
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
/// The caller has it from a page of a view of `R`, which is what this `unsafe`
/// stands on.
#[inline]
#[expect(unsafe_code, reason = "reading in place what was checked when it entered memory")]
pub(crate) fn access<R: RecordType>(page: &Page, slot: Slot) -> &R::Archived {
    let bytes = page.record(slot);
    debug_assert!(rkyv::access::<R::Archived, rancor::Error>(bytes).is_ok());
    // SAFETY: a `Page` is made in two ways only. `decode` runs rkyv's validation of the view's own
    // record type on every record, at the place and alignment where it stays, and refuses pages of
    // another fingerprint; `PageBuilder` takes what rkyv serialized from a value of that type and
    // places it by `RecordShape::align_of`. Pages are immutable afterwards, and a view's pages are
    // reached through its own record type only.
    unsafe { rkyv::access_unchecked::<R::Archived>(bytes) }
}
