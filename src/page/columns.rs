//! Columns of as many numbers each, in one piece of memory.

use super::steps::{BEFORE, BLOCK, Window};
use super::unpack::unpack;

/// Numbers to be packed, with what their steps look back on before them and room for a whole last
/// block behind.
#[derive(Clone, Copy)]
pub(super) struct Column<'n> {
    padded: &'n [u32],
    pub(super) count: usize,
}

/// Columns beside each other, each with what is before it and behind.
#[derive(Debug, Default)]
pub(super) struct Columns {
    padded: Vec<u32>,
    count: usize,
}

impl Columns {
    /// Is a column for each of so many words of some rows from now on, of which there is at least one.
    pub(super) fn refill_by_rows<'r>(
        &mut self,
        rows: impl ExactSizeIterator<Item = &'r [u8]>,
        words: usize,
    ) {
        self.prepare(rows.len(), words);
        let each = self.each();
        for (nth, row) in rows.enumerate() {
            let places = self.padded.chunks_exact_mut(each).zip(row.as_chunks().0);
            places.for_each(|(column, word)| column[BEFORE + nth] = u32::from_le_bytes(*word));
        }
        self.pad_fronts();
    }

    /// Lets go of its room if it has more than so many bytes.
    pub(super) fn keep_at_most(&mut self, bytes: usize) {
        if self.padded.capacity() * size_of::<u32>() > bytes {
            *self = Self::default();
        }
    }

    /// One column.
    pub(super) fn of(numbers: impl ExactSizeIterator<Item = u32>) -> Self {
        let mut columns = Self::default();
        columns.refill(numbers);
        columns
    }

    /// Is one column of these numbers from now on.
    pub(super) fn refill(&mut self, numbers: impl ExactSizeIterator<Item = u32>) {
        let places = self.places(numbers.len()).iter_mut().zip(numbers);
        places.for_each(|(place, number)| *place = number);
        self.pad_fronts();
    }

    /// Is one column from now on, of so many numbers that are to be set.
    pub(super) fn places(&mut self, count: usize) -> &mut [u32] {
        self.prepare(count, 1);
        &mut self.padded[BEFORE..BEFORE + count]
    }

    /// So many columns that are all of `input`; `None` if these bytes are no such columns.
    pub(super) fn unpack(mut input: &[u8], count: usize, words: usize) -> Option<Self> {
        let mut columns = Self::default();
        columns.prepare(count, words);
        let each = columns.each();
        for column in columns.padded.chunks_exact_mut(each) {
            input = unpack(input, &mut column[BEFORE..])?;
            column[BEFORE + count..].fill(0);
        }
        columns.pad_fronts();
        input.is_empty().then_some(columns)
    }

    pub(super) fn column(&self, nth: usize) -> Column<'_> {
        Column::new(&self.padded[nth * self.each()..][..self.each()], self.count)
    }

    /// What each column takes.
    fn each(&self) -> usize {
        BEFORE + self.count.next_multiple_of(BLOCK)
    }

    /// Behind the numbers of each column there are zeros; where there were as many they still are.
    fn prepare(&mut self, count: usize, columns: usize) {
        assert!(count > 0, "a column has a number");
        let before = std::mem::replace(&mut self.count, count);
        let len = self.each() * columns;
        if (before, self.padded.len()) != (count, len) {
            self.padded.clear();
            self.padded.resize(len, 0);
        }
    }

    /// Before the first number of each stands the same.
    fn pad_fronts(&mut self) {
        let each = self.each();
        for column in self.padded.chunks_exact_mut(each) {
            let first = column[BEFORE];
            column[..BEFORE].fill(first);
        }
    }
}

impl<'n> Column<'n> {
    fn new(padded: &'n [u32], count: usize) -> Self {
        debug_assert_eq!(padded.len(), BEFORE + count.next_multiple_of(BLOCK));
        Self { padded, count }
    }

    pub(super) fn numbers(self) -> &'n [u32] {
        &self.padded[BEFORE..BEFORE + self.count]
    }

    /// Each block with what is before it, and how many numbers there are in it.
    pub(super) fn blocks(self) -> impl Iterator<Item = (&'n Window, usize)> {
        (0..self.count).step_by(BLOCK).map(move |at| {
            let window = self.padded[at..].first_chunk().expect("padded to whole blocks");
            (window, (self.count - at).min(BLOCK))
        })
    }
}
