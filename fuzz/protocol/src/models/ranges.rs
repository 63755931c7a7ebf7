//! Ranges and membership: what is absent is read, too.

use crate::model::{Bounds, Fills, Model, Start};
use crate::models::topologies::{members, range};
use crate::rules::Rules;
use crate::small::Each;

const LITTLE: Bounds = Bounds::LITTLE;
const DESIGNED: Rules = Rules::DESIGNED;
const EMPTY: Bounds = Bounds { builds: Each([2, 1, 2, 1]), ..LITTLE };
const SETTLED: Bounds = Bounds { start: Start::Settled, deletions: 1, ..EMPTY };
const CACHED: Bounds = Bounds {
    changes: Each([0, 0, 0]),
    builds: Each([1, 1, 1, 0]),
    fills: Fills::Absences,
    deletions: 1,
    ..LITTLE
};
const NOTHING_CHANGES: Bounds = Bounds { changes: Each([0, 0, 0]), ..EMPTY };

pub fn models() -> Vec<Model> {
    vec![
        Model::new("range: from nothing", "Records appear under it.", range(3)).within(EMPTY),
        Model::new("range: settled, one deleted", "And may come back.", range(3)).within(SETTLED),
        Model::new("range: overflow", "Its readers are stamped only.", range(3))
            .within(Bounds { walk_max: 0, ..SETTLED }),
        Model::new(
            "range: cached absences",
            "A cached page says that there is no record.",
            range(3),
        )
        .within(CACHED),
        Model::new("members: from nothing", "Records appear under it.", members(3)).within(EMPTY),
        Model::new("members: settled, one deleted", "And may come back.", members(3))
            .within(SETTLED),
        Model::new("members: overflow", "Its readers are stamped only.", members(3))
            .within(Bounds { walk_max: 0, ..SETTLED }),
        Model::new(
            "members: cached absences",
            "A cached page says that there is no record.",
            members(3),
        )
        .within(CACHED),
        Model::new("members: read further, bold", "A reader of the reader.", members(4))
            .within(Bounds { builds_take_marked: true, ..EMPTY })
            .large(),
        Model::new("range: read further, bold", "A reader of the reader.", range(4))
            .within(Bounds { builds_take_marked: true, ..EMPTY })
            .large(),
        Model::new(
            "range: presence is not compared",
            "Whether a thing is there is compared, too.",
            range(3),
        )
        .within(Bounds { deletions: 1, ..EMPTY })
        .broken(
            Rules { presence_is_compared: false, ..DESIGNED },
            "What a build has read is deleted before it is stored; there is no C to compare.",
        ),
        Model::new(
            "range: what appears does not walk",
            "Who has read that it is absent is a reader.",
            range(3),
        )
        .within(NOTHING_CHANGES)
        .broken(
            Rules { appearing_walks: false, ..DESIGNED },
            "Who has read that it is absent is called fresh when it is there.",
        ),
        Model::new("range: what is missing spares", "What is missing proves nothing.", range(3))
            .within(Bounds { walk_max: 0, ..SETTLED })
            .broken(
                Rules { missing_never_spares: false, ..DESIGNED },
                "Where the walk ended in stamps, only its absence says that it was deleted.",
            ),
        Model::new(
            "members: what appears does not walk",
            "Who has read a view is a reader of what appears in it.",
            members(3),
        )
        .within(NOTHING_CHANGES)
        .broken(
            Rules { appearing_walks: false, ..DESIGNED },
            "Who has walked through the view without it is called fresh.",
        ),
        Model::new(
            "members: the coarse revision stays",
            "A coarse node has a revision of its own.",
            members(3),
        )
        .within(EMPTY)
        .broken(
            Rules { coarse_is_raised: false, ..DESIGNED },
            "A build that has walked through the view before it appeared is stored fresh.",
        ),
        Model::new(
            "members: seen is raised to a C",
            "A walk through a view has seen what was published before it began.",
            members(3),
        )
        .within(Bounds { changes: Each([1, 1, 0]), ..SETTLED })
        .broken(
            Rules { coarse_seen_is_published: false, ..DESIGNED },
            "To have seen the new content of one record is not to have seen another's that \
                 changed before it.",
        ),
    ]
}
