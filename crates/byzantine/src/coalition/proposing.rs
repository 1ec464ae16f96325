//! A lying leader: two proposals for one place.

use super::splitting::DEEP;
use super::{Coalition, Lie};
use crate::treachery::Treachery;
use ally_consensus::{
    BlockHeader, BlockRef, Digest, Message, Micros, Proposal, ProposalParts, Signed, Vote,
};
use ally_policy::ServerIndex;
use ally_replica::{HeldBatch, PeerMessage};

/// How far ahead a forged clock is, µs: an hour.
const FORGED_CLOCK_US: u64 = 3_600_000_000;

impl Coalition {
    /// Sends a proposal to some and, perhaps, one that conflicts with it to the others.
    pub(super) fn propose(
        &mut self,
        member: ServerIndex,
        to: &[ServerIndex],
        original: &Signed<Message>,
        proposal: &Proposal,
        now: Micros,
    ) -> Vec<Lie> {
        if let Some(lies) = self.rush(member, to, proposal) {
            return lies;
        }
        if let Some(lies) = self.misorder(member, to, proposal) {
            return lies;
        }
        if let Some(lies) = self.propose_twice(to, original, proposal) {
            return lies;
        }
        let honest = PeerMessage::Consensus(original.clone());
        let shown = self.shown_before(proposal);
        let bound = shown.is_some() || self.twins.contains_key(&proposal.header.parent);
        if !bound && !self.draw.percent(self.treachery.equivocate) {
            return self.for_some(to, &honest);
        }
        self.tally.count("liar: two blocks for one place");
        let twin = shown.unwrap_or_else(|| self.twin_of(member, original, proposal, now));
        if self.plots.is_some() {
            return self.show_branches(member, to, original, &twin);
        }
        let mut lies = self.show_by_chance(member, to, &honest, &twin);
        if let Some(vote) = vote_on(&twin) {
            let vote = PeerMessage::Consensus(self.signed(member, Message::Vote(vote)));
            lies.extend(self.for_some(&self.others(member), &vote));
        }
        lies
    }

    /// In a plot, the conflicting block that was shown when this proposal was made: a third one would
    /// convict us of two votes before those who were shown the second.
    fn shown_before(&self, proposal: &Proposal) -> Option<Signed<Message>> {
        self.plots.as_ref()?;
        let twin = self.twins.get(&proposal.block_ref().hash)?;
        let Signed { signer, signature, body } = self.memory.proposal(&twin.hash)?.clone();
        Some(Signed { signer, signature, body: Message::Proposal(body) })
    }

    /// A block for the same place, which extends what conflicts with the parent.
    fn twin_of(
        &mut self,
        member: ServerIndex,
        original: &Signed<Message>,
        proposal: &Proposal,
        now: Micros,
    ) -> Signed<Message> {
        let mut twin = (**proposal).clone();
        if let Some(parent) = self.twins.get(&proposal.header.parent) {
            twin.header.parent = parent.hash;
        }
        twin.header.timestamp_us = Micros(now.0.max(twin.header.timestamp_us.0) + 1);
        self.forge(&mut twin);
        let twin = Proposal::from(twin);
        self.twins.insert(proposal.block_ref().hash, twin.block_ref());
        self.ledger.block(&twin);
        self.measure(&proposal.header, twin.block_ref());
        let twin = self.signed(member, Message::Proposal(twin));
        for signed in [original, &twin] {
            if let Message::Proposal(body) = &signed.body {
                let signature = signed.signature;
                self.memory.keep(Signed { signer: member, signature, body: body.clone() });
            }
        }
        twin
    }

    /// Notes how far a block of ours is above the place where its branch and the other one part.
    fn measure(&mut self, original: &BlockHeader, twin: BlockRef) {
        let mut depth = 1;
        let mut below = original.parent;
        while depth < DEEP && self.twins.contains_key(&below) {
            depth += 1;
            let Some(parent) = self.memory.proposal(&below) else { break };
            below = parent.body.header.parent;
        }
        if depth == DEEP && self.deep.insert(twin.hash) {
            self.tally.count("liar: branches of three blocks and more");
        }
    }

