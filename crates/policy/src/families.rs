//! The smallest sets on which a formula is true.

use std::collections::BTreeSet;

use crate::{Formula, ServerSet};

/// The most sets that a report lists of one kind.
pub(crate) const SETS_SHOWN_MAX: usize = 64;

/// The most selections of leaves that are looked at where servers repeat: some of them are not
/// smallest, or name a set again.
const CANDIDATES_MAX: usize = 4096;

/// Sets of servers, smallest first, and whether there are more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Family {
    pub(crate) sets: Vec<ServerSet>,
    pub(crate) truncated: bool,
}

/// The sets on which the formula is true and that no server can leave; at most
/// [`SETS_SHOWN_MAX`].
pub(crate) fn minimal_sets(formula: &Formula) -> Family {
    let repeats = formula.servers().len() < formula.leaf_count();
    let limit = if repeats { CANDIDATES_MAX } else { SETS_SHOWN_MAX };
    let mut found = candidates(formula, limit);
    if repeats {
        let distinct: BTreeSet<ServerSet> = found.sets.into_iter().collect();
        found.sets = distinct.into_iter().filter(|set| is_minimal(formula, set)).collect();
    }
    found.sets.sort_by_cached_key(|set| (set.len(), set.iter().collect::<Vec<_>>()));
    found.truncated |= found.sets.len() > SETS_SHOWN_MAX;
    found.sets.truncate(SETS_SHOWN_MAX);
    found
}

fn is_minimal(formula: &Formula, set: &ServerSet) -> bool {
    set.iter().all(|server| {
        let mut without = *set;
        without.remove(server);
        !formula.holds(&without)
    })
}

/// Every way to make the formula true with as few leaves as its gates need, up to a limit.
fn candidates(formula: &Formula, limit: usize) -> Family {
    let gate = match formula {
        Formula::Leaf(server) => {
            let sets = vec![ServerSet::from_iter([*server])];
            return Family { sets, truncated: false };
        }
        Formula::Gate(gate) => gate,
    };
    let parts: Vec<Family> = gate.children().iter().map(|child| candidates(child, limit)).collect();
    let truncated = parts.iter().any(|part| part.truncated);
    let mut family = Family { sets: Vec::new(), truncated };
    choose(&parts, usize::from(gate.threshold()), ServerSet::EMPTY, limit, &mut family);
    family
}

/// Adds to `family` the union of `so_far` and one set each of `count` of the parts, in every way.
fn choose(parts: &[Family], count: usize, so_far: ServerSet, limit: usize, family: &mut Family) {
    if count == 0 {
        if family.sets.len() == limit {
            family.truncated = true;
        } else {
            family.sets.push(so_far);
        }
        return;
    }
    for at in 0..=parts.len() - count {
        for set in &parts[at].sets {
            if family.truncated && family.sets.len() == limit {
                return;
            }
            choose(&parts[at + 1..], count - 1, so_far.union(set), limit, family);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ServerIndex;

    fn leaf(server: u16) -> Formula {
        Formula::Leaf(ServerIndex(server))
    }

    fn gate(threshold: u16, children: Vec<Formula>) -> Formula {
        Formula::gate(threshold, children).expect("a valid gate")
    }

    fn members(family: &Family) -> Vec<Vec<u16>> {
        family.sets.iter().map(|set| set.iter().map(|server| server.0).collect()).collect()
    }

    #[test]
    fn smallest_sets_come_first() {
        let formula = gate(1, vec![gate(2, vec![leaf(0), leaf(1)]), leaf(2)]);
        assert_eq!(members(&minimal_sets(&formula)), [vec![2], vec![0, 1]]);
    }

    #[test]
    fn repeated_servers_give_no_set_twice_and_none_too_large() {
        // 2 of (0, 0, 1 and 2): {0} alone is enough.
        let formula = gate(2, vec![leaf(0), leaf(0), gate(2, vec![leaf(1), leaf(2)])]);
        assert_eq!(members(&minimal_sets(&formula)), [vec![0]]);
    }

    #[test]
    fn a_long_list_is_cut_and_says_so() {
        let formula = gate(128, (0..256).map(leaf).collect());
        let family = minimal_sets(&formula);
        assert!(family.truncated);
        assert_eq!(family.sets.len(), SETS_SHOWN_MAX);
        assert!(family.sets.iter().all(|set| set.len() == 128));

        let exactly = minimal_sets(&gate(1, (0..64).map(leaf).collect()));
        assert_eq!((exactly.sets.len(), exactly.truncated), (64, false));
    }
}
