//! Reading through a build's context, from whichever thread.

use crate::error::Result;
use crate::key::EntityKey;
use crate::page::RecordType;
use crate::time::{TimeRange, Timestamp};

use super::context::BuildContext;
use super::handle::View;
use super::record::Record;
use super::timeline::Timeline;

/// Reads for the build, on any thread that has borrowed the context. In the thread that the build
/// function was called in, the handle's own methods do the same.
///
/// ```
/// # use tidetable::{Store, Timestamp};
/// # let store = Store::in_memory()?;
/// let left = store.view::<u32, u64>("left").build(|_, _, _| Ok(1))?;
/// let right = store.view::<u32, u64>("right").build(|_, _, _| Ok(2))?;
/// let both = store.view::<u32, u64>("both").build(move |cx, id, bucket| {
///     let (left, right) = std::thread::scope(|scope| {
///         let left = scope.spawn(|| cx.get(&left, id, bucket.start()));
///         let right = cx.get(&right, id, bucket.start());
///         (left.join().expect("it does not panic"), right)
///     });
///     Ok(left?.to_native() + right?.to_native())
/// })?;
/// assert_eq!(both.get(&7, Timestamp::EPOCH)?.to_native(), 3);
/// # Ok::<(), tidetable::Error>(())
/// ```
impl BuildContext {
    /// [`View::get`] for this build.
    ///
    /// # Errors
    /// As [`View::get`].
    pub fn get<E: EntityKey + ?Sized, R: RecordType>(
        &self,
        view: &View<E, R>,
        entity: &E,
        instant: Timestamp,
    ) -> Result<Record<R>> {
        let _reading = self.adopt();
        view.get(entity, instant)
    }

    /// [`View::peek`] for this build.
    ///
    /// # Errors
    /// As [`View::peek`].
    pub fn peek<E: EntityKey + ?Sized, R: RecordType>(
        &self,
        view: &View<E, R>,
        entity: &E,
        instant: Timestamp,
    ) -> Result<Option<Record<R>>> {
        let _reading = self.adopt();
        view.peek(entity, instant)
    }

    /// [`View::range`] for this build.
    ///
    /// # Errors
    /// As [`View::range`].
    pub fn range<E: EntityKey + ?Sized, R: RecordType>(
        &self,
        view: &View<E, R>,
        entity: &E,
        range: impl Into<TimeRange>,
    ) -> Result<Timeline<R>> {
        let _reading = self.adopt();
        view.range(entity, range)
    }
}
