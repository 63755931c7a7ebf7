//! What depends on what: builds that read, and what a change makes of their records.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::common::still;
use tidetable::report::Metrics;
use tidetable::{Changes, Freshness, Grid, Marked, Store, Timestamp, View};

const NOW: Timestamp = Timestamp::EPOCH;

/// A number that the application owns, outside the store.
#[derive(Clone, Default)]
struct Outside(Arc<AtomicU64>);

impl Outside {
    fn get(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    fn set(&self, value: u64) {
        self.0.store(value, Ordering::SeqCst);
    }
}

/// `left` and `right` read the outside, `half` cuts it off, `sum` reads both.
struct Diamond {
    store: Store,
    outside: Outside,
    left: View<u32, u64>,
    right: View<u32, u64>,
    sum: View<u32, u64>,
}

fn diamond() -> Diamond {
    let store = still::in_memory().unwrap();
    let outside = Outside::default();
    let reads = |factor: u64| {
        let outside = outside.clone();
        move |cx: &tidetable::BuildContext, id: &u32, _| {
            cx.depends_on(("outside", *id));
            Ok(outside.get() / 10 * factor)
        }
    };
    let left = store.view::<u32, u64>("left").build(reads(1)).unwrap();
    let right = store.view::<u32, u64>("right").build(reads(100)).unwrap();
    let (l, r) = (left.clone(), right.clone());
    let sum = store
        .view::<u32, u64>("sum")
        .build(move |cx, id, _| {
            let left = cx.get(&l, id, NOW)?.to_native();
            Ok(left + cx.get(&r, id, NOW)?.to_native())
        })
        .unwrap();
    Diamond { store, outside, left, right, sum }
}

fn value(view: &View<u32, u64>) -> u64 {
    let record = view.get(&1, NOW).unwrap();
    assert_eq!(record.freshness(), Freshness::Fresh);
    record.to_native()
}

fn colour(view: &View<u32, u64>) -> Freshness {
    view.peek(&1, NOW).unwrap().unwrap().freshness()
}

fn since(store: &Store, before: &Metrics) -> (u64, u64, u64) {
    let now = store.metrics();
    (
        now.builds - before.builds,
        now.records_unchanged - before.records_unchanged,
        now.records_spared - before.records_spared,
    )
}

#[test]
fn a_change_makes_direct_readers_stale_and_theirs_suspect() {
    let it = diamond();
    assert_eq!(value(&it.sum), 0);
    it.outside.set(20);
    let report = it.store.invalidate(("outside", 1)).unwrap();
    assert_eq!((report.stale, report.suspect, report.in_memory), (2, 1, 3));
    assert_eq!(colour(&it.left), Freshness::Stale);
    assert_eq!(colour(&it.right), Freshness::Stale);
    assert_eq!(colour(&it.sum), Freshness::Suspect);
    assert_eq!(value(&it.sum), 202);
    assert_eq!(colour(&it.left), Freshness::Fresh);
}

#[test]
fn a_change_that_does_not_matter_stops_where_it_stops_mattering() {
    let it = diamond();
    it.outside.set(20);
    assert_eq!(value(&it.sum), 202);
    let before = it.store.metrics();
    it.outside.set(25);
    it.store.invalidate(("outside", 1)).unwrap();
    assert_eq!(value(&it.sum), 202);
    assert_eq!(since(&it.store, &before), (2, 2, 1));
    assert_eq!(colour(&it.sum), Freshness::Fresh);
}

#[test]
fn an_invalidation_of_something_nobody_read_marks_nothing_and_syncs_nothing() {
    let it = diamond();
    value(&it.sum);
    it.store.sync().unwrap();
    let before = it.store.metrics();
    let report = it.store.invalidate(("outside", 2)).unwrap();
    assert_eq!((report.stale, report.suspect), (0, 0));
    assert_eq!(it.store.metrics().syncs, before.syncs);
    assert_eq!(colour(&it.sum), Freshness::Fresh);
}

#[test]
fn integers_of_every_type_are_one_source() {
    let it = diamond();
    value(&it.sum);
    assert_eq!(it.store.invalidate(("outside", 1_i64)).unwrap().stale, 2);
}

#[test]
fn a_preview_says_what_would_be_marked_and_marks_nothing() {
    let it = diamond();
    value(&it.sum);
    let changes = Changes::new().source(("outside", 1)).kind("weather");
    let report = it.store.preview(&changes).unwrap();
    assert_eq!((report.stale, report.suspect), (2, 1));
    assert_eq!(colour(&it.left), Freshness::Fresh);
    assert_eq!(it.store.preview(&it.left.of_entity(&1)).unwrap().stale, 1);
    assert_eq!(it.store.preview(&it.left.whole()).unwrap().stamped, ["left", "sum"]);
}

#[test]
fn a_whole_view_is_stamped_and_what_reads_it_suspect() {
    let it = diamond();
    value(&it.sum);
    let report = it.left.invalidate_all().unwrap();
    assert_eq!(report.stamped, ["left", "sum"]);
    assert_eq!((report.stale, report.suspect), (0, 0));
    assert_eq!(colour(&it.left), Freshness::Stale);
    assert_eq!(colour(&it.right), Freshness::Fresh);
    assert_eq!(colour(&it.sum), Freshness::Suspect);
    let before = it.store.metrics();
    value(&it.sum);
    assert_eq!(since(&it.store, &before), (1, 1, 1));
}

#[test]
fn an_invalidation_during_a_build_makes_what_it_built_stale() {
    let store = still::in_memory().unwrap();
    let (again, outside) = (Outside::default(), Outside::default());
    let (inside, seen, count) = (store.clone(), outside.clone(), again.clone());
    let view = store
        .view::<u32, u64>("v")
        .build(move |cx, _, _| {
            cx.depends_on(("outside", 1));
            let read = seen.get();
            if count.get() == 0 {
                count.set(1);
                seen.set(7);
                let store = inside.clone();
                std::thread::spawn(move || store.invalidate(("outside", 1)).unwrap())
                    .join()
                    .unwrap();
            }
            Ok(read)
        })
        .unwrap();
    let first = view.get(&1, NOW).unwrap();
    assert_eq!((first.to_native(), first.freshness()), (0, Freshness::Overtaken));
    assert_eq!(colour(&view), Freshness::Stale);
    assert_eq!(value(&view), 7);
    assert_eq!(store.metrics().records_overtaken, 1);
}

#[test]
fn a_record_invalidated_while_it_is_first_built_is_stale() {
    let store = still::in_memory().unwrap();
    let slot: Arc<std::sync::Mutex<Option<View<u32, u64>>>> = Arc::default();
    let (itself, runs) = (slot.clone(), Outside::default());
    let view = store
        .view::<u32, u64>("v")
        .build(move |_, _, _| {
            runs.set(runs.get() + 1);
            if runs.get() == 1 {
                let view = itself.lock().unwrap().clone().unwrap();
                std::thread::spawn(move || view.invalidate(&1).unwrap()).join().unwrap();
            }
            Ok(runs.get())
        })
        .unwrap();
    *slot.lock().unwrap() = Some(view.clone());
    let first = view.get(&1, NOW).unwrap();
    assert_eq!(first.freshness(), Freshness::Overtaken);
    assert_eq!(colour(&view), Freshness::Stale);
    assert_eq!(value(&view), 2);
    slot.lock().unwrap().take();
}

#[test]
fn what_was_absent_when_it_was_read_counts_as_read() {
    let store = still::in_memory().unwrap();
    let put = store.view::<u32, u64>("put").without_build().unwrap();
    let read = put.clone();
    let view = store
        .view::<u32, u64>("v")
        .build(move |cx, id, _| Ok(cx.peek(&read, id, NOW)?.map_or(0, |r| r.to_native())))
        .unwrap();
    assert_eq!(value(&view), 0);
    put.put(&2, NOW, &5).unwrap();
    assert_eq!(colour(&view), Freshness::Fresh);
    put.put(&1, NOW, &5).unwrap();
    assert_eq!(colour(&view), Freshness::Stale);
    assert_eq!(value(&view), 5);
    put.delete(&1).unwrap();
    assert_eq!(colour(&view), Freshness::Stale);
    assert_eq!(value(&view), 0);
}

#[test]
fn a_stale_record_served_as_it_is_makes_its_reader_suspect() {
    let it = diamond();
    value(&it.left);
    value(&it.right);
    it.outside.set(20);
    it.store.invalidate(("outside", 1)).unwrap();
    let (lax, store) = (it.left.when_marked(Marked::Serve), it.store.clone());
    let reader = store
        .view::<u32, u64>("reader")
        .build(move |cx, id, _| Ok(cx.get(&lax, id, NOW)?.to_native()))
        .unwrap();
    let first = reader.get(&1, NOW).unwrap();
    assert_eq!((first.to_native(), first.freshness()), (0, Freshness::Overtaken));
    assert_eq!(colour(&reader), Freshness::Suspect);
    value(&it.left);
    assert_eq!(colour(&reader), Freshness::Stale, "what it read has changed by now");
    assert_eq!(value(&reader), 2);
}

#[test]
fn a_running_total_learns_of_a_change_far_back() {
    let store = still::in_memory().unwrap();
    let outside = Outside::default();
    let slot: Arc<std::sync::Mutex<Option<View<u32, u64>>>> = Arc::default();
    let (itself, seen) = (slot.clone(), outside.clone());
    let total = store
        .view::<u32, u64>("total")
        .grid(Grid::minutes(1))
        .page_len(8)
        .build(move |cx, id, bucket| {
            let minute = bucket.start().as_millis() / 60_000;
            if minute == 0 {
                cx.depends_on(("outside", 1));
                return Ok(seen.get());
            }
            let view = itself.lock().unwrap().clone().unwrap();
            let before = bucket.start().checked_sub(tidetable::Span::minutes(1)).unwrap();
            Ok(cx.get(&view, id, before)?.to_native() + 1)
        })
        .unwrap();
    *slot.lock().unwrap() = Some(total.clone());
    let at = |minute: i64| Timestamp::from_millis(minute * 60_000);
    assert_eq!(total.get(&1, at(200)).unwrap().to_native(), 200);
    outside.set(1000);
    let report = store.invalidate(("outside", 1)).unwrap();
    assert_eq!((report.stale, report.suspect), (1, 200));
    let last = total.get(&1, at(200)).unwrap();
    assert_eq!((last.to_native(), last.freshness()), (1200, Freshness::Fresh));
    let before = store.metrics();
    store.invalidate(("outside", 1)).unwrap();
    assert!(total.get(&1, at(200)).unwrap().is_fresh());
    assert_eq!(since(&store, &before), (1, 1, 200));
    slot.lock().unwrap().take();
}

#[test]
fn a_scan_depends_on_which_entities_there_are() {
    let store = still::in_memory().unwrap();
    let put = store.view::<u32, u64>("put").without_build().unwrap();
    let read = put.clone();
    let all = tidetable::TimeRange::new(Timestamp::MIN, Timestamp::MAX);
    let sum = store
        .view::<u32, u64>("sum")
        .build(move |cx, _, _| {
            let all = cx.scan(&read, all)?;
            Ok(all.iter().flat_map(|(_, t)| t.iter()).map(|(_, r)| r.to_native()).sum())
        })
        .unwrap();
    assert_eq!(value(&sum), 0);
    for (entity, expected) in [(5, 5), (7, 12)] {
        put.put(&entity, NOW, &u64::from(entity)).unwrap();
        assert_eq!(colour(&sum), Freshness::Stale);
        assert_eq!(value(&sum), expected);
    }
    put.put(&5, NOW, &5).unwrap();
    assert_eq!(colour(&sum), Freshness::Fresh, "the same value again is no change");
}

#[test]
fn a_record_is_explained_from_what_changed_to_itself() {
    let it = diamond();
    value(&it.sum);
    let fresh = it.sum.explain(&1, NOW).unwrap();
    assert_eq!(fresh.freshness, Some(Freshness::Fresh));
    assert!(fresh.causes.is_empty());
    assert_eq!(fresh.reads.len(), 2);
    let left = it.left.explain(&1, NOW).unwrap();
    assert_eq!(left.reads[0].what, "(\"outside\", 1)");
    assert_eq!((left.readers.len(), left.readers[0].view.as_str()), (1, "sum"));

    let revision = it.store.invalidate(("outside", 1)).unwrap().revision;
    let suspect = it.sum.explain(&1, NOW).unwrap();
    assert_eq!(suspect.freshness, Some(Freshness::Suspect));
    let through = suspect.causes[0].through.as_ref().unwrap();
    assert!(["left", "right"].contains(&through.view.as_str()));
    assert_eq!(suspect.causes.len(), 2);
    assert_eq!(suspect.causes[1].what, "(\"outside\", 1) changed");
    assert_eq!(suspect.causes[1].revision, revision);
    let left = it.left.explain(&1, NOW).unwrap();
    assert_eq!((left.reads[0].changed, left.reads[0].has_changed), (Some(revision), true));
    let text = suspect.to_string();
    assert!(text.contains("because (\"outside\", 1) changed"), "{text}");
    assert!(serde_json::to_string(&suspect).unwrap().contains("\"Suspect\""));
    let nothing = it.sum.explain(&2, NOW).unwrap();
    assert_eq!((nothing.freshness, nothing.built), (None, None));
}

#[test]
fn what_is_read_from_another_store_is_outside_like_any_file() {
    let other = still::in_memory().unwrap();
    let far = other.view::<u32, u64>("far").without_build().unwrap();
    far.put(&1, NOW, &3).unwrap();
    let store = still::in_memory().unwrap();
    // Takes the number in this store that `far` has in the other.
    let near = store.view::<u32, u64>("near").without_build().unwrap();
    let read = far.clone();
    let view = store
        .view::<u32, u64>("v")
        .build(move |cx, id, _| {
            cx.depends_on(("far", *id));
            Ok(cx.get(&read, id, NOW)?.to_native())
        })
        .unwrap();
    assert_eq!(value(&view), 3);
    assert_eq!(view.explain(&1, NOW).unwrap().reads.len(), 1);
    near.put(&1, NOW, &9).unwrap();
    assert_eq!(colour(&view), Freshness::Fresh);
    far.put(&1, NOW, &4).unwrap();
    store.invalidate(("far", 1)).unwrap();
    assert_eq!(value(&view), 4);
}

#[test]
fn a_build_that_reads_what_it_did_not_declare_is_found_out() {
    let store = still::in_memory().unwrap();
    let secret = Outside::default();
    let it = diamond();
    let put = store.view::<u32, u64>("put").without_build().unwrap();
    let declared = store
        .view::<u32, u64>("declared")
        .build(|cx, _, _| {
            cx.depends_on(("outside", 1));
            Ok(1)
        })
        .unwrap();
    let (read, other, hidden) = (put.clone(), declared.clone(), secret.clone());
    let view = store
        .view::<u32, u64>("v")
        .build(move |cx, id, _| {
            // Absent, so that the record is built again where it might have been spared.
            cx.peek(&read, id, NOW)?;
            Ok(cx.get(&other, id, NOW)?.to_native() + hidden.get())
        })
        .unwrap();
    value(&view);
    store.invalidate(("outside", 1)).unwrap();
    value(&view);
    assert_eq!(
        (store.metrics().builds_unexplained, store.last_unexplained().is_some()),
        (0, false)
    );
    secret.set(5);
    store.invalidate(("outside", 1)).unwrap();
    value(&view);
    assert_eq!(store.metrics().builds_unexplained, 1);
    let told = store.last_unexplained().unwrap().to_string();
    assert!(told.contains("'v'") && told.contains("depends_on"), "{told}");
    // Honest builds never are.
    value(&it.sum);
    it.outside.set(70);
    it.store.invalidate(("outside", 1)).unwrap();
    value(&it.sum);
    assert_eq!(it.store.metrics().builds_unexplained, 0);
}

#[test]
fn a_census_counts_colours_and_versions() {
    let it = diamond();
    for id in 0..10 {
        it.sum.get(&id, NOW).unwrap();
    }
    it.store.invalidate_all(&Changes::new().source(("outside", 1)).source(("outside", 2))).unwrap();
    let census = it.sum.census().unwrap();
    assert_eq!((census.records, census.fresh, census.suspect), (10, 8, 2));
    assert_eq!(it.left.census().unwrap().stale, 2);
    let outside = it.outside.clone();
    let newer = it.store.view::<u32, u64>("left").version(2);
    let newer = newer.build(move |_, _, _| Ok(outside.get())).unwrap();
    newer.get(&1, NOW).unwrap();
    let census = newer.census().unwrap();
    assert_eq!((census.fresh, census.old_version), (1, 9));
    assert_eq!(census.versions.into_iter().collect::<Vec<_>>(), [(1, 9), (2, 1)]);
    assert_eq!(
        it.sum.census().unwrap().suspect,
        10,
        "what reads a view of a new version is suspect"
    );
}

#[test]
fn a_scan_is_not_spared_while_what_it_scanned_is_stamped() {
    let store = still::in_memory().unwrap();
    let outside = Outside::default();
    let seen = outside.clone();
    let leaf = store.view::<u32, u64>("leaf").build(move |_, _, _| Ok(seen.get())).unwrap();
    let read = leaf.when_marked(Marked::Serve);
    let all = tidetable::TimeRange::new(Timestamp::MIN, Timestamp::MAX);
    let sum = store
        .view::<u32, u64>("sum")
        .build(move |cx, _, _| {
            let all = cx.scan(&read, all)?;
            Ok(all.iter().flat_map(|(_, t)| t.iter()).map(|(_, r)| r.to_native()).sum())
        })
        .unwrap();
    leaf.get(&1, NOW).unwrap();
    assert_eq!(value(&sum), 0);
    outside.set(3);
    leaf.invalidate_all().unwrap();
    // Built from what was stamped, and again: never fresh, however often it is looked at.
    for _ in 0..3 {
        assert_eq!(sum.get(&1, NOW).unwrap().freshness(), Freshness::Overtaken);
        assert_eq!(colour(&sum), Freshness::Suspect);
    }
    value(&leaf);
    assert_eq!(value(&sum), 3);
}

#[test]
fn a_scan_that_read_nothing_marked_is_fresh_whatever_else_is_marked() {
    let store = still::in_memory().unwrap();
    let put = store.view::<u32, u64>("put").grid(Grid::minutes(1)).without_build().unwrap();
    let at = |minute: i64| Timestamp::from_millis(minute * 60_000);
    put.put(&1, at(0), &1).unwrap();
    put.put_depending(&1, at(900), &5, [("outside", 1)], store.revision()).unwrap();
    store.invalidate(("outside", 1)).unwrap();
    let read = put.clone();
    let first = store
        .view::<u32, u64>("first")
        .build(move |cx, _, _| {
            let first = cx.scan(&read, tidetable::TimeRange::new(at(0), at(10)))?;
            Ok(first.iter().flat_map(|(_, t)| t.iter()).map(|(_, r)| r.to_native()).sum())
        })
        .unwrap();
    assert_eq!(value(&first), 1);
}

#[test]
fn the_lower_of_a_diamond_never_calls_new_beside_old_fresh() {
    let store = still::in_memory().unwrap();
    let outside = Outside::default();
    let arm = |name: &str| {
        let seen = outside.clone();
        store
            .view::<u32, u64>(name)
            .build(move |cx, _, _| {
                cx.depends_on(("outside", 1));
                Ok(seen.get())
            })
            .unwrap()
    };
    let (left, right) = (arm("left"), arm("right"));
    let (l, r, world, changes) = (left.clone(), right.clone(), store.clone(), outside.clone());
    let runs = Outside::default();
    let lower = store
        .view::<u32, (u64, u64)>("lower")
        .build(move |cx, id, _| {
            let left = cx.get(&l, id, NOW)?.to_native();
            runs.set(runs.get() + 1);
            if runs.get() == 1 {
                // The change comes between the two reads of one build.
                changes.set(7);
                let store = world.clone();
                std::thread::spawn(move || store.invalidate(("outside", 1)).unwrap())
                    .join()
                    .unwrap();
            }
            Ok((left, cx.get(&r, id, NOW)?.to_native()))
        })
        .unwrap();
    let torn = lower.get(&1, NOW).unwrap();
    assert_eq!((torn.0.to_native(), torn.1.to_native()), (0, 7));
    assert_eq!(torn.freshness(), Freshness::Overtaken);
    assert!(!lower.peek(&1, NOW).unwrap().unwrap().is_fresh());
    let whole = lower.get(&1, NOW).unwrap();
    assert_eq!((whole.0.to_native(), whole.1.to_native(), whole.is_fresh()), (7, 7, true));
}

#[test]
fn why_a_record_is_marked_is_known_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("why.tide");
    let define = |store: &Store| {
        let leaf = store.view::<u32, u64>("leaf").build(|cx, id, _| {
            cx.depends_on(("building", (*id, "north")));
            Ok(1)
        });
        let read = leaf.unwrap();
        store
            .view::<u32, u64>("top")
            .build(move |cx, id, _| Ok(cx.get(&read, id, NOW)?.to_native()))
            .unwrap()
    };
    let store = still::open(&path).unwrap();
    let top = define(&store);
    top.get(&1, NOW).unwrap();
    store.invalidate(("building", (1, "north"))).unwrap();
    let before = top.explain(&1, NOW).unwrap();
    store.close().unwrap();
    let store = still::open(&path).unwrap();
    let top = define(&store);
    let after = top.explain(&1, NOW).unwrap();
    assert_eq!(before.causes, after.causes);
    let text = after.to_string();
    assert!(text.contains("(\"building\", (1, \"north\")) changed"), "{text}");
    assert!(text.contains("which leaf[00000001] timeless read"), "{text}");
}

