//! Views that are read whole by a build, while something becomes of their records.

use std::thread;

use tidetable::{Freshness, Store, TimeRange, Timestamp, View};

use crate::common::still;

use super::world::{NOW, Outside, colour, value};

/// Records that are put, and one above whose build reads all of them.
struct Whole {
    store: Store,
    put: View<u32, u64>,
    sum: View<u32, u64>,
}

impl Whole {
    /// With records of two entities. The first build says something when it has read, in a thread of
    /// its own.
    fn told(tell: impl Fn(&Store, &View<u32, u64>) + Clone + Send + Sync + 'static) -> Self {
        let store = still::in_memory().unwrap();
        let put = store.view::<u32, u64>("put").without_build().unwrap();
        put.put_many([(1, NOW, 1), (2, NOW, 1)]).unwrap();
        let (inside, read, runs) = (store.clone(), put.clone(), Outside::default());
        let sum = store.view::<u32, u64>("sum").build(move |cx, _, _| {
            let all = cx.scan(&read, TimeRange::new(Timestamp::MIN, Timestamp::MAX))?;
            if runs.count() == 0 {
                let (store, put, tell) = (inside.clone(), read.clone(), tell.clone());
                thread::spawn(move || tell(&store, &put)).join().unwrap();
            }
            Ok(all.iter().flat_map(|(_, line)| line.iter()).map(|(_, one)| one.to_native()).sum())
        });
        Self { store, put, sum: sum.unwrap() }
    }
}

/// Puts the record again as it is, but worked out before something that it has read was announced.
fn put_as_of_before_an_announcement(store: &Store, put: &View<u32, u64>) {
    let as_of = store.revision();
    store.invalidate(("outside", 1)).unwrap();
    put.put_depending(&1, NOW, &1, [("outside", 1)], as_of).unwrap();
    assert_eq!(colour(put, 1), Freshness::Stale);
}

#[test]
fn who_has_read_a_view_whole_knows_of_all_that_became_of_its_records_meanwhile() {
    type Tell = fn(&Store, &View<u32, u64>);
    let tell: [(Tell, Freshness); 8] = [
        (|_, _| (), Freshness::Fresh),
        (|_, put| put.put(&1, NOW, &5).unwrap(), Freshness::Stale),
        (|_, put| put.put(&3, NOW, &5).unwrap(), Freshness::Stale),
        (|_, put| put.put(&1, NOW, &1).unwrap(), Freshness::Fresh),
        (|_, put| assert_eq!(put.delete(&1).unwrap(), 1), Freshness::Stale),
        (|_, put| drop(put.invalidate(&1).unwrap()), Freshness::Suspect),
        (|_, put| drop(put.invalidate_all().unwrap()), Freshness::Suspect),
        (put_as_of_before_an_announcement, Freshness::Suspect),
    ];
    for (number, (tell, expected)) in tell.into_iter().enumerate() {
        let it = Whole::told(tell);
        let first = it.sum.get(&1, NOW).unwrap();
        assert_eq!(first.is_fresh(), expected == Freshness::Fresh, "{number}");
        assert_eq!(colour(&it.sum, 1), expected, "{number}");
        // Put again, everything is right.
        it.put.put_many([(1, NOW, 7), (2, NOW, 7), (3, NOW, 7)]).unwrap();
        assert_eq!(colour(&it.sum, 1), Freshness::Stale, "{number}");
        assert_eq!(value(&it.sum, 1), 21, "{number}");
        assert!(it.store.verify().unwrap().findings.is_empty(), "{number}");
    }
}
