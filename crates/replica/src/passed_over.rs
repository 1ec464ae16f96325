//! Whether the leader passes over an origin.
//!
//! The engine's progress timer restarts at every decision, so a leader that orders everything but
//! one origin's batches would never be left. This measures it for every origin, not for this server
//! alone: one victim is no kernel, but all who hold its batch and see it passed over are.

use ally_consensus::{Bug, Bugs, Micros};
use ally_policy::{ServerIndex, ServerSet};

/// How many blocks with other origins' batches may be delivered after an origin's batch was relayed,
/// besides those until its turn: those that are under way when the leader gets it, and those made
/// while it was on its way.
const SLACK_BLOCKS: u32 = 7;

/// What to do about batches that wait.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Neglect {
    /// The leader may not have these origins' next batches: relay them to it.
    pub(crate) relay: Vec<ServerIndex>,
    /// These had been relayed and were passed over all the same.
    pub(crate) starved: Vec<ServerIndex>,
}

/// For each origin, since when its next batch waits, and what was ordered meanwhile.
#[derive(Debug)]
pub(crate) struct PassedOver {
    /// Those whose next batch waits; of the others nothing is noted.
    waiting: ServerSet,
    origins: Vec<Waiting>,
    /// For each origin, how many blocks without its batch are too many.
    too_many: Vec<u32>,
    /// When the first of those that wait is to be relayed: asked for at every step, changed seldom.
    relay_at: Option<Micros>,
    /// Whether one of them was passed over too often.
    passed: bool,
    relay_after: Micros,
    starved_after: Micros,
    bugs: Bugs,
}

#[derive(Debug, Clone, Copy, Default)]
struct Waiting {
    since: Micros,
    relayed: bool,
    /// Blocks with others' batches since it was relayed.
    blocks: u32,
}

impl PassedOver {
    /// `until_turn` holds for each origin how many blocks a fair leader makes until its turn. A batch
    /// is relayed to the leader after half the base timeout, before anybody's progress timer runs
    /// out, and counts as passed over after two, if there were blocks enough since it was relayed.
    pub(crate) fn new(until_turn: Vec<u32>, base_timeout: Micros) -> Self {
        Self {
            waiting: ServerSet::EMPTY,
            origins: vec![Waiting::default(); until_turn.len()],
            too_many: until_turn.iter().map(|blocks| blocks.saturating_add(SLACK_BLOCKS)).collect(),
            relay_at: None,
            passed: false,
            relay_after: Micros(base_timeout.0 / 2),
            starved_after: Micros(base_timeout.0.saturating_mul(2)),
            bugs: Bugs::NONE,
        }
    }

    /// The same, with rules broken on purpose.
    pub(crate) fn planted(mut self, bugs: Bugs) -> Self {
        if bugs.has(Bug::PassedOverSoon) {
            self.too_many.fill(1 + SLACK_BLOCKS);
        }
        Self { bugs, ..self }
    }

    /// Says of which origins the next batch is held now.
    pub(crate) fn waits(&mut self, held: &ServerSet, now: Micros) {
        if *held == self.waiting {
            return;
        }
        for origin in held.difference(&self.waiting).iter() {
            self.origins[origin.index()] = Waiting { since: now, ..Waiting::default() };
        }
        self.waiting = *held;
        self.look();
    }

    /// A block was delivered with batches of some origins (ask `in_block`); the clock of those
    /// starts again, all others were passed over once more.
    pub(crate) fn delivered(&mut self, in_block: impl Fn(ServerIndex) -> bool) {
        for origin in self.waiting.iter() {
            let waiting = &mut self.origins[origin.index()];
            if in_block(origin) {
                self.waiting.remove(origin);
            } else if waiting.relayed || self.bugs.has(Bug::PassedOverSoon) {
                waiting.blocks = waiting.blocks.saturating_add(1);
            }
        }
        self.look();
    }

    /// Another leader gets a fresh chance with every batch.
    pub(crate) fn new_leader(&mut self, now: Micros) {
        for origin in self.waiting.iter() {
            self.origins[origin.index()] = Waiting { since: now, ..Waiting::default() };
        }
        self.look();
    }

