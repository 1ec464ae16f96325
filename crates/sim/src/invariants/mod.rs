//! What must hold in every run, checked from outside: nothing here uses the servers' own logic.
//!
//! One file each. An invariant sees what is observed of honest servers, and what anybody says.

mod agreement;
mod blame;
mod budget;
mod certification;
mod decision;
mod durability;
mod figures;
mod good_case;
mod kind;
mod log;
mod memory;
mod new_view;
mod patience;
mod quorums;
mod refusal;
mod reports;
mod time;
mod validity;
mod votes;

pub(crate) use budget::BLOCK_BATCHES;
pub use figures::Figures;
pub(crate) use memory::UNDECIDED_BYTES;

use crate::facts::Facts;
use crate::observation::Observation;
use crate::scenario::Scenario;
use ally_consensus::Micros;
use ally_policy::{ServerIndex, ServerSet};
use kind::Kind;
use std::sync::Arc;

/// Something that must hold.
trait Invariant {
    /// What it is shown; all that [`Invariant::see`] has a use for.
    fn looks_at(&self) -> &'static [Kind];

    /// Takes note; says what is broken, if something is.
    fn see(&mut self, now: Micros, what: &Observation<'_>) -> Result<(), String>;

    /// What only shows when one looks back over the whole run.
    fn finish(&mut self) -> Result<(), String> {
        Ok(())
    }
}

/// All invariants of a run.
pub struct Invariants {
    honest: ServerSet,
    all: Vec<Box<dyn Invariant>>,
    /// For each kind of observation the places of those invariants that look at it.
    watching: [Vec<usize>; Kind::COUNT],
    figures: Figures,
    violations: Vec<String>,
    good_case: bool,
}

impl Invariants {
    /// Nothing has happened yet.
    pub fn new(scenario: &Scenario, facts: Facts, honest: ServerSet) -> Self {
        let policy = Arc::clone(&facts.policy);
        let mut all: Vec<Box<dyn Invariant>> = vec![
            Box::new(agreement::Agreement::default()),
            Box::new(validity::Validity::new(honest)),
            Box::new(time::Time::new(scenario.clocks.clone(), honest)),
            Box::new(votes::Votes::new(honest)),
            Box::new(durability::Durability::new(honest)),
            Box::new(decision::Decision::new(&policy)),
            Box::new(new_view::NewViewSoundness::new(&policy, honest)),
            Box::new(log::Log::default()),
            Box::new(reports::Reports::new(honest)),
            Box::new(budget::Budget),
            Box::new(certification::Certification::default()),
            Box::new(blame::Blame::new(facts, honest)),
            Box::new(refusal::Refusal::new(honest)),
            Box::new(memory::Memory::default()),
            Box::new(patience::Patience::default()),
        ];
        let quick = good_case::GoodCase::new(scenario);
        let good_case = quick.is_some();
        all.extend(quick.map(|quick| Box::new(quick) as Box<dyn Invariant>));
        Self { good_case, ..Self::of(honest, all) }
    }

    fn of(honest: ServerSet, all: Vec<Box<dyn Invariant>>) -> Self {
        let mut watching = [const { Vec::new() }; Kind::COUNT];
        for (place, invariant) in all.iter().enumerate() {
            for kind in invariant.looks_at() {
                watching[*kind as usize].push(place);
            }
        }
        let (figures, violations) = (Figures::default(), Vec::new());
        Self { honest, all, watching, figures, violations, good_case: false }
    }

    /// Whether nothing may fail, so that decisions have to be quick.
    pub fn watch_the_good_case(&self) -> bool {
        self.good_case
    }

    /// Something was observed.
    pub fn see(&mut self, now: Micros, what: &Observation<'_>) {
        // Most of what there is to see, and nobody asks for it: what matters is what was said.
        if matches!(what, Observation::Sent { .. } | Observation::Unheard { .. }) {
            return;
        }
        // What happens inside a liar says nothing.
        if what.inside().is_some_and(|server| !self.honest.contains(server)) {
            return;
        }
        self.figures.see(now, what);
        for place in &self.watching[Kind::of(what) as usize] {
            self.violations.extend(self.all[*place].see(now, what).err());
        }
    }

    /// The checks that look back over the whole run.
    pub fn finish(&mut self) {
        for invariant in &mut self.all {
            self.violations.extend(invariant.finish().err());
        }
    }

    /// Something else that must not be.
    pub fn violate(&mut self, what: String) {
        self.violations.push(what);
    }

    /// Whether anything is broken so far.
    pub fn is_broken(&self) -> bool {
        !self.violations.is_empty()
    }

    /// What was broken.
    pub fn into_violations(self) -> Vec<String> {
        self.violations
    }

    /// What was counted on the way.
    pub fn figures(&self) -> Figures {
        self.figures.clone()
    }
}

impl Observation<'_> {
    /// The server inside which this happened, if not between servers.
    fn inside(&self) -> Option<ServerIndex> {
        match self {
            Self::Durable { server, .. }
            | Self::Delivered { server, .. }
            | Self::View { server, .. }
            | Self::Accused { server, .. }
            | Self::Halted { server, .. }
            | Self::Sampled { server, .. }
            | Self::Crashed { server, .. }
            | Self::Restarted { server } => Some(*server),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
