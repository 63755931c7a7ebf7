//! How many buckets a page holds, and how many bytes.

use tidetable::{
    Grid, Missing, Options, PAGE_BYTES_MAX, PAGE_LEN_MAX, Span, Store, Timestamp, View,
};

use super::place::{Held, Place, ensure, fault, hold, refused, still};
use super::records::of_bytes;
use crate::round::Round;

fn at(bucket: i64) -> Timestamp {
    Timestamp::from_seconds(bucket)
}

pub fn lengths(round: &Round<'_>) {
    let most = PAGE_LEN_MAX;
    for page_len in [1, 2, 63, 64, 65, most - 1, most] {
        hold(round, format!("pages of {page_len}"), || length_holds(page_len));
    }
    for page_len in [0, most + 1, u32::MAX] {
        hold(round, format!("pages of {page_len}"), || {
            let place = Place::still()?;
            let store = place.open()?;
            let view = |page_len| {
                store.view::<u32, u64>("paged").grid(Grid::seconds(1)).page_len(page_len)
            };
            let words = [&*format!("{page_len} buckets"), "1 to 1024"];
            refused(view(page_len).build(|_, _, _| Ok(1)), &words)?;
            ensure(store.views()?.is_empty(), || "it is there".to_owned())?;
            view(1).build(|_, _, _| Ok(1))?;
            Ok(())
        });
    }
    hold(round, "a timeless page of two", || {
        let store = Place::still()?.open()?;
        refused(store.view::<u32, u64>("one").page_len(2).without_build(), &["'timeless' holds 1"])
    });
}

/// The first and the last bucket of pages on both sides of the origin, and all between them.
fn length_holds(page_len: u32) -> Held {
    let place = Place::still()?;
    let define = |store: &Store| -> Held<View<u32, i64>> {
        let view = store.view::<u32, i64>("paged").grid(Grid::seconds(1)).page_len(page_len);
        Ok(view.build(|cx, _, bucket| {
            cx.depends_on(("second", bucket.start().as_millis() / 1000));
            Ok(bucket.start().as_millis())
        })?)
    };
    let store = place.open()?;
    let len = i64::from(page_len);
    let edges: Vec<i64> = (-2..=2).flat_map(|page| [page * len, page * len + len - 1]).collect();
    let view = define(&store)?;
    for bucket in &edges {
        ensure(view.get(&7, at(*bucket))?.to_native() == bucket * 1000, || {
            format!("bucket {bucket}")
        })?;
    }
    drop(view);
    let store = place.reopen(store)?;
    let view = define(&store)?;
    let stored = view.when_missing(Missing::Miss).range(&7, at(-3 * len)..at(4 * len))?;
    let mut expected = edges.clone();
    expected.dedup();
    let found = stored.iter().map(|(bucket, _)| bucket.start().as_millis() / 1000);
    ensure(found.eq(expected.iter().copied()), || "other buckets came back".to_owned())?;
    view.fill(&7, at(-len)..at(2 * len))?.complete()?;
    // One mark in the last slot of a page is that slot's alone.
    let stale = store.invalidate(("second", len - 1))?.stale;
    ensure(stale == 1, || format!("{stale} are stale"))?;
    drop(view);
    let store = place.reopen(store)?;
    let view = define(&store)?.when_marked(tidetable::Marked::Serve);
    for bucket in -len..2 * len {
        let record =
            view.peek(&7, at(bucket))?.ok_or_else(|| fault(format!("{bucket} is gone")))?;
        let right = record.to_native() == bucket * 1000 && record.is_fresh() == (bucket != len - 1);
        ensure(right, || format!("{bucket} is {:?}", record.freshness()))?;
    }
    Ok(())
}

/// Two records that come to the limit together, as near below, at and above as records come. A page has
/// sixteen bytes for each bucket in front.
pub fn bytes(round: &Round<'_>) {
    let first = 16 << 20;
    let left = PAGE_BYTES_MAX - 2 * 16 - first;
    for (second, may) in [(left - 4, true), (left, true), (left + 4, false)] {
        for at_once in [false, true] {
            let name = format!("a page of {} bytes, at once {at_once}", first + second + 32);
            hold(round, name, || bytes_hold([first, second], may, at_once));
        }
    }
}

fn bytes_hold(sizes: [usize; 2], may: bool, at_once: bool) -> Held {
    let options = Options { record_bytes_max: 31 << 20, ..still() };
    let place = Place::with(options)?;
    let define = |store: &Store| -> Held<View<u32, Vec<u8>>> {
        let view = store.view("paged").grid(Grid::fixed(Span::seconds(1))).page_len(2);
        Ok(view.uncompressed().build(move |_, _, bucket| {
            let second = bucket.start() != at(0);
            Ok(of_bytes(sizes[usize::from(second)], second.into()))
        })?)
    };
    let store = place.open()?;
    let view = define(&store)?;
    let [one, two] = [0, 1].map(|slot| of_bytes(sizes[slot as usize], slot));
    let put = if at_once {
        view.put_many([(1, at(0), &one), (1, at(1), &two)]).map(drop)
    } else {
        view.put(&1, at(0), &one)?;
        view.put(&1, at(1), &two)
    };
    // Built ones stand beside each other likewise.
    view.get(&2, at(0))?;
    let built = view.get(&2, at(1)).map(drop);
    let words = [&*PAGE_BYTES_MAX.to_string(), "page_len"];
    if may {
        put?;
        built?;
    } else {
        refused(put, &words)?;
        refused(built, &words)?;
    }
    drop(view);
    let store = place.reopen(store)?;
    let view = define(&store)?.when_missing(Missing::Miss);
    for entity in [1, 2] {
        for (slot, bytes) in [(0, &one), (1, &two)] {
            let there = may || (slot == 0 && !(at_once && entity == 1));
            let found = view.peek(&entity, at(slot))?;
            ensure(found.is_some() == there, || {
                format!("{entity} at {slot} is there: {}", !there)
            })?;
            let same = found.is_none_or(|record| record.as_slice() == bytes.as_slice());
            ensure(same, || format!("{entity} at {slot} came back as other bytes"))?;
        }
    }
    view.put(&1, at(0), &vec![1])?;
    Ok(())
}
