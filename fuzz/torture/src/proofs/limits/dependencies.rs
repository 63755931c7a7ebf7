//! How much a record can depend on before its set is made coarser, and that a coarse set still hears
//! of all that was read.

use tidetable::{Freshness, Marked, Store, Timestamp, View};

use super::place::{Held, Place, around, ensure, hold, refused};
use crate::round::Round;

const AT: Timestamp = Timestamp::EPOCH;
/// The most that a set names.
const MOST: usize = 4096;

fn colour(view: &View<u32, u64>, entity: u32) -> Held<Freshness> {
    Ok(view.when_marked(Marked::Serve).get(&entity, AT)?.freshness())
}

/// Announces each of some sources in a store of its own, opened anew between build and announcement.
fn heard(define: impl Fn(&Store) -> Held<View<u32, u64>>, of: u64, exact: bool) -> Held {
    let sources = [0, 1, of / 2, of - 2, of - 1].map(|key| (key, true));
    // What was not read stays out where the set is not coarser.
    let sources = sources.into_iter().chain([(of, false)]);
    let place = Place::still()?;
    let mut store = place.open()?;
    for (key, was_read) in sources {
        let view = define(&store)?;
        view.get(&1, AT)?;
        ensure(colour(&view, 1)? == Freshness::Fresh, || "it was not built anew".to_owned())?;
        drop(view);
        store = place.reopen(store)?;
        let view = define(&store)?;
        store.invalidate(("s", key))?;
        let marked = colour(&view, 1)? != Freshness::Fresh;
        ensure(marked || !was_read, || format!("source {key} was announced and not heard of"))?;
        ensure(!marked || was_read || !exact, || format!("source {key} was never read"))?;
    }
    Ok(())
}

pub fn sources(round: &Round<'_>) {
    for (count, exact) in around(MOST) {
        hold(round, format!("{count} sources"), || {
            let define = |store: &Store| -> Held<View<u32, u64>> {
                Ok(store.view("reader").build(move |cx, _, _| {
                    (0..count as u64).for_each(|key| cx.depends_on(("s", key)));
                    Ok(1)
                })?)
            };
            heard(define, count as u64, exact)
        });
        hold(round, format!("{count} sources in two versions"), || {
            let define = |store: &Store| -> Held<View<u32, u64>> {
                Ok(store.view("reader").build(move |cx, _, _| {
                    (0..count as u64).for_each(|key| cx.depends_on_at(("s", key), key % 2));
                    Ok(1)
                })?)
            };
            heard(define, count as u64, exact)
        });
    }
}

/// Records of other entities, each in a page of its own, some of them absent.
pub fn records(round: &Round<'_>) {
    for (count, exact) in around(MOST) {
        hold(round, format!("{count} records"), || {
            let define = |store: &Store| -> Held<View<u32, u64>> {
                let below = store.view::<u32, u64>("below").build(|cx, entity, _| {
                    cx.depends_on(("s", *entity));
                    Ok(u64::from(*entity))
                })?;
                below.put_many((0..=count as u32).map(|entity| (entity, AT, u64::from(entity))))?;
                Ok(store.view("reader").build(move |cx, _, _| {
                    let sum = (0..count as u32)
                        .map(|entity| Ok(cx.get(&below, &entity, AT)?.to_native()));
                    sum.sum::<tidetable::Result<u64>>().map_err(Into::into)
                })?)
            };
            records_heard(define, count as u32, exact)
        });
    }
}

fn records_heard(define: impl Fn(&Store) -> Held<View<u32, u64>>, of: u32, exact: bool) -> Held {
    let place = Place::still()?;
    let mut store = place.open()?;
    for (entity, was_read) in [(0, true), (of / 2, true), (of - 1, true), (of, false)] {
        let view = define(&store)?;
        view.get(&1, AT)?;
        ensure(colour(&view, 1)? == Freshness::Fresh, || "it was not built anew".to_owned())?;
        drop(view);
        store = place.reopen(store)?;
        let below = store.view::<u32, u64>("below").without_build()?;
        below.put(&entity, AT, &(1 << 40))?;
        drop(below);
        let view = store.view::<u32, u64>("reader").build(|_, _, _| Ok(1))?;
        let marked = colour(&view, 1)? != Freshness::Fresh;
        ensure(marked || !was_read, || {
            format!("record {entity} changed, and that was not heard of")
        })?;
        ensure(!marked || was_read || !exact, || format!("record {entity} was never read"))?;
        drop(view);
        store = place.reopen(store)?;
    }
    Ok(())
}

/// Nothing is coarser than a kind: more of these are refused.
pub fn kinds(round: &Round<'_>) {
    for (count, may) in around(MOST) {
        hold(round, format!("{count} kinds"), || {
            let place = Place::still()?;
            let mut store = place.open()?;
            let define = |store: &Store| -> Held<View<u32, u64>> {
                Ok(store.view("reader").without_breaker().build(move |cx, entity, _| {
                    if *entity == 1 {
                        (0..count).for_each(|kind| cx.depends_on((format!("k{kind}").as_str(), 7)));
                    }
                    Ok(1)
                })?)
            };
            if !may {
                let view = define(&store)?;
                refused(view.get(&1, AT), &["4096", "kinds"])?;
                ensure(view.peek(&1, AT)?.is_none(), || "it is there".to_owned())?;
                view.get(&2, AT)?;
                return Ok(());
            }
            for kind in [0, count / 2, count - 1] {
                let view = define(&store)?;
                view.get(&1, AT)?;
                drop(view);
                store = place.reopen(store)?;
                let view = define(&store)?;
                store.invalidate((format!("k{kind}").as_str(), 7))?;
                ensure(colour(&view, 1)? == Freshness::Stale, || format!("kind {kind}"))?;
            }
            Ok(())
        });
    }
}
