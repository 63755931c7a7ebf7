//! A file changed from outside.

use std::fs;
use std::path::Path;

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// Takes the seal off a file that was closed cleanly and edits it: it then counts as not closed
/// cleanly.
pub(crate) fn edit<T>(path: &Path, edit: impl FnOnce(&redb::WriteTransaction) -> T) -> T {
    // redb opens a file without the seal only.
    let bytes = fs::read(path).expect("a file");
    let footer = &bytes[bytes.len() - 33..];
    assert_eq!(&footer[..8], b"tideseal");
    let data_len = u64::from_le_bytes(footer[9..17].try_into().expect("eight bytes"));
    fs::write(path, &bytes[..data_len as usize]).expect("it is written");
    let database = redb::Database::open(path).expect("it opens");
    let mut txn = database.begin_write().expect("it can be written to");
    txn.set_two_phase_commit(true);
    let answer = edit(&txn);
    txn.commit().expect("a commit");
    answer
}

/// Makes the checksum of a page fit that says that it is of a later format than this release knows: in
/// those it covers what they are, too.
pub(crate) fn seal_as_later(key: &[u8], page: &mut [u8]) {
    let sum = xxh3_64_with_seed(&page[16..], xxh3_64_with_seed(&page[4..8], xxh3_64(key)));
    page[8..16].copy_from_slice(&sum.to_le_bytes());
}