    /// What is due now. Each batch is relayed once per leader.
    pub(crate) fn due(&mut self, now: Micros) -> Neglect {
        let mut neglect = Neglect::default();
        if !self.passed && self.relay_at.is_none_or(|at| now < at) {
            return neglect;
        }
        for origin in self.waiting.iter() {
            let waiting = &mut self.origins[origin.index()];
            let waited = now.0.saturating_sub(waiting.since.0);
            if !waiting.relayed && waited >= self.relay_after.0 {
                waiting.relayed = true;
                neglect.relay.push(origin);
            }
            if waiting.blocks >= self.too_many[origin.index()] && waited >= self.starved_after.0 {
                neglect.starved.push(origin);
            }
        }
        self.look();
        neglect
    }

    /// The next time that [`PassedOver::due`] has to be asked although nothing happened. Starving
    /// needs deliveries, which are something.
    pub(crate) fn deadline(&self) -> Option<Micros> {
        self.relay_at
    }

    /// Whether somebody was passed over too often, so that [`PassedOver::due`] is to be asked at every
    /// step.
    pub(crate) fn is_any_passed(&self) -> bool {
        self.passed
    }

    /// Notes what all that wait come to.
    fn look(&mut self) {
        let unrelayed = |origin: ServerIndex| {
            let waiting = &self.origins[origin.index()];
            (!waiting.relayed).then_some(waiting.since)
        };
        let since = self.waiting.iter().filter_map(unrelayed).min();
        let passed = |origin: ServerIndex| {
            self.origins[origin.index()].blocks >= self.too_many[origin.index()]
        };
        self.passed = self.waiting.iter().any(passed);
        self.relay_at = since.map(|since| Micros(since.0.saturating_add(self.relay_after.0)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: ServerIndex = ServerIndex(1);

    fn of_origin() -> ServerSet {
        [ORIGIN].into_iter().collect()
    }

    fn waiting_since(now: u64) -> PassedOver {
        let mut passed = PassedOver::new(vec![1, 3, 1], Micros(100));
        passed.waits(&of_origin(), Micros(now));
        passed
    }

    fn others_are_ordered(passed: &mut PassedOver, blocks: u32) {
        (0..blocks).for_each(|_| passed.delivered(|_| false));
    }

    #[test]
    fn a_waiting_batch_is_relayed_once_before_a_timer_runs_out() {
        let mut passed = waiting_since(1000);
        assert_eq!(passed.deadline(), Some(Micros(1050)));
        assert_eq!(passed.due(Micros(1049)), Neglect::default());
        assert_eq!(passed.due(Micros(1050)).relay, [ORIGIN]);
        assert_eq!(passed.due(Micros(1060)), Neglect::default());
        assert_eq!(passed.deadline(), None);
    }

    #[test]
    fn passed_over_takes_time_and_blocks_after_it_was_relayed() {
        let mut passed = waiting_since(1000);
        others_are_ordered(&mut passed, 100);
        assert_eq!(passed.due(Micros(1200)), Neglect { relay: vec![ORIGIN], starved: vec![] });
        others_are_ordered(&mut passed, 3 + SLACK_BLOCKS - 1);
        assert!(passed.due(Micros(9000)).starved.is_empty(), "its turn may be yet to come");
        others_are_ordered(&mut passed, 1);
        assert!(passed.due(Micros(1199)).starved.is_empty(), "too early");
        assert_eq!(passed.due(Micros(1200)).starved, [ORIGIN]);
    }

    #[test]
    fn an_ordered_batch_or_a_new_leader_starts_the_clock_again() {
        let mut passed = waiting_since(1000);
        passed.due(Micros(1100));
        others_are_ordered(&mut passed, 20);
        passed.delivered(|origin| origin == ORIGIN);
        passed.waits(&of_origin(), Micros(1300));
        assert!(passed.due(Micros(1600)).starved.is_empty());
        others_are_ordered(&mut passed, 20);
        assert_eq!(passed.due(Micros(1600)).starved, [ORIGIN]);
        passed.new_leader(Micros(1600));
        assert!(passed.due(Micros(9000)).starved.is_empty());
        assert_eq!(passed.deadline(), None, "relayed to the new leader by now");
    }

    #[test]
    fn nothing_waiting_needs_no_timer() {
        let mut passed = waiting_since(1000);
        passed.waits(&ServerSet::EMPTY, Micros(1001));
        assert_eq!(passed.deadline(), None);
    }
}
