//! Can a set of servers be covered by sets that may fail?
//!
//! Every condition on a policy and the "possibly decided" test of the protocol have one shape:
//! *can the servers in X be covered by `a` sets that may fail under one formula, all of them
//! containing E, and `b` sets that may fail under another?* A set may fail under a formula when
//! the formula is still true on everybody else.
//!
//! [`Coverage`] is the pair of formulas merged into one tree, whose gates tolerate a number of
//! failed children in each formula. The answer is one walk from the leaves to the root. For each
//! node the walk knows the least damage that covering the servers below it must do:
//!
//! - *dead in D*: the node fails in exactly the covering sets D, whatever is chosen (D is empty
//!   for most: the servers below are covered and the node lives in every set);
//! - *open*: the node must fail in one covering set, and any one will do. All servers below it go
//!   into that set.
//!
//! A leaf in E is dead in the first `a` sets; a leaf outside X is dead in none; a leaf in X is
//! open. At a gate, let `d(i)` be the number of children dead in set i. If some `d(i)` is above the
//! tolerance, the gate is dead in those sets, and its open children join one of them for free.
//! Otherwise the open children have to share what is left: if there are more of them than
//! `sum (tolerance(i) - d(i))` the gate is open, else it is dead in none.
//! X can be covered if and only if the root is dead in none.
//!
//! The walk treats every leaf as a server of its own. A server at several leaves must choose the
//! same set everywhere, which the walk does not see: its "no" is always right, its "yes" may be
//! wrong. There [`Coverage::search`] branches over the choices of those servers only, and uses the
//! walk to cut branches. When all of them have chosen, the walk is exact.
//!
//! # Source
//! docs/concepts/policies.md. Ours: the two kinds of sets, the set E and the merged tree; for
//! `a = 3`, `b = 0` it is the classical Q3 condition of Hirt & Maurer (1997).

mod merge;
mod search;

use crate::{Formula, ServerIndex, ServerSet};

pub(crate) use search::{Answer, Work};

/// The most covering sets of one task.
pub(crate) const SETS_MAX: usize = 5;

/// A gate's tolerance in a formula that the gate does not belong to.
const UNBOUNDED: u16 = u16::MAX;

/// A pair of formulas in the shape the walk needs.
#[derive(Debug, Clone)]
pub(crate) struct Coverage {
    root: Node,
    /// Nodes of the tree: what one walk costs.
    nodes: u64,
    /// Servers at several leaves; interchangeable ones stand side by side.
    repeated: Vec<Repeated>,
    twins: ServerSet,
}

/// A server at several leaves of the merged tree.
#[derive(Debug, Clone, Copy)]
struct Repeated {
    server: ServerIndex,
    /// Servers of one class stand under the same gates, equally often: exchanging two of them
    /// changes nothing.
    class: u16,
}

#[derive(Debug, Clone)]
enum Node {
    Leaf(ServerIndex),
    Gate {
        /// How many children may fail, in the first and in the second formula.
        tolerance: [u16; 2],
        children: Vec<Node>,
    },
}

/// What is asked: cover `cover` by `sets[0]` sets that may fail under the first formula and all
/// contain `common`, and `sets[1]` sets that may fail under the second.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Task {
    pub(crate) cover: ServerSet,
    pub(crate) sets: [usize; 2],
    pub(crate) common: ServerSet,
}

impl Task {
    fn total(&self) -> usize {
        self.sets[0] + self.sets[1]
    }

    /// The formula that covering set `set` has to leave true: 0 or 1.
    fn kind(&self, set: usize) -> usize {
        usize::from(set >= self.sets[0])
    }

    /// The covering sets that contain `common`, as a bit mask.
    fn common_mask(&self) -> u8 {
        (1 << self.sets[0]) - 1
    }
}

/// The least damage that covering the servers below a node does to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The node fails in exactly these covering sets (a bit mask).
    Dead(u8),
    /// The node fails in one covering set of our choice.
    Open,
}

/// Which covering set each server was put into, where that is decided already.
struct Choices([u8; crate::SERVERS_MAX]);

impl Choices {
    const UNDECIDED: u8 = u8::MAX;

    fn none() -> Self {
        Self([Self::UNDECIDED; crate::SERVERS_MAX])
    }

    fn of(&self, server: ServerIndex) -> Option<u8> {
        self.0.get(server.index()).copied().filter(|set| *set != Self::UNDECIDED)
    }

    fn set(&mut self, server: ServerIndex, set: u8) {
        if let Some(choice) = self.0.get_mut(server.index()) {
            *choice = set;
        }
    }

    fn clear(&mut self, server: ServerIndex) {
        self.set(server, Self::UNDECIDED);
    }
}

impl Coverage {
    /// One formula, for tasks without sets of the second kind.
    pub(crate) fn single(formula: &Formula) -> Self {
        Self::pair(formula, formula)
    }

    /// Two formulas. Where both have the same tree the walk is exact; else the trees are joined
    /// under a new root and every server stands at two leaves.
    pub(crate) fn pair(first: &Formula, second: &Formula) -> Self {
        let root = merge::merge(first, second);
        let merge::Survey { nodes, repeated, twins } = merge::survey(&root);
        Self { root, nodes, repeated, twins }
    }

    /// Servers that could be exchanged for another one that is not among them: what holds for
    /// that one holds for them.
    pub(crate) fn twins(&self) -> &ServerSet {
        &self.twins
    }

    /// Whether the walk's "yes" is certain too: no server stands at several leaves.
    pub(crate) fn is_exact(&self) -> bool {
        self.repeated.is_empty()
    }

    /// The walk's answer: false is certain, true is certain where [`Coverage::is_exact`].
    ///
    /// # Cost
    /// One visit of every leaf, no allocation.
    pub(crate) fn may_be_covered(&self, task: &Task) -> bool {
        self.state(&self.root, task, &Choices::none()) == State::Dead(0)
    }

    fn state(&self, node: &Node, task: &Task, choices: &Choices) -> State {
        let (tolerance, children) = match node {
            Node::Leaf(server) => return leaf_state(*server, task, choices),
            Node::Gate { tolerance, children } => (tolerance, children),
        };
        let mut dead = [0u16; SETS_MAX];
        let mut open = 0u32;
        for child in children {
            match self.state(child, task, choices) {
                State::Open => open += 1,
                State::Dead(0) => {}
                State::Dead(mask) => {
                    for (set, count) in dead.iter_mut().enumerate() {
                        *count += u16::from(mask >> set & 1);
                    }
                }
            }
        }
        let mut failed = 0u8;
        let mut room = 0u32;
        for (set, count) in dead.iter().enumerate().take(task.total()) {
            match tolerance[task.kind(set)].checked_sub(*count) {
                Some(left) => room += u32::from(left),
                None => failed |= 1 << set,
            }
        }
        if failed != 0 {
            State::Dead(failed)
        } else if open > room {
            State::Open
        } else {
            State::Dead(0)
        }
    }
}

fn leaf_state(server: ServerIndex, task: &Task, choices: &Choices) -> State {
    if task.common.contains(server) {
        State::Dead(task.common_mask())
    } else if !task.cover.contains(server) {
        State::Dead(0)
    } else {
        choices.of(server).map_or(State::Open, |set| State::Dead(1 << set))
    }
}

#[cfg(test)]
mod tests;
