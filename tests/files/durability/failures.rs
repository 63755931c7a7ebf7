//! Every call on the disk fails in turn.

use crate::common::still;
use tidetable::{ErrorKind, Layer, Options, Result, Span, Store, View};

use crate::common::cases::each;
use crate::common::disk::{Cut, Disk, Failing, Images, Reason};
use crate::common::record::{Cell, at, buckets, built_view, cell, put_view};

use super::history::{History, Kept, Seen, see, see_bytes};

#[test]
fn whichever_call_fails_the_error_surfaces_and_all_that_was_acknowledged_is_there() {
    let base = base();
    let state = see_bytes(base.clone()).unwrap();
    let clean = Session::run(&base, &state, None);
    clean.outcome.as_ref().unwrap();
    let mut cases = [0; 3];
    for (counted, reason) in cases.iter_mut().zip([Reason::Eio, Reason::Enospc, Reason::ShortRead])
    {
        for for_good in [false, true] {
            for from in (0..clean.disk.asked()).step_by(each()) {
                let session = Session::run(&base, &state, Some(Failing { from, for_good, reason }));
                // Where the call itself could not fail so, the next that could is a case of its own.
                if session.disk.failures().first() == Some(&from) {
                    *counted += 1;
                    session.check(&base, &format!("call {from}, {reason:?}, for good: {for_good}"));
                }
            }
        }
    }
    println!("failing calls by reason (EIO, ENOSPC, short read): {cases:?}");
    assert!(cases.iter().all(|&cases| cases > 10), "{cases:?}");
}

/// A closed store with something in it.
fn base() -> Vec<u8> {
    let disk = Disk::default();
    let store = Store::open_backend(disk.backend(), options()).unwrap();
    let view = put_view(&store, "put").unwrap();
    view.put_many((0..3).map(|entity| (entity, at(0), cell(entity, 0, 1)))).unwrap();
    built_view(&store, "built").unwrap();
    store.close().unwrap();
    disk.bytes()
}

/// Little of the file is cached below, so that reads reach the disk; the pages are.
fn options() -> Options {
    Options { memory_bytes: 512 << 10, unsynced_age_max: Span::hours(1), ..still::options() }
}

/// One opening, up to its first error and beyond it.
struct Session {
    disk: Disk,
    history: History,
    outcome: Result<()>,
    /// A view of which a record was read before the first error, and the store.
    held: Option<(View<u32, Cell>, Store)>,
    /// Whether the store was being closed, so that nothing is read any more.
    closing: bool,
}

impl Session {
    fn run(base: &[u8], state: &Seen, failing: Option<Failing>) -> Self {
        let disk = Disk::holding(base.to_vec());
        if let Some(failing) = failing {
            disk.fail(failing);
        }
        let history = History::new(&disk, state.clone());
        let mut session = Self { disk, history, outcome: Ok(()), held: None, closing: false };
        session.outcome = session.work();
        session
    }

    fn work(&mut self) -> Result<()> {
        let store = Store::open_backend(self.disk.backend(), options())?;
        let view = put_view(&store, "put")?;
        view.get(&0, at(0))?;
        self.held = Some((view.clone(), store.clone()));
        let built = built_view(&store, "built")?;
        for round in 0..3 {
            self.put(&view, 1, round)?;
            self.build(&built, round)?;
        }
        view.get(&2, at(0))?;
        let state = self.history.now();
        self.history.run(Kept::Synced, vec![state], || store.sync())?;
        self.build(&built, 5)?;
        let mut state = self.history.now();
        state.cells.retain(|(name, entity, _), _| name != "put" || *entity != 2);
        self.history.run(Kept::Synced, vec![state.clone()], || view.delete(&2))?;
        self.build(&built, 9)?;
        self.closing = true;
        let state = self.history.now();
        self.history.run(Kept::Synced, vec![state], || store.close())
    }

    fn put(&mut self, view: &View<u32, Cell>, entity: u32, bucket: i64) -> Result<()> {
        let mut state = self.history.now();
        state.cells.insert(("put".into(), entity, bucket), (9, 1));
        let put = || view.put(&entity, at(bucket), &cell(entity, bucket, 9));
        self.history.run(Kept::Synced, vec![state], put)
    }

