//! Damages near each other: mending one of them meets the others.

use crate::common::cases::each;

use super::*;

/// What can be damaged of what the total of entity 1 hangs on.
#[derive(Clone, Copy, Debug)]
enum Damage {
    HeightsPage,
    /// Its records are of a revision to come.
    HeightsFacts,
    HeightsDeps,
    HeightsMarks,
    /// From the source to the heights.
    HeightsEdge,
    TotalsPage,
    TotalsFacts,
    TotalsDeps,
    TotalsMarks,
    /// From the heights to the total.
    TotalsEdge,
    Source,
}

use Damage::*;

const ALL: [Damage; 11] = [
    HeightsPage,
    HeightsFacts,
    HeightsDeps,
    HeightsMarks,
    HeightsEdge,
    TotalsPage,
    TotalsFacts,
    TotalsDeps,
    TotalsMarks,
    TotalsEdge,
    Source,
];

impl Damage {
    fn make(self, txn: &WriteTransaction) {
        let spoil = |table: &'static str, page: Vec<u8>| {
            let (key, _) = row_of(txn, table, &page);
            put(txn, table, &key, &[255, 9, 9]);
        };
        match self {
            HeightsPage => spoil_page(txn, &height(1)),
            HeightsFacts => set_facts(txn, &height(1)),
            HeightsDeps => spoil("deps", height(1)),
            HeightsMarks => spoil("marks", height(1)),
            HeightsEdge => spoil("edges", height(1)),
            TotalsPage => spoil_page(txn, &total(1)),
            TotalsFacts => set_facts(txn, &total(1)),
            TotalsDeps => spoil("deps", total(1)),
            TotalsMarks => spoil("marks", total(1)),
            TotalsEdge => spoil("edges", total(1)),
            Source => {
                let (key, _) = rows(txn, "sources").remove(0);
                put(txn, "sources", &key, &[1]);
            }
        }
    }
}

fn spoil_page(txn: &WriteTransaction, page: &[u8]) {
    let (key, mut row) = row_of(txn, "pages", page);
    let last = row.len() - 1;
    row[last] ^= 1;
    put(txn, "pages", &key, &row);
}

fn is_fresh(world: &World) -> [bool; 3] {
    let height = |bucket| world.heights.peek(&1, at(bucket)).expect("a file in order");
    let fresh = |bucket| height(bucket).is_some_and(|record| record.is_fresh());
    [fresh(0), fresh(1), world.freshness(1) == Some(Freshness::Fresh)]
}

/// What was said of the total's heights before they were damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Nothing,
    Announced,
    /// Nothing that they have read tells that they are not right: what is lost of their marks is lost.
    Invalidated,
}

impl Said {
    fn say(self, world: &World) {
        match self {
            Self::Nothing => nothing(world),
            Self::Announced => announce(world),
            Self::Invalidated => drop(world.heights.invalidate(&1).expect("an invalidation")),
        }
    }
}

/// Mends these damages of a file, and holds that the store goes on and forgets nothing.
fn holds(damages: &[Damage], said: Said) {
    let damage = |txn: &WriteTransaction| damages.iter().for_each(|it| it.make(txn));
    let (_folder, world) = damaged(|world| said.say(world), damage);
    let mended = world.store.verify_and_repair(|_| ());
    let mended = mended.unwrap_or_else(|error| panic!("{damages:?}: {error}"));
    assert!(mended.found > 0 && mended.repaired == mended.found, "{damages:?}: {mended}");
    let clean = |what: &str| {
        let report = world.store.verify().expect("a file in order");
        assert!(report.is_clean(), "{damages:?} {what}: {report}");
    };
    clean("after mending");
    if said != Said::Nothing {
        assert_eq!(is_fresh(&world), [false; 3], "{damages:?}: {said:?}");
    }
    announce(&world);
    assert_eq!(is_fresh(&world), [false; 3], "{damages:?}: it was announced again");
    assert_eq!(*world.totals.get(&1, at(0)).expect("it is built"), 2, "{damages:?}");
    world.heights.get(&1, at(1)).expect("it is built");
    assert_eq!(is_fresh(&world), [true; 3], "{damages:?}: it was built");
    clean("after building");
    announce(&world);
    assert_eq!(is_fresh(&world), [false; 3], "{damages:?}: edges were lost");
    assert_eq!(world.freshness(2), Some(Freshness::Fresh), "{damages:?}: it is nobody's concern");
    world.store.sync().expect("writing goes on");
}

#[test]
fn any_two_damages_of_what_hangs_together_are_mended_and_writing_goes_on() {
    for (nth, one) in ALL.iter().enumerate() {
        for other in &ALL[nth + 1..] {
            holds(&[*one, *other], Said::Announced);
        }
    }
}

#[test]
fn any_three_of_them_are_too() {
    let mut all = Vec::new();
    for (nth, one) in ALL.iter().enumerate() {
        for (mth, other) in ALL.iter().enumerate().skip(nth + 1) {
            all.extend(ALL[mth + 1..].iter().map(|third| [*one, *other, *third]));
        }
    }
    assert_eq!(all.len(), 165);
    all.iter().step_by(each()).for_each(|three| holds(three, Said::Announced));
}

#[test]
fn two_damages_of_records_that_were_not_announced_make_nothing_fresh_that_is_not() {
    let unmarked = [
        HeightsPage,
        HeightsFacts,
        HeightsDeps,
        HeightsEdge,
        TotalsPage,
        TotalsFacts,
        TotalsDeps,
        TotalsEdge,
    ];
    for (nth, one) in unmarked.iter().enumerate() {
        for other in &unmarked[nth + 1..] {
            holds(&[*one, *other], Said::Nothing);
        }
    }
}

#[test]
fn two_damages_of_records_that_were_invalidated_by_themselves_make_nothing_fresh() {
    let (_, damages) = ALL.split_last().expect("the source's row, which is not there");
    for (nth, one) in damages.iter().enumerate() {
        for other in &damages[nth + 1..] {
            holds(&[*one, *other], Said::Invalidated);
        }
    }
}

#[test]
fn all_damages_at_once_are_mended() {
    holds(&ALL, Said::Announced);
}
