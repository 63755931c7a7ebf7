//! Which builds the present thread is in the middle of.
//!
//! A build function may read through handles that it captured; those reads may build in turn, on
//! the same thread. Writes and closing do not belong inside a build, and the chain is bounded
//! before the stack ends.

use std::cell::RefCell;

use crate::error::{Error, ErrorKind, Result};

use super::name::BuildName;

thread_local! {
    /// The views and buckets being built on this thread, outermost first.
    static CHAIN: RefCell<Vec<BuildName>> = const { RefCell::new(Vec::new()) };
}

/// Builds nested deeper than this on one thread are refused: user code of unknown appetite lies
/// between them, and a thread's stack is commonly 2 MiB.
const DEPTH_MAX: usize = 64;

/// Marks the present thread as inside a build until dropped.
#[derive(Debug)]
pub(crate) struct BuildGuard(());

/// Enters a build that goes by `name`.
pub(crate) fn enter(name: BuildName) -> Result<BuildGuard> {
    CHAIN.with_borrow_mut(|chain| {
        if chain.len() >= DEPTH_MAX {
            let outermost = &chain[0];
            return Err(Error::new(
                ErrorKind::Build,
                format!(
                    "{DEPTH_MAX} builds are nested on this thread already, the outermost is \
                     {outermost}; build what lies deepest first (`fill` goes in order of time)"
                ),
            ));
        }
        chain.push(name);
        Ok(BuildGuard(()))
    })
}

impl Drop for BuildGuard {
    fn drop(&mut self) {
        CHAIN.with_borrow_mut(|chain| {
            chain.pop();
        });
    }
}

/// Refuses what does not belong inside a build.
pub(crate) fn refuse_inside_build(doing: &str) -> Result<()> {
    CHAIN.with_borrow(|chain| match chain.last() {
        None => Ok(()),
        Some(build) => Err(Error::input(format!(
            "{doing} inside a build ({build}) is refused: a build reads, and returns its record; \
             do it outside"
        ))),
    })
}

#[cfg(test)]
mod tests {
    use crate::grid::Grid;
    use crate::time::Timestamp;

    use super::*;

    fn name(view: &str) -> BuildName {
        let bucket = Grid::timeless().bucket_at(Timestamp::EPOCH).unwrap();
        BuildName { view: view.into(), bucket }
    }

    #[test]
    fn a_write_inside_a_build_is_refused_and_outside_is_not() {
        refuse_inside_build("put").unwrap();
        let guard = enter(name("sun")).unwrap();
        let refused = refuse_inside_build("put").unwrap_err();
        assert!(refused.to_string().contains("sun"), "{refused}");
        drop(guard);
        refuse_inside_build("put").unwrap();
    }

    #[test]
    fn nesting_ends_before_the_stack_does() {
        let guards: Vec<_> = (0..DEPTH_MAX).map(|_| enter(name("sun")).unwrap()).collect();
        assert!(enter(name("one more")).is_err());
        drop(guards);
        assert!(enter(name("again")).is_ok());
    }
}
