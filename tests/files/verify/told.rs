//! What a row of sources told of its node, when it cannot be read any more: that it has changed.

use super::*;

/// As the file names it: a tag, and what it is.
fn node(tag: u8, rest: &[u8]) -> Vec<u8> {
    [&[tag], rest].concat()
}

#[test]
fn a_kind_of_which_the_row_is_unreadable_has_changed_for_who_read_one_of_its_sources() {
    let kind = node(1, b"building\0\x01");
    let (_folder, world, _) = found(FindingKind::Row, "sources", nothing, |txn| {
        put(txn, "sources", &kind, &[1]);
    });
    for of in 0..ENTITIES {
        assert_eq!(world.freshness(of), Some(Freshness::Suspect));
        let height = world.heights.peek(&of, at(0)).unwrap().unwrap();
        assert_eq!(height.freshness(), Freshness::Stale);
    }
}

#[test]
fn a_view_of_which_the_row_is_unreadable_has_changed_for_who_read_all_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("city.tide");
    let sums = |world: &World| {
        let heights = world.heights.clone();
        let sums = world.store.view::<u32, u64>("sums").build(move |cx, _, _| {
            let all = cx.scan(&heights, TimeRange::new(at(0), at(2)))?;
            Ok(all.iter().flat_map(|(_, line)| line.iter()).map(|(_, it)| it.to_native()).sum())
        });
        sums.unwrap()
    };
    let freshness = |sums: &View<u32, u64>| sums.peek(&0, at(0)).unwrap().unwrap().freshness();
    let world = World::open(&path);
    world.fill();
    let read = sums(&world);
    assert!(read.get(&0, at(0)).unwrap().is_fresh());
    drop(read);
    world.close();
    unsealed::edit(&path, |txn| put(txn, "sources", &node(4, &1_u32.to_be_bytes()), &[1]));
    let world = World::open(&path);
    let read = sums(&world);
    assert_eq!(freshness(&read), Freshness::Fresh, "nobody has looked");
    let mended = world.store.verify_and_repair(|_| ()).unwrap();
    assert_eq!((mended.found, mended.repaired), (1, 1), "{mended}");
    assert_eq!(freshness(&read), Freshness::Stale);
    assert_eq!(world.freshness(1), Some(Freshness::Fresh), "who read a part of it has not");
}
