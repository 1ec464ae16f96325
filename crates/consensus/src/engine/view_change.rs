//! Leaving a view: when to go, and what to report.
//!
//! Invariant: once a server has left a view it says nothing new in it. It leaves before it reports,
//! so its report is the last word on what it voted for in all views before.
//!
//! # Source
//! docs/protocol.md#leaving

use super::Engine;
use super::evidence::GivenShare;
use super::timer::Cause;
use super::tree::Payload;
use crate::{
    BlockHash, Branch, Bug, CheckpointCertificate, JournalPosition, Message, Micros, NewView,
    NewViewCertificate, Output, Recipients, Record, Signed, SignedHeader, Statement, View,
    ViewChange,
};
use ally_policy::{ServerIndex, ServerSet};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A view change under way, from both sides.
#[derive(Clone, Hash)]
pub(super) struct Change {
    /// The report of each server for the highest view it wants to enter.
    pub reports: Vec<Option<Arc<Signed<ViewChange>>>>,
    /// Whether a quorum wants to leave the views below this server's.
    pub quorum_leaves: bool,
    /// Something changed that reports or choices may have waited for.
    pub stirred: bool,
    /// Until when, in monotonic time, a report or a choice waits for this server's clock.
    pub early_until: Option<Micros>,
    /// As leader: the choice that was sent.
    pub sent: Option<NewView>,
    /// As leader: shares of NV for it.
    pub shares: BTreeMap<ServerIndex, GivenShare>,
    /// As leader: whose shares were bad.
    pub spoilers: ServerSet,
    /// As leader: shares are being combined.
    pub combining: bool,
    /// As acceptor: the leader's choice, and whether it was recomputed.
    pub choice: Option<(Signed<NewView>, bool)>,
    /// A commit certificate that is being combined.
    pub combining_commit: Option<Statement>,
}

impl Change {
    pub fn new(servers: usize) -> Self {
        Self {
            reports: vec![None; servers],
            quorum_leaves: false,
            stirred: false,
            early_until: None,
            sent: None,
            shares: BTreeMap::new(),
            spoilers: ServerSet::EMPTY,
            combining: false,
            choice: None,
            combining_commit: None,
        }
    }

    /// Who wants to enter `view` or a higher one.
    pub fn reached(&self, view: View) -> ServerSet {
        let reports = self.reports.iter().flatten();
        reports.filter(|report| report.body.view >= view).map(|report| report.signer).collect()
    }

    /// Another view: nothing that was said about the last one counts.
    pub fn begin(&mut self) {
        self.stirred = true;
        self.early_until = None;
        self.sent = None;
        self.shares.clear();
        self.spoilers = ServerSet::EMPTY;
        self.combining = false;
        self.choice = None;
        self.combining_commit = None;
    }
}

impl Engine {
    /// Leaves every view below `view`, for good, and reports.
    pub(super) fn leave(&mut self, view: View, cause: Cause, out: &mut Vec<Output>) {
        if view <= self.acceptor.view {
            return;
        }
        if self.acceptor.open {
            self.acceptor.previous = Some(self.acceptor.view);
        }
        self.acceptor.left_at = match self.config.bugs.has(Bug::LeaveNotJournalled) {
            false => self.write(Record::Leave(view), out),
            true => self.journal,
        };
        self.acceptor.view = view;
        self.acceptor.open = false;
        self.acceptor.new_view = None;
        self.change.begin();
        self.counters.views_left += 1;
        self.timer.change_view(self.now.monotonic, Some(cause));
        out.push(Output::View { view, open: None });
        self.send_report(Recipients::All, out);
        self.change.quorum_leaves = self.config.policy.is_quorum(&self.change.reached(view));
        for reporter in self.everyone().iter() {
            self.want_reported(reporter, out);
        }
        self.follow_reports(out);
    }

    /// Leaves an open view that treats this server unfairly.
    pub(super) fn leave_if_open(&mut self, out: &mut Vec<Output>) {
        if self.acceptor.open {
            self.leave(self.acceptor.view.next(), Cause::NoProgress, out);
        }
    }

