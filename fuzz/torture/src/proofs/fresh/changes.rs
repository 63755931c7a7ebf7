//! Threads that change what builds read, and threads that do to records whatever else can be done.

use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::Duration;

use tidetable::{Changes, Refresh, View};

use super::midst::change_in_the_midst;
use super::opening::{Ended, Opening};
use super::plan::Plan;
use super::reader::Reader;
use super::versions::Versions;
use super::views::{BUCKETS, ENTITIES, FORGOTTEN, INPUT_FIELD, KINDS, Source, all, at, family};
use crate::disk::Random;

/// So many threads change and announce.
pub const ANNOUNCERS: u64 = 2;

/// Lets a thread go on when readers have read enough. `None` when it is to end.
fn pace(opening: &Opening, next: &mut u64, reads: u64) -> Option<()> {
    loop {
        if opening.is_over() {
            return None;
        }
        let now = opening.reads();
        if now >= *next {
            *next = now + reads;
            return Some(());
        }
        thread::sleep(Duration::from_micros(200));
    }
}

/// Changes things, announces them, and notes when that was answered. Where loads can be held up each is
/// made in the midst of one.
pub fn announce(opening: &Opening, plan: &Plan, (life, number): (u64, u64)) {
    let (mut next, thread) = (0, 1 << 16 | number);
    let mut random = plan.random(life, thread);
    while pace(opening, &mut next, plan.reads_per_change).is_some() {
        let family = random.below(opening.families.len() as u64);
        let field = random.below(3) as u32;
        opening.changing.store(family, Relaxed);
        let make = |random: &mut Random| change(opening, (family, field), random);
        let made = if plan.holds_up() {
            let reader = Reader::new(opening, plan, life, thread << 16 | random.below(1 << 16));
            let load = || reader.read_what_changes(family, field);
            change_in_the_midst(load, || make(&mut random))
        } else {
            make(&mut random)
        };
        if made.is_err() {
            return;
        }
        opening.changes.fetch_add(1, Relaxed);
    }
}

fn change(
    opening: &Opening,
    (number, field): (u64, u32),
    random: &mut Random,
) -> Result<(), Ended> {
    let families = &opening.families;
    let family = &families[number as usize];
    if field == INPUT_FIELD {
        let _alone = opening.setting[number as usize].lock().expect("nobody panics here");
        family.change(field);
        let there = family.there();
        opening.given(opening.views.input.set(&number, &there.field(field)))?;
        family.acknowledge(there, field);
        return Ok(());
    }
    let source = (KINDS[field as usize], number);
    let store = &opening.store;
    match random.below(16) {
        0 => {
            families.iter().for_each(|family| family.change(field));
            let there: Vec<Versions> = families.iter().map(|family| family.there()).collect();
            opening.given(store.invalidate_kind(KINDS[field as usize]))?;
            families.iter().zip(there).for_each(|(family, there)| family.acknowledge(there, field));
        }
        1..4 => {
            let changed = store.change(source, || {
                family.change(field);
                family.there()
            });
            if let Some(there) = opening.given(changed)? {
                family.acknowledge(there, field);
            }
        }
        4..6 => {
            let other = random.below(families.len() as u64);
            let [first, second] = [number, other].map(|number| &families[number as usize]);
            [first, second].iter().for_each(|family| family.change(field));
            let there = [first.there(), second.there()];
            let changes = Changes::new().source(source).source(("none", 1));
            let changes = changes.source((KINDS[field as usize], other));
            opening.given(store.invalidate_all(&changes))?;
            first.acknowledge(there[0], field);
            second.acknowledge(there[1], field);
        }
        6 => {
            family.change(field);
            let there = family.there();
            let way = random.below(3);
            match field {
                0 => announce_coarsely(opening, &opening.views.left, (number, way))?,
                _ => announce_coarsely(opening, &opening.views.right, (number, way))?,
            }
            family.acknowledge(there, field);
        }
        _ => {
            family.change(field);
            let there = family.there();
            opening.given(store.invalidate(source))?;
            family.acknowledge(there, field);
        }
    }
    Ok(())
}

/// Announces that a family's source changed by naming the records that read it, or more.
fn announce_coarsely<R: tidetable::RecordType>(
    opening: &Opening,
    source: &Source<R>,
    (number, way): (u64, u64),
) -> Result<(), Ended> {
    let view = &source.view;
    match way {
        0 => opening.given(view.invalidate_all()).map(drop),
        1 => opening.given(view.invalidate_between(all())).map(drop),
        _ => {
            let mut entities =
                (0..ENTITIES).filter(|entity| family(&opening.families, *entity) as u64 == number);
            entities.try_for_each(|entity| opening.given(view.invalidate(&entity)).map(drop))
        }
    }
}

/// Deletes, invalidates, refreshes and forgets records in the midst of it.
pub fn meddle(opening: &Opening, plan: &Plan, mut random: Random) {
    let mut next = 0;
    let views = &opening.views;
    while pace(opening, &mut next, plan.reads_per_change * 2).is_some() {
        let done = match random.below(6) {
            0 => meddle_with(opening, &views.left, &mut random),
            1 => meddle_with(opening, &views.right, &mut random),
            2 => meddle_with(opening, &views.near, &mut random),
            3 => meddle_with(opening, &views.far, &mut random),
            4 => meddle_with(opening, &views.kept, &mut random),
            _ => meddle_with(opening, &views.over, &mut random),
        };
        if done.is_err() {
            return;
        }
    }
}

fn meddle_with<R: tidetable::RecordType>(
    opening: &Opening,
    source: &Source<R>,
    random: &mut Random,
) -> Result<(), Ended> {
    let view: &View<u64, R> = &source.view;
    let (entity, bucket) = (random.below(ENTITIES), random.below(BUCKETS));
    let some = at(bucket)..at(bucket + 2);
    let store = &opening.store;
    match random.below(32) {
        0..6 => opening.given(view.invalidate_range(&entity, some)).map(drop),
        6..10 => opening.given(view.invalidate(&entity)).map(drop),
        10 => opening.given(view.invalidate_all()).map(drop),
        11 => opening.given(view.invalidate_between(some)).map(drop),
        12..18 => opening.given(view.delete_range(&entity, some)).map(drop),
        18..20 => opening.given(view.delete(&entity)).map(drop),
        20 => opening.given(view.delete_before(at(1))).map(drop),
        21 => opening.given(view.clear()).map(drop),
        22..25 => {
            opening.forget(random.below(FORGOTTEN + 1));
            opening.given(opening.views.kept.view.apply_retention()).map(drop)
        }
        25 => opening.given(store.refresh(&Refresh::all().view(view.name()))).map(drop),
        26..28 => opening.given(store.refresh(&Refresh::lacking())).map(drop),
        28 => opening.given(view.precompute(0..ENTITIES, all())).map(drop),
        29 => opening.given(store.sync()).map(drop),
        30 => opening.given(view.scan(some)).map(drop),
        _ => opening.given(view.census()).map(drop),
    }
}
