//! Revisions are only ever compared, and a new one is above all others. So two states in which they
//! stand in the same order behave alike: each is given the least numbers that keep the order.

use crate::state::{Cached, Disk, Held, Record, Revision, Stamps, State};

/// Renumbers all revisions of a state. 0 stays 0.
pub fn rank(state: &mut State) {
    // A step adds two at most to what was ranked before it, so 64 are always enough.
    let mut used = 1u64;
    each(state, &mut |revision| used |= 1 << *revision);
    each(state, &mut |revision| {
        let below = used & ((1 << *revision) - 1);
        *revision = below.count_ones() as Revision;
    });
}

fn each(state: &mut State, f: &mut impl FnMut(&mut Revision)) {
    for disk in [&mut state.disk, &mut state.durable] {
        of_disk(disk, f);
    }
    f(&mut state.published.revision);
    of_stamps(&mut state.published.stamps, f);
    let touched = &mut state.touched;
    touched.sources.0.iter_mut().chain(&mut touched.records.0).for_each(&mut *f);
    f(&mut touched.floor);
    state.cache.0.iter_mut().flatten().for_each(|page| of_page(page, f));
    if let Some((_, Held::Alone(page))) = &mut state.shortcut {
        of_page(page, f);
    }
    if let Some(page) = state.fill.as_mut().and_then(|fill| fill.read.as_mut()) {
        of_page(page, f);
    }
    for build in state.builds.0.iter_mut().flatten() {
        f(&mut build.s);
        build.noted.iter_mut().for_each(&mut *f);
        build.seen.iter_mut().for_each(|seen| f(&mut seen.seen));
    }
    if let Some(evidence) = &mut state.evidence {
        f(&mut evidence.s);
        f(&mut evidence.v);
        evidence.seen.iter_mut().for_each(|seen| f(&mut seen.seen));
    }
    if let Some(reader) = &mut state.reader {
        f(&mut reader.began);
    }
}

fn of_disk(disk: &mut Disk, f: &mut impl FnMut(&mut Revision)) {
    f(&mut disk.revision);
    disk.sources.0.iter_mut().chain(&mut disk.coarse.0).for_each(&mut *f);
    disk.records.0.iter_mut().flatten().for_each(|record| of_record(record, f));
    of_stamps(&mut disk.stamps, f);
}

fn of_stamps(stamps: &mut Stamps, f: &mut impl FnMut(&mut Revision)) {
    stamps.stale_before.0.iter_mut().chain(&mut stamps.suspect_before.0).for_each(f);
}

fn of_page(page: &mut Cached, f: &mut impl FnMut(&mut Revision)) {
    page.record.iter_mut().for_each(|record| of_record(record, f));
}

fn of_record(record: &mut Record, f: &mut impl FnMut(&mut Revision)) {
    f(&mut record.s);
    f(&mut record.v);
    f(&mut record.c);
}
