//! Which block does a new leader extend? A pure function of the reports.
//!
//! Input: reports for one view v', each with valid parts ([`crate::Verified`]), whose senders form a
//! quorum. Output: a block that has every block below or at it that was decided before v'.
//!
//! Let w be the highest view that any report speaks of, L its leader, c the highest certified block
//! reported. Everything decided in views before w lies at or below the tip of NV(w); everything
//! decided in views above w would have been reported by a correct member of the quorum, so there is
//! nothing; c itself is decided. What is left are blocks of view w above c:
//!
//! 1. Branches that do not extend c are dropped, and the others cut at c: nothing that conflicts with
//!    a decided block is decided. Where c lies above the lowest tip of NV(w) reported, it was decided
//!    in w (what was decided before lies below *every* tip), so a branch that starts above c conflicts
//!    with it.
//! 2. If the rest lies on one chain, its top is the tip: a decided block has a fast quorum of voters
//!    (or a quorum of committers), which meets the reporting quorum in a correct server, whose branch
//!    holds it.
//! 3. Otherwise L signed both branches, or led two tips of NV(w) to certificates: it lies. Without
//!    its report, a block b may be decided only if the reporters that do not speak for it can be
//!    split into T, who did not vote for it, and F, who lie, where L is one of those who lie. The Fast
//!    condition says that such blocks lie on one chain, so the highest has all the others below it.
//!    A block that was decided by commits is known to a correct reporter by its certificate: blocks
//!    that conflict with the highest certificate of w are dropped, and the higher of the two is the
//!    tip.
//!
//! # Source
//! docs/protocol.md#selection. Ours: FaB Paxos picks single values and counts; this picks among
//! chains and asks the policy.

use crate::{
    BlockHash, BlockRef, Branch, Bug, Bugs, Equivocation, Height, Quorums, Rotation, Signed,
    SignedHeader, View, ViewChange,
};
use ally_policy::{ServerIndex, ServerSet};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The tip that reports for one view give, if they give one: what a new leader has to choose.
///
/// `reports` are from distinct servers, each with valid parts; view 0 starts from `origin`.
///
/// # Source
/// docs/protocol.md#selection
///
/// # Cost
/// Linear in the headers reported; under equivocation also one policy walk per distinct header.
pub fn selected_tip(
    reports: &[Arc<Signed<ViewChange>>],
    policy: &dyn Quorums,
    rotation: &Rotation,
    origin: BlockRef,
) -> Option<BlockRef> {
    let reported = Reported { reports, policy, rotation, origin, bugs: Bugs::NONE };
    select(&reported).ok().map(|selection| selection.tip)
}

/// What selection looks at.
pub(crate) struct Reported<'a> {
    /// Reports for one view, from distinct servers.
    pub reports: &'a [Arc<Signed<ViewChange>>],
    pub policy: &'a dyn Quorums,
    pub rotation: &'a Rotation,
    /// The block that view 0 starts from.
    pub origin: BlockRef,
    pub bugs: Bugs,
}

/// The outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Selection {
    pub tip: BlockRef,
    /// Two headers that show the leader of the highest view reported to have equivocated; none if
    /// the reports show nothing of the kind, or show it by two certificates of NV.
    pub equivocation: Option<Equivocation>,
}

/// Why there is no outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SelectionError {
    /// The senders are no quorum.
    NoQuorum,
    /// This server equivocated, and the senders without it are no quorum: more reports are needed.
    NoQuorumWithout(ServerIndex),
    /// Reports with valid parts contradict each other: one of them certifies a block of a view at or
    /// above the one to be opened, which then has no future; or more servers misbehave than the
    /// policy tolerates.
    Contradiction,
}

/// Chooses the tip.
///
/// # Errors
/// [`SelectionError`].
///
/// # Cost
/// Linear in the headers reported; under equivocation also one policy walk per distinct header.
pub(crate) fn select(reported: &Reported<'_>) -> Result<Selection, SelectionError> {
    let reports = reported.reports;
    let senders: ServerSet = reports.iter().map(|report| report.signer).collect();
    let counted =
        reported.bugs.one_more(Bug::ReportsOneShort, &senders, reported.policy.server_count());
    if !reported.policy.is_quorum(&counted) {
        return Err(SelectionError::NoQuorum);
    }
    let certified = highest_certified(reported)?;
    let Some(view) = highest_view(reported) else {
        return Ok(Selection { tip: certified, equivocation: None });
    };
    let forest = Forest::gather(reported, view, certified)?;
    match forest.conflict() {
        Some(conflict) if !reported.bugs.has(Bug::EquivocationIgnored) => {
            let tip = forest.highest_possibly_decided(reported, view, senders)?;
            Ok(Selection { tip, equivocation: conflict })
        }
        _ => Ok(Selection { tip: forest.top(), equivocation: None }),
    }
}

