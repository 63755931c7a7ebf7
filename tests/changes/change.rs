//! `Store::change`: what was begun is announced, whatever becomes of it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::thread;

use tidetable::{ErrorKind, Freshness, Store};

use crate::common::disk::{Cut, Disk, Images};

use super::world::{NOW, Outside, World, after_a_crash, colour, read_all, read_only, value};

const CHANGED: (Freshness, Freshness) = (Freshness::Stale, Freshness::Suspect);

#[test]
fn a_change_is_announced_when_it_has_run() {
    let it = World::in_memory();
    value(&it.above, 1);
    let syncs = it.store.metrics().syncs;
    let answer = it.store.change(("outside", 1), || {
        assert_eq!(it.colours(1), (Freshness::Fresh, Freshness::Fresh));
        it.outside.set(5);
        "done"
    });
    assert_eq!(answer.unwrap(), "done");
    assert_eq!(it.store.metrics().syncs, syncs + 2, "one for the note, one for the announcement");
    assert_eq!(it.colours(1), CHANGED);
    assert_eq!(value(&it.above, 1), 1005);
}

#[test]
fn a_change_that_fails_is_announced_and_says_why_it_failed() {
    let it = World::in_memory();
    value(&it.above, 1);
    let answer = it.store.change(("outside", 1), || Err::<(), _>("no room"));
    assert_eq!(answer.unwrap(), Err("no room"));
    assert_eq!(it.colours(1), CHANGED);
}

#[test]
fn a_change_that_panics_is_announced_and_the_panic_goes_on() {
    let it = World::in_memory();
    value(&it.above, 1);
    let change = || it.store.change(("outside", 1), || panic!("half way"));
    let panic = catch_unwind(AssertUnwindSafe(change)).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"half way"));
    assert_eq!(it.colours(1), CHANGED);
}

#[test]
fn a_change_that_is_held_says_what_its_end_marked() {
    let it = World::in_memory();
    read_all(&it.above, 1..=2);
    let syncs = it.store.metrics().syncs;
    let change = it.store.begin_change(("outside", 1)).unwrap();
    assert_eq!(it.colours(1), (Freshness::Fresh, Freshness::Fresh));
    it.outside.set(5);
    let report = change.announce().unwrap();
    assert_eq!((report.stale, report.suspect), (1, 1));
    assert_eq!(it.store.metrics().syncs, syncs + 2, "one for the note, one for the announcement");
    assert_eq!((it.colours(1), value(&it.above, 1)), (CHANGED, 1005));
}

#[test]
fn a_change_that_is_let_go_of_is_announced() {
    let it = World::in_memory();
    read_all(&it.above, 1..=3);
    drop(it.store.begin_change_many([("outside", 1), ("outside", 2)]).unwrap());
    assert_eq!([1, 2].map(|entity| it.colours(entity)), [CHANGED; 2]);
    let panics = || {
        let _change = it.store.begin_change(("outside", 3)).unwrap();
        panic!("half way");
    };
    catch_unwind(AssertUnwindSafe(panics)).unwrap_err();
    assert_eq!(it.colours(3), CHANGED);
}

#[test]
fn a_change_that_is_held_beyond_the_close_is_announced_by_the_next_opening() {
    let (disk, outside) = (Disk::default(), Outside::default());
    let it = World::open(&disk, &outside);
    value(&it.above, 1);
    let change = it.store.begin_change(("outside", 1)).unwrap();
    it.store.close().unwrap();
    assert_eq!(change.announce().unwrap_err().kind(), ErrorKind::Reopen);
    drop(it);
    assert_eq!(World::open(&disk, &outside).colours(1), CHANGED);
}

#[test]
fn a_change_that_is_held_keeps_the_store_open() {
    let (disk, outside) = (Disk::default(), Outside::default());
    let it = World::open(&disk, &outside);
    value(&it.above, 1);
    let change = it.store.begin_change(("outside", 1)).unwrap();
    drop(it);
    assert_eq!(change.announce().unwrap().stale, 1);
    assert_eq!(World::open(&disk, &outside).colours(1), CHANGED);
}

