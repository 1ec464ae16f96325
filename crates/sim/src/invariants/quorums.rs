//! Which sets of servers are quorums, by a count of its own.
//!
//! The invariants that count voters may not ask the policy: it is what the engine asks. What they share
//! with it is the formula as it was read; here it is worked out the long way, with no answer known
//! before all parts have been looked at.
//!
//! Source: docs/concepts/policies.md.

use ally_policy::{Formula, ServerSet, TrustPolicy};

/// `decide` and `fast` of a policy.
pub(super) struct Quorums {
    decide: Formula,
    fast: Formula,
}

impl Quorums {
    pub(super) fn of(policy: &TrustPolicy) -> Self {
        Self { decide: policy.decide().clone(), fast: policy.fast().clone() }
    }

    /// Whether these servers' votes decide, in two steps.
    pub(super) fn votes_decide(&self, servers: &ServerSet) -> bool {
        is_true(&self.fast, servers)
    }

    /// Whether these servers' commits decide, in three steps, if there are three.
    pub(super) fn commits_decide(&self, servers: &ServerSet) -> bool {
        is_true(&self.decide, servers)
    }
}

/// Counts the parts that are true, all of them, and compares at the end.
fn is_true(formula: &Formula, servers: &ServerSet) -> bool {
    match formula {
        Formula::Leaf(server) => servers.iter().any(|own| own == *server),
        Formula::Gate(gate) => {
            let true_parts = gate.children().iter().filter(|part| is_true(part, servers)).count();
            true_parts >= usize::from(gate.threshold())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Setting;
    use ally_policy::ServerIndex;

    /// Servers whose sets are all looked at.
    const SERVERS_MAX: usize = 12;

    #[test]
    fn it_agrees_with_the_policy_on_every_set_and_knows_what_was_written() {
        let drawn = (0..60).map(Setting::drawn);
        let named = crate::SOUND.iter().filter_map(|name| Setting::named(name));
        let (mut policies, mut slow) = (0, 0);
        for setting in named.chain(drawn) {
            let policy = setting.policy().expect("it is sound");
            if policy.server_count() > SERVERS_MAX {
                continue;
            }
            let quorums = Quorums::of(&policy);
            (policies, slow) = (policies + 1, slow + u32::from(policy.has_slow_path()));
            for bits in 0..1_u16 << policy.server_count() {
                let members = (0..16).filter(|server| bits >> server & 1 == 1).map(ServerIndex);
                let set: ServerSet = members.collect();
                let own = (quorums.votes_decide(&set), quorums.commits_decide(&set));
                let theirs = (policy.is_fast_quorum(&set), policy.is_quorum(&set));
                assert_eq!(own, theirs, "{setting:?} {set:?}");
            }
        }
        assert!(policies > 20 && slow > 3, "{policies} {slow}");
    }

    #[test]
    fn seven_servers_need_six_votes_or_five_commits() {
        let policy = Setting::named("seven").and_then(|it| it.policy().ok()).expect("a policy");
        let quorums = Quorums::of(&policy);
        let votes = (0..=7).filter(|count| quorums.votes_decide(&ServerSet::first(*count)));
        assert_eq!(votes.collect::<Vec<_>>(), [6, 7]);
        let commits = (0..=7).filter(|count| quorums.commits_decide(&ServerSet::first(*count)));
        assert_eq!(commits.collect::<Vec<_>>(), [5, 6, 7]);
    }
}
