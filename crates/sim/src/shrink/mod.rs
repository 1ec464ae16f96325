//! Makes a failing scenario small: fewer servers, commands and faults, and an earlier healing, as long
//! as the same kind of thing breaks.
//!
//! Works on the scenario as a file, value by value, so that a fault that is added to scenarios
//! tomorrow is taken away like those of today.

mod reductions;

use crate::attempt::Attempt;
use crate::scenario::Scenario;
use ally_consensus::Bugs;
use std::ops::ControlFlow;

/// Each smaller scenario is tried with its own seed and so many others: what breaks by luck needs as
/// much luck in the smaller one.
const OTHER_SEEDS: u64 = 6;
/// As many for each smaller alliance, which is another world.
const OTHER_SEEDS_FEWER_SERVERS: u64 = 150;

/// A scenario made small.
#[derive(Debug, Clone)]
pub struct Shrunk {
    /// The smallest run found in which the same kind of thing breaks.
    pub attempt: Attempt,
    /// How many runs it took.
    pub runs: u64,
    /// How many times a smaller one was found.
    pub steps: u64,
}

/// Shrinks a run in which something broke, with at most `runs_max` runs, or until `watch`, which is
/// called after each, wants no more. Nothing is random in it.
///
/// # Cost
/// Up to `runs_max` runs, mostly shorter than the first.
pub fn shrink(
    broken: Attempt,
    bugs: Bugs,
    runs_max: u64,
    watch: &mut dyn FnMut(&Shrunk) -> ControlFlow<()>,
) -> Shrunk {
    let mut search = Search { bugs, runs_max, watch, ended: false };
    let mut shrunk = Shrunk { attempt: broken, runs: 0, steps: 0 };
    search.fewer_servers(&mut shrunk);
    while !search.ended && search.round(&mut shrunk) {}
    shrunk
}

struct Search<'a> {
    bugs: Bugs,
    runs_max: u64,
    watch: &'a mut dyn FnMut(&Shrunk) -> ControlFlow<()>,
    ended: bool,
}

impl Search<'_> {
    fn fewer_servers(&mut self, shrunk: &mut Shrunk) {
        for smaller in reductions::fewer_servers(&shrunk.attempt.scenario) {
            if self.ended || self.accept(shrunk, smaller, OTHER_SEEDS_FEWER_SERVERS) {
                return;
            }
        }
    }

    /// Tries every reduction of the scenario, going on from each that succeeds; whether one did.
    fn round(&mut self, shrunk: &mut Shrunk) -> bool {
        let before = shrunk.steps;
        let mut at = 0;
        let mut reductions = reductions::of(&shrunk.attempt.scenario);
        while let Some(smaller) = reductions.next().filter(|_| !self.ended) {
            if !self.accept(shrunk, smaller, OTHER_SEEDS) {
                at += 1;
                continue;
            }
            // The list changes with the scenario; what was tried at an earlier place is tried again
            // in the next round.
            reductions = reductions::of(&shrunk.attempt.scenario);
            reductions.by_ref().take(at).for_each(drop);
        }
        shrunk.steps > before
    }

    fn accept(&mut self, shrunk: &mut Shrunk, smaller: Scenario, other_seeds: u64) -> bool {
        let Some(kind) = shrunk.attempt.kind().map(str::to_owned) else { return false };
        for other in 0..=other_seeds {
            let scenario = Scenario { seed: smaller.seed.wrapping_add(other), ..smaller.clone() };
            shrunk.runs += 1;
            let attempt = Attempt::run(scenario, self.bugs).ok();
            let found = attempt.filter(|attempt| attempt.kind() == Some(kind.as_str()));
            let succeeded = found.is_some();
            if let Some(found) = found {
                shrunk.attempt = found;
                shrunk.steps += 1;
            }
            self.ended = shrunk.runs >= self.runs_max || (self.watch)(shrunk).is_break();
            if succeeded || self.ended {
                return succeeded;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Setting, Style};
    use ally_policy::ServerSet;

    const RUNS_MAX: u64 = 60;

    /// Two of four servers with two faces are one more than the policy lets fail; the first run in
    /// which that breaks something.
    fn broken_by_twins() -> Attempt {
        let setting = Setting::named("four").expect("a setting");
        let run = |seed| {
            let mut scenario = Scenario::draw(seed, &setting, Style::Weather).expect("sound");
            scenario.coalition = ServerSet::first(2);
            scenario.twins.members = scenario.coalition;
            scenario.disk_faults.clear();
            // With too many liars a run may never settle: then it takes as long as it is given.
            scenario.paces.timeout_max = scenario.paces.base_timeout;
            Attempt::run(scenario, Bugs::NONE).expect("it can be run")
        };
        let drawn = |seed: &u64| {
            let scenario = Scenario::draw(*seed, &setting, Style::Weather).expect("sound");
            !scenario.twins.script.is_empty()
        };
        let broken = |attempt: &Attempt| attempt.kind() == Some("agreement");
        (0..2_000).filter(drawn).map(run).find(broken).expect("a seed breaks it")
    }

    #[test]
    fn a_run_that_twins_broke_stays_one_whose_twins_are_liars() {
        let from = broken_by_twins();
        let to = shrink(from, Bugs::NONE, RUNS_MAX, &mut |_| ControlFlow::Continue(()));
        let (steps, attempt) = (to.steps, to.attempt);
        let scenario = attempt.scenario;
        assert!(steps > 0 && attempt.violations[0].starts_with("agreement"));
        assert!(!scenario.twins.members.is_empty(), "without twins nobody lies: {scenario:?}");
        assert!(scenario.twins.members.is_subset(&scenario.coalition), "{scenario:?}");
        let again = Scenario::from_file(&scenario.to_file()).expect("its file is one");
        let again = Attempt::run(again, Bugs::NONE).expect("it can be run");
        assert_eq!(again.violations, attempt.violations);
    }
}
