//! What reads, writes and deletions mean, at their edges too.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use crate::common::still;
use tempfile::TempDir;
use tidetable::key::EntityKey;
use tidetable::{
    Clock, ErrorKind, Freshness, Grid, Layer, ManualClock, Marked, Missing, Options, Span, Store,
    TimeRange, Timestamp, View, ViewDefinition,
};

fn minute(minute: i64) -> Timestamp {
    Timestamp::from_seconds(minute * 60)
}

fn minutes(range: Range<i64>) -> TimeRange {
    TimeRange::new(minute(range.start), minute(range.end))
}

/// A view of minutes whose records say which minute they are of.
fn clockwork(store: &Store) -> View<u32, i64> {
    let definition = store.view("clockwork").grid(Grid::minutes(1)).page_len(7);
    definition.build(|_, _, bucket| Ok(bucket.start().as_millis() / 60_000)).unwrap()
}

/// The minutes of which there are records.
fn standing(view: &View<u32, i64>, entity: u32, range: Range<i64>) -> Vec<i64> {
    let records = view.when_missing(Missing::Miss).range(&entity, minutes(range)).unwrap();
    records.iter().map(|(_, record)| record.to_native()).collect()
}

/// Reads once more when its thread ends.
struct AtTheEnd(View<u32, i64>, mpsc::Sender<i64>);

impl Drop for AtTheEnd {
    fn drop(&mut self) {
        self.1.send(self.0.get(&1, minute(3)).unwrap().to_native()).unwrap();
    }
}

#[test]
fn a_thread_that_ends_still_reads_what_is_in_memory() {
    thread_local! {
        static AT_THE_END: RefCell<Option<AtTheEnd>> = const { RefCell::new(None) };
    }
    let store = still::in_memory().unwrap();
    let view = clockwork(&store);
    let (tell, told) = mpsc::channel();
    let reader = thread::spawn(move || {
        // What a thread began to use first outlives the rest.
        AT_THE_END.set(Some(AtTheEnd(view.clone(), tell)));
        view.get(&1, minute(3)).unwrap().to_native()
    });
    assert_eq!((reader.join().unwrap(), told.recv().unwrap()), (3, 3));
}

#[test]
fn a_range_holds_the_buckets_that_start_in_it() {
    let store = still::in_memory().unwrap();
    let view = clockwork(&store);
    let millis =
        |from, to| TimeRange::new(Timestamp::from_millis(from), Timestamp::from_millis(to));
    let starts = |range| -> Vec<i64> {
        view.range(&1, range).unwrap().iter().map(|(_, record)| record.to_native()).collect()
    };
    assert_eq!(starts(millis(0, 1)), [0]);
    assert_eq!(starts(millis(1, 60_000)), [] as [i64; 0]);
    assert_eq!(starts(millis(1, 60_001)), [1]);
    assert_eq!(starts(millis(-60_000, 0)), [-1]);
    assert_eq!(starts(minutes(-9..9)), (-9..9).collect::<Vec<_>>());
    let backwards = TimeRange::new(minute(9), minute(-9));
    assert_eq!(starts(backwards), [] as [i64; 0]);
    assert_eq!(starts(millis(-1, -1)), [] as [i64; 0]);
    let kept = view.range(&1, minutes(5..8)).unwrap().into_iter();
    let kept: Vec<_> = kept.map(|(bucket, record)| (bucket.start(), record.to_native())).collect();
    assert_eq!(kept, [(minute(5), 5), (minute(6), 6), (minute(7), 7)]);
    let error = view.range(&1, minutes(0..1 << 40)).unwrap_err();
    assert!(error.kind() == ErrorKind::Input && error.to_string().contains("pieces"), "{error}");
}

