//! The record type behind a page's bytes: its bounds, its fingerprint, its one check.

use std::any::type_name;
use std::mem::{align_of, size_of};
use std::panic::{AssertUnwindSafe, catch_unwind};

use rkyv::api::high::{HighSerializer, HighValidator};
use rkyv::bytecheck::CheckBytes;
use rkyv::rancor;
use rkyv::ser::allocator::ArenaHandle;
use rkyv::util::AlignedVec;
use rkyv::{Archive, Portable, Serialize};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::header::HEADER_BYTES;

/// A type that a view can hold: anything that derives rkyv's `Archive` and `Serialize`.
///
/// ```
/// #[derive(rkyv::Archive, rkyv::Serialize)]
/// struct Exposure {
///     percent: u8,
///     sunlit: Vec<u8>,
/// }
/// ```
///
/// Keep records flat: numbers, strings, vectors, options, enums. Shared pointers and deep recursion
/// make checking them slow and are not supported. Of a type whose archive rkyv knows to be a plain
/// copy of the value, records that are built together are copied together, and a `Serialize` written
/// by hand is not asked for each.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a record",
    label = "this type is not archived by rkyv",
    note = "derive it: `#[derive(rkyv::Archive, rkyv::Serialize)]`, on the types of its fields too",
    note = "a record owns what it holds: `String` for `&str`, `Vec` for a slice"
)]
pub trait RecordType:
    Archive<Archived: Portable + Send + Sync + for<'a> CheckBytes<HighValidator<'a, rancor::Error>>>
    + for<'a> Serialize<HighSerializer<AlignedVec, ArenaHandle<'a>, rancor::Error>>
    + 'static
{
}

#[diagnostic::do_not_recommend]
impl<R> RecordType for R where
    R: Archive<
            Archived: Portable + Send + Sync + for<'a> CheckBytes<HighValidator<'a, rancor::Error>>,
        > + for<'a> Serialize<HighSerializer<AlignedVec, ArenaHandle<'a>, rancor::Error>>
        + 'static
{
}

// Another crate of the same build can switch rkyv's format features, which changes the bytes on
// disk. Little endian, aligned, 32-bit relative pointers are this format; anything else must not
// even compile.
const _: fn(rkyv::rend::u64_le) -> rkyv::Archived<u64> = |same_type| same_type;
const _: () = assert!(size_of::<rkyv::Archived<usize>>() == 4, "rkyv must keep 32-bit pointers");

/// What a page must know of its record type to check its bytes.
#[derive(Clone, Copy)]
pub(crate) struct RecordShape {
    size: usize,
    align: usize,
    fingerprint: u64,
    /// Whether a record may have parts outside its root.
    grows: bool,
    check: Check,
    check_array: Check,
}

type Check = fn(&[u8]) -> Result<(), rancor::Error>;

impl std::fmt::Debug for RecordShape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RecordShape {{ size: {}, fingerprint: {:016x} }}", self.size, self.fingerprint)
    }
}

/// rkyv's largest alignment. What stands outside a record's root may need any, and even an empty
/// vector points at an aligned place.
const ALIGN_MAX: usize = 16;

impl RecordShape {
    /// The shape of `R`.
    pub(crate) fn of<R: RecordType>() -> Self {
        const {
            assert!(
                align_of::<R::Archived>() <= ALIGN_MAX,
                "a record's archived form may be aligned to 16 bytes at most"
            );
        }
        // A record that is a plain copy of its value has no part outside its root.
        let plain = R::COPY_OPTIMIZATION.is_enabled();
        Self {
            size: size_of::<R::Archived>(),
            align: if plain { align_of::<R::Archived>() } else { ALIGN_MAX },
            fingerprint: fingerprint::<R>(plain),
            grows: !plain,
            check: check_one::<R>,
            check_array: |bytes| {
                bytes.chunks_exact(size_of::<R::Archived>().max(1)).try_for_each(check_one::<R>)
            },
        }
    }

