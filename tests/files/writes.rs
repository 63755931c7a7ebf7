//! Several writes as one: all of them, or none.

use std::sync::{Arc, Barrier};
use std::thread;

use tidetable::{
    Changes, Clock, ErrorKind, Freshness, Grid, Input, ManualClock, Options, PendingState, Span,
    Store, Timestamp, View, Writes,
};

use crate::common::disk::{Cut, Disk, Images};
use crate::common::record::{at, patient};
use crate::common::still;

const NOW: Timestamp = Timestamp::EPOCH;

/// What an order says, its price as it is built from that and from a rate outside, and notes that are
/// put.
struct Shop {
    store: Store,
    orders: Input<u32, u64>,
    prices: View<u32, u64>,
    notes: View<u32, u64>,
}

impl Shop {
    fn of(store: Store) -> Self {
        let orders = store.input::<u32, u64>("orders").unwrap();
        let read = orders.clone();
        let prices = store.view::<u32, u64>("prices").build(move |cx, id, _| {
            cx.depends_on(("rate", *id));
            Ok(cx.input(&read, id)?.map_or(0, |order| order.to_native() * 10))
        });
        let notes = store.view::<u32, u64>("notes").grid(Grid::minutes(1)).page_len(4);
        Self { prices: prices.unwrap(), notes: notes.without_build().unwrap(), store, orders }
    }

    fn in_memory() -> Self {
        Self::of(Store::in_memory_with(patient()).unwrap())
    }

    fn order(&self, id: u32) -> Option<u64> {
        self.orders.get(&id).unwrap().map(|order| order.to_native())
    }

    fn note(&self, id: u32, minute: i64) -> Option<(u64, Freshness)> {
        let note = self.notes.peek(&id, at(minute)).unwrap();
        note.map(|note| (note.to_native(), note.freshness()))
    }

    fn price(&self, id: u32) -> Option<Freshness> {
        self.prices.peek(&id, NOW).unwrap().map(|price| price.freshness())
    }

    fn is_asked_for(&self, id: u32) -> bool {
        let pending = self.prices.pending(&id, NOW).unwrap();
        pending.is_some_and(|it| matches!(it.state().unwrap(), PendingState::Waiting { .. }))
    }
}

#[test]
fn everything_stands_after_one_commit_with_one_sync() {
    let shop = Shop::in_memory();
    shop.prices.get(&2, NOW).unwrap();
    shop.orders.set(&3, &3).unwrap();
    let before = shop.store.metrics();
    let report = shop
        .store
        .writes()
        .request(&shop.prices, &1, NOW)
        .and_then(|writes| writes.invalidate(("rate", 2)))
        .and_then(|writes| writes.set(&shop.orders, &1, &5))
        .and_then(|writes| writes.remove(&shop.orders, &3))
        .and_then(|writes| writes.put(&shop.notes, &1, at(0), &7))
        .and_then(|writes| writes.put(&shop.notes, &1, at(9), &8))
        .and_then(|writes| writes.commit())
        .unwrap();
    let after = shop.store.metrics();
    assert_eq!((after.commits - before.commits, after.syncs - before.syncs), (1, 1));
    assert_eq!((report.changed, report.removed, report.requested), (3, 1, 1));
    assert_eq!((report.invalidated.stale, report.revision), (1, shop.store.revision()));
    assert_eq!(report.revision, report.invalidated.revision);

    assert_eq!((shop.order(1), shop.order(3)), (Some(5), None));
    assert_eq!(shop.note(1, 0), Some((7, Freshness::Fresh)));
    assert_eq!(shop.note(1, 9), Some((8, Freshness::Fresh)));
    assert_eq!(shop.price(2), Some(Freshness::Stale));
    assert!(shop.is_asked_for(1));
    assert_eq!(shop.prices.request(&1, NOW).unwrap().wait().unwrap().to_native(), 50);
}

