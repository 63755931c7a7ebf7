//! Worlds at random, beside a model that knows when everything was looked at.

use tidetable::{Freshness, Marked, Span, Timestamp};

use crate::common::disk::Disk;

use super::world::*;

const ENTITIES: u32 = 3;

/// Numbers at random, the same for a seed.
struct Random(u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }
}

/// What the weather was, from when on.
struct Past(Vec<(Timestamp, u64)>);

impl Past {
    /// Every number that there was from an instant on.
    fn since(&self, from: Timestamp) -> impl Iterator<Item = u64> + '_ {
        let first = self.0.iter().rposition(|(at, _)| *at <= from).unwrap_or(0);
        self.0[first..].iter().map(|(_, value)| *value)
    }
}

/// A fresh record is what a build would have given within the last hour, whatever lies between.
fn check(it: &World, past: &Past, now: Timestamp, seed: u64) {
    let earliest = now.checked_sub(HOUR).unwrap();
    let from: [fn(u64) -> u64; 3] = [|it| it, |it| it / 10, |it| it / 10 + 1000];
    for entity in 0..ENTITIES {
        for (view, from) in [&it.below, &it.middle, &it.top].into_iter().zip(from) {
            let Some(record) = view.peek(&entity, NOW).unwrap() else { continue };
            let expires = record.fresh_until().expect("everything here expires");
            let (freshness, value) = (record.freshness(), record.to_native());
            let told =
                format!("seed {seed}: {}[{entity}] = {value} {freshness} at {now}", view.name());
            if freshness != Freshness::Fresh {
                continue;
            }
            assert!(now < expires, "{told}");
            assert!(past.since(earliest).any(|number| from(number) == value), "{told}");
        }
    }
}

#[test]
fn a_fresh_record_is_what_a_build_of_the_last_hour_would_give() {
    for seed in 1..=40 {
        let mut random = Random(0x9E37_79B9_7F4A_7C15 ^ seed);
        let (disk, weather) = (Disk::default(), Weather::default());
        let mut it = World::open(&disk, minute(0), &weather);
        let (mut now, mut past) = (minute(0), Past(vec![(minute(0), 0)]));
        for _ in 0..150 {
            let entity = random.below(u64::from(ENTITIES)) as u32;
            match random.below(12) {
                0 | 1 => {
                    weather.set(random.below(30));
                    past.0.push((now, weather.get()));
                }
                2..=4 => {
                    now = now.checked_add(Span::minutes(random.below(40) as i64)).unwrap();
                    it.clock.set(now);
                }
                5 => drop(it.store.invalidate(("top", entity)).unwrap()),
                6 => drop(it.middle.invalidate(&entity).unwrap()),
                7 => {
                    let view = [&it.below, &it.middle][random.below(2) as usize];
                    view.delete(&entity).unwrap();
                }
                8 => {
                    let patient = Marked::ServeFor(Span::minutes(20));
                    let record = it.top.when_marked(patient).get(&entity, NOW).unwrap();
                    let late = record.fresh_until().expect("it expires");
                    assert!(now.since(late) <= Span::minutes(20), "seed {seed}");
                }
                9 if random.below(4) == 0 => {
                    it.store.close().unwrap();
                    it = World::open(&disk, now, &weather);
                }
                10 => assert!(it.middle.get(&entity, NOW).unwrap().is_fresh(), "seed {seed}"),
                _ => assert!(it.top.get(&entity, NOW).unwrap().is_fresh(), "seed {seed}"),
            }
            check(&it, &past, now, seed);
        }
    }
}