#[test]
fn a_range_builds_what_it_lacks_and_a_miss_leaves_it_out() {
    let store = still::in_memory().unwrap();
    let view = clockwork(&store);
    view.fill(&1, minutes(3..5)).unwrap().complete().unwrap();
    assert_eq!(standing(&view, 1, 0..10), [3, 4]);
    assert_eq!(view.range(&1, minutes(2..6)).unwrap().len(), 4);
    assert_eq!(standing(&view, 1, 0..10), [2, 3, 4, 5]);
    assert_eq!(store.metrics().builds, 4);
}

#[test]
fn peek_and_miss_never_build() {
    let store = still::in_memory().unwrap();
    let view = clockwork(&store);
    assert!(view.peek(&1, minute(0)).unwrap().is_none());
    let error = view.when_missing(Missing::Miss).get(&1, minute(0)).unwrap_err();
    assert_eq!((error.kind(), error.view()), (ErrorKind::Absent, Some("clockwork")));
    assert!(view.nearest(&1, minute(0), Span::hours(1)).unwrap().is_none());
    assert_eq!(view.prefetch([1, 2], minutes(0..99)).unwrap(), 0);
    assert_eq!(store.metrics().builds, 0);
    assert_eq!(view.get(&1, minute(0)).unwrap().to_native(), 0);
    let put = store.view::<u32, i64>("put").without_build().unwrap();
    assert_eq!(put.get(&1, minute(0)).unwrap_err().kind(), ErrorKind::Absent);
    assert_eq!(put.fill(&1, minutes(0..1)).unwrap_err().kind(), ErrorKind::Input);
    assert!(put.range(&1, minutes(0..1)).unwrap().is_empty());
}