#[test]
fn each_alone_is_synced_but_an_announcement_that_concerns_nobody() {
    let shop = Shop::in_memory();
    let syncs = |add: &dyn Fn(&mut Writes<'_>)| {
        let (mut writes, before) = (shop.store.writes(), shop.store.metrics().syncs);
        add(&mut writes);
        writes.commit().unwrap();
        shop.store.metrics().syncs - before
    };
    assert_eq!(syncs(&|writes| _ = writes.set(&shop.orders, &1, &5).unwrap()), 1);
    assert_eq!(syncs(&|writes| _ = writes.remove(&shop.orders, &1).unwrap()), 1);
    assert_eq!(syncs(&|writes| _ = writes.put(&shop.notes, &1, at(0), &7).unwrap()), 1);
    assert_eq!(syncs(&|writes| _ = writes.request(&shop.prices, &1, NOW).unwrap()), 1);
    assert_eq!(syncs(&|writes| _ = writes.invalidate(("rate", 1)).unwrap()), 0);
}

#[test]
fn without_a_commit_nothing_is_written_and_one_of_nothing_costs_nothing() {
    let shop = Shop::in_memory();
    let commits = shop.store.metrics().commits;
    let mut writes = shop.store.writes();
    writes.set(&shop.orders, &1, &5).unwrap().request(&shop.prices, &1, NOW).unwrap();
    drop(writes);
    let report = shop.store.writes().commit().unwrap();
    assert_eq!((report.revision, report.changed), (shop.store.revision(), 0));
    assert_eq!(shop.store.metrics().commits, commits);
    assert_eq!((shop.order(1), shop.is_asked_for(1)), (None, false));
}

#[test]
fn what_was_committed_is_not_committed_again() {
    let shop = Shop::in_memory();
    let mut writes = shop.store.writes();
    writes.set(&shop.orders, &1, &5).unwrap().commit().unwrap();
    shop.orders.set(&1, &6).unwrap();
    writes.set(&shop.orders, &2, &7).unwrap().commit().unwrap();
    assert_eq!((shop.order(1), shop.order(2)), (Some(6), Some(7)));
}

#[test]
fn those_who_read_what_changes_are_marked_and_others_are_not() {
    let shop = Shop::in_memory();
    shop.orders.set_many([(1, 1), (2, 2), (3, 3)]).unwrap();
    (1..=3).for_each(|id| drop(shop.prices.get(&id, NOW).unwrap()));
    let mut writes = shop.store.writes();
    writes.set(&shop.orders, &1, &9).unwrap().set(&shop.orders, &2, &2).unwrap();
    writes.remove(&shop.orders, &3).unwrap();
    assert_eq!(writes.commit().unwrap().changed, 1);
    let prices = [1, 2, 3].map(|id| shop.price(id).unwrap());
    assert_eq!(prices, [Freshness::Stale, Freshness::Fresh, Freshness::Stale]);
}

#[test]
fn of_several_for_one_key_or_bucket_the_last_stays() {
    let shop = Shop::in_memory();
    shop.orders.set(&1, &1).unwrap();
    let mut writes = shop.store.writes();
    writes.set(&shop.orders, &1, &5).unwrap().remove(&shop.orders, &1).unwrap();
    writes.remove(&shop.orders, &2).unwrap().set(&shop.orders, &2, &6).unwrap();
    writes.set(&shop.orders, &2, &7).unwrap();
    writes.put(&shop.notes, &1, at(0), &1).unwrap().put(&shop.notes, &1, at(0), &2).unwrap();
    let report = writes.commit().unwrap();
    assert_eq!((report.changed, report.removed), (2, 1));
    assert_eq!((shop.order(1), shop.order(2)), (None, Some(7)));
    assert_eq!(shop.note(1, 0), Some((2, Freshness::Fresh)));
}

#[test]
fn more_values_than_one_step_of_a_deletion_takes_are_removed_together() {
    let shop = Shop::in_memory();
    shop.orders.set_many((0..1500).map(|id| (id, 7))).unwrap();
    let commits = shop.store.metrics().commits;
    let mut writes = shop.store.writes();
    for id in 0..1500 {
        writes.remove(&shop.orders, &id).unwrap();
    }
    assert_eq!(writes.commit().unwrap().removed, 1500);
    assert_eq!((shop.store.metrics().commits - commits, shop.orders.keys().count()), (1, 0));
}

