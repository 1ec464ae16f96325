//! Selection: which block does the new leader extend?
//!
//! # Source
//! docs/protocol.md#selection

use super::policy::subsets;
use super::{Blocks, Id, Policy, Server, Servers};
use std::collections::BTreeSet;

/// A chain of one view: from the view's tip (which is not in it) to its top.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Line {
    /// The view of its blocks.
    pub view: u64,
    /// The tip of NV(view).
    pub tip: Id,
    /// The highest block.
    pub top: Id,
}

/// What a server says on leaving. Reports with checkpoint certificates are not modelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Report {
    /// Who says it.
    pub sender: Server,
    /// The view it wants to enter.
    pub view: u64,
    /// Its last vote.
    pub voted: Option<Line>,
    /// Its highest commit certificate.
    pub committed: Option<Line>,
}

/// Why these reports give no tip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undecided {
    /// Their senders are no quorum.
    NoQuorum,
    /// Without the leader that lied they are no quorum.
    NoQuorumWithout(Server),
    /// Two blocks that conflict may both have been decided: more servers lie than may.
    Contradiction,
}

/// Rules 1 to 3. `leader` says who leads a view, `genesis` is the tip if nobody has voted.
///
/// # Errors
/// [`Undecided`].
pub fn select(
    blocks: &Blocks,
    policy: &Policy,
    leader: impl Fn(u64) -> Server,
    genesis: Id,
    reports: &[Report],
) -> Result<Id, Undecided> {
    let senders: Servers = reports.iter().map(|report| report.sender).collect();
    if !policy.is_quorum(&senders) {
        return Err(Undecided::NoQuorum);
    }
    let lines = || reports.iter().flat_map(|report| report.voted.iter().chain(&report.committed));
    // Rule 1.
    let Some(view) = lines().map(|line| line.view).max() else { return Ok(genesis) };
    let lines: Vec<&Line> = lines().filter(|line| line.view == view).collect();
    let highest = |ids: BTreeSet<Id>| ids.into_iter().max_by_key(|id| blocks.height(*id));
    let conflict =
        lines.iter().any(|a| lines.iter().any(|b| blocks.conflict(a.top, b.top) || a.tip != b.tip));
    // Rule 2.
    if !conflict {
        return Ok(highest(lines.iter().map(|line| line.top).collect()).unwrap_or(genesis));
    }
    // Rule 3.
    let liar = leader(view);
    let used: Vec<&Report> = reports.iter().filter(|report| report.sender != liar).collect();
    if !policy.is_quorum(&used.iter().map(|report| report.sender).collect()) {
        return Err(Undecided::NoQuorumWithout(liar));
    }
    let reported: BTreeSet<Id> = lines.iter().flat_map(|line| blocks.same_view(line.top)).collect();
    let possible: BTreeSet<Id> = reported
        .into_iter()
        .filter(|block| is_possibly_decided(blocks, policy, liar, &used, *block))
        .collect();
    let committed = used.iter().filter_map(|report| report.committed);
    let committed = highest(committed.filter(|cc| cc.view == view).map(|cc| cc.top).collect());
    let mut left: BTreeSet<Id> = possible
        .into_iter()
        .filter(|block| committed.is_none_or(|other| !blocks.conflict(*block, other)))
        .collect();
    left.extend(committed);
    if left.iter().any(|a| left.iter().any(|b| blocks.conflict(*a, *b))) {
        return Err(Undecided::Contradiction);
    }
    let place = |tip: &Id| (blocks.height(*tip), blocks.0[tip].hash);
    let lowest_tip = lines.iter().map(|line| line.tip).min_by_key(place);
    Ok(highest(left).or(lowest_tip).unwrap_or(genesis))
}

/// Whether X(b), the senders whose last vote is not for b or a descendant, can be split into T and F:
/// a fast quorum is left without T, a quorum without F, and F holds the leader that lied.
fn is_possibly_decided(
    blocks: &Blocks,
    policy: &Policy,
    liar: Server,
    used: &[&Report],
    block: Id,
) -> bool {
    let speaks = |report: &&&Report| {
        let voted = report.voted.filter(|line| line.view == blocks.0[&block].view);
        voted.is_some_and(|line| blocks.is_at_or_below(block, line.top))
    };
    let others: Servers =
        used.iter().filter(|report| !speaks(report)).map(|report| report.sender).collect();
    subsets(&policy.servers).iter().filter(|liars| liars.contains(&liar)).any(|liars| {
        policy.is_quorum(&(&policy.servers - liars))
            && policy.is_fast_quorum(&(&policy.servers - &(&others - liars)))
    })
}
