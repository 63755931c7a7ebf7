//! Files that are not what was written.

use tidetable::{ErrorKind, Store};

use crate::common::disk::Disk;
use crate::common::record::{at, buckets, built_view, cell, patient, put_view};

/// A store with two views; closed, or as a crash leaves it.
fn written(closed: bool) -> Vec<u8> {
    let disk = Disk::default();
    let store = Store::open_backend(disk.backend(), patient()).unwrap();
    put_view(&store, "put").unwrap().put(&1, at(0), &cell(1, 0, 7)).unwrap();
    built_view(&store, "built").unwrap().fill(&1, buckets(0..3)).unwrap().complete().unwrap();
    if closed {
        store.close().unwrap();
    } else {
        store.sync().unwrap();
    }
    disk.bytes()
}

#[test]
fn a_damaged_page_is_named_as_that_wherever_an_opening_meets_it() {
    let whole = written(true);
    let mut refused = 0;
    for page in 0..whole.len() / 4096 {
        let mut bytes = whole.clone();
        bytes[page * 4096 + 99] ^= 1;
        let Err(error) = Store::open_backend(Disk::holding(bytes).backend(), patient()) else {
            continue;
        };
        refused += 1;
        assert_eq!(error.kind(), ErrorKind::Damaged, "page {page}: {error}");
        let named = format!("page at byte {} does not match", page * 4096);
        assert!(error.to_string().contains(&named), "page {page}: {error}");
    }
    assert!(refused > 3, "{refused}");
}

#[test]
fn a_file_cut_short_after_a_crash_is_damaged_or_none() {
    let whole = written(false);
    for len in (0..whole.len()).step_by(4096) {
        let cut = Disk::holding(whole[..len].to_vec());
        match Store::open_backend(cut.backend(), tidetable::Options { create: false, ..patient() })
        {
            Ok(store) => {
                let put = put_view(&store, "put").unwrap();
                assert_eq!(put.peek(&1, at(0)).unwrap().unwrap().value, 7, "cut to {len}");
            }
            Err(error) => {
                let expected = if len == 0 { ErrorKind::Foreign } else { ErrorKind::Damaged };
                assert_eq!(error.kind(), expected, "cut to {len}: {error}");
            }
        }
    }
}

#[test]
fn where_a_commit_may_have_been_given_up_nothing_is_fresh() {
    let mut bytes = written(false);
    let fresh = |bytes: &[u8]| {
        let store =
            Store::open_backend(Disk::holding(bytes.to_vec()).backend(), patient()).unwrap();
        let built = built_view(&store, "built").unwrap();
        let records = (0..3).map(|bucket| built.peek(&1, at(bucket)).unwrap().unwrap());
        records.filter(|record| record.is_fresh()).count()
    };
    assert_eq!(fresh(&bytes), 3);
    // Without this bit of its header redb goes back a commit where the last is not whole.
    bytes[9] &= !4;
    assert_eq!(fresh(&bytes), 0);
}
