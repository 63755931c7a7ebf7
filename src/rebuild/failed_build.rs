//! A record that could not be built in the background.

use std::collections::HashMap;
use std::fmt;

use crate::disk::Shared;
use crate::error::{Error, ErrorKind};
use crate::grid::{Bucket, PageNumber};
use crate::page::ViewId;

/// A record that a run or the background could not build, and why.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FailedBuild {
    /// The bucket; `None` where its view is not defined in this opening.
    pub bucket: Option<Bucket>,
    /// What went wrong, with the view and the entity's key. What the build function returned is in
    /// the message alone.
    pub error: Error,
}

/// The error, which names view and bucket and not the entity.
impl fmt::Display for FailedBuild {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl FailedBuild {
    /// As the file says it, with the names of the views that the file knows.
    pub(crate) fn new(
        shared: &Shared,
        names: &HashMap<ViewId, String>,
        (view, entity, page, slot): (ViewId, &[u8], PageNumber, u32),
        (kind, message): (ErrorKind, String),
    ) -> Self {
        let defined = shared.views.get(view);
        let bucket = defined
            .as_ref()
            .and_then(|defined| defined.grid().bucket_in(page, slot, defined.page_len()));
        let mut error = Error::new(kind, message).at_entity(entity);
        if let Some(name) = names.get(&view) {
            error = error.at_view(name);
        }
        if let Some(bucket) = bucket {
            error = error.at_bucket(bucket);
        }
        Self { bucket, error }
    }
}
