//! Sources: their keys, their kinds, and integers that are near the ends of their types.

use tidetable::key::{IntoSource, SOURCE_KEY_BYTES_MAX, SOURCE_KIND_BYTES_MAX, Source};
use tidetable::{Changes, Error, Freshness, Marked, Store, Timestamp, View};

use super::keys::{bytes, text};
use super::place::{Held, Place, around, ensure, fault, hold, refused};
use crate::round::Round;

const AT: Timestamp = Timestamp::EPOCH;

/// A record of each entity, which reads a source of its own.
fn reading(store: &Store, source: Source) -> Held<View<u32, u64>> {
    let view = store.view::<u32, u64>("reading").build(move |cx, entity, _| {
        match entity {
            1 => cx.depends_on(&source),
            _ => cx.depends_on(("other", *entity)),
        }
        Ok(u64::from(*entity))
    })?;
    Ok(view.when_marked(Marked::Serve))
}

/// What reads it is marked by its announcement, also when the store was opened anew between them, and
/// nothing else is.
fn source_holds(source: Source, announce: impl Fn(&Store) -> Held<u64>) -> Held {
    let place = Place::still()?;
    let mut store = place.open()?;
    for reopened in [false, true] {
        let view = reading(&store, source.clone())?;
        view.fill(&1, AT..Timestamp::from_millis(1))?.complete()?;
        view.fill(&2, AT..Timestamp::from_millis(1))?.complete()?;
        drop(view);
        if reopened {
            store = place.reopen(store)?;
        }
        let view = reading(&store, source.clone())?;
        let stale = announce(&store)?;
        ensure(stale == 1, || format!("{stale} records are stale"))?;
        let colour = |entity| -> Held<Freshness> { Ok(view.get(&entity, AT)?.freshness()) };
        ensure(colour(1)? == Freshness::Stale, || "its reader is fresh".to_owned())?;
        ensure(colour(2)? == Freshness::Fresh, || "another record is marked".to_owned())?;
        drop(view);
        store = place.reopen(store)?;
        let view = reading(&store, source.clone())?;
        let colour = view.get(&1, AT)?.freshness();
        ensure(colour == Freshness::Stale, || "its mark is lost".to_owned())?;
    }
    Ok(())
}

/// What is no source.
#[derive(Clone)]
struct Wrong(Error);

impl IntoSource for Wrong {
    fn into_source(self) -> tidetable::Result<Source> {
        Err(self.0)
    }
}

/// A source that cannot be is refused by everything that takes one, and a build that names it fails.
fn no_source(made: tidetable::Result<Source>, words: &[&str]) -> Held {
    refused(made.clone(), words)?;
    let wrong = Wrong(made.expect_err("it was refused"));
    let place = Place::still()?;
    let store = place.open()?;
    let before = store.revision();
    refused(store.invalidate(wrong.clone()), words)?;
    refused(store.change(wrong.clone(), || ()), words)?;
    let two = Changes::new().source(("other", 2)).source(wrong.clone());
    refused(store.invalidate_all(&two), words)?;
    ensure(store.revision() == before, || "a refused announcement is in the store".to_owned())?;
    let view = store.view::<u32, u64>("wrong").build(move |cx, entity, _| {
        if *entity == 1 {
            cx.depends_on(wrong.clone());
        }
        Ok(1)
    })?;
    let error =
        view.get(&1, AT).err().ok_or_else(|| fault("a build without its source was stored"))?;
    let told = format!("{error:?}");
    ensure(words.iter().all(|word| told.contains(word)), || told)?;
    ensure(view.peek(&1, AT)?.is_none(), || "a failed build left a record".to_owned())?;
    view.get(&2, AT)?;
    Ok(())
}

type Make = fn(usize, u8) -> tidetable::Result<Source>;

pub fn keys(round: &Round<'_>) {
    for escaped in [0_u8, 1] {
        // A tag in front, two bytes behind, and of a tuple its own two.
        let makers: [(&str, Make); 4] = [
            ("text", |len, odd| Source::new("k", text(len, odd))),
            ("bytes", |len, odd| Source::new("k", bytes(len, odd))),
            ("a pair", |len, odd| Source::new("k", (7, text(len, odd)))),
            ("tuples", |len, odd| {
                Source::new("k", ((bytes(len / 2, odd), true), text(len - len / 2, odd)))
            }),
        ];
        for (name, make) in makers {
            for (len, may) in around(SOURCE_KEY_BYTES_MAX) {
                hold(round, format!("a source by {name} of {len} bytes"), || {
                    key_holds(len, may, |letters| make(letters, escaped), escaped)
                });
            }
        }
    }
}

fn key_holds(
    len: usize,
    may: bool,
    make: impl Fn(usize) -> tidetable::Result<Source>,
    escaped: u8,
) -> Held {
    // Behind the kind and its end.
    let key_len = |source: &Source| source.as_bytes().len() - source.kind().len() - 1;
    let at_limit = (0..=SOURCE_KEY_BYTES_MAX).rev().find(|letters| make(*letters).is_ok());
    let most = at_limit.ok_or_else(|| fault("no source could be made"))?;
    if !may {
        let words = [&*SOURCE_KEY_BYTES_MAX.to_string(), "has a key of"];
        return no_source(make(most + 1), &words);
    }
    let letters =
        (0..=most).rev().find(|letters| make(*letters).is_ok_and(|made| key_len(&made) == len));
    let Some(letters) = letters else {
        return ensure(escaped == 1, || "no key of this length was made".to_owned());
    };
    let source = make(letters)?;
    source_holds(source.clone(), |store| Ok(store.invalidate(&source)?.stale))?;
    source_holds(source.clone(), |store| Ok(store.invalidate_kind("k")?.stale))
}

pub fn kinds(round: &Round<'_>) {
    let limit = SOURCE_KIND_BYTES_MAX.to_string();
    for (len, may) in [(1, true), (SOURCE_KIND_BYTES_MAX - 1, true), (SOURCE_KIND_BYTES_MAX, true)]
        .into_iter()
        .chain([(0, false), (SOURCE_KIND_BYTES_MAX + 1, false)])
    {
        hold(round, format!("a kind of {len} bytes"), || {
            let kind = "k".repeat(len);
            if !may {
                let place = Place::still()?;
                refused(place.open()?.invalidate_kind(&kind), &[&limit])?;
                return no_source(Source::new(&kind, 7), &[&limit]);
            }
            let source = Source::new(&kind, 7)?;
            source_holds(source.clone(), |store| Ok(store.invalidate(&source)?.stale))?;
            source_holds(source.clone(), |store| Ok(store.invalidate_kind(&kind)?.stale))
        });
    }
    for kind in ["\0", "a\0", "\u{1}", "\u{1}a"] {
        hold(round, format!("a kind {kind:?}"), || no_source(Source::new(kind, 7), &["kind"]));
    }
}

/// The widest that integers have, and those around each width.
pub fn integers(round: &Round<'_>) {
    let wide = (0..16).flat_map(|bytes| {
        let end = 1_i128 << (8 * bytes);
        [end - 1, end, -end, 1 - end]
    });
    for value in wide.chain([i128::MAX, i128::MIN, 0]) {
        hold(round, format!("a source by {value}"), || {
            let source = Source::new("k", value)?;
            source_holds(source.clone(), |store| Ok(store.invalidate(("k", value))?.stale))
        });
    }
    hold(round, "a source by the largest integer", || {
        let source = Source::new("k", u128::MAX)?;
        source_holds(source.clone(), |store| Ok(store.invalidate(("k", u128::MAX))?.stale))
    });
}
