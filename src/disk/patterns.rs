//! Beside which patterns a view's new pages are packed.

use std::collections::HashMap;

use xxhash_rust::xxh3::xxh3_64;

use crate::grid::PageNumber;
use crate::page::{Page, Pattern};
use crate::sync::Mutex;

/// So many pages of one time, one after the other of other entities, make it worth a pattern, which
/// takes as much as one of them.
const MEETINGS: u32 = 4;
/// The patterns that are kept in mind: each takes as much as its page in memory.
const PATTERNS_MAX: usize = 256;
/// The times of which pages are counted; they take a few bytes each.
const TIMES_MAX: usize = 4096;
/// A pattern that so many pages did not ask for gives way to another.
const IDLE: u64 = 16 * PATTERNS_MAX as u64;

/// The patterns that are known, by the times of their pages.
#[derive(Debug, Default)]
pub(crate) struct Patterns(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// Pages that asked.
    asked: u64,
    met: HashMap<PageNumber, Met>,
    /// With the page that asked last; `None` where what the file has cannot be used.
    patterns: HashMap<PageNumber, (Option<Pattern>, u64)>,
}

/// Pages of a time that were met, and the hash of the last one's key.
#[derive(Debug, Default)]
struct Met {
    pages: u32,
    last: u64,
}

impl Patterns {
    /// The pattern beside which a page of that time, which stands under that key, is to be packed.
    /// Once enough of them have been met, a full one becomes their pattern; the writer puts it into
    /// the file with the first page that names it.
    pub(crate) fn suggest(&self, number: PageNumber, key: &[u8], page: &Page) -> Option<Pattern> {
        // What was put cannot be built again, so it hangs on no other row of the file.
        if page.present().any(|slot| page.was_put(slot)) {
            return None;
        }
        {
            let mut known = self.0.lock();
            known.asked += 1;
            let asked = known.asked;
            if let Some((pattern, last)) = known.patterns.get_mut(&number) {
                *last = asked;
                return pattern.clone();
            }
            if !known.meet(number, xxh3_64(key)) || !known.has_room() {
                return None;
            }
        }
        // Outside the lock: it is packed. Of two who do that at once the first is heeded.
        let pattern = Pattern::of(page, number)?;
        let mut known = self.0.lock();
        known.met.remove(&number);
        let asked = known.asked;
        known.patterns.entry(number).or_insert((Some(pattern), asked)).0.clone()
    }

    /// The pattern that is known under an id.
    pub(crate) fn by_id(&self, id: u32) -> Option<Pattern> {
        let known = self.0.lock();
        let mut patterns = known.patterns.values().filter_map(|(pattern, _)| pattern.as_ref());
        patterns.find(|pattern| pattern.id() == id).cloned()
    }

    /// What the file turned out to have for that time, if it can be used.
    pub(crate) fn found(&self, number: PageNumber, pattern: Option<Pattern>) {
        let mut known = self.0.lock();
        let asked = known.asked;
        known.patterns.insert(number, (pattern, asked));
    }
}

impl Known {
    /// Whether enough pages of that time have been met with this one.
    fn meet(&mut self, number: PageNumber, key: u64) -> bool {
        if self.met.len() >= TIMES_MAX && !self.met.contains_key(&number) {
            self.met.clear();
        }
        let met = self.met.entry(number).or_default();
        // A page that is stored again and again is one.
        if met.pages == 0 || met.last != key {
            *met = Met { pages: met.pages.saturating_add(1), last: key };
        }
        met.pages >= MEETINGS
    }

