//! The parts of a read and of a change, each for itself: `cargo bench --bench kernels`.
//!
//! A word behind it (`-- hits`) runs the groups and works that have it in their name. Everything
//! goes through the public face, in memory, with nothing in the background. Nothing is asserted:
//! machines differ and are noisy.

use std::hint::black_box;
use std::sync::LazyLock;
use std::time::Duration;

use divan::{Bencher, Divan};
use tidetable::key::{EntityKey, KeyBuf};
use tidetable::{Grid, Layer, Options, RecordType, Span, Store, TimeRange, Timestamp, View};

/// About the size of a sun-exposure record: 96 bytes archived.
#[derive(rkyv::Archive, rkyv::Serialize)]
struct Exposure {
    values: [u64; 12],
}

/// So long that a page of a day is larger than those that a thread keeps in its own table.
#[derive(rkyv::Archive, rkyv::Serialize)]
struct Chart {
    values: [u64; 128],
}

/// With a part that lies elsewhere in its page.
#[derive(rkyv::Archive, rkyv::Serialize)]
struct Note {
    text: String,
}

const NOON: Timestamp = Timestamp::from_seconds(1_782_000_000);
const SLOTS: u32 = 144;
const ENTITIES: u32 = 100;

fn main() {
    let each = Duration::from_millis(200);
    Divan::default().min_time(each).config_with_args().main();
}

/// From an instant to its bucket.
mod grids {
    use super::*;

    const SPANS: [&str; 2] = ["a day", "ten years"];

    #[divan::bench(args = SPANS)]
    fn ten_minutes(bencher: Bencher<'_, '_>, within: &str) {
        bucket_at(bencher, &Grid::minutes(10), within);
    }

    #[divan::bench(args = SPANS)]
    fn hour_of_a_zone(bencher: Bencher<'_, '_>, within: &str) {
        bucket_at(bencher, &Grid::hourly("Europe/Stockholm"), within);
    }

    #[divan::bench(args = SPANS)]
    fn day_of_a_zone(bencher: Bencher<'_, '_>, within: &str) {
        bucket_at(bencher, &Grid::daily("Europe/Stockholm"), within);
    }

    #[divan::bench(args = SPANS)]
    fn month_of_a_zone(bencher: Bencher<'_, '_>, within: &str) {
        bucket_at(bencher, &Grid::monthly("Europe/Stockholm"), within);
    }

    fn bucket_at(bencher: Bencher<'_, '_>, grid: &Grid, within: &str) {
        let minutes = if within == "a day" { 24 * 60 } else { 3_653 * 24 * 60 };
        let instants = each(|n| NOON + Span::minutes(i64::from(n) * 7919 % minutes));
        repeat(bencher, &instants, |instant| grid.bucket_at(*instant).expect("a bucket"));
    }
}

/// From an entity to the bytes of its key.
mod keys {
    use super::*;

    #[divan::bench]
    fn of_a_number(bencher: Bencher<'_, '_>) {
        repeat(bencher, &each(|n| n), encoded);
    }

    #[divan::bench]
    fn of_a_name(bencher: Bencher<'_, '_>) {
        repeat(bencher, &each(|n| format!("Götgatan {n}")), |name| encoded(name.as_str()));
    }

    #[divan::bench]
    fn of_a_name_with_a_number(bencher: Bencher<'_, '_>) {
        repeat(bencher, &each(|n| ("Götgatan".to_owned(), n)), encoded);
    }

    #[inline]
    fn encoded(entity: &(impl EntityKey + ?Sized)) -> usize {
        let mut key = KeyBuf::new();
        entity.encode(&mut key);
        black_box(key.as_slice()).len()
    }
}

/// What is in memory.
mod hits {
    use super::*;

    static EXPOSURE: LazyLock<(Store, View<u32, Exposure>)> =
        LazyLock::new(|| filled(quiet(), ENTITIES, exposure));
    static CHART: LazyLock<(Store, View<u32, Chart>)> =
        LazyLock::new(|| filled(quiet(), 16, chart));

    #[divan::bench]
    fn hottest_record(bencher: Bencher<'_, '_>) {
        let view = &EXPOSURE.1;
        repeat(bencher, &each(|_| 7), |entity| first_value(view, *entity, NOON));
    }

