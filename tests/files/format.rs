//! Files of the formats that releases have written open ever after, and read as they did; what is
//! of no format of this release is refused with what to do.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::common::still;
use crate::common::unsealed::{edit, seal_as_later};
use redb::{ReadableTable, TableDefinition};
use tempfile::TempDir;
use tidetable::{
    ErrorKind, Freshness, Layer, ManualClock, Marked, Missing, Options, RecordType, Store, View,
};

#[path = "../fixtures/content.rs"]
mod content;

use content::{DAYS, FILLED_AT, KEPT_CHARTS, OLD_PATIO, PARKS, PATIOS, WRITTEN_AT};

type Bytes = TableDefinition<'static, &'static [u8], &'static [u8]>;
const META: Bytes = TableDefinition::new("meta");
const PAGES: Bytes = TableDefinition::new("pages");

/// The committed file, where it may be written.
fn fixture() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("format-1.tide");
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/format-1.tide");
    fs::copy(committed, &path).unwrap();
    (folder, path)
}

fn open(path: &Path) -> Store {
    let options = Options { clock: Arc::new(ManualClock::new(WRITTEN_AT)), ..still::options() };
    Store::open_with(path, options).unwrap()
}

/// The view as its file has it: nothing is built.
fn as_stored<E: tidetable::key::EntityKey + ?Sized, R: RecordType>(
    view: &View<E, R>,
) -> View<E, R> {
    view.when_missing(Missing::Miss).when_marked(Marked::Serve)
}

#[test]
fn every_record_and_fact_of_a_format_1_file_reads_as_it_was_written() {
    let (_folder, path) = fixture();
    let store = open(&path);
    let names: Vec<_> = store.views().unwrap().into_iter().map(|v| (v.name, v.version)).collect();
    let expected = [("charts", 1), ("sun_exposure", 2), ("visits", 1)];
    assert_eq!(names, expected.map(|(name, version)| (name.to_owned(), version)));

    let exposures = as_stored(&content::exposures(&store, 2).unwrap());
    for patio in [OLD_PATIO, PATIOS[0], PATIOS[1]] {
        let version = if patio == OLD_PATIO { 1 } else { 2 };
        let timeline = exposures.range(&patio, content::stretch()).unwrap();
        assert_eq!(timeline.len(), 12);
        for (bucket, record) in timeline {
            let written = content::exposure(version, patio, bucket.start());
            let read = (record.percent, record.elevation.to_native(), &*record.sunlit);
            assert_eq!(read, (written.percent, written.elevation, &*written.sunlit));
            assert_eq!(record.note.as_deref(), written.note.as_deref());
            let freshness = if version == 2 { Freshness::Fresh } else { Freshness::OldVersion };
            assert_eq!((record.freshness(), record.version()), (freshness, version));
            assert_eq!(record.built_at(), if version == 2 { WRITTEN_AT } else { FILLED_AT });
            assert!(!record.was_put() && record.layer() != Layer::Build);
            assert!(record.revision().get() > 0 && record.changed_at() == record.revision());
        }
        assert!(exposures.range(&9, content::stretch()).unwrap().is_empty());
    }

    let visits = content::visits(&store).unwrap();
    for (park, day) in PARKS.iter().flat_map(|park| (0..DAYS).map(move |day| (*park, day))) {
        let record = visits.get(park, content::midday(day)).unwrap();
        assert_eq!(*record, content::visited(park, day));
        assert!(record.was_put() && record.is_fresh() && record.build_time().is_zero());
        assert_eq!(record.built_at(), WRITTEN_AT);
    }
    // The day on which the clocks are set forward.
    let short = visits.get(PARKS[1], content::midday(0)).unwrap().bucket();
    assert_eq!(short.end().since(short.start()), tidetable::Span::hours(23));

    let charts = content::charts(&store).unwrap();
    for number in KEPT_CHARTS {
        let record = charts.get(&content::chart_key(number), WRITTEN_AT).unwrap();
        assert_eq!(record.as_str(), content::chart(number));
    }
    assert!(charts.peek(&content::chart_key(0), WRITTEN_AT).unwrap().is_none());
    assert!(store.last_damage().is_none());
    store.close().unwrap();
}

