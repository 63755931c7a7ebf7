//! The slow function: a table from two collections.

use tidetable::BuildError;

use crate::registry::{Filter, Kind, Metric, TableSpec};
use crate::world::{ArchivedPlayer, ArchivedSnapshot, CLUBS, COUNTRIES};

/// A ranking as it is shown: the first hundred, and how many there are in all.
#[derive(rkyv::Archive, rkyv::Serialize)]
pub struct Table {
    /// Of which collection it is.
    pub collected_at: i64,
    pub entrants: u32,
    pub rows: Vec<Row>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, rkyv::Archive, rkyv::Serialize)]
pub struct Row {
    /// The same for equal values; then as many ranks are left out.
    pub rank: u32,
    pub id: u32,
    pub value: u64,
}

pub const ROWS_MAX: usize = 100;
/// A win rate over fewer games says nothing.
pub const GAMES_MIN: u64 = 20;

/// What somebody gained, and in how many games.
#[derive(Clone, Copy, Default)]
struct Gain {
    of_metric: u64,
    games: u64,
}

/// Ranks what was gained between two collections; since the beginning where there is no first.
///
/// Counters that fall are the collector's fault. There is no right table then.
pub fn rank(
    table: &TableSpec,
    base: Option<&ArchivedSnapshot>,
    latest: &ArchivedSnapshot,
) -> Result<Table, BuildError> {
    let mut gains = vec![Gain::default(); entities(table.kind, latest.players.len())];
    for (number, player) in latest.players.iter().enumerate() {
        if !passes(table.filter, player) {
            continue;
        }
        let before = base.and_then(|base| base.players.get(number));
        let gained = |count: fn(&ArchivedPlayer) -> u64| {
            let before = before.map_or(0, count);
            count(player).checked_sub(before).ok_or_else(|| {
                BuildError::new(format!("a counter of player {number} fell below {before}"))
            })
        };
        let gain = &mut gains[entity_of(table.kind, number, player)];
        gain.of_metric += gained(counter(table.metric))?;
        if table.metric == Metric::WinRate {
            gain.games += gained(|player| player.games.to_native().into())?;
        }
    }
    let mut rows: Vec<Row> = (0..).zip(&gains).filter_map(|it| entrant(table.metric, it)).collect();
    let (collected_at, entrants) = (latest.collected_at.to_native(), rows.len() as u32);
    let order = |row: &Row| (std::cmp::Reverse(row.value), row.id);
    if rows.len() > ROWS_MAX {
        // Ordering all of them would take most of the time.
        rows.select_nth_unstable_by_key(ROWS_MAX, order);
        rows.truncate(ROWS_MAX);
    }
    rows.sort_unstable_by_key(order);
    for place in 0..rows.len() {
        let is_level = place > 0 && rows[place].value == rows[place - 1].value;
        rows[place].rank = if is_level { rows[place - 1].rank } else { place as u32 + 1 };
    }
    Ok(Table { collected_at, entrants, rows })
}

fn entities(kind: Kind, players: usize) -> usize {
    match kind {
        Kind::Players => players,
        Kind::Clubs => CLUBS.into(),
        Kind::Countries => COUNTRIES.into(),
    }
}

fn entity_of(kind: Kind, number: usize, player: &ArchivedPlayer) -> usize {
    match kind {
        Kind::Players => number,
        Kind::Clubs => player.club.to_native().into(),
        Kind::Countries => player.country.into(),
    }
}

fn passes(filter: Filter, player: &ArchivedPlayer) -> bool {
    match filter {
        Filter::All => true,
        Filter::Console => !player.on_phone,
        Filter::Phone => player.on_phone,
    }
}

fn counter(metric: Metric) -> fn(&ArchivedPlayer) -> u64 {
    match metric {
        Metric::Points => |player| player.points.to_native().into(),
        Metric::Wins | Metric::WinRate => |player| player.wins.to_native().into(),
        Metric::Minutes => |player| player.minutes.to_native().into(),
    }
}

/// Who has gained nothing is in no table.
fn entrant(metric: Metric, (id, gain): (u32, &Gain)) -> Option<Row> {
    let value = match metric {
        Metric::WinRate if gain.games < GAMES_MIN => return None,
        Metric::WinRate => gain.of_metric * 1000 / gain.games,
        _ => gain.of_metric,
    };
    (value > 0).then_some(Row { rank: 0, id, value })
}
