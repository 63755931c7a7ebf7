//! The works, by family. Each file says what it does, to whom, and what is counted.

mod bulk;
mod cold;
mod files;
pub mod hits;
mod invalidate;
mod memory;
mod miss;
mod mixed;
mod rebuild;
mod recompute;
mod spans;
mod tail;

use crate::bench::Bench;
use crate::trace;

/// Works that are measured together.
pub struct Family {
    pub works: &'static [&'static str],
    pub measure: fn(&mut Bench),
}

/// In the order in which they are done: those that only read first.
pub const FAMILIES: &[Family] = &[
    Family { works: hits::WORKS, measure: hits::measure },
    Family { works: spans::WORKS, measure: spans::measure },
    Family { works: miss::WORKS, measure: miss::measure },
    Family { works: cold::WORKS, measure: cold::measure },
    Family { works: bulk::WORKS, measure: bulk::measure },
    Family { works: rebuild::WORKS, measure: rebuild::measure },
    Family { works: invalidate::WORKS, measure: invalidate::measure },
    Family { works: recompute::WORKS, measure: recompute::measure },
    Family { works: mixed::WORKS, measure: mixed::measure },
    Family { works: tail::WORKS, measure: tail::measure },
    Family { works: files::WORKS, measure: files::measure },
    Family { works: memory::WORKS, measure: memory::measure },
    Family { works: trace::WORKS, measure: trace::measure },
];
