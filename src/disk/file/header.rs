//! What redb's header says, as far as it must be known before redb reads it.

use xxhash_rust::xxh3::xxh3_128;

/// The part of redb's header that decides how a file without a valid seal is treated.
///
/// redb checks the header's commit slots by checksum, but not the fields before them; so nothing
/// here is believed beyond the choice of the more careful way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// The last writer did not close the file (or has not yet).
    pub(super) unclean: bool,
    /// The last durable commit had two phases, so that redb never falls back behind it unasked.
    pub(super) two_phase: bool,
    /// Where redb's own bytes end, if the numbers make sense.
    pub(super) data_len: Option<u64>,
    /// What the flags would be if they chose the other of the two commits for the last: there only
    /// if the slots of both are as they were written, and the other is the later.
    pub(super) later: Option<u8>,
}

/// The bytes of redb's header: all that it reads and writes at offset 0.
pub(in crate::disk) const HEADER_BYTES: usize = 320;

/// redb's, on disk, the same in all its formats.
const MAGIC: [u8; 9] = *b"redb\x1A\x0A\xA9\x0D\x0A";
pub(super) const FLAGS_AT: usize = 9;
/// Which of the two slots holds the last commit.
const LAST: u8 = 1;
const RECOVERY_REQUIRED: u8 = 2;
const TWO_PHASE: u8 = 4;
/// Five little-endian u32: page size; header pages and most data pages of a region; full regions;
/// data pages of the last, partial region.
const LAYOUT_AT: usize = 12;
/// The last two commits.
pub(in crate::disk) const SLOTS_AT: [usize; 2] = [64, 192];
pub(in crate::disk) const SLOT_BYTES: usize = 128;
/// Behind the bytes that it covers stands their checksum.
const SLOT_CHECKED: usize = 112;
const TRANSACTION_AT: usize = 104;

impl Header {
    /// `None` if the bytes are not the start of a redb file.
    pub(super) fn parse(page: &[u8]) -> Option<Self> {
        if page.len() < HEADER_BYTES || !page.starts_with(&MAGIC) {
            return None;
        }
        let flags = page[FLAGS_AT];
        Some(Self {
            unclean: flags & RECOVERY_REQUIRED != 0,
            two_phase: flags & TWO_PHASE != 0,
            data_len: data_len(&page[LAYOUT_AT..LAYOUT_AT + 20]),
            later: later(page, flags),
        })
    }
}

fn later(page: &[u8], flags: u8) -> Option<u8> {
    let last = last_slot(page)?;
    let [recorded, other] = [last, last ^ 1].map(|slot| {
        let slot = &page[SLOTS_AT[slot]..][..SLOT_BYTES];
        is_as_written(slot).then(|| transaction(slot))?
    });
    (other? > recorded?).then_some(flags ^ LAST)
}

/// Which slot the header calls the last.
pub(in crate::disk) fn last_slot(header: &[u8]) -> Option<usize> {
    header.get(FLAGS_AT).map(|flags| usize::from(flags & LAST))
}

/// Whether a slot fits its checksum.
pub(in crate::disk) fn is_as_written(slot: &[u8]) -> bool {
    slot.split_at_checked(SLOT_CHECKED)
        .is_some_and(|(covered, sum)| xxh3_128(covered).to_le_bytes() == sum)
}

/// The number of the commit in a slot: of two the greater is the later.
pub(in crate::disk) fn transaction(slot: &[u8]) -> Option<u64> {
    slot.get(TRANSACTION_AT..)?.first_chunk().map(|id| u64::from_le_bytes(*id))
}

fn data_len(layout: &[u8]) -> Option<u64> {
    let mut fields = [0u64; 5];
    for (field, bytes) in fields.iter_mut().zip(layout.chunks_exact(4)) {
        *field = u64::from(u32::from_le_bytes(bytes.try_into().ok()?));
    }
    let [page_bytes, region_header, region_data, full, partial] = fields;
    let full_pages = full.checked_mul(region_header + region_data)?;
    let partial_pages = if partial == 0 { 0 } else { region_header + partial };
    page_bytes.checked_mul(full_pages.checked_add(partial_pages)?.checked_add(1)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_of_a_new_redb_file_is_understood() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("plain");
        let database = redb::Database::create(&path).unwrap();
        let open = Header::parse(&std::fs::read(&path).unwrap()).unwrap();
        assert!(open.unclean && open.two_phase);
        drop(database);
        let bytes = std::fs::read(&path).unwrap();
        let closed = Header::parse(&bytes).unwrap();
        assert!(!closed.unclean);
        assert_eq!(closed.data_len, Some(bytes.len() as u64));
        assert_eq!(Header::parse(&bytes[1..]), None);
        assert_eq!(Header::parse(&bytes[..100]), None);
    }

    #[test]
    fn the_later_of_two_commits_is_told_from_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plain");
        let database = redb::Database::create(&path).unwrap();
        for _ in 0..3 {
            let mut write = database.begin_write().unwrap();
            write.set_two_phase_commit(true);
            write.commit().unwrap();
            let mut bytes = std::fs::read(&path).unwrap();
            let flags = bytes[FLAGS_AT];
            assert_eq!(Header::parse(&bytes).unwrap().later, None);
            bytes[FLAGS_AT] ^= LAST;
            assert_eq!(Header::parse(&bytes).unwrap().later, Some(flags));
            // A slot that lost a bit is neither later nor earlier.
            for slot in SLOTS_AT {
                let mut bytes = bytes.clone();
                bytes[slot + TRANSACTION_AT] ^= 1;
                assert_eq!(Header::parse(&bytes).unwrap().later, None);
            }
        }
    }

    #[test]
    fn a_layout_that_overflows_has_no_length() {
        assert_eq!(data_len(&[0xff; 20]), None);
    }

    #[test]
    fn a_layout_is_as_long_as_its_regions_with_their_headers_and_the_first_page() {
        let len = |fields: [u32; 5]| data_len(&fields.map(u32::to_le_bytes).concat());
        assert_eq!(len([4096, 3, 100, 0, 0]), Some(4096));
        assert_eq!(len([4096, 3, 100, 0, 7]), Some(4096 * (3 + 7 + 1)));
        assert_eq!(len([4096, 3, 100, 2, 0]), Some(4096 * (2 * (3 + 100) + 1)));
        assert_eq!(len([4096, 3, 100, 2, 7]), Some(4096 * (2 * (3 + 100) + 3 + 7 + 1)));
    }
}
