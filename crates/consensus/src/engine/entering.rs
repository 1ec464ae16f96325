//! Entering a view: the next leader chooses its tip, acceptors recompute the choice, and a kernel of
//! them signs it.
//!
//! Invariant: a leader makes one choice per view; an acceptor gives at most one share of NV per view,
//! for a tip that it has recomputed and that it holds, with every undecided block below.
//!
//! # Source
//! docs/protocol.md#selection, docs/protocol.md#entering

use super::Engine;
use super::acceptor::SharedTip;
use super::evidence::GivenShare;
use super::selection::{Reported, Selection, SelectionError, select};
use super::timer::Cause;
use super::tree::Payload;
use crate::{
    BlockRef, Bug, Evidence, Height, Message, NewView, NewViewCertificate, NewViewShare, Output,
    Recipients, Record, Signed, Statement, Testimony, View, ViewChange,
};
use ally_policy::ServerSet;
use std::collections::BTreeSet;
use std::sync::Arc;

impl Engine {
    /// As the next leader: chooses the tip once the reports suffice, and sticks to it.
    pub(super) fn choose_tip(&mut self, out: &mut Vec<Output>) {
        let view = self.acceptor.view;
        let due = self.change.stirred && !self.acceptor.open && self.change.sent.is_none();
        if !due || !self.leads(view) {
            return;
        }
        let reports: Vec<_> = self
            .change
            .reports
            .iter()
            .flatten()
            .filter(|report| report.body.view == view && self.holds(&report.body))
            .cloned()
            .collect();
        let (reports, wait) = self.without_early(reports);
        self.change.early_until = wait;
        match self.select(&reports) {
            Ok(selection) => {
                if let Some(proof) = selection.equivocation {
                    self.on_equivocation(proof, out);
                }
                let choice = NewView { view, reports, tip: selection.tip };
                self.change.sent = Some(choice.clone());
                let message = Message::NewView(choice);
                let (after, to) = (self.acceptor.left_at, Recipients::All);
                out.push(Output::SendDurable { after, to, message });
            }
            // More reports may come; if not, patience ends.
            Err(
                SelectionError::NoQuorum
                | SelectionError::NoQuorumWithout(_)
                | SelectionError::Contradiction,
            ) => {}
        }
    }

    fn select(&self, reports: &[Arc<Signed<ViewChange>>]) -> Result<Selection, SelectionError> {
        let reported = Reported {
            reports,
            policy: self.config.policy.as_ref(),
            rotation: &self.config.rotation,
            origin: self.origin,
            bugs: self.config.bugs,
        };
        select(&reported)
    }

    /// Takes a new leader's choice; the reports in it count as if their senders had sent them here.
    pub(super) fn on_new_view(&mut self, choice: Signed<NewView>, out: &mut Vec<Output>) {
        if choice.body.view < self.acceptor.view {
            return;
        }
        self.check_choice(&choice, out);
        for report in &choice.body.reports {
            let known = report.signer.index() < self.config.policy.server_count();
            if known && report.body.view >= self.acceptor.view {
                self.on_view_change(report.clone(), out);
            }
        }
        let place = &self.acceptor;
        if choice.body.view == place.view && !place.open && self.change.choice.is_none() {
            self.change.choice = Some((choice, false));
            self.change.stirred = true;
        }
    }

