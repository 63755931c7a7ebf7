//! Several writes as one: all of them are there, or none, however it ends.

use std::collections::{BTreeMap, BTreeSet};

use tidetable::report::WriteReport;
use tidetable::{Changes, ErrorKind, Timestamp, Writes};

use super::beside::{Beside, Tables, rate};
use super::expected::{Content, Expected};
use super::{Bytes, Run, at};

/// What was added to them. Of several for one bucket or key the last stays.
#[derive(Debug, Default)]
struct Parts {
    records: BTreeMap<(u8, i64), Content>,
    /// None where a value is removed.
    values: BTreeMap<u8, Option<Content>>,
    /// And whether it says that it was made from the rate.
    sums: BTreeMap<u8, (Content, bool)>,
    announced: BTreeSet<u8>,
    /// By others, since they began.
    announced_meanwhile: BTreeSet<u8>,
    asked_records: BTreeSet<(u8, i64)>,
    asked_sums: BTreeSet<u8>,
}

/// What their report says.
#[derive(Debug, Default, PartialEq)]
struct Told {
    changed: u64,
    removed: u64,
    requested: u64,
    stale: u64,
}

impl From<&WriteReport> for Told {
    fn from(report: &WriteReport) -> Self {
        let WriteReport { changed, removed, requested, .. } = *report;
        Self { changed, removed, requested, stale: report.invalidated.stale }
    }
}

impl Parts {
    /// All of it as one: records and values first, then what is announced, then what is asked for.
    fn apply(self, expected: &mut Expected, beside: &mut Beside, version: u32) -> Told {
        let mut told = Told::default();
        for (key, value) in self.values {
            let counted = if value.is_some() { &mut told.changed } else { &mut told.removed };
            *counted += u64::from(beside.set(key, value));
        }
        for ((entity, bucket), content) in self.records {
            let stood = expected.peek(entity, bucket).is_some_and(|(stood, _)| *stood == content);
            told.changed += u64::from(!stood);
            expected.put(entity, bucket, content, version);
        }
        for (key, (content, of_rate)) in self.sums {
            let is_stale = of_rate && self.announced_meanwhile.contains(&key);
            told.changed += u64::from(beside.put(key, content, of_rate, is_stale));
        }
        for key in self.announced {
            told.stale += beside.announce(key);
        }
        for (entity, bucket) in self.asked_records {
            told.requested += u64::from(expected.ask(entity, bucket));
        }
        for key in self.asked_sums {
            told.requested += u64::from(beside.ask(key));
        }
        told
    }
}

impl Run {
    pub(super) fn write_together(&mut self, bytes: &mut Bytes<'_>) {
        if self.tables.is_none() {
            self.tables = Some(Tables::of(&self.store));
        }
        if let Some((expected, beside)) = self.write_and_end(bytes) {
            // Whether that was committed is unknown: all of it is there, or nothing.
            self.open_again(self.disk.copy());
            if self.is_as(&expected, &beside) {
                (self.expected, self.beside) = (expected, beside);
            }
        }
        assert!(self.is_as(&self.expected, &self.beside), "part of several writes is there");
    }

    /// What else there may be if the disk has failed.
    fn write_and_end(&mut self, bytes: &mut Bytes<'_>) -> Option<(Expected, Beside)> {
        let (end, many) = (bytes.byte(), bytes.byte() % 12);
        let (store, mut parts) = (self.store.clone(), Parts::default());
        let mut writes = store.writes();
        for _ in 0..many {
            self.add(&mut writes, &mut parts, bytes);
        }
        match end % 8 {
            // Given up: nothing is written without a commit.
            4 => drop(writes),
            5 => {
                let overtaken = !parts.records.is_empty() || !parts.asked_records.is_empty();
                self.raise_version();
                if overtaken { self.refused(writes) } else { self.commit(&mut writes, parts) }
            }
            6 => {
                let doomed = store.view::<u8, Vec<u8>>("doomed").without_build();
                let doomed = doomed.expect("a new view");
                writes.put(&doomed, &0, Timestamp::EPOCH, &vec![end]).expect("a put");
                assert!(store.delete_view("doomed").expect("a deletion"));
                self.refused(writes);
            }
            7 => {
                // So that a crash takes back nothing of what was there before.
                store.sync().expect("a sync");
                self.disk.fail_after(u32::from(end / 8));
                let written = writes.commit();
                let (mut expected, mut beside) = (self.expected.clone(), self.beside.clone());
                let told = parts.apply(&mut expected, &mut beside, self.version);
                let Ok(report) = written else { return Some((expected, beside)) };
                self.disk.recover();
                assert_eq!(Told::from(&report), told);
                (self.expected, self.beside) = (expected.clone(), beside.clone());
                // What was acknowledged stays, also if what the writer did by himself has failed.
                if store.sync().is_err() {
                    return Some((expected, beside));
                }
            }
            _ => {
                self.commit(&mut writes, parts);
                // What was committed is not committed again.
                assert_eq!(Told::from(&writes.commit().expect("nothing")), Told::default());
            }
        }
        None
    }