    #[divan::bench]
    fn any_record_of_100_pages(bencher: Bencher<'_, '_>) {
        let view = &EXPOSURE.1;
        let places = each(|n| (n * 61 % ENTITIES, start(n * 7 % SLOTS)));
        repeat(bencher, &places, |(entity, at)| first_value(view, *entity, *at));
    }

    /// Too large for the thread's own table, so that the shard is asked, under its lock.
    #[divan::bench]
    fn record_of_a_large_page(bencher: Bencher<'_, '_>) {
        let view = &CHART.1;
        let places = each(|n| (n * 5 % 16, start(n * 7 % SLOTS)));
        repeat(bencher, &places, |(entity, at)| {
            view.get(entity, *at).expect("a record").values[0].to_native()
        });
    }

    /// What is left of a hit once the record is in hand.
    #[divan::bench]
    fn look_into_a_record(bencher: Bencher<'_, '_>) {
        let record = EXPOSURE.1.get(&7, NOON).expect("a record");
        bencher.bench_local(|| black_box(&record).values[0].to_native());
    }

    #[divan::bench]
    fn clone_of_a_record(bencher: Bencher<'_, '_>) {
        let record = EXPOSURE.1.get(&7, NOON).expect("a record");
        bencher.bench_local(|| drop(black_box(black_box(&record).clone())));
    }

    #[divan::bench]
    fn timeline_of_73(bencher: Bencher<'_, '_>) {
        let view = &EXPOSURE.1;
        repeat(bencher, &each(|n| n % ENTITIES), |entity| {
            let timeline = view.range(entity, daytime()).expect("a timeline");
            timeline.iter().map(|(_, record)| record.values[0].to_native()).sum::<u64>()
        });
    }

    #[divan::bench]
    fn iteration_of_73_in_hand(bencher: Bencher<'_, '_>) {
        let timeline = EXPOSURE.1.range(&7, daytime()).expect("a timeline");
        bencher.bench_local(|| {
            let records = black_box(&timeline).iter();
            records.map(|(_, record)| record.values[0].to_native()).sum::<u64>()
        });
    }

    #[divan::bench]
    fn get_many_of_100(bencher: Bencher<'_, '_>) {
        let view = &EXPOSURE.1;
        repeat(bencher, &each(|n| start(n % SLOTS)), |at| {
            let records = view.get_many(0..ENTITIES, *at).into_iter();
            records.map(|record| record.expect("a record").values[0].to_native()).sum::<u64>()
        });
    }

    /// The page is there and has room for it.
    #[divan::bench]
    fn peek_at_an_empty_slot(bencher: Bencher<'_, '_>) {
        let view = &*HALF;
        repeat(bencher, &each(|n| start(SLOTS / 2 + n % 72)), |at| {
            view.1.peek(&7, *at).expect("an answer").is_some()
        });
    }

    /// There is no page: the file has to say so.
    #[divan::bench]
    fn peek_at_an_unknown_entity(bencher: Bencher<'_, '_>) {
        let view = &EXPOSURE.1;
        repeat(bencher, &each(|n| ENTITIES + n), |entity| {
            view.peek(entity, NOON).expect("an answer").is_some()
        });
    }

    /// One entity, with records for the first half of its page.
    static HALF: LazyLock<(Store, View<u32, Exposure>)> = LazyLock::new(|| {
        let (store, view) = filled(quiet(), 0, exposure);
        let half = TimeRange::new(start(0), start(SLOTS / 2));
        view.fill(&7, half).and_then(|filled| filled.complete()).expect("half a day");
        view.get(&7, NOON).expect("a record");
        (store, view)
    });

    #[inline]
    fn first_value(view: &View<u32, Exposure>, entity: u32, at: Timestamp) -> u64 {
        view.get(&entity, at).expect("a record").values[0].to_native()
    }

    fn daytime() -> TimeRange {
        TimeRange::new(start(36), start(36 + 73))
    }
}

/// What goes to the file and comes from it. It lies in memory, so that the system has no part.
mod file {
    use super::*;

