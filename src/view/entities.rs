//! Which entities a view holds records of.

use std::collections::VecDeque;

use crate::disk::first_page_from;
use crate::error::{Error, Result};
use crate::grid::PageNumber;
use crate::key::{EntityKey, decode_entity};
use crate::page::{PageKey, RecordType};
use crate::rebuild::is_building;
use crate::sync::Arc;
use crate::time::Timestamp;

use super::any_view::AnyView;
use super::core::Core;
use super::observe::{observe, of_view};

/// The entities of a view in the order of their keys, read from the file a few at a time.
///
/// It holds no transaction between two items: what is stored or deleted meanwhile is seen or not,
/// each entity at most once. It keeps the store open.
pub struct Entities<E: ?Sized, R> {
    core: Arc<Core<E, R>>,
    keys: Keys,
}

/// The same by their keys.
struct Keys {
    /// Keys read ahead.
    ahead: VecDeque<Box<[u8]>>,
    /// Where to go on; `None` at the end.
    from: Option<Vec<u8>>,
}

/// Entities looked up in one read transaction.
const READ_AHEAD: usize = 64;

impl<E: EntityKey + ?Sized, R: RecordType> Entities<E, R> {
    pub(super) fn new(core: Arc<Core<E, R>>) -> Self {
        if is_building() {
            let seen = core.shared().published();
            observe(core.shared(), of_view(core.state.id(), seen, false, Timestamp::MAX));
        }
        Self::unobserved(core)
    }

    /// The same, for a caller that notes for itself what was read.
    pub(super) fn unobserved(core: Arc<Core<E, R>>) -> Self {
        let from = PageKey::view_bounds(core.state.id()).0;
        Self { core, keys: Keys { ahead: VecDeque::new(), from: Some(from) } }
    }
}

impl Keys {
    /// The next one.
    fn next(&mut self, of: &AnyView) -> Result<Option<Box<[u8]>>> {
        if self.ahead.is_empty() {
            self.read_ahead(of).map_err(|error| of.named(error))?;
        }
        Ok(self.ahead.pop_front())
    }

    fn read_ahead(&mut self, of: &AnyView) -> Result<()> {
        let Some(mut from) = self.from.take() else {
            return Ok(());
        };
        of.state.check()?;
        let view = of.state.id();
        let (_, until) = PageKey::view_bounds(view);
        let ahead = &mut self.ahead;
        self.from = of.shared().file.read(|txn| {
            for _ in 0..READ_AHEAD {
                let Some(key) = first_page_from(&of.shared().file, txn, &from, &until)? else {
                    return Ok(None);
                };
                let Some((_, entity, _)) = PageKey::split(&key) else {
                    return Err(Error::damaged("a page has a key that no page can have"));
                };
                // The entity's last possible page, and just behind it: keys are prefix-free.
                let last = PageKey::of_parts(view, entity, PageNumber(i64::MAX));
                from = last.as_slice().to_vec();
                from.push(0);
                ahead.push_back(entity.into());
            }
            Ok(Some(from))
        })?;
        Ok(())
    }
}

impl<E: EntityKey + ?Sized, R: RecordType> Iterator for Entities<E, R> {
    type Item = Result<E::Owned>;

    fn next(&mut self) -> Option<Self::Item> {
        let key = match self.keys.next(&self.core) {
            Ok(key) => key?,
            Err(error) => return Some(Err(error)),
        };
        Some(decode_entity::<E>(&key).ok_or_else(|| {
            let message = "a record's entity is not one of this view's entity type; define the \
                           view with the type that wrote it";
            self.core.named(Error::damaged(message)).at_entity(&key)
        }))
    }
}

impl<E: ?Sized, R> std::fmt::Debug for Entities<E, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Entities({})", self.core.state.name())
    }
}