#[test]
fn the_nearest_record_is_the_earlier_of_two_and_within_the_tolerance() {
    let store = still::in_memory().unwrap();
    let view = clockwork(&store);
    let nearest = |at: i64, tolerance: i64| {
        let (at, tolerance) = (Timestamp::from_millis(at), Span::millis(tolerance));
        view.nearest(&1, at, tolerance).unwrap().map(|record| record.to_native())
    };
    for at in [-20, 10, 30] {
        view.put(&1, minute(at), &at).unwrap();
    }
    let (ten, twenty) = (600_000, 1_200_000);
    assert_eq!(nearest(twenty, ten), Some(10), "a tie goes to the earlier");
    assert_eq!(nearest(twenty, ten - 1), None, "the tolerance is the most, not less");
    assert_eq!(nearest(twenty + 1, ten), Some(30));
    assert_eq!(nearest(twenty - 1, ten), Some(10));
    assert_eq!(nearest(ten, 0), Some(10));
    assert_eq!(nearest(ten + 1, 0), None, "distance is to the start of the bucket");
    assert_eq!(nearest(ten + 59_999, 59_999), Some(10));
    assert_eq!(nearest(ten - 1, 0), None);
    assert_eq!(nearest(ten - 1, 1), Some(10));
    assert_eq!(nearest(-twenty, 0), Some(-20));
    assert_eq!(nearest(-twenty - ten, ten), Some(-20));
    let error = view.nearest(&1, minute(0), Span::millis(-1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Input);
    let timeless = store.view::<u32, i64>("timeless").without_build().unwrap();
    timeless.put(&1, minute(7), &7).unwrap();
    let anywhen = timeless.nearest(&1, Timestamp::MAX, Span::ZERO).unwrap();
    assert_eq!(anywhen.unwrap().to_native(), 7);
}

#[test]
fn a_search_for_the_nearest_ends_where_its_tolerance_or_the_calendar_does() {
    let store = still::in_memory().unwrap();
    let sparse = store.view::<u32, i64>("sparse").grid(Grid::fixed(Span::millis(2)));
    let sparse = sparse.without_build().unwrap();
    let nearest = |at: i64, tolerance: i64| {
        sparse.nearest(&1, Timestamp::from_millis(at), Span::millis(tolerance))
    };
    assert!(nearest(1, 9_999).unwrap().is_none(), "ten thousand buckets start so near");
    assert_eq!(nearest(0, 10_000).unwrap_err().kind(), ErrorKind::Input);

    let by_day = Grid::minutes(10).pages_by_day("UTC");
    let by_day = store.view::<u32, i64>("days").grid(by_day).without_build().unwrap();
    // The next bucket starts nearer to it, and in a day that the calendar does not have.
    let last = Timestamp::from_millis(253_402_207_200_000 - 22 * 3_600_000 - 1);
    by_day.put(&1, last, &7).unwrap();
    let found = by_day.nearest(&1, last, Span::hours(1)).unwrap();
    assert_eq!(found.unwrap().to_native(), 7);
}

#[test]
fn a_timeless_view_has_one_record_at_all_times() {
    let store = still::in_memory().unwrap();
    let view = store.view::<u32, i64>("timeless").build(|_, _, bucket| {
        assert!(bucket.is_timeless());
        Ok(1)
    });
    let view = view.unwrap();
    for at in [Timestamp::MIN, minute(0), Timestamp::MAX] {
        assert_eq!(view.get(&1, at).unwrap().to_native(), 1);
    }
    assert_eq!(store.metrics().builds, 1);
    assert_eq!(view.range(&1, minutes(3..4)).unwrap().len(), 1);
    assert_eq!(view.fill(&1, minutes(3..3)).unwrap().built, 0);
    assert_eq!(view.delete_range(&1, minutes(3..3)).unwrap(), 0);
    assert_eq!(view.delete_range(&1, minutes(3..4)).unwrap(), 1);
}

#[test]
fn instants_beyond_the_grid_are_refused() {
    let store = still::in_memory().unwrap();
    let view = clockwork(&store);
    for at in [Timestamp::MIN, Timestamp::MAX] {
        assert_eq!(view.get(&1, at).unwrap_err().kind(), ErrorKind::Input);
        assert_eq!(view.put(&1, at, &1).unwrap_err().kind(), ErrorKind::Input);
    }
    let last = Timestamp::from_millis(i64::MAX - 120_000);
    assert_eq!(view.get(&1, last).unwrap().to_native(), last.as_millis() / 60_000);
    assert_eq!(view.delete_before(Timestamp::MAX).unwrap(), 1);
}

#[test]
fn many_entities_are_read_in_the_order_asked_and_fail_alone() {
    let store = still::in_memory().unwrap();
    let view = store.view::<u32, u32>("many").build(|_, entity, _| match entity {
        3 => Err("not three".into()),
        other => Ok(*other),
    });
    let read = view.unwrap().get_many([5, 3, 1, 5], minute(0));
    let read: Vec<_> = read.into_iter().map(|r| r.ok().map(|r| r.to_native())).collect();
    assert_eq!(read, [Some(5), None, Some(1), Some(5)]);
    assert_eq!(store.metrics().builds, 2);
}

#[test]
fn what_was_prefetched_is_read_from_memory() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("reads.tide");
    let store = still::open(&path).unwrap();
    clockwork(&store).fill(&1, minutes(0..14)).unwrap().complete().unwrap();
    clockwork(&store).fill(&2, minutes(0..7)).unwrap().complete().unwrap();
    store.close().unwrap();
    let store = still::open(&path).unwrap();
    let view = clockwork(&store);
    assert_eq!(view.prefetch([1, 2, 3], minutes(0..14)).unwrap(), 3);
    assert_eq!(view.prefetch([1, 2, 3], minutes(0..14)).unwrap(), 0);
    assert_eq!(view.get(&1, minute(9)).unwrap().layer(), Layer::Memory);
    assert_eq!(store.metrics().builds, 0);
}