    /// Without memory for pages every read finds its page in the file, inflates and checks it.
    #[divan::bench]
    fn page_of_144_numbers(bencher: Bencher<'_, '_>) {
        let (_store, view) = filled(cold(), ENTITIES, exposure);
        repeat(bencher, &each(|n| n % ENTITIES), |entity| {
            let record = view.get(entity, NOON).expect("a record");
            debug_assert_eq!(record.layer(), Layer::File);
            record.values[0].to_native()
        });
    }

    #[divan::bench]
    fn page_of_144_texts(bencher: Bencher<'_, '_>) {
        let (_store, view) = filled(cold(), ENTITIES, note);
        repeat(bencher, &each(|n| n % ENTITIES), |entity| {
            view.get(entity, NOON).expect("a record").text.len()
        });
    }

    /// Each with the sync that a put is acknowledged after, which costs nothing here.
    #[divan::bench]
    fn put_of_one_record_of_144(bencher: Bencher<'_, '_>) {
        let (_store, view) = filled(quiet(), ENTITIES, exposure);
        repeat(bencher, &each(|n| n), |n| {
            let record = Exposure { values: [u64::from(*n); 12] };
            view.put(&(n % ENTITIES), NOON, &record).expect("a record put");
        });
    }

    #[divan::bench]
    fn put_of_a_day_of_144(bencher: Bencher<'_, '_>) {
        let (_store, view) = filled(quiet(), ENTITIES, exposure);
        repeat(bencher, &each(|n| n), |n| {
            let record = |slot| exposure(u64::from(n ^ slot), u64::from(slot));
            let day = (0..SLOTS).map(|slot| (n % ENTITIES, start(slot), record(slot)));
            view.put_many(day).expect("a day put");
        });
    }

    #[divan::bench]
    fn invalidation_of_what_nobody_read(bencher: Bencher<'_, '_>) {
        let (store, _view) = filled(quiet(), 1, exposure);
        repeat(bencher, &each(|n| n), |n| {
            store.invalidate(("building", *n)).expect("an announcement");
        });
    }
}

/// So many different inputs, made before anything is timed.
fn each<T>(input: impl FnMut(u32) -> T) -> Vec<T> {
    (0..1024).map(input).collect()
}

/// Times one work on one input after the other, again and again, and never for the first time.
#[inline]
fn repeat<I, O>(bencher: Bencher<'_, '_>, inputs: &[I], mut work: impl FnMut(&I) -> O) {
    inputs.iter().for_each(|input| drop(black_box(work(input))));
    let mut inputs = inputs.iter().cycle();
    bencher.bench_local(|| work(black_box(inputs.next().expect("there are inputs"))));
}

fn exposure(entity: u64, n: u64) -> Exposure {
    Exposure { values: std::array::from_fn(|value| entity * value as u64 + n) }
}

fn chart(entity: u64, n: u64) -> Chart {
    Chart { values: std::array::from_fn(|value| entity * value as u64 + n) }
}

fn note(entity: u64, n: u64) -> Note {
    Note { text: format!("{entity} at {n}: sun until the clouds come") }
}

/// A store with a day of each entity, all of it in memory that has room there.
fn filled<R: RecordType>(
    options: Options,
    entities: u32,
    record: fn(u64, u64) -> R,
) -> (Store, View<u32, R>) {
    let store = Store::in_memory_with(options).expect("a store");
    let view = store
        .view::<u32, R>("records")
        .grid(Grid::minutes(10).origin(NOON))
        .page_len(SLOTS)
        .build(move |_, &entity, bucket| {
            Ok(record(entity.into(), bucket.start().as_millis().unsigned_abs()))
        })
        .expect("a view");
    let day = TimeRange::new(start(0), start(SLOTS));
    for entity in 0..entities {
        let filled = view.fill(&entity, day);
        filled.and_then(|filled| filled.complete()).expect("a day");
    }
    store.sync().expect("a sync");
    view.prefetch(0..entities, day).expect("the pages");
    (store, view)
}

/// Nothing happens but what is called for.
fn quiet() -> Options {
    Options { builders: 0, warm_up: false, unsynced_age_max: Span::hours(24), ..Options::default() }
}

fn cold() -> Options {
    Options { memory_bytes: 0, ..quiet() }
}

fn start(slot: u32) -> Timestamp {
    NOON + Span::minutes(10 * i64::from(slot))
}
