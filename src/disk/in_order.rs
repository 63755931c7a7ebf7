//! Rows that come in the order of their keys: those that will stand beside each other go into a table in
//! one piece, for a fraction of what each of them takes by itself.

use std::ops::Bound;

use redb::{CursorError, StorageError, Table};

type Bytes = &'static [u8];

/// Puts rows into a table, each in place of what stands under its key. Their keys ascend.
pub(super) fn put_in_order<K: AsRef<[u8]>, V: AsRef<[u8]>>(
    table: &mut Table<'_, Bytes, Bytes>,
    rows: &[(K, V)],
) -> Result<(), StorageError> {
    let (mut left, mut apart) = (rows, 0);
    while !left.is_empty() {
        let together = put_beside_each_other(table, left)?;
        left = &left[together..];
        // Where rows stand apart, looking for those beside each other takes as much as to put them.
        apart = if together == 0 { (2 * apart + 1).min(APART_MAX) } else { 0 };
        let alone = left.len().min(apart);
        for (key, value) in &left[..alone] {
            table.insert(key.as_ref(), value.as_ref())?;
        }
        left = &left[alone..];
    }
    Ok(())
}

/// Of rows that stand apart so many are put before it is looked again.
const APART_MAX: usize = 31;

/// Puts the first rows between which the table has none, if there are two of them. How many these are.
fn put_beside_each_other<K: AsRef<[u8]>, V: AsRef<[u8]>>(
    table: &mut Table<'_, Bytes, Bytes>,
    rows: &[(K, V)],
) -> Result<usize, StorageError> {
    let [(first, _), (second, _), ..] = rows else { return Ok(0) };
    let mut gap = table.lower_bound_mut(Bound::Included(first.as_ref()))?;
    if gap.peek_next()?.is_some_and(|(behind, _)| behind.value() <= second.as_ref()) {
        return Ok(0);
    }
    let mut together = 0;
    for (key, value) in rows {
        match gap.insert_before(key.as_ref(), value.as_ref()) {
            Ok(()) => together += 1,
            Err(CursorError::Storage(cause)) => return Err(cause),
            // What stands there already is at this key, or before it.
            Err(_) => break,
        }
    }
    gap.close()?;
    Ok(together)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use redb::backends::InMemoryBackend;
    use redb::{Database, ReadableTable, ReadableTableMetadata, TableDefinition};

    use super::*;

    const TABLE: TableDefinition<'static, Bytes, Bytes> = TableDefinition::new("rows");

    /// Keys, and how long their rows are.
    fn rows() -> impl Strategy<Value = BTreeMap<u16, usize>> {
        prop::collection::btree_map(0_u16..500, 0_usize..300, 0..200)
    }

    proptest! {
        #[test]
        fn rows_in_order_stand_as_if_they_had_been_put_one_by_one(
            commits in prop::collection::vec(rows(), 1..6),
        ) {
            let database = Database::builder().create_with_backend(InMemoryBackend::new()).unwrap();
            let mut expected = BTreeMap::new();
            for (nth, rows) in commits.into_iter().enumerate() {
                let row = |(key, len): (u16, usize)| (key.to_be_bytes(), vec![nth as u8; len]);
                let rows: Vec<_> = rows.into_iter().map(row).collect();
                let txn = database.begin_write().unwrap();
                let mut table = txn.open_table(TABLE).unwrap();
                put_in_order(&mut table, &rows).unwrap();
                expected.extend(rows);
                prop_assert_eq!(table.len().unwrap(), expected.len() as u64);
                for (row, expected) in table.iter().unwrap().zip(&expected) {
                    let (key, row) = row.unwrap();
                    prop_assert_eq!((key.value(), row.value()), (&expected.0[..], &**expected.1));
                }
                drop(table);
                txn.commit().unwrap();
            }
        }
    }
}