#[test]
fn a_record_put_beside_the_announcement_of_what_it_was_made_from_is_stale() {
    let shop = Shop::in_memory();
    for announced_first in [false, true] {
        let mut writes = shop.store.writes();
        if announced_first {
            writes.invalidate(("rate", 1)).unwrap();
        }
        writes.put_depending(&shop.notes, &1, at(0), &7, [("rate", 1)]).unwrap();
        writes.put_depending(&shop.notes, &2, at(0), &7, [("rate", 2)]).unwrap();
        if !announced_first {
            writes.invalidate_all(&Changes::new().source(("rate", 1))).unwrap();
        }
        let report = writes.commit().unwrap();
        assert_eq!(report.invalidated.stale, 1, "announced first: {announced_first}");
        assert_eq!(shop.note(1, 0), Some((7, Freshness::Stale)));
        assert_eq!(shop.note(2, 0), Some((7, Freshness::Fresh)));
    }
}

#[test]
fn what_was_announced_after_the_writes_began_makes_a_record_stale_from_the_beginning() {
    let shop = Shop::in_memory();
    let mut writes = shop.store.writes();
    shop.store.invalidate(("rate", 1)).unwrap();
    writes.put_depending(&shop.notes, &1, at(0), &7, [("rate", 1)]).unwrap().commit().unwrap();
    assert_eq!(shop.note(1, 0), Some((7, Freshness::Stale)));
    // The next ones begin where these ended, with all that these announced.
    writes.put_depending(&shop.notes, &1, at(0), &8, [("rate", 1)]).unwrap().commit().unwrap();
    assert_eq!(shop.note(1, 0), Some((8, Freshness::Fresh)));
    writes.invalidate(("rate", 1)).unwrap().commit().unwrap();
    writes.put_depending(&shop.notes, &1, at(0), &9, [("rate", 1)]).unwrap().commit().unwrap();
    assert_eq!(shop.note(1, 0), Some((9, Freshness::Fresh)));
}

#[test]
fn a_value_that_somebody_else_set_meanwhile_is_overwritten() {
    let shop = Shop::in_memory();
    let mut writes = shop.store.writes();
    writes.set(&shop.orders, &1, &5).unwrap();
    shop.orders.set(&1, &6).unwrap();
    assert_eq!(writes.commit().unwrap().changed, 1);
    assert_eq!(shop.order(1), Some(5));
}

#[test]
fn one_that_is_refused_leaves_nothing_of_the_others() {
    let shop = Shop::in_memory();
    let other = shop.store.view::<u32, u64>("other").without_build().unwrap();
    let mut writes = shop.store.writes();
    writes.set(&shop.orders, &1, &5).unwrap().request(&shop.prices, &1, NOW).unwrap();
    writes.put(&other, &1, NOW, &7).unwrap();
    shop.store.delete_view("other").unwrap();
    let error = writes.commit().unwrap_err();
    assert_eq!((error.kind(), error.view()), (ErrorKind::Definition, Some("other")));
    assert_eq!((shop.order(1), shop.is_asked_for(1)), (None, false));

    assert_eq!(
        writes.commit().unwrap_err().kind(),
        ErrorKind::Definition,
        "nothing was added since"
    );
    let report = writes.set(&shop.orders, &1, &6).unwrap().commit().unwrap();
    assert_eq!((report.changed, shop.order(1)), (1, Some(6)), "what was refused is given up");
    assert_eq!(writes.commit().unwrap().changed, 0);
}

#[test]
fn a_page_that_would_become_too_long_refuses_all_of_it() {
    let store = Store::in_memory_with(Options { memory_bytes: 0, ..patient() }).unwrap();
    let values = store.input::<u32, u64>("values").unwrap();
    let blobs = store.view::<u32, Vec<u8>>("blobs").grid(Grid::minutes(1)).page_len(4);
    let blobs = blobs.uncompressed().without_build().unwrap();
    let blob = vec![7; 12 << 20];
    blobs.put(&1, at(0), &blob).unwrap();
    blobs.put(&1, at(1), &blob).unwrap();
    let mut writes = store.writes();
    writes.set(&values, &1, &5).unwrap().put(&blobs, &1, at(2), &blob).unwrap();
    let error = writes.commit().unwrap_err();
    assert_eq!((error.kind(), error.view()), (ErrorKind::Input, Some("blobs")), "{error}");
    assert!(values.get(&1).unwrap().is_none() && blobs.peek(&1, at(2)).unwrap().is_none());
    values.set(&1, &5).unwrap();
}

