//! Builds in the background that the process does not survive.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use tidetable::report::Reason;
use tidetable::{Options, PendingState, Span, Store, Timestamp, View};

use crate::common::disk::{Cut, Disk, Images};
use crate::common::still;

const AT: Timestamp = Timestamp::EPOCH;
/// Whoever builds this record does not come back.
const DEADLY: u32 = 1;

/// What a process leaves that is killed in the midst of a build.
#[derive(Default)]
struct Left(Mutex<Option<Vec<u8>>>);

/// One process: from an opening to a kill.
struct Life {
    store: Store,
    view: View<u32, u32>,
    left: Arc<Left>,
}

impl Life {
    /// Opens what the life before has left. Where it `looks_early`, a builder looks for work before
    /// any view is defined.
    fn begin(base: Vec<u8>, looks_early: bool) -> Self {
        let disk = Disk::holding(base.clone());
        let options = Options { unsynced_age_max: Span::hours(1), ..still::options() };
        let store = Store::open_backend(disk.backend(), options).unwrap();
        if looks_early {
            assert!(store.build_next().unwrap().is_none(), "no view is defined");
        }
        let left = Arc::new(Left::default());
        let leaves = left.clone();
        let view = store.view::<u32, u32>("sun").build(move |_, id, _| {
            if *id == DEADLY {
                let calls = disk.calls();
                let image = Images::new(base.clone(), &calls).after(calls.len(), Cut::Unsynced);
                leaves.0.lock().unwrap().get_or_insert(image);
            }
            Ok(*id)
        });
        Self { store, view: view.unwrap(), left }
    }

    /// Works until the process is killed, and says what it leaves; `None` where it survives.
    fn work(&self) -> Option<Vec<u8>> {
        for _ in 0..100 {
            let worked = self.store.build_next().unwrap()?;
            assert_eq!(worked.reason, Reason::Requested);
            if let Some(left) = self.left.0.lock().unwrap().take() {
                return Some(left);
            }
        }
        panic!("there is always more work");
    }

    fn built(&self) -> BTreeSet<u32> {
        (0..5).filter(|id| self.view.peek(id, AT).unwrap().is_some()).collect()
    }
}

#[test]
fn a_build_that_ends_the_process_rests_from_the_third_start_on_and_others_are_built() {
    for looks_early in [false, true] {
        let first = Life::begin(Vec::new(), looks_early);
        drop(first.view.request_many((0..5).map(|id| (id, AT))).unwrap());
        let left = first.work().expect("nothing was known of it");
        let second = Life::begin(left, looks_early);
        let left = second.work().expect("it is tried once more, and noted before");
        let third = Life::begin(left, looks_early);
        assert!(third.work().is_none(), "it kills again; looks early: {looks_early}");
        assert_eq!(third.built(), [0, 2, 3, 4].into());

        let pending = third.view.request(&2, AT).unwrap();
        assert!(matches!(pending.state().unwrap(), PendingState::Completed));
        third.store.close().unwrap();
    }
}

#[test]
fn what_rests_after_a_kill_says_so_and_is_tried_when_it_is_asked_for() {
    let first = Life::begin(Vec::new(), false);
    drop(first.view.request(&DEADLY, AT).unwrap());
    let second = Life::begin(first.work().unwrap(), true);
    let third = Life::begin(second.work().unwrap(), true);
    assert!(third.work().is_none());
    let tried = third.view.request(&DEADLY, AT).unwrap();
    assert!(matches!(tried.state().unwrap(), PendingState::Waiting { attempts: 0, .. }));
    assert!(third.work().is_some());
}

#[test]
fn a_build_that_panics_ends_nothing_and_is_put_off() {
    let store = still::in_memory().unwrap();
    let view = store.view::<u32, u32>("sun").build(|_, id, _| {
        assert_ne!(*id, DEADLY, "it is too bright");
        Ok(*id)
    });
    let view = view.unwrap();
    let pending = view.request_many((0..5).map(|id| (id, AT))).unwrap();
    let worked: Vec<_> = std::iter::from_fn(|| store.build_next().unwrap()).take(100).collect();
    assert_eq!(worked.len(), 5, "each is tried once");
    let failed: Vec<_> = worked.iter().flat_map(|worked| &worked.failed).collect();
    assert!(failed.len() == 1 && failed[0].to_string().contains("too bright"), "{failed:?}");
    for (id, pending) in pending.iter().enumerate() {
        let state = pending.state().unwrap();
        match id as u32 {
            DEADLY => assert!(matches!(state, PendingState::Waiting { attempts: 1, .. })),
            _ => assert!(matches!(state, PendingState::Completed)),
        }
    }
}
