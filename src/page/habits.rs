//! How the columns of pages beside one pattern are packed, as long as they are alike.

use crate::sync::{Arc, Mutex};

use super::pack::Habit;

/// So many pages are packed in the same way before one is looked at anew.
const PAGES: u32 = 64;

/// What was found to take least for each column of the last page that was looked at. Pages of one time
/// are alike, and to look for it in each took most of what packing took.
#[derive(Debug, Default)]
pub(super) struct Habits(Mutex<Option<Kept>>);

#[derive(Debug)]
struct Kept {
    columns: Arc<[Habit]>,
    /// Pages that may still be packed so.
    pages: u32,
}

impl Habits {
    /// Those by which a page is packed; `None` where it is to be looked for what takes least.
    pub(super) fn of_the_moment(&self) -> Option<Arc<[Habit]>> {
        let mut kept = self.0.lock();
        let kept = kept.as_mut()?;
        kept.pages = kept.pages.checked_sub(1)?;
        Some(kept.columns.clone())
    }

    /// Pages from now on are packed in the ways that one was.
    pub(super) fn begin(&self, columns: Vec<Habit>) {
        *self.0.lock() = Some(Kept { columns: columns.into(), pages: PAGES });
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn what_takes_least_is_looked_for_again_after_so_many_pages() {
        let habits = Habits::default();
        for _ in 0..3 {
            assert!(habits.of_the_moment().is_none());
            habits.begin(Vec::new());
            for _ in 0..PAGES {
                assert!(habits.of_the_moment().is_some());
            }
        }
    }
}
