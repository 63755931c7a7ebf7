//! Races of those who build at once.

use crate::sync::{Arc, AtomicUsize, Ordering, thread};

use super::admission::Admission;

#[test]
fn never_more_are_in_than_may_be_and_whoever_leaves_makes_room() {
    loom::model(|| {
        let admission = Arc::new(Admission::default());
        let inside = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let (admission, inside) = (admission.clone(), inside.clone());
                thread::spawn(move || {
                    let Some(_admitted) = admission.enter(2) else { return false };
                    assert!(inside.fetch_add(1, Ordering::SeqCst) < 2);
                    inside.fetch_sub(1, Ordering::SeqCst);
                    true
                })
            })
            .collect();
        let admitted = threads.into_iter().map(|thread| thread.join().unwrap());
        assert!(admitted.filter(|admitted| *admitted).count() >= 2);
        let all = (admission.enter(2), admission.enter(2));
        assert!(all.0.is_some() && all.1.is_some() && admission.enter(2).is_none());
    });
}
