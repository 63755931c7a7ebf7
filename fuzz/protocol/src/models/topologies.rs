//! The small worlds that the models are about.

use crate::small::Each;
use crate::topology::{Ask, Leaf, Topology, Value};

const SOURCE: Leaf = Leaf::Source;
const UNUSED: Leaf = Leaf::Unused;

/// Record 0 reads source 0; each record after it reads the one before. A view each.
pub fn chain(records: u8) -> Topology {
    Topology {
        records,
        leaves: Each([SOURCE, UNUSED, UNUSED]),
        view_of: Each([0, 1, 2, 3]),
        read_by: Each([&[1], &[2], &[3], &[]]),
        asks: |record, told| match (record, told.len()) {
            (0, 0) => Some(Ask::Source(0)),
            (_, 0) => Some(Ask::Record(record - 1)),
            _ => None,
        },
        value: |_, told| in_order(told),
    }
}

/// A chain in which record 0 says only whether its source has reached version 2.
pub fn chain_with_cut_off(records: u8) -> Topology {
    Topology {
        value: |record, told| if record == 0 { told[0] / 2 } else { in_order(told) },
        ..chain(records)
    }
}

/// A chain in which record 0 says the same at versions 0 and 2 of its source, and another thing
/// at 1.
pub fn chain_that_returns(records: u8) -> Topology {
    Topology {
        value: |record, told| if record == 0 { told[0] % 2 } else { in_order(told) },
        ..chain(records)
    }
}

/// A chain whose record 0 looks at what changes silently, and says only whether that has reached
/// version 2.
pub fn silent_chain(records: u8) -> Topology {
    Topology {
        value: |record, told| if record == 0 { told[0] / 2 } else { in_order(told) },
        ..with_own_leaf(Leaf::Silent(0), records)
    }
}

/// As [`choice`], but record 0 looks at what changes silently.
pub fn silent_choice() -> Topology {
    Topology {
        leaves: Each([Leaf::Silent(0), SOURCE, UNUSED]),
        asks: |record, told| match (record, told) {
            (0, _) => None,
            _ => (choice().asks)(record, told),
        },
        ..choice()
    }
}

/// Record 0 looks at what changes silently; record 1 does so too, and reads record 0.
pub fn silent_twice() -> Topology {
    Topology {
        leaves: Each([Leaf::Silent(0), Leaf::Silent(1), UNUSED]),
        ..with_own_leaf(Leaf::Silent(0), 2)
    }
}

/// Record 0 looks at what changes silently; record 1 walks through its view, and record 2 reads
/// record 1.
pub fn silent_members() -> Topology {
    Topology {
        leaves: Each([Leaf::Silent(0), UNUSED, UNUSED]),
        asks: |record, told| match (record, told) {
            (1, []) => Some(Ask::Scan { view: 0, record: 0 }),
            (2, []) => Some(Ask::Record(1)),
            _ => None,
        },
        ..chain(3)
    }
}

/// Records 0 and 1 read source 0; record 2 reads both.
pub fn diamond() -> Topology {
    Topology {
        records: 3,
        leaves: Each([SOURCE, UNUSED, UNUSED]),
        view_of: Each([0, 1, 2, 3]),
        read_by: Each([&[2], &[2], &[], &[]]),
        asks: |record, told| match (record, told.len()) {
            (0 | 1, 0) => Some(Ask::Source(0)),
            (2, 0) => Some(Ask::Record(0)),
            (2, 1) => Some(Ask::Record(1)),
            _ => None,
        },
        value: |_, told| in_order(told),
    }
}

/// Record 0 reads source 0; record 1 reads source 1, which says whether it reads record 0, too;
/// record 2 reads record 1.
pub fn choice() -> Topology {
    Topology {
        records: 3,
        leaves: Each([SOURCE, SOURCE, UNUSED]),
        view_of: Each([0, 1, 2, 3]),
        read_by: Each([&[1], &[2], &[], &[]]),
        asks: |record, told| match (record, told) {
            (0, []) => Some(Ask::Source(0)),
            (1, []) => Some(Ask::Source(1)),
            (1, [1]) => Some(Ask::Record(0)),
            (2, []) => Some(Ask::Record(1)),
            _ => None,
        },
        value: |record, told| match (record, told) {
            (1, [_]) => 0,
            (1, told) => told[1],
            _ => in_order(told),
        },
    }
}

