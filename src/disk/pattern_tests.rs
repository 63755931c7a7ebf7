//! Pages on their way into the file beside patterns that it has not, or has another of.

use redb::{ReadableDatabase, ReadableTable};

use crate::disk::operation::Operation;
use crate::disk::operations::{KeepDictionary, Mend, Part, StoreRecords};
use crate::disk::tables::DICTIONARIES;
use crate::disk::{FindingKind, Speed, ViewState, verify};
use crate::grid::{Grid, PageNumber};
use crate::options::Options;
use crate::page::{Facts, Origin, Page, PageBuilder, PageKey, Pattern, Slot, serialize};
use crate::rebuild::Engine;
use crate::revision::Revision;
use crate::sync::Arc;
use crate::time::Timestamp;
use crate::view::{View, ViewDefinition};

type Light = [u32; 4];

const SLOTS: u32 = 16;
const TIME: PageNumber = PageNumber(3);

fn light(entity: u32, slot: u32) -> Light {
    let sun = slot.wrapping_mul(0x9E37_79B9).rotate_left(slot);
    [sun, sun ^ (entity % 4), entity, !sun]
}

struct World {
    engine: Arc<Engine>,
    view: View<u32, Light>,
    state: Arc<ViewState>,
}

impl World {
    fn new() -> Self {
        let options = Options { builders: 0, ..Options::default() };
        let engine = Arc::new(Engine::in_memory(options).unwrap());
        let definition = ViewDefinition::<u32, Light>::new(engine.clone(), "light");
        let definition = definition.grid(Grid::minutes(1)).page_len(SLOTS);
        let view = definition.build(|_, _, _| Err("it is stored".into())).unwrap();
        let state = engine.shared().views.get(engine.view_id("light").unwrap()).unwrap();
        Self { engine, view, state }
    }

    fn page(&self, entity: u32) -> Page {
        let mut page = PageBuilder::new(SLOTS, *self.state.shape());
        let facts = Facts {
            begun: self.engine.shared().published(),
            verified: Revision::ZERO,
            changed: Revision::ZERO,
            built_at: Timestamp::EPOCH,
            fresh_until: Timestamp::MAX,
            version: self.state.version(),
            dependencies: 0,
        };
        for slot in 0..SLOTS {
            let record = serialize(&light(entity, slot)).unwrap();
            page.add(Slot(slot), Origin::Built, facts, 0, &record).unwrap();
        }
        page.finish()
    }

    fn pattern(&self, entity: u32) -> Pattern {
        Pattern::of(&self.page(entity), TIME).unwrap()
    }

    /// The page of an entity, packed beside a pattern.
    fn part(&self, entity: u32, pattern: &Pattern) -> Part {
        let page = self.page(entity);
        let body = self.state.packing().store_body_beside(&page, Some(pattern));
        assert!(body.pattern().is_some(), "it has something of the pattern");
        let key = PageKey::new(self.state.id(), &entity, TIME);
        Part { key, page: Some(page), body: Some(Arc::new(body)), readings: Vec::new() }
    }

    fn storing(&self, parts: Vec<Part>, speed: Speed, wanted: bool) -> StoreRecords {
        let (view, now) = (self.state.clone(), Timestamp::EPOCH);
        StoreRecords { view, parts, speed, wanted, now, room: Vec::new() }
    }

    /// In one transaction.
    fn store(&self, parts: Vec<Part>) {
        let store = self.storing(parts, Speed::Derived, false);
        self.engine.writer().unwrap().run(store).unwrap();
    }

    /// What the file has under the ids of dictionaries and patterns, in order.
    fn aids(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let aids = self.engine.shared().file.with_database(|database| {
            let txn = database.begin_read().unwrap();
            let table = txn.open_table(DICTIONARIES).unwrap();
            let rows = table.iter().unwrap().map(Result::unwrap);
            Ok(rows.map(|(key, row)| (key.value().to_vec(), row.value().to_vec())).collect())
        });
        aids.unwrap()
    }

