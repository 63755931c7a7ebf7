//! What is held in memory over a file.

use crate::disk::StorageBackend;
use crate::disk::file::overlay::{Overlay, ReadOverlay};
use crate::disk::file::tests::memory::{Call, Memory};
use proptest::prelude::*;

#[test]
fn released_calls_reach_the_file_in_their_order_and_later_ones_at_once() {
    let memory = Memory::holding(vec![1; 5000]);
    let overlay = Overlay::over(memory.clone());
    overlay.write(10, b"first").unwrap();
    overlay.sync_data().unwrap();
    overlay.set_len(20_000).unwrap();
    overlay.write(12_000, b"second").unwrap();
    overlay.sync_data().unwrap();
    assert_eq!((memory.calls(), memory.bytes()), (vec![], vec![1; 5000]));
    overlay.release().unwrap();
    let mut expected = vec![
        Call::Write(10, b"first".to_vec()),
        Call::Sync,
        Call::SetLen(20_000),
        Call::Write(12_000, b"second".to_vec()),
        Call::Sync,
    ];
    assert_eq!(memory.calls(), expected);
    overlay.write(0, b"third").unwrap();
    expected.push(Call::Write(0, b"third".to_vec()));
    assert_eq!(memory.calls(), expected);
}

#[derive(Clone, Debug)]
enum Step {
    Read(usize, usize),
    Write(usize, usize, u8),
    SetLen(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let (at, len) = (0..20_000_usize, 0..9000_usize);
    prop_oneof![
        (at.clone(), len.clone()).prop_map(|(at, len)| Step::Read(at, len)),
        (at.clone(), len, 1..255_u8).prop_map(|(at, len, byte)| Step::Write(at, len, byte)),
        at.prop_map(Step::SetLen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]

    /// Against plain bytes, for the overlay that is released at the end and the one that never is.
    #[test]
    fn an_overlay_reads_like_the_file_it_stands_for(
        len in 0..15_000_usize,
        steps in prop::collection::vec(step(), 0..30),
    ) {
        let mut model = vec![7; len];
        let (memory, untouched) = (Memory::holding(model.clone()), Memory::holding(model.clone()));
        let (overlay, reader) = (Overlay::over(memory.clone()), ReadOverlay::over(untouched.clone()));
        for step in steps {
            for backend in [&overlay as &dyn StorageBackend, &reader] {
                match step {
                    Step::Read(at, len) => {
                        let mut out = vec![9; len];
                        let read = backend.read(at as u64, &mut out).ok().map(|()| &out[..]);
                        prop_assert_eq!(read, model.get(at..at + len));
                    }
                    Step::Write(at, len, byte) => {
                        model.resize(model.len().max(at + len), 0);
                        backend.write(at as u64, &vec![byte; len]).unwrap();
                        model[at..at + len].fill(byte);
                    }
                    Step::SetLen(len) => {
                        model.resize(len, 0);
                        backend.set_len(len as u64).unwrap();
                    }
                }
            }
            prop_assert_eq!(overlay.len().unwrap(), model.len() as u64);
            prop_assert_eq!(reader.len().unwrap(), model.len() as u64);
        }
        overlay.release().unwrap();
        prop_assert_eq!(memory.bytes(), model);
        prop_assert_eq!(untouched.bytes(), vec![7; len]);
    }
}
