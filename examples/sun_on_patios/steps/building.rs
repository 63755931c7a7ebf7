//! Somebody builds: a house that grows, and a shed that shadows nobody.

use std::collections::BTreeSet;
use std::time::Instant;

use tidetable::report::ViewMetrics;
use tidetable::{Bucket, Invalidated, Timestamp};

use crate::Outcome;
use crate::calendar::{all_of, open_buckets};
use crate::city::{City, House, LEGAL_HEIGHT};
use crate::polygon::{Convex, Point};
use crate::report::{Report, count};
use crate::scratch::{compare, compare_above, compare_some, reach};
use crate::world::World;

pub(crate) fn let_a_house_grow(world: &World, report: &mut Report) -> Outcome {
    report.section("A house grows");
    let buckets = open_buckets(all_of(&world.days))?;
    let Some(lot) = liveliest(&world.city(), |yard, patio| (patio - yard).length() < 120.0) else {
        report.line("no lot is near a patio", "nothing grows");
        return Ok(());
    };
    // The data first, then the word.
    let was = {
        let mut city = world.city_to_change();
        std::mem::replace(&mut city.lots[lot as usize].houses[0].height, LEGAL_HEIGHT)
    };
    report.line("the house", format!("on lot {lot}, from {was:.1} m to {LEGAL_HEIGHT:.1} m"));
    let change = Change::announce(world, lot, &buckets, report)?;

    // While the builders are at it: what is not yet right says so.
    let meanwhile = compare_some(world, &change.reach)?;
    report.holds("nobody is served the old sun", meanwhile.wrong == 0, meanwhile);
    world.settle()?;
    let rebuilt = change.rebuilt(world, &buckets)?;
    change.check_reach(&rebuilt, report);
    let (came_out, exposure) = (rebuilt.changed, change.counted(world, "sun_exposure"));
    report.line("came out otherwise", format!("{came_out} of {} exposures", exposure.builds));
    for view in ["best_hour", "sunny_patios"] {
        let above = change.counted(world, view);
        let Counted { builds, spared, .. } = above;
        report.line(&format!("above, {view}"), format!("{builds} built anew, {spared} spared"));
    }
    check_all(world, &buckets, report)
}

pub(crate) fn build_a_shed(world: &World, report: &mut Report) -> Outcome {
    report.section("A shed that shadows nobody");
    let buckets = open_buckets(all_of(&world.days))?;
    // Its own shadow is at most 28 m long, and there are patios that a higher house there would reach.
    let lot = {
        let city = world.city();
        let is_alone =
            |yard: Point| city.patios.iter().all(|patio| (patio.centre - yard).length() > 60.0);
        liveliest(&city, |yard, patio| is_alone(yard) && (patio - yard).length() < 200.0)
    };
    let Some(lot) = lot else {
        report.line("every yard has a patio beside it", "no shed is built");
        return Ok(());
    };
    {
        let mut city = world.city_to_change();
        let lot = &mut city.lots[lot as usize];
        let corner = |x, y| lot.yard + Point { x, y };
        let footprint = Convex::hull(vec![corner(0.0, 0.0), corner(1.5, 0.0), corner(0.0, 1.5)]);
        lot.houses.push(House { footprint, height: 2.4 });
    }
    let change = Change::announce(world, lot, &buckets, report)?;
    world.settle()?;
    let rebuilt = change.rebuilt(world, &buckets)?;
    change.check_reach(&rebuilt, report);
    let exposure = change.counted(world, "sun_exposure");
    let found = format!("{} of {} exposures", exposure.unchanged, exposure.builds);
    report.holds("came out as they were", rebuilt.changed == 0 && exposure.changed == 0, found);
    let above = ["best_hour", "sunny_patios"].map(|view| change.counted(world, view));
    let (builds, spared) = (above[0].builds + above[1].builds, above[0].spared + above[1].spared);
    let found = format!("{builds} built, {spared} of {} spared", change.announced.suspect);
    report.holds(
        "above, nothing is built",
        builds == 0 && spared == change.announced.suspect,
        found,
    );
    check_all(world, &buckets, report)
}

