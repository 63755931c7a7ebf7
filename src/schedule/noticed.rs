//! Records that readers had a look at and that deserve to be built soon.

use std::collections::{BTreeMap, VecDeque};

use crate::page::{Slot, SlotSet};
use crate::sync::Mutex;

/// Pages with some of their slots, first come, first served, each page once. What does not fit is
/// dropped: the table of marks, or the next reader, knows it all the same.
#[derive(Debug)]
pub(crate) struct Noticed {
    pages: Mutex<Pages>,
    most: usize,
}

#[derive(Debug, Default)]
struct Pages {
    /// Page key -> slots.
    slots: BTreeMap<Box<[u8]>, SlotSet>,
    /// The keys in the order in which they came.
    order: VecDeque<Box<[u8]>>,
}

impl Noticed {
    /// A list of `most` pages at most.
    pub(crate) fn new(most: usize) -> Self {
        Self { pages: Mutex::default(), most }
    }

    /// Notes a record. Whether it was not noted already, and there was room.
    pub(crate) fn note(&self, page: &[u8], slot: Slot) -> bool {
        let mut pages = self.pages.lock();
        if let Some(slots) = pages.slots.get_mut(page) {
            let new = !slots.contains(slot);
            slots.insert(slot);
            return new;
        }
        if pages.order.len() >= self.most {
            return false;
        }
        pages.slots.insert(page.into(), SlotSet::one(slot));
        pages.order.push_back(page.into());
        true
    }

    /// The page that has waited longest, unless `busy` says that it is to wait on.
    pub(crate) fn take(&self, busy: impl Fn(&[u8]) -> bool) -> Option<(Box<[u8]>, SlotSet)> {
        let mut pages = self.pages.lock();
        let at = pages.order.iter().position(|page| !busy(page))?;
        let page = pages.order.remove(at)?;
        let slots = pages.slots.remove(&page)?;
        Some((page, slots))
    }

    /// How many pages are noted.
    pub(crate) fn len(&self) -> usize {
        self.pages.lock().order.len()
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_noted_once_with_all_its_slots_and_first_come_is_first_served() {
        let noticed = Noticed::new(2);
        assert!(noticed.note(b"a", Slot(3)));
        assert!(noticed.note(b"b", Slot(0)));
        assert!(noticed.note(b"a", Slot(5)));
        assert!(!noticed.note(b"a", Slot(5)), "it is noted already");
        assert!(!noticed.note(b"c", Slot(0)), "there is no room");
        let (page, slots) = noticed.take(|_| false).unwrap();
        assert_eq!((&*page, slots), (&b"a"[..], [Slot(3), Slot(5)].into_iter().collect()));
        assert!(noticed.note(b"c", Slot(0)));
        assert_eq!(&*noticed.take(|page| page == b"b").unwrap().0, b"c");
        assert_eq!(noticed.len(), 1);
        assert!(noticed.take(|page| page == b"b").is_none());
    }
}