#[test]
fn what_cannot_be_written_is_refused_when_it_is_added() {
    let (shop, another) = (Shop::in_memory(), Shop::in_memory());
    let mut writes = shop.store.writes();
    let refused = |error: tidetable::Error, says: &str| {
        assert_eq!(error.kind(), ErrorKind::Input, "{error}");
        assert!(error.to_string().contains(says), "{error}");
    };
    refused(writes.set(&another.orders, &1, &5).unwrap_err(), "another store");
    refused(writes.remove(&another.orders, &1).unwrap_err(), "another store");
    refused(writes.request(&another.prices, &1, NOW).unwrap_err(), "another store");
    refused(writes.request(&shop.notes, &1, NOW).unwrap_err(), "no build function");
    refused(writes.invalidate(("", 1)).unwrap_err(), "kind");
    let nothing = writes.invalidate_all(&Changes::new().view("nothing")).unwrap_err();
    assert_eq!(nothing.kind(), ErrorKind::Absent);
    // What was added before stands.
    writes.set(&shop.orders, &1, &5).unwrap();
    writes.put(&another.notes, &1, at(0), &7).unwrap_err();
    assert_eq!(writes.commit().unwrap().changed, 1);
    assert_eq!((shop.order(1), another.order(1)), (Some(5), None));
}

#[test]
fn one_that_was_refused_when_it_was_added_costs_nothing_later() {
    let shop = Shop::in_memory();
    let names = shop.store.input::<str, u64>("names").unwrap();
    let mut writes = shop.store.writes();
    writes.set(&names, &"x".repeat(5000), &1).unwrap_err();
    let before = (shop.store.metrics().commits, shop.store.revision());
    writes.commit().unwrap();
    assert_eq!((shop.store.metrics().commits, shop.store.revision()), before);
}

#[test]
fn inside_a_build_nothing_is_committed() {
    let shop = Shop::in_memory();
    let (store, orders) = (shop.store.clone(), shop.orders.clone());
    let view = shop.store.view::<u32, u64>("writes").build(move |_, id, _| {
        store.writes().set(&orders, id, &1)?.commit()?;
        Ok(1)
    });
    let error = view.unwrap().get(&1, NOW).unwrap_err();
    assert!(error.to_string().contains("inside a build"), "{error}");
    assert_eq!(shop.order(1), None);
}

#[test]
fn who_waits_for_a_record_has_it_when_it_is_put() {
    let shop = Shop::in_memory();
    let pending = shop.prices.request(&1, NOW).unwrap();
    shop.store.writes().put(&shop.prices, &1, NOW, &7).unwrap().commit().unwrap();
    assert_eq!(pending.wait().unwrap().to_native(), 7);
}

#[test]
fn asking_again_for_what_is_asked_for_writes_nothing() {
    let shop = Shop::in_memory();
    shop.store.writes().request(&shop.prices, &1, NOW).unwrap().commit().unwrap();
    let commits = shop.store.metrics().commits;
    let (first, second) =
        (shop.prices.request(&1, NOW).unwrap(), shop.prices.request(&1, NOW).unwrap());
    assert_eq!(shop.store.metrics().commits, commits);
    assert!(first.cancel().unwrap());
    assert!(matches!(second.state().unwrap(), PendingState::Cancelled));
    drop(shop.prices.request(&1, NOW).unwrap());
    assert_eq!(shop.store.metrics().commits, commits + 2);
    assert!(shop.is_asked_for(1));
}

