//! How the pages of a view are packed, and what unpacking them takes.

use std::collections::HashMap;

use redb::ReadableTable;

use crate::error::{Error, Result};
use crate::page::{
    Aid, Compression, Dictionary, Page, PageKey, Pattern, Sampler, StoredBody, ViewId, store_body,
};
use crate::sync::{Mutex, RwLock};

use super::patterns::Patterns;

/// The dictionary and the patterns of a view: those that new pages are packed with, and those that
/// pages of the file name.
#[derive(Debug)]
pub(crate) struct Packing {
    view: ViewId,
    /// zstd's level; `None` keeps pages plain.
    level: Option<i32>,
    compression: RwLock<Compression>,
    sampler: Mutex<Sampler>,
    patterns: Patterns,
    /// Id -> dictionary or pattern, as far as pages asked for them.
    aids: Mutex<HashMap<u32, Aid>>,
}

impl Packing {
    pub(super) fn new(view: ViewId, level: Option<i32>, dictionary: Option<Dictionary>) -> Self {
        let wants_none = dictionary.is_some() || level.is_none();
        let sampler = if wants_none { Sampler::finished() } else { Sampler::default() };
        Self {
            view,
            level,
            compression: RwLock::new(Compression { level, dictionary }),
            sampler: Mutex::new(sampler),
            patterns: Patterns::default(),
            aids: Mutex::default(),
        }
    }

    /// A new page's body as it is to stand under that key.
    pub(crate) fn store_body(&self, page: &Page, key: &[u8]) -> StoredBody {
        let number = self.level.and_then(|_| PageKey::split(key)).map(|key| key.2);
        let pattern = number.and_then(|number| self.patterns.suggest(number, key, page));
        self.store_body_beside(page, pattern.as_ref())
    }

    /// The same beside this pattern, if any.
    pub(crate) fn store_body_beside(&self, page: &Page, pattern: Option<&Pattern>) -> StoredBody {
        let compression = self.compression.read().clone();
        store_body(page, &compression, pattern)
    }

    pub(crate) fn patterns(&self) -> &Patterns {
        &self.patterns
    }

    /// Pages written from now on use this dictionary, which the file keeps under `id`.
    pub(crate) fn use_dictionary(&self, id: u32, bytes: &[u8]) -> Result<()> {
        let prepared = Dictionary::prepare(id, bytes, self.level.unwrap_or(0))?;
        self.compression.write().dictionary = Some(prepared);
        Ok(())
    }

    pub(crate) fn sampler(&self) -> &Mutex<Sampler> {
        &self.sampler
    }

    /// A dictionary or pattern that a page has named before, or that new pages use.
    pub(crate) fn known_aid(&self, id: u32) -> Option<Aid> {
        let known = self.aids.lock().get(&id).cloned();
        known.or_else(|| {
            let compression = self.compression.read();
            let in_use = compression.dictionary.as_ref().filter(|in_use| in_use.id() == id);
            in_use.cloned().map(Aid::Dictionary)
        })
    }

    /// A dictionary or pattern that a page names, read from its table when it is first needed.
    pub(crate) fn aid(
        &self,
        id: u32,
        table: &impl ReadableTable<&'static [u8], &'static [u8]>,
        explain: impl Fn(redb::StorageError) -> Error,
    ) -> Result<Option<Aid>> {
        if let Some(known) = self.known_aid(id) {
            return Ok(Some(known));
        }
        let key = dictionary_key(self.view, id);
        let found = table.get(key.as_slice()).map_err(explain)?;
        let Some(bytes) = found else {
            return Ok(None);
        };
        let level = self.level.unwrap_or(0);
        let prepared = Aid::prepare(id, bytes.value(), level)?;
        let mut aids = self.aids.lock();
        if aids.len() >= AIDS_MAX {
            aids.clear();
        }
        aids.insert(id, prepared.clone());
        Ok(Some(prepared))
    }
}

/// Those kept in mind; there is one pattern for each time.
const AIDS_MAX: usize = 256;

/// Where a view's dictionary or pattern stands in its table.
pub(crate) fn dictionary_key(view: ViewId, id: u32) -> [u8; 8] {
    let mut key = [0; 8];
    key[..4].copy_from_slice(&view.0.to_be_bytes());
    key[4..].copy_from_slice(&id.to_be_bytes());
    key
}
