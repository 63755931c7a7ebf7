//! Keys that cannot be read back, and panics outside of build functions.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use tidetable::key::{EntityKey, KeyBuf};
use tidetable::report::Reason;
use tidetable::{ErrorKind, PendingState, Timestamp, View};

use crate::common::still;

const AT: Timestamp = Timestamp::EPOCH;
/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(600);

/// An entity that is read back as well as `D` says.
struct Fragile<const D: usize>(u8);

static DEFECTS: [AtomicU8; 3] = [AtomicU8::new(0), AtomicU8::new(0), AtomicU8::new(0)];
const SOUND: u8 = 0;
const UNREADABLE: u8 = 1;
const PANICS: u8 = 2;

impl<const D: usize> EntityKey for Fragile<D> {
    type Owned = Self;

    fn encode(&self, key: &mut KeyBuf) {
        key.extend(&[self.0]);
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        match DEFECTS[D].load(SeqCst) {
            UNREADABLE if *first == 1 => None,
            PANICS if *first == 1 => panic!("it cannot be read"),
            _ => Some(Self(*first)),
        }
    }
}

fn view<const D: usize>(store: &tidetable::Store) -> View<Fragile<D>, u8> {
    store.view("fragile").build(|_, it: &Fragile<D>, _| Ok(it.0)).unwrap()
}

#[test]
fn a_key_that_cannot_be_read_back_is_a_failure_of_its_record_alone() {
    let store = still::in_memory().unwrap();
    let view = view::<0>(&store);
    let pending = view.request_many((0..4).map(|id| (Fragile(id), AT))).unwrap();
    DEFECTS[0].store(UNREADABLE, SeqCst);
    let worked: Vec<_> = std::iter::from_fn(|| store.build_next().unwrap()).take(100).collect();
    assert_eq!(worked.iter().map(|worked| worked.built).sum::<u64>(), 3);
    let failed: Vec<_> = worked.iter().flat_map(|worked| &worked.failed).collect();
    assert!(failed.len() == 1 && failed[0].kind() == ErrorKind::Damaged, "{failed:?}");
    assert!(matches!(pending[1].state().unwrap(), PendingState::Waiting { attempts: 1, .. }));
    assert!(matches!(pending[3].state().unwrap(), PendingState::Completed));
}

#[test]
fn a_panic_outside_a_build_function_leaves_its_page_to_be_tried_again() {
    let store = still::in_memory().unwrap();
    let view = view::<1>(&store);
    drop(view.request(&Fragile(1), AT).unwrap());
    DEFECTS[1].store(PANICS, SeqCst);
    assert!(catch_unwind(AssertUnwindSafe(|| store.build_next())).is_err());
    DEFECTS[1].store(SOUND, SeqCst);
    let worked = store.build_next().unwrap().expect("it is in nobody's hand");
    assert_eq!((worked.reason, worked.built), (Reason::Requested, 1));
}

#[test]
fn who_waits_for_a_builder_that_panics_is_told() {
    let store = still::in_memory().unwrap();
    let view = Arc::new(view::<2>(&store));
    DEFECTS[2].store(PANICS, SeqCst);
    let read = view.within(LONG);
    let reader = thread::spawn(move || read.get(&Fragile(1), AT).map(|record| *record));
    while catch_unwind(AssertUnwindSafe(|| store.build_next())).is_ok() {
        thread::yield_now();
    }
    let told = reader.join().unwrap().unwrap_err();
    assert_eq!(told.kind(), ErrorKind::Build);
    assert!(told.to_string().contains("panicked"), "{told}");
}