    /// The first to some, the second to others, both to a few.
    fn show_by_chance(
        &mut self,
        from: ServerIndex,
        to: &[ServerIndex],
        first: &PeerMessage,
        second: &Signed<Message>,
    ) -> Vec<Lie> {
        let mut lies = Vec::new();
        for to in to.iter().copied() {
            let choice = self.draw.below(10);
            if choice < 6 {
                lies.push(Lie { from, to, message: first.clone() });
            }
            if choice >= 5 {
                lies.push(Lie { from, to, message: PeerMessage::Consensus(second.clone()) });
            }
        }
        lies
    }

    /// Sends a block whose time is far ahead, or before its parent's, in place of the true one, and
    /// what extends it.
    fn rush(
        &mut self,
        member: ServerIndex,
        to: &[ServerIndex],
        proposal: &Proposal,
    ) -> Option<Vec<Lie>> {
        let Treachery { rush, backdate, .. } = self.treachery;
        let parent = self.rushed.get(&proposal.header.parent).copied();
        let mut does = |percent| percent > 0 && self.draw.percent(percent);
        let (ahead, behind) = (parent.is_none() && does(rush), parent.is_none() && does(backdate));
        let mut parts = (**proposal).clone();
        let header = &mut parts.header;
        match parent {
            Some((block, time)) => (header.parent, header.timestamp_us) = (block.hash, time),
            None if ahead => header.timestamp_us.0 += FORGED_CLOCK_US,
            None if behind => header.timestamp_us = Micros(1),
            None => return None,
        }
        if ahead {
            self.tally.count("liar: block far ahead of the clock");
        }
        if behind {
            self.tally.count("liar: older than its parent");
        }
        let body = Proposal::from(parts);
        let rushed = (body.block_ref(), body.header.timestamp_us);
        self.rushed.insert(proposal.block_ref().hash, rushed);
        let message = self.signed(member, Message::Proposal(body.clone()));
        self.memory.keep(Signed { signer: member, signature: message.signature, body });
        Some(self.for_some(to, &PeerMessage::Consensus(message)))
    }

    /// Sends a block with batches that are not due, or with a log that does not follow from them, in
    /// place of the true one, to all alike, and votes for it.
    fn misorder(
        &mut self,
        member: ServerIndex,
        to: &[ServerIndex],
        proposal: &Proposal,
    ) -> Option<Vec<Lie>> {
        let percent = self.treachery.misorder;
        if percent == 0 || !self.draw.percent(percent) {
            return None;
        }
        let mut parts = (**proposal).clone();
        let mut lies = Vec::new();
        match self.draw.below(6) {
            0 => parts.header.log_root = Digest([13; 32]),
            1 => parts.header.log_size += 1,
            2 => self.disorder(&mut parts),
            // One that everybody holds long before it is due.
            _ => {
                let early = self.early_batch(member);
                lies = super::to_each(member, to, &PeerMessage::Batch(early.clone()));
                self.put_first(HeldBatch::trusted(early), &mut parts);
            }
        }
        if parts == **proposal {
            return None;
        }
        let body = Proposal::from(parts);
        self.tally.count("liar: wrong order or log");
        let message = self.signed(member, Message::Proposal(body.clone()));
        self.memory.keep(Signed { signer: member, signature: message.signature, body });
        let vote = vote_on(&message).map(|vote| self.signed(member, Message::Vote(vote)));
        lies.extend(self.for_some(to, &PeerMessage::Consensus(message)));
        if let Some(vote) = vote {
            lies.extend(self.for_some(to, &PeerMessage::Consensus(vote)));
        }
        Some(lies)
    }

    /// Lies about what the log or the clock says, or about what is due, now and then.
    fn forge(&mut self, proposal: &mut ProposalParts) {
        if !self.draw.percent(self.treachery.forge) {
            return;
        }
        if self.draw.percent(40) {
            return self.disorder(proposal);
        }
        let header = &mut proposal.header;
        match self.draw.below(4) {
            0 => header.log_root = Digest([13; 32]),
            1 => header.log_size += 1,
            2 => header.timestamp_us = Micros::ZERO,
            _ => header.timestamp_us = Micros(header.timestamp_us.0 + FORGED_CLOCK_US),
        }
    }
}

/// A vote for a proposal.
pub(super) fn vote_on(proposal: &Signed<Message>) -> Option<Vote> {
    let Message::Proposal(proposal) = &proposal.body else { return None };
    let block = proposal.block_ref();
    Some(Vote { view: proposal.header.view, block, share: None })
}
