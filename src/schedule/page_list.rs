//! Pages to be seen to one after the other.

use std::collections::VecDeque;

/// Keys of pages in an order, bounded in number and bytes.
#[derive(Debug, Default)]
pub(crate) struct PageList {
    pages: VecDeque<Box<[u8]>>,
    /// What they take, each with its length in front of it.
    bytes: usize,
}

impl PageList {
    /// The most pages of a list.
    pub(crate) const PAGES_MAX: usize = 4096;
    /// The most bytes of a list.
    pub(crate) const BYTES_MAX: usize = 256 << 10;

    /// Adds a page behind the others. Whether there was room for it.
    pub(crate) fn push(&mut self, page: &[u8]) -> bool {
        let bytes = self.bytes + bytes_of(page);
        if self.pages.len() >= Self::PAGES_MAX || bytes > Self::BYTES_MAX {
            return false;
        }
        self.bytes = bytes;
        self.pages.push_back(page.into());
        true
    }

    /// Takes the first pages that are picked, at most so many; the others stay in their order.
    pub(crate) fn take(&mut self, most: usize, pick: impl Fn(&[u8]) -> bool) -> Vec<Box<[u8]>> {
        let mut taken = Vec::new();
        self.pages.retain_mut(|page| {
            if taken.len() >= most || !pick(page) {
                return true;
            }
            taken.push(std::mem::take(page));
            false
        });
        self.bytes -= taken.iter().map(|page| bytes_of(page)).sum::<usize>();
        taken
    }

    /// Adds pages that were taken before in front of the others, whether there is room or not: they
    /// had a place.
    pub(crate) fn put_back(&mut self, pages: &[Box<[u8]>]) {
        for page in pages.iter().rev() {
            self.bytes += bytes_of(page);
            self.pages.push_front(page.clone());
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pages.is_empty()
    }

    /// Its pages, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.pages.iter().map(|page| &**page)
    }
}

fn bytes_of(page: &[u8]) -> usize {
    page.len() + size_of::<u32>()
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn pages_are_taken_from_the_front_and_those_that_are_not_picked_keep_their_place() {
        let mut list = PageList::default();
        assert!([b"a1", b"b1", b"a2", b"a3", b"b2"].into_iter().all(|page| list.push(page)));
        let taken = list.take(2, |page| page[0] == b'a');
        assert_eq!(taken, [b"a1".as_slice(), b"a2"].map(Box::from));
        assert_eq!(list.iter().collect::<Vec<_>>(), [b"b1", b"a3", b"b2"]);
        assert_eq!(list.bytes, 3 * 6);
        list.put_back(&taken);
        assert_eq!(list.iter().collect::<Vec<_>>(), [b"a1", b"a2", b"b1", b"a3", b"b2"]);
        assert_eq!(list.take(2, |_| true), taken);
        assert_eq!(list.take(9, |_| true).len(), 3);
        assert!(list.is_empty() && list.bytes == 0);
    }

    #[test]
    fn a_list_is_bounded_in_number_and_in_bytes() {
        let mut list = PageList::default();
        let taken = (0..5000_u32).filter(|page| list.push(&page.to_be_bytes())).count();
        assert_eq!(taken, PageList::PAGES_MAX);
        let mut list = PageList::default();
        let taken = (0..5000).filter(|_| list.push(&[7; 1000])).count();
        assert_eq!(taken, PageList::BYTES_MAX / 1004);
        list.take(1, |_| true);
        assert!(list.push(&[7; 1000]) && !list.push(&[7; 1000]));
    }
}
