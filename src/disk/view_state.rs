//! A view as it is defined in this opening.

use std::any::TypeId;
use std::collections::HashMap;

use redb::ReadableTable;

use crate::error::{Error, ErrorKind, Result};
use crate::grid::Grid;
use crate::page::{Compression, Dictionary, Page, RecordShape, Sampler, ViewId, without};
use crate::revision::Revision;
use crate::sync::{Arc, AtomicBool, AtomicI64, AtomicU64, Mutex, Ordering, RwLock};
use crate::time::Timestamp;

use super::deletions::Deletions;
use super::scope::{Scope, ScopeOf};
use super::shared::Shared;
use super::view_row::ViewRow;

/// What an application says of a view when it defines it.
#[derive(Clone, Debug)]
pub(crate) struct Definition {
    pub(crate) name: Arc<str>,
    pub(crate) version: u32,
    pub(crate) shape: RecordShape,
    /// Fingerprint of the record type's layout and of the entity type.
    pub(crate) layout: u64,
    /// The record type itself: within one opening a page must never be read as another type, even
    /// one of the same fingerprint.
    pub(crate) record_type: TypeId,
    /// The entity type, for the same reason.
    pub(crate) entity_type: TypeId,
    pub(crate) grid: Grid,
    pub(crate) page_len: u32,
    /// zstd's level for its pages; `None` keeps them plain.
    pub(crate) level: Option<i32>,
}

/// A defined view: what readers, builders and the writer share of it.
#[derive(Debug)]
pub(crate) struct ViewState {
    definition: Definition,
    id: ViewId,
    stale_before: AtomicU64,
    suspect_before: AtomicU64,
    stamped_at: AtomicI64,
    /// Set when the view is defined anew or deleted: handles of this definition are worthless.
    ended: AtomicBool,
    compression: RwLock<Compression>,
    sampler: Mutex<Sampler>,
    /// Touched by the writer alone.
    deletions: Mutex<Deletions>,
    /// Id -> dictionary, as far as pages asked for them.
    dictionaries: Mutex<HashMap<u32, Dictionary>>,
}

impl ViewState {
    /// The state of a view whose row stands in the file.
    pub(crate) fn new(
        definition: Definition,
        row: &ViewRow,
        dictionary: Option<Dictionary>,
    ) -> Self {
        let wants_none = dictionary.is_some() || definition.level.is_none();
        let sampler = if wants_none { Sampler::finished() } else { Sampler::default() };
        Self {
            id: row.id,
            stale_before: AtomicU64::new(row.stale_before.get()),
            suspect_before: AtomicU64::new(row.suspect_before.get()),
            stamped_at: AtomicI64::new(row.stamped_at.as_millis()),
            ended: AtomicBool::new(false),
            compression: RwLock::new(Compression { level: definition.level, dictionary }),
            sampler: Mutex::new(sampler),
            deletions: Mutex::default(),
            dictionaries: Mutex::new(HashMap::new()),
            definition,
        }
    }

    pub(crate) fn id(&self) -> ViewId {
        self.id
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.definition.name
    }

    pub(crate) fn definition(&self) -> &Definition {
        &self.definition
    }

    pub(crate) fn shape(&self) -> &RecordShape {
        &self.definition.shape
    }

    pub(crate) fn grid(&self) -> &Grid {
        &self.definition.grid
    }

    pub(crate) fn page_len(&self) -> u32 {
        self.definition.page_len
    }

    pub(crate) fn version(&self) -> u32 {
        self.definition.version
    }

    /// Records whose S lies before it are stale.
    #[inline]
    pub(crate) fn stale_before(&self) -> Revision {
        Revision::from_raw(self.stale_before.load(Ordering::Acquire))
    }

    /// Records whose V lies before it are suspect.
    #[inline]
    pub(crate) fn suspect_before(&self) -> Revision {
        Revision::from_raw(self.suspect_before.load(Ordering::Acquire))
    }

    /// When a stamp was last raised.
    pub(crate) fn stamped_at(&self) -> Timestamp {
        Timestamp::from_millis(self.stamped_at.load(Ordering::Acquire))
    }

    /// Nothing of this view is fresh any more, whatever its facts say.
    pub(crate) fn distrust_all(&self) {
        self.suspect_before.store(u64::MAX, Ordering::Release);
    }

    /// Ends this definition. Nothing is fresh to its handles from here on, so that even a hit, which
    /// checks no more than freshness, goes the way on which they are refused.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Release);
        self.stale_before.store(u64::MAX, Ordering::Release);
    }

    /// Refuses handles of a definition that has ended.
    pub(crate) fn check(&self) -> Result<()> {
        if !self.ended.load(Ordering::Acquire) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Definition,
            "this handle's definition has ended: the view was defined anew or deleted since; \
             define it again and use the new handle",
        )
        .at_view(self.name()))
    }

    /// How new pages are compressed.
    pub(crate) fn compression(&self) -> Compression {
        self.compression.read().clone()
    }

    /// Pages written from now on use this dictionary, which the file keeps under `id`.
    pub(crate) fn use_dictionary(&self, id: u32, bytes: &[u8]) -> Result<()> {
        let prepared = Dictionary::prepare(id, bytes, self.definition.level.unwrap_or(0))?;
        self.compression.write().dictionary = Some(prepared);
        Ok(())
    }

    pub(crate) fn sampler(&self) -> &Mutex<Sampler> {
        &self.sampler
    }

    /// A scope within this view.
    pub(super) fn scope(&self, scope: Scope) -> ScopeOf {
        let (grid, page_len) = (self.grid().clone(), self.page_len());
        ScopeOf { scope, view: self.id, grid, page_len }
    }

    pub(super) fn deletions(&self) -> &Mutex<Deletions> {
        &self.deletions
    }

    /// The page without the built records that were deleted after their build began, and how many
    /// those were.
    pub(super) fn without_deleted(&self, page: Page, key: &[u8]) -> Result<(Option<Page>, u32)> {
        let deletions = self.deletions.lock();
        let gone =
            |slot| !page.was_put(slot) && deletions.cover(key, slot, &page, page.facts(slot).begun);
        if !page.present().any(gone) {
            return Ok((Some(page), 0));
        }
        without(&page, gone, self.shape())
    }

    /// A dictionary that a page names, read from its table when it is first needed.
    pub(crate) fn dictionary(
        &self,
        id: u32,
        table: &impl ReadableTable<&'static [u8], &'static [u8]>,
        shared: &Shared,
    ) -> Result<Option<Dictionary>> {
        if let Some(known) = self.dictionaries.lock().get(&id) {
            return Ok(Some(known.clone()));
        }
        let key = dictionary_key(self.id, id);
        let found = table.get(key.as_slice()).map_err(|e| shared.storage_error(e))?;
        let Some(bytes) = found else {
            return Ok(None);
        };
        let level = self.definition.level.unwrap_or(0);
        let prepared = Dictionary::prepare(id, bytes.value(), level)?;
        self.dictionaries.lock().insert(id, prepared.clone());
        Ok(Some(prepared))
    }
}

/// Where a view's dictionary stands in its table.
pub(crate) fn dictionary_key(view: ViewId, id: u32) -> [u8; 8] {
    let mut key = [0; 8];
    key[..4].copy_from_slice(&view.0.to_be_bytes());
    key[4..].copy_from_slice(&id.to_be_bytes());
    key
}
