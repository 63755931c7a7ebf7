//! A file that grows past a gibibyte, where signed and unsigned lengths part and files are grown in
//! larger steps.

use std::fs;

use tidetable::{Missing, Options, Store, Timestamp, View};

use super::place::{Held, Place, ensure, hold, still};
use super::records::of_bytes;
use crate::round::Round;

const AT: Timestamp = Timestamp::EPOCH;
const RECORD: usize = 8 << 20;
/// Comes to 1,144 MiB.
const RECORDS: u32 = 143;

/// It takes 2.5 GB of disk and some seconds: a short run leaves it out.
pub fn a_file_of_a_gibibyte(round: &Round<'_>) {
    if !round.has_time() {
        println!(
            "limits: the file of a gibibyte is left to runs of a minute or more, and --round 0"
        );
        return;
    }
    hold(round, "a file of more than a gibibyte", || {
        let place = Place::with(Options { memory_bytes: 64 << 20, ..still() })?;
        let mut store = place.open()?;
        for entity in 0..RECORDS {
            let before = fs::metadata(place.file())?.len();
            define(&store)?.put(&entity, AT, &of_bytes(RECORD, entity.into()))?;
            // Closed and opened on both sides of the boundary.
            let after = fs::metadata(place.file())?.len();
            if before >> 28 != after >> 28 {
                store = place.reopen(store)?;
            }
        }
        let length = fs::metadata(place.file())?.len();
        ensure(length > 1 << 30, || format!("the file has {length} bytes only"))?;
        holds(&store)?;
        // As a crash leaves it: synced, and not sealed.
        let crashed = Place::with(Options { memory_bytes: 64 << 20, ..still() })?;
        fs::copy(place.file(), crashed.file())?;
        let store = place.reopen(store)?;
        holds(&store)?;
        store.close()?;
        drop((store, place));
        let store = crashed.open()?;
        holds(&store)?;
        let view = define(&store)?;
        for entity in (0..RECORDS).step_by(2) {
            view.delete(&entity)?;
        }
        view.put(&1, AT, &vec![1, 2, 3])?;
        drop(view);
        let store = crashed.reopen(store)?;
        let view = define(&store)?;
        ensure(view.get(&1, AT)?.as_slice() == [1, 2, 3], || "the last put is lost".to_owned())?;
        ensure(view.entities().count() as u32 == RECORDS / 2, || {
            "another number is left".to_owned()
        })?;
        let last = view.get(&(RECORDS - 2), AT)?;
        let same = last.as_slice() == of_bytes(RECORD, (RECORDS - 2).into());
        ensure(same, || "the last record came back as other bytes".to_owned())?;
        store.close()?;
        Ok(())
    });
}

fn define(store: &Store) -> Held<View<u32, Vec<u8>>> {
    let view = store.view::<u32, Vec<u8>>("large").uncompressed().without_build()?;
    Ok(view.when_missing(Missing::Miss))
}

fn holds(store: &Store) -> Held {
    let view = define(store)?;
    for entity in 0..RECORDS {
        let record = view.get(&entity, AT)?;
        let same = record.as_slice() == of_bytes(RECORD, entity.into());
        ensure(same, || format!("{entity} came back as other bytes"))?;
    }
    Ok(())
}