#[test]
fn all_sources_of_a_change_are_announced() {
    let it = World::in_memory();
    read_all(&it.above, 1..=3);
    it.store.change_many([("outside", 1), ("outside", 3)], || ()).unwrap();
    assert_eq!(it.colours(1), CHANGED);
    assert_eq!(it.colours(2), (Freshness::Fresh, Freshness::Fresh));
    assert_eq!(it.colours(3), CHANGED);
}

#[test]
fn a_change_that_cannot_be_noted_does_not_run() {
    let disk = Disk::default();
    let it = World::open(&disk, &Outside::default());
    let never = || panic!("the change ran though it could not be noted");
    let refused = it.store.change(("", 1), never).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Input, "{refused}");
    let inside = it.store.clone();
    let view = it.store.view::<u32, u64>("changing").build(move |_, _, _| {
        inside.change(("outside", 1), never)?;
        Ok(0)
    });
    let refused = view.unwrap().get(&1, NOW).unwrap_err();
    assert!(refused.to_string().contains("a change inside a build"), "{refused}");
    it.store.close().unwrap();
    let closed = it.store.change(("outside", 1), never).unwrap_err();
    assert_eq!(closed.kind(), ErrorKind::Reopen, "{closed}");
    let store = Store::open_backend(disk.backend(), read_only()).unwrap();
    let refused = store.change(("outside", 1), never).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Input, "{refused}");
}

#[test]
fn a_change_cut_short_by_a_crash_is_announced_by_the_next_opening() {
    let disk = Disk::default();
    let it = World::open(&disk, &Outside::default());
    value(&it.above, 1);
    value(&it.above, 2);
    it.store.sync().unwrap();
    let crashed = it.store.change(("outside", 1), || after_a_crash(&disk)).unwrap();
    let next = World::open(&crashed, &it.outside);
    assert_eq!(next.colours(1), CHANGED);
    assert_eq!(next.colours(2), (Freshness::Fresh, Freshness::Fresh));
    next.outside.set(5);
    assert_eq!(value(&next.above, 1), 1005);
    next.store.close().unwrap();
    let last = World::open(&crashed, &it.outside);
    assert_eq!(last.colours(1), (Freshness::Fresh, Freshness::Fresh), "it is announced once");
}

#[test]
fn a_store_closed_inside_a_change_leaves_the_announcement_to_the_next_opening() {
    let disk = Disk::default();
    let it = World::open(&disk, &Outside::default());
    value(&it.above, 1);
    let ran = Outside::default();
    let answer = it.store.change(("outside", 1), || {
        ran.set(1);
        it.store.close().unwrap();
    });
    assert_eq!(answer.unwrap_err().kind(), ErrorKind::Reopen);
    assert_eq!(ran.get(), 1);
    // It was closed cleanly, and yet nothing in it can be called fresh without announcing first.
    let reading = World::of(Store::open_backend(disk.backend(), read_only()).unwrap(), &it.outside);
    assert_eq!(reading.colours(1), (Freshness::Suspect, Freshness::Suspect));
    reading.store.close().unwrap();
    let next = World::open(&disk, &it.outside);
    assert_eq!(next.colours(1), CHANGED);
    value(&next.above, 1);
    next.store.close().unwrap();
    let reading = World::of(Store::open_backend(disk.backend(), read_only()).unwrap(), &it.outside);
    assert_eq!(reading.colours(1), (Freshness::Fresh, Freshness::Fresh));
}

