//! Those who do not wait for a build with a thread, and what they can see of it.

use std::collections::HashMap;

use super::key::FlightKey;
use crate::sync::{Arc, AtomicU64, Ordering};

/// Somebody who wants to be told when a build has landed. Called on the thread that lands it, under
/// no lock; whatever takes long is done elsewhere.
pub(crate) trait Watcher: Send + Sync {
    /// There is news: look again.
    fn landed(&self);
}

/// Who is to be told of what.
#[derive(Default)]
pub(super) struct Watched(HashMap<FlightKey, Vec<Arc<dyn Watcher>>>);

impl Watched {
    pub(super) fn add(&mut self, key: &FlightKey, watcher: &Arc<dyn Watcher>) {
        self.0.entry(key.clone()).or_default().push(watcher.clone());
    }

    pub(super) fn take(&mut self, key: &FlightKey) -> Vec<Arc<dyn Watcher>> {
        // Most flights are watched by nobody.
        if self.0.is_empty() { Vec::new() } else { self.0.remove(key).unwrap_or_default() }
    }

    pub(super) fn take_where(&mut self, of: impl Fn(&FlightKey) -> bool) -> Vec<Arc<dyn Watcher>> {
        let keys: Vec<FlightKey> = self.0.keys().filter(|key| of(key)).cloned().collect();
        keys.iter().flat_map(|key| self.take(key)).collect()
    }

    pub(super) fn take_each(
        &mut self,
        keys: impl IntoIterator<Item = FlightKey>,
    ) -> Vec<Arc<dyn Watcher>> {
        let (mut keys, mut taken) = (keys.into_iter(), Vec::new());
        // Most of what is stored is watched by nobody: then no key is made.
        while !self.0.is_empty()
            && let Some(key) = keys.next()
        {
            taken.append(&mut self.take(&key));
        }
        taken
    }

    /// What is to be dropped outside the lock that this stands under.
    pub(super) fn remove(
        &mut self,
        key: &FlightKey,
        watcher: &Arc<dyn Watcher>,
    ) -> Option<Arc<dyn Watcher>> {
        let watchers = self.0.get_mut(key)?;
        let at = watchers.iter().position(|other| Arc::ptr_eq(other, watcher))?;
        let gone = watchers.swap_remove(at);
        if watchers.is_empty() {
            self.0.remove(key);
        }
        Some(gone)
    }
}

impl std::fmt::Debug for Watched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Watched({} builds)", self.0.len())
    }
}

/// How far a build says that it is: a share from 0 to 1, as the bits of an `f64`.
#[derive(Debug, Default)]
pub(crate) struct Progress(AtomicU64);

impl Progress {
    /// What is no share is brought into its range.
    pub(crate) fn report(&self, share: f32) {
        let share = if share.is_nan() { 0.0 } else { f64::from(share.clamp(0.0, 1.0)) };
        self.0.store(share.to_bits(), Ordering::Relaxed);
    }

    pub(super) fn share(&self) -> f32 {
        f64::from_bits(self.0.load(Ordering::Relaxed)) as f32
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn a_progress_that_is_none_is_brought_into_its_range() {
        let progress = Progress::default();
        let shown = [-1.0, 0.25, 7.0, f32::NAN].map(|share| {
            progress.report(share);
            progress.share()
        });
        assert_eq!(shown, [0.0, 0.25, 1.0, 0.0]);
    }
}
