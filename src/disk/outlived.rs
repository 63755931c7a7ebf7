//! Records that are older than their view keeps them.

use crate::cache::CacheKey;
use crate::error::Result;
use crate::grid::PageNumber;
use crate::page::Page;
use crate::time::Timestamp;

use super::load::read_apart;
use super::page_walk::PageWalk;
use super::scope::{Scope, ScopeOf};
use super::shared::Shared;
use super::view_state::ViewState;

/// What a look for records that retention no longer keeps came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outlived {
    /// The page under this key holds some.
    From(Box<[u8]>),
    /// None so far: where to go on.
    NotBefore(Box<[u8]>),
    /// None up to the view's end.
    None,
}

/// Keys looked at in one step: what is due to go is asked of each page, outside the writer.
const LOOK: usize = 256;

/// Looks through some pages of a view, from a key on or from its beginning, for records that are
/// deleted if all before an instant are.
pub(crate) fn outlived_from(
    shared: &Shared,
    view: &ViewState,
    before: Timestamp,
    from: Option<&[u8]>,
) -> Result<Outlived> {
    let scope = view.scope(Scope::Before(before));
    let mut walk = PageWalk::new(&shared.file, &scope, LOOK);
    if let Some(from) = from {
        walk = walk.starting(from);
    }
    while let Some((key, number)) = walk.next()? {
        if holds_outlived(shared, view, &scope, key.as_slice(), number)? {
            return Ok(Outlived::From(key.as_slice().into()));
        }
    }
    Ok(walk.rest()?.map_or(Outlived::None, Outlived::NotBefore))
}

fn holds_outlived(
    shared: &Shared,
    view: &ViewState,
    scope: &ScopeOf,
    key: &[u8],
    number: PageNumber,
) -> Result<bool> {
    let holds = |page: &Page| !scope.slots(number, page).is_empty();
    let cache_key = CacheKey::new(key);
    if let Some(resident) = shared.cache.peek(cache_key) {
        return Ok(holds(resident.value()));
    }
    Ok(match read_apart(shared, view, cache_key)? {
        Some(Ok(resident)) => holds(resident.value()),
        // Whatever it held, it was meant to go.
        Some(Err(_)) => true,
        None => false,
    })
}
