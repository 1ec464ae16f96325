//! The conditions that make a policy safe, each with its counterexample.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::coverage::{Answer, Coverage, Task, Work};
use crate::{FaultModel, Formula, ServerIndex, ServerSet};

/// A condition on a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Condition {
    /// Any three quorums have a common member.
    Q3,
    /// For every server L: any three quorums without L and any two fast quorums have a common
    /// member.
    Fast,
    /// Any two quorums have a common member, and every quorum meets every fast quorum.
    Q2,
    /// Any two quorums and a fast quorum have a common member.
    AttestedLeader,
    /// Every fast quorum is a quorum.
    FastImpliesDecide,
    /// No set that may fail can certify.
    CertifyUnforgeable,
    /// Every quorum can certify.
    CertifyLive,
}

impl Condition {
    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Q3 => "q3",
            Self::Fast => "fast",
            Self::Q2 => "q2",
            Self::AttestedLeader => "attested_leader",
            Self::FastImpliesDecide => "fast_implies_decide",
            Self::CertifyUnforgeable => "certify_unforgeable",
            Self::CertifyLive => "certify_live",
        }
    }

    /// What the condition asks for, as a sentence without capital and full stop.
    pub fn statement(self) -> &'static str {
        match self {
            Self::Q3 => "any three quorums share a server",
            Self::Fast => {
                "any three quorums without the leader and any two fast quorums share a server"
            }
            Self::Q2 => "any two quorums, and any quorum and fast quorum, share a server",
            Self::AttestedLeader => "any two quorums and a fast quorum share a server",
            Self::FastImpliesDecide => "every fast quorum is a quorum",
            Self::CertifyUnforgeable => "servers that may fail together cannot certify",
            Self::CertifyLive => "every quorum can certify",
        }
    }

    /// What a failure means for the alliance, as a sentence without capital and full stop.
    pub fn consequence(self) -> &'static str {
        match self {
            Self::Q3 => "faulty servers could make the alliance decide two different things",
            Self::Fast => {
                "a decision in two steps could be lost when the leader lies and is replaced"
            }
            Self::Q2 => "the alliance could decide two different things",
            Self::AttestedLeader => "a decision in two steps could be lost with its leader",
            Self::FastImpliesDecide => "a decision could be made that no quorum stands behind",
            Self::CertifyUnforgeable => {
                "faulty servers could sign for the alliance what it never decided"
            }
            Self::CertifyLive => "the alliance could decide and be unable to sign it",
        }
    }
}

impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// How a condition came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    Holds,
    Fails(Counterexample),
    /// The policy repeats servers in so many places that the exact search was given up. Counts as
    /// failed.
    Undecided,
}

impl Verdict {
    pub(crate) fn holds(&self) -> bool {
        *self == Self::Holds
    }
}

/// Sets of servers that show why a condition fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Counterexample {
    /// Sets that may fail and together cover everybody; for the last three conditions the one
    /// offending set.
    pub(crate) sets: Vec<ServerSet>,
    /// The server that the quorums of the fast condition all miss.
    pub(crate) leader: Option<ServerIndex>,
}

/// A condition that fails, in names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub(crate) condition: Condition,
    pub(crate) sets: Option<Vec<Vec<String>>>,
    pub(crate) leader: Option<String>,
}

impl Failure {
    /// The condition.
    pub fn condition(&self) -> Condition {
        self.condition
    }

    /// The counterexample; `None` if the exact search was given up.
    pub fn sets(&self) -> Option<&[Vec<String>]> {
        self.sets.as_deref()
    }

    /// The counterexample in words, as a sentence without capital and full stop.
    pub fn explanation(&self) -> String {
        let Some(sets) = &self.sets else {
            return "there are too many ways to fail to look at each; name every server once in a \
                    formula, and leave `fast` out or give it the groups of `decide`"
                .to_owned();
        };
        let named: Vec<String> = sets.iter().map(|set| braces(set)).collect();
        let all = named.join(", ");
        let leader = self.leader.as_deref().unwrap_or("the leader");
        match self.condition {
            Condition::Q3 => format!("each of these may fail, and together they are all: {all}"),
            Condition::Fast => format!(
                "with {leader} as a lying leader: {} may each fail, {} are each dispensable for \
                 two steps, and together they are all",
                named[..named.len().min(3)].join(", "),
                named[named.len().min(3)..].join(", "),
            ),
            Condition::Q2 | Condition::AttestedLeader => {
                format!("each of these is dispensable, and together they are all: {all}")
            }
            Condition::FastImpliesDecide => {
                format!("{all} satisfies `fast` but not `decide`")
            }
            Condition::CertifyUnforgeable => {
                format!("{all} may fail together, and satisfies `certify`")
            }
            Condition::CertifyLive => {
                format!("{all} satisfies `decide` but not `certify`")
            }
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let condition = self.condition.statement();
        let verdict = match self.sets {
            Some(_) => "it does not hold that",
            None => "nobody can tell whether",
        };
        write!(f, "{verdict} {condition}: {}", self.explanation())
    }
}

fn braces(set: &[String]) -> String {
    if set.is_empty() { "{nobody}".to_owned() } else { format!("{{{}}}", set.join(", ")) }
}

/// Tests conditions on one policy, with a bound on the work for all of them together.
pub(crate) struct Judge<'a> {
    pub(crate) everybody: ServerSet,
    pub(crate) decide: &'a Formula,
    pub(crate) work: Work,
}

