//! Records to bytes and back: the one place that reads archived bytes without checking them.

use rkyv::rancor;
use rkyv::util::AlignedVec;

use super::body::{Page, Slot};
use super::shape::RecordType;

/// A record as it will stand in its page.
pub(crate) type RecordBytes = AlignedVec;

/// The bytes of a record, as they stand in a page.
#[cfg(any(test, fuzzing))]
pub(crate) fn serialize<R: RecordType>(record: &R) -> Result<RecordBytes, String> {
    serialize_into(record, RecordBytes::new())
}

/// The bytes of a record, as they stand in a page, in room that may have been used before.
pub(crate) fn serialize_into<R: RecordType>(
    record: &R,
    mut room: RecordBytes,
) -> Result<RecordBytes, String> {
    room.clear();
    rkyv::api::high::to_bytes_in::<_, rancor::Error>(record, room)
        .map_err(|cause| cause.to_string())
}

/// Asks memory for a record that is about to be read, so that it comes while other things are done.
#[inline]
#[cfg_attr(target_arch = "x86_64", expect(unsafe_code, reason = "a hint to the processor"))]
pub(crate) fn prefetch(page: &Page, slot: Slot) {
    let bytes = page.record(slot);
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch reads nothing, whatever it is given; this is even a record.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(bytes.as_ptr().cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = bytes;
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