#[test]
fn of_several_records_put_for_one_bucket_the_last_stays() {
    let store = still::in_memory().unwrap();
    let view = clockwork(&store);
    let puts = [(1, minute(0), 10), (2, minute(0), 20), (1, minute(0), 11), (1, minute(9), 12)];
    assert_eq!(view.put_many(puts).unwrap(), 4);
    assert_eq!(standing(&view, 1, 0..10), [11, 12]);
    assert_eq!(standing(&view, 2, 0..10), [20]);
    assert_eq!(view.put_many([(1, minute(0), 1), (1, Timestamp::MAX, 1)]).unwrap_err().kind(), {
        ErrorKind::Input
    });
    assert_eq!(standing(&view, 1, 0..10), [11, 12], "all of them, or none");
    let none: [(u32, Timestamp, i64); 0] = [];
    assert_eq!(view.put_many(none).unwrap(), 0);
}

#[test]
fn deletions_take_exactly_what_they_name() {
    let store = still::in_memory().unwrap();
    let view = clockwork(&store);
    for entity in 1..4 {
        view.fill(&entity, minutes(-10..10)).unwrap().complete().unwrap();
    }
    assert_eq!(view.delete_range(&1, minutes(-3..3)).unwrap(), 6);
    assert_eq!(view.delete_range(&1, minutes(-3..3)).unwrap(), 0);
    let within = TimeRange::new(Timestamp::from_millis(1), minute(1));
    assert_eq!(view.delete_range(&2, within).unwrap(), 0, "no bucket starts in it");
    assert_eq!(standing(&view, 1, -10..10), [-10, -9, -8, -7, -6, -5, -4, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(standing(&view, 2, -10..10).len(), 20);
    let just_before = Timestamp::from_millis(-8 * 60_000 - 1);
    assert_eq!(view.delete_before(just_before).unwrap(), 3, "a bucket ends before it goes");
    assert_eq!(view.delete_before(minute(-8)).unwrap(), 3);
    assert_eq!(standing(&view, 2, -10..10).first(), Some(&-8));
    assert_eq!(view.delete(&2).unwrap(), 18);
    assert_eq!(view.delete(&2).unwrap(), 0);
    assert_eq!(standing(&view, 3, -10..10).len(), 18);
    assert_eq!(view.clear().unwrap(), 12 + 18);
    assert_eq!(view.get(&1, minute(0)).unwrap().layer(), Layer::Build);
}

#[test]
fn retention_deletes_by_the_stores_clock() {
    let clock = Arc::new(ManualClock::new(minute(0)));
    let options = Options { clock: clock.clone(), ..still::options() };
    let store = Store::in_memory_with(options).unwrap();
    let by_minute = store.view::<u32, i64>("minutes").grid(Grid::minutes(1));
    let by_minute = by_minute.retain(Span::minutes(5)).build(|_, _, _| Ok(1)).unwrap();
    let timeless = store.view::<u32, i64>("timeless").retain(Span::minutes(5));
    let timeless = timeless.build(|_, _, _| Ok(1)).unwrap();
    let kept = store.view::<u32, i64>("kept").build(|_, _, _| Ok(1)).unwrap();
    by_minute.fill(&1, minutes(0..20)).unwrap().complete().unwrap();
    timeless.get(&1, minute(0)).unwrap();
    kept.get(&1, minute(0)).unwrap();
    clock.set(minute(5));
    assert_eq!(by_minute.apply_retention().unwrap(), 0);
    assert_eq!(timeless.apply_retention().unwrap(), 0, "five minutes old is not older");
    clock.advance(Span::millis(1));
    assert_eq!(timeless.apply_retention().unwrap(), 1);
    clock.set(minute(10));
    assert_eq!(by_minute.apply_retention().unwrap(), 5, "those that ended by minute 5");
    assert_eq!(kept.apply_retention().unwrap(), 0);
}

/// Of some entities each alone is deleted; the others stay.
fn entities_do_not_leak<E: EntityKey + ?Sized>(entities: &[&E]) {
    let store = still::in_memory().unwrap();
    let view = store.view::<E, u64>("entities").grid(Grid::minutes(1)).without_build().unwrap();
    for gone in 0..entities.len() {
        for (at, entity) in entities.iter().enumerate() {
            view.put(entity, minute(-1), &(at as u64)).unwrap();
            view.put(entity, minute(5000), &(at as u64)).unwrap();
        }
        assert_eq!(view.delete(entities[gone]).unwrap(), 2);
        for (at, entity) in entities.iter().enumerate() {
            let found = view.peek(entity, minute(5000)).unwrap().map(|record| record.to_native());
            assert_eq!(found, (at != gone).then_some(at as u64), "{gone} was deleted");
        }
        assert_eq!(view.delete_range(entities[gone], minutes(-9..9)).unwrap(), 0);
    }
    assert_eq!(view.entities().count(), entities.len() - 1);
}

#[test]
fn entities_that_begin_alike_are_kept_apart() {
    entities_do_not_leak::<str>(&["", "\0", "\0\0", "a", "a\0", "a\0b", "a\u{1}", "ab", "b"]);
    let bytes: [&[u8]; 8] =
        [&[], &[0], &[0, 0], &[0, 1], &[0, 255], &[255], &[255, 255], &[255, 0, 255]];
    entities_do_not_leak::<[u8]>(&bytes);
    let pair = |text: &str, number: i16| (text.to_owned(), number);
    let pairs = [pair("", 0), pair("a", 0), pair("a", -1), pair("a\0", 0), pair("a\0b", 256)];
    entities_do_not_leak::<(String, i16)>(&pairs.iter().collect::<Vec<_>>());
    entities_do_not_leak::<i64>(&[&i64::MIN, &-1, &0, &1, &i64::MAX]);
    entities_do_not_leak::<()>(&[&()]);
}

#[test]
fn an_entity_over_the_limit_is_refused_and_nothing_written() {
    let store = still::in_memory().unwrap();
    let view = store.view::<str, u64>("long").build(|_, _, _| Ok(1)).unwrap();
    let long = "x".repeat(5000);
    assert_eq!(view.get(&long, minute(0)).unwrap_err().kind(), ErrorKind::Input);
    assert_eq!(view.put(&long, minute(0), &1).unwrap_err().kind(), ErrorKind::Input);
    assert_eq!(view.delete(&long).unwrap_err().kind(), ErrorKind::Input);
    assert_eq!(store.metrics().builds, 0);
}

#[test]
fn an_empty_record_is_a_record() {
    let store = still::in_memory().unwrap();
    let units = store.view::<u32, ()>("units").grid(Grid::minutes(1)).without_build().unwrap();
    units.put(&1, minute(3), &()).unwrap();
    assert!(units.peek(&1, minute(3)).unwrap().is_some());
    assert!(units.peek(&1, minute(4)).unwrap().is_none());
    assert_eq!(units.range(&1, minutes(0..9)).unwrap().len(), 1);
    assert_eq!(units.delete(&1).unwrap(), 1);
    let lists = store.view::<u32, Vec<u16>>("lists").without_build().unwrap();
    lists.put(&1, minute(0), &Vec::new()).unwrap();
    assert!(lists.get(&1, minute(0)).unwrap().is_empty());
    assert!(lists.peek(&2, minute(0)).unwrap().is_none());
}

#[test]
fn what_marked_records_get_is_the_views_to_say_and_the_handles() {
    let clock = Arc::new(ManualClock::new(minute(0)));
    let options = Options { clock: clock.clone(), ..still::options() };
    let store = Store::in_memory_with(options).unwrap();
    let define = |version: u32, marked| {
        let definition: ViewDefinition<u32, u32> = store.view("marked").version(version);
        definition.when_marked(marked).build(move |_, _, _| Ok(version)).unwrap()
    };
    define(1, Marked::Rebuild).get(&1, minute(0)).unwrap();
    let serving = define(2, Marked::Serve);
    assert_eq!(serving.get(&1, minute(0)).unwrap().freshness(), Freshness::OldVersion);
    assert!(!serving.range(&1, minutes(0..1)).unwrap().is_fresh());
    let patient = serving.when_marked(Marked::ServeFor(Span::minutes(1)));
    assert_eq!(patient.get(&1, minute(0)).unwrap().freshness(), Freshness::OldVersion);
    clock.advance(Span::minutes(2));
    assert_eq!(serving.get(&1, minute(0)).unwrap().to_native(), 1);
    assert_eq!(patient.get(&1, minute(0)).unwrap().to_native(), 2);
    let strict = define(3, Marked::Serve).when_marked(Marked::Rebuild);
    assert_eq!(strict.get(&1, minute(0)).unwrap().to_native(), 3);
}

#[test]
fn a_record_tells_its_age_version_layer_and_build_time() {
    let (folder, clock) = (TempDir::new().unwrap(), Arc::new(ManualClock::new(minute(100))));
    let path = folder.path().join("facts.tide");
    let options = Options { clock: clock.clone(), ..still::options() };
    let define = |store: &Store| {
        let definition = store.view::<u32, u64>("facts").grid(Grid::minutes(1)).version(4);
        definition.build(|context, _, _| {
            assert_eq!((context.view(), context.version()), ("facts", 4));
            assert_eq!(context.started_at(), minute(100));
            Ok((0..10_000).fold(0, |sum, n| std::hint::black_box(sum + n)))
        })
    };
    let store = Store::open_with(&path, options.clone()).unwrap();
    let view = define(&store).unwrap();
    let built = view.get(&1, minute(0)).unwrap();
    clock.advance(Span::minutes(3));
    assert_eq!((built.layer(), built.version(), built.was_put()), (Layer::Build, 4, false));
    assert_eq!((built.built_at(), built.age(clock.now())), (minute(100), Span::minutes(3)));
    assert!(built.build_time() > Duration::ZERO);
    assert_eq!(built.bucket().start(), minute(0));
    let again = view.get(&1, minute(0)).unwrap();
    assert_eq!(again.layer(), Layer::Memory);
    view.put(&1, minute(1), &7).unwrap();
    let put = view.get(&1, minute(1)).unwrap();
    assert!(put.was_put() && put.build_time() == Duration::ZERO && put.built_at() == minute(103));
    store.close().unwrap();
    assert_eq!(
        built.archived_bytes(),
        again.archived_bytes(),
        "a record in hand outlives its store"
    );
    let store = Store::open_with(&path, options).unwrap();
    let view = define(&store).unwrap();
    let loaded = view.get(&1, minute(0)).unwrap();
    assert_eq!((loaded.layer(), loaded.freshness()), (Layer::File, Freshness::Fresh));
    assert_eq!(loaded.build_time(), built.build_time());
    assert_eq!((loaded.revision(), loaded.changed_at()), (built.revision(), built.changed_at()));
    assert_eq!((loaded.built_at(), loaded.version()), (minute(100), 4));
}

#[test]
fn a_record_put_again_unchanged_keeps_when_it_changed() {
    let store = still::in_memory().unwrap();
    let view = clockwork(&store);
    let put = |value: i64| {
        view.put(&1, minute(0), &value).unwrap();
        let record = view.get(&1, minute(0)).unwrap();
        (record.changed_at(), record.revision())
    };
    let (changed, revision) = put(5);
    assert_eq!(changed, revision);
    let (same, later) = put(5);
    assert!(same == changed && later > revision);
    let (other, _) = put(6);
    assert!(other > later);
    assert_eq!((store.metrics().records_changed, store.metrics().records_unchanged), (2, 1));
}

fn blob(bytes: usize, mut seed: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes);
    while out.len() < bytes {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        out.push((seed >> 56) as u8);
    }
    out
}

#[test]
fn large_records_are_stored_and_larger_ones_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("large.tide");
    let sizes = [150 << 10, 10 << 20];
    let define = |store: &Store| store.view::<u32, Vec<u8>>("blobs").without_build().unwrap();
    let store = still::open(&path).unwrap();
    for (entity, bytes) in (0..).zip(sizes) {
        define(&store).put(&entity, minute(0), &blob(bytes, 7)).unwrap();
    }
    let too_large = vec![0_u8; (16 << 20) + 1];
    let records = [(7, minute(0), &vec![1_u8]), (8, minute(0), &too_large)];
    let error = define(&store).put_many(records).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Input);
    assert!(error.to_string().contains("record_bytes_max"), "{error}");
    assert!(define(&store).peek(&7, minute(0)).unwrap().is_none());
    store.close().unwrap();
    let store = still::open(&path).unwrap();
    for (entity, bytes) in (0..).zip(sizes) {
        let read = define(&store).get(&entity, minute(0)).unwrap();
        assert!(read.as_slice() == blob(bytes, 7), "{bytes} bytes came back changed");
    }
    let built = store.view::<u32, Vec<u8>>("built").build(move |_, _, _| Ok(too_large.clone()));
    let error = built.unwrap().get(&1, minute(0)).unwrap_err();
    assert!(error.to_string().contains("record_bytes_max"), "{error}");
}