impl<'a> Judge<'a> {
    pub(crate) fn new(everybody: ServerSet, decide: &'a Formula, work: Work) -> Self {
        Self { everybody, decide, work }
    }

    pub(crate) fn q3(&mut self) -> Verdict {
        self.cover(&Coverage::single(self.decide), [3, 0])
    }

    /// The condition under which `fast` gives decisions in two steps, by fault model.
    pub(crate) fn two_steps(&mut self, fast: &Formula, model: FaultModel) -> Verdict {
        match model {
            FaultModel::Byzantine => self.fast(fast),
            FaultModel::AttestedLeader => self.attested_leader(fast),
            FaultModel::Attested => self.q2(fast),
        }
    }

    pub(crate) fn fast(&mut self, fast: &Formula) -> Verdict {
        let coverage = Coverage::pair(self.decide, fast);
        for leader in self.everybody.difference(coverage.twins()).iter() {
            let common = ServerSet::from_iter([leader]);
            let task = Task { cover: self.everybody, sets: [3, 2], common };
            if !coverage.may_be_covered(&task) {
                continue;
            }
            match self.answer(&coverage, &task) {
                // The protocol has to search too, when it replaces a lying leader.
                Verdict::Holds if coverage.is_exact_within_bounds() => {}
                Verdict::Holds | Verdict::Undecided => return Verdict::Undecided,
                Verdict::Fails(mut counterexample) => {
                    counterexample.leader = Some(leader);
                    return Verdict::Fails(counterexample);
                }
            }
        }
        Verdict::Holds
    }

    pub(crate) fn q2(&mut self, fast: &Formula) -> Verdict {
        match self.cover(&Coverage::single(self.decide), [2, 0]) {
            Verdict::Holds => self.cover(&Coverage::pair(self.decide, fast), [1, 1]),
            failed => failed,
        }
    }

    pub(crate) fn attested_leader(&mut self, fast: &Formula) -> Verdict {
        self.cover(&Coverage::pair(self.decide, fast), [2, 1])
    }

    /// Whether `strong` being true always makes `weak` true. The counterexample is the set on
    /// which it does not.
    pub(crate) fn implies(&mut self, strong: &Formula, weak: &Formula) -> Verdict {
        // "S satisfies strong, its complement satisfies the dual of weak" is a covering by the
        // two complements; the second of them is S or larger.
        let coverage = Coverage::pair(strong, &weak.dual());
        match self.cover(&coverage, [1, 1]) {
            Verdict::Fails(found) => {
                let without = found.sets.first().copied().unwrap_or_default();
                let sets = vec![self.everybody.difference(&without)];
                Verdict::Fails(Counterexample { sets, leader: None })
            }
            verdict => verdict,
        }
    }

    /// No set that may fail can certify. The counterexample is such a set.
    pub(crate) fn unforgeable(&mut self, certify: &Formula) -> Verdict {
        match self.cover(&Coverage::pair(self.decide, certify), [1, 1]) {
            Verdict::Fails(found) => {
                let failed = found.sets.first().copied().unwrap_or_default();
                Verdict::Fails(Counterexample { sets: vec![failed], leader: None })
            }
            verdict => verdict,
        }
    }

    /// Whether some quorum needs the server. Says yes when it cannot find out.
    pub(crate) fn is_needed(&mut self, server: ServerIndex) -> bool {
        // Two sets, a quorum and one whose complement is none, that share just this server.
        let coverage = Coverage::pair(self.decide, &self.decide.dual());
        let mut cover = self.everybody;
        cover.remove(server);
        let task = Task { cover, sets: [1, 1], common: ServerSet::EMPTY };
        !matches!(coverage.search(&task, &mut self.work), Answer::Impossible)
    }

    fn cover(&mut self, coverage: &Coverage, sets: [usize; 2]) -> Verdict {
        let task = Task { cover: self.everybody, sets, common: ServerSet::EMPTY };
        self.answer(coverage, &task)
    }

    fn answer(&mut self, coverage: &Coverage, task: &Task) -> Verdict {
        match coverage.search(task, &mut self.work) {
            Answer::Impossible => Verdict::Holds,
            Answer::Undecided => Verdict::Undecided,
            Answer::Covered(sets) => Verdict::Fails(Counterexample { sets, leader: None }),
        }
    }
}
