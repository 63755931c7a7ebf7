//! Walking the trees of a damaged file.

use std::cell::RefCell;
use std::collections::HashMap;

use crate::disk::StorageBackend;

use super::bits::flip_back;
use super::format::{Child, Node, is_proven};

/// redb's trees are a handful of levels deep; a circle of damaged pages is not followed.
const DEPTH_MAX: u32 = 32;
/// Pages in which a flipped bit is looked for: each costs some tens of milliseconds.
const SEARCHED_MAX: u64 = 1000;

/// Pages in which a flipped bit was looked for, by place and checksum: as they were written, if it was
/// found.
type Searched = HashMap<(u64, u128), Option<Vec<u8>>>;

/// A damaged file.
pub(super) struct Wreck<'f> {
    file: &'f dyn StorageBackend,
    searched: RefCell<Searched>,
}

/// A row that was come upon.
pub(super) struct Found<'p> {
    pub(super) key: &'p [u8],
    pub(super) row: &'p [u8],
    /// Whether its page, and each of its table that leads to it, is as it was written; if not, any byte
    /// may be another, or all of it of an earlier time.
    pub(super) proven: bool,
}

/// What a walk meets.
pub(super) enum Met<'p> {
    Row(Found<'p>),
    /// A page that cannot be read, or is not what was written: where, and whether anything could
    /// still be made out.
    Damage(u64),
}

impl<'f> Wreck<'f> {
    pub(super) fn new(file: &'f dyn StorageBackend) -> Self {
        Self { file, searched: RefCell::default() }
    }

    /// How many bits were flipped back.
    pub(super) fn flipped(&self) -> u64 {
        self.searched.borrow().values().flatten().count() as u64
    }

    /// Goes through everything beneath a page, in order.
    pub(super) fn walk<E>(
        &self,
        child: Child,
        then: &mut dyn FnMut(Met<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.descend(child, true, 0, then)
    }

    fn descend<E>(
        &self,
        child: Child,
        rightly_named: bool,
        depth: u32,
        then: &mut dyn FnMut(Met<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some((at, len)) = child.place().filter(|_| depth < DEPTH_MAX) else {
            return then(Met::Damage(0));
        };
        let Some(mut page) = self.read(at, len) else { return then(Met::Damage(at)) };
        let proven =
            is_proven(&page, child.checksum) || self.flip_back(&mut page, at, child.checksum);
        if !proven {
            then(Met::Damage(at))?;
            // What names it was damaged as well: this may be any page.
            if !rightly_named {
                return Ok(());
            }
        }
        // Named by what is damaged itself it may be whole and of an earlier time.
        let proven = proven && rightly_named;
        match Node::parse(&page) {
            None => Ok(()),
            Some(Node::Leaf(entries)) => entries
                .into_iter()
                .try_for_each(|(key, row)| then(Met::Row(Found { key, row, proven }))),
            Some(Node::Branch(children)) => children
                .into_iter()
                .try_for_each(|child| self.descend(child, proven, depth + 1, then)),
        }
    }

    fn flip_back(&self, page: &mut Vec<u8>, at: u64, checksum: u128) -> bool {
        let mut searched = self.searched.borrow_mut();
        if searched.len() as u64 >= SEARCHED_MAX && !searched.contains_key(&(at, checksum)) {
            return false;
        }
        let found = searched.entry((at, checksum)).or_insert_with(|| {
            flip_back(page, |page| is_proven(page, checksum)).then(|| page.clone())
        });
        if let Some(written) = found {
            page.clone_from(written);
        }
        found.is_some()
    }

    fn read(&self, at: u64, len: usize) -> Option<Vec<u8>> {
        let end = at.checked_add(len as u64)?;
        if end > self.file.len().ok()? {
            return None;
        }
        let mut page = vec![0; len];
        self.file.read(at, &mut page).ok()?;
        Some(page)
    }
}
