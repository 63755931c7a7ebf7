//! What a random program is made of: views, and what their records are made of.

use crate::common::disk::Random;

/// How many sources, entities and buckets there are.
pub(crate) const SOURCES: usize = 4;
pub(crate) const ENTITIES: usize = 3;
pub(crate) const BUCKETS: usize = 6;
/// All values are counted modulo this, so that a set of them is a word.
pub(crate) const VALUES: u64 = 61;

/// The views of a program. The first holds what is put; each other reads those before it.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) views: Vec<ViewPlan>,
    pub(crate) memory_bytes: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct ViewPlan {
    pub(crate) recipe: Recipe,
    pub(crate) timeless: bool,
    pub(crate) page_len: u32,
    /// All buckets of a page are built at once.
    pub(crate) by_page: bool,
    /// How many minutes its records are kept.
    pub(crate) retain: Option<i64>,
    /// Whether builds read through their context, or through handles.
    pub(crate) through_context: bool,
}

/// What a record is made of. Views are meant by their place in the plan.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Recipe {
    /// Whatever the application puts.
    Put,
    /// One source, which one depends on entity and bucket.
    Source { first: usize, versioned: bool },
    /// All sources.
    Kind,
    /// The value of an input, or that it has none.
    Input,
    /// A part of the value upstream, so that not every change goes on.
    Copy { up: usize, divisor: u64 },
    /// Both.
    Sum { left: usize, right: usize },
    /// Some buckets around its own.
    Range { up: usize, back: usize, ahead: usize },
    /// All entities that there are.
    Scan { up: usize },
    /// Its own bucket before, and a source.
    Running { first: usize },
    /// A source decides what is read.
    Choose { source: usize, even: usize, odd: usize },
    /// What is there, whether or not it is.
    Peek { up: usize },
}

impl Plan {
    pub(crate) fn random(random: &mut Random) -> Self {
        let put = ViewPlan {
            recipe: Recipe::Put,
            timeless: false,
            page_len: 2 + random.below(3) as u32,
            by_page: false,
            retain: None,
            through_context: true,
        };
        let mut views = vec![put];
        for place in 1..4 + random.below(4) as usize {
            views.push(ViewPlan::random(random, place));
        }
        let scanned: Vec<usize> = views.iter().filter_map(ViewPlan::scanned).collect();
        // Retention is no change, and yet changes which entities there are.
        scanned.into_iter().for_each(|up| views[up].retain = None);
        let memory_bytes = if random.below(4) == 0 { 0 } else { 8 << 20 };
        Self { views, memory_bytes }
    }
}

impl ViewPlan {
    fn random(random: &mut Random, place: usize) -> Self {
        let recipe = Recipe::random(random, place);
        let running = matches!(recipe, Recipe::Running { .. });
        let by_page = !running && random.below(4) == 0;
        Self {
            recipe,
            timeless: !running && random.below(6) == 0,
            page_len: Self::whole(1 + random.below(4) as u32, by_page),
            by_page,
            retain: (random.below(5) == 0).then(|| random.below(4) as i64),
            through_context: random.below(2) == 0,
        }
    }

    /// A length for its pages. Those that are built whole end with the last bucket: what lies behind
    /// it nobody looks at.
    pub(crate) fn whole(page_len: u32, by_page: bool) -> u32 {
        if by_page { page_len.min(3) } else { page_len }
    }

    /// Whether a read of it may find that something has appeared meanwhile: a page that is built
    /// whole makes what retention does not keep.
    pub(crate) fn moves(&self) -> bool {
        self.depends_on_what_is_there() || (self.by_page && self.retain.is_some())
    }

    /// Whether its records are made of which records there are, too.
    pub(crate) fn depends_on_what_is_there(&self) -> bool {
        matches!(self.recipe, Recipe::Peek { .. } | Recipe::Scan { .. })
    }

    fn scanned(&self) -> Option<usize> {
        match self.recipe {
            Recipe::Scan { up } => Some(up),
            _ => None,
        }
    }
}

impl Recipe {
    fn random(random: &mut Random, place: usize) -> Self {
        // The nearest is read most often, so that chains are long.
        let up = |random: &mut Random| match random.below(2) {
            0 => place - 1,
            _ => random.below(place as u64) as usize,
        };
        let source = |random: &mut Random| random.below(SOURCES as u64) as usize;
        let choices = if place == 1 { 4 } else { 14 };
        match random.below(choices) {
            0 => Self::Source { first: source(random), versioned: false },
            1 => Self::Running { first: source(random) },
            2 => Self::Source { first: source(random), versioned: true },
            3 => [Self::Kind, Self::Input][random.below(2) as usize],
            4 | 5 => Self::Copy { up: up(random), divisor: [1, 2, 8][random.below(3) as usize] },
            6 | 7 => Self::Sum { left: up(random), right: up(random) },
            8 | 9 => {
                let (back, ahead) = (random.below(3) as usize, random.below(3) as usize);
                Self::Range { up: up(random), back, ahead }
            }
            10 => Self::Scan { up: up(random) },
            11 | 12 => Self::Choose { source: source(random), even: up(random), odd: up(random) },
            _ => Self::Peek { up: up(random) },
        }
    }
}

/// Which source a record reads that counts from `first`.
pub(crate) fn source_of(first: usize, entity: usize, bucket: usize) -> usize {
    (first + entity + bucket / 2) % SOURCES
}

/// Where a choice goes when its source is odd.
pub(crate) fn opposite(entity: usize, bucket: usize) -> (usize, usize) {
    ((entity + 1) % ENTITIES, (BUCKETS - 1).saturating_sub(bucket))
}
