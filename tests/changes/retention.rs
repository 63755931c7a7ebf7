//! Deleting: what retention takes is no change, what the application deletes is one.

use std::sync::Arc;

use tidetable::{ErrorKind, Freshness, ManualClock, Missing, Options, Span, Store, View};

use crate::common::disk::Disk;
use crate::common::record::{at, buckets, grid, patient};

use super::world::{Outside, work};

/// Minutes that are kept for ten minutes, and a view that reads each and keeps all.
struct Kept {
    store: Store,
    clock: Arc<ManualClock>,
    outside: Outside,
    below: View<u32, u64>,
    above: View<u32, u64>,
}

impl Kept {
    fn open(disk: &Disk, minute: i64, outside: &Outside) -> Self {
        let clock = Arc::new(ManualClock::new(at(minute)));
        let options = Options { clock: clock.clone(), ..patient() };
        let store = Store::open_backend(disk.backend(), options).unwrap();
        let seen = outside.clone();
        let below = store.view::<u32, u64>("below").grid(grid()).page_len(4);
        let below = below.retain(Span::minutes(10)).build(move |cx, id, _| {
            cx.depends_on(("outside", *id));
            Ok(seen.get())
        });
        let below = below.unwrap();
        let read = below.clone();
        let above = store.view::<u32, u64>("above").grid(grid()).page_len(4);
        let above = above.build(move |cx, id, bucket| {
            let read = cx.get(&read, id, bucket.start());
            match read {
                Ok(record) => Ok(record.to_native() + 1000),
                Err(error) if error.kind() == ErrorKind::Absent => Ok(1),
                Err(error) => Err(error.into()),
            }
        });
        Self { store, clock, outside: outside.clone(), below, above: above.unwrap() }
    }

    /// With records of minutes 0 to 7, of which the first three have just been deleted for their
    /// age.
    fn aged(disk: &Disk) -> Self {
        let it = Self::open(disk, 0, &Outside::default());
        it.above.fill(&1, buckets(0..8)).unwrap().complete().unwrap();
        it.clock.set(at(13));
        assert_eq!(it.below.apply_retention().unwrap(), 3);
        it
    }

    fn above(&self) -> Vec<Freshness> {
        (0..8).map(|minute| self.above.peek(&1, at(minute)).unwrap().unwrap().freshness()).collect()
    }
}

#[test]
fn readers_of_what_retention_deleted_stay_fresh() {
    let it = Kept::aged(&Disk::default());
    assert!(it.below.peek(&1, at(0)).unwrap().is_none());
    assert_eq!(it.above(), [Freshness::Fresh; 8]);
    let listed = it.below.when_missing(Missing::Miss).range(&1, buckets(0..8)).unwrap();
    assert_eq!(listed.len(), 5);
    assert_eq!(it.above.get(&1, at(0)).unwrap().to_native(), 1000);
}

#[test]
fn a_later_change_reaches_the_readers_of_what_retention_deleted() {
    let disk = Disk::default();
    let it = Kept::aged(&disk);
    it.store.close().unwrap();
    let it = Kept::open(&disk, 13, &it.outside);
    assert_eq!(it.above(), [Freshness::Fresh; 8]);
    it.outside.set(5);
    it.store.invalidate(("outside", 1)).unwrap();
    assert_eq!(it.above(), [Freshness::Suspect; 8]);
    assert!(it.below.peek(&1, at(0)).unwrap().is_none(), "what is left of it is never served");
    assert_eq!(it.above.get(&1, at(3)).unwrap().to_native(), 1005);
}

#[test]
fn deleting_twice_for_age_leaves_readers_reachable() {
    let it = Kept::aged(&Disk::default());
    assert_eq!(it.below.apply_retention().unwrap(), 0);
    it.clock.set(at(15));
    assert_eq!(it.below.apply_retention().unwrap(), 2);
    assert_eq!(it.above(), [Freshness::Fresh; 8]);
    it.store.invalidate(("outside", 1)).unwrap();
    assert_eq!(it.above(), [Freshness::Suspect; 8]);
}

#[test]
fn what_the_application_deletes_makes_its_readers_stale() {
    type Delete = fn(&Kept);
    let delete: [(Delete, usize); 4] = [
        (|it| assert_eq!(it.below.delete_range(&1, buckets(0..3)).unwrap(), 3), 3),
        (|it| assert_eq!(it.below.delete_before(at(3)).unwrap(), 3), 3),
        (|it| assert_eq!(it.below.delete(&1).unwrap(), 8), 8),
        (|it| assert_eq!(it.below.clear().unwrap(), 8), 8),
    ];
    for (number, (delete, gone)) in delete.into_iter().enumerate() {
        let it = Kept::open(&Disk::default(), 0, &Outside::default());
        it.above.fill(&1, buckets(0..8)).unwrap().complete().unwrap();
        delete(&it);
        let expected: Vec<_> =
            (0..8).map(|at| if at < gone { Freshness::Stale } else { Freshness::Fresh }).collect();
        assert_eq!(it.above(), expected, "{number}");
        it.outside.set(5);
        assert_eq!(it.above.get(&1, at(0)).unwrap().to_native(), 1005, "{number}");
    }
}

#[test]
fn deleting_what_retention_left_of_a_record_is_a_change_too() {
    let it = Kept::aged(&Disk::default());
    it.below.delete(&1).unwrap();
    assert!(it.above()[3..].iter().all(|colour| *colour == Freshness::Stale));
    it.store.invalidate(("outside", 1)).unwrap();
    assert!(it.above().iter().all(|colour| *colour != Freshness::Fresh), "{:?}", it.above());
}

#[test]
fn what_is_past_its_retention_is_not_built_for_a_build_that_reads_it() {
    let it = Kept::aged(&Disk::default());
    it.outside.set(5);
    it.store.invalidate(("outside", 1)).unwrap();
    let builds = work(&it.store).0;
    let record = it.above.get(&1, at(0)).unwrap();
    assert_eq!(record.to_native(), 1, "it was told that there is none");
    assert_eq!(work(&it.store).0, builds + 1, "only the reader was built");
    assert_eq!(it.above.get(&1, at(0)).unwrap().freshness(), Freshness::Fresh);
    assert_eq!(work(&it.store).0, builds + 1, "and it is not built again and again");
    assert!(it.below.peek(&1, at(0)).unwrap().is_none());
    let below = it.below.clone();
    let told = it
        .store
        .view::<u32, String>("told")
        .build(move |cx, id, _| Ok(cx.get(&below, id, at(0)).unwrap_err().to_string()))
        .unwrap();
    let told = told.get(&1, at(0)).unwrap();
    assert!(told.contains("retired"), "{}", &**told);
    let asked = it.below.get(&1, at(0)).unwrap();
    assert_eq!((asked.to_native(), asked.freshness()), (5, Freshness::Fresh), "outside a build");
    assert_eq!(it.above.peek(&1, at(0)).unwrap().unwrap().freshness(), Freshness::Stale);
    assert_eq!(it.above.get(&1, at(0)).unwrap().to_native(), 1005);
}