fn highest_certified(reported: &Reported<'_>) -> Result<BlockRef, SelectionError> {
    let certificates = reported.reports.iter().filter_map(|report| report.body.certified.as_ref());
    let blocks = certificates.map(|certificate| certificate.block);
    let highest = match reported.bugs.has(Bug::LowestCertificate) {
        false => blocks.clone().max().unwrap_or(reported.origin),
        true => return Ok(blocks.min().unwrap_or(reported.origin)),
    };
    let mut rivals = blocks.filter(|block| block.height == highest.height);
    if rivals.any(|block| block != highest) {
        return Err(SelectionError::Contradiction);
    }
    Ok(highest)
}

fn highest_view(reported: &Reported<'_>) -> Option<View> {
    let reports = reported.reports;
    let voted = reports.iter().filter_map(|report| report.body.voted.as_ref());
    let committed = reports.iter().filter_map(|report| report.body.committed.as_ref());
    let views = voted.map(|branch| branch.view).chain(committed.map(|(cc, _)| cc.view));
    if reported.bugs.has(Bug::LowestView) { views.min() } else { views.max() }
}

/// A reported block of view w above the highest certified one.
struct Entry {
    parent: BlockHash,
    /// Whose last vote is for it or for a descendant.
    supporters: ServerSet,
    header: SignedHeader,
}

/// The reported blocks of one view that extend the highest certified one.
struct Forest {
    entries: BTreeMap<(Height, BlockHash), Entry>,
    /// The blocks that branches start from: the certified block, or the tips of NV(w).
    bases: BTreeSet<(Height, BlockHash)>,
    /// Commit certificates' blocks, by reporter.
    commits: Vec<(ServerIndex, BlockRef)>,
    /// The tip if there is nothing to choose: the certified block if it was decided in the view,
    /// else the lowest tip of NV(w).
    floor: BlockRef,
}

impl Forest {
    fn gather(
        reported: &Reported<'_>,
        view: View,
        certified: BlockRef,
    ) -> Result<Self, SelectionError> {
        let tip_of = |branch: &Branch| {
            branch.new_view.as_ref().map_or(reported.origin, |certificate| certificate.tip)
        };
        let lowest = reported
            .reports
            .iter()
            .flat_map(|report| branches_of(&report.body, view))
            .map(|(branch, _)| tip_of(branch))
            .min()
            .unwrap_or(certified);
        if lowest.height == certified.height && lowest != certified {
            return Err(SelectionError::Contradiction);
        }
        // What was decided before the view lies below every tip, so this block was not.
        let decided_in_view = (certified.height > lowest.height).then_some(certified);
        let floor = decided_in_view.unwrap_or(lowest);
        let mut forest =
            Self { entries: BTreeMap::new(), bases: BTreeSet::new(), commits: Vec::new(), floor };
        for report in reported.reports {
            for (branch, committed) in branches_of(&report.body, view) {
                let headers = cut(&branch.headers, decided_in_view);
                if let (Some(block), false) = (committed, headers.is_empty()) {
                    forest.commits.push((report.signer, block));
                }
                let supporter = committed.is_none().then_some(report.signer);
                forest.add(headers, supporter);
            }
        }
        Ok(forest)
    }

    fn add(&mut self, headers: &[SignedHeader], supporter: Option<ServerIndex>) {
        if let Some(first) = headers.first() {
            let below = Height(first.body.height.0.saturating_sub(1));
            self.bases.insert((below, first.body.parent));
        }
        for header in headers {
            let key = (header.body.height, header.body.hash());
            let entry = self.entries.entry(key).or_insert_with(|| Entry {
                parent: header.body.parent,
                supporters: ServerSet::EMPTY,
                header: header.clone(),
            });
            if let Some(supporter) = supporter {
                entry.supporters.insert(supporter);
            }
        }
    }

    /// Whether two reported blocks conflict; if so, with the headers that show it, where headers do.
    fn conflict(&self) -> Option<Option<Equivocation>> {
        let mut entries = self.entries.iter().peekable();
        while let Some(((height, _), entry)) = entries.next() {
            if let Some((_, other)) = entries.peek().filter(|((other, _), _)| other == height) {
                let (first, second) = (entry.header.clone(), other.header.clone());
                return Some(Some(Equivocation { first, second }));
            }
        }
        (self.bases.len() > 1).then_some(None)
    }