    fn build(&mut self, view: &View<u32, Cell>, bucket: i64) -> Result<()> {
        let mut state = self.history.now();
        state.cells.insert(("built".into(), 0, bucket), (1, 1));
        let get = || view.get(&0, at(bucket)).map(drop);
        self.history.run(Kept::UntilLater, vec![state], get)
    }

    /// Holds what happened after the first failure against what must.
    fn check(self, base: &[u8], case: &str) {
        let Self { disk, history, outcome, held, closing } = self;
        let error = outcome.expect_err(case);
        assert!(
            matches!(error.kind(), ErrorKind::System | ErrorKind::Reopen | ErrorKind::Damaged),
            "{case}: {error:?}"
        );
        if let Some((view, store)) = held {
            match view.get(&0, at(0)) {
                Ok(record) => {
                    assert_eq!((closing, record.layer()), (false, Layer::Memory), "{case}");
                }
                Err(error) => {
                    assert!(closing, "{case}: what is cached is not served: {error:?}");
                    assert_eq!(error.kind(), ErrorKind::Reopen, "{case}: {error:?}");
                }
            }
            let refused = view.put(&5, at(5), &cell(5, 5, 5)).expect_err(case);
            assert_eq!(refused.kind(), ErrorKind::Reopen, "{case}: {refused:?}");
            let again = view.put(&5, at(6), &cell(5, 6, 5)).expect_err(case);
            assert_eq!(again.kind(), ErrorKind::Reopen, "{case}: {again:?}");
            let _ = store.close();
            assert!(store.close().is_ok(), "{case}: closing again");
        }
        let calls = disk.calls();
        for cut in [Cut::Nothing, Cut::Unsynced, Cut::Torn(1)] {
            let image = Images::new(base.to_vec(), &calls).after(calls.len(), cut);
            let seen = see_bytes(image).unwrap_or_else(|error| panic!("{case} {cut:?}: {error:?}"));
            if let Err(fault) = history.check(calls.len(), &seen) {
                panic!("{case} {cut:?}: {fault}");
            }
        }
    }
}

#[test]
fn a_failed_sync_stops_all_writing_and_leaves_the_cached_readable() {
    let disk = Disk::default();
    let store = Store::open_backend(disk.backend(), options()).unwrap();
    let view = put_view(&store, "put").unwrap();
    view.put(&1, at(0), &cell(1, 0, 1)).unwrap();
    assert_eq!(view.get(&1, at(0)).unwrap().value, 1);
    let built = built_view(&store, "built").unwrap();
    disk.fail(Failing { from: disk.asked(), for_good: false, reason: Reason::LostWrites });
    let failed = view.put(&1, at(1), &cell(1, 1, 2)).unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Reopen, "{failed}");
    assert!(failed.to_string().contains("closed and opened again"), "{failed}");
    assert_eq!(disk.failures().len(), 1, "the disk works again, but nothing is retried");
    let changes = disk.changes();
    let refused = [
        view.put(&1, at(2), &cell(1, 2, 3)),
        view.delete(&1).map(drop),
        view.clear().map(drop),
        store.sync(),
        store.delete_view("put").map(drop),
        put_view(&store, "another").map(drop),
    ];
    for (number, refused) in refused.into_iter().enumerate() {
        let error = refused.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Reopen, "{number}: {error}");
    }
    // What is not in memory can be neither read nor built: redb reads no more either.
    for unread in [built.get(&1, at(0)).map(drop), built.fill(&1, buckets(0..3)).map(drop)] {
        let error = unread.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Reopen | ErrorKind::System), "{error:?}");
    }
    assert_eq!(disk.changes(), changes, "something was written after the failure");
    assert_eq!(view.get(&1, at(0)).unwrap().value, 1);
    let reported = store.close().unwrap_err();
    assert!(reported.to_string().contains("syncing") || reported.to_string().contains("writing"));
    let store = Store::open_backend(Disk::holding(disk.bytes()).backend(), options()).unwrap();
    assert_eq!(see(&store).unwrap().cells[&("put".to_owned(), 1, 0)], (1, 1));
    store.close().unwrap();
}
