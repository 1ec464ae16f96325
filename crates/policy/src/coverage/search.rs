//! The exact answer where servers stand at several leaves: branch over their choices, bound by
//! the walk.

use super::{Choices, Coverage, Node, Repeated, SETS_MAX, State, Task};
use crate::{ServerIndex, ServerSet};

/// The most branches of a search that has to end whatever it is asked (see
/// [`Coverage::is_exact_within_bounds`]).
const BRANCHES_MAX: u64 = 1 << 14;

/// Node visits that a search may still make. A policy can be written so that the exact search
/// takes forever; whoever wrote it does not get to stop us.
#[derive(Debug)]
pub(crate) struct Work(u64);

impl Work {
    /// Enough for every policy that people have shown us, and well under a second.
    pub(crate) const CHECK: u64 = 40_000_000;

    /// For one of many attempts at a repair.
    pub(crate) const TRY: u64 = 1_000_000;

    pub(crate) fn new(visits: u64) -> Self {
        Self(visits)
    }

    fn unlimited() -> Self {
        Self(u64::MAX)
    }

    fn spend(&mut self, visits: u64) -> bool {
        self.0 = self.0.saturating_sub(visits);
        self.0 > 0
    }
}

/// What a search found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// These sets cover what was asked, in the order of the task.
    Covered(Vec<ServerSet>),
    /// No such sets exist.
    Impossible,
    /// The work ran out.
    Undecided,
}

/// Set choices that mean the same may be skipped: how many sets of each kind are in use, and what
/// the last server of the same class chose.
struct Search<'a> {
    coverage: &'a Coverage,
    task: &'a Task,
    /// The repeated servers that have a choice at all.
    servers: Vec<Repeated>,
    choices: Choices,
    work: &'a mut Work,
}

impl Coverage {
    /// Decides the task exactly, with covering sets as a witness.
    ///
    /// # Cost
    /// One walk where no server repeats; else up to `sets ^ repeated servers` walks, cut by the
    /// walk and by symmetry, and at most `work`.
    pub(crate) fn search(&self, task: &Task, work: &mut Work) -> Answer {
        debug_assert!(task.total() <= SETS_MAX, "{} covering sets", task.total());
        let free = |repeated: &&Repeated| {
            task.cover.contains(repeated.server) && !task.common.contains(repeated.server)
        };
        let servers = self.repeated.iter().filter(free).copied().collect();
        let choices = Choices::none();
        let mut search = Search { coverage: self, task, servers, choices, work };
        match search.branch(0, [0, 0]) {
            None => Answer::Undecided,
            Some(false) => Answer::Impossible,
            Some(true) => Answer::Covered(self.witness(task, search.choices)),
        }
    }

    /// Whether the task can be done, exactly, with two sets at most. Only for a coverage that is
    /// [`Coverage::is_exact_within_bounds`], which is what bounds it.
    pub(crate) fn can_be_covered(&self, task: &Task) -> bool {
        debug_assert!(task.total() <= 2, "the bound is for two sets, not {}", task.total());
        self.may_be_covered(task)
            && (self.is_exact()
                || !matches!(self.search(task, &mut Work::unlimited()), Answer::Impossible))
    }

    /// Whether a search with two sets ends after few steps whatever is asked. Of c servers that
    /// are interchangeable, only the number that go into the first set matters.
    pub(crate) fn is_exact_within_bounds(&self) -> bool {
        let mut branches = 1u64;
        for class in self.repeated.chunk_by(|a, b| a.class == b.class) {
            branches = branches.saturating_mul(class.len() as u64 + 1);
        }
        branches <= BRANCHES_MAX
    }

    /// Turns a possible choice of the repeated servers into covering sets.
    fn witness(&self, task: &Task, mut choices: Choices) -> Vec<ServerSet> {
        let mut placed = Vec::new();
        self.place(&self.root, task, &choices, None, &mut placed);
        for (server, set) in placed {
            choices.set(server, set);
        }
        let mut sets = vec![ServerSet::EMPTY; task.total()];
        for (at, set) in sets.iter_mut().enumerate() {
            if task.kind(at) == 0 {
                *set = task.common;
            }
        }
        for server in task.cover.difference(&task.common).iter() {
            // A server that is in no tree is missed by nobody: any set may take it.
            let set = choices.of(server).unwrap_or(0);
            if let Some(set) = sets.get_mut(usize::from(set)) {
                set.insert(server);
            }
        }
        sets
    }

    /// Puts the open leaves below a node into sets. With `into`, the node is allowed to fail in
    /// that set; without, it must do no more damage than its state says.
    fn place(
        &self,
        node: &Node,
        task: &Task,
        choices: &Choices,
        into: Option<u8>,
        placed: &mut Vec<(ServerIndex, u8)>,
    ) {
        let state = self.state(node, task, choices);
        let (tolerance, children) = match node {
            Node::Leaf(server) => {
                if let (State::Open, Some(set)) = (state, into) {
                    placed.push((*server, set));
                }
                return;
            }
            Node::Gate { tolerance, children } => (tolerance, children),
        };
        let into = match state {
            State::Dead(mask) if mask != 0 => Some(into.unwrap_or(mask.trailing_zeros() as u8)),
            _ => into,
        };
        let states: Vec<State> =
            children.iter().map(|child| self.state(child, task, choices)).collect();
        let mut room = [0u16; SETS_MAX];
        for (set, room) in room.iter_mut().enumerate().take(task.total()) {
            let failed =
                |state: &&State| matches!(state, State::Dead(mask) if mask >> set & 1 == 1);
            let dead = states.iter().filter(failed).count() as u16;
            *room = tolerance[task.kind(set)].saturating_sub(dead);
        }
        for (child, state) in children.iter().zip(states) {
            let child_into =
                into.or_else(|| (state == State::Open).then(|| take_room(&mut room)).flatten());
            self.place(child, task, choices, child_into, placed);
        }
    }
}

/// The first set with room, one place less in it.
fn take_room(room: &mut [u16; SETS_MAX]) -> Option<u8> {
    let set = room.iter().position(|room| *room > 0)?;
    room[set] -= 1;
    Some(set as u8)
}

impl Search<'_> {
    /// Whether the servers from position `next` on can choose so that the task is done; `None` if
    /// the work ran out. On success the choices are left in place. `used` counts the sets of each
    /// kind that hold a server already.
    fn branch(&mut self, next: usize, used: [usize; 2]) -> Option<bool> {
        if !self.work.spend(self.coverage.nodes) {
            return None;
        }
        let state = self.coverage.state(&self.coverage.root, self.task, &self.choices);
        if state != State::Dead(0) {
            return Some(false);
        }
        let Some(repeated) = self.servers.get(next).copied() else {
            return Some(true);
        };
        for set in self.least_choice(next)..self.task.total() {
            let kind = self.task.kind(set);
            let rank = if kind == 0 { set } else { set - self.task.sets[0] };
            if rank > used[kind] {
                continue; // sets of one kind are alike: use them in order
            }
            let mut used = used;
            used[kind] = used[kind].max(rank + 1);
            self.choices.set(repeated.server, set as u8);
            if self.branch(next + 1, used)? {
                return Some(true);
            }
            self.choices.clear(repeated.server);
        }
        Some(false)
    }

    /// Interchangeable servers choose in ascending order.
    fn least_choice(&self, next: usize) -> usize {
        let previous = next.checked_sub(1).and_then(|at| self.servers.get(at));
        match (previous, self.servers.get(next)) {
            (Some(previous), Some(own)) if previous.class == own.class => {
                self.choices.of(previous.server).map_or(0, usize::from)
            }
            _ => 0,
        }
    }
}