    /// Takes a report.
    pub(super) fn on_view_change(
        &mut self,
        report: Arc<Signed<ViewChange>>,
        out: &mut Vec<Output>,
    ) {
        let (sender, view) = (report.signer, report.body.view);
        self.check_report(&report, out);
        if let Some(certificate) = &report.body.certified {
            self.note_certified(Arc::new(certificate.clone()), out);
        }
        let place = &self.acceptor;
        if view < place.view || (view == place.view && place.open) {
            if let Some(certificate) = place.new_view.clone().filter(|_| sender != self.config.me) {
                let message = Message::EnterView(certificate);
                out.push(Output::Send { to: Recipients::One(sender), message });
            }
            return;
        }
        let height = |report: &ViewChange| report.certified.as_ref().map(|c| c.block.height);
        let known = &mut self.change.reports[sender.index()];
        let newer = known.as_ref().is_none_or(|known| {
            (known.body.view, height(&known.body)) < (view, height(&report.body))
        });
        if newer {
            *known = Some(report);
            self.change.stirred = true;
            let reached = self.change.reached(self.acceptor.view);
            self.change.quorum_leaves = self.config.policy.is_quorum(&reached);
            self.follow_reports(out);
            self.want_reported(sender, out);
        }
    }

    /// Leaves the view if others' reports say so: a kernel of them has reached a higher one, or the
    /// view's own leader gave it up.
    fn follow_reports(&mut self, out: &mut Vec<Output>) {
        let view = self.acceptor.view;
        let mut above: Vec<_> = self
            .change
            .reports
            .iter()
            .flatten()
            .filter(|report| report.body.view > view)
            .map(|report| (report.body.view, report.signer))
            .collect();
        above.sort_unstable_by(|a, b| b.cmp(a));
        let mut senders = ServerSet::EMPTY;
        let kernel_at = above.iter().find(|(_, sender)| {
            senders.insert(*sender);
            self.config.policy.is_kernel(&senders)
        });
        let leader = self.config.rotation.leader(view);
        if let Some((reached, _)) = kernel_at {
            self.leave(*reached, Cause::NoProgress, out);
        } else if above.iter().any(|(_, sender)| *sender == leader) {
            self.leave(view.next(), Cause::Abdication, out);
        }
    }

    /// Sends what this server has voted for, as far as it is not certified.
    fn send_report(&self, to: Recipients, out: &mut Vec<Output>) {
        let place = &self.acceptor;
        let voted = place
            .voted
            .as_ref()
            .filter(|voted| {
                let just_left = place.previous.is_none_or(|left| left == voted.view);
                just_left || !self.config.bugs.has(Bug::OlderVoteUnreported)
            })
            .map(|voted| self.branch(voted.view, voted.new_view.as_ref(), voted.block.hash));
        let shown = if self.config.bugs.has(Bug::OwnCommitHidden) { 1 } else { 2 };
        // What was learned last may not be shown while its blocks are missing here, or too many; the
        // server's own commit always can be.
        let committed =
            [&place.learned, &place.committed].into_iter().flatten().take(shown).find_map(
                |known| {
                    let certificate = &known.certificate;
                    let (view, hash) = (certificate.view, certificate.block.hash);
                    let branch = self.branch(view, known.new_view.as_ref(), hash);
                    let fits = branch.headers.len() as u64 <= self.config.uncertified_blocks_max;
                    (fits && !branch.headers.is_empty()).then(|| (certificate.clone(), branch))
                },
            );
        let committed = committed.filter(|_| !self.config.bugs.has(Bug::CommitUnreported));
        let certified = self.newest_certificate().cloned();
        let report = ViewChange { view: place.view, certified, voted, committed };
        let message = Message::ViewChange(Box::new(report));
        let after = self.durable_first(place.left_at, Bug::ReportSentEarly);
        out.push(Output::SendDurable { after, to, message });
    }

    /// The highest certificate that this server knows, whether it has decided the block or not.
    fn newest_certificate(&self) -> Option<&CheckpointCertificate> {
        self.ahead.as_deref().or(self.certified.as_deref())
    }

