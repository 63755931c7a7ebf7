//! Inputs small enough to live in the store.

use std::borrow::Borrow;
use std::fmt;

use crate::error::Result;
use crate::key::{EntityKey, EntityPrefix};
use crate::page::RecordType;
use crate::time::Timestamp;

use super::entities::Entities;
use super::handle::View;
use super::record::Record;

/// A table of values that the application sets and builds read.
///
/// Its changes need no announcing.
/// Setting a value marks the records that read it, and only if it differs from what was there, byte
/// for byte as archived. Reading a key that has no value counts too: records that did so are marked
/// when it gets one. Get one from [`Store::input`](crate::Store::input).
///
/// ```
/// use tidetable::{Store, Timestamp};
///
/// let store = Store::in_memory()?;
/// let rates = store.input::<str, u64>("rates")?;
/// let read = rates.clone();
/// let prices = store
///     .view::<str, u64>("prices")
///     .build(move |cx, currency, _| {
///         let rate = cx.input(&read, currency)?;
///         Ok(rate.map_or(0, |rate| rate.to_native() * 100))
///     })?;
/// rates.set("SEK", &11)?;
/// assert_eq!(prices.get("SEK", Timestamp::EPOCH)?.to_native(), 1_100);
/// rates.set("SEK", &12)?;
/// assert_eq!(prices.get("SEK", Timestamp::EPOCH)?.to_native(), 1_200);
/// # Ok::<(), tidetable::Error>(())
/// ```
pub struct Input<K: ?Sized, V>(View<K, V>);

impl<K: EntityKey + ?Sized, V: RecordType> Input<K, V> {
    /// The values are the records of a view without time and without a build function.
    pub(crate) fn new(view: View<K, V>) -> Self {
        Self(view)
    }

    pub(super) fn view(&self) -> &View<K, V> {
        &self.0
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// The value of a key; `None` if it has none.
    ///
    /// # Errors
    /// As [`View::peek`].
    pub fn get(&self, key: &K) -> Result<Option<Record<V>>> {
        self.0.peek(key, Timestamp::EPOCH)
    }

    /// Sets the value of a key, durably. Whether it differs from the one before.
    ///
    /// # Errors
    /// As [`View::put`].
    pub fn set(&self, key: &K, value: &V) -> Result<bool> {
        self.set_many([(key, value)]).map(|differed| differed > 0)
    }

    /// Sets many values in one transaction with one sync; all of them, or none. How many differ from
    /// those before.
    ///
    /// # Errors
    /// As [`View::put_many`].
    pub fn set_many<Q: Borrow<K>, B: Borrow<V>>(
        &self,
        values: impl IntoIterator<Item = (Q, B)>,
    ) -> Result<u64> {
        let values = values.into_iter().map(|(key, value)| (key, Timestamp::EPOCH, value));
        self.0.put_counting_changes(values)
    }

    /// Removes a key's value, durably. Whether it had one.
    ///
    /// # Errors
    /// As [`View::delete`].
    pub fn remove(&self, key: &K) -> Result<bool> {
        self.0.delete(key).map(|deleted| deleted > 0)
    }

    /// Removes the values of many keys, durably, a thousand of them at a time with one sync. How many
    /// had one.
    ///
    /// # Errors
    /// As [`View::delete_many`].
    pub fn remove_many<Q: Borrow<K>>(&self, keys: impl IntoIterator<Item = Q>) -> Result<u64> {
        self.0.delete_many(keys)
    }

    /// Removes the values of all keys that begin so, durably: see [`EntityPrefix`]. How many there were.
    ///
    /// # Errors
    /// As [`View::delete_prefix`].
    pub fn remove_prefix<P: EntityPrefix<K> + ?Sized>(&self, prefix: &P) -> Result<u64> {
        self.0.delete_prefix(prefix)
    }

    /// The keys that have values, in their order.
    #[must_use]
    pub fn keys(&self) -> Entities<K, V> {
        self.0.entities()
    }
}

impl<K: ?Sized, V> Clone for Input<K, V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K: ?Sized, V> fmt::Debug for Input<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Input({:?})", self.0)
    }
}