#[test]
fn what_is_asked_for_while_only_a_mark_that_is_not_synced_says_so_is_there_after_a_crash() {
    let (disk, clock) = (Disk::default(), Arc::new(ManualClock::new(NOW)));
    let open = |disk: &Disk| {
        let options = Options { clock: clock.clone(), ..patient() };
        let store = Store::open_backend(disk.backend(), options).unwrap();
        let now = clock.clone();
        let below = store.view::<u32, u64>("below").fresh_for(Span::minutes(1));
        let below = below.build(move |_, _, _| Ok(now.now().as_millis() as u64)).unwrap();
        let read = below.clone();
        let above = store.view::<u32, u64>("above");
        let above = above.build(move |cx, id, _| Ok(cx.get(&read, id, NOW)?.to_native() + 1));
        (store, below, above.unwrap())
    };
    let (store, below, above) = open(&disk);
    above.get(&1, NOW).unwrap();
    clock.advance(Span::minutes(2));
    below.get(&1, NOW).unwrap();
    assert_eq!(above.peek(&1, NOW).unwrap().unwrap().freshness(), Freshness::Stale);
    let pending = above.request(&1, NOW).unwrap();
    assert!(matches!(pending.state().unwrap(), PendingState::Waiting { .. }));
    let calls = disk.calls();
    let image = Images::new(Vec::new(), &calls).after(calls.len(), Cut::Unsynced);
    drop((pending, store, below, above));

    let (store, _below, above) = open(&Disk::holding(image));
    while store.build_next().unwrap().is_some() {}
    assert!(above.peek(&1, NOW).unwrap().is_some_and(|record| record.is_fresh()));
}

#[test]
fn of_many_who_commit_at_once_none_is_lost_and_they_share_syncs() {
    const CALLERS: u32 = 16;
    const EACH: u32 = 20;
    let shop = Shop::of(still::in_memory().unwrap());
    let (syncs, start) = (shop.store.metrics().syncs, Arc::new(Barrier::new(CALLERS as usize)));
    thread::scope(|scope| {
        for caller in 0..CALLERS {
            let (shop, start) = (&shop, start.clone());
            scope.spawn(move || {
                start.wait();
                for id in caller * EACH..(caller + 1) * EACH {
                    let mut writes = shop.store.writes();
                    writes.set(&shop.orders, &id, &u64::from(id)).unwrap();
                    writes.request(&shop.prices, &id, NOW).unwrap().commit().unwrap();
                }
            });
        }
    });
    for id in 0..CALLERS * EACH {
        assert_eq!((shop.order(id), shop.is_asked_for(id)), (Some(u64::from(id)), true));
    }
    assert!(shop.store.metrics().syncs - syncs <= u64::from(CALLERS * EACH));
}

#[test]
fn after_any_cut_all_of_it_is_there_or_nothing() {
    let disk = Disk::default();
    let shop = Shop::of(Store::open_backend(disk.backend(), patient()).unwrap());
    shop.prices.get(&2, NOW).unwrap();
    shop.store.sync().unwrap();
    let begun = disk.changes();
    let mut writes = shop.store.writes();
    writes.set(&shop.orders, &1, &5).unwrap().put(&shop.notes, &1, at(0), &7).unwrap();
    writes.invalidate(("rate", 2)).unwrap().request(&shop.prices, &1, NOW).unwrap();
    writes.commit().unwrap();
    let (acknowledged, calls) = (disk.changes(), disk.calls());
    assert!(acknowledged > begun);
    let mut images = Images::new(Vec::new(), &calls);
    let (mut none, mut whole) = (0, 0);
    for cut in begun..=acknowledged {
        for kind in [Cut::Nothing, Cut::Unsynced, Cut::Torn(0x5eed + cut as u64)] {
            let left = Disk::holding(images.after(cut, kind));
            let shop = Shop::of(Store::open_backend(left.backend(), patient()).unwrap());
            let is_stale = shop.price(2) != Some(Freshness::Fresh);
            let found = (shop.order(1), shop.note(1, 0), is_stale, shop.is_asked_for(1));
            match found {
                (None, None, false, false) if cut < acknowledged => none += 1,
                (Some(5), Some((7, Freshness::Fresh)), true, true) => whole += 1,
                _ => panic!("cut {cut} of {begun} to {acknowledged}, {kind:?}: {found:?}"),
            }
        }
    }
    assert!(none > 0 && whole > 0, "{none} before and {whole} after");
}