    /// Spoils each of them behind the engine's back.
    fn spoil_aids(&self) {
        let aids = self.aids();
        let spoilt = self.engine.shared().file.with_database(|database| {
            let txn = database.begin_write().unwrap();
            let mut table = txn.open_table(DICTIONARIES).unwrap();
            for (key, _) in aids {
                table.insert(&*key, &[1, 2, 3][..]).unwrap();
            }
            drop(table);
            txn.commit().unwrap();
            Ok(())
        });
        spoilt.unwrap();
    }

    fn reads(&self, entity: u32) {
        for slot in 0..SLOTS {
            let minute = TIME.0 * i64::from(SLOTS) + i64::from(slot);
            let found = self.view.peek(&entity, Timestamp::from_seconds(minute * 60)).unwrap();
            let record = found.unwrap_or_else(|| panic!("{entity} has lost slot {slot}"));
            assert_eq!(record.map(|number| number.to_native()), light(entity, slot));
        }
    }
}

#[test]
fn what_is_stored_weighs_what_it_holds_and_is_waited_for_where_it_is_wanted_or_put() {
    let (world, none) = (World::new(), Vec::new);
    let pattern = world.pattern(1);
    let parts = || (1..=3).map(|entity| world.part(entity, &pattern)).collect();
    let storing = world.storing(parts(), Speed::Derived, false);
    assert!(storing.weight() >= 3 * SLOTS as usize * size_of::<Light>(), "three pages of records");
    for (speed, wanted, is_patient) in [
        (Speed::Derived, false, true),
        (Speed::Derived, true, false),
        (Speed::Synced, false, false),
        (Speed::Synced, true, false),
    ] {
        let storing = world.storing(none(), speed, wanted);
        assert_eq!(storing.is_patient(), is_patient, "{speed:?}, {wanted}");
    }
}

#[test]
fn two_patterns_of_one_time_in_one_transaction_end_as_one() {
    let world = World::new();
    let (one, other) = (world.pattern(1), world.pattern(2));
    assert_eq!(one.id(), other.id());
    let parts = vec![world.part(10, &one), world.part(11, &other), world.part(12, &one)];
    world.store(parts);
    (10..13).for_each(|entity| world.reads(entity));
}

#[test]
fn a_pattern_that_was_forgotten_gives_way_to_the_one_in_the_file() {
    let world = World::new();
    let (one, other) = (world.pattern(1), world.pattern(2));
    world.store(vec![world.part(10, &one)]);
    world.store(vec![world.part(11, &other)]);
    world.store(vec![world.part(12, &other), world.part(13, &one)]);
    (10..14).for_each(|entity| world.reads(entity));
    let again = world.state.packing().patterns().suggest(TIME, b"another", &world.page(14));
    assert!(again.is_some_and(|pattern| pattern.is(&one)));
}

#[test]
fn a_dictionary_or_pattern_whose_row_is_damaged_is_written_anew_from_memory() {
    let world = World::new();
    let one = world.pattern(1);
    world.store(vec![world.part(10, &one)]);
    let (view, bytes) = (world.state.clone(), b"sun and shade and sun again".repeat(20));
    let writer = world.engine.writer().unwrap();
    let id = writer.run(KeepDictionary { view, bytes: bytes.clone() }).unwrap();
    world.state.packing().use_dictionary(id, &bytes).unwrap();
    // Either way that one is known: it was suggested for pages, or a page was read that names it.
    world.state.packing().patterns().found(TIME, Some(one));
    let whole = world.aids();
    assert_eq!(whole.len(), 2);
    world.spoil_aids();
    assert_ne!(world.aids(), whole);
    let shared = world.engine.shared();
    let found = verify(shared, None, &mut |_| ()).unwrap();
    let kinds: Vec<_> = found.findings.iter().map(|found| (found.kind, found.table)).collect();
    // Until the pattern's row is whole nobody who reads the page from the file can use it.
    let row = (FindingKind::Row, "dictionaries");
    assert_eq!(kinds, [row, row, (FindingKind::Page, "pages")], "{found}");
    let mender = |subjects| writer.run(Mend { subjects });
    let mended = verify(shared, Some(&mender), &mut |_| ()).unwrap();
    assert_eq!((mended.found, mended.repaired), (2, 2), "{mended}");
    assert_eq!(world.aids(), whole);
    assert!(verify(shared, None, &mut |_| ()).unwrap().is_clean());
    world.reads(10);
}
