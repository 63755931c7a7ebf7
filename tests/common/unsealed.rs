//! A file changed from outside.

use std::fs;
use std::path::Path;

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
