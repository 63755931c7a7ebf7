//! Files to damage: a town's store, closed or as a crash left it, and an older state of the same file.

use std::ops::Range;
use std::sync::Arc;

use tidetable::{ManualClock, Options, Result, Span, Store};

use super::town::{
    Living, PATIOS_MIN, SLOTS, Town, UNSPEAKABLE, World, at, chart, page, plain, poster,
};
use crate::disk::{self, Disk};

/// A file, and what is known of it.
pub struct Image {
    pub name: &'static str,
    pub bytes: Vec<u8>,
    /// The same, for copies in which little is different.
    pub shared: disk::Image,
    /// The same file some changes earlier.
    pub older: Vec<u8>,
    pub known: Known,
    pub is_closed: bool,
}

/// What is known of the content of a file.
#[derive(Clone, Copy)]
pub struct Known {
    pub size: Size,
    /// What the built records in it were built from.
    pub kept: World,
    /// What the world was like in the end; all changes of it were acknowledged.
    pub was: World,
    /// Whether records may be missing for which nobody says a reason any more.
    pub may_lack: bool,
    /// Whether the last commit that was acknowledged may be gone without a word.
    pub may_be_older: bool,
}

/// How much there is in a store.
#[derive(Clone, Copy)]
pub struct Size {
    pub patios: u32,
    pub charts: u32,
}

impl Size {
    /// A patio of which a record was asked for and is not built yet.
    pub fn requested(self) -> u32 {
        self.patios + 4
    }

    /// Patios that a run has still to build.
    pub fn promised(self) -> Range<u32> {
        self.patios + 8..self.patios + 10
    }
}

/// The least that has all forms of pages: 64 KiB and more.
pub const SMALL: Size = Size { patios: PATIOS_MIN, charts: 0 };
/// Some MiB, with a dictionary.
pub const LARGE: Size = Size { patios: 1500, charts: 80 };

pub fn options() -> Options {
    Options {
        create: false,
        builders: 0,
        memory_bytes: 4 << 20,
        clock: Arc::new(ManualClock::new(at(SLOTS))),
        unsynced_age_max: Span::hours(1),
        ..Options::default()
    }
}

/// A store that was closed cleanly.
pub fn closed(size: Size) -> Result<Image> {
    grow(size, true, "closed")
}

/// The same at the moment its process died, when all that it had acknowledged was synced.
pub fn crashed(size: Size) -> Result<Image> {
    grow(size, false, "crashed")
}

fn grow(size: Size, close: bool, name: &'static str) -> Result<Image> {
    let disk = Disk::default();
    let first = World { buildings: [1; 4], heights: [10, 20, 30, 40], edition: 1 };
    let living = Arc::new(Living::new(&first));
    let store = Store::open_backend(disk.backend(), Options { create: true, ..options() })?;
    let town = Town::define(&store, &living)?;
    for (patio, height) in (0..).zip(first.heights) {
        town.heights.set(&patio, &height)?;
    }
    fill(&store, &town, size)?;
    put(&town, size)?;
    store.close()?;
    drop(town);
    let older = disk.bytes();

    let store = Store::open_backend(disk.backend(), options())?;
    let town = Town::define(&store, &living)?;
    // These changes are answered by building anew.
    living.rebuild(2);
    store.invalidate(("building", 2))?;
    town.heights.set(&1, &25)?;
    living.raise(1, 25);
    fill(&store, &town, size)?;
    living.print(2);
    put(&town, size)?;
    // What cannot be built is tried once.
    town.texts.request(&UNSPEAKABLE, at(1))?;
    while store.build_next()?.is_some_and(|worked| worked.failed.is_empty()) {}
    let kept = living.now();
    // And these are not.
    let shade = || {
        living.rebuild(1);
        store.invalidate(("building", 1))
    };
    town.heights.set(&2, &35)?;
    living.raise(2, 35);
    town.light.request(&size.requested(), at(2))?;
    town.light.precompute(size.promised(), page())?;
    if close {
        shade()?;
    }
    let finish = || {
        living.rebuild(3);
        if close { store.close() } else { Ok(()) }
    };
    // Of a store that closes meanwhile the announcement is left for the next opening.
    let ended = store.change(("building", 3), finish);
    if !close {
        ended??;
        store.sync()?;
        // The last thing that was acknowledged.
        shade()?;
    }
    let was = living.now();
    let (bytes, shared) = (disk.bytes(), disk.image());
    drop((store, town));
    let known = Known { size, kept, was, may_lack: false, may_be_older: false };
    Ok(Image { name, bytes, shared, older, known, is_closed: close })
}

fn fill(store: &Store, town: &Town, size: Size) -> Result<()> {
    for patio in 0..size.patios {
        town.light.fill(&patio, page())?.complete()?;
        reuse(store, size)?;
    }
    for patio in 0..size.patios / 2 {
        town.mean.fill(&patio, page())?.complete()?;
        town.texts.fill(&patio, page())?.complete()?;
        reuse(store, size)?;
    }
    Ok(())
}

/// What a commit frees is written anew after a sync: without them half of a small file is pages that
/// nobody reads.
fn reuse(store: &Store, size: Size) -> Result<()> {
    if size.charts == 0 { store.sync() } else { Ok(()) }
}

fn put(town: &Town, size: Size) -> Result<()> {
    let world = town.living.now();
    let places =
        || (0..size.patios / 3).flat_map(|patio| (0..SLOTS).map(move |slot| (patio, slot)));
    town.posters
        .put_many(places().map(|(patio, slot)| (patio, at(slot), poster(patio, slot, &world))))?;
    town.plain.put_many(places().map(|(patio, slot)| (patio, at(slot), plain(patio, slot))))?;
    town.charts.put_many((0..size.charts).map(|number| (number, at(0), chart(number))))?;
    Ok(())
}
