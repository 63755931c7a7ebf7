//! How far views lie from what is built from nothing else.

use std::collections::{BTreeMap, BTreeSet};

use super::walk::reachable;
use crate::page::ViewId;

/// The views, each with the longest way that leads to it from a view that reads none; those nearest
/// first. Views that read each other in a circle lie equally far.
pub(crate) fn levels(readers: &BTreeMap<ViewId, Vec<ViewId>>) -> Vec<(ViewId, u32)> {
    let readers_of = |view| readers.get(&view).cloned().unwrap_or_default();
    let reached: BTreeMap<ViewId, BTreeSet<ViewId>> =
        readers.keys().map(|view| (*view, reachable([*view], readers_of))).collect();
    let reaches = |from: ViewId, to| reached.get(&from).is_some_and(|views| views.contains(&to));
    let mut levels: BTreeMap<ViewId, u32> = readers.keys().map(|view| (*view, 0)).collect();
    // Each round settles the views that lie one further away; in a circle nothing rises for good.
    let mut settled = false;
    while !settled {
        settled = true;
        for (view, readers) in readers {
            for reader in readers {
                let least = levels[view] + u32::from(!reaches(*reader, *view));
                if let Some(level) = levels.get_mut(reader).filter(|level| **level < least) {
                    *level = least;
                    settled = false;
                }
            }
        }
    }
    let mut levels: Vec<_> = levels.into_iter().collect();
    levels.sort_by_key(|(view, level)| (*level, *view));
    levels
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(graph: &[(u32, &[u32])]) -> Vec<(u32, u32)> {
        let views = |readers: &[u32]| readers.iter().copied().map(ViewId).collect();
        let graph = graph.iter().map(|(view, readers)| (ViewId(*view), views(readers)));
        levels(&graph.collect()).into_iter().map(|(view, level)| (view.0, level)).collect()
    }

    #[test]
    fn a_view_lies_behind_all_that_it_reads_by_the_longest_way() {
        let graph: [(u32, &[u32]); 5] = [(9, &[1, 3]), (1, &[2]), (2, &[3]), (3, &[]), (4, &[])];
        assert_eq!(of(&graph), [(4, 0), (9, 0), (1, 1), (2, 2), (3, 3)]);
    }

    #[test]
    fn views_of_a_circle_lie_equally_far_and_what_reads_them_lies_behind() {
        let graph: [(u32, &[u32]); 5] = [(1, &[2]), (2, &[3]), (3, &[2, 4]), (4, &[]), (5, &[5])];
        assert_eq!(of(&graph), [(1, 0), (5, 0), (2, 1), (3, 1), (4, 2)]);
    }

    #[test]
    fn readers_that_are_no_more_are_left_out() {
        assert_eq!(of(&[(1, &[7, 2]), (2, &[7])]), [(1, 0), (2, 1)]);
    }

    #[test]
    fn a_long_chain_named_backwards_ends() {
        let graph: Vec<(u32, Vec<u32>)> = (0..200).map(|n| (200 - n, vec![199 - n])).collect();
        let graph: Vec<(u32, &[u32])> = graph.iter().map(|(n, r)| (*n, &**r)).collect();
        let levels = of(&graph);
        assert_eq!((levels[0], levels[199]), ((200, 0), (1, 199)));
    }
}