    fn commit(&mut self, writes: &mut Writes<'_>, parts: Parts) {
        let report = writes.commit().expect("several writes");
        let told = parts.apply(&mut self.expected, &mut self.beside, self.version);
        assert_eq!(Told::from(&report), told);
    }

    /// They are refused: one of the views is not what it was when something was added for it.
    fn refused(&mut self, mut writes: Writes<'_>) {
        // Once more is the same, as long as nothing is added.
        for _ in 0..2 {
            let refused = writes.commit().map_err(|error| error.kind());
            assert!(matches!(refused, Err(ErrorKind::Definition)), "{refused:?}");
            assert!(self.is_as(&self.expected, &self.beside), "part of what was refused is there");
        }
        // What was refused is given up, and in the way of nothing.
        let parts = Parts { values: [(0, Some(vec![7]))].into(), ..Parts::default() };
        writes.set(&self.tables().values, &0, &vec![7]).expect("a value");
        self.commit(&mut writes, parts);
    }

    /// Adds one part, or does something beside them while they are not committed.
    fn add(&mut self, writes: &mut Writes<'_>, parts: &mut Parts, bytes: &mut Bytes<'_>) {
        let Tables { values, sums } = self.tables();
        let (kind, key) = (bytes.byte() % 16, bytes.entity());
        match kind {
            0..=2 => {
                let (bucket, content) = (bytes.bucket(), bytes.content());
                writes.put(&self.view, &key, at(bucket), &content).expect("a put");
                parts.records.insert((key, bucket), content);
            }
            3 | 4 => {
                let content = bytes.content();
                writes.set(&values, &key, &content).expect("a value");
                parts.values.insert(key, Some(content));
            }
            5 => {
                writes.remove(&values, &key).expect("a removal");
                parts.values.insert(key, None);
            }
            6 | 7 => {
                let (content, of_rate) = (bytes.content(), kind == 7);
                let sources = of_rate.then(|| rate(key));
                let put = writes.put_depending(&sums, &key, Timestamp::EPOCH, &content, sources);
                put.expect("a put");
                parts.sums.insert(key, (content, of_rate));
            }
            8 => {
                writes.invalidate(rate(key)).expect("an announcement");
                parts.announced.insert(key);
            }
            9 => {
                let other = bytes.entity();
                let changes = Changes::new().source(rate(key)).source(rate(other));
                writes.invalidate_all(&changes).expect("announcements");
                parts.announced.extend([key, other]);
            }
            10 => {
                let bucket = bytes.bucket();
                writes.request(&self.view, &key, at(bucket)).expect("a request");
                parts.asked_records.insert((key, bucket));
            }
            11 => {
                writes.request(&sums, &key, Timestamp::EPOCH).expect("a request");
                parts.asked_sums.insert(key);
            }
            12 => {
                // What is refused at once leaves the others as they are.
                let refused = match key % 2 {
                    0 => writes.invalidate(("", u32::from(key))).map(drop),
                    _ => writes.invalidate_all(&Changes::new().view("nothing")).map(drop),
                };
                let kind = if key % 2 == 0 { ErrorKind::Input } else { ErrorKind::Absent };
                assert_eq!(refused.expect_err("it cannot be").kind(), kind);
            }
            13 => {
                self.store.invalidate(rate(key)).expect("an announcement");
                self.beside.announce(key);
                parts.announced_meanwhile.insert(key);
            }
            14 => {
                let content = bytes.content();
                let changed = values.set(&key, &content).expect("a value");
                assert_eq!(changed, self.beside.set(key, Some(content)));
            }
            _ => {
                let sum = sums.get(&key, Timestamp::EPOCH).expect("a sum");
                assert!(sum.is_fresh());
                assert_eq!(sum.as_slice(), self.beside.get(key));
            }
        }
    }

    fn tables(&self) -> Tables {
        self.tables.clone().expect("they are there since the first of several writes")
    }
}
