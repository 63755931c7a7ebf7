//! Progress, on its way from a thread that works under the store's locks to the one that tells of it.

use crate::error::{Error, ErrorKind, RESTORE, Result};
use crate::sync::{Arc, Condvar, Mutex, thread};

/// Where the working thread says how far it is. What nobody has taken yet is said over.
#[derive(Default)]
struct Told {
    state: Mutex<State>,
    said: Condvar,
}

#[derive(Default)]
struct State {
    share: Option<f64>,
    ended: bool,
}

impl Told {
    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock());
        self.said.notify_all();
    }

    /// What was said last; waits for it. `None` once nothing more will be.
    fn next(&self) -> Option<f64> {
        let mut state = self.state.lock();
        loop {
            if let Some(share) = state.share.take() {
                return Some(share);
            }
            if state.ended {
                return None;
            }
            self.said.wait(&mut state);
        }
    }
}

/// Says that it is over, however the work ends.
struct Ends(Arc<Told>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.change(|state| state.ended = true);
    }
}

/// A thread at work. Nobody goes on before it has ended, not even who panics.
struct AtWork<R>(Option<thread::JoinHandle<Result<R>>>);

impl<R> AtWork<R> {
    fn end(&mut self) -> Option<Result<R>> {
        // What panics is redb, where a file is damaged beyond what it expects.
        let damaged =
            |_| Err(Error::damaged(format!("the file's tables are not in order; {RESTORE}")));
        self.0.take().map(|thread| thread.join().unwrap_or_else(damaged))
    }
}

impl<R> Drop for AtWork<R> {
    fn drop(&mut self) {
        drop(self.end());
    }
}

/// Works in a thread of its own, and calls `tell` here with how far that is: whatever `tell` does, it
/// holds nothing of the work's.
pub(super) fn telling<R: Send + 'static>(
    work: impl FnOnce(&dyn Fn(f64)) -> Result<R> + Send + 'static,
    tell: &mut dyn FnMut(f64),
) -> Result<R> {
    let told = Arc::new(Told::default());
    let ends = Ends(told.clone());
    let thread = thread::Builder::new().name("tidetable-copy".into()).spawn(move || {
        let told = ends.0.clone();
        let worked = work(&|share| told.change(|state| state.share = Some(share)));
        drop(ends);
        worked
    });
    let thread = thread.map_err(|cause| {
        Error::new(ErrorKind::System, format!("cannot start a thread: {cause}"))
    })?;
    let mut at_work = AtWork(Some(thread));
    while let Some(share) = told.next() {
        tell(share);
    }
    at_work.end().expect("it was not ended before")
}
