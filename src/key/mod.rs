//! Keys as bytes: of entities, ordered as their values are, and of the sources that builds read.

mod buffer;
mod entity;
mod escape;
mod prefix;
mod source;

#[cfg(test)]
mod properties;

pub use buffer::KeyBuf;
pub use entity::{ENTITY_KEY_BYTES_MAX, EntityKey};
pub(crate) use entity::{check_entity_key, decode_entity};
pub(crate) use prefix::after_all;
pub use prefix::{EntityPrefix, StartsWith};
pub use source::{IntoSource, SOURCE_KEY_BYTES_MAX, SOURCE_KIND_BYTES_MAX, Source, SourceKey};
pub(crate) use source::{check_kind, key_in_words, split_kind, split_source};
