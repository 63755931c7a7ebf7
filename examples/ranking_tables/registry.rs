//! The list of tables: entity x metric x period x filter, written down once.

use tidetable::Grid;

/// What is ranked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Players,
    Clubs,
    Countries,
}

/// By what.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    Points,
    Wins,
    Minutes,
    /// Wins in a thousand games, of those who have played enough.
    WinRate,
}

/// What was gained since when.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Period {
    Day,
    Week,
    Month,
    /// Since there are counters.
    Ever,
}

/// Among whom.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    All,
    Console,
    Phone,
}

/// One table of the site.
#[derive(Clone)]
pub struct TableSpec {
    pub name: String,
    pub kind: Kind,
    pub metric: Metric,
    pub period: Period,
    pub filter: Filter,
}

impl TableSpec {
    fn new(kind: Kind, metric: Metric, period: Period, filter: Filter) -> Self {
        let words = [kind.name(), metric.name(), period.name(), filter.name()];
        Self { name: words.join("."), kind, metric, period, filter }
    }
}

/// All tables of the site, 67 of them.
pub fn registry() -> Vec<TableSpec> {
    let mut tables = Vec::new();
    for metric in Metric::ALL {
        for period in Period::ALL {
            for filter in Filter::ALL {
                tables.push(TableSpec::new(Kind::Players, metric, period, filter));
            }
            tables.push(TableSpec::new(Kind::Clubs, metric, period, Filter::All));
        }
    }
    for period in [Period::Day, Period::Week, Period::Month] {
        tables.push(TableSpec::new(Kind::Countries, Metric::Points, period, Filter::All));
    }
    tables
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Players => "players",
            Self::Clubs => "clubs",
            Self::Countries => "countries",
        }
    }
}

impl Metric {
    const ALL: [Self; 4] = [Self::Points, Self::Wins, Self::Minutes, Self::WinRate];

    fn name(self) -> &'static str {
        match self {
            Self::Points => "points",
            Self::Wins => "wins",
            Self::Minutes => "minutes",
            Self::WinRate => "win_rate",
        }
    }
}

impl Period {
    pub const ALL: [Self; 4] = [Self::Day, Self::Week, Self::Month, Self::Ever];
    const ZONE: &str = "Europe/Stockholm";

    pub fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Ever => "ever",
        }
    }

    /// When such a period begins and ends.
    pub fn grid(self) -> Grid {
        match self {
            Self::Day => Grid::daily(Self::ZONE),
            Self::Week => Grid::weekly(Self::ZONE),
            Self::Month => Grid::monthly(Self::ZONE),
            Self::Ever => Grid::timeless(),
        }
    }
}

impl Filter {
    const ALL: [Self; 3] = [Self::All, Self::Console, Self::Phone];

    fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Console => "console",
            Self::Phone => "phone",
        }
    }
}