/// Record 0 reads source 0 and makes nothing of it, record 1 reads source 1; record 2 reads source
/// 2, which says which of the two it reads.
pub fn switch() -> Topology {
    Topology {
        records: 3,
        leaves: Each([SOURCE, SOURCE, SOURCE]),
        view_of: Each([0, 1, 2, 3]),
        read_by: Each([&[2], &[2], &[], &[]]),
        asks: |record, told| match (record, told) {
            (0 | 1, []) => Some(Ask::Source(record)),
            (2, []) => Some(Ask::Source(2)),
            (2, [which]) => Some(Ask::Record(*which)),
            _ => None,
        },
        value: |record, told| if record == 0 { 0 } else { in_order(told) },
    }
}

/// One record that reads two sources, one after the other.
pub fn two_sources() -> Topology {
    Topology {
        records: 1,
        leaves: Each([SOURCE, SOURCE, UNUSED]),
        view_of: Each([0, 1, 2, 3]),
        read_by: Each([&[], &[], &[], &[]]),
        asks: |_, told| (told.len() < 2).then_some(Ask::Source(told.len() as u8)),
        value: |_, told| in_order(told),
    }
}

/// A record that depends on something of its own, and one that reads it.
pub fn with_own_leaf(leaf: Leaf, records: u8) -> Topology {
    Topology {
        records,
        leaves: Each([leaf, UNUSED, UNUSED]),
        view_of: Each([0, 1, 2, 3]),
        read_by: Each([&[1], &[2], &[3], &[]]),
        asks: |record, told| (record > 0 && told.is_empty()).then(|| Ask::Record(record - 1)),
        value: |_, told| in_order(told),
    }
}

/// Record 0 is put by the application; record 1 takes it as it is, absent or not; record 2 reads
/// record 1.
pub fn over_a_put(records: u8) -> Topology {
    Topology {
        records,
        leaves: Each([Leaf::Put(0), UNUSED, UNUSED]),
        view_of: Each([0, 1, 2, 3]),
        read_by: Each([&[1], &[2], &[], &[]]),
        asks: |record, told| match (record, told) {
            (1, []) => Some(Ask::Peek(0)),
            (2, []) => Some(Ask::Record(1)),
            _ => None,
        },
        value: |_, told| in_order(told),
    }
}

/// Records 0 and 1 are of one view and read sources 0 and 1; record 2 reads the range of the two,
/// and record 3 reads record 2.
pub fn range(records: u8) -> Topology {
    Topology {
        records,
        leaves: Each([SOURCE, SOURCE, UNUSED]),
        view_of: Each([0, 0, 1, 2]),
        read_by: Each([&[1], &[2], &[], &[]]),
        asks: |record, told| match (record, told) {
            (0 | 1, []) => Some(Ask::Source(record)),
            (2, []) => Some(Ask::Peek(0)),
            (2, [_]) => Some(Ask::Peek(1)),
            (3, []) => Some(Ask::Record(2)),
            _ => None,
        },
        value: |_, told| in_order(told),
    }
}

/// The same, but record 2 walks through all of the view and depends on that.
pub fn members(records: u8) -> Topology {
    Topology {
        asks: |record, told| match (record, told) {
            (0 | 1, []) => Some(Ask::Source(record)),
            (2, []) => Some(Ask::Scan { view: 0, record: 0 }),
            (2, [_]) => Some(Ask::Scan { view: 0, record: 1 }),
            (3, []) => Some(Ask::Record(2)),
            _ => None,
        },
        ..range(records)
    }
}

/// All that was told, as digits: no two answers look alike.
fn in_order(told: &[Value]) -> Value {
    // What is absent counts as a version that nothing here reaches.
    let digit = |value: Value| if value > 2 { value.min(3) } else { value };
    match told {
        [one] if *one < 62 => *one,
        told => told.iter().fold(0, |sum, &value| 4 * sum + digit(value)),
    }
}
