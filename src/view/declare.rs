//! What a build says that it reads.

use crate::error::Result;
use crate::graph::{Node, Observation};
use crate::key::{EntityKey, IntoSource};
use crate::page::RecordType;
use crate::time::TimeRange;

use super::context::BuildContext;
use super::handle::View;
use super::input::Input;
use super::record::Record;
use super::timeline::Timeline;

/// What a build reads outside the engine has to be declared; what it reads through views and inputs
/// declares itself. A source may be declared before or after it is read, and whether or not it is
/// there: an absent thing that appears is a change too.
impl BuildContext {
    /// This build reads a source: [`Store::invalidate`](crate::Store::invalidate) of it makes the
    /// record stale. A source that cannot be (a kind that is empty, a key over the limit) fails the
    /// build.
    pub fn depends_on(&self, source: impl IntoSource) {
        let source = source.into_source();
        self.declare(source.map(|source| Node::source(&source)), None);
    }

    /// The same, and which version of the source was seen, by the application's own count. When just
    /// this version is announced ([`Changes::source_at`](crate::Changes::source_at),
    /// [`Store::reconcile`](crate::Store::reconcile)) the record is right already and stays as it
    /// is.
    pub fn depends_on_at(&self, source: impl IntoSource, version: u64) {
        let source = source.into_source();
        self.declare(source.map(|source| Node::source(&source)), Some(version));
    }

    /// This build reads any number of sources of a kind, or which there are: an invalidation of any
    /// of them makes the record stale.
    pub fn depends_on_kind(&self, kind: &str) {
        self.declare(Node::kind(kind), None);
    }

    /// The value of an input, which the record then depends on; `None` if it has none, on which the
    /// record depends as well.
    ///
    /// # Errors
    /// As [`Input::get`].
    pub fn input<K: EntityKey + ?Sized, V: RecordType>(
        &self,
        input: &Input<K, V>,
        key: &K,
    ) -> Result<Option<Record<V>>> {
        let _reading = self.adopt();
        input.get(key)
    }

    /// The records of all entities that a view holds records of, for the buckets that start in a
    /// range, by the view's policies. The record then depends on the view as a whole: on every
    /// record in it, and on which there are.
    ///
    /// An entity of which nothing was built yet is not among them, and the record is fresh all the
    /// same: it is told when there is one. Who knows the entities some other way (a list in an
    /// [`Input`], say) reads each with [`get`](Self::get), which builds what is missing.
    ///
    /// All of them are in memory at once.
    ///
    /// # Errors
    /// As [`View::range`] and [`View::entities`].
    pub fn scan<E: EntityKey + ?Sized, R: RecordType>(
        &self,
        view: &View<E, R>,
        range: impl Into<TimeRange>,
    ) -> Result<Vec<(E::Owned, Timeline<R>)>> {
        let _reading = self.adopt();
        view.scan(range)
    }

    /// Notes a source with what was announced when the build began: the build may have read it any
    /// time since.
    fn declare(&self, node: Result<Node>, version: Option<u64>) {
        let seen = self.begun();
        self.frame().note(|reads| match node {
            Ok(node) => reads.observe(Observation { version, ..Observation::whole(node, seen) }),
            Err(error) => reads.fail(error),
        });
    }
}
