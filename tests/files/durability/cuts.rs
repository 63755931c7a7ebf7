//! Power is cut after every change of the disk.

use crate::common::still;
use tidetable::{ErrorKind, Options, Result, Span, Store, View};

use crate::common::disk::{Call, Cut, Disk, Images, Random};
use crate::common::record::{Cell, at, buckets, cell, grid, patient};

use super::history::{History, Kept, Seen, see_bytes};

/// More cases than these are sampled: the test must end in a minute without optimisation.
const CASES_MAX: usize = 2400;
/// Decides which cases those are, and which sectors a torn write keeps.
const SEED: u64 = 0x7164_7461_626c_6531;

#[test]
fn after_any_cut_the_store_is_as_after_some_operation_and_all_acknowledged_ones_are_in_it() {
    let (disk, history, born) = worked();
    let calls = disk.calls();
    let mut random = Random(SEED);
    let kinds = [Cut::Nothing, Cut::Unsynced, Cut::Torn(random.next()), Cut::Torn(random.next())];
    let stride = ((calls.len() + 1) * kinds.len()).div_ceil(CASES_MAX).max(1);
    let (mut cases, mut unborn, mut faults) = (0, 0, Vec::new());
    let mut images = Images::new(Vec::new(), &calls);
    for cut in 0..=calls.len() {
        for (number, kind) in kinds.iter().enumerate() {
            if !(cut * kinds.len() + number + SEED as usize).is_multiple_of(stride) {
                continue;
            }
            cases += 1;
            let found = see_bytes(images.after(cut, *kind));
            let checked = if cut < born {
                unborn += 1;
                check_unborn(found)
            } else {
                found
                    .map_err(|error| format!("{error:?}"))
                    .and_then(|seen| history.check(cut, &seen))
            };
            if let Err(fault) = checked {
                faults.push(format!("cut {cut} {kind:?}: {fault}"));
            }
        }
    }
    println!(
        "{cases} cuts of {} changes ({unborn} of them before the store was whole), seed {SEED:#x}, \
         every {stride}. of all",
        calls.len()
    );
    assert!(cases > 400 && cases > unborn * 2, "only {cases} cases");
    assert!(faults.is_empty(), "{} of {cases} failed, first: {}", faults.len(), faults[0]);
}

/// Until the store is whole an error may say so, clearly; nothing may be in it.
fn check_unborn(found: Result<Seen>) -> std::result::Result<(), String> {
    match found {
        Ok(seen) if seen == Seen::default() => Ok(()),
        Ok(seen) => Err(format!("nothing was written yet: {seen:?}")),
        Err(error) => match error.kind() {
            ErrorKind::Foreign | ErrorKind::Damaged => Ok(()),
            _ => Err(format!("{error:?}")),
        },
    }
}

/// A disk on which a store was born, worked with and closed, twice; what was done; and from how
/// many changes on the store was whole.
fn worked() -> (Disk, History, usize) {
    let disk = Disk::default();
    let store = Store::open_backend(disk.backend(), patient()).unwrap();
    let born = disk.changes();
    let mut work = Work { history: History::new(&disk, Seen::default()) };
    let put = work.define(&store, "put", 1, 4);
    let built = work.define(&store, "built", 1, 4);
    for round in 0..3 {
        for entity in 0..3 {
            work.put(&put, entity, [(round * 5, 100 + round as u64)]);
        }
    }
    work.put(&put, 3, (0..10).map(|bucket| (bucket, 7)));
    work.fill(&built, 1, 0..10);
    work.fill(&built, 2, 6..7);
    work.put(&put, 0, [(0, 200)]);
    work.delete_entity(&put, 1);
    work.fill(&built, 3, 0..3);
    work.delete_range(&built, 1, 2..6);
    let put = work.define(&store, "put", 2, 4);
    work.put(&put, 3, [(2, 300), (9, 301)]);
    let put = work.define(&store, "put", 3, 3);
    work.put(&put, 3, [(3, 400), (20, 401)]);
    let built = work.define(&store, "built", 2, 4);
    work.fill(&built, 1, 0..2);
    work.sync(&store);
    work.fill(&built, 4, 0..9);
    work.close(&store);

    let store = Store::open_backend(disk.backend(), patient()).unwrap();
    let put = work.define(&store, "put", 3, 3);
    work.put(&put, 5, [(1, 500)]);
    work.delete_view(&store, "built");
    let built = work.define(&store, "built", 1, 4);
    work.fill(&built, 0, 0..4);
    work.put(&put, 5, [(1, 501), (2, 502)]);
    work.close(&store);
    (disk, work.history, born)
}

/// Does to a store and to its history the same.
struct Work {
    history: History,
}

type Cells = View<u32, Cell>;

impl Work {
    fn define(&mut self, store: &Store, name: &str, version: u32, page_len: u32) -> Cells {
        let mut state = self.history.now();
        state.views.insert(name.into(), (version, page_len));
        let define = || define(store, name, version, page_len);
        self.history.run(Kept::Synced, vec![state], define).unwrap()
    }

    fn put(&mut self, view: &Cells, entity: u32, records: impl IntoIterator<Item = (i64, u64)>) {
        let records: Vec<(i64, u64)> = records.into_iter().collect();
        let mut state = self.history.now();
        for (bucket, value) in &records {
            let key = (view.name().to_owned(), entity, *bucket);
            state.cells.insert(key, (*value, view.version()));
        }
        let cells = records
            .iter()
            .map(|&(bucket, value)| (entity, at(bucket), cell(entity, bucket, value)));
        self.history.run(Kept::Synced, vec![state], || view.put_many(cells)).unwrap();
    }

