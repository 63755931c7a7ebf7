//! What a build goes by, for people.

use std::fmt;

use crate::grid::Bucket;
use crate::sync::Arc;

/// A view and a bucket. Cheap to carry: it becomes words only when something went wrong.
#[derive(Clone, Debug)]
pub(crate) struct BuildName {
    pub(crate) view: Arc<str>,
    pub(crate) bucket: Bucket,
}

impl fmt::Display for BuildName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", &*self.view, self.bucket)
    }
}
