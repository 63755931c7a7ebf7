//! The types of a view: one number in the file, and words where a program brings others.

use std::any::type_name;

use super::shape::{RecordShape, RecordType, fingerprint_of, with_keys, without_paths};

/// The record type of a view and the type that its keys decode to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    shape: RecordShape,
    /// Their names, with paths.
    record_name: &'static str,
    entity_name: &'static str,
}

/// A record type that may be the one of the file.
#[derive(PartialEq, Eq)]
struct Candidate {
    name: String,
    size: usize,
    fingerprint: u64,
}

/// The types that a view was written with; `None` is one that has no name here.
struct FileTypes {
    record: Option<Candidate>,
    entity: Option<String>,
}

/// Entity types that a program is likely to have had.
const ENTITIES: [&str; 17] = [
    "u8", "u16", "u32", "u64", "u128", "i8", "i16", "i32", "i64", "i128", "bool", "char", "String",
    "Vec<u8>", "[u8; 16]", "[u8; 32]", "()",
];
/// The largest archived form of which it is tried whether a type had it.
const SIZE_MAX: usize = 4096;

impl Layout {
    /// Of records of `R` whose keys decode to `K`.
    pub(crate) fn of<R: RecordType, K>() -> Self {
        let (record_name, entity_name) = (type_name::<R>(), type_name::<K>());
        Self { shape: RecordShape::of::<R>(), record_name, entity_name }
    }

    /// What the file knows of both types.
    pub(crate) fn fingerprint(&self) -> u64 {
        with_keys(self.shape.fingerprint(), &self.entity())
    }

    /// Says which of these types are not those of the file, and what those are. The file has a number
    /// of both, and in each page one of the record type (`of_page`). Names have the definition of this
    /// opening that the number fits, and the types that a program is likely to have had: first of all
    /// its own of another size.
    pub(crate) fn differing(&self, file: u64, of_page: Option<u64>, live: Option<&Self>) -> String {
        let (record, entity) = (self.record(), self.entity());
        let known = live
            .filter(|live| live.fingerprint() == file)
            .map(|live| FileTypes { record: Some(live.record()), entity: Some(live.entity()) });
        let Some(had) = known.or_else(|| self.types_of_file(file, of_page)) else {
            return format!(
                "the record type or the entity type is not the one of the file; the program has \
                 records of `{}` ({} bytes archived) about `{entity}`",
                record.name, record.size,
            );
        };
        let of_records = match had.record {
            None => Some(format!("the record type in the file is another than `{}`", record.name)),
            Some(had) if had == record => None,
            Some(had) if had.name != record.name => Some(format!(
                "the record type in the file is `{}`, and the program's `{}`",
                had.name, record.name
            )),
            Some(had) if had.size != record.size => Some(format!(
                "the record type `{}` has {} bytes (archived) in the file, and {} in the program",
                had.name, had.size, record.size
            )),
            Some(had) => {
                Some(format!("the record type `{}` has other fields in the file", had.name))
            }
        };
        let of_entities = match had.entity {
            None => Some(format!("the entity type in the file is another than `{entity}`")),
            Some(had) if had == entity => None,
            Some(had) => Some(format!(
                "the entity type in the file is `{had}`, and the program's `{entity}`"
            )),
        };
        let told: Vec<String> = of_records.into_iter().chain(of_entities).collect();
        told.join("; ")
    }

    /// What a view was written with that has this number, and in a page that one.
    fn types_of_file(&self, file: u64, of_page: Option<u64>) -> Option<FileTypes> {
        let about = |record: u64| self.entities().find(|entity| with_keys(record, entity) == file);
        if let Some(of_page) = of_page {
            let record = self.records().find(|record| record.fingerprint == of_page);
            let entity = about(of_page);
            // Where nothing fits, the page may be damaged: then it tells nothing.
            return (record.is_some() || entity.is_some()).then_some(FileTypes { record, entity });
        }
        // Without a page only one of the two can be another.
        if let Some(entity) = about(self.shape.fingerprint()) {
            return Some(FileTypes { record: Some(self.record()), entity: Some(entity) });
        }
        let entity = self.entity();
        let fits = |record: &Candidate| with_keys(record.fingerprint, &entity) == file;
        let record = self.records().find(fits)?;
        Some(FileTypes { record: Some(record), entity: Some(entity) })
    }