    /// The headers of one view from the later of its tip and the last certified block up to `top`;
    /// none if `top` is not above that, or does not descend from it in the view.
    fn branch(&self, view: View, new_view: Option<&NewViewCertificate>, top: BlockHash) -> Branch {
        let tip = new_view.map_or(self.origin, |certificate| certificate.tip);
        let certified = self.newest_certificate().map(|certificate| certificate.block);
        let base = certified.filter(|block| block.height > tip.height).unwrap_or(tip);
        let nodes: Vec<_> = self.tree.walk_down(top, base.height).collect();
        let linked = nodes.last().is_some_and(|node| node.parent() == base)
            && nodes.iter().all(|node| node.view() == view);
        let headers: Vec<SignedHeader> = if linked {
            nodes.iter().rev().map(|node| node.signed_header()).collect()
        } else {
            Vec::new()
        };
        Branch { view, new_view: new_view.cloned(), headers }
    }

    /// As the next leader: asks a reporter for the blocks that its report speaks of.
    pub(super) fn want_reported(&mut self, reporter: ServerIndex, out: &mut Vec<Output>) {
        let view = self.acceptor.view;
        if self.acceptor.open || !self.leads(view) || reporter == self.config.me {
            return;
        }
        let report = self.change.reports[reporter.index()].clone();
        let Some(report) = report.filter(|report| report.body.view == view) else { return };
        let blocks: Vec<_> = branches(&report.body)
            .flat_map(|branch| &branch.headers)
            .map(|header| header.body.block_ref())
            .collect();
        let tops: Vec<_> = branches(&report.body)
            .filter_map(|branch| branch.headers.last())
            .map(|header| header.body.block_ref())
            .collect();
        for block in blocks {
            self.want(block, ServerSet::from_iter([reporter]), out);
        }
        // What lies below the branch, where all of the branch is known.
        for top in tops {
            self.want_chain(top, ServerSet::from_iter([reporter]), out);
        }
    }

    /// Whether everything that a report speaks of is held here, or can no longer be chosen because
    /// it conflicts with a decided block.
    pub(super) fn holds(&self, report: &ViewChange) -> bool {
        if self.config.bugs.has(Bug::UnheldReportCounted) {
            return true;
        }
        let root = self.tree.root().block;
        branches(report).all(|branch| {
            let Some(top) = branch.headers.last() else { return true };
            if top.body.height <= root.height {
                return true;
            }
            let crosses = branch.headers.iter().find(|h| h.body.height == root.height.next());
            if crosses.is_some_and(|header| header.body.parent != root.hash) {
                return true;
            }
            let node = self.tree.node(&top.body.hash());
            node.is_some_and(|node| node.dead || node.payload == Payload::Valid)
        })
    }

    /// Says again what a peer may have missed: where this server is, and its last word there.
    pub(super) fn repeat_to(&mut self, to: Recipients, out: &mut Vec<Output>) {
        let place = &self.acceptor;
        if !place.open {
            self.send_report(to, out);
            self.send_share(out);
            if let Some(choice) = self.change.sent.clone() {
                let (after, message) = (place.left_at, Message::NewView(choice));
                out.push(Output::SendDurable { after, to, message });
            }
        } else if let Some(certificate) = place.new_view.clone()
            && (to != Recipients::All || self.leads(place.view))
        {
            out.push(Output::Send { to, message: Message::EnterView(certificate) });
        }
        if let Some(voted) = &mut self.acceptor.voted
            && self.config.bugs.has(Bug::VoteRepeatedEarly)
        {
            voted.position = JournalPosition::ZERO;
        }
        if let Some(committed) = &mut self.acceptor.committed
            && self.config.bugs.has(Bug::CommitRepeatedEarly)
        {
            committed.position = JournalPosition::ZERO;
        }
        self.send_vote(to, out);
        self.send_commit(to, out);
    }
}

/// What a report says about votes and about commits.
fn branches(report: &ViewChange) -> impl Iterator<Item = &Branch> {
    let committed = report.committed.as_ref().map(|(_, branch)| branch);
    report.voted.iter().chain(committed)
}
