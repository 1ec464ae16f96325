//! A policy held against the conditions of its fault model.

use crate::conditions::{Condition, Counterexample, Failure, Judge, Verdict};
use crate::coverage::Work;
use crate::definition::{Resolved, resolve};
use crate::error::InputError;
use crate::strengthen::weakest_fast;
use crate::{Definition, FaultModel, Formula, ServerSet};

/// Everything that was found out about a policy.
#[derive(Debug, Clone)]
pub(crate) struct Assessment {
    pub(crate) model: FaultModel,
    pub(crate) resolved: Resolved,
    /// Every condition that was tested; `fast` and `q2` with the given fast formula, else with
    /// `decide`.
    pub(crate) verdicts: Vec<(Condition, Verdict)>,
    /// Those of them that have to hold.
    required: Vec<Condition>,
    /// The formula for decisions in two steps: as given, else `decide` or the weakest uniform
    /// strengthening that meets the condition.
    pub(crate) fast: Option<Formula>,
    /// Whether some quorum is no fast quorum, as far as could be found out.
    slow_path: bool,
}

impl Assessment {
    /// Tests what there is to test.
    ///
    /// # Errors
    /// The writer's: names that cannot be resolved.
    pub(crate) fn of(definition: &Definition, model: FaultModel) -> Result<Self, InputError> {
        Self::within(definition, model, Work::new(Work::CHECK))
    }

    /// As [`Assessment::of`], with so much work for the exact search.
    pub(crate) fn within(
        definition: &Definition,
        model: FaultModel,
        work: Work,
    ) -> Result<Self, InputError> {
        let resolved = resolve(definition)?;
        let everybody = ServerSet::first(resolved.servers.len());
        let mut judge = Judge::new(everybody, &resolved.decide, work);
        let tested = resolved.fast.as_ref().unwrap_or(&resolved.decide);
        let mut verdicts = vec![
            (Condition::Q3, judge.q3()),
            (Condition::Fast, judge.fast(tested)),
            (Condition::Q2, judge.q2(tested)),
        ];
        if model == FaultModel::AttestedLeader {
            verdicts.push((Condition::AttestedLeader, judge.attested_leader(tested)));
        }
        let holds = |condition: Condition| {
            verdicts.iter().any(|(own, verdict)| *own == condition && verdict.holds())
        };
        let fast = match (&resolved.fast, holds(two_steps(model))) {
            (Some(given), _) => Some(given.clone()),
            (None, true) => Some(resolved.decide.clone()),
            (None, false) => weakest_fast(&mut judge, model),
        };
        let slow_path = fast.as_ref().is_some_and(|fast| {
            *fast != resolved.decide && !judge.implies(&resolved.decide, fast).holds()
        });
        // Where three quorums need not share a server, that is all there is to say.
        let underivable = fast.is_none() && holds(Condition::Q3);
        let required = required(model, resolved.fast.is_some() || underivable, slow_path);
        let work = judge.work;
        let mut assessment = Self { model, resolved, verdicts, required, fast, slow_path };
        assessment.test_given_formulas(work);
        Ok(assessment)
    }

    /// A formula that was given has to fit `decide`.
    fn test_given_formulas(&mut self, work: Work) {
        let decide = self.resolved.decide.clone();
        let mut judge = Judge::new(ServerSet::first(self.resolved.servers.len()), &decide, work);
        let mut verdicts = Vec::new();
        if let Some(given) = &self.resolved.fast {
            verdicts.push((Condition::FastImpliesDecide, judge.implies(given, &decide)));
        }
        if let Some(given) = &self.resolved.certify {
            verdicts.push((Condition::CertifyUnforgeable, judge.unforgeable(given)));
            verdicts.push((Condition::CertifyLive, judge.implies(&decide, given)));
        }
        self.required.extend(verdicts.iter().map(|(condition, _)| *condition));
        self.verdicts.extend(verdicts);
    }

    /// Whether the policy may be used.
    pub(crate) fn is_ok(&self) -> bool {
        self.failed().next().is_none()
    }

    /// Whether `condition` has to hold for this policy and model.
    pub(crate) fn requires(&self, condition: Condition) -> bool {
        self.required.contains(&condition)
    }

    /// Whether decisions need a path of three steps where fewer servers answer.
    pub(crate) fn slow_path(&self) -> bool {
        self.slow_path
    }

    fn failed(&self) -> impl Iterator<Item = &(Condition, Verdict)> {
        self.verdicts
            .iter()
            .filter(|(condition, verdict)| self.requires(*condition) && !verdict.holds())
    }

    /// The required conditions that fail.
    pub(crate) fn failures(&self) -> Vec<Failure> {
        self.failed().map(|(condition, verdict)| self.failure(*condition, verdict)).collect()
    }

    /// A failed condition in names.
    pub(crate) fn failure(&self, condition: Condition, verdict: &Verdict) -> Failure {
        let found: Option<&Counterexample> = match verdict {
            Verdict::Fails(counterexample) => Some(counterexample),
            Verdict::Holds | Verdict::Undecided => None,
        };
        let sets = found.map(|found| found.sets.iter().map(|set| self.names(set)).collect());
        let leader = found.and_then(|found| found.leader);
        let leader = leader.and_then(|leader| self.resolved.servers.get(leader.index()).cloned());
        Failure { condition, sets, leader }
    }

    /// The names of a set of servers, in the order of the servers.
    pub(crate) fn names(&self, set: &ServerSet) -> Vec<String> {
        let name = |(index, name): (usize, &String)| {
            set.contains(crate::ServerIndex(index as u16)).then(|| name.clone())
        };
        self.resolved.servers.iter().enumerate().filter_map(name).collect()
    }
}

/// The condition under which a formula gives decisions in two steps.
fn two_steps(model: FaultModel) -> Condition {
    match model {
        FaultModel::Byzantine => Condition::Fast,
        FaultModel::AttestedLeader => Condition::AttestedLeader,
        FaultModel::Attested => Condition::Q2,
    }
}

/// The conditions that have to hold. The one for two steps is always met by a derived formula; it
/// is needed where the formula was given, or where none could be derived.
fn required(model: FaultModel, two_steps: bool, slow_path: bool) -> Vec<Condition> {
    match (model, two_steps) {
        (FaultModel::Byzantine, false) => vec![Condition::Q3],
        (FaultModel::Byzantine, true) => vec![Condition::Q3, Condition::Fast],
        (FaultModel::Attested, _) => vec![Condition::Q2],
        // Votes are not anchored here: a slow path, which rests on two quorums sharing a correct
        // server, needs what it needs with Byzantine servers. Without one, Q3 is the condition
        // itself.
        (FaultModel::AttestedLeader, true) if slow_path => {
            vec![Condition::Q3, Condition::AttestedLeader]
        }
        (FaultModel::AttestedLeader, true) => vec![Condition::AttestedLeader],
        (FaultModel::AttestedLeader, false) => vec![Condition::Q3],
    }
}
