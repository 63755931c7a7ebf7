//! A view's dictionary.

use crate::error::{Error, Result};
use crate::page::Dictionary;
use crate::sync::Arc;

use super::super::batch::Batch;
use super::super::committed::Committed;
use super::super::operation::{Operation, Speed};
use super::super::packing::dictionary_key;
use super::super::tables::DICTIONARIES;
use super::super::view_state::ViewState;

/// The id that a view's dictionary gets. One is trained in a view's life; a second would be 2.
pub(crate) const FIRST_DICTIONARY: u32 = 1;

/// Keeps a trained dictionary and makes it the one that new pages use.
pub(crate) struct KeepDictionary {
    pub(crate) view: Arc<ViewState>,
    pub(crate) bytes: Vec<u8>,
}

impl Operation for KeepDictionary {
    type Applied = u32;
    type Answer = u32;

    fn speed(&self) -> Speed {
        // Pages that need it come later in the same history: none survives without it.
        Speed::Derived
    }

    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<u32> {
        self.view.check()?;
        if batch.views().by_id(self.view.id()).is_none() {
            return Err(Error::damaged("the view's row is gone").at_view(self.view.name()));
        }
        let dictionaries = batch.txn().open_table(DICTIONARIES);
        let mut dictionaries = batch.keep(dictionaries)?;
        let key = dictionary_key(self.view.id(), FIRST_DICTIONARY);
        let row = Dictionary::row_of(FIRST_DICTIONARY, &self.bytes);
        let kept = dictionaries.insert(key.as_slice(), &*row).map(drop);
        batch.keep(kept)?;
        batch.views().change(self.view.id(), |row| row.dictionary = FIRST_DICTIONARY);
        Ok(FIRST_DICTIONARY)
    }

    fn answer(self, id: u32, _: &Committed) -> u32 {
        id
    }
}
