//! Building much in the background.

use std::borrow::Borrow;

use crate::disk::{Item, RunKind};
use crate::error::Result;
use crate::key::EntityKey;
use crate::page::{PageKey, RecordType};
use crate::rebuild::{Rebuilder, Run, Spool, refuse_inside_build};
use crate::time::TimeRange;

use super::core::Core;
use super::handle::View;

impl<E: EntityKey + ?Sized, R: RecordType> View<E, R> {
    /// Begins a run that builds what is missing or not fresh of these entities, among the buckets
    /// that start in a range; at most about a million buckets of each.
    ///
    /// The iterator runs in this thread, at its own pace; what it names is written into the file as
    /// it comes, so memory stays bounded however many entities there are, and the run needs neither
    /// it nor this program's life afterwards: it goes on after a crash or a restart, as soon as the
    /// view is defined again. If the iterator panics there is no run. To find it after a restart keep
    /// its [`id`](Run::id), or look through [`Store::runs`](crate::Store::runs); beginning another does
    /// no harm, since what is fresh already is passed over.
    ///
    /// Each bucket is tried once; what fails is in [`Run::failures`], and another run tries it again. A
    /// process that ends without closing the store may cost the bucket that was in hand: it rests, since
    /// it may be what ended the process.
    ///
    /// ```
    /// # use tidetable::{Grid, Store, Timestamp};
    /// # let store = Store::in_memory()?;
    /// let sun = store.view::<u32, u64>("sun").grid(Grid::hourly("Europe/Stockholm"));
    /// let sun = sun.build(|_, patio, hour| Ok(u64::from(*patio)))?;
    /// let day = Grid::daily("Europe/Stockholm").bucket_at(Timestamp::EPOCH)?;
    /// let run = sun.precompute(0..1000, day.range())?;
    /// let status = run.wait()?;
    /// assert_eq!((status.done, status.failed), (24_000, 0));
    /// # Ok::<(), tidetable::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Input`](crate::ErrorKind::Input) inside a build, for a view without a build function, in a
    /// store opened to read only, and for an entity or range out of bounds: then there is no run.
    /// And [the file's errors](crate#errors).
    pub fn precompute<K: Borrow<E>>(
        &self,
        entities: impl IntoIterator<Item = K>,
        range: impl Into<TimeRange>,
    ) -> Result<Run> {
        refuse_inside_build("a precomputation")?;
        self.core.precompute(entities, range.into())
    }
}

impl<E: EntityKey + ?Sized, R: RecordType> Core<E, R> {
    fn precompute<K: Borrow<E>>(
        &self,
        entities: impl IntoIterator<Item = K>,
        range: TimeRange,
    ) -> Result<Run> {
        self.state.check()?;
        self.check_fills()?;
        let buckets = self.buckets(range)?;
        let (view, name) = (self.state.id(), self.state.name());
        let mut spool =
            Spool::new(self.engine.workshop(), RunKind::Precompute, name, vec![view], range);
        if buckets > 0 {
            for entity in entities {
                let key = self.entity(entity.borrow())?;
                let item = Item::Entity(PageKey::entity_bytes(&key).into());
                spool.add(view, item, buckets).map_err(|error| self.named(error))?;
            }
        }
        Run::start(&self.engine, spool, false)
    }
}