#[test]
fn many_small_records_of_one_kind_shrink_by_a_dictionary() {
    let folder = TempDir::new().unwrap();
    let text = |entity: u32| {
        format!(
            "Gauge {entity}: levels in metres above the chart's datum, read every ten minutes, \
             checked by hand at noon; gaps shorter than an hour are filled from the neighbours up \
             and down the coast, longer ones are left as they were found and marked. Ice may lift \
             the float between January and March. Whoever needs the raw values asks the harbour \
             office, which keeps them for ninety-nine years, give or take {} days.",
            entity.wrapping_mul(2_654_435_761) % 365
        )
    };
    let fill = |name: &str, uncompressed: bool| {
        let path = folder.path().join(name);
        let store = still::open(&path).unwrap();
        let view = store.view::<u32, String>("small");
        let view = if uncompressed { view.uncompressed() } else { view };
        let view = view.without_build().unwrap();
        for chunk in 0..16_u32 {
            let entities = chunk * 1000..(chunk + 1) * 1000;
            view.put_many(entities.map(|entity| (entity, minute(0), text(entity)))).unwrap();
        }
        store.close().unwrap();
        (path.metadata().unwrap().len(), path)
    };
    let ((plain, _), (packed, path)) = (fill("plain.tide", true), fill("packed.tide", false));
    assert!(packed < plain / 2, "{packed} bytes against {plain}");
    let store = still::open(&path).unwrap();
    let view = store.view::<u32, String>("small").without_build().unwrap();
    // One opening's dictionary is the next one's too.
    let table = |name: &str| {
        let tables = store.inventory().unwrap().tables;
        tables.into_iter().find(|table| table.name == name).expect("a table of the file")
    };
    let before = table("pages").bytes;
    assert_eq!(table("dictionaries").rows, 1);
    let later = 16_000..16_100;
    view.put_many(later.map(|entity| (entity, minute(0), text(entity)))).unwrap();
    let after = table("pages").bytes - before;
    assert!(80 * after <= before, "{after} bytes of the hundred after {before}");
    for entity in 0..16_000 {
        assert_eq!(*view.get(&entity, minute(0)).unwrap(), *text(entity));
    }
    assert_eq!(store.metrics().pages_damaged, 0);
}