/// The lot from whose yard most patios count.
fn liveliest(city: &City, counts: impl Fn(Point, Point) -> bool) -> Option<u32> {
    let patios = |lot: u32| {
        let yard = city.lot(lot).yard;
        city.patios.iter().filter(|patio| counts(yard, patio.centre)).count()
    };
    let lots = (0..city.lots.len() as u32).map(|lot| (patios(lot), lot));
    lots.max().filter(|(patios, _)| *patios > 0).map(|(_, lot)| lot)
}

fn check_all(world: &World, buckets: &[Bucket], report: &mut Report) -> Outcome {
    let compared = compare(world, buckets)?;
    report.holds("each is what the city says", compared.is_whole(), compared);
    let above = compare_above(world)?;
    report.holds("above, each is what they say", above.is_whole(), above);
    Ok(())
}

/// Something that was built on a lot, announced.
struct Change {
    announced: Invalidated,
    /// What a house of the legal height there would reach.
    reach: BTreeSet<(u32, Timestamp)>,
    /// What each view had counted before.
    before: Vec<ViewMetrics>,
}

/// The exposures that were built after the change.
struct Rebuilt {
    which: BTreeSet<(u32, Timestamp)>,
    /// How many of them came out otherwise.
    changed: u64,
}

/// What a view counted since the change.
struct Counted {
    builds: u64,
    spared: u64,
    changed: u64,
    unchanged: u64,
}

impl Change {
    fn announce(world: &World, lot: u32, buckets: &[Bucket], report: &mut Report) -> Outcome<Self> {
        let before = world.store.metrics().views;
        let reach = reach(&world.city(), lot, world.method, buckets);
        let began = Instant::now();
        let announced = world.store.invalidate(("lot", lot))?;
        let took = began.elapsed();
        let Invalidated { stale, suspect, .. } = announced;
        let marked =
            format!("{} exposures stale, {} records above suspect", count(stale), count(suspect));
        report.line("announced", format!("{marked}, in {took:.1?}"));
        Ok(Self { announced, reach, before })
    }

    /// What was stored since: the announcement has a revision, and each record that of its storing.
    fn rebuilt(&self, world: &World, buckets: &[Bucket]) -> tidetable::Result<Rebuilt> {
        let (since, mut rebuilt) =
            (self.announced.revision, Rebuilt { which: BTreeSet::new(), changed: 0 });
        for bucket in buckets {
            let patios = world.views.exposure.get_many(0..world.patios(), bucket.start());
            for (patio, record) in (0..).zip(patios) {
                let record = record?;
                if record.revision() > since {
                    rebuilt.which.insert((patio, bucket.start()));
                    rebuilt.changed += u64::from(record.changed_at() > since);
                }
            }
        }
        Ok(rebuilt)
    }

    /// Stale is just what the brute force says.
    fn check_reach(&self, rebuilt: &Rebuilt, report: &mut Report) {
        let patios: BTreeSet<u32> = self.reach.iter().map(|(patio, _)| *patio).collect();
        let is_exact =
            self.announced.stale == self.reach.len() as u64 && rebuilt.which == self.reach;
        let found =
            format!("{} exposures of {} patios", count(self.reach.len() as u64), patios.len());
        report.holds("stale is what it can reach", is_exact, found);
    }

    fn counted(&self, world: &World, view: &str) -> Counted {
        let (now, named) = (world.store.metrics().views, |it: &&ViewMetrics| it.name == view);
        let (before, now) = (self.before.iter().find(named), now.iter().find(named));
        let since = |count: fn(&ViewMetrics) -> u64| {
            now.map_or(0, count).saturating_sub(before.map_or(0, count))
        };
        Counted {
            builds: since(|view| view.builds),
            spared: since(|view| view.records_spared),
            changed: since(|view| view.records_changed),
            unchanged: since(|view| view.records_unchanged),
        }
    }
}