    /// As acceptor: recomputes the leader's choice, and gives a share of NV for it once its block
    /// and all undecided ones below are held, and the clock allows every report in it.
    pub(super) fn endorse_choice(&mut self, out: &mut Vec<Output>) {
        if !std::mem::take(&mut self.change.stirred) || self.acceptor.open {
            return;
        }
        let view = self.acceptor.view;
        if self.acceptor.share.is_some_and(|share| share.view >= view) {
            return;
        }
        let Some((choice, checked)) = self.change.choice.take() else { return };
        let right = checked
            || self.config.bugs.has(Bug::ChoiceUnchecked)
            || self.select(&choice.body.reports).is_ok_and(|s| s.tip == choice.body.tip);
        if !right {
            self.give_evidence(Evidence::Selection(choice), out);
            self.leave(view.next(), Cause::Equivocation, out);
            return;
        }
        let tip = choice.body.tip;
        let sources: ServerSet = choice.body.reports.iter().map(|report| report.signer).collect();
        let (kept, wait) = self.without_early(choice.body.reports.clone());
        let timely = kept.len() == choice.body.reports.len();
        self.change.early_until = wait;
        self.change.choice = Some((choice, true));
        if (self.holds_tip(tip) || self.config.bugs.has(Bug::TipNotHeld)) && timely {
            if !self.config.bugs.has(Bug::TipNotJournalled) {
                self.hold_below(tip.hash, out);
                self.hold(tip.hash, out);
            }
            // Before the record: who endorsed a tip can say why.
            if let Some((choice, _)) = &self.change.choice {
                out.push(Output::Testimony(Arc::new(Testimony::Choice(choice.clone()))));
            }
            let position = self.write(Record::NewViewShare { view, tip }, out);
            self.acceptor.share = Some(SharedTip { view, tip, position });
            self.send_share(out);
        } else {
            self.want_chain(tip, sources, out);
        }
    }

    fn holds_tip(&self, tip: BlockRef) -> bool {
        let node = self.tree.node(&tip.hash);
        self.tree.decided_at(tip.height) == Some(tip.hash)
            || node.is_some_and(|node| {
                node.block == tip && node.payload == Payload::Valid && !node.dead
            })
    }

    pub(super) fn send_share(&self, out: &mut Vec<Output>) {
        let Some(SharedTip { view, tip, position }) = self.acceptor.share else { return };
        if view == self.acceptor.view && !self.acceptor.open {
            let to = Recipients::One(self.config.rotation.leader(view));
            let message = Message::NewViewShare(NewViewShare { view, tip, share: Vec::new() });
            let after = self.durable_first(position, Bug::ShareSentEarly);
            out.push(Output::SendDurable { after, to, message });
        }
    }

    /// As the next leader: collects shares of NV.
    pub(super) fn on_new_view_share(&mut self, share: Signed<NewViewShare>, out: &mut Vec<Output>) {
        let Some(sent) = &self.change.sent else { return };
        let Signed { signer: sender, signature, body } = share;
        if body.view != sent.view || self.acceptor.open || self.change.spoilers.contains(sender) {
            return;
        }
        if body.tip == sent.tip {
            let given = GivenShare { share: body.share, signature };
            // The first stays: it may be among those that are being combined, and what is said of it
            // then must not be held against another one.
            self.change.shares.entry(sender).or_insert(given);
            self.combine_new_view(out);
        } else if let Some(known) = self.change.shares.get(&sender).cloned() {
            let (view, tip) = (sent.view, sent.tip);
            let first = NewViewShare { view, tip, share: known.share };
            let first = Signed { signer: sender, signature: known.signature, body: first };
            let second = Signed { signer: sender, signature, body };
            self.accuse(view, Evidence::Tips { first, second }, out);
        }
    }

    fn combine_new_view(&mut self, out: &mut Vec<Output>) {
        let Some(sent) = self.change.sent.as_ref().filter(|_| !self.change.combining) else {
            return;
        };
        let senders: ServerSet = self.change.shares.keys().copied().collect();
        if self.config.policy.is_kernel(&senders) {
            let statement = Statement::NewView { view: sent.view, tip: sent.tip };
            let shares = self.change.shares.iter().map(|(s, given)| (*s, given.share.clone()));
            let shares = shares.collect();
            self.change.combining = true;
            out.push(Output::Combine { statement, shares });
        }
    }

