//! What lies beside the records, in tables of its own: values that are set, and sums that are built from
//! them and from a rate outside, or put. They are there from the first of several writes on.

use std::collections::{BTreeMap, BTreeSet};

use tidetable::{Input, Store, Timestamp, View};

use super::expected::Content;

/// Of a key, like what it is the rate for.
pub(crate) fn rate(key: u8) -> (&'static str, u32) {
    ("rate", u32::from(key))
}

/// What the build function makes of a key's value.
fn summed(key: u8, value: Option<&[u8]>) -> Content {
    [&[key][..], value.unwrap_or_default()].concat()
}

/// The tables of an open store.
#[derive(Clone)]
pub(crate) struct Tables {
    pub(crate) values: Input<u8, Vec<u8>>,
    pub(crate) sums: View<u8, Vec<u8>>,
}

impl Tables {
    pub(crate) fn of(store: &Store) -> Self {
        let values = store.input::<u8, Vec<u8>>("values").expect("an input");
        let read = values.clone();
        let sums = store.view("sums").build(move |context, key: &u8, _| {
            context.depends_on(rate(*key));
            let value = context.input(&read, key)?;
            Ok(summed(*key, value.as_ref().map(|value| value.as_slice())))
        });
        Self { values, sums: sums.expect("a view") }
    }

    /// Whether all of them, and nothing else, is there as it is expected.
    pub(crate) fn are_as(&self, expected: &Beside) -> bool {
        (0..4).all(|key| {
            let value = self.values.get(&key).expect("a value").map(|it| it.as_slice().to_vec());
            let sum = self.sums.peek(&key, Timestamp::EPOCH).expect("a look");
            let sum = sum.map(|sum| (sum.as_slice().to_vec(), !sum.is_fresh()));
            let pending = self.sums.pending(&key, Timestamp::EPOCH).expect("a look");
            let asked = match expected.sums.get(&key) {
                // Marked ones are to be built whoever asks.
                Some(sum) => sum.is_stale,
                None => expected.asked.contains(&key),
            };
            let expected_sum = expected.sums.get(&key).map(|it| (it.content.clone(), it.is_stale));
            value.as_ref() == expected.values.get(&key)
                && sum == expected_sum
                && pending.is_some() == asked
        })
    }
}

#[derive(Clone, Debug)]
struct Sum {
    content: Content,
    is_stale: bool,
    reads_value: bool,
    reads_rate: bool,
}

/// The model of the tables: maps.
#[derive(Clone, Debug, Default)]
pub(crate) struct Beside {
    values: BTreeMap<u8, Content>,
    sums: BTreeMap<u8, Sum>,
    /// Sums that are not there and were asked for.
    asked: BTreeSet<u8>,
}

impl Beside {
    /// Sets or removes a value. Whether that changes anything.
    pub(crate) fn set(&mut self, key: u8, value: Option<Content>) -> bool {
        let before = match value.clone() {
            Some(value) => self.values.insert(key, value),
            None => self.values.remove(&key),
        };
        let changed = before != value;
        if let Some(sum) = self.sums.get_mut(&key) {
            sum.is_stale |= changed && sum.reads_value;
        }
        changed
    }

    /// A rate has changed. How many sums were right and are stale now.
    pub(crate) fn announce(&mut self, key: u8) -> u64 {
        let Some(sum) = self.sums.get_mut(&key).filter(|sum| sum.reads_rate) else { return 0 };
        u64::from(!std::mem::replace(&mut sum.is_stale, true))
    }

    /// Puts a sum. Whether it differs from what was there.
    pub(crate) fn put(&mut self, key: u8, content: Content, of_rate: bool, is_stale: bool) -> bool {
        self.store(key, Sum { content, is_stale, reads_value: false, reads_rate: of_rate })
    }

    /// What a read that builds returns.
    pub(crate) fn get(&mut self, key: u8) -> &[u8] {
        if self.sums.get(&key).is_none_or(|sum| sum.is_stale) {
            let content = summed(key, self.values.get(&key).map(|value| &**value));
            self.store(key, Sum { content, is_stale: false, reads_value: true, reads_rate: true });
        }
        &self.sums[&key].content
    }

    /// Asks for a sum. Whether nobody had, and it is not there.
    pub(crate) fn ask(&mut self, key: u8) -> bool {
        !self.sums.contains_key(&key) && self.asked.insert(key)
    }

    fn store(&mut self, key: u8, sum: Sum) -> bool {
        self.asked.remove(&key);
        let content = sum.content.clone();
        self.sums.insert(key, sum).is_none_or(|before| before.content != content)
    }
}
