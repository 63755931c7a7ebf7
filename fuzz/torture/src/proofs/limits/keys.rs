//! Keys of entities of every type that can be long.

use std::borrow::Borrow;

use tidetable::key::{ENTITY_KEY_BYTES_MAX, EntityKey, KeyBuf};
use tidetable::{Grid, Missing, Span, TimeRange, Timestamp, View};

use super::place::{Held, Place, around, ensure, fault, hold, refused};
use crate::round::Round;

const AT: Timestamp = Timestamp::EPOCH;

/// Makes a value of so many letters, every fourth of which is escaped or none.
type Make<O> = fn(usize, u8) -> O;

/// Texts, byte strings and tuples that hold them, with bytes that are escaped and without.
pub fn entities(round: &Round<'_>) {
    for escaped in [0_u8, 1] {
        of_type::<str>(round, "text", escaped, text);
        of_type::<[u8]>(round, "bytes", escaped, bytes);
        of_type::<(u64, String)>(round, "a pair", escaped, |len, odd| (7, text(len, odd)));
        of_type::<(String, i8, Vec<u8>)>(round, "a triple", escaped, |len, odd| {
            (text(len / 2, odd), -1, bytes(len - len / 2, odd))
        });
        of_type::<((String, bool), char, Vec<u8>, ())>(round, "tuples", escaped, |len, odd| {
            ((text(len / 3, odd), true), 'ö', bytes(len - len / 3, odd), ())
        });
    }
    // Each length is a type of its own, which needs no end mark: exactly at the limit and beyond.
    array::<{ ENTITY_KEY_BYTES_MAX - 1 }>(round, true);
    array::<ENTITY_KEY_BYTES_MAX>(round, true);
    array::<{ ENTITY_KEY_BYTES_MAX + 1 }>(round, false);
}

/// Every fourth letter is a NUL, which takes two bytes in a key.
pub fn text(len: usize, escaped: u8) -> String {
    let letter = |at| if escaped == 1 && at % 4 == 3 { '\0' } else { 'x' };
    (0..len).map(letter).collect()
}

pub fn bytes(len: usize, escaped: u8) -> Vec<u8> {
    text(len, escaped).into_bytes()
}

fn array<const N: usize>(round: &Round<'_>, may: bool) {
    hold(round, format!("an array of {N} bytes"), || {
        // Another of the type is as long.
        let other = may.then_some(&[8; N]);
        key_holds::<[u8; N]>(&[7; N], other, may)
    });
}

fn of_type<E: EntityKey + ?Sized>(
    round: &Round<'_>,
    name: &str,
    escaped: u8,
    make: Make<E::Owned>,
) {
    for (len, may) in around(ENTITY_KEY_BYTES_MAX) {
        hold(round, format!("{name} of {len} bytes, escaped {escaped}"), || {
            let key_len = |entity: &E| {
                let mut key = KeyBuf::new();
                entity.encode(&mut key);
                key.len()
            };
            // Escapes take two bytes each: the last letters come to the length one by one.
            let long = (0..=len).rev().map(|letters| make(letters, escaped));
            let long = long.into_iter().find(|entity| key_len(entity.borrow()) == len);
            let other = make(3, escaped);
            match long {
                Some(long) => key_holds::<E>(long.borrow(), Some(other.borrow()), may),
                None if escaped == 1 => Ok(()),
                None => Err(fault("no key of this length was made")),
            }
        });
    }
}

fn key_holds<E: EntityKey + ?Sized>(long: &E, other: Option<&E>, may: bool) -> Held {
    let place = Place::still()?;
    let store = place.open()?;
    let define = |store: &tidetable::Store| -> Held<View<E, u64>> {
        let view = store.view::<E, u64>("keyed").grid(Grid::hours(1));
        Ok(view.build(|_, _, bucket| Ok(bucket.start().as_millis() as u64 + 1))?)
    };
    let view = define(&store)?;
    let hours = TimeRange::new(AT, Timestamp::from_seconds(4 * 3600));
    let later = Timestamp::from_seconds(3600);
    let other = other.filter(|other| is_another(*other, long));
    if let Some(other) = other {
        view.put(other, AT, &41)?;
    }
    if may {
        view.put(long, AT, &42)?;
        ensure(view.get(long, later)?.to_native() == 3_600_001, || "built wrongly".to_owned())?;
        ensure(view.range(long, hours)?.len() == 4, || "a range has gaps".to_owned())?;
        view.request(long, Timestamp::from_seconds(5 * 3600))?;
        view.invalidate(long)?;
        let store = place.reopen(store)?;
        let view = define(&store)?;
        // It was invalidated and is built anew.
        ensure(view.get(long, AT)?.to_native() == 1, || "not as it is built".to_owned())?;
        view.put(long, AT, &43)?;
        let store = place.reopen(store)?;
        let view = define(&store)?;
        ensure(view.get(long, AT)?.to_native() == 43, || "another record came back".to_owned())?;
        let many = view.get_many([long], later);
        ensure(many.len() == 1 && many[0].is_ok(), || "not among many".to_owned())?;
        let entities = view.entities().count();
        ensure(entities == 1 + usize::from(other.is_some()), || format!("{entities} entities"))?;
        let run = view.precompute([long], hours)?;
        ensure(run.wait()?.failed == 0, || "a run failed on it".to_owned())?;
        view.delete(long)?;
        return ensure(view.peek(long, AT)?.is_none(), || "it is still there".to_owned());
    }
    let limit = ENTITY_KEY_BYTES_MAX.to_string();
    let words = [limit.as_str(), "the key of the entity has"];
    refused(view.put(long, AT, &42), &words)?;
    refused(
        view.put_many(other.map(|other| (other, AT, 44)).into_iter().chain([(long, AT, 42)])),
        &words,
    )?;
    refused(view.get(long, AT), &words)?;
    refused(view.peek(long, AT), &words)?;
    refused(view.range(long, hours), &words)?;
    refused(view.fill(long, hours), &words)?;
    refused(view.request(long, AT), &words)?;
    refused(view.nearest(long, AT, Span::hours(2)), &words)?;
    refused(view.prefetch([long], hours), &words)?;
    refused(view.explain(long, AT), &words)?;
    refused(view.invalidate(long), &words)?;
    refused(view.delete(long), &words)?;
    refused(view.delete_range(long, hours), &words)?;
    refused(view.precompute([long], hours), &words)?;
    let many = view.get_many([long].into_iter().chain(other), AT);
    let told = many[0].is_err() && many[1..].iter().all(Result::is_ok);
    ensure(told, || "one that is too long keeps others from being read".to_owned())?;
    drop(many);
    drop(view);
    let store = place.reopen(store)?;
    let view = define(&store)?;
    let known = usize::from(other.is_some());
    ensure(view.entities().count() == known, || "something of a refused call is there".to_owned())?;
    ensure(store.runs()?.is_empty(), || "a refused run is there".to_owned())?;
    if let Some(other) = other {
        let found = view.when_missing(Missing::Miss).get(other, AT)?.to_native();
        ensure(found == 41, || format!("a refused call left {found}"))?;
        view.put(other, AT, &45)?;
    }
    Ok(())
}

/// Whether the other is another.
fn is_another<E: EntityKey + ?Sized>(other: &E, long: &E) -> bool {
    let mut keys = [KeyBuf::new(), KeyBuf::new()];
    other.encode(&mut keys[0]);
    long.encode(&mut keys[1]);
    keys[0].as_slice() != keys[1].as_slice()
}
