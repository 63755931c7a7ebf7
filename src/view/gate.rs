//! What a read passes before it builds.

use crate::disk::{Shared, ViewState};
use crate::error::{Error, ErrorKind, Result};
use crate::schedule::Admitted;

/// Of the readers that build there are only so many at once: through here goes each that is about to
/// lead a build, and counts until this is dropped. Nobody waits, so nobody waits for ever.
pub(super) enum Gate<'a> {
    /// For all that are no readers: fills, the background, and builds, which another build needs.
    Free,
    Shut(&'a Shared, &'a ViewState),
    Passed {
        _in_store: Admitted<'a>,
        _in_view: Option<Admitted<'a>>,
    },
}

impl<'a> Gate<'a> {
    /// For a reader.
    pub(super) fn shut(shared: &'a Shared, view: &'a ViewState) -> Self {
        Self::Shut(shared, view)
    }

    /// Lets it through, once for all that it builds, unless it would be one too many.
    pub(super) fn pass(&mut self) -> Result<()> {
        let Self::Shut(shared, view) = *self else { return Ok(()) };
        let refused = |most: usize, of: &str, option: &str| {
            view.counters().builds_refused.add(1);
            let message = format!(
                "{most} readers are building records of {of} already, and no more may ({option}); \
                 read again later"
            );
            Error::new(ErrorKind::Busy, message)
        };
        let most = shared.options.builds_max;
        let in_store = shared.readers.enter(most);
        let in_store =
            in_store.ok_or_else(|| refused(most, "the store", "`Options::builds_max`"))?;
        let in_view = match view.governor().conduct().builds_max {
            None => None,
            Some(most) => {
                let admitted = view.governor().readers.enter(most);
                Some(admitted.ok_or_else(|| refused(most, "the view", "its `builds_max`"))?)
            }
        };
        *self = Self::Passed { _in_store: in_store, _in_view: in_view };
        Ok(())
    }
}
