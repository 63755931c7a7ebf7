//! A store opened to read only.

use std::fs;
use std::path::PathBuf;

use crate::common::still;
use tidetable::{ErrorKind, Options, Result, Store, View};

use crate::common::record::{Cell, at, buckets, built_view, cell, grid, put_view};

fn reading() -> Options {
    Options { read_only: true, ..still::options() }
}

/// A closed store with two views.
fn written() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("city.tide");
    let store = Store::open(&path).unwrap();
    put_view(&store, "put").unwrap().put(&1, at(0), &cell(1, 0, 7)).unwrap();
    built_view(&store, "built").unwrap().fill(&1, buckets(0..3)).unwrap().complete().unwrap();
    store.close().unwrap();
    (folder, path)
}

#[test]
fn several_readers_share_a_file_and_none_of_them_writes_to_it() {
    let (folder, path) = written();
    let before = (fs::read(&path).unwrap(), fs::metadata(&path).unwrap().modified().unwrap());
    let stores: Vec<_> = (0..3).map(|_| Store::open_with(&path, reading()).unwrap()).collect();
    for store in &stores {
        let view = put_view(store, "put").unwrap();
        let record = view.get(&1, at(0)).unwrap();
        assert_eq!(record.value, 7);
        assert!(record.is_fresh());
        assert_eq!(built_view(store, "built").unwrap().range(&1, buckets(0..3)).unwrap().len(), 3);
        assert_eq!(store.views().unwrap().len(), 2);
    }
    let writer = Store::open(&path).map(drop).unwrap_err();
    assert_eq!(writer.kind(), ErrorKind::Busy, "{writer}");
    for store in stores {
        store.close().unwrap();
    }
    let after = (fs::read(&path).unwrap(), fs::metadata(&path).unwrap().modified().unwrap());
    assert_eq!(after, before);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "something was left behind");
    Store::open(&path).unwrap().close().unwrap();
}

#[test]
fn a_reader_says_what_is_missing_and_refuses_what_would_write() {
    let (_folder, path) = written();
    let before = fs::read(&path).unwrap();
    let store = Store::open_with(&path, reading()).unwrap();
    let put = put_view(&store, "put").unwrap();
    let built = built_view(&store, "built").unwrap();
    for missing in [put.get(&1, at(1)).unwrap_err(), built.get(&9, at(0)).unwrap_err()] {
        assert_eq!(missing.kind(), ErrorKind::Absent, "{missing}");
        assert!(missing.to_string().contains("open to read only"), "{missing}");
    }
    assert!(built.peek(&9, at(0)).unwrap().is_none());
    assert!(built.range(&9, buckets(0..3)).unwrap().is_empty());
    let refused: [Result<()>; 7] = [
        put.put(&1, at(1), &cell(1, 1, 1)),
        put.delete(&1).map(drop),
        put.delete_before(at(1)).map(drop),
        put.clear().map(drop),
        built.fill(&1, buckets(0..9)).map(drop),
        store.sync(),
        store.delete_view("put").map(drop),
    ];
    for (number, refused) in refused.into_iter().enumerate() {
        let error = refused.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input, "{number}: {error}");
        assert!(error.to_string().contains("read only"), "{number}: {error}");
        assert_eq!(error.file(), Some(&*path), "{number}: {error}");
    }
    store.close().unwrap();
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_reader_takes_a_view_as_the_file_has_it_or_not_at_all() {
    #[derive(rkyv::Archive, rkyv::Serialize)]
    struct Other {
        text: String,
    }
    let (_folder, path) = written();
    let store = Store::open_with(&path, reading()).unwrap();
    let view = || store.view::<u32, Cell>("put").page_len(4);
    let unknown = put_view(&store, "unknown").unwrap_err();
    let grid_differs = view().grid(tidetable::Grid::minutes(2)).without_build().unwrap_err();
    let page_differs = view().grid(grid()).page_len(5).without_build().unwrap_err();
    let other: Result<View<u32, Other>> =
        store.view("put").grid(grid()).page_len(4).without_build();
    for error in [unknown, grid_differs, page_differs, other.map(drop).unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Definition, "{error}");
        assert!(error.to_string().contains("read only"), "{error}");
    }
    store.close().unwrap();
}

#[test]
fn a_reader_refuses_a_view_older_than_the_file_has_it() {
    let (_folder, path) = written();
    let define = |store: &Store, version| -> Result<View<u32, Cell>> {
        store.view("put").grid(grid()).page_len(4).version(version).without_build()
    };
    let store = Store::open(&path).unwrap();
    define(&store, 5).unwrap();
    store.close().unwrap();
    let store = Store::open_with(&path, reading()).unwrap();
    assert_eq!(define(&store, 4).unwrap_err().kind(), ErrorKind::Definition);
    assert!(!define(&store, 5).unwrap().get(&1, at(0)).unwrap().is_fresh());
    store.close().unwrap();
}