#[test]
fn a_record_that_is_marked_when_it_is_stored_makes_its_readers_suspect() {
    let store = still::in_memory().unwrap();
    let put = store.view::<u32, u64>("put").without_build().unwrap();
    put.put(&1, NOW, &5).unwrap();
    let read = put.clone();
    let reader = store
        .view::<u32, u64>("reader")
        .build(move |cx, id, _| Ok(cx.get(&read, id, NOW)?.to_native()))
        .unwrap();
    assert_eq!(value(&reader), 5);
    let as_of = store.revision();
    store.invalidate(("outside", 1)).unwrap();
    // The same bytes, made from what has changed meanwhile: nothing but the mark is new.
    put.put_depending(&1, NOW, &5, [("outside", 1)], as_of).unwrap();
    assert_eq!(colour(&put), Freshness::Stale);
    assert_eq!(colour(&reader), Freshness::Suspect);
}

#[test]
fn evidence_that_was_overtaken_while_it_was_gathered_spares_nothing() {
    let store = still::in_memory().unwrap();
    let (outside, armed) = (Outside::default(), Outside::default());
    let seen = outside.clone();
    let first = store
        .view::<u32, u64>("first")
        .build(move |cx, _, _| {
            cx.depends_on(("first", 1));
            Ok(seen.get())
        })
        .unwrap();
    let (world, changes, arms) = (store.clone(), outside.clone(), armed.clone());
    let second = store
        .view::<u32, u64>("second")
        .build(move |cx, _, _| {
            cx.depends_on(("second", 1));
            if arms.get() == 1 {
                arms.set(2);
                changes.set(7);
                let store = world.clone();
                std::thread::spawn(move || store.invalidate(("first", 1)).unwrap()).join().unwrap();
            }
            Ok(0)
        })
        .unwrap();
    let (f, s) = (first.clone(), second.clone());
    let reader = store
        .view::<u32, u64>("reader")
        .build(move |cx, id, _| {
            let first = cx.get(&f, id, NOW)?.to_native();
            Ok(first + cx.get(&s, id, NOW)?.to_native())
        })
        .unwrap();
    assert_eq!(value(&reader), 0);
    store.invalidate(("second", 1)).unwrap();
    armed.set(1);
    // `first` is looked at and found right; while `second` is built for the evidence, it changes.
    assert_eq!(value(&reader), 7);
    assert_eq!((armed.get(), store.metrics().records_spared), (2, 0));
}