#[test]
fn the_fixture_has_pages_with_and_without_compression_and_dictionary() {
    let (_folder, path) = fixture();
    let (mut plain, mut compressed, mut with_dictionary) = (0, 0, 0);
    edit(&path, |txn| {
        for page in txn.open_table(PAGES).unwrap().iter().unwrap() {
            let page = page.unwrap().1;
            let header = page.value();
            *match (header[6], header[32]) {
                (0, 0) => &mut plain,
                (1, 0) => &mut compressed,
                (1, 1) => &mut with_dictionary,
                other => panic!("{other:?}"),
            } += 1;
        }
    });
    assert!(plain > 0 && compressed > 0 && with_dictionary > 0);
}

#[test]
fn a_file_of_another_format_is_foreign_untouched_and_says_what_to_do() {
    let (_folder, path) = fixture();
    edit(&path, |txn| {
        let format = 2u32.to_le_bytes();
        txn.open_table(META).unwrap().insert(b"format".as_slice(), format.as_slice()).unwrap();
    });
    let before = fs::read(&path).unwrap();
    let error = still::open(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Foreign);
    let message = error.to_string();
    assert!(message.contains("format 2") && message.contains("format 1"), "{message}");
    assert!(message.contains("use the release that wrote it"), "{message}");
    assert!(message.contains("format-1.tide"), "{message}");
    assert!(before == fs::read(&path).unwrap(), "the file was touched");
}

#[test]
fn a_page_of_a_later_format_counts_as_damaged_says_what_to_do_and_leaves_the_others() {
    let (_folder, path) = fixture();
    edit(&path, |txn| {
        let mut pages = txn.open_table(PAGES).unwrap();
        let found = pages.iter().unwrap().map(|page| {
            let (key, page) = page.unwrap();
            (key.value().to_vec(), page.value().to_vec())
        });
        // The last patio's pages: their key ends in the page's number, before it the patio.
        let mut found: Vec<_> = found
            .filter(|(key, _)| key.len() == 16 && key[4..8] == PATIOS[1].to_be_bytes())
            .collect();
        assert_eq!(found.len(), 2);
        for (key, page) in &mut found {
            page[4] = 2;
            seal_as_later(key, page);
            pages.insert(&**key, &**page).unwrap();
        }
    });
    let store = open(&path);
    let exposures = content::exposures(&store, 2).unwrap();
    let error = exposures.peek(&PATIOS[1], content::START).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged);
    let message = error.to_string();
    assert!(message.contains("format 2") && message.contains("sun_exposure"), "{message}");
    assert!(message.contains("use the release that wrote it"), "{message}");
    assert!(exposures.peek(&PATIOS[0], content::START).unwrap().unwrap().is_fresh());
    // It counts as missing: a read that may build does.
    let record = exposures.get(&PATIOS[1], content::START).unwrap();
    assert_eq!(record.layer(), Layer::Build);
}

#[test]
fn another_record_type_is_refused_by_its_fingerprint_until_the_version_is_raised() {
    let (_folder, path) = fixture();
    let store = open(&path);
    let visits = |version| {
        let grid = tidetable::Grid::daily("Europe/Stockholm");
        store.view::<str, i64>("visits").grid(grid).version(version).without_build()
    };
    let error = visits(1).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Definition);
    let message = error.to_string();
    assert!(
        message.contains("record type") && message.contains("raise the version to 2"),
        "{message}"
    );
    assert_eq!(*content::visits(&store).unwrap().get("", content::midday(1)).unwrap(), 1);
    let afresh = visits(2).unwrap();
    assert!(afresh.peek("", content::midday(1)).unwrap().is_none());
}
