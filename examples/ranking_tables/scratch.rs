//! The same tables from scratch, the plain way and without the store: what the answers are held
//! against.

use std::collections::{BTreeMap, HashMap};

use crate::ranking::{ArchivedTable, GAMES_MIN, ROWS_MAX, Row};
use crate::registry::{Filter, Kind, Metric, Period, TableSpec};
use crate::world::{Player, Snapshot};

/// Everything that was ever collected, the oldest first.
#[derive(Default)]
pub struct History(Vec<Snapshot>);

impl History {
    pub fn add(&mut self, snapshot: Snapshot) {
        self.0.push(snapshot);
    }

    /// Says how a table differs from what it should be after the last collection.
    pub fn differs(&self, spec: &TableSpec, table: &ArchivedTable) -> Option<String> {
        let latest = self.0.last().expect("something was collected");
        let (entrants, rows) = self.table(spec, latest);
        let same_rows = table.rows.len() == rows.len()
            && table.rows.iter().zip(&rows).all(|(found, row)| {
                let found = (found.rank.to_native(), found.id.to_native(), found.value.to_native());
                found == (row.rank, row.id, row.value)
            });
        let same_head = table.collected_at.to_native() == latest.collected_at
            && table.entrants.to_native() as usize == entrants;
        (!(same_rows && same_head)).then(|| format!("{} is not what it should be", spec.name))
    }

    fn table(&self, spec: &TableSpec, latest: &Snapshot) -> (usize, Vec<Row>) {
        let base = self.base(spec.period, latest);
        let mut sums: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
        for (number, player) in latest.players.iter().enumerate() {
            let passes = match spec.filter {
                Filter::All => true,
                Filter::Console => !player.on_phone,
                Filter::Phone => player.on_phone,
            };
            if passes {
                let before = base.map(|base| &base.players[number]);
                let gain = |count: fn(&Player) -> u32| count(player) - before.map_or(0, count);
                let id = match spec.kind {
                    Kind::Players => number as u32,
                    Kind::Clubs => player.club.into(),
                    Kind::Countries => player.country.into(),
                };
                let (of_metric, games) = sums.entry(id).or_default();
                *games += u64::from(gain(|player| player.games));
                *of_metric += u64::from(match spec.metric {
                    Metric::Points => gain(|player| player.points),
                    Metric::Wins | Metric::WinRate => gain(|player| player.wins),
                    Metric::Minutes => gain(|player| player.minutes),
                });
            }
        }
        let mut values: Vec<(u64, u32)> = Vec::new();
        for (id, (of_metric, games)) in sums {
            let value = match spec.metric {
                Metric::WinRate if games >= GAMES_MIN => of_metric * 1000 / games,
                Metric::WinRate => 0,
                _ => of_metric,
            };
            if value > 0 {
                values.push((value, id));
            }
        }
        values.sort_by_key(|(value, id)| (u64::MAX - value, *id));
        let mut firsts: HashMap<u64, u32> = HashMap::new();
        let ranked = (1..).zip(&values).map(|(place, (value, id))| {
            let rank = *firsts.entry(*value).or_insert(place);
            Row { rank, id: *id, value: *value }
        });
        (values.len(), ranked.take(ROWS_MAX).collect())
    }

    /// The last collection before the period began in which the latest was made; else the first.
    fn base(&self, period: Period, latest: &Snapshot) -> Option<&Snapshot> {
        if period == Period::Ever {
            return None;
        }
        let at = tidetable::Timestamp::from_millis(latest.collected_at);
        let began = period.grid().bucket_at(at).expect("it is within the calendar").start();
        let before = self.0.iter().rev().find(|it| it.collected_at < began.as_millis());
        before.or(self.0.first())
    }
}