#[test]
fn a_page_is_built_of_exactly_the_buckets_it_lacks() {
    let store = still::in_memory().unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let noted = asked.clone();
    let view = store.view::<u32, i64>("pages").grid(Grid::minutes(1)).page_len(6);
    let view = view.build_page(move |_, _, buckets| {
        let starts: Vec<i64> = buckets.iter().map(|b| b.start().as_millis() / 60_000).collect();
        noted.lock().unwrap().push(starts.clone());
        Ok(starts)
    });
    let view = view.unwrap();
    view.put_many([(1, minute(1), 100), (1, minute(4), 400)]).unwrap();
    assert_eq!(view.get(&1, minute(3)).unwrap().to_native(), 3);
    assert_eq!(standing(&view, 1, 0..12), [0, 100, 2, 3, 400, 5]);
    view.fill(&1, minutes(4..14)).unwrap().complete().unwrap();
    let expected = [vec![0, 2, 3, 5], (6..12).collect(), (12..18).collect()];
    assert_eq!(*asked.lock().unwrap(), expected);
    assert_eq!(standing(&view, 1, 0..24).len(), 18);
    assert_eq!(view.delete_range(&1, minutes(2..4)).unwrap(), 2);
    assert_eq!(view.range(&1, minutes(0..12)).unwrap().len(), 12);
    assert_eq!(asked.lock().unwrap().last(), Some(&vec![2, 3]));
}

