//! What a view keeps filled.

use crate::error::{Error, Result};
use crate::grid::Grid;
use crate::schedule::Horizon;
use crate::time::Timestamp;

use super::any_view::Makes;

/// Takes one entity after the other.
pub(super) type Each<'a, E> = dyn FnMut(&E) -> Result<()> + 'a;

/// Names entities to who takes them, until one is refused.
pub(super) type Name<E> = dyn Fn(&mut Each<'_, E>) -> Result<()> + Send + Sync;

/// What a view keeps filled.
pub(super) struct Filling<E: ?Sized> {
    pub(super) horizon: Horizon,
    pub(super) of: Of<E>,
}

/// Of which entities.
pub(super) enum Of<E: ?Sized> {
    /// Those that a function names.
    Named(Box<Name<E>>),
    /// Those of which it holds records.
    Held,
}

/// Refuses a horizon that such a view cannot keep filled.
pub(super) fn check_horizon(horizon: &Horizon, makes: Makes, grid: &Grid) -> Result<()> {
    if makes == Makes::Nothing {
        let message = "a view without a build function cannot keep a horizon filled; give it one, \
                           or leave the horizon out";
        return Err(Error::input(message));
    }
    if grid.bucket_at(Timestamp::EPOCH)?.is_timeless() {
        let message = "a grid without time has no days to keep filled; leave the horizon out";
        return Err(Error::input(message));
    }
    horizon.validate()?;
    horizon.check_grid(grid)
}
