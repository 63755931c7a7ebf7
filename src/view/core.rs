//! What all handles of one definition share.

use std::any::TypeId;
use std::fmt;
use std::ops::Deref;

use crate::disk::Definition;
use crate::error::{BuildError, Result};
use crate::grid::Bucket;
use crate::key::EntityKey;
use crate::page::{PageKey, RecordType};
use crate::rebuild::Engine;
use crate::sync::{Arc, Weak};
use crate::time::Timestamp;

use super::any_view::{AnyView, Makes};
use super::context::BuildContext;
use super::filling::Filling;
use super::spans::LastSpans;
use super::spot::Spot;

/// Makes the record of one bucket.
pub(super) type BuildBucket<E, R> =
    dyn Fn(&BuildContext, &E, Bucket) -> Result<R, BuildError> + Send + Sync;
/// Makes the records of several buckets of one page, one for each, in order.
pub(super) type BuildPage<E, R> =
    dyn Fn(&BuildContext, &E, &[Bucket]) -> Result<Vec<R>, BuildError> + Send + Sync;

/// How a view's records come to be.
pub(super) enum BuildFunction<E: ?Sized, R> {
    /// They are put.
    None,
    Bucket(Box<BuildBucket<E, R>>),
    Page(Box<BuildPage<E, R>>),
}

impl<E: ?Sized, R> BuildFunction<E, R> {
    pub(super) fn makes(&self) -> Makes {
        match self {
            Self::None => Makes::Nothing,
            Self::Bucket(_) => Makes::Buckets,
            Self::Page(_) => Makes::Pages,
        }
    }
}

/// A defined view with its types and its build function: what only they can do. All else is done by
/// [`AnyView`], which it dereferences to.
pub(super) struct Core<E: ?Sized, R> {
    any: AnyView,
    pub(super) build: BuildFunction<E, R>,
    /// What it keeps filled by itself.
    pub(super) filling: Option<Filling<E>>,
    pub(super) spans: LastSpans,
}

impl<E: ?Sized, R> Deref for Core<E, R> {
    type Target = AnyView;

    #[inline]
    fn deref(&self) -> &AnyView {
        &self.any
    }
}

impl<E: ?Sized, R> fmt::Debug for Core<E, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.any.fmt(f)
    }
}

impl<E: EntityKey + ?Sized, R: RecordType> Core<E, R> {
    pub(super) fn new(
        engine: Arc<Engine>,
        definition: Definition,
        build: BuildFunction<E, R>,
        filling: Option<Filling<E>>,
    ) -> Result<Arc<Self>> {
        debug_assert_eq!(definition.record_type, TypeId::of::<R>());
        let (state, makes) = (engine.define(definition)?, build.makes());
        let core = Arc::new_cyclic(|itself: &Weak<Self>| {
            let any = AnyView { engine, state, makes, itself: itself.clone() };
            Self { any, build, filling, spans: LastSpans::default() }
        });
        if makes != Makes::Nothing {
            core.engine.add_rebuilder(&core.state, core.itself.clone());
        }
        Ok(core)
    }

    /// Where the record of an entity at an instant stands.
    #[inline]
    pub(super) fn locate(&self, entity: &E, instant: Timestamp) -> Result<Spot> {
        let bucket = self.state.grid().bucket_at(instant).map_err(|error| self.named(error))?;
        self.spot(entity, bucket)
    }

    /// Where the record of an entity's bucket stands.
    #[inline]
    pub(super) fn spot(&self, entity: &E, bucket: Bucket) -> Result<Spot> {
        let place = self.state.grid().place(bucket, self.state.page_len());
        let place = place.map_err(|error| self.named(error))?;
        Ok(Spot { bucket, place, key: PageKey::new(self.state.id(), entity, place.page) })
    }

    /// What all page keys of an entity begin with. Nothing says yet that it is not too long.
    pub(super) fn prefix(&self, entity: &E) -> PageKey {
        PageKey::entity(self.state.id(), entity)
    }

    /// The same, checked.
    pub(super) fn entity(&self, entity: &E) -> Result<PageKey> {
        let prefix = self.prefix(entity);
        self.check_entity(&prefix)?;
        Ok(prefix)
    }
}
