//! A table, and over it its rows as a transaction will leave them.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::iter;
use std::mem;
use std::ops::{Bound, Deref};
use std::rc::Rc;

use redb::{AccessGuard, ReadableTable, StorageError, Table, TableHandle};

use super::in_order::put_in_order;

type Bytes = &'static [u8];

/// Rows are gathered first and written in the order of their keys, at the end or when they are many:
/// what a page reads is a row for each, and the pages of a commit read what stands side by side. Whoever
/// reads meanwhile sees what was gathered.
pub(super) struct StagedRows<T> {
    table: T,
    staged: RefCell<Staged>,
    /// About what they take.
    bytes: usize,
    /// How many were staged ever.
    changes: u64,
}

/// A key, and the bytes of its row or that it goes.
type Change<'s> = (&'s [u8], Option<&'s [u8]>);

/// The same, shared with whoever has read it.
type SharedChange = (Rc<[u8]>, Option<Rc<[u8]>>);

/// Shared changes by their keys.
type ByKey = BTreeMap<Rc<[u8]>, Option<Rc<[u8]>>>;

/// What was gathered. It is laid out by its keys when somebody reads: to sort what nobody reads takes a
/// fifth of that.
#[derive(Default)]
struct Staged {
    by_key: ByKey,
    /// What came since.
    latest: Latest,
}

/// Changes in the order in which they came, the bytes of all in one piece: a row is a few bytes, and
/// memory of its own for each takes longer than to copy it.
#[derive(Default)]
struct Latest {
    bytes: Vec<u8>,
    places: Vec<Place>,
}

/// Where a change lies: its key from the end of the one before, and behind it the row, unless that goes.
struct Place {
    key_end: usize,
    row_end: Option<usize>,
}

impl Latest {
    fn push(&mut self, (key, row): Change<'_>) {
        if self.places.is_empty() {
            self.bytes.reserve(LATEST_BYTES);
            self.places.reserve(LATEST_ROWS);
        }
        self.bytes.extend_from_slice(key);
        let key_end = self.bytes.len();
        self.bytes.extend_from_slice(row.unwrap_or_default());
        self.places.push(Place { key_end, row_end: row.map(|_| self.bytes.len()) });
    }

    fn changes(&self) -> impl Iterator<Item = Change<'_>> {
        let mut begin = 0;
        self.places.iter().map(move |&Place { key_end, row_end }| {
            let key = &self.bytes[begin..key_end];
            begin = row_end.unwrap_or(key_end);
            (key, row_end.map(|end| &self.bytes[key_end..end]))
        })
    }

    /// Forgets them, and keeps a little room.
    fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(LATEST_BYTES);
        self.places.clear();
        self.places.shrink_to(LATEST_ROWS);
    }
}

impl Staged {
    fn is_empty(&self) -> bool {
        self.by_key.is_empty() && self.latest.places.is_empty()
    }

    /// All of it, by the keys.
    fn lay_out(&mut self) -> &ByKey {
        let latest = self.latest.changes().map(|(key, row)| (key.into(), row.map(Rc::from)));
        self.by_key.extend(latest);
        self.latest.clear();
        &self.by_key
    }

    /// All of it, in the order of the keys. Of changes of one row the last counts.
    fn in_order(&mut self) -> Vec<Change<'_>> {
        if !self.by_key.is_empty() {
            let by_key = self.lay_out().iter();
            return by_key.map(|(key, row)| (&**key, row.as_deref())).collect();
        }
        let mut changes: Vec<Change<'_>> = self.latest.changes().collect();
        changes.sort_by_key(|(key, _)| *key);
        changes.dedup_by(|later, kept| {
            let again = later.0 == kept.0;
            if again {
                mem::swap(later, kept);
            }
            again
        });
        changes
    }
}

/// What is staged of a row besides its key and its bytes.
const ROW_BYTES: usize = 64;
/// Room for what most transactions stage of a table.
const LATEST_BYTES: usize = 4 << 10;
const LATEST_ROWS: usize = 64;
/// When so much is staged it is written.
const STAGED_BYTES_MAX: usize = 4 << 20;

/// Bytes of a row, wherever they are.
pub(super) enum Seen<'a> {
    Standing(AccessGuard<'a, Bytes>),
    Staged(Rc<[u8]>),
}

impl Deref for Seen<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Standing(guard) => guard.value(),
            Self::Staged(bytes) => bytes,
        }
    }
}

type Row<'a> = Result<(Seen<'a>, Seen<'a>), StorageError>;

