//! What must hold after a run. Pure: from records to violations.

use super::history::{Forged, Heard, History, Operation};
use super::written::ServerLog;
use ally::ProposalId;
use serde::Serialize;
use std::collections::{HashMap, HashSet};
use std::fmt::Display;

/// Violations of one rule that are told; the others are counted.
const TOLD_MAX: usize = 5;

/// A rule, and how it was kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// The rule, in a few words.
    pub rule: &'static str,
    /// How many things were looked at.
    pub looked_at: u64,
    /// How many broke it.
    pub broken: u64,
    /// The first of them.
    pub violations: Vec<String>,
}

impl Check {
    /// Nothing was looked at yet.
    pub fn of(rule: &'static str) -> Self {
        Self { rule, looked_at: 0, broken: 0, violations: Vec::new() }
    }

    /// One thing was looked at; `wrong` says what is wrong with it, if anything.
    pub fn look(&mut self, wrong: Option<impl Display>) {
        self.looked_at += 1;
        if let Some(wrong) = wrong {
            self.broken += 1;
            if self.violations.len() < TOLD_MAX {
                self.violations.push(wrong.to_string());
            }
        }
    }

    /// Whether the rule was kept.
    pub fn holds(&self) -> bool {
        self.broken == 0
    }
}

/// The logs of all honest servers hold the same entries in the same order, to the same end.
pub fn one_order(logs: &[ServerLog]) -> Check {
    let mut check = Check::of("one order, no gap, at every honest server");
    let Some((first, others)) = logs.split_first() else { return check };
    check.looked_at = first.ids.len() as u64;
    for other in others {
        let same = first.ids.iter().zip(&other.ids).take_while(|(one, two)| one == two).count();
        let same_blocks =
            first.blocks.iter().zip(&other.blocks).take_while(|(one, two)| one == two).count();
        let longest = first.ids.len().max(other.ids.len());
        let most_blocks = first.blocks.len().max(other.blocks.len());
        check.look((same < longest || same_blocks < most_blocks).then(|| {
            format!(
                "{} ({} entries, {} blocks) and {} ({} entries, {} blocks) differ from entry {same}, \
                 block {} on",
                first.server,
                first.ids.len(),
                first.blocks.len(),
                other.server,
                other.ids.len(),
                other.blocks.len(),
                same_blocks + 1
            )
        }));
    }
    check
}

/// Chains, roots and certificates on the disks are right by themselves.
pub fn right_logs(logs: &[ServerLog]) -> Check {
    let mut check = Check::of("chain, roots and certificate are what the commands give");
    for log in logs {
        check.looked_at += log.blocks.len() as u64;
        for fault in &log.faults {
            check.look(Some(format!("{}: {fault}", log.server)));
        }
    }
    check
}

/// What was acknowledged stands in every log where its receipt says. (What stands there once more,
/// because it was proposed again, is marked for those who listen: see [`listeners`].)
pub fn acknowledged_stays(operations: &[Operation], logs: &[ServerLog]) -> Check {
    let mut check = Check::of("every acknowledged command in every log, where its receipt says");
    for log in logs {
        for operation in operations {
            let Some(acknowledged) = operation.acknowledged else { continue };
            let index = acknowledged.index;
            check.look((log.ids.get(index as usize) != Some(&operation.id)).then(|| {
                let Operation { client, number, .. } = operation;
                format!("{} lacks command {number} of client {client} at {index}", log.server)
            }));
        }
    }
    check
}

