//! Proof that a server lied: kept, shown, and passed on where others have to act on it.

use super::Engine;
use super::timer::Cause;
use super::tree::Node;
use crate::{
    BlockRef, Bug, Equivocation, Evidence, EvidenceKind, Message, NewView, NewViewShare, Output,
    Proposal, Recipients, Signed, SignedHeader, View, ViewChange, Vote,
};
use ally_policy::ServerIndex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The most leaders and voters of past views whose proofs are remembered as reported; beyond it the
/// oldest views may be reported again.
pub(super) const ACCUSATIONS_MAX: usize = 256;

/// The most proofs that are given out against one server. It can lie once in each view there will
/// ever be; the first few convict it, and the rest would only fill the disk.
pub(super) const PROOFS_PER_SERVER_MAX: u32 = 16;

/// What was reported already, so that it is reported once.
#[derive(Clone, Default)]
pub(super) struct Accusations {
    pub leaders: BTreeSet<View>,
    pub voters: BTreeSet<(View, ServerIndex)>,
    pub others: BTreeSet<(View, EvidenceKind, ServerIndex)>,
    proofs: BTreeMap<ServerIndex, u32>,
}

impl Accusations {
    fn accuse_leader(&mut self, view: View) -> bool {
        let fresh = self.leaders.insert(view);
        if self.leaders.len() > ACCUSATIONS_MAX {
            self.leaders.pop_first();
        }
        fresh
    }

    fn accuse_voter(&mut self, view: View, voter: ServerIndex) -> bool {
        let fresh = self.voters.insert((view, voter));
        if self.voters.len() > ACCUSATIONS_MAX {
            self.voters.pop_first();
        }
        fresh
    }

    fn accuse(&mut self, view: View, kind: EvidenceKind, culprit: ServerIndex) -> bool {
        let fresh = self.others.insert((view, kind, culprit));
        if self.others.len() > ACCUSATIONS_MAX {
            self.others.pop_first();
        }
        fresh
    }

    /// Whether one more proof against a server is worth keeping; counts it.
    fn admit_proof(&mut self, culprit: ServerIndex) -> bool {
        let given = self.proofs.entry(culprit).or_default();
        *given = given.saturating_add(1);
        *given <= PROOFS_PER_SERVER_MAX
    }
}

/// A share with its sender's signature on the message that it came in: proof, if it is wrong.
#[derive(Clone, Hash)]
pub(crate) struct GivenShare {
    pub share: Vec<u8>,
    pub signature: [u8; 64],
}

impl Engine {
    /// Gives a proof out, unless there are enough against this server.
    pub(super) fn give_evidence(&mut self, evidence: Evidence, out: &mut Vec<Output>) {
        let unbounded = self.config.bugs.has(Bug::AccusationsUnbounded);
        if self.accusations.admit_proof(evidence.culprit()) || unbounded {
            out.push(Output::Evidence(Box::new(evidence)));
        }
    }

    /// Gives a proof of something said in or about `view` out, once for each rule and server.
    pub(super) fn accuse(&mut self, view: View, evidence: Evidence, out: &mut Vec<Output>) {
        if self.accusations.accuse(view, evidence.kind(), evidence.culprit()) {
            self.give_evidence(evidence, out);
        }
    }

    /// Whether a block proves, beside one that is known, that their leader equivocated; if so, says
    /// it once and leaves the view.
    pub(super) fn accuse_of_equivocation(
        &mut self,
        proposal: &Signed<Proposal>,
        block: BlockRef,
        out: &mut Vec<Output>,
    ) -> bool {
        let header = &proposal.body.header;
        let Some(other) = self.tree.conflicting(header, block.hash) else { return false };
        let first = other.signed_header();
        let Signed { signer, signature, .. } = *proposal;
        let second = Signed { signer, signature, body: header.clone() };
        self.on_equivocation(Equivocation { first, second }, out);
        true
    }

    /// Takes a proof that a leader equivocated: passes it on, so that everybody leaves its view.
    pub(super) fn on_equivocation(&mut self, proof: Equivocation, out: &mut Vec<Output>) {
        let view = proof.first.body.view;
        if self.accusations.accuse_leader(view) {
            self.give_evidence(Evidence::Headers(proof.clone()), out);
            if view == self.acceptor.view {
                let message = Message::Equivocation(Box::new(proof));
                out.push(Output::Send { to: Recipients::All, message });
            }
        }
        if view == self.acceptor.view {
            self.leave(view.next(), Cause::Equivocation, out);
        }
    }

