//! Sizes of records, as archived.

use tidetable::{Grid, Options, RecordType, Span, Store, Timestamp, View};

use super::place::{Held, Place, ensure, hold, refused, still};
use crate::disk::Random;
use crate::round::{Round, mix};

const DEFAULT: usize = 16 << 20;
const LARGEST: usize = 31 << 20;

fn at(minute: i64) -> Timestamp {
    Timestamp::from_seconds(minute * 60)
}

/// Bytes that nothing makes shorter, which take so many as a record: their length and where they are
/// take eight, and all of it is a multiple of four.
pub fn of_bytes(archived: usize, seed: u64) -> Vec<u8> {
    let mut random = Random(mix(seed) | 1);
    let mut out = Vec::with_capacity(archived);
    while out.len() < archived - 8 {
        out.extend_from_slice(&random.next().to_le_bytes());
    }
    out.truncate(archived - 8);
    out
}

/// The limit that options give: small ones to the byte, the default and the largest as near as a record
/// comes to them.
pub fn sizes(round: &Round<'_>) {
    hold(round, "a record of 999 bytes of 1000", || fixed::<999>(true));
    hold(round, "a record of 1000 bytes of 1000", || fixed::<1000>(true));
    hold(round, "a record of 1001 bytes of 1000", || fixed::<1001>(false));
    for (name, limit, most) in
        [("the default", None, DEFAULT), ("the largest", Some(LARGEST), LARGEST)]
    {
        for (bytes, may) in [(most - 4, true), (most, true), (most + 4, false)] {
            hold(round, format!("a record of {bytes} bytes where {name} holds"), || {
                let unlimited = still();
                let options = match limit {
                    Some(record_bytes_max) => Options { record_bytes_max, ..unlimited },
                    None => unlimited,
                };
                large(options, most, bytes, may)
            });
        }
    }
}

fn fixed<const N: usize>(may: bool) -> Held
where
    [u8; N]: RecordType,
{
    let options = Options { record_bytes_max: 1000, ..still() };
    let place = Place::with(options)?;
    let define = |store: &Store| -> Held<View<u32, [u8; N]>> {
        Ok(store.view("sized").grid(Grid::minutes(1)).page_len(8).build(|_, _, _| Ok([9; N]))?)
    };
    let store = place.open()?;
    let view = define(&store)?;
    if !may {
        let words = ["1000", &N.to_string(), "record_bytes_max"];
        refused(view.put(&1, at(0), &[7; N]), &words)?;
        refused(view.get(&1, at(1)), &words)?;
        ensure(view.entities().count() == 0, || "something of it is there".to_owned())?;
        drop(view);
        let store = place.reopen(store)?;
        return ensure(define(&store)?.entities().count() == 0, || "it came back".to_owned());
    }
    view.put(&1, at(0), &[7; N])?;
    view.get(&1, at(1))?;
    drop(view);
    let store = place.reopen(store)?;
    let view = define(&store)?;
    for (minute, byte) in [(0, 7), (1, 9)] {
        let record = view.get(&1, at(minute))?;
        ensure(record.archived_bytes() == [byte; N], || "other bytes came back".to_owned())?;
    }
    Ok(())
}

fn large(options: Options, most: usize, bytes: usize, may: bool) -> Held {
    let place = Place::with(options)?;
    let define = |store: &Store| -> Held<View<u32, Vec<u8>>> {
        let view = store.view::<u32, Vec<u8>>("large").grid(Grid::minutes(1)).page_len(2);
        Ok(view.uncompressed().build(move |_, entity, _| Ok(of_bytes(bytes, (*entity).into())))?)
    };
    let store = place.open()?;
    let view = define(&store)?;
    view.put(&9, at(0), &vec![1, 2, 3])?;
    if !may {
        let words = [&*most.to_string(), &bytes.to_string(), "record_bytes_max"];
        let long = of_bytes(bytes, 1);
        refused(view.put(&1, at(0), &long), &words)?;
        refused(view.put_many([(8, at(0), &vec![1]), (1, at(0), &long)]), &words)?;
        refused(view.get(&1, at(0)), &words)?;
        let filled = view.fill(&1, at(0)..at(2))?;
        ensure(filled.failed.len() == 2, || "a fill is content".to_owned())?;
    } else {
        view.put(&1, at(0), &of_bytes(bytes, 1))?;
        view.get(&2, at(0))?;
    }
    drop(view);
    let store = place.reopen(store)?;
    let view = define(&store)?;
    let expected = if may { 3 } else { 1 };
    ensure(view.entities().count() == expected, || "another number of entities".to_owned())?;
    for entity in [1, 2].into_iter().filter(|_| may) {
        let record = view.get(&entity, at(0))?;
        ensure(record.archived_bytes().len() == bytes, || "another length came back".to_owned())?;
        let same = record.as_slice() == of_bytes(bytes, entity.into());
        ensure(same, || "other bytes came back".to_owned())?;
    }
    ensure(view.get(&9, at(0))?.as_slice() == [1, 2, 3], || "another record suffered".to_owned())?;
    view.put(&9, at(1), &vec![4])?;
    Ok(())
}

/// Records of no bytes at all, and of nothing in a byte or eight.
pub fn of_no_bytes(round: &Round<'_>) {
    hold(round, "units", || empty::<()>(|| ()));
    hold(round, "no bytes of an array", || empty::<[u8; 0]>(|| []));
    hold(round, "one byte", || empty::<u8>(|| 0));
    hold(round, "an empty vector", || empty::<Vec<u64>>(Vec::new));
    hold(round, "an empty text", || empty::<String>(String::new));
}

fn empty<R: RecordType>(make: fn() -> R) -> Held {
    for (zstd, page_len) in [(false, 1), (true, 1), (false, 64), (true, 64), (true, 1024)] {
        let place = Place::still()?;
        let define = |store: &Store| -> Held<View<u32, R>> {
            let view = store.view::<u32, R>("empty").grid(Grid::fixed(Span::minutes(1)));
            let view = view.page_len(page_len);
            let view = if zstd { view } else { view.uncompressed() };
            Ok(view.build(move |_, _, _| Ok(make()))?)
        };
        let store = place.open()?;
        let view = define(&store)?;
        view.put(&1, at(3), &make())?;
        view.fill(&1, at(5)..at(700))?.complete()?;
        drop(view);
        let store = place.reopen(store)?;
        let view = define(&store)?;
        let there = |minute| -> Held<bool> { Ok(view.peek(&1, at(minute))?.is_some()) };
        let edges = [(3, true), (4, false), (5, true), (699, true), (700, false)];
        for (minute, expected) in edges {
            ensure(there(minute)? == expected, || format!("minute {minute} of {page_len}"))?;
        }
        ensure(view.delete(&1)? == 696, || "another number was deleted".to_owned())?;
    }
    Ok(())
}