    /// Whether another pattern can be kept, after one went that has long not been asked for.
    fn has_room(&mut self) -> bool {
        if self.patterns.len() < PATTERNS_MAX {
            return true;
        }
        let idlest = self.patterns.iter().min_by_key(|(_, (_, last))| *last);
        let idlest = idlest.map(|(number, (_, last))| (*number, *last));
        let Some((number, _)) = idlest.filter(|(_, last)| self.asked - last > IDLE) else {
            return false;
        };
        self.patterns.remove(&number);
        true
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use crate::page::{Facts, Origin, PageBuilder, RecordShape, Slot, serialize};
    use crate::revision::Revision;
    use crate::time::Timestamp;

    fn page(origin: Origin) -> Page {
        let mut page = PageBuilder::new(16, RecordShape::of::<[u32; 4]>());
        let facts = Facts {
            begun: Revision::ZERO,
            verified: Revision::ZERO,
            changed: Revision::ZERO,
            built_at: Timestamp::EPOCH,
            fresh_until: Timestamp::MAX,
            version: 1,
            dependencies: 0,
        };
        for slot in 0..16 {
            let record = serialize(&[slot, 1, slot * slot, 7]).expect("plain numbers");
            page.add(Slot(slot), origin, facts, 0, &record).expect("a small page");
        }
        page.finish()
    }

    fn suggest(patterns: &Patterns, time: i64, entity: u32, page: &Page) -> bool {
        patterns.suggest(PageNumber(time), &entity.to_be_bytes(), page).is_some()
    }

    #[test]
    fn the_fourth_entity_of_a_time_brings_its_pattern_and_one_alone_brings_none() {
        let (patterns, page) = (Patterns::default(), page(Origin::Built));
        assert!((0..100).all(|_| !suggest(&patterns, 1, 7, &page)), "one page, stored again");
        let found: Vec<_> = (0..6).map(|entity| suggest(&patterns, 2, entity, &page)).collect();
        assert_eq!(found, [false, false, false, true, true, true]);
    }

    #[test]
    fn what_was_put_hangs_on_no_pattern_and_becomes_none() {
        let patterns = Patterns::default();
        assert!((0..100).all(|entity| !suggest(&patterns, 1, entity, &page(Origin::Put))));
        assert!((0..4).any(|entity| suggest(&patterns, 1, entity, &page(Origin::Built))));
        assert!(!suggest(&patterns, 1, 5, &page(Origin::Put)));
    }

    #[test]
    fn a_run_over_more_times_than_patterns_has_the_first_ones_and_later_times_take_turns() {
        let (patterns, page) = (Patterns::default(), page(Origin::Built));
        let times = PATTERNS_MAX as i64 + 100;
        for entity in 0..10 {
            (0..times).for_each(|time| _ = suggest(&patterns, time, entity, &page));
        }
        let known = (0..times).filter(|time| suggest(&patterns, *time, 11, &page)).count();
        assert_eq!(known, PATTERNS_MAX);
        // Time goes on: what nobody asks for any more gives way.
        for entity in 0..2 * IDLE as u32 {
            suggest(&patterns, times + i64::from(entity) % 9, entity, &page);
        }
        assert!((times..times + 9).all(|time| suggest(&patterns, time, 1, &page)));
        assert!(patterns.0.lock().patterns.len() <= PATTERNS_MAX);
    }

    #[test]
    fn a_pattern_gives_way_when_more_pages_than_that_have_not_asked_for_it() {
        let known = |idle: u64| {
            let last = |time| 1000 + u64::from(time != 7);
            let patterns =
                (0..PATTERNS_MAX as i64).map(|time| (PageNumber(time), (None, last(time))));
            Known { asked: 1000 + idle, met: HashMap::new(), patterns: patterns.collect() }
        };
        for (idle, has_room) in [(0, false), (IDLE, false), (IDLE + 1, true), (9 * IDLE, true)] {
            let mut known = known(idle);
            assert_eq!(known.has_room(), has_room, "{idle}");
            assert_eq!(known.patterns.contains_key(&PageNumber(7)), !has_room, "the idlest goes");
            assert_eq!(known.patterns.len(), PATTERNS_MAX - usize::from(has_room));
        }
    }

    #[test]
    fn of_more_times_than_are_counted_none_takes_memory_for_good() {
        let (mut known, times) = (Known::default(), 3 * TIMES_MAX as i64);
        let all_are_few = (0..times).all(|time| {
            assert!(!known.meet(PageNumber(time), 1), "a page of its own");
            known.met.len() <= TIMES_MAX
        });
        assert!(all_are_few);
        // What is counted already goes on to be.
        let met = |known: &mut Known| known.meet(PageNumber(times - 1), known.asked);
        let worth_it = (2..=MEETINGS).map(|nth| {
            known.asked = nth.into();
            met(&mut known)
        });
        assert_eq!(worth_it.collect::<Vec<_>>(), [false, false, true]);
    }

    #[test]
    fn what_the_file_has_goes_before_what_was_made() {
        let (patterns, page) = (Patterns::default(), page(Origin::Built));
        assert!((0..4).any(|entity| suggest(&patterns, 1, entity, &page)));
        patterns.found(PageNumber(1), None);
        assert!(!suggest(&patterns, 1, 9, &page), "it cannot be used");
        let other = Pattern::of(&page, PageNumber(1)).expect("a full page");
        patterns.found(PageNumber(1), Some(other));
        assert!(suggest(&patterns, 1, 9, &page));
    }
}
