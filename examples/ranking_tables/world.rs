//! The world outside, from which the site collects: players of a game, whose counters only rise.
//!
//! It is a function of the seed and the time, so that every run of the program finds the same.

use tidetable::Timestamp;

/// A collection: what the game's server answered, a row for each player.
#[derive(Clone, rkyv::Archive, rkyv::Serialize)]
pub struct Snapshot {
    pub collected_at: i64,
    pub players: Vec<Player>,
}

/// A player, and what he has come to since he began. His number is his place in the collection.
#[derive(Clone, Copy, rkyv::Archive, rkyv::Serialize)]
pub struct Player {
    pub on_phone: bool,
    pub club: u16,
    pub country: u8,
    pub points: u32,
    pub games: u32,
    pub wins: u32,
    pub minutes: u32,
}

pub const CLUBS: u16 = 800;
pub const COUNTRIES: u8 = 60;

pub struct World {
    pub seed: u64,
    pub players: u32,
}

impl World {
    /// What the game's server answers at an instant.
    pub fn collect(&self, at: Timestamp) -> Snapshot {
        let ticks = at.since(LAUNCH).as_millis() / TICK_MILLIS;
        let ticks = u64::try_from(ticks).expect("nothing is collected before the launch");
        let players = (0..self.players).map(|number| self.player(number, ticks)).collect();
        Snapshot { collected_at: at.as_millis(), players }
    }

    fn player(&self, number: u32, ticks: u64) -> Player {
        let draw = |salt: u64| mix(mix(self.seed ^ u64::from(number)) ^ salt);
        // Sixteenths of a game in each tick, another number each week.
        let pace = |week: u64| 16 + draw(1000 + week) % 49;
        let (weeks, rest) = (ticks / TICKS_A_WEEK, ticks % TICKS_A_WEEK);
        let played: u64 = (0..weeks).map(|week| pace(week) * TICKS_A_WEEK).sum();
        // Less than the slowest pace, so that the sum never falls.
        let jitter = draw(ticks) % 17;
        let games = (played + pace(weeks) * rest + jitter) / 16;
        let (skill, style, length) = (200 + draw(1) % 600, draw(2) % 7, 2 + draw(3) % 8);
        let wins = games * skill / 1000;
        Player {
            on_phone: draw(4).is_multiple_of(3),
            club: (draw(5) % u64::from(CLUBS)) as u16,
            country: (draw(6) % u64::from(COUNTRIES)) as u8,
            points: (games * style + wins * 3) as u32,
            games: games as u32,
            wins: wins as u32,
            minutes: (games * length) as u32,
        }
    }
}

/// 2026-01-05T00:00:00Z, when the game began.
const LAUNCH: Timestamp = Timestamp::from_seconds(1_767_571_200);
const TICK_MILLIS: i64 = 600_000;
const TICKS_A_WEEK: u64 = 7 * 24 * 6;

/// Splitmix64: numbers without any order from numbers in a row.
pub fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
