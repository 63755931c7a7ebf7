//! Pages that are brought into memory before anybody asks for them.

use crate::cache::Lodged;
use crate::disk::{Shared, lodge};
use crate::error::Result;
use crate::page::PageKey;
use crate::schedule::{Heard, PageList};
use crate::sync::Mutex;

/// What is still to come.
#[derive(Debug, Default)]
pub(super) struct WarmUp {
    lists: Mutex<Lists>,
}

#[derive(Debug, Default)]
struct Lists {
    /// What the application asked for.
    asked: PageList,
    /// What was used most before the file was opened.
    hottest: PageList,
    /// As of which ring no view of those was defined.
    quiet_at: Option<Heard>,
}

/// Pages brought in at a time: a builder is soon free for somebody who waits.
const PIECE: usize = 32;

impl WarmUp {
    pub(super) fn new(hottest: PageList) -> Self {
        let lists = Lists { hottest, ..Lists::default() };
        Self { lists: Mutex::new(lists) }
    }

    /// Adds a page that the application asks for. Whether there was room for it.
    pub(super) fn ask(&self, page: &[u8]) -> bool {
        self.lists.lock().asked.push(page)
    }

    /// The next pages, those asked for first.
    pub(super) fn next(&self, shared: &Shared, heard: Heard) -> Option<Vec<Box<[u8]>>> {
        let mut lists = self.lists.lock();
        if lists.asked.is_empty() && lists.hottest.is_empty() {
            return None;
        }
        if !shared.cache.has_room() {
            // What readers bring in is worth more, and memory once full stays full.
            *lists = Lists::default();
            return None;
        }
        let asked = lists.asked.take(PIECE, |_| true);
        if !asked.is_empty() {
            return Some(asked);
        }
        if lists.quiet_at == Some(heard) {
            return None;
        }
        let defined = |page: &[u8]| {
            // What is no key waits for no view.
            PageKey::split(page).is_none_or(|(view, ..)| shared.views.get(view).is_some())
        };
        let hottest = lists.hottest.take(PIECE, defined);
        if hottest.is_empty() {
            lists.quiet_at = Some(heard);
            return None;
        }
        Some(hottest)
    }

    /// Brings pages in; those that are left when `stop` says so come later. How many came.
    pub(super) fn run(
        &self,
        shared: &Shared,
        pages: &[Box<[u8]>],
        stop: impl Fn() -> bool,
    ) -> Result<u64> {
        let (mut warmed, mut refused) = (0, 0);
        for (at, page) in pages.iter().enumerate() {
            if stop() {
                self.lists.lock().asked.put_back(&pages[at..]);
                break;
            }
            match lodge(shared, page)? {
                Lodged::In => warmed += 1,
                Lodged::NoRoom => refused += 1,
                Lodged::Needless => {}
            }
        }
        if warmed == 0 && refused > 0 {
            *self.lists.lock() = Lists::default();
        }
        Ok(warmed)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use crate::options::Options;
    use crate::rebuild::Engine;

    use super::*;

    #[test]
    fn what_is_left_of_a_piece_that_ends_early_comes_first_in_the_next() {
        let engine = Engine::in_memory(Options { builders: 0, ..Options::default() }).unwrap();
        let (shared, warm_up) = (engine.shared(), WarmUp::default());
        let pages: Vec<Box<[u8]>> = (0..40_u8).map(|page| Box::from([page])).collect();
        assert!(pages.iter().all(|page| warm_up.ask(page)));
        let next = || warm_up.next(shared, shared.bell.heard()).unwrap_or_default();
        let piece = next();
        assert_eq!(piece, pages[..PIECE]);
        let looks = Cell::new(0);
        let stop = || looks.replace(looks.get() + 1) >= 10;
        warm_up.run(shared, &piece, stop).unwrap();
        assert_eq!(next(), pages[10..]);
        assert!(next().is_empty());
    }
}