    /// Takes the answer to [`Output::Combine`].
    pub(super) fn combined(
        &mut self,
        statement: Statement,
        result: Result<Vec<u8>, ServerSet>,
        out: &mut Vec<Output>,
    ) {
        let (view, tip) = match statement {
            Statement::Commit { view, block } => {
                return self.combined_commit(view, block, result, out);
            }
            Statement::NewView { view, tip } => (view, tip),
        };
        let ours = self.change.sent.as_ref().is_some_and(|sent| sent.view == view);
        if !ours || self.acceptor.open || !self.change.combining {
            return;
        }
        self.change.combining = false;
        match result {
            Ok(signature) => {
                let certificate = NewViewCertificate { view, tip, signature };
                self.enter(certificate.clone(), out);
                let message = Message::EnterView(certificate);
                out.push(Output::Send { to: Recipients::All, message });
            }
            Err(spoilers) => {
                // Whoever combines must name somebody; if it does not, no share is worth keeping.
                let all = spoilers.is_empty();
                let given = std::mem::take(&mut self.change.shares).into_iter();
                let (bad, rest): (Vec<_>, Vec<_>) =
                    given.partition(|(sender, _)| spoilers.contains(*sender));
                self.change.shares.extend(rest.into_iter().filter(|_| !all));
                self.accuse_of_new_view_shares(view, tip, bad, out);
                self.change.spoilers = self.change.spoilers.union(&spoilers);
                self.combine_new_view(out);
            }
        }
    }

    /// Enters the view that a certificate opens, unless this server is there or past it.
    pub(super) fn enter(&mut self, certificate: NewViewCertificate, out: &mut Vec<Output>) {
        let (view, tip) = (certificate.view, certificate.tip);
        if view < self.acceptor.view || (view == self.acceptor.view && self.acceptor.open) {
            return;
        }
        if self.acceptor.open {
            self.acceptor.previous = Some(self.acceptor.view);
        }
        let entered = self.write(Record::Enter(certificate.clone()), out);
        self.acceptor.view = view;
        self.acceptor.open = true;
        self.acceptor.head = self.head_above(tip, view);
        self.acceptor.new_view = Some(certificate.clone());
        self.leader.begin_view(entered);
        self.change.begin();
        for report in &mut self.change.reports {
            report.take_if(|report| report.body.view <= view);
        }
        self.timer.change_view(self.now.monotonic, None);
        self.wants.clear();
        self.learner.forget_below(self.tree.root().block.height, view);
        self.forget_abandoned(tip, view);
        out.push(Output::View { view, open: Some(certificate) });
        self.want_chain_of(tip, self.config.rotation.leader(view), self.everyone(), out);
        self.replay_future(view, out);
    }

    /// Where votes of a view start: its tip, or the last decided block if that lies above the tip in
    /// the same view.
    fn head_above(&self, tip: BlockRef, view: View) -> BlockRef {
        let root = self.tree.root();
        if root.view == view && root.block.height > tip.height { root.block } else { tip }
    }

    /// Drops blocks of views before `view` that lie neither below its tip nor below what this server
    /// voted for: they cannot be decided any more.
    fn forget_abandoned(&mut self, tip: BlockRef, view: View) {
        let voted = self.acceptor.voted.as_ref().map(|voted| voted.block.hash);
        let [learned, committed] = [&self.acceptor.learned, &self.acceptor.committed]
            .map(|known| known.as_ref().map(|known| known.certificate.block.hash));
        let root = Some(self.tree.root().block.hash);
        let base = self.certified_height();
        let mut kept = BTreeSet::new();
        for top in [Some(tip.hash), voted, learned, committed, root].into_iter().flatten() {
            kept.extend(self.tree.walk_down(top, base).map(|node| node.block.hash));
        }
        self.tree.retain(|node| node.view() >= view || kept.contains(&node.block.hash));
    }

    fn replay_future(&mut self, view: View, out: &mut Vec<Output>) {
        let leader = self.config.rotation.leader(view);
        let mut due = Vec::new();
        for (sender, kept) in self.learner.future.iter_mut().enumerate() {
            let later = kept.split_off(&(view.next(), Height::ZERO));
            let reached = std::mem::replace(kept, later);
            if sender == leader.index() {
                due.extend(reached.into_values().filter(|p| p.body.header.view == view));
            }
        }
        for proposal in due {
            self.on_proposal(proposal, out);
        }
    }
}