impl<T> StagedRows<T> {
    pub(super) fn over(table: T) -> Self {
        Self { table, staged: RefCell::default(), bytes: 0, changes: 0 }
    }

    pub(super) fn name(&self) -> &str
    where
        T: TableHandle,
    {
        self.table.name()
    }

    /// While this is the same, so are the rows.
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    /// The first that is staged between these keys.
    fn first_staged(&self, bounds: (Bound<&[u8]>, Bound<&[u8]>)) -> Option<SharedChange> {
        let mut staged = self.staged.borrow_mut();
        let first = staged.lay_out().range::<[u8], _>(bounds).next();
        first.map(|(key, change)| (key.clone(), change.clone()))
    }
}

impl<T: ReadableTable<Bytes, Bytes>> StagedRows<T> {
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Seen<'_>>, StorageError> {
        match self.staged.borrow_mut().lay_out().get(key) {
            Some(staged) => Ok(staged.clone().map(Seen::Staged)),
            None => Ok(self.table.get(key)?.map(Seen::Standing)),
        }
    }

    /// Whether there surely is no row.
    pub(super) fn is_empty(&self) -> Result<bool, StorageError> {
        Ok(self.staged.borrow().is_empty() && self.table.is_empty()?)
    }

    /// The rows whose keys lie between these.
    pub(super) fn range<'a>(
        &'a self,
        from: &[u8],
        until: &'a [u8],
    ) -> Result<impl Iterator<Item = Row<'a>>, StorageError> {
        self.between(from.min(until), Bound::Excluded(until))
    }

    /// The rows from a key on.
    pub(super) fn range_from<'a>(
        &'a self,
        from: &[u8],
    ) -> Result<impl Iterator<Item = Row<'a>>, StorageError> {
        self.between(from, Bound::Unbounded)
    }

    fn between<'a>(
        &'a self,
        from: &[u8],
        until: Bound<&'a [u8]>,
    ) -> Result<impl Iterator<Item = Row<'a>> + use<'a, T>, StorageError> {
        let bounds = (Bound::Included(from), until);
        let mut standing = self.table.range::<&[u8]>(bounds)?.peekable();
        let mut staged = self.first_staged(bounds);
        Ok(iter::from_fn(move || {
            loop {
                let first = match (standing.peek(), &staged) {
                    (Some(Ok((standing, _))), Some((staged, _))) => standing.value().cmp(staged),
                    (Some(_), _) => Ordering::Less,
                    (None, _) => Ordering::Greater,
                };
                let stands = if first.is_le() { standing.next() } else { None };
                if first.is_lt() {
                    let seen = |(key, row)| (Seen::Standing(key), Seen::Standing(row));
                    return stands.map(|row| row.map(seen));
                }
                // In place of what stands there.
                let (key, change) = staged.take()?;
                staged = self.first_staged((Bound::Excluded(&*key), until));
                if let Some(row) = change {
                    return Some(Ok((Seen::Staged(key), Seen::Staged(row))));
                }
            }
        }))
    }
}

