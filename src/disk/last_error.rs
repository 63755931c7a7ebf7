//! The last failure of some kind, for whoever asks.

use crate::error::Error;
use crate::sync::Mutex;

/// The last of several failures that stop nothing.
#[derive(Debug, Default)]
pub(crate) struct LastError(Mutex<Option<Error>>);

impl LastError {
    pub(crate) fn note(&self, error: Error) {
        *self.0.lock() = Some(error);
    }

    pub(crate) fn get(&self) -> Option<Error> {
        self.0.lock().clone()
    }
}