/// What was asked for after something else was acknowledged stands after it, whoever asked: the log
/// keeps the order of each client, and the order that clients can tell each other.
pub fn real_time_order(operations: &[Operation], log: &ServerLog) -> Check {
    let mut check = Check::of("what is asked for later stands later than what was acknowledged");
    let mut first: HashMap<ProposalId, u64> = HashMap::new();
    for (index, id) in log.ids.iter().enumerate() {
        first.entry(*id).or_insert(index as u64);
    }
    let mut ends: Vec<_> =
        operations.iter().filter_map(|one| Some((one.acknowledged?, one))).collect();
    ends.sort_by_key(|(acknowledged, _)| acknowledged.at_ms);
    let mut begins: Vec<_> = operations.iter().collect();
    begins.sort_by_key(|operation| operation.asked_ms);
    let mut ended = ends.into_iter().peekable();
    let mut highest: Option<(u64, &Operation)> = None;
    for later in begins {
        while let Some((acknowledged, earlier)) =
            ended.next_if(|(acknowledged, _)| acknowledged.at_ms < later.asked_ms)
        {
            if highest.is_none_or(|(index, _)| index < acknowledged.index) {
                highest = Some((acknowledged.index, earlier));
            }
        }
        let Some((at, (index, earlier))) = first.get(&later.id).zip(highest) else { continue };
        check.look((*at <= index).then(|| {
            format!(
                "command {} of client {} at {at}, asked for at {} ms; command {} of client {} at \
                 {index} was acknowledged before",
                later.number, later.client, later.asked_ms, earlier.number, earlier.client
            )
        }));
    }
    check
}

/// After the healing everything that a client asks for is answered.
pub fn all_answered(operations: &[Operation]) -> Check {
    let mut check = Check::of("after the healing every command is decided");
    for operation in operations {
        let Operation { client, number, attempts, asked_ms, .. } = operation;
        check.look(operation.acknowledged.is_none().then(|| {
            format!(
                "client {client} command {number}, asked for at {} s: no receipt after {attempts} \
                 attempts",
                asked_ms / 1000
            )
        }));
    }
    check
}

/// Whoever is honest answers with what its own proof shows. The liar's clients may be told of another
/// entry: it waits for its first batch, and its second one under the same number is ordered. They check
/// what they are told, and ask somebody else.
pub fn nothing_forged(histories: &[History], liar: Option<&str>) -> Check {
    let mut check = Check::of("no answer of an honest server is forged");
    for history in histories {
        check.looked_at += history.operations.len() as u64;
        let by_honest = |forged: &&Forged| Some(forged.server.as_str()) != liar;
        for Forged { server, fault } in history.forged.iter().filter(by_honest) {
            check.look(Some(format!("{server}: {fault}")));
        }
    }
    check
}

/// Listeners are given the log as it is: every entry once, each repetition marked with the copy
/// before it. So whoever skips what is marked applies each command once.
///
/// `size` is how long the log was when they were told to come to an end. It may have grown since: a
/// copy of a command that waited at a server that was down is ordered late.
pub fn listeners(heard: &[Option<Vec<Heard>>], log: &ServerLog, size: u64) -> Check {
    let mut check = Check::of("listeners hear the whole log, in order, repetitions marked");
    let mut newest: HashMap<ProposalId, u64> = HashMap::new();
    let truth: Vec<Heard> = log
        .ids
        .iter()
        .zip(0..)
        .map(|(id, index)| Heard { index, id: *id, duplicate_of: newest.insert(*id, index) })
        .collect();
    for (number, heard) in heard.iter().enumerate() {
        let Some(heard) = heard else {
            check.look(Some(format!("listener {number} has not heard all of the log in time")));
            continue;
        };
        let same = heard.iter().zip(&truth).take_while(|(one, two)| one == two).count();
        check.looked_at += heard.len() as u64;
        let differs = same < heard.len() || (heard.len() as u64) < size;
        check.look(
            differs.then(|| format!("listener {number} heard something else from {same} on")),
        );
    }
    check
}

/// Where everybody is honest, the log holds what clients have proposed and nothing else.
pub fn nothing_invented(operations: &[Operation], log: &ServerLog) -> Check {
    let mut check = Check::of("nothing in the log that no client proposed");
    let proposed: HashSet<_> = operations.iter().map(|operation| operation.id).collect();
    for (index, id) in log.ids.iter().enumerate() {
        check.look((!proposed.contains(id)).then(|| format!("entry {index} is nobody's")));
    }
    check
}

#[cfg(test)]
#[path = "checks_tests.rs"]
mod tests;