impl StagedRows<Table<'_, Bytes, Bytes>> {
    pub(super) fn put(&mut self, key: &[u8], row: &[u8]) {
        self.stage((key, Some(row)));
    }

    pub(super) fn remove(&mut self, key: &[u8]) {
        self.stage((key, None));
    }

    fn stage(&mut self, change: Change<'_>) {
        self.changes += 1;
        self.bytes += ROW_BYTES + change.0.len() + change.1.map_or(0, <[u8]>::len);
        self.staged.get_mut().latest.push(change);
    }

    /// Writes what was staged if it is much.
    pub(super) fn settle(&mut self) -> Result<(), StorageError> {
        if self.bytes < STAGED_BYTES_MAX { Ok(()) } else { self.write() }
    }

    /// Writes what was staged.
    pub(super) fn write(&mut self) -> Result<(), StorageError> {
        let mut staged = self.staged.take();
        let changes = staged.in_order();
        let mut rows = Vec::with_capacity(changes.len());
        self.bytes = 0;
        for (key, change) in changes {
            match change {
                Some(row) => rows.push((key, row)),
                None => drop(self.table.remove(key)?),
            }
        }
        put_in_order(&mut self.table, &rows)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use redb::backends::InMemoryBackend;
    use redb::{Database, ReadableDatabase, TableDefinition};

    use super::*;

    const TABLE: TableDefinition<'static, Bytes, Bytes> = TableDefinition::new("rows");

    type Model = BTreeMap<Vec<u8>, Vec<u8>>;

    /// A few keys close to each other, some the beginning of others.
    fn key() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(0_u8..4, 0..4)
    }

    /// Rows that are put, and those that go; large ones too, so that the tree splits.
    fn changes() -> impl Strategy<Value = Vec<(Vec<u8>, Option<Vec<u8>>)>> {
        let row = (any::<u8>(), prop_oneof![0_usize..9, 900_usize..2000]);
        let row = row.prop_map(|(byte, len)| vec![byte; len]);
        prop::collection::vec((key(), prop::option::weighted(0.8, row)), 0..40)
    }

    fn apply(model: &mut Model, changes: &[(Vec<u8>, Option<Vec<u8>>)]) {
        for (key, row) in changes {
            match row {
                Some(row) => drop(model.insert(key.clone(), row.clone())),
                None => drop(model.remove(key)),
            }
        }
    }

    fn between<T: ReadableTable<Bytes, Bytes>>(
        rows: &StagedRows<T>,
        from: &[u8],
        until: &[u8],
    ) -> Vec<(Vec<u8>, Vec<u8>)> {
        let range = rows.range(from, until).unwrap();
        range.map(|row| row.map(|(key, row)| (key.to_vec(), row.to_vec())).unwrap()).collect()
    }

    proptest! {
        #[test]
        fn what_is_staged_is_seen_at_once_and_written_as_it_was_seen(
            commits in prop::collection::vec(changes(), 1..5),
            asked in prop::collection::vec((key(), key()), 1..9),
        ) {
            let database = Database::builder().create_with_backend(InMemoryBackend::new()).unwrap();
            let mut model = Model::new();
            for changes in &commits {
                let txn = database.begin_write().unwrap();
                let mut rows = StagedRows::over(txn.open_table(TABLE).unwrap());
                for (nth, change) in changes.iter().enumerate() {
                    let (key, row) = change;
                    match row {
                        Some(row) => rows.put(key, row),
                        None => rows.remove(key),
                    }
                    apply(&mut model, std::slice::from_ref(change));
                    prop_assert!(!rows.is_empty().unwrap() || model.is_empty());
                    // What comes behind a look stands over what it has laid out.
                    if nth % 5 == 4 {
                        prop_assert_eq!(rows.get(key).unwrap().map(|row| row.to_vec()), row.clone());
                    }
                    if nth % 7 == 6 {
                        rows.write().unwrap();
                    }
                }
                for (from, until) in &asked {
                    let seen = rows.get(from).unwrap().map(|row| row.to_vec());
                    prop_assert_eq!(seen.as_ref(), model.get(from));
                    let until = until.max(from);
                    let expected = model.range(from.clone()..until.clone());
                    let expected: Vec<_> = expected.map(|(key, row)| (key.clone(), row.clone())).collect();
                    prop_assert_eq!(between(&rows, from, until), expected);
                }
                rows.write().unwrap();
                drop(rows);
                txn.commit().unwrap();
                let written = StagedRows::over(database.begin_read().unwrap().open_table(TABLE).unwrap());
                let expected: Vec<_> = model.iter().map(|(key, row)| (key.clone(), row.clone())).collect();
                prop_assert_eq!(between(&written, &[], &[9]), expected);
            }
        }
    }

    #[test]
    fn a_range_that_ends_before_it_begins_has_nothing() {
        let database = Database::builder().create_with_backend(InMemoryBackend::new()).unwrap();
        let txn = database.begin_write().unwrap();
        let mut rows = StagedRows::over(txn.open_table(TABLE).unwrap());
        rows.put(&[2], &[0]);
        assert!(between(&rows, &[3], &[1]).is_empty());
        assert_eq!(rows.name(), TABLE.name());
    }

    #[test]
    fn what_is_staged_is_written_when_it_is_much() {
        let database = Database::builder().create_with_backend(InMemoryBackend::new()).unwrap();
        let txn = database.begin_write().unwrap();
        let mut rows = StagedRows::over(txn.open_table(TABLE).unwrap());
        let mut most = 0;
        for nth in 0..20_000_u32 {
            rows.put(&nth.to_be_bytes(), &[0; 1000]);
            rows.settle().unwrap();
            most = most.max(rows.staged.get_mut().lay_out().len());
            assert!(rows.get(&nth.to_be_bytes()).unwrap().is_some(), "row {nth}");
        }
        let each = ROW_BYTES + size_of::<u32>() + 1000;
        assert_eq!(most, STAGED_BYTES_MAX / each, "the one that made it too much is written too");
        assert_eq!(between(&rows, &[], &[9]).len(), 20_000);
    }
}
