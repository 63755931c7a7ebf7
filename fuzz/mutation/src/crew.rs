//! Work that is done in pieces, some at a time.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Does a piece of work for each, as many at a time as there are processors; what came of them in
/// the order in which they stand.
pub fn each<T: Sync, R: Send>(of: &[T], work: impl Fn(usize, &T) -> R + Sync) -> Vec<R> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let many = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..many {
            scope.spawn(|| {
                loop {
                    let nth = next.fetch_add(1, Ordering::Relaxed);
                    let Some(piece) = of.get(nth) else { break };
                    let came = work(nth, piece);
                    let mut done = done.lock().expect("nobody panics while he holds it");
                    done.push((nth, came));
                    if done.len() % 100 == 0 {
                        eprintln!("{} of {}", done.len(), of.len());
                    }
                }
            });
        }
    });
    let mut done = done.into_inner().expect("nobody panics while he holds it");
    done.sort_by_key(|(nth, _)| *nth);
    done.into_iter().map(|(_, came)| came).collect()
}
