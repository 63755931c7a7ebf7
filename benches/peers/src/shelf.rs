//! All engines with all records, and the proof that they hold the same.

use std::fs;
use std::path::Path;

use crate::args::Args;
use crate::bench::memory_for;
use crate::data::Data;
use crate::engine::{Engine, FileEngine, Reader, file_peers, memory_peers};
use crate::key::{Key, SLOTS};
use crate::record::touch_bytes;

/// All engines with all records.
pub struct Shelf {
    memory: Vec<Box<dyn Engine>>,
    files: Vec<Box<dyn FileEngine>>,
}

impl Shelf {
    /// Loads all that are asked for, and panics if one of them answers otherwise than it should.
    pub fn load(args: &Args, data: &Data, folder: &Path) -> Self {
        let memory = memory_peers().into_iter().filter(|peer| args.runs(peer.name));
        let memory: Vec<_> = memory.map(|peer| (peer.load)(data)).collect();
        let files = file_peers().into_iter().filter(|peer| args.runs(peer.name));
        let files = files.map(|peer| {
            let folder = folder.join(peer.name);
            fs::create_dir_all(&folder).expect("a folder");
            let engine = (peer.open)(&folder, memory_for(data));
            engine.load(data);
            engine
        });
        let shelf = Self { files: files.collect(), memory };
        shelf.all().iter().for_each(|engine| check(*engine, data));
        shelf
    }

    /// Those with files first.
    pub fn all(&self) -> Vec<&dyn Engine> {
        let files = self.files.iter().map(|engine| -> &dyn Engine { engine.as_ref() });
        files.chain(self.memory.iter().map(AsRef::as_ref)).collect()
    }

    /// Those whose name passes.
    pub fn some(&self, wanted: impl Fn(&str) -> bool) -> Vec<&dyn Engine> {
        self.all().into_iter().filter(|engine| wanted(engine.name())).collect()
    }
}

/// Compares every record, and some timelines and lists, with what was stored.
pub fn check(engine: &dyn Engine, data: &Data) {
    let name = engine.name();
    engine.read(&mut |reader: &mut dyn Reader| {
        for nth in data.all() {
            let found = reader.record(Key::nth(nth));
            assert!(found == Some(*data.bytes(nth)), "{name} holds something else as record {nth}");
            if nth % 13 == 0 {
                let seen = reader.get(Key::nth(nth));
                assert_eq!(seen, Some(data.record(nth).touch()), "{name} shows record {nth}");
            }
        }
        for entity in (0..data.entities()).step_by(7) {
            let slots = 48..121;
            let expected = slots.clone().fold(0_u64, |sum, slot| {
                sum.wrapping_add(touch_bytes(data.bytes(entity * SLOTS + slot)))
            });
            assert_eq!(reader.timeline(entity, slots), expected, "{name}: timeline of {entity}");
        }
        let entities: Vec<u32> = (0..data.entities()).collect();
        let expected = entities
            .iter()
            .fold(0_u64, |sum, entity| sum.wrapping_add(data.record(entity * SLOTS + 60).touch()));
        assert_eq!(reader.many(&entities, 60), expected, "{name}: many entities");
        let absent = Key::at(data.entities() + 3, 5);
        assert_eq!(reader.get(absent), None, "{name} has what was never stored");
        assert_eq!(reader.misses(&[absent, Key::nth(0)]), 1, "{name}: misses");
    });
}
