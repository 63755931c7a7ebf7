//! Names of views and inputs, and how many views there are.

use tidetable::{Store, Timestamp};

use super::place::{Place, ensure, hold, refused};
use crate::round::Round;

const AT: Timestamp = Timestamp::EPOCH;
const MOST: usize = 255;

pub fn lengths(round: &Round<'_>) {
    // The last is of letters of two bytes each, and one more.
    let names = [1, MOST - 1, MOST].map(|len| ("n".repeat(len), true)).into_iter();
    let names = names.chain([("ö".repeat(127) + "n", true), ("ö".repeat(128), false)]);
    let names = names.chain([(String::new(), false), ("n".repeat(MOST + 1), false)]);
    let names = names.chain([("\0".to_owned(), false), ("a\0b".to_owned(), false)]);
    for (name, may) in names.chain([("n".repeat(1 << 20), false)]) {
        let shown = format!("a name of {} bytes, {:?}", name.len(), name.chars().next());
        hold(round, shown, || {
            let place = Place::still()?;
            let store = place.open()?;
            let view = |store: &Store| store.view::<u32, u64>(&name).without_build();
            if !may {
                refused(view(&store), &["255"])?;
                refused(store.input::<u32, u64>(&name), &["255"])?;
                ensure(store.views()?.is_empty(), || "it is in the file".to_owned())?;
                return ensure(!store.delete_view(&name)?, || "it was deleted".to_owned());
            }
            view(&store)?.put(&1, AT, &7)?;
            store.input::<u32, u64>(&format!("{}i", &name[..name.len() - 1]))?.set(&1, &8)?;
            let store = place.reopen(store)?;
            ensure(view(&store)?.get(&1, AT)?.to_native() == 7, || "another record".to_owned())?;
            let listed = store.views()?.iter().filter(|info| info.name == name).count();
            ensure(listed == 1, || "it is not listed".to_owned())?;
            ensure(store.delete_view(&name)?, || "it was not deleted".to_owned())?;
            let store = place.reopen(store)?;
            ensure(view(&store)?.peek(&1, AT)?.is_none(), || "it came back".to_owned())
        });
    }
}

/// Nobody limits how many views there are: many, half of them deleted, and as many anew.
pub fn many_views(round: &Round<'_>) {
    const VIEWS: u32 = 300;
    hold(round, format!("{VIEWS} views"), || {
        let place = Place::still()?;
        let store = place.open()?;
        let name = |number: u32| format!("view {number}");
        for number in 0..VIEWS {
            store.view::<u32, u32>(&name(number)).without_build()?.put(&number, AT, &number)?;
        }
        let store = place.reopen(store)?;
        ensure(store.views()?.len() == VIEWS as usize, || "another number".to_owned())?;
        for number in (0..VIEWS).step_by(2) {
            ensure(store.delete_view(&name(number))?, || format!("{number} was not there"))?;
        }
        for number in VIEWS..2 * VIEWS {
            store.view::<u32, u32>(&name(number)).without_build()?.put(&number, AT, &number)?;
        }
        let store = place.reopen(store)?;
        while store.build_next()?.is_some() {}
        for number in 0..2 * VIEWS {
            let there = number >= VIEWS || number % 2 == 1;
            let listed = store.views()?.len();
            ensure(listed >= VIEWS as usize, || format!("{listed} are left"))?;
            if there {
                let view = store.view::<u32, u32>(&name(number)).without_build()?;
                ensure(view.get(&number, AT)?.to_native() == number, || format!("{number}"))?;
                ensure(view.entities().count() == 1, || format!("{number} has others"))?;
            } else {
                let view = store.view::<u32, u32>(&name(number)).without_build()?;
                ensure(view.entities().count() == 0, || format!("{number} came back"))?;
            }
        }
        store.close()?;
        Ok(())
    });
}
