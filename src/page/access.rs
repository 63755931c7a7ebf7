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

/// Reads a record in place.
///
/// The caller has it from a page of a view of `R`, which is what the one `unsafe` of the crate
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