#[test]
fn a_page_built_of_a_wrong_number_of_records_is_refused() {
    let store = still::in_memory().unwrap();
    for wrong in [0, 5, 7] {
        let name = format!("wrong {wrong}");
        let view = store.view::<u32, i64>(&name).grid(Grid::minutes(1)).page_len(6);
        let view = view.build_page(move |_, _, _| Ok(vec![1; wrong])).unwrap();
        let error = view.get(&1, minute(0)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Build);
        assert!(error.to_string().contains(&format!("{wrong} of 6 records")), "{error}");
        assert_eq!(view.fill(&1, minutes(0..6)).unwrap().failed.len(), 6);
        assert!(view.peek(&1, minute(0)).unwrap().is_none());
    }
}

#[test]
fn a_range_builds_what_its_policy_asks_for_and_nothing_else() {
    let store = still::in_memory().unwrap();
    let define = |version: u32| {
        let view = store.view::<u32, u64>("v").grid(Grid::minutes(1)).version(version);
        view.build(move |_, _, _| Ok(u64::from(version))).unwrap()
    };
    define(1).fill(&1, minutes(0..2)).unwrap().complete().unwrap();
    let view = define(2);
    let values = |view: &View<u32, u64>| -> Vec<u64> {
        view.range(&1, minutes(0..4))
            .unwrap()
            .iter()
            .map(|(_, record)| record.to_native())
            .collect()
    };
    assert_eq!(values(&view.when_missing(Missing::Miss).when_marked(Marked::Serve)), [1, 1]);
    assert_eq!(values(&view.when_marked(Marked::Serve)), [1, 1, 2, 2]);
    assert_eq!(values(&view), [2, 2, 2, 2]);
}

/// An entity that does what the trait forbids.
struct Wiping;

impl EntityKey for Wiping {
    type Owned = Self;

    fn encode(&self, key: &mut tidetable::key::KeyBuf) {
        key.clear();
        key.extend(b"12345678");
    }

    fn decode(_: &mut &[u8]) -> Option<Self> {
        Some(Self)
    }
}

#[test]
#[should_panic(expected = "must append to the key")]
fn an_entity_that_wipes_the_key_cannot_reach_another_view() {
    let store = still::in_memory().unwrap();
    let view = store.view::<Wiping, u64>("wiping").build(|_, _, _| Ok(1)).unwrap();
    let _ = view.get(&Wiping, minute(0));
}

#[test]
fn the_bytes_of_a_text_are_those_of_the_text_and_not_of_its_archive() {
    let store = still::in_memory().unwrap();
    let texts = store.input::<u32, String>("texts").unwrap();
    for text in ["", "a room", "a text that is too long to lie beside its length"] {
        texts.set(&1, &text.to_owned()).unwrap();
        let record = texts.get(&1).unwrap().unwrap();
        assert_eq!((record.as_bytes(), record.as_str()), (text.as_bytes(), text));
    }
}
