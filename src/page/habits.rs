//! How the columns of pages beside one pattern are packed, as long as they are alike.

use crate::sync::{Arc, Mutex};

use super::pack::Habit;

/// So many pages are packed in the same way before one is looked at anew.
const PAGES: u32 = 64;

/// What was found to take least for each column of the last page that was looked at. Pages of one time
/// are alike, and to look for it in each took most of what packing took.
#[derive(Debug, Default)]
pub(super) struct Habits(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    columns: Option<Arc<[Habit]>>,
    /// Pages that may still be packed so.
    pages: u32,
}

impl Habits {
    /// Those by which a page is packed; `None` where it is to be looked for what takes least.
    pub(super) fn of_the_moment(&self) -> Option<Arc<[Habit]>> {
        let mut kept = self.0.lock();
        kept.pages = kept.pages.checked_sub(1)?;
        kept.columns.clone()
    }

    /// Pages from now on are packed in the ways that one was.
    pub(super) fn begin(&self, columns: Vec<Habit>) {
        *self.0.lock() = Kept { columns: Some(columns.into()), pages: PAGES };
    }

    /// The same, as far as others said more of a column that was constant.
    pub(super) fn learn(&self, columns: Arc<[Habit]>) {
        self.0.lock().columns = Some(columns);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::super::columns::Columns;
    use super::*;

    #[test]
    fn what_takes_least_is_looked_for_again_after_so_many_pages() {
        let habits = Habits::default();
        let found = |number: u32| {
            let columns = Columns::of([number, 7, 19].into_iter());
            vec![columns.column(0).pack_beside(
                &[1, 2, 3],
                &mut Columns::default(),
                &mut Vec::new(),
            )]
        };
        for _ in 0..3 {
            assert!(habits.of_the_moment().is_none());
            habits.begin(found(3));
            for page in 0..PAGES {
                let kept = habits.of_the_moment().expect("what was found");
                if page == PAGES / 2 {
                    habits.learn(kept);
                }
            }
        }
    }
}