    /// Stands for a record type that this program does not know, as a page says that it is: its
    /// records may be counted, but nothing is known of their bytes. A page read so is looked at and
    /// let go; it never enters the cache.
    pub(crate) fn unknown(fingerprint: u64) -> Self {
        const PASSES: Check = |_| Ok(());
        Self { size: 0, align: 1, fingerprint, grows: true, check: PASSES, check_array: PASSES }
    }

    /// Fingerprint of the layout: type names without their paths, size and alignment of the
    /// archived form, and rkyv's format.
    pub(crate) fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// Bytes of a record without parts outside its root.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// How its records stand in a page. A record found otherwise on disk is refused: it could pass
    /// its check there and not where a page that is put together anew places it.
    pub(super) fn align(&self) -> usize {
        self.align
    }

    /// Whether a record of that many bytes can be one of its.
    pub(super) fn fits(&self, len: usize) -> bool {
        len == self.size || (len > self.size && self.grows)
    }

    /// The one check of a record's bytes.
    pub(crate) fn check(&self, bytes: &[u8]) -> Result<(), String> {
        caught(self.check, bytes)
    }

    /// The same of all the records of an array.
    pub(crate) fn check_array(&self, bytes: &[u8]) -> Result<(), String> {
        caught(self.check_array, bytes)
    }
}

/// A type can have code of the application's in its check. A panic there is a fault of this record,
/// not of the thread that loads it.
fn caught(check: Check, bytes: &[u8]) -> Result<(), String> {
    let checked = catch_unwind(AssertUnwindSafe(|| check(bytes)));
    let checked = checked.map_err(|_| "its type's check panicked".to_owned())?;
    checked.map_err(|cause| cause.to_string())
}

fn check_one<R: RecordType>(bytes: &[u8]) -> Result<(), rancor::Error> {
    rkyv::access::<R::Archived, _>(bytes).map(|_| ())
}

fn fingerprint<R: RecordType>(plain: bool) -> u64 {
    let name = without_paths(type_name::<R>());
    fingerprint_of(&name, size_of::<R::Archived>(), align_of::<R::Archived>(), plain)
}

/// Fingerprint of a record type of that name whose archived form is that large and so aligned.
pub(super) fn fingerprint_of(name: &str, size: usize, align: usize, plain: bool) -> u64 {
    // The format number of the page header stands for the header's own layout.
    let text = format!("{name}|{size}|{align}|{plain}|little|aligned|32|{HEADER_BYTES}");
    xxh3_64(text.as_bytes())
}

/// Fingerprint of a view's types: that of its record type, and the type that its keys decode to.
pub(super) fn with_keys(record: u64, entity: &str) -> u64 {
    xxh3_64_with_seed(entity.as_bytes(), record)
}

/// `a::b::Record<c::D>` -> `Record<D>`: moving a type to another module is not another layout.
pub(super) fn without_paths(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut word_start = 0;
    let mut chars = name.chars().peekable();
    while let Some(char) = chars.next() {
        if char == ':' && chars.peek() == Some(&':') {
            chars.next();
            out.truncate(word_start);
        } else {
            out.push(char);
            if !char.is_alphanumeric() && char != '_' {
                word_start = out.len();
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Archive, Serialize)]
    struct One(u32);

    mod elsewhere {
        #[derive(rkyv::Archive, rkyv::Serialize)]
        pub(super) struct One(pub(super) u32);
    }

    #[derive(Archive, Serialize)]
    struct Two(u64);

    #[test]
    fn a_type_may_move_but_not_change() {
        let of_one = RecordShape::of::<One>().fingerprint();
        assert_eq!(of_one, RecordShape::of::<elsewhere::One>().fingerprint());
        assert_ne!(of_one, RecordShape::of::<Two>().fingerprint());
        let _ = (One(1).0, elsewhere::One(1).0, Two(1).0);
    }

    #[test]
    fn paths_are_cut_inside_generics_too() {
        assert_eq!(
            without_paths("a::B<alloc::vec::Vec<(c::D, u8)>, [e::F; 3]>"),
            "B<Vec<(D, u8)>, [F; 3]>"
        );
    }
}