    /// The highest block; the floor if there is none.
    fn top(&self) -> BlockRef {
        let highest = self.entries.keys().next_back();
        highest.map_or(self.floor, |(height, hash)| BlockRef { height: *height, hash: *hash })
    }

    /// Rule 3.
    fn highest_possibly_decided(
        &self,
        reported: &Reported<'_>,
        view: View,
        senders: ServerSet,
    ) -> Result<BlockRef, SelectionError> {
        let leader = reported.rotation.leader(view);
        let mut used = senders;
        if !reported.bugs.has(Bug::EquivocatorAdmitted) {
            used.remove(leader);
            if !reported.policy.is_quorum(&used) {
                return Err(SelectionError::NoQuorumWithout(leader));
            }
        }
        let commits = self.commits.iter().filter(|(server, _)| used.contains(*server));
        let committed = commits.map(|(_, block)| *block).max();
        let committed = committed.filter(|_| !reported.bugs.has(Bug::CommitIgnored));
        let mut highest = committed;
        for ((height, hash), entry) in self.entries.iter().rev() {
            let block = BlockRef { height: *height, hash: *hash };
            let outside = used.difference(&entry.supporters);
            if committed.is_some_and(|other| !self.on_one_chain(block, other))
                || !possibly_decided(reported, &used, &outside, leader)
            {
                continue;
            }
            if highest
                .is_some_and(|other| !self.on_one_chain(block, other) && reported.bugs.is_empty())
            {
                return Err(SelectionError::Contradiction);
            }
            highest = highest.max(Some(block));
        }
        Ok(highest.unwrap_or(self.floor))
    }

    fn on_one_chain(&self, a: BlockRef, b: BlockRef) -> bool {
        let (low, high) = if a.height <= b.height { (a, b) } else { (b, a) };
        let mut cursor = high;
        while cursor.height > low.height {
            let Some(entry) = self.entries.get(&(cursor.height, cursor.hash)) else { return false };
            cursor = BlockRef { height: Height(cursor.height.0 - 1), hash: entry.parent };
        }
        cursor == low
    }
}

/// The branches of a report that are of `view`; for a committed one with its certificate's block.
fn branches_of(
    report: &ViewChange,
    view: View,
) -> impl Iterator<Item = (&Branch, Option<BlockRef>)> {
    let voted = report.voted.iter().map(|branch| (branch, None));
    let committed = report.committed.iter().map(|(cc, branch)| (branch, Some(cc.block)));
    voted.chain(committed).filter(move |(branch, _)| branch.view == view)
}

/// The headers above a block decided in their view; none if they do not extend it. All headers, if
/// no such block is known: then everything certified lies below the tip that they start from.
fn cut(headers: &[SignedHeader], decided_in_view: Option<BlockRef>) -> &[SignedHeader] {
    let Some(block) = decided_in_view else { return headers };
    let extends = |header: &SignedHeader| {
        header.body.parent == block.hash && header.body.height == block.height.next()
    };
    headers.iter().position(extends).map_or(&[], |first| &headers[first..])
}

fn possibly_decided(
    reported: &Reported<'_>,
    used: &ServerSet,
    outside: &ServerSet,
    leader: ServerIndex,
) -> bool {
    if reported.bugs.has(Bug::MajorityForDecided) {
        return 2 * outside.len() < used.len();
    }
    if !reported.bugs.has(Bug::EquivocatorNotCounted) {
        return reported.policy.possibly_decided(outside, leader);
    }
    possibly_decided_by_anyone(reported.policy, outside)
}

/// The planted bug: as [`Quorums::possibly_decided`], but without the leader among the liars. By
/// trying every split, because no policy offers it.
#[cfg(feature = "planted-bugs")]
fn possibly_decided_by_anyone(policy: &dyn Quorums, outside: &ServerSet) -> bool {
    let everyone = ServerSet::first(policy.server_count());
    let members: Vec<_> = outside.iter().collect();
    (0..1_u64 << members.len().min(20)).any(|choice| {
        let liars: ServerSet = (0..members.len())
            .filter(|bit| choice >> bit & 1 == 1)
            .map(|bit| members[bit])
            .collect();
        let others = outside.difference(&liars);
        policy.is_quorum(&everyone.difference(&liars))
            && policy.is_fast_quorum(&everyone.difference(&others))
    })
}

#[cfg(not(feature = "planted-bugs"))]
fn possibly_decided_by_anyone(_: &dyn Quorums, _: &ServerSet) -> bool {
    unreachable!("without planted bugs the equivocator is always counted")
}

#[cfg(test)]
pub(crate) mod tests;
