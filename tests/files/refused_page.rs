//! What becomes of a store in use when its disk gives a page back that is not what was written.

use std::fs;

use crate::common::still;
use tidetable::{ErrorKind, Freshness, Grid, Layer, Options, Store, Timestamp, View};

const ENTITIES: u32 = 3000;
/// Read before the damage, and so in memory.
const CACHED: u32 = 7;

fn world(store: &Store) -> (View<u32, Vec<u8>>, Timestamp) {
    let view = store.view::<u32, Vec<u8>>("notes").grid(Grid::minutes(10)).without_build();
    (view.expect("a view of puts"), Timestamp::EPOCH)
}

/// What no compression makes small, so that the file has a page for every few of them.
fn note(of: u32) -> Vec<u8> {
    let mut state = u64::from(of) + 1;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..400).map(|_| next()).collect()
}

/// redb keeps next to nothing, so that what is not in the store's own cache is read from the disk.
fn options() -> Options {
    Options { memory_bytes: 1 << 20, ..still::options() }
}

#[test]
fn after_a_refused_page_the_cached_is_served_the_rest_names_it_and_a_repair_brings_all_else() {
    let folder = tempfile::tempdir().unwrap();
    let (path, repaired) = (folder.path().join("notes.tide"), folder.path().join("repaired.tide"));
    let store = Store::open_with(&path, options()).unwrap();
    let (view, at) = world(&store);
    view.put_many((0..ENTITIES).map(|of| (of, at, note(of)))).unwrap();
    store.close().unwrap();

    let store = Store::open_with(&path, options()).unwrap();
    let (view, at) = world(&store);
    assert_eq!(view.get(&CACHED, at).unwrap().as_slice(), note(CACHED));
    // Under the open store a page is lost: the one with the note of an entity that nobody has read.
    let lost = ENTITIES - 100;
    let mut bytes = fs::read(&path).unwrap();
    let part = &note(lost)[100..132];
    let found = bytes.windows(part.len()).position(|window| window == part);
    let damaged = found.expect("a note stands in the file as it was put");
    bytes[damaged] ^= 0xFF;
    fs::write(&path, &bytes).unwrap();

    let refused = view.get(&lost, at).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Damaged, "{refused}");
    let page = format!("page at byte {} does not match", damaged / 4096 * 4096);
    assert!(refused.to_string().contains(&page), "{refused}");
    assert!(refused.to_string().contains("repair"), "{refused}");

    // From now on redb reads nothing more: what is in memory is served, all else says why.
    let cached = view.get(&CACHED, at).unwrap();
    assert_eq!((cached.as_slice(), cached.layer()), (&note(CACHED)[..], Layer::Memory));
    assert_eq!(cached.freshness(), Freshness::Fresh);
    for of in [lost, lost - 1000, 1] {
        let error = view.get(&of, at).unwrap_err();
        assert!(error.to_string().contains(&page), "{of}: {error}");
    }
    for refused in [view.put(&1, at, &note(1)), store.sync(), view.delete(&1).map(drop)] {
        let error = refused.unwrap_err();
        assert!(error.to_string().contains(&page), "{error}");
    }
    let reported = store.close().unwrap_err();
    assert!(reported.to_string().contains(&page), "{reported}");

    let report = Store::repair(&path, &repaired).unwrap();
    let store = Store::open_with(&repaired, options()).unwrap();
    let (view, at) = world(&store);
    let mut missing = 0;
    for of in 0..ENTITIES {
        match view.peek(&of, at).unwrap() {
            Some(record) => assert_eq!(record.as_slice(), note(of), "{of}"),
            None => missing += 1,
        }
    }
    // The note itself; the page of the file that it stood in; and that what else stood there may be
    // older, for all that the damaged page can say.
    assert_eq!(missing, 1, "{report}");
    assert!(report.lost <= 10, "{report}");
    store.close().unwrap();
}
