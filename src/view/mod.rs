//! Views: how they are defined, read, written and filled.

mod build;
mod context;
mod core;
mod definition;
mod delete;
mod entities;
mod fill;
mod freshness;
mod get;
mod handle;
mod lookup;
mod made;
mod policy;
mod put;
mod range;
mod record;
mod timeline;

pub use context::BuildContext;
pub use definition::ViewDefinition;
pub use entities::Entities;
pub use fill::{Failure, Filled};
pub use freshness::{Freshness, Layer};
pub use handle::View;
pub use policy::{Marked, Missing};
pub use record::Record;
pub use timeline::Timeline;
