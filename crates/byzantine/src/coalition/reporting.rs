//! Lying reports: what a member says it voted for.

use super::{Coalition, Lie};
use ally_consensus::{BlockHash, Branch, Message, Signed, SignedHeader, View, ViewChange};
use ally_policy::ServerIndex;
use ally_replica::PeerMessage;

impl Coalition {
    /// Reports something else than the truth, and not the same to everybody.
    pub(super) fn report(
        &mut self,
        from: ServerIndex,
        to: &[ServerIndex],
        truth: &ViewChange,
    ) -> Vec<Lie> {
        self.tally.count("liar: untrue report");
        // In a plot all hear the same lie: two would give it away.
        let first = self.lie(truth);
        let second = if self.plots.is_some() { first.clone() } else { self.lie(truth) };
        let lies = [first, second].map(|lie| {
            PeerMessage::Consensus(self.signed(from, Message::ViewChange(Box::new(lie))))
        });
        let told = to.iter().map(|to| {
            let message = lies[self.draw.below(2) as usize].clone();
            Lie { from, to: *to, message }
        });
        told.collect()
    }

    fn lie(&mut self, truth: &ViewChange) -> ViewChange {
        let mut lie = truth.clone();
        if let Some(branch) = lie.voted.as_mut().filter(|_| self.treachery.deluge > 0) {
            self.lengthen(branch);
            return lie;
        }
        if self.treachery.counterfeit > 0 && self.draw.percent(50) {
            self.counterfeit_branch(&mut lie);
            return lie;
        }
        let kind = self.draw.below(if self.plots.is_some() { 12 } else { 6 });
        match kind {
            // "I never voted."
            0 => lie.voted = None,
            // "I voted for less."
            1 => {
                if let Some(branch) = &mut lie.voted {
                    branch.headers.pop();
                }
            }
            // "I have seen no certificate of a quorum."
            2 => lie.committed = None,
            // "I voted for another chain": any that was seen and hangs together.
            _ => {
                if let Some(branch) = self.other_branch(truth) {
                    lie.voted = Some(branch);
                }
            }
        }
        lie
    }

    /// "I voted for a block", whose leader has not signed it, or which does not follow those below.
    fn counterfeit_branch(&mut self, lie: &mut ViewChange) {
        let Some(branch) = &mut lie.voted else { return };
        if self.draw.percent(50) {
            if let Some(top) = branch.headers.last_mut() {
                top.body.timestamp_us.0 += 1;
            }
        } else if branch.headers.len() > 1 {
            branch.headers.remove(0);
        }
    }

    /// A chain of seen headers of one view on top of what the report starts from.
    pub(super) fn other_branch(&mut self, truth: &ViewChange) -> Option<Branch> {
        let tip = self.any_tip(truth.view)?;
        let view = self.memory.proposal(&tip)?.body.header.view;
        let mut headers: Vec<SignedHeader> = Vec::new();
        let mut at = tip;
        let mut new_view = None;
        while let Some(proposal) = self.memory.proposal(&at) {
            let header = &proposal.body.header;
            let known = truth.certified.as_ref().map(|certificate| certificate.block.height);
            if header.view != view || known.is_some_and(|known| header.height <= known) {
                break;
            }
            headers.push(Signed {
                signer: proposal.signer,
                signature: proposal.signature,
                body: header.clone(),
            });
            new_view = proposal.body.new_view.clone();
            at = header.parent;
        }
        headers.reverse();
        let known = truth.voted.as_ref().filter(|branch| branch.view == view);
        let new_view = known.and_then(|branch| branch.new_view.clone()).or(new_view);
        Some(Branch { view, new_view, headers })
    }

    /// A block that was seen; in a plot, mostly the highest of the newest second branch; where one
    /// of ours is far ahead of the clocks, often that.
    pub(super) fn any_tip(&mut self, before: View) -> Option<BlockHash> {
        if self.plots.is_some() && self.draw.percent(80) {
            let twins = self.twins.values().filter_map(|twin| self.memory.proposal(&twin.hash));
            let headers = twins.map(|proposal| &proposal.body.header).filter(|h| h.view < before);
            return headers.max_by_key(|h| (h.view, h.height)).map(|header| header.hash());
        }
        if !self.rushed.is_empty() && self.draw.percent(50) {
            let rushed = self.rushed.values();
            let known = rushed.filter_map(|(block, _)| self.memory.proposal(&block.hash));
            let headers = known.map(|proposal| &proposal.body.header).filter(|h| h.view < before);
            return headers.max_by_key(|h| (h.view, h.height)).map(|header| header.hash());
        }
        self.memory.any(&mut self.draw)
    }
}
