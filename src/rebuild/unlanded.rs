//! Builds that are done on this thread and whose flights have not landed yet.
//!
//! Filling a page builds many buckets and stores them together, so their flights stay open for a
//! while after each build. Should a later build of the same fill read one of them, or wait for a
//! thread that waits for one, it would wait for itself. So whoever is about to wait first lands
//! what this thread has finished.

use std::cell::RefCell;
use std::rc::Rc;

/// Finished builds that can be stored and landed at any moment.
pub(crate) trait Unlanded {
    /// Stores what is finished, waits for the commit and lands the flights.
    fn land(&self);
}

thread_local! {
    static FINISHED: RefCell<Vec<Rc<dyn Unlanded>>> = const { RefCell::new(Vec::new()) };
}

/// Keeps finished builds within reach until dropped.
pub(crate) struct Registration(());

/// Registers a fill that is about to build.
pub(crate) fn register(fill: Rc<dyn Unlanded>) -> Registration {
    FINISHED.with_borrow_mut(|finished| finished.push(fill));
    Registration(())
}

impl Drop for Registration {
    fn drop(&mut self) {
        FINISHED.with_borrow_mut(|finished| {
            finished.pop();
        });
    }
}

/// Lands everything that this thread has finished.
pub(super) fn land_finished() {
    // The list is cloned: landing runs no code of the application, but it must be free to look here.
    let finished = FINISHED.with_borrow(Clone::clone);
    finished.iter().for_each(|fill| fill.land());
}
