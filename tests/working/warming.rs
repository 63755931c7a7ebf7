//! Pages that come into memory before anybody asks for them.

use crate::common::disk::Disk;
use crate::common::record::{Cell, at, buckets, cell, grid, put_view};
use crate::common::still;
use tidetable::report::Reason;
use tidetable::{ErrorKind, Options, Store, View};

fn open(disk: &Disk, options: Options) -> Store {
    Store::open_backend(disk.backend(), options).unwrap()
}

/// Pages of four buckets each, of one entity after the other.
fn put_pages(view: &View<u32, Cell>, entities: std::ops::Range<u32>) {
    view.put_many(entities.map(|id| (id, at(0), cell(id, 0, 1)))).unwrap();
}

/// Works until there is nothing to do. What each piece was, and how many pages it warmed.
fn work(store: &Store) -> Vec<(Reason, u64)> {
    let next = || store.build_next().unwrap();
    std::iter::from_fn(next).map(|worked| (worked.reason, worked.warmed)).collect()
}

/// How many reads of these entities go to the file.
fn loads(store: &Store, view: &View<u32, Cell>, entities: std::ops::Range<u32>) -> u64 {
    let before = store.metrics().loads;
    entities.for_each(|id| assert_eq!(view.peek(&id, at(0)).unwrap().unwrap().entity, id));
    store.metrics().loads - before
}

/// A file that was closed after entities 0 to 39 of two views had been read.
fn used_before() -> Disk {
    let disk = Disk::default();
    let store = open(&disk, still::options());
    let views = ["one", "two"].map(|name| put_view(&store, name).unwrap());
    views.iter().for_each(|view| put_pages(view, 0..100));
    store.close().unwrap();
    drop((views, store));
    let store = open(&disk, Options { warm_up: false, ..still::options() });
    let views = ["one", "two"].map(|name| put_view(&store, name).unwrap());
    assert_eq!(work(&store), []);
    drop((views, store));
    let store = open(&disk, still::options());
    let views = ["one", "two"].map(|name| put_view(&store, name).unwrap());
    views.iter().for_each(|view| assert_eq!(loads(&store, view, 0..40), 40));
    store.close().unwrap();
    disk
}

#[test]
fn what_was_used_before_the_close_is_in_memory_after_the_opening_once_its_view_is_defined() {
    let disk = used_before();
    let store = open(&disk, still::options());
    assert_eq!(work(&store), [], "no view is defined");
    let one = put_view(&store, "one").unwrap();
    assert_eq!(work(&store), [(Reason::WarmUp, 32), (Reason::WarmUp, 8)]);
    assert_eq!(store.metrics().loads, 0, "nobody asked");
    assert_eq!((loads(&store, &one, 0..40), loads(&store, &one, 40..50)), (0, 10));
    let two = put_view(&store, "two").unwrap();
    assert_eq!(work(&store), [(Reason::WarmUp, 32), (Reason::WarmUp, 8)]);
    assert_eq!(loads(&store, &two, 0..40), 0);
    assert_eq!(work(&store), []);
    assert_eq!(store.metrics().pages_warmed, 80);
}

#[test]
fn an_opening_that_uses_nothing_keeps_what_the_one_before_noted() {
    let disk = used_before();
    open(&disk, still::options()).close().unwrap();
    let store = open(&disk, still::options());
    put_view(&store, "one").unwrap();
    assert_eq!(work(&store).len(), 2);
}

#[test]
fn a_store_opened_to_read_is_warmed_too() {
    let disk = used_before();
    let store = open(&disk, Options { read_only: true, ..still::options() });
    let one = put_view(&store, "one").unwrap();
    assert_eq!(work(&store), [(Reason::WarmUp, 32), (Reason::WarmUp, 8)]);
    assert_eq!(loads(&store, &one, 0..40), 0);
}

#[test]
fn builders_warm_by_themselves() {
    let disk = used_before();
    let store = open(&disk, Options::default());
    let one = put_view(&store, "one").unwrap();
    while store.metrics().pages_warmed < 40 {
        std::thread::yield_now();
    }
    assert_eq!(loads(&store, &one, 0..40), 0);
}

#[test]
fn what_was_stored_since_is_not_covered_by_what_comes_in() {
    let disk = used_before();
    let store = open(&disk, still::options());
    let one = put_view(&store, "one").unwrap();
    one.put(&3, at(1), &cell(3, 1, 7)).unwrap();
    one.delete(&4).unwrap();
    work(&store);
    assert_eq!(one.peek(&3, at(1)).unwrap().unwrap().value, 7);
    assert!(one.peek(&4, at(0)).unwrap().is_none());
}

#[test]
fn nothing_is_brought_in_where_there_is_no_room() {
    let disk = used_before();
    let store = open(&disk, Options { memory_bytes: 0, ..still::options() });
    let one = put_view(&store, "one").unwrap();
    assert!(one.warm([1], buckets(0..4)).unwrap().complete);
    assert_eq!(work(&store), []);

    // Room for some, which those have who asked first.
    let store = Store::in_memory_with(Options { memory_bytes: 64 << 10, ..still::options() });
    let store = store.unwrap();
    let view = put_view(&store, "one").unwrap();
    put_pages(&view, 0..200);
    loads(&store, &view, 0..20);
    let before = store.metrics();
    view.warm(20..200, buckets(0..4)).unwrap();
    work(&store);
    let after = store.metrics();
    assert!(after.pages_warmed > 0 && after.bytes_resident <= 56 << 10, "{after:?}");
    assert_eq!(after.evictions, before.evictions);
    assert_eq!(loads(&store, &view, 0..20), 0);
}

#[test]
fn a_list_of_pages_is_warmed_in_the_background() {
    let disk = Disk::default();
    let store = open(&disk, still::options());
    put_pages(&put_view(&store, "one").unwrap(), 0..50);
    store.close().unwrap();
    let store = open(&disk, Options { warm_up: false, ..still::options() });
    let view = put_view(&store, "one").unwrap();
    let warming = view.warm(0..40, buckets(0..8)).unwrap();
    assert_eq!((warming.taken, warming.complete), (80, true), "two pages each, there or not");
    let warmed: u64 = work(&store).iter().map(|(_, warmed)| warmed).sum();
    assert_eq!((warmed, loads(&store, &view, 0..40)), (40, 0));
    let all = view.warm(0.., buckets(0..4)).unwrap();
    assert_eq!((all.taken, all.complete), (4096, false));
    let none = view.warm([1], buckets(0..4)).unwrap();
    assert_eq!((none.taken, none.complete), (0, false));
    work(&store);
    assert!(view.warm([1], buckets(0..4)).unwrap().complete);
    let refused = view.warm([1], buckets(0..1 << 21)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Input);
}

#[test]
fn a_page_that_is_not_there_is_passed_over() {
    let store = still::in_memory().unwrap();
    let view = store.view::<u32, u64>("empty").grid(grid()).without_build().unwrap();
    view.warm([1], buckets(0..1)).unwrap();
    assert_eq!(work(&store), [(Reason::WarmUp, 0)]);
    assert_eq!(store.metrics().pages_warmed, 0);
}