#[test]
fn a_file_left_by_a_crash_within_a_change_is_fresh_in_nothing_to_those_who_only_read() {
    let disk = Disk::default();
    let it = World::open(&disk, &Outside::default());
    value(&it.above, 1);
    value(&it.above, 2);
    it.store.sync().unwrap();
    let crashed = it.store.change(("outside", 1), || after_a_crash(&disk)).unwrap();
    let bytes = crashed.bytes();
    let store = Store::open_backend(crashed.backend(), read_only()).unwrap();
    let reading = World::of(store, &it.outside);
    for entity in [1, 2] {
        assert_eq!(reading.colours(entity), (Freshness::Suspect, Freshness::Suspect));
    }
    reading.store.close().unwrap();
    assert!(crashed.bytes() == bytes, "reading has written");
}

#[test]
fn of_changes_within_each_other_the_outer_one_is_not_forgotten() {
    let disk = Disk::default();
    let it = World::open(&disk, &Outside::default());
    value(&it.above, 1);
    let crashed = it.store.change(("outside", 1), || {
        it.store.change(("outside", 1), || ()).unwrap();
        assert_eq!(it.colours(1), CHANGED);
        value(&it.above, 1);
        it.store.sync().unwrap();
        after_a_crash(&disk)
    });
    assert_eq!(it.colours(1), CHANGED);
    assert_eq!(World::open(&crashed.unwrap(), &it.outside).colours(1), CHANGED);
}

#[test]
fn two_threads_that_change_one_source_at_once_both_announce_it() {
    let it = World::in_memory();
    value(&it.above, 1);
    let (inside, first_done) = (Barrier::new(2), Barrier::new(2));
    thread::scope(|scope| {
        scope.spawn(|| {
            it.store.change(("outside", 1), || inside.wait()).unwrap();
            first_done.wait();
        });
        it.store
            .change(("outside", 1), || {
                inside.wait();
                first_done.wait();
                assert_eq!(it.colours(1), CHANGED);
                value(&it.above, 1);
            })
            .unwrap();
    });
    assert_eq!(it.colours(1), CHANGED, "the later one is announced too");
}

#[test]
fn after_every_cut_a_change_that_may_have_begun_is_announced() {
    let disk = Disk::default();
    let outside = Outside::default();
    let it = World::open(&disk, &outside);
    value(&it.above, 1);
    it.store.close().unwrap();
    let base = disk.bytes();

    let disk = Disk::holding(base.clone());
    let it = World::open(&disk, &outside);
    assert_eq!(value(&it.above, 1), 1000);
    let begun = it.store.change(("outside", 1), || disk.changes()).unwrap();
    let ended = disk.changes();
    value(&it.above, 1);
    it.store.sync().unwrap();
    let rebuilt = disk.changes();
    let calls = disk.calls();
    let (mut cases, mut fresh, mut images) = (0, 0, Images::new(base, &calls));
    for cut in 0..=calls.len() {
        for kind in [Cut::Nothing, Cut::Unsynced, Cut::Torn(cut as u64 * 7919 + 1)] {
            let found = World::open(&Disk::holding(images.after(cut, kind)), &outside);
            let colours = found.colours(1);
            let is_fresh = colours == (Freshness::Fresh, Freshness::Fresh);
            cases += 1;
            fresh += usize::from(is_fresh && cut < begun);
            if (begun..=ended).contains(&cut) || cut < rebuilt && !is_fresh && cut > ended {
                assert_eq!(colours, CHANGED, "cut {cut} {kind:?}, begun {begun}, ended {ended}");
            }
            assert!(cut < rebuilt || is_fresh, "cut {cut} {kind:?}: the rebuild was synced");
        }
    }
    println!("{cases} cuts of {} changes, {fresh} of them before it began", calls.len());
    assert!(fresh > 0 && ended > begun);
}

#[test]
fn a_record_built_during_a_change_is_stale_after_it() {
    let it = World::in_memory();
    it.store.change(("outside", 1), || assert_eq!(value(&it.direct, 1), 0)).unwrap();
    assert_eq!(colour(&it.direct, 1), Freshness::Stale);
}
