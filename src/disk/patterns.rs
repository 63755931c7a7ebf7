//! Beside which patterns a view's new pages are packed.

use std::collections::HashMap;

use crate::grid::PageNumber;
use crate::page::{Page, Pattern};
use crate::sync::Mutex;

/// So many pages of one time make it worth a pattern, which takes as much as one of them.
const MEETINGS: u32 = 4;
/// The times that are kept in mind; a pattern takes as much as a page in memory.
const TIMES_MAX: usize = 256;

/// The patterns that are known, by the times of their pages.
#[derive(Debug, Default)]
pub(crate) struct Patterns {
    times: Mutex<HashMap<PageNumber, Time>>,
}

#[derive(Debug)]
enum Time {
    /// So many pages of it have been met.
    Met(u32),
    Has(Pattern),
    /// What the file has in a pattern's place cannot be used.
    HasNone,
}

impl Patterns {
    /// The pattern beside which a page of that time is to be packed. Once enough of them have been
    /// met, a full one becomes their pattern; the writer puts it into the file with the first page
    /// that names it.
    pub(crate) fn suggest(&self, number: PageNumber, page: &Page) -> Option<Pattern> {
        {
            let mut times = self.times.lock();
            if times.len() >= TIMES_MAX && !times.contains_key(&number) {
                times.clear();
            }
            match times.entry(number).or_insert(Time::Met(0)) {
                Time::Has(pattern) => return Some(pattern.clone()),
                Time::HasNone => return None,
                Time::Met(met) => {
                    *met = met.saturating_add(1);
                    if *met < MEETINGS {
                        return None;
                    }
                }
            }
        }
        // Outside the lock: it is packed. Of two who do that at once the first is heeded.
        let pattern = Pattern::of(page, number)?;
        let mut times = self.times.lock();
        let time = times.entry(number).or_insert(Time::Met(0));
        if let Time::Met(_) = time {
            *time = Time::Has(pattern);
        }
        match time {
            Time::Has(pattern) => Some(pattern.clone()),
            _ => None,
        }
    }

    /// What the file turned out to have for that time, if it can be used.
    pub(crate) fn found(&self, number: PageNumber, pattern: Option<Pattern>) {
        self.times.lock().insert(number, pattern.map_or(Time::HasNone, Time::Has));
    }
}