    fn record(&self) -> Candidate {
        let (size, fingerprint) = (self.shape.size(), self.shape.fingerprint());
        Candidate { name: without_paths(self.record_name), size, fingerprint }
    }

    fn entity(&self) -> String {
        without_paths(self.entity_name)
    }

    fn entities(&self) -> impl Iterator<Item = String> {
        let pair = |first: &'static str| {
            ENTITIES.into_iter().map(move |second| format!("({first}, {second})"))
        };
        let known = ENTITIES.into_iter().map(str::to_owned);
        std::iter::once(self.entity()).chain(known).chain(ENTITIES.into_iter().flat_map(pair))
    }

    fn records(&self) -> impl Iterator<Item = Candidate> {
        fn of<R: RecordType>() -> Candidate {
            Layout::of::<R, ()>().record()
        }
        let numbers = [of::<u8>(), of::<u16>(), of::<u32>(), of::<u64>(), of::<i32>(), of::<i64>()];
        let others = [of::<f32>(), of::<f64>(), of::<bool>(), of::<String>(), of::<Vec<u8>>()];
        let name = without_paths(self.record_name);
        let forms = (0..=SIZE_MAX).flat_map(|size| {
            let aligns = [1, 2, 4, 8, 16].into_iter().filter(move |align| size % align == 0);
            aligns.flat_map(move |align| [true, false].map(|plain| (size, align, plain)))
        });
        let own = forms.map(move |(size, align, plain)| {
            let fingerprint = fingerprint_of(&name, size, align, plain);
            Candidate { name: name.clone(), size, fingerprint }
        });
        std::iter::once(self.record()).chain(own).chain(numbers).chain(others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(rkyv::Archive, rkyv::Serialize)]
    struct Sun(u32);

    mod before {
        #[derive(rkyv::Archive, rkyv::Serialize)]
        pub(super) struct Sun(pub(super) u64);
        #[derive(rkyv::Archive, rkyv::Serialize)]
        pub(super) struct Moon(pub(super) u64);
    }

    mod bytes {
        #[derive(rkyv::Archive, rkyv::Serialize)]
        pub(super) struct Sun(pub(super) [u8; 4]);
    }

    /// With a page in the file and without one.
    fn told<R: RecordType, K>() -> [String; 2] {
        let file = Layout::of::<R, K>();
        [Some(file.shape.fingerprint()), None].map(|of_page| program(&file, of_page, None))
    }

    /// What is said to a program with `Sun` about `u32`.
    fn program(file: &Layout, of_page: Option<u64>, live: Option<&Layout>) -> String {
        Layout::of::<Sun, u32>().differing(file.fingerprint(), of_page, live)
    }

    #[test]
    fn types_are_told_apart_and_named_as_far_as_the_file_knows_them() {
        let _ = (Sun(1).0, before::Sun(1).0, before::Moon(1).0, bytes::Sun([1; 4]).0);
        let larger =
            "the record type `Sun` has 8 bytes (archived) in the file, and 4 in the program";
        assert_eq!(told::<before::Sun, u32>(), [larger, larger]);
        let fields = "the record type `Sun` has other fields in the file";
        assert_eq!(told::<bytes::Sun, u32>(), [fields, fields]);
        let text = "the record type in the file is `String`, and the program's `Sun`";
        assert_eq!(told::<String, u32>(), [text, text]);
        let pair = "the entity type in the file is `(String, u32)`, and the program's `u32`";
        assert_eq!(told::<Sun, (String, u32)>(), [pair, pair]);
        let neither = "the record type or the entity type is not the one of the file; the program has \
                       records of `Sun` (4 bytes archived) about `u32`";
        let moon = "the record type in the file is another than `Sun`";
        assert_eq!(told::<before::Moon, u32>(), [moon, neither]);
        let triple = "the entity type in the file is another than `u32`";
        assert_eq!(told::<Sun, (u8, u8, u8)>(), [triple, neither]);
        let both = "the record type in the file is another than `Sun`; the entity type in the file is \
                    `u64`, and the program's `u32`";
        assert_eq!(told::<before::Moon, u64>(), [both, neither]);
        let damaged = program(&Layout::of::<before::Moon, u64>(), Some(7), None);
        assert_eq!(damaged, neither);
        let live = Layout::of::<before::Moon, u64>();
        let named = "the record type in the file is `Moon`, and the program's `Sun`; the entity type in \
                     the file is `u64`, and the program's `u32`";
        assert_eq!(program(&live, None, Some(&live)), named);
    }
}