    /// Pages are stored one after the other, each as one operation.
    fn fill(&mut self, view: &Cells, entity: u32, range: std::ops::Range<i64>) {
        let mut state = self.history.now();
        let (version, page_len) = (view.version(), i64::from(view.page_len()));
        let mut states = Vec::new();
        for bucket in range.clone() {
            let key = (view.name().to_owned(), entity, bucket);
            state.cells.insert(key, (u64::from(version), version));
            if (bucket + 1) % page_len == 0 || bucket + 1 == range.end {
                states.push(state.clone());
            }
        }
        let fill = || view.fill(&entity, buckets(range))?.complete();
        self.history.run(Kept::UntilLater, states, fill).unwrap();
    }

    fn delete_entity(&mut self, view: &Cells, entity: u32) {
        let mut state = self.history.now();
        state.cells.retain(|(name, of, _), _| name != view.name() || *of != entity);
        self.history.run(Kept::Synced, vec![state], || view.delete(&entity)).unwrap();
    }

    fn delete_range(&mut self, view: &Cells, entity: u32, range: std::ops::Range<i64>) {
        let mut state = self.history.now();
        state.cells.retain(|(name, of, bucket), _| {
            name != view.name() || *of != entity || !range.contains(bucket)
        });
        let delete = || view.delete_range(&entity, buckets(range.clone()));
        self.history.run(Kept::Synced, vec![state], delete).unwrap();
    }

    fn delete_view(&mut self, store: &Store, name: &str) {
        let mut state = self.history.now();
        state.views.remove(name);
        state.cells.retain(|(of, _, _), _| of != name);
        let existed = self.history.run(Kept::Synced, vec![state], || store.delete_view(name));
        assert!(existed.unwrap());
    }

    fn sync(&mut self, store: &Store) {
        let state = self.history.now();
        self.history.run(Kept::Synced, vec![state], || store.sync()).unwrap();
    }

    fn close(&mut self, store: &Store) {
        let state = self.history.now();
        self.history.run(Kept::Synced, vec![state], || store.close()).unwrap();
    }
}

fn define(store: &Store, name: &str, version: u32, page_len: u32) -> Result<Cells> {
    store.view(name).grid(grid()).version(version).page_len(page_len).build(
        |context, &entity, bucket| {
            let bucket = bucket.start().as_millis() / crate::common::record::WIDTH_MS;
            Ok(cell(entity, bucket, u64::from(context.version())))
        },
    )
}

#[test]
fn pages_laid_out_anew_survive_the_cleaning_up_of_views_deleted_before() {
    for round in 0..8 {
        let disk = Disk::default();
        let store = Store::open_backend(disk.backend(), patient()).unwrap();
        define(&store, "old", 1, 4).unwrap().put(&0, at(0), &cell(0, 0, 1)).unwrap();
        let kept = define(&store, "kept", 1, 1).unwrap();
        kept.put_many((0..1500).map(|n| (n, at(0), cell(n, 0, 1)))).unwrap();
        store.delete_view("old").unwrap();
        store.close().unwrap();
        let store = Store::open_backend(disk.backend(), patient()).unwrap();
        let kept = define(&store, "kept", 2, 2).unwrap();
        let missing = (0..1500).filter(|n| kept.peek(n, at(0)).unwrap().is_none()).count();
        assert_eq!(missing, 0, "round {round}");
        store.close().unwrap();
    }
}

#[test]
fn a_cut_between_deletion_and_cleaning_up_leaves_no_record_of_a_deleted_view() {
    let disk = Disk::default();
    let options = || Options { unsynced_age_max: Span::millis(1), ..still::options() };
    let store = Store::open_backend(disk.backend(), options()).unwrap();
    let old = define(&store, "view", 1, 4).unwrap();
    old.put_many((0..40).map(|n| (n, at(0), cell(n, 0, 1)))).unwrap();
    store.delete_view("view").unwrap();
    let cut = disk.bytes();
    let refused = old.put(&0, at(1), &cell(0, 1, 2)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Definition, "{refused}");
    drop(store);
    let store = Store::open_backend(Disk::holding(cut).backend(), options()).unwrap();
    assert!(store.views().unwrap().is_empty());
    let new = define(&store, "view", 1, 4).unwrap();
    assert!((0..40).all(|n| new.peek(&n, at(0)).unwrap().is_none()));
    store.close().unwrap();
}

#[test]
fn a_bit_that_flips_in_what_was_committed_last_is_an_error_and_no_loss() {
    let disk = Disk::default();
    let store = Store::open_backend(disk.backend(), patient()).unwrap();
    let view = define(&store, "put", 1, 4).unwrap();
    let (mut refused, mut lost) = (0, Vec::new());
    for value in 1..=12 {
        let from = disk.changes();
        view.put(&0, at(0), &cell(0, 0, value)).unwrap();
        // The header is for redb to look after; the rest is what the commit wrote.
        let pages = disk.calls().split_off(from).into_iter().filter_map(|call| match call {
            Call::Write(offset, _) if offset > 0 => Some(offset as usize),
            _ => None,
        });
        for page in pages {
            let mut bytes = disk.bytes();
            bytes[page + 8] ^= 1;
            let found = Store::open_backend(Disk::holding(bytes).backend(), patient());
            match found.and_then(|store| define(&store, "put", 1, 4)?.peek(&0, at(0))) {
                Ok(record) if record.as_ref().is_some_and(|record| record.value == value) => {}
                Ok(record) => lost.push((value, page, record)),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Damaged, "page at {page}: {error}");
                    refused += 1;
                }
            }
        }
    }
    assert!(lost.is_empty(), "{} flips take a put back, first: {:?}", lost.len(), lost.first());
    assert!(refused > 12, "only {refused} bits were noticed");
}