    /// Looks for a second branch that a server votes for in one view.
    ///
    /// # Cost
    /// The distance between its two votes; 1 in the common case.
    pub(super) fn check_double_vote(
        &mut self,
        previous: Option<&Signed<Vote>>,
        vote: &Signed<Vote>,
        out: &mut Vec<Output>,
    ) {
        let Some(previous) = previous.filter(|other| other.body.view == vote.body.view) else {
            return;
        };
        let (low, high) = if previous.body.block.height <= vote.body.block.height {
            (previous.body.block, vote.body.block)
        } else {
            (vote.body.block, previous.body.block)
        };
        if let Some(headers) = self.conflict_between(low, high)
            && self.accusations.accuse_voter(vote.body.view, vote.signer)
        {
            let (first, second) = (previous.clone(), vote.clone());
            self.give_evidence(Evidence::Votes { first, second, headers }, out);
        }
    }

    /// Holds a vote against the report that its sender gave last.
    pub(super) fn check_vote_by_report(&mut self, vote: &Signed<Vote>, out: &mut Vec<Output>) {
        let report = self.change.reports[vote.signer.index()].as_ref();
        if let Some(report) = report.filter(|report| report.body.conceals(&vote.body)).cloned() {
            let view = report.body.view;
            self.accuse(view, Evidence::Concealed { vote: vote.clone(), report }, out);
        }
    }

    /// Holds a report against what its sender said before: its newest vote, and its last report.
    ///
    /// # Cost
    /// A few hashes of headers.
    pub(super) fn check_report(&mut self, report: &Arc<Signed<ViewChange>>, out: &mut Vec<Output>) {
        let (place, view) = (report.signer.index(), report.body.view);
        let vote = self.learner.latest[place].as_ref();
        if let Some(vote) = vote.filter(|vote| report.body.conceals(&vote.body)).cloned() {
            self.accuse(view, Evidence::Concealed { vote, report: Arc::clone(report) }, out);
        }
        let Some(known) = self.change.reports[place].clone() else { return };
        let report = Arc::clone(report);
        let (first, second) =
            if known.body.view <= view { (known, report) } else { (report, known) };
        if first.body.is_contradicted_by(&second.body) {
            self.accuse(view, Evidence::Reports { first, second }, out);
        }
    }

    /// Holds a leader's choice against the one that it sent before.
    pub(super) fn check_choice(&mut self, choice: &Signed<NewView>, out: &mut Vec<Output>) {
        let known = self.change.choice.as_ref().map(|(known, _)| known);
        let other = |known: &&Signed<NewView>| {
            known.signer == choice.signer
                && known.body.view == choice.body.view
                && known.body.tip != choice.body.tip
        };
        if let Some(first) = known.filter(other).cloned() {
            let evidence = Evidence::Choices { first, second: choice.clone() };
            self.accuse(choice.body.view, evidence, out);
        }
    }

    /// Says whose shares of NV were wrong.
    pub(super) fn accuse_of_new_view_shares(
        &mut self,
        view: View,
        tip: BlockRef,
        given: Vec<(ServerIndex, GivenShare)>,
        out: &mut Vec<Output>,
    ) {
        for (signer, GivenShare { share, signature }) in given {
            let body = NewViewShare { view, tip, share };
            let evidence = Evidence::NewViewShare(Signed { signer, signature, body });
            self.accuse(view, evidence, out);
        }
    }

    /// Says whose shares of CC were wrong.
    pub(super) fn accuse_of_commit_shares(
        &mut self,
        view: View,
        bad: Vec<Signed<Vote>>,
        out: &mut Vec<Output>,
    ) {
        for vote in bad {
            self.accuse(view, Evidence::CommitShare(vote), out);
        }
    }

    /// The headers, from `high` downwards, that show that `low` is not among its ancestors; none if
    /// it is, or if that is not known, or if `high` is not at that height.
    fn conflict_between(&self, low: BlockRef, high: BlockRef) -> Option<Vec<SignedHeader>> {
        if low.height == high.height {
            let differs = low.hash != high.hash || self.config.bugs.has(Bug::RepeatTakenForLie);
            return differs.then(Vec::new);
        }
        // A vote may name a block with another's height. No header shows that block.
        let top = self.tree.node(&high.hash).filter(|node| node.header().height == high.height)?;
        let taken_for_lie = self.config.bugs.has(Bug::DescendantTakenForLie);
        if top.parent() == low && !taken_for_lie {
            // The common case, without a walk.
            return None;
        }
        let chain = || self.tree.walk_down(high.hash, low.height);
        let lowest = chain().last().filter(|node| node.parent().height == low.height)?;
        let differs = lowest.parent().hash != low.hash || taken_for_lie;
        differs.then(|| chain().map(Node::signed_header).collect())
    }
}
